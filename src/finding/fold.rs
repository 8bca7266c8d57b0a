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
    led.dedup();
    let mut known: Vec<Known<'_>> = Vec::with_capacity(findings.len());
    for (index, Foldable { rule, pointer, certainty }) in findings.iter().enumerate() {
        if *certainty == Certainty::Known
            && let Ok(node) = led.binary_search(pointer)
        {
            known.push(Known { node, policy: policy(&rule.code), code: &rule.code, index });
        }
    }
    known.sort_unstable();
    for at_node in known.chunk_by(|a, b| a.node == b.node).filter(|at_node| at_node.len() > 1) {
        let mut leading: Vec<usize> = at_node.iter().map(|known| known.index).collect();
        leading.retain(|index| includes(&findings[*index]));
        leading.sort_unstable();
        for index in leading {
            let RuleInfo { code, includes, .. } = findings[index].rule;
            if named(at_node, code).map(|of_rule| of_rule.index).min() != Some(index) {
                continue;
            }
            for included in includes.iter().flat_map(|name| named(at_node, name)) {
                let other = included.index;
                if included.code != code && leads[other].is_none() && root(&leads, index) != other {
                    leads[other] = Some(index);
                }
            }
        }
    }
    (0..leads.len()).map(|index| leads[index].map(|_| root(&leads, index))).collect()
}

/// A known fault: those at a node stand together, of these those of a policy.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Known<'f> {
    /// The number of the node.
    node: usize,
    policy: &'f str,
    code: &'f str,
    index: usize,
}

/// Of the faults at a node those of the rule of this name, or of the rules of the policy.
fn named<'k, 'f>(at_node: &'k [Known<'f>], name: &'k str) -> impl Iterator<Item = &'k Known<'f>> {
    let policy = policy(name);
    let first = at_node.partition_point(|known| known.policy < policy);
    let of_policy = at_node[first..].iter().take_while(move |known| known.policy == policy);
    of_policy.filter(move |known| policy.len() == name.len() || known.code == name)
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

    /// What [`leaders`] says, by looking at every pair.
    fn by_pairs(findings: &[Finding]) -> Vec<Option<usize>> {
        let is = |a: &Finding, name: &str| a.code() == name || policy(a.code()) == name;
        let at =
            |a: &Finding, b: &Finding| b.certainty == Certainty::Known && a.place.pointer == b.place.pointer;
        let mut leads = vec![None; findings.len()];
        for (index, finding) in findings.iter().enumerate() {
            let first = findings.iter().position(|other| at(finding, other) && is(other, finding.code()));
            if first != Some(index) {
                continue;
            }
            for (other, included) in findings.iter().enumerate().filter(|(_, other)| at(finding, other)) {
                let is_included = finding.rule.includes.iter().any(|name| is(included, name));
                let is_other = included.code() != finding.code() && root(&leads, index) != other;
                if is_included && is_other && leads[other].is_none() {
                    leads[other] = Some(index);
                }
            }
        }
        (0..leads.len()).map(|index| leads[index].map(|_| root(&leads, index))).collect()
    }

    proptest::proptest! {
        #[test]
        fn leaders_are_those_of_all_pairs(
            rows in proptest::collection::vec(
                (
                    proptest::sample::select(vec!["a/r", "a/s", "a-b/r", "b/r", "b/s", "c", "c/r"]),
                    proptest::sample::select(vec!["", "", "a", "a/r b", "b/s", "c", "a-b a/s", "c/r b/r"]),
                    proptest::sample::select(vec!["/x", "/x", "/x/y", ""]),
                    proptest::bool::weighted(0.8),
                ),
                0..12,
            )
        ) {
            let certainty = |known| if known { Certainty::Known } else { Certainty::Unknown };
            let of = |(code, includes, at, known)| finding(code, includes, at, certainty(known));
            let findings: Vec<Finding> = rows.into_iter().map(of).collect();
            let all: Vec<Foldable<'_>> = findings.iter().map(Foldable::from).collect();
            proptest::prop_assert_eq!(leaders(&all), by_pairs(&findings));
        }
    }
}
