//! What a run makes of the policies it has loaded: which rules run, and how strict they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::Policy;
use crate::finding::{Action, Actions, Severity};
use crate::manifest::codes::{self, Reserved};

use super::outline::{Outline, RuleOutline};

/// What a run makes of the policies it has loaded: which rules it wants, and how strict they are.
#[derive(Debug, Clone, Default)]
pub struct Adjustments {
    /// Only policies of these packs, and policies without packs; `None`: all.
    pub packs: Option<BTreeSet<String>>,
    /// Only these policies, rules (`policy/rule`) or reserved codes.
    pub only: Vec<String>,
    /// The policies and rules that are left out.
    pub skip: Vec<String>,
    /// Actions by policy or `policy/rule`.
    pub actions: BTreeMap<String, Action>,
    /// Severities by policy, `policy/rule` or reserved code.
    pub severities: BTreeMap<String, Level>,
    /// Lowers every action to at most this.
    pub action_override: Option<Action>,
}

/// What a configuration makes of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It does not run.
    Off,
    /// It runs, and reports this.
    At(Severity),
}

impl Adjustments {
    /// Applies the adjustments; `None` when nothing of the policy is left.
    #[must_use]
    pub fn apply(&self, mut policy: Policy, embedded: bool) -> Option<Policy> {
        if embedded {
            if !self.takes(&policy.about.packs) {
                return None;
            }
            policy.rules.retain(|rule| self.takes(&rule.packs));
        }
        let name = &policy.id.name;
        policy.rules.retain_mut(|rule| {
            let adjusted = self.of_rule((name, &rule.info.code), rule.severity, rule.actions);
            let Some((severity, actions)) = adjusted else { return false };
            (rule.severity, rule.actions) = (severity, actions);
            true
        });
        (!policy.rules.is_empty()).then_some(policy)
    }

    /// As [`apply`](Self::apply), for a rule of the library that has not been read: its severity and actions, where it runs.
    pub(super) fn of_outline(&self, policy: &Outline, rule: &RuleOutline) -> Option<(Severity, Actions)> {
        let taken = self.takes(policy.packs) && self.takes(rule.packs);
        taken.then(|| self.of_rule((policy.name, rule.code), rule.severity, rule.action.into()))?
    }

    /// Whether a policy or a rule of the library that is in these packs runs.
    fn takes(&self, own: &[impl AsRef<str>]) -> bool {
        let Some(packs) = &self.packs else { return true };
        let is_taken = |pack: &str| packs.contains(pack) || packs.contains("all");
        own.is_empty() || own.iter().any(|pack| is_taken(pack.as_ref()))
    }

    /// Severity and actions of a rule; `None`: it does not run.
    fn of_rule(
        &self,
        (policy, code): (&str, &str),
        severity: Severity,
        own_actions: Actions,
    ) -> Option<(Severity, Actions)> {
        let Self { packs: _, only, skip, actions, severities, action_override } = self;
        let names = |wanted: &[String]| wanted.iter().any(|wanted| wanted == policy || wanted == code);
        if !only.is_empty() && !names(only) || names(skip) {
            return None;
        }
        let severity = match severities.get(code).or_else(|| severities.get(policy)) {
            Some(Level::Off) => return None,
            Some(Level::At(severity)) => *severity,
            None => severity,
        };
        let named = actions.get(code).or_else(|| actions.get(policy));
        let actions = named.map_or(own_actions, |action| (*action).into());
        Some((severity, action_override.map_or(actions, |highest| actions.at_most(highest))))
    }

    /// The severity of a reserved code; `None` when the run does not want it.
    #[must_use]
    pub fn reserved(&self, row: &Reserved) -> Option<Severity> {
        let Self { only, skip, severities, .. } = self;
        let named = |names: &[String]| names.iter().any(|name| codes::means(name, row.code));
        // what is wrong with the reading of a file is said beside any policy, unless some codes are asked for alone
        let some_asked = only.iter().any(|name| codes::all().any(|row| codes::means(name, row.code)));
        let is_said = only.is_empty() || named(only) || (row.always && !some_asked);
        if !is_said || named(skip) {
            return None;
        }
        let kind = row.code.split_once('/').map_or(row.code, |(kind, _)| kind);
        match severities.get(row.code).or_else(|| severities.get(kind)) {
            Some(Level::Off) => None,
            Some(Level::At(severity)) => Some(*severity),
            None => Some(row.severity),
        }
    }

    /// Whether `only` names nothing but reserved codes, so that a run needs no policy.
    #[must_use]
    pub fn only_reserved(&self) -> bool {
        let reserved = |name: &String| codes::all().any(|row| codes::means(name, row.code));
        !self.only.is_empty() && self.only.iter().all(reserved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_codes_are_weighted_and_skipped() {
        let row = codes::named("yaml/octal").expect("there is one");
        let adjusted = |only: &[&str], skip: &[&str], severities: &[(&str, Level)]| {
            let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let severities = severities.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect();
            Adjustments { only: all(only), skip: all(skip), severities, ..Adjustments::default() }
                .reserved(row)
        };
        assert_eq!(adjusted(&[], &[], &[]), Some(Severity::Warning));
        assert_eq!(adjusted(&["yaml/octal"], &[], &[]), Some(Severity::Warning));
        assert_eq!(adjusted(&["yaml"], &[], &[]), Some(Severity::Warning));
        assert_eq!(adjusted(&["image-tag"], &[], &[]), Some(Severity::Warning));
        assert_eq!(adjusted(&["yaml/float-version"], &[], &[]), None);
        assert_eq!(adjusted(&[], &["yaml/octal"], &[]), None);
        assert_eq!(adjusted(&[], &["yaml"], &[]), None);
        assert_eq!(adjusted(&[], &["yaml/float-version"], &[]), Some(Severity::Warning));
        assert_eq!(adjusted(&[], &[], &[("yaml/octal", Level::Off)]), None);
        assert_eq!(adjusted(&[], &[], &[("yaml/octal", Level::At(Severity::Error))]), Some(Severity::Error));
        let both = [("yaml", Level::Off), ("yaml/octal", Level::At(Severity::Info))];
        assert_eq!(adjusted(&[], &[], &both), Some(Severity::Info));
    }
}
