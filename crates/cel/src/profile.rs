//! Which release's CEL is spoken.
//!
//! cel-go changed behaviour between the versions that Kubernetes vendors, so there is no one "Kubernetes CEL":
//! `orValue` on a non-optional, back-quoted identifiers and the list function `includes` all depend on the release.

use std::fmt;

/// The CEL of a range of Kubernetes releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// Kubernetes 1.34 to 1.36 (cel-go 0.26). Older releases are judged by this one too.
    V1_36,
    /// Kubernetes 1.37 (cel-go 0.29).
    V1_37,
}

/// A Kubernetes release, as `--kubernetes-version` names the cluster's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Release {
    /// 1.
    pub major: u32,
    /// 36 in 1.36.
    pub minor: u32,
}

impl Release {
    /// The newest that is known: what a run is about when it is not told otherwise.
    pub const NEWEST: Self = Self { major: 1, minor: 37 };
    /// The oldest that is known.
    pub const OLDEST: Self = Self { major: 1, minor: 24 };

    /// The release of a version as people write it, `1.36` or `v1.36.2`; `None` when it is none.
    #[must_use]
    pub fn of_version(version: &str) -> Option<Self> {
        let version = version.strip_prefix('v').unwrap_or(version);
        let mut numbers = version.split(['.', '+', '-']).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some(Self { major, minor }),
            _ => None,
        }
    }

    /// The nearest release that is known.
    #[must_use]
    pub fn known(self) -> Self {
        self.clamp(Self::OLDEST, Self::NEWEST)
    }

    /// The CEL that comes nearest to that of the release.
    #[must_use]
    pub fn profile(self) -> Profile {
        Profile::for_release(self.major, self.minor).0
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Profile {
    /// The newest profile: what a linter speaks when it is not told otherwise.
    pub const NEWEST: Self = Self::V1_37;

    /// Every profile, oldest first.
    pub const ALL: [Self; 2] = [Self::V1_36, Self::V1_37];

    /// The profile that judges expressions for a server of version `major.minor`, and whether it is that server's own.
    ///
    /// Releases before 1.34 are judged by [`Profile::V1_36`], releases after the newest known one by the newest.
    #[must_use]
    pub fn for_release(major: u32, minor: u32) -> (Self, bool) {
        match (major, minor) {
            (1, 34..=36) => (Self::V1_36, true),
            (1, 37) => (Self::V1_37, true),
            (0, _) | (1, 0..=33) => (Self::V1_36, false),
            _ => (Self::NEWEST, false),
        }
    }

    /// The profile for a version as people write it, `1.36` or `v1.36.2`; `None` when it is none.
    #[must_use]
    pub fn of_version(version: &str) -> Option<Self> {
        Release::of_version(version).map(Release::profile)
    }

    /// Back-quoted field names (`` object.`a-b` ``) are refused before cel-go 0.28.
    #[must_use]
    pub fn quoted_identifiers(self) -> bool {
        self >= Self::V1_37
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_36 => "1.36",
            Self::V1_37 => "1.37",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let release = |major, minor| Some(Release { major, minor });
        for (version, expected) in [
            ("1.36", release(1, 36)),
            ("v1.24.17", release(1, 24)),
            ("v1.30.2-gke.100", release(1, 30)),
            ("1.31+", release(1, 31)),
            ("1", None),
            ("new", None),
            ("1.x", None),
            ("", None),
        ] {
            assert_eq!(Release::of_version(version), expected, "{version}");
        }
        let known = |major, minor| Release { major, minor }.known().to_string();
        assert_eq!((known(1, 12), known(1, 30), known(2, 0)), ("1.24".into(), "1.30".into(), "1.37".into()));
    }

    #[test]
    fn releases_find_their_profile() {
        for (release, expected) in [
            ((1, 28), (Profile::V1_36, false)),
            ((1, 34), (Profile::V1_36, true)),
            ((1, 36), (Profile::V1_36, true)),
            ((1, 37), (Profile::V1_37, true)),
            ((1, 40), (Profile::V1_37, false)),
            ((2, 0), (Profile::V1_37, false)),
        ] {
            assert_eq!(Profile::for_release(release.0, release.1), expected, "{release:?}");
        }
    }
}
