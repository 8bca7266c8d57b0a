//! Patterns over the codes of findings, as waivers write them.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

/// A glob over `policy/rule`; without a slash it is over the policy, and all its rules are meant. `*` stays on its side of
/// the slash.
#[derive(Debug, Clone)]
pub struct CodePattern {
    text: String,
    policy: Part,
    /// `None`: every rule.
    rule: Option<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Name(String),
    Glob(GlobMatcher),
}

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodePatternError {
    /// Nothing is written.
    #[error("a code is missing")]
    Empty,
    /// More than one slash, or nothing beside it.
    #[error("{text:?} is not a code: expected `policy` or `policy/rule`, globs allowed")]
    Form {
        /// What is written in its place.
        text: String,
    },
    /// Not a glob.
    #[error("{text:?} is not a glob: {why}")]
    Glob {
        /// The glob as it is written.
        text: String,
        /// What is wrong with it.
        why: String,
    },
}

impl CodePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, CodePatternError> {
        let form = || CodePatternError::Form { text: text.to_owned() };
        let part = |part: &str| {
            Part::parse(part).map_err(|why| CodePatternError::Glob { text: text.to_owned(), why })
        };
        if text.is_empty() {
            return Err(CodePatternError::Empty);
        }
        let (policy, rule) = text.split_once('/').map_or((text, None), |(policy, rule)| (policy, Some(rule)));
        let is_bad = |part: &str| part.is_empty() || part.contains(['/', ' ', '\t', ':', ';', '"', '\'']);
        if is_bad(policy) || rule.is_some_and(is_bad) {
            return Err(form());
        }
        Ok(Self { text: text.to_owned(), policy: part(policy)?, rule: rule.map(part).transpose()? })
    }

    /// Whether the code of a finding is meant.
    #[must_use]
    pub fn matches(&self, code: &str) -> bool {
        let (policy, rule) = code.split_once('/').unwrap_or((code, ""));
        self.policy.matches(policy) && self.rule.as_ref().is_none_or(|part| part.matches(rule))
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for CodePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, String> {
        if !text.contains(['*', '?', '[', '{', '\\', '!']) {
            return Ok(Self::Name(text.to_owned()));
        }
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        glob.map(|glob| Self::Glob(glob.compile_matcher())).map_err(|error| error.kind().to_string())
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Glob(glob) => glob.is_match(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_matched_side_by_side() {
        for (pattern, code, expected) in [
            ("image-tag", "image-tag/mutable", true),
            ("image-tag/mutable", "image-tag/mutable", true),
            ("image-tag/mutable", "image-tag/other", false),
            ("image", "image-tag/mutable", false),
            ("image-*", "image-tag/mutable", true),
            ("*/mutable", "image-tag/mutable", true),
            ("*", "yaml/octal", true),
            ("yaml/*", "yaml/octal", true),
            ("yaml", "yaml/octal", true),
            ("*g/m*", "image-tag/mutable", true),
            ("{image-tag,run-as-root}", "run-as-root/user", true),
        ] {
            assert_eq!(
                CodePattern::parse(pattern).expect(pattern).matches(code),
                expected,
                "{pattern} {code}"
            );
        }
    }

    #[test]
    fn what_is_no_code_is_told() {
        for (pattern, expected) in [
            ("", "a code is missing"),
            ("a/b/c", "\"a/b/c\" is not a code: expected `policy` or `policy/rule`, globs allowed"),
            ("a/", "\"a/\" is not a code: expected `policy` or `policy/rule`, globs allowed"),
            ("a b", "\"a b\" is not a code: expected `policy` or `policy/rule`, globs allowed"),
            ("a[", "\"a[\" is not a glob: unclosed character class; missing ']'"),
        ] {
            assert_eq!(CodePattern::parse(pattern).expect_err(pattern).to_string(), expected);
        }
    }
}
