//! Globs over names: `*` and `?` and `{a,b}` and `[a-z]`, compiled once.

use globset::{Glob, GlobSet, GlobSetBuilder};

/// A set of globs.
#[derive(Debug, Clone)]
pub struct Globs {
    set: GlobSet,
    everything: bool,
}

/// A glob that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct GlobsError {
    /// Which of the globs, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub message: String,
}

impl Globs {
    /// Compiles the globs.
    ///
    /// # Errors
    /// Names the first glob that cannot be read.
    pub fn new<S: AsRef<str>>(globs: &[S]) -> Result<Self, GlobsError> {
        let mut builder = GlobSetBuilder::new();
        for (index, glob) in globs.iter().enumerate() {
            let glob = Glob::new(glob.as_ref())
                .map_err(|error| GlobsError { index, message: format!("bad glob: {}", error.kind()) })?;
            builder.add(glob);
        }
        let set = builder.build().map_err(|error| GlobsError { index: 0, message: error.to_string() })?;
        Ok(Self { set, everything: globs.iter().any(|g| g.as_ref() == "*") })
    }

    /// Whether one of the globs matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.everything || self.set.is_match(name)
    }

    /// Whether one of the globs is `*`.
    #[must_use]
    pub fn matches_everything(&self) -> bool {
        self.everything
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let globs = Globs::new(&["kube-*", "team-?", "{a,b}-prod"]).expect("globs");
        for (name, expected) in [
            ("kube-system", true),
            ("team-a", true),
            ("team-ab", false),
            ("b-prod", true),
            ("default", false),
        ] {
            assert_eq!(globs.matches(name), expected, "{name}");
        }
        assert_eq!(Globs::new(&["ok", "a[b"]).expect_err("bad").index, 1);
    }
}
