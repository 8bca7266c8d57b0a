//! Findings that say less than another at the same node are folded into it.
//!
//! A rule names the rules it [includes](super::RuleInfo::includes). Where both have found something at one node of one
//! object, the including one leads and the other is told with it: one fault is counted once. Only known faults lead or
//! are folded, for a question or a failure is news of its own.

use super::{Certainty, Finding, RuleInfo};

/// What of a finding decides who leads it.
#[derive(Debug, Clone, Copy)]
pub struct Foldable<'f> {
    /// As in [`Finding::rule`].
    pub rule: &'f RuleInfo,
    /// As in [`Place::pointer`](super::Place::pointer).
    pub pointer: &'f str,
    /// As in [`Finding::certainty`].
    pub certainty: Certainty,
}

impl<'f> From<&'f Finding> for Foldable<'f> {
    fn from(finding: &'f Finding) -> Self {
        Self { rule: &finding.rule, pointer: &finding.place.pointer, certainty: finding.certainty }
    }
}

/// For each of these findings of one object, which of them leads it; `None`: it stands for itself.
///
/// The first finding of a rule at a node leads, and whoever leads a leader leads all; where rules include each other, the
/// first of them leads.
#[must_use]
pub fn leaders(findings: &[Foldable<'_>]) -> Vec<Option<usize>> {
    let mut leads = vec![None; findings.len()];
    let includes = |finding: &Foldable<'_>| !finding.rule.includes.is_empty();
    // most findings lie where nothing leads
    let mut led: Vec<&str> = findings.iter().filter(|of| includes(of)).map(|of| of.pointer).collect();
    if led.is_empty() {
        return leads;
    }
    led.sort_unstable();
    let known = Known::of(findings, |finding| led.binary_search(&finding.pointer).is_ok());
    for (index, finding) in findings.iter().enumerate().filter(|(_, finding)| includes(finding)) {
        let code = finding.rule.code.as_str();
        if known.named(finding.pointer, code).map(|(_, of_rule)| of_rule).min() != Some(index) {
            continue;
        }
        let names = finding.rule.includes.iter();
        for (other, included) in names.flat_map(|name| known.named(finding.pointer, name)) {
            if other != code && leads[included].is_none() && root(&leads, index) != included {
                leads[included] = Some(index);
            }
        }
    }
    (0..leads.len()).map(|index| leads[index].map(|_| root(&leads, index))).collect()
}

/// Known faults by node, policy and code: those that a name is about stand together.
struct Known<'f>(Vec<(&'f str, &'f str, &'f str, usize)>);

impl<'f> Known<'f> {
    fn of(findings: &[Foldable<'f>], is_asked_for: impl Fn(&Foldable<'f>) -> bool) -> Self {
        let known = findings.iter().enumerate().filter(|(_, of)| of.certainty == Certainty::Known);
        let of = |(index, finding): (usize, &Foldable<'f>)| {
            let code = finding.rule.code.as_str();
            (finding.pointer, policy(code), code, index)
        };
        let mut known: Vec<_> = known.filter(|(_, of)| is_asked_for(of)).map(of).collect();
        known.sort_unstable();
        Self(known)
    }

    /// Code and index of those at a node that are of the rule of this name, or of a rule of the policy.
    fn named<'k>(&'k self, pointer: &'k str, name: &'k str) -> impl Iterator<Item = (&'f str, usize)> + 'k {
        // nothing stands before the code of a policy's first rule
        let policy = policy(name);
        let code = if policy.len() < name.len() { name } else { "" };
        let first = self.0.partition_point(|(at, of, rule, _)| (*at, *of, *rule) < (pointer, policy, code));
        let is_named = move |(at, of, rule, _): &&(&str, &str, &str, usize)| {
            (*at, *of) == (pointer, policy) && (code.is_empty() || *rule == code)
        };
        self.0[first..].iter().take_while(is_named).map(|(_, _, rule, index)| (*rule, *index))
    }
}

/// The policy that a code names, with its rule or without.
fn policy(code: &str) -> &str {
    code.bytes().position(|byte| byte == b'/').map_or(code, |end| &code[..end])
}

/// Who leads in the end. No finding is led by one that it leads, so this ends.
fn root(leads: &[Option<usize>], index: usize) -> usize {
    let mut index = index;
    while let Some(leader) = leads[index] {
        index = leader;
    }
    index
}

/// The findings of one object that stand for themselves, each with those that it leads.
#[must_use]
pub fn folded<'f>(findings: &[&'f Finding]) -> Vec<(&'f Finding, Vec<&'f Finding>)> {
    let leaders = leaders(&findings.iter().map(|finding| Foldable::from(*finding)).collect::<Vec<_>>());
    let mut also: Vec<Vec<&Finding>> = vec![Vec::new(); findings.len()];
    for (finding, leader) in findings.iter().zip(&leaders) {
        if let Some(leader) = leader {
            also[*leader].push(finding);
        }
    }
    let all = findings.iter().zip(also).zip(leaders);
    all.filter(|(_, leader)| leader.is_none()).map(|((finding, also), _)| (*finding, also)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::finding::{Actions, Fingerprint, Place, RuleInfo, Severity};

    fn finding(code: &str, includes: &str, pointer: &str, certainty: Certainty) -> Finding {
        Finding {
            rule: Arc::new(RuleInfo {
                includes: includes.split_whitespace().map(str::to_owned).collect(),
                ..RuleInfo::of(code)
            }),
            severity: Severity::Warning,
            actions: Actions::default(),
            message: code.to_owned(),
            place: Place { path: String::new(), pointer: pointer.to_owned(), span: None, origin: None },
            value: None,
            fingerprint: Fingerprint::default(),
            related: Vec::new(),
            fix: Vec::new(),
            certainty,
            existing: false,
            sensitive: false,
            explanation: Vec::new(),
            reference: None,
            more: 0,
            fault: None,
            excepted: None,
            own: None,
        }
    }

    #[test]
    fn who_leads() {
        use Certainty::{Known, Unknown};
        let rows = [
            ("nobody includes", vec![("a/r", "", "/x", Known), ("b/r", "", "/x", Known)], "a/r b/r"),
            ("included", vec![("a/r", "", "/x", Known), ("b/r", "a/r", "/x", Known)], "b/r(a/r)"),
            (
                "by policy",
                vec![("a/r", "", "/x", Known), ("a/s", "", "/x", Known), ("b/r", "a", "/x", Known)],
                "b/r(a/r a/s)",
            ),
            ("another rule", vec![("a/s", "", "/x", Known), ("b/r", "a/r", "/x", Known)], "a/s b/r"),
            ("another node", vec![("a/r", "", "/y", Known), ("b/r", "a/r", "/x", Known)], "a/r b/r"),
            ("a question", vec![("a/r", "", "/x", Unknown), ("b/r", "a/r", "/x", Known)], "a/r b/r"),
            ("by a question", vec![("a/r", "", "/x", Known), ("b/r", "a/r", "/x", Unknown)], "a/r b/r"),
            (
                "by way of another",
                vec![("a/r", "", "/x", Known), ("b/r", "a/r", "/x", Known), ("c/r", "b/r", "/x", Known)],
                "c/r(a/r b/r)",
            ),
            ("each other", vec![("a/r", "b/r", "/x", Known), ("b/r", "a/r", "/x", Known)], "a/r(b/r)"),
            (
                "in a ring",
                vec![("a/r", "b/r", "/x", Known), ("b/r", "c/r", "/x", Known), ("c/r", "a/r", "/x", Known)],
                "a/r(b/r c/r)",
            ),
            ("itself", vec![("a/r", "a", "/x", Known), ("a/r", "a", "/x", Known)], "a/r a/r"),
            (
                "twice at one node",
                vec![("b/r", "a/r", "/x", Known), ("b/r", "a/r", "/x", Known), ("a/r", "", "/x", Known)],
                "b/r(a/r) b/r",
            ),
        ];
        for (name, findings, expected) in rows {
            let findings: Vec<Finding> = findings
                .into_iter()
                .map(|(code, includes, at, sure)| finding(code, includes, at, sure))
                .collect();
            let all: Vec<&Finding> = findings.iter().collect();
            let told = folded(&all).into_iter().map(|(finding, also)| {
                let also: Vec<&str> = also.iter().map(|finding| finding.code()).collect();
                match also.is_empty() {
                    true => finding.code().to_owned(),
                    false => format!("{}({})", finding.code(), also.join(" ")),
                }
            });
            assert_eq!(told.collect::<Vec<_>>().join(" "), expected, "{name}");
        }
    }
}
