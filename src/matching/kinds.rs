//! Patterns over kinds: `[group/[version/]]Kind[/subresource]`, `workloads`.

use globset::{Glob, GlobMatcher};

use crate::api::{self, CONNECTED, Role};
use crate::nearest::nearest;
use crate::request::Request;
use crate::resource::identity::GroupVersionKind;
use crate::resource::workload::{self, TemplatePaths};

/// A part of a pattern.
#[derive(Debug, Clone)]
enum Part {
    Any,
    Exactly(String),
    /// Boxed: it is five times what the others are, and few patterns have one.
    Glob(Box<GlobMatcher>),
}

impl Part {
    fn new(text: &str) -> Result<Self, KindPatternError> {
        if text == "*" {
            Ok(Self::Any)
        } else if text.bytes().any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'{')) {
            let glob = Glob::new(text).map_err(|e| KindPatternError::Glob {
                pattern: text.to_owned(),
                reason: e.kind().to_string(),
            })?;
            Ok(Self::Glob(Box::new(glob.compile_matcher())))
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
        /// The part of the pattern that is no glob.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A bare name that is no built-in kind.
    #[error("{kind} is not a built-in kind")]
    NotBuiltIn {
        /// The kind that is named.
        kind: String,
        /// A built-in kind that it may stand for.
        nearest: Option<&'static str>,
    },
    /// Not of the form.
    #[error("{pattern:?} is not of the form [group/[version/]]Kind[/subresource]")]
    Form {
        /// The pattern as it is written.
        pattern: String,
    },
}

/// One pattern.
#[derive(Debug, Clone)]
pub struct KindPattern {
    written: String,
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

/// Subresources are written small; a glob may begin with a set of such names.
fn looks_like_subresource(part: &str) -> bool {
    part.trim_start_matches(['{', '[']).starts_with(|c: char| c.is_ascii_lowercase())
}

fn looks_like_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Where the kind stands among the parts. It begins with a capital, which no group, version or subresource does; where
/// it is a glob, a last part in small letters is the subresource (`*/scale`), and else the place decides.
fn place_of_kind(parts: &[&str]) -> usize {
    if let Some(at) = parts.iter().position(|part| looks_like_kind(part)) {
        return at;
    }
    let last = parts.len() - 1;
    match last {
        0 => 0,
        _ if looks_like_subresource(parts[last]) => last - 1,
        _ => last.min(2),
    }
}

/// What a request is about, as the rules of a webhook see it: a resource of a kind, or a subresource of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The resource's group.
    pub group: &'a str,
    /// The resource's version.
    pub version: &'a str,
    /// The plural; empty where nobody has said it.
    pub resource: &'a str,
    /// The resource's kind; `None` where only the cluster knows it.
    pub kind: Option<&'a str>,
    /// Empty for the object itself.
    pub subresource: &'a str,
    /// What is sent: to a subresource it may be of another kind.
    pub body: GroupVersionKind<'a>,
}

impl<'a> Target<'a> {
    /// An object of this kind.
    #[must_use]
    pub fn object(group: &'a str, version: &'a str, kind: &'a str) -> Self {
        let body = GroupVersionKind { group, version, kind };
        Self { group, version, resource: "", kind: Some(kind), subresource: "", body }
    }

    /// What this request is about. The API server says `pods` and `exec`, and sends a PodExecOptions.
    #[must_use]
    pub fn of(request: &Request<'a>) -> Self {
        let (body, resource) = (request.kind, request.resource);
        if request.subresource.is_empty() || resource.resource.is_empty() {
            let object = Self::object(body.group, body.version, body.kind);
            return Self { resource: resource.resource, subresource: request.subresource, ..object };
        }
        let known = api::by_resource(resource.group, resource.resource);
        Self {
            group: resource.group,
            version: resource.version,
            resource: resource.resource,
            kind: known.map(|known| known.kind),
            subresource: request.subresource,
            body,
        }
    }
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
        let kind_at = place_of_kind(&parts);
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
                let kinds = || api::built_in().chain(api::bodies()).map(|row| row.kind);
                if !kinds().any(|kind| part.matches(kind)) {
                    return Err(KindPatternError::NotBuiltIn {
                        kind: kind.to_owned(),
                        nearest: nearest(kind, kinds()),
                    });
                }
                None
            }
        };
        let (version, kind) = (Part::new(version)?, Part::new(kind)?);
        Ok(Self { written: pattern.to_owned(), group, version, kind, subresource })
    }

    /// As it is written.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The kind, where the pattern names exactly one.
    #[must_use]
    pub fn exact_kind(&self) -> Option<&str> {
        match &self.kind {
            Part::Exactly(kind) => Some(kind),
            _ => None,
        }
    }

    /// Whether the pattern matches what is asked about. A subresource is one of its resource's kind, whatever is sent
    /// to it; what is sent may be named as well.
    #[must_use]
    pub fn matches(&self, target: &Target<'_>) -> bool {
        let Target { subresource, body, .. } = target;
        match &self.subresource {
            None if subresource.is_empty() => self.matches_kind(body.group, body.version, body.kind),
            None => {
                let is_body = || api::get(body.group, body.kind).is_some_and(|sent| sent.role == Role::Body);
                self.names_a_body() && is_body() && self.matches_kind(body.group, body.version, body.kind)
            }
            Some(part) => {
                !subresource.is_empty()
                    && part.matches(subresource)
                    && (self.matches_resource(target)
                        || self.matches_kind(body.group, body.version, body.kind))
            }
        }
    }

    fn matches_kind(&self, group: &str, version: &str, kind: &str) -> bool {
        let built_in =
            || api::get(group, kind).is_some_and(|row| matches!(row.role, Role::BuiltIn | Role::Body));
        self.kind.matches(kind)
            && self.version.matches(version)
            && self.group.as_ref().map_or_else(built_in, |part| part.matches(group))
    }

    fn matches_resource(&self, target: &Target<'_>) -> bool {
        let Target { group, version, resource, kind, .. } = target;
        if let Some(kind) = kind {
            return self.matches_kind(group, version, kind);
        }
        // a custom resource, of which the request says the plural only; what cannot be told is judged
        let fits = match &self.kind {
            Part::Any | Part::Glob(_) => true,
            Part::Exactly(kind) => {
                api::resource_of(group, kind) == *resource || api::may_be_plural(kind, resource)
            }
        };
        fits && self.version.matches(version) && self.group.as_ref().is_some_and(|part| part.matches(group))
    }

    /// The subresource, where there is one that is exactly named.
    #[must_use]
    pub fn exact_subresource(&self) -> Option<&str> {
        match self.subresource.as_ref()? {
            Part::Exactly(name) => Some(name),
            Part::Any | Part::Glob(_) => None,
        }
    }

    /// Whether it names what is sent to a subresource and is no object of its own.
    fn names_a_body(&self) -> bool {
        self.exact_kind().is_some_and(api::is_body)
    }

    /// Whether it is about subresources.
    #[must_use]
    pub fn has_subresource(&self) -> bool {
        self.subresource.is_some() || self.names_a_body()
    }

    /// Whether it matches every kind, and so names none.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        let any = |part: &Part| matches!(part, Part::Any);
        any(&self.kind) && self.group.as_ref().is_some_and(any) && self.subresource.as_ref().is_none_or(any)
    }

    /// Whether it matches objects, rather than what is sent to subresources alone.
    fn is_of_objects(&self) -> bool {
        // lifecycle.k8s.io has Evictions, too
        !self.has_subresource()
            || self.subresource.is_none() && self.exact_kind().is_some_and(api::is_built_in)
    }

    /// Whether it may match what is connected to, as by `kubectl exec`.
    #[must_use]
    pub fn may_connect(&self) -> bool {
        match &self.subresource {
            Some(part) => CONNECTED.iter().any(|name| part.matches(name)),
            None => self.exact_kind().is_some_and(|kind| kind.ends_with("Options") && self.names_a_body()),
        }
    }

    /// Whether it matches nothing else than that.
    #[must_use]
    pub fn only_connects(&self) -> bool {
        match &self.subresource {
            Some(Part::Exactly(name)) => CONNECTED.contains(&name.as_str()),
            _ => self.exact_kind().is_some_and(|kind| self.names_a_body() && kind.ends_with("Options")),
        }
    }

    /// The group, where it names exactly one that is not built in.
    #[must_use]
    pub fn exact_group(&self) -> Option<&str> {
        match &self.group {
            Some(Part::Exactly(group)) => Some(group),
            _ => None,
        }
    }
}

/// Whether a glance at a pattern tells that it is about another kind.
fn names_another(pattern: &str, kind: &str) -> bool {
    let another = |part: &str| {
        part != kind && looks_like_kind(part) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    pattern.split('/').any(another)
}

/// The kinds of a policy.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    patterns: Vec<KindPattern>,
    workloads: bool,
}

/// What holds Pods, and the subresources by which a Pod's containers change: `kubectl debug` sends the whole Pod to
/// `ephemeralcontainers`, and `resize` (since 1.33) changes what a container may use.
fn is_workload(target: &Target<'_>, templates: &TemplatePaths) -> bool {
    let Target { group, version, kind, subresource, .. } = target;
    let Some(kind) = kind else { return false };
    match *subresource {
        "" => workload::holds_pods(group, kind) || templates.declares(group, version, kind),
        "ephemeralcontainers" | "resize" => group.is_empty() && *kind == "Pod",
        _ => false,
    }
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

    /// Whether [`Kinds::index_by`] of these patterns has a kind. Only those that may mean it are read.
    #[must_use]
    pub fn may_mean(patterns: &[&str], kind: &str, custom_templates: bool) -> bool {
        patterns.iter().any(|pattern| match *pattern {
            "workloads" => custom_templates || api::is_with_pods(kind),
            pattern if names_another(pattern, kind) => false,
            pattern => KindPattern::parse(pattern).is_ok_and(|pattern| {
                pattern.is_of_objects() && pattern.exact_kind().is_none_or(|exact| exact == kind)
            }),
        })
    }

    /// Whether the request is about one of the kinds.
    #[must_use]
    pub fn matches(&self, request: &Request<'_>, templates: &TemplatePaths) -> bool {
        self.covers(&Target::of(request), templates)
    }

    /// Whether this is one of the kinds; with a subresource, what is sent to it.
    #[must_use]
    pub fn covers(&self, target: &Target<'_>, templates: &TemplatePaths) -> bool {
        self.by_patterns(target, templates, |_| true)
    }

    /// Likewise, by a pattern that names something: `*` alone does not.
    #[must_use]
    pub fn names(&self, target: &Target<'_>, templates: &TemplatePaths) -> bool {
        self.by_patterns(target, templates, |pattern| !pattern.is_everything())
    }

    fn by_patterns(
        &self,
        target: &Target<'_>,
        templates: &TemplatePaths,
        counts: impl Fn(&KindPattern) -> bool,
    ) -> bool {
        (self.workloads && is_workload(target, templates))
            || self.patterns.iter().any(|pattern| counts(pattern) && pattern.matches(target))
    }

    /// The patterns, but the word `workloads`.
    #[must_use]
    pub fn patterns(&self) -> &[KindPattern] {
        &self.patterns
    }

    /// Whether it is about subresources, too.
    #[must_use]
    pub fn has_subresources(&self) -> bool {
        self.workloads || self.patterns.iter().any(KindPattern::has_subresource)
    }

    /// The kinds by which an index finds the policy for objects; `declared` are the custom kinds with Pod templates.
    #[must_use]
    pub fn index_by(&self, custom_templates: bool) -> KindMatch {
        let mut names = Vec::new();
        if self.workloads {
            if custom_templates {
                return KindMatch::Any;
            }
            names.extend(api::with_pods().map(|row| row.kind.to_owned()));
        }
        for pattern in self.patterns.iter().filter(|pattern| pattern.is_of_objects()) {
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
mod tests;
