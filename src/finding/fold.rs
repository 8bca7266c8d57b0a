//! Findings that say less than another at the same node are folded into it.
//!
//! A rule names the rules it [includes](super::RuleInfo::includes). Where both have found something at one node of one
//! object, the including one leads and the other is told with it: one fault is counted once. Only known faults lead or
//! are folded, for a question or a failure is news of its own.

use std::collections::{HashMap, HashSet};

use super::{Certainty, Finding};

/// For each of these findings of one object, which of them leads it; `None`: it stands for itself.
///
/// The first finding of a rule at a node leads, and whoever leads a leader leads all; where rules include each other, the
/// first of them leads.
#[must_use]
pub fn leaders(findings: &[&Finding]) -> Vec<Option<usize>> {
    let mut leads = vec![None; findings.len()];
    let includes = |finding: &&&Finding| !finding.rule.includes.is_empty();
    // most findings lie where nothing leads
    let led: HashSet<&str> =
        findings.iter().filter(includes).map(|finding| finding.place.pointer.as_str()).collect();
    if led.is_empty() {
        return leads;
    }
    let mut by_name: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (index, finding) in findings.iter().enumerate().filter(|(_, finding)| is_known(finding)) {
        let pointer = finding.place.pointer.as_str();
        if !led.contains(pointer) {
            continue;
        }
        by_name.entry((pointer, finding.code())).or_default().push(index);
        if let Some((policy, _)) = finding.code().split_once('/') {
            by_name.entry((pointer, policy)).or_default().push(index);
        }
    }
    for (index, finding) in findings.iter().enumerate().filter(|(_, finding)| includes(finding)) {
        let pointer = finding.place.pointer.as_str();
        let first = by_name.get(&(pointer, finding.code())).and_then(|of_rule| of_rule.first());
        if first != Some(&index) {
            continue;
        }
        let names = finding.rule.includes.iter().filter_map(|name| by_name.get(&(pointer, name.as_str())));
        for included in names.flatten().copied().filter(|other| findings[*other].code() != finding.code()) {
            if leads[included].is_none() && root(&leads, index) != included {
                leads[included] = Some(index);
            }
        }
    }
    (0..leads.len()).map(|index| leads[index].map(|_| root(&leads, index))).collect()
}

/// Who leads in the end. No finding is led by one that it leads, so this ends.
fn root(leads: &[Option<usize>], index: usize) -> usize {
    let mut index = index;
    while let Some(leader) = leads[index] {
        index = leader;
    }
    index
}

fn is_known(finding: &Finding) -> bool {
    finding.certainty == Certainty::Known
}

/// The findings of one object that stand for themselves, each with those that it leads.
#[must_use]
pub fn folded<'f>(findings: &[&'f Finding]) -> Vec<(&'f Finding, Vec<&'f Finding>)> {
    let leaders = leaders(findings);
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
