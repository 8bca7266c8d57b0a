//! The names of policies, rules, categories and codes: what a flag, a configuration or a waiver may speak of.

use std::collections::BTreeSet;

use crate::check::Policy;
use crate::finding::CodePattern;
use crate::finding::terms::is_waivable;
use crate::manifest::codes;
use crate::nearest::nearest;

use super::outline::Outline;

/// A name that nothing has, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// What is wrong, in one line.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// The names that a run can speak of.
#[derive(Debug, Clone, Default)]
pub struct Names {
    policies: BTreeSet<String>,
    rules: BTreeSet<String>,
    categories: BTreeSet<String>,
    /// Policies of the library, whose names are looked for where they stand: few runs ask for one.
    library: Vec<&'static Outline>,
}

impl Names {
    /// Those of some policies.
    #[must_use]
    pub fn of<'p>(policies: impl Iterator<Item = &'p Policy>) -> Self {
        let mut names = Self::default();
        for policy in policies {
            names.policies.insert(policy.id.name.clone());
            names.categories.extend(policy.about.category.clone());
            names.rules.extend(policy.rules.iter().map(|rule| rule.info.code.clone()));
        }
        names
    }

    fn has_policy(&self, name: &str) -> bool {
        self.policies.contains(name) || self.library.iter().any(|policy| policy.name == name)
    }

    fn has_rule(&self, name: &str) -> bool {
        let mut of_library = self.library.iter().flat_map(|policy| policy.rules);
        self.rules.contains(name) || of_library.any(|rule| rule.code == name)
    }

    fn has_category(&self, name: &str) -> bool {
        self.categories.contains(name) || self.library.iter().any(|policy| policy.category == Some(name))
    }

    /// The names of all policies, each once and in order.
    fn policies(&self) -> BTreeSet<&str> {
        let of_library = self.library.iter().map(|policy| policy.name);
        self.policies.iter().map(String::as_str).chain(of_library).collect()
    }

    /// The codes of all rules, likewise.
    fn rules(&self) -> BTreeSet<&str> {
        let of_library = self.library.iter().flat_map(|policy| policy.rules).map(|rule| rule.code);
        self.rules.iter().map(String::as_str).chain(of_library).collect()
    }

    /// What is wrong with a name of a policy or rule, or, where these may be meant, of a reserved code.
    #[must_use]
    pub fn check(&self, name: &str, reserved: bool) -> Option<UnknownName> {
        let is_reserved = codes::all().any(|row| codes::means(name, row.code));
        if self.has_policy(name) || self.has_rule(name) || (reserved && is_reserved) {
            return None;
        }
        if is_reserved {
            let message = format!("{name} has no action: the webhook is asked about no text");
            return Some(UnknownName { message, help: "give it a severity, or skip it".to_owned() });
        }
        if self.has_category(name) {
            let message = format!("{name} is a category; policies are chosen by name or by pack");
            return Some(UnknownName {
                message,
                help: "`--pack NAME`, or `packs:` in plimsoll.yaml".to_owned(),
            });
        }
        let codes: Vec<&str> = codes::all().map(|row| row.code).filter(|_| reserved).collect();
        let all = self.policies().into_iter().chain(self.rules()).chain(codes);
        let help = match nearest(name, all) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`plimsoll policies list` shows the names".to_owned(),
        };
        let what = if reserved { "policy, rule or code" } else { "policy or rule" };
        Some(UnknownName { message: format!("no {what} is named {name}"), help })
    }

    /// The codes of all rules, and the reserved ones that may be waived.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        let reserved = codes::all().map(|row| row.code).filter(|code| is_waivable(code));
        self.rules().into_iter().chain(reserved)
    }

    /// The same names, with those of these policies of the library, which are not read.
    #[must_use]
    pub fn with_library(self, policies: impl IntoIterator<Item = &'static Outline>) -> Self {
        Self { library: policies.into_iter().collect(), ..self }
    }

    /// What is wrong with the codes that a waiver names.
    #[must_use]
    pub fn check_pattern(&self, pattern: &CodePattern) -> Option<UnknownName> {
        if self.codes().any(|code| pattern.matches(code)) {
            return None;
        }
        let text = pattern.as_str();
        if text.contains(['*', '?', '[', '{']) {
            let help = "`plimsoll policies list` shows the names".to_owned();
            return Some(UnknownName { message: format!("no policy, rule or code matches {text}"), help });
        }
        self.check(text, true)
    }

    /// What is wrong with the name of a policy.
    #[must_use]
    pub fn check_policy(&self, name: &str) -> Option<UnknownName> {
        if self.has_policy(name) {
            return None;
        }
        // a rule's code, where its policy is asked for
        let policy = name.split_once('/').map_or(name, |(policy, _)| policy);
        let help = match nearest(policy, self.policies().into_iter()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`plimsoll policies list` shows the names".to_owned(),
        };
        Some(UnknownName { message: format!("no policy is named {name}"), help })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Names {
            policies: set(&["image-tag", "required-probes"]),
            rules: set(&["image-tag/mutable"]),
            categories: set(&["images"]),
            library: Vec::new(),
        }
    }

    #[test]
    fn names_are_known_or_explained() {
        for (name, reserved, expected) in [
            ("image-tag", true, None),
            ("image-tag/mutable", true, None),
            ("yaml/octal", true, None),
            ("yaml", true, None),
            (
                "yaml/octl",
                true,
                Some(("no policy, rule or code is named yaml/octl", "did you mean `yaml/octal`?")),
            ),
            (
                "imagetag",
                true,
                Some(("no policy, rule or code is named imagetag", "did you mean `image-tag`?")),
            ),
            (
                "images",
                true,
                Some((
                    "images is a category; policies are chosen by name or by pack",
                    "`--pack NAME`, or `packs:` in plimsoll.yaml",
                )),
            ),
            (
                "yaml/octal",
                false,
                Some((
                    "yaml/octal has no action: the webhook is asked about no text",
                    "give it a severity, or skip it",
                )),
            ),
            (
                "something-else",
                false,
                Some((
                    "no policy or rule is named something-else",
                    "`plimsoll policies list` shows the names",
                )),
            ),
        ] {
            let got = names().check(name, reserved);
            let got = got.as_ref().map(|unknown| (unknown.message.as_str(), unknown.help.as_str()));
            assert_eq!(got, expected, "{name}");
        }
        assert_eq!(
            names().check_policy("image-tag/mutable").map(|u| u.help),
            Some("did you mean `image-tag`?".into())
        );
    }
}
