//! The names of policies, rules, categories and codes: what a flag, a configuration or a waiver may speak of.

use std::borrow::Cow;
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

/// Those of the library are part of the program.
type Name = Cow<'static, str>;

/// The names that a run can speak of.
#[derive(Debug, Clone, Default)]
pub struct Names {
    policies: BTreeSet<Name>,
    rules: BTreeSet<Name>,
    categories: BTreeSet<Name>,
}

impl Names {
    /// Those of some policies.
    #[must_use]
    pub fn of<'p>(policies: impl Iterator<Item = &'p Policy>) -> Self {
        let mut names = Self::default();
        for policy in policies {
            names.policies.insert(policy.id.name.clone().into());
            names.categories.extend(policy.about.category.clone().map(Name::from));
            names.rules.extend(policy.rules.iter().map(|rule| Name::from(rule.info.code.clone())));
        }
        names
    }

    /// Those of policies of the library.
    #[must_use]
    pub fn of_library<'o>(policies: impl IntoIterator<Item = &'o Outline>) -> Self {
        let mut names = Self::default();
        for policy in policies {
            names.policies.insert(policy.name.into());
            names.categories.extend(policy.category.map(Name::from));
            names.rules.extend(policy.rules.iter().map(|rule| Name::from(rule.code)));
        }
        names
    }

    /// What is wrong with a name of a policy or rule, or, where these may be meant, of a reserved code.
    #[must_use]
    pub fn check(&self, name: &str, reserved: bool) -> Option<UnknownName> {
        let Self { policies, rules, categories } = self;
        let is_reserved = codes::all().any(|row| codes::means(name, row.code));
        if policies.contains(name) || rules.contains(name) || (reserved && is_reserved) {
            return None;
        }
        if is_reserved {
            let message = format!("{name} has no action: the webhook is asked about no text");
            return Some(UnknownName { message, help: "give it a severity, or skip it".to_owned() });
        }
        if categories.contains(name) {
            let message = format!("{name} is a category; policies are chosen by name or by pack");
            return Some(UnknownName {
                message,
                help: "`--pack NAME`, or `packs:` in plimsoll.yaml".to_owned(),
            });
        }
        let codes: Vec<&str> = codes::all().map(|row| row.code).filter(|_| reserved).collect();
        let all = policies.iter().chain(rules).map(|name| &**name).chain(codes);
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
        self.rules.iter().map(|name| &**name).chain(reserved)
    }

    /// Adds those of other policies.
    pub fn extend(&mut self, others: Self) {
        let Self { policies, rules, categories } = others;
        self.policies.extend(policies);
        self.rules.extend(rules);
        self.categories.extend(categories);
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
        if self.policies.contains(name) {
            return None;
        }
        // a rule's code, where its policy is asked for
        let policy = name.split_once('/').map_or(name, |(policy, _)| policy);
        let help = match nearest(policy, self.policies.iter().map(|name| &**name)) {
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
        let set = |names: &[&str]| names.iter().map(|name| Name::from((*name).to_owned())).collect();
        Names {
            policies: set(&["image-tag", "required-probes"]),
            rules: set(&["image-tag/mutable"]),
            categories: set(&["images"]),
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
