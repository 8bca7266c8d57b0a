//! Semantic versions as blang/semver reads and orders them, and the lenient reading Kubernetes adds.

use std::cmp::Ordering;
use std::fmt;

use super::numbers::{ParseError, parse_u64, quote};

/// Why a text is no version. Display is blang/semver's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SemverError {
    /// Nothing there.
    #[error("Version string empty")]
    Empty,
    /// Fewer than two dots.
    #[error("No Major.Minor.Patch elements found")]
    Elements,
    /// Something other than digits in a number.
    #[error("Invalid character(s) found in {part} number {}", quote(text))]
    Characters {
        /// `major`, `minor` or `patch`
        part: &'static str,
        /// The number as written.
        text: String,
    },
    /// `01`
    #[error("{part} must not contain leading zeroes {}", quote(text))]
    LeadingZeroes {
        /// `Major number`, …, `Numeric PreRelease version`
        part: &'static str,
        /// The number as written.
        text: String,
    },
    /// An empty identifier, or a number beyond 64 bits.
    #[error(transparent)]
    Number(#[from] ParseError),
    /// `1.2.3-` or `1.2.3-a..b`
    #[error("Prerelease is empty")]
    PrereleaseEmpty,
    /// An identifier beyond `[0-9A-Za-z-]`
    #[error("Invalid character(s) found in prerelease {}", quote(.0))]
    PrereleaseCharacters(String),
    /// `1.2.3+`
    #[error("Build meta data is empty")]
    BuildEmpty,
    /// An identifier beyond `[0-9A-Za-z-]`
    #[error("Invalid character(s) found in build meta data {}", quote(.0))]
    BuildCharacters(String),
    /// `1.2-rc1`, even when read leniently.
    #[error("short version cannot contain PreRelease/Build meta data")]
    Short,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Identifier {
    Number(u64),
    Text(Box<str>),
}

/// `major.minor.patch[-prerelease][+build]`. The build has no part in order and equality.
#[derive(Debug, Clone)]
pub struct Semver {
    numbers: [u64; 3],
    prerelease: Vec<Identifier>,
    build: Vec<Box<str>>,
}

impl Semver {
    /// `semver(text)`
    ///
    /// # Errors
    /// What `semver.Parse` refuses, in its words.
    pub fn parse(text: &str) -> Result<Self, SemverError> {
        if text.is_empty() {
            return Err(SemverError::Empty);
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SemverError::Elements);
        };
        let major = number(major, "major", "Major number")?;
        let minor = number(minor, "minor", "Minor number")?;
        let (rest, build) = rest.split_once('+').map_or((rest, None), |(rest, build)| (rest, Some(build)));
        let (patch, prerelease) =
            rest.split_once('-').map_or((rest, None), |(patch, prerelease)| (patch, Some(prerelease)));
        let patch = number(patch, "patch", "Patch number")?;
        let prerelease =
            prerelease.map_or(Ok(Vec::new()), |text| text.split('.').map(identifier).collect())?;
        let build = build.map_or(Ok(Vec::new()), |text| text.split('.').map(build_identifier).collect())?;
        Ok(Self { numbers: [major, minor, patch], prerelease, build })
    }

    /// `semver(text, true)`: without a leading `v`, leading zeroes of the three numbers, and with `.0` for
    /// the numbers that are missing.
    ///
    /// # Errors
    /// What is no version even so.
    pub fn parse_lenient(text: &str) -> Result<Self, SemverError> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts: Vec<String> = text.splitn(3, '.').map(strip_zeroes).collect();
        if parts.len() < 3 {
            if parts.last().is_some_and(|last| last.contains(['+', '-'])) {
                return Err(SemverError::Short);
            }
            parts.resize(3, "0".to_owned());
        }
        Self::parse(&parts.join("."))
    }

    /// `semver(text, normalize)`
    ///
    /// # Errors
    /// Those of [`Self::parse`] or [`Self::parse_lenient`].
    pub fn parse_with(text: &str, normalize: bool) -> Result<Self, SemverError> {
        if normalize { Self::parse_lenient(text) } else { Self::parse(text) }
    }

    /// `major()`: beyond 63 bits it comes out negative, as upstream converts without looking.
    pub fn major(&self) -> i64 {
        self.numbers[0] as i64
    }

    /// `minor()`
    pub fn minor(&self) -> i64 {
        self.numbers[1] as i64
    }

    /// `patch()`
    pub fn patch(&self) -> i64 {
        self.numbers[2] as i64
    }

    /// `compareTo`, and with it `isLessThan`, `isGreaterThan` and `==`.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                _ => self
                    .prerelease
                    .iter()
                    .map(Identifier::key)
                    .cmp(other.prerelease.iter().map(Identifier::key)),
            }
        })
    }
}

impl PartialEq for Semver {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other).is_eq()
    }
}

impl fmt::Display for Semver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(out, "{major}.{minor}.{patch}")?;
        for (index, identifier) in self.prerelease.iter().enumerate() {
            out.write_str(if index == 0 { "-" } else { "." })?;
            match identifier {
                Identifier::Number(number) => write!(out, "{number}")?,
                Identifier::Text(text) => out.write_str(text)?,
            }
        }
        for (index, identifier) in self.build.iter().enumerate() {
            out.write_str(if index == 0 { "+" } else { "." })?;
            out.write_str(identifier)?;
        }
        Ok(())
    }
}

impl Identifier {
    /// Numbers come before texts.
    fn key(&self) -> (bool, u64, &str) {
        match self {
            Self::Number(number) => (false, *number, ""),
            Self::Text(text) => (true, 0, text),
        }
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_identifier(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn has_leading_zeroes(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0')
}

fn number(text: &str, part: &'static str, titled: &'static str) -> Result<u64, SemverError> {
    if !is_number(text) {
        return Err(SemverError::Characters { part, text: text.to_owned() });
    }
    if has_leading_zeroes(text) {
        return Err(SemverError::LeadingZeroes { part: titled, text: text.to_owned() });
    }
    Ok(parse_u64(text)?)
}

fn identifier(text: &str) -> Result<Identifier, SemverError> {
    if text.is_empty() {
        return Err(SemverError::PrereleaseEmpty);
    }
    if is_number(text) {
        if has_leading_zeroes(text) {
            let part = "Numeric PreRelease version";
            return Err(SemverError::LeadingZeroes { part, text: text.to_owned() });
        }
        return Ok(Identifier::Number(parse_u64(text)?));
    }
    if is_identifier(text) {
        return Ok(Identifier::Text(text.into()));
    }
    Err(SemverError::PrereleaseCharacters(text.to_owned()))
}

fn build_identifier(text: &str) -> Result<Box<str>, SemverError> {
    if text.is_empty() {
        return Err(SemverError::BuildEmpty);
    }
    if !is_identifier(text) {
        return Err(SemverError::BuildCharacters(text.to_owned()));
    }
    Ok(text.into())
}

fn strip_zeroes(part: &str) -> String {
    if part.len() <= 1 {
        return part.to_owned();
    }
    let stripped = part.trim_start_matches('0');
    if stripped.starts_with(|first: char| first.is_ascii_digit()) {
        stripped.to_owned()
    } else {
        format!("0{stripped}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn order() {
        // the example of semver.org §11, and numbers below texts
        let ascending = [
            "1.0.0-2",
            "1.0.0-10",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "10.0.0",
        ];
        for (index, left) in ascending.iter().enumerate() {
            for (at, right) in ascending.iter().enumerate() {
                let compared = Semver::parse(left).unwrap().compare(&Semver::parse(right).unwrap());
                assert_eq!(compared, index.cmp(&at), "{left} {right}");
            }
        }
        assert_eq!(Semver::parse("1.0.0+a").unwrap(), Semver::parse("1.0.0+b").unwrap());
    }

    #[test]
    fn lenient() {
        for (text, read) in [
            ("v2", "2.0.0"),
            ("007.08", "7.8.0"),
            ("v1.2.3-rc.1+x", "1.2.3-rc.1+x"),
            ("0.0.00", "0.0.0"),
            ("1.2.003-rc", "1.2.3-rc"),
        ] {
            assert_eq!(Semver::parse_lenient(text).unwrap().to_string(), read);
        }
        assert_eq!(Semver::parse_lenient("2-rc"), Err(SemverError::Short));
    }

    #[test]
    fn refusals() {
        for (text, message) in [
            ("1.2", "No Major.Minor.Patch elements found"),
            ("1.b.3", "Invalid character(s) found in minor number \"b\""),
            ("1.02.3", "Minor number must not contain leading zeroes \"02\""),
            ("1.2.3+b_d", "Invalid character(s) found in build meta data \"b_d\""),
            ("1.2.3-x.", "Prerelease is empty"),
            ("1.2.", "strconv.ParseUint: parsing \"\": invalid syntax"),
        ] {
            assert_eq!(Semver::parse(text).unwrap_err().to_string(), message);
        }
    }
}
