//! Patterns over kinds: `[group/[version/]]Kind[/subresource]`, `workloads`.

use globset::{Glob, GlobMatcher};

use crate::dialect::nearest;
use crate::evaluate::request::Request;
use crate::resource::kinds as builtin;
use crate::resource::workload::{self, TemplatePaths};

/// A part of a pattern.
#[derive(Debug, Clone)]
enum Part {
    Any,
    Exactly(String),
    Glob(GlobMatcher),
}

impl Part {
    fn new(text: &str) -> Result<Self, KindPatternError> {
        if text == "*" {
            Ok(Self::Any)
        } else if text.contains(['*', '?', '[', '{']) {
            let glob = Glob::new(text).map_err(|e| KindPatternError::Glob {
                pattern: text.to_owned(),
                reason: e.kind().to_string(),
            })?;
            Ok(Self::Glob(glob.compile_matcher()))
        } else {
            Ok(Self::Exactly(text.to_owned()))
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(own) => own == text,
            Self::Glob(glob) => glob.is_match(text),
        }
    }
}

/// Why a pattern cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KindPatternError {
    /// A glob in it is wrong.
    #[error("bad glob {pattern:?}: {reason}")]
    Glob {
        /// The part.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A bare name that is no built-in kind.
    #[error("{kind} is no built-in kind")]
    NotBuiltIn {
        /// The name.
        kind: String,
        /// A built-in kind that it may stand for.
        nearest: Option<&'static str>,
    },
    /// Not of the form.
    #[error("{pattern:?} is not of the form [group/[version/]]Kind[/subresource]")]
    Form {
        /// The pattern.
        pattern: String,
    },
}

/// One pattern.
#[derive(Debug, Clone)]
pub struct KindPattern {
    /// `None`: the built-in groups of that kind.
    group: Option<Part>,
    version: Part,
    kind: Part,
    /// `None`: the object itself.
    subresource: Option<Part>,
}

fn looks_like_kind(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_uppercase())
}

fn looks_like_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

impl KindPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is not of the form, or a bare name is no built-in kind.
    pub fn parse(pattern: &str) -> Result<Self, KindPatternError> {
        let form = || KindPatternError::Form { pattern: pattern.to_owned() };
        let parts: Vec<&str> = pattern.split('/').collect();
        if parts.iter().any(|p| p.is_empty()) {
            return Err(form());
        }
        // a kind begins with a capital, which no group, version or subresource does; else globs decide by place
        let kind_at = match parts.iter().position(|p| looks_like_kind(p)) {
            Some(at) => at,
            None => (parts.len() - 1).min(2),
        };
        let (group, version) = match &parts[..kind_at] {
            [] => (None, "*"),
            [version] if looks_like_version(version) => (Some(""), *version),
            [group] => (Some(*group), "*"),
            [group, version] => (Some(*group), *version),
            _ => return Err(form()),
        };
        let subresource = match &parts[kind_at + 1..] {
            [] => None,
            [subresource] => Some(Part::new(subresource)?),
            _ => return Err(form()),
        };
        let kind = parts[kind_at];
        let group = match group {
            Some("core") => Some(Part::Exactly(String::new())),
            Some(group) => Some(Part::new(group)?),
            None if kind == "*" => Some(Part::Any),
            None => {
                let part = Part::new(kind)?;
                if !builtin::all().iter().any(|k| part.matches(k.kind)) {
                    return Err(KindPatternError::NotBuiltIn {
                        kind: kind.to_owned(),
                        nearest: nearest(kind, builtin::all().iter().map(|k| k.kind)),
                    });
                }
                None
            }
        };
        Ok(Self { group, version: Part::new(version)?, kind: Part::new(kind)?, subresource })
    }

    /// The kind, where the pattern names exactly one.
    #[must_use]
    pub fn exact_kind(&self) -> Option<&str> {
        match &self.kind {
            Part::Exactly(kind) => Some(kind),
            _ => None,
        }
    }

    /// Whether the pattern matches a kind.
    #[must_use]
    pub fn matches(&self, group: &str, version: &str, kind: &str, subresource: &str) -> bool {
        self.kind.matches(kind)
            && self.version.matches(version)
            && match &self.group {
                Some(part) => part.matches(group),
                None => builtin::all().iter().any(|k| k.kind == kind && k.group == group),
            }
            && match &self.subresource {
                Some(part) => !subresource.is_empty() && part.matches(subresource),
                None => subresource.is_empty(),
            }
    }
}

/// The kinds of a policy.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    patterns: Vec<KindPattern>,
    workloads: bool,
}

/// By which kinds a policy can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindMatch {
    /// Only by these.
    Named(Vec<String>),
    /// By any kind.
    Any,
}

impl Kinds {
    /// Reads patterns and the word `workloads`.
    ///
    /// # Errors
    /// The first pattern that cannot be read, with its index.
    pub fn parse<S: AsRef<str>>(patterns: &[S]) -> Result<Self, (usize, KindPatternError)> {
        let mut kinds = Self::default();
        for (index, pattern) in patterns.iter().enumerate() {
            match pattern.as_ref() {
                "workloads" => kinds.workloads = true,
                pattern => kinds.patterns.push(KindPattern::parse(pattern).map_err(|e| (index, e))?),
            }
        }
        Ok(kinds)
    }

    /// Whether the request is about one of the kinds.
    #[must_use]
    pub fn matches(&self, request: &Request<'_>, templates: &TemplatePaths) -> bool {
        let kind = &request.kind;
        self.covers(kind.group, kind.version, kind.kind, request.subresource, templates)
    }

    /// Whether a kind is one of the kinds; with a subresource, what is sent to it.
    #[must_use]
    pub fn covers(
        &self,
        group: &str,
        version: &str,
        kind: &str,
        subresource: &str,
        templates: &TemplatePaths,
    ) -> bool {
        // kubectl debug sends a Pod whose subresource is ephemeralcontainers
        let is_workload = || {
            if subresource.is_empty() {
                workload::holds_pods(group, kind) || templates.declares(group, version, kind)
            } else {
                group.is_empty() && kind == "Pod" && subresource == "ephemeralcontainers"
            }
        };
        (self.workloads && is_workload())
            || self.patterns.iter().any(|p| p.matches(group, version, kind, subresource))
    }

    /// The kinds by which an index finds the policy; `declared` are the custom kinds with Pod templates.
    #[must_use]
    pub fn index_by(&self, custom_templates: bool) -> KindMatch {
        let mut names = Vec::new();
        if self.workloads {
            if custom_templates {
                return KindMatch::Any;
            }
            names.extend(workload::KINDS.iter().map(|k| (*k).to_owned()));
        }
        for pattern in &self.patterns {
            match pattern.exact_kind() {
                Some(kind) => names.push(kind.to_owned()),
                None => return KindMatch::Any,
            }
        }
        names.sort();
        names.dedup();
        KindMatch::Named(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let cases: [(&str, [&str; 4], bool); 16] = [
            ("Pod", ["", "v1", "Pod", ""], true),
            ("Pod", ["", "v1", "Pod", "status"], false),
            ("Pod", ["example.com", "v1", "Pod", ""], false),
            ("Deployment", ["apps", "v1", "Deployment", ""], true),
            ("Pod/ephemeralcontainers", ["", "v1", "Pod", "ephemeralcontainers"], true),
            ("Pod/ephemeralcontainers", ["", "v1", "Pod", ""], false),
            ("Pod/*", ["", "v1", "Pod", "exec"], true),
            ("cache.example.com/*/Memcached", ["cache.example.com", "v1alpha1", "Memcached", ""], true),
            ("cache.example.com/Memcached", ["cache.example.com", "v1", "Memcached", ""], true),
            ("cache.example.com/v1/Memcached", ["cache.example.com", "v2", "Memcached", ""], false),
            ("*.example.com/*/*", ["cache.example.com", "v2", "Whatever", ""], true),
            ("*", ["x.dev", "v2", "Whatever", ""], true),
            ("*", ["x.dev", "v2", "Whatever", "status"], false),
            ("v1/Service", ["", "v1", "Service", ""], true),
            ("core/v1/Service", ["", "v1", "Service", ""], true),
            ("*/*/Deployment/scale", ["apps", "v1", "Deployment", "scale"], true),
        ];
        for (pattern, [group, version, kind, sub], expected) in cases {
            let read = KindPattern::parse(pattern).expect(pattern);
            assert_eq!(
                read.matches(group, version, kind, sub),
                expected,
                "{pattern} {group}/{version}/{kind}/{sub}"
            );
        }
    }

    #[test]
    fn refused() {
        for (pattern, expected) in [
            ("Deploment", "Deploment is no built-in kind"),
            (
                "a/b/Kind/sub/more",
                "\"a/b/Kind/sub/more\" is not of the form [group/[version/]]Kind[/subresource]",
            ),
            (
                "apps//Deployment",
                "\"apps//Deployment\" is not of the form [group/[version/]]Kind[/subresource]",
            ),
            ("apps/[/Deployment", "bad glob \"[\": unclosed character class; missing ']'"),
        ] {
            assert_eq!(KindPattern::parse(pattern).expect_err(pattern).to_string(), expected);
        }
    }
}
