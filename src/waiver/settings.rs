//! The rules under `ignore:` in `plimsoll.yaml`.

use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::Span;
use crate::finding::CodePattern;
use crate::finding::terms;
use crate::manifest::chosen::FileGlobs;
use crate::matching::{Globs, Kinds};
use crate::request::Request;
use crate::resource::workload::TemplatePaths;

/// Findings that lint waives: of these codes, and of what matches all that is said.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WrittenRule {
    /// Globs over `policy/rule`; a policy's name alone means all its rules.
    pub codes: Vec<String>,
    /// Files, as in a `.gitignore` beside `plimsoll.yaml`.
    #[serde(default)]
    pub paths: Option<Vec<String>>,
    /// Kinds, as in the `match` of a policy.
    #[serde(default)]
    pub kinds: Option<Vec<String>>,
    /// Globs over namespaces.
    #[serde(default)]
    pub namespaces: Option<Vec<String>>,
    /// Globs over names of objects.
    #[serde(default)]
    pub names: Option<Vec<String>>,
    /// The reason that is given.
    #[serde(default)]
    pub reason: Option<String>,
    /// The last day on which the rule holds, in UTC: `2027-03-31`.
    #[serde(default)]
    pub until: Option<String>,
}

/// A rule that can be applied.
#[derive(Debug)]
pub struct IgnoreRule {
    pub(super) patterns: Vec<CodePattern>,
    pub(super) reason: Option<String>,
    pub(super) until: Option<NaiveDate>,
    paths: Option<FileGlobs>,
    kinds: Option<Kinds>,
    namespaces: Option<Globs>,
    names: Option<Globs>,
}

/// The rules of a configuration, and where they are written.
#[derive(Debug, Default)]
pub struct Ignores {
    /// The configuration file, as it was named.
    pub file: String,
    /// The text of the file, from which places in it are told.
    pub text: Arc<str>,
    /// The rules, and where each stands.
    pub rules: Vec<(IgnoreRule, Span)>,
}

/// What is wrong with a rule, and at which of its fields; with an index where that is a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field that is wrong.
    pub field: &'static str,
    /// Which of its entries.
    pub index: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl IgnoreRule {
    /// Reads a rule; its paths count from `folder`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn new(written: &WrittenRule, folder: &Path) -> Result<Self, Fault> {
        let WrittenRule { codes, paths, kinds, namespaces, names, reason, until } = written;
        let fault = |field, index, message| Fault { field, index, message };
        for (field, list) in
            [("paths", paths), ("kinds", kinds), ("namespaces", namespaces), ("names", names)]
        {
            if list.as_ref().is_some_and(Vec::is_empty) {
                return Err(fault(field, None, "matches nothing: leave it out to match all".to_owned()));
            }
        }
        let mut patterns = Vec::new();
        for (index, code) in codes.iter().enumerate() {
            match terms::patterns([code.as_str()].into_iter()) {
                Ok(pattern) => patterns.extend(pattern),
                Err(error) => return Err(fault("codes", Some(index), error.to_string())),
            }
        }
        if patterns.is_empty() {
            return Err(fault("codes", None, terms::TermError::NoCode.to_string()));
        }
        let globs = |field, list: &Option<Vec<String>>| {
            let globs = list.as_ref().map(|list| Globs::new(list)).transpose();
            globs.map_err(|error| fault(field, Some(error.index), error.message))
        };
        let kinds = kinds.as_ref().map(|kinds| Kinds::parse(kinds)).transpose();
        let paths = paths.as_ref().map(|paths| FileGlobs::new(folder, paths)).transpose();
        Ok(Self {
            patterns,
            reason: reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned),
            until: until
                .as_deref()
                .map(terms::date)
                .transpose()
                .map_err(|error| fault("until", None, error.to_string()))?,
            paths: paths.map_err(|error| fault("paths", Some(error.index), error.to_string()))?,
            kinds: kinds.map_err(|(index, error)| fault("kinds", Some(index), error.to_string()))?,
            namespaces: globs("namespaces", namespaces)?,
            names: globs("names", names)?,
        })
    }

    /// Whether it is about a file; `None`: one that nobody can say where it is.
    pub(super) fn has_path(&self, file: Option<&Path>) -> bool {
        self.paths.as_ref().is_none_or(|paths| file.is_some_and(|file| paths.match_file(file)))
    }

    /// Whether it is about an object; `None`: what is no object.
    pub(super) fn has_object(&self, request: Option<&Request<'_>>, templates: &TemplatePaths) -> bool {
        let Self { kinds, namespaces, names, .. } = self;
        let Some(request) = request else {
            return kinds.is_none() && namespaces.is_none() && names.is_none();
        };
        let in_namespace = |globs: &Globs| match request.namespace_name() {
            Some(namespace) => globs.matches(namespace),
            None => globs.matches_everything(),
        };
        kinds.as_ref().is_none_or(|kinds| kinds.matches(request, templates))
            && namespaces.as_ref().is_none_or(in_namespace)
            && names.as_ref().is_none_or(|names| names.matches(request.name))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rule(yaml: &str) -> Result<IgnoreRule, Fault> {
        let composed = crate::manifest::compose::compose(yaml, 0..yaml.len()).unwrap();
        let document = composed.document.unwrap();
        IgnoreRule::new(&document.root().decode::<WrittenRule>().unwrap(), Path::new("/w"))
    }

    #[test]
    fn paths_are_those_of_gitignore() {
        for (paths, path, expected) in [
            ("[legacy/]", "legacy/a/b.yaml", true),
            ("[legacy]", "x/legacy/b.yaml", true),
            ("[/legacy]", "x/legacy/b.yaml", false),
            ("['*.gen.yaml']", "x/y/a.gen.yaml", true),
            ("['legacy/**/a.yaml']", "legacy/x/y/a.yaml", true),
            ("[./legacy/a.yaml]", "legacy/a.yaml", true),
            ("[legacy/*, '!legacy/b.yaml']", "legacy/b.yaml", false),
            ("[legacy/*, '!legacy/b.yaml']", "legacy/a.yaml", true),
        ] {
            let rule = rule(&format!("{{codes: [a], paths: {paths}}}")).unwrap();
            assert_eq!(rule.has_path(Some(&Path::new("/w").join(path))), expected, "{paths} {path}");
            assert!(!rule.has_path(Some(&Path::new("/v").join(path))), "{paths} {path}");
            assert!(!rule.has_path(None), "{paths}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_at_its_field() {
        for (yaml, field, index, message) in [
            (
                "{codes: []}",
                "codes",
                None,
                "no code is named: expected policies or rules, as in `image-tag` or `image-tag/mutable`, or `*` for all",
            ),
            (
                "{codes: [a, a/b/c]}",
                "codes",
                Some(1),
                "\"a/b/c\" is not a code: expected `policy` or `policy/rule`, globs allowed",
            ),
            (
                "{codes: [a], until: soon}",
                "until",
                None,
                "\"soon\" is not a date: expected one such as 2027-03-31",
            ),
            (
                "{codes: [a], names: ['a[']}",
                "names",
                Some(0),
                "bad glob: unclosed character class; missing ']'",
            ),
            ("{codes: [a], names: []}", "names", None, "matches nothing: leave it out to match all"),
            ("{codes: [a], paths: ['']}", "paths", Some(0), "\"\" is not a glob: it matches nothing"),
        ] {
            let fault = rule(yaml).expect_err(yaml);
            assert_eq!((fault.field, fault.index, fault.message.as_str()), (field, index, message), "{yaml}");
        }
    }
}
