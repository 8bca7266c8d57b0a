//! What was expected beside what was found.

use std::collections::BTreeSet;
use std::ops::Range;

use super::observe::{Observation, Observed, ObservedFinding};
use super::read::Case;
use super::written::{ExpectedFinding, TestVerdict};
use crate::document::few::SortFew as _;
use crate::nearest::nearest;

/// An object of which something else was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The object that came out otherwise.
    pub object: String,
    /// What in the test's file it is about.
    pub at: Range<usize>,
    /// Lines that begin with `-` for what was expected, `+` for what was found, `!` for what must never be.
    pub lines: Vec<String>,
}

/// Something that is wrong with the test itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What in the test's file it is about.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// What a comparison gives.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Objects of which something else was expected.
    pub differences: Vec<Difference>,
    /// What is wrong with the test.
    pub faults: Vec<Fault>,
}

/// Objects of one label: where the same object is there twice, they are spoken of as one.
struct Group<'o> {
    objects: Vec<&'o Observed>,
}

impl Group<'_> {
    fn verdict(&self) -> TestVerdict {
        self.objects.iter().map(|o| o.verdict).max().unwrap_or(TestVerdict::Allow)
    }
}

/// Compares a case with what was observed; `codes` are those of the policies under test.
#[must_use]
pub fn compare(case: &Case, observation: &Observation, codes: &BTreeSet<String>) -> Comparison {
    let mut comparison = Comparison::default();
    let objects = &observation.objects;
    let mut named = vec![false; objects.len()];
    if case.written.expect.is_empty() {
        comparison.faults.push(Fault {
            at: case.expect_key.clone().unwrap_or_else(|| case.at.clone()),
            message: format!("case {:?} expects nothing", case.written.name),
            help: Some("`plimsoll test --update` writes what there is to be expected".to_owned()),
        });
        return comparison;
    }
    for (expected, (at, findings_at)) in case.written.expect.iter().zip(&case.expect_at) {
        let mut fault = |at: &Range<usize>, message, help| {
            comparison.faults.push(Fault { at: at.clone(), message, help })
        };
        if expected.verdict.is_none() && expected.findings.is_empty() && expected.patch.is_empty() {
            let help = Some("say at least a `verdict`".to_owned());
            fault(at, format!("nothing is expected of {}", expected.object), help);
        }
        for (finding, at) in expected.findings.iter().zip(findings_at) {
            if !codes.iter().any(|code| is_rule(code, &finding.rule)) {
                let rules = codes.iter().filter_map(|code| code.split_once('/')).map(|(_, rule)| rule);
                let help = nearest(&finding.rule, rules).map(|rule| format!("did you mean `{rule}`?"));
                fault(at, format!("no policy under test has a rule {}", finding.rule), help);
            }
        }
        let called: Vec<usize> =
            (0..objects.len()).filter(|index| objects[*index].is_called(&expected.object)).collect();
        let namespaces: BTreeSet<_> = called.iter().map(|index| &objects[*index].namespace).collect();
        if called.is_empty() {
            let labels: BTreeSet<String> = objects.iter().map(Observed::label).collect();
            let labels: Vec<String> = labels.into_iter().collect();
            let help = nearest(&expected.object, labels.iter().map(String::as_str))
                .map(|label| format!("did you mean `{label}`?"))
                .or_else(|| Some(format!("the objects are {}", labels.join(", "))));
            fault(at, format!("no object is called {}", expected.object), help);
            continue;
        }
        if namespaces.len() > 1 {
            let labels: Vec<String> = called.iter().map(|index| objects[*index].full_label()).collect();
            let help = Some(format!("say {}", labels.join(" or ")));
            fault(at, format!("{} is in several namespaces", expected.object), help);
            continue;
        }
        if called.iter().any(|index| named[*index]) {
            fault(at, format!("a second entry for {}", expected.object), None);
            continue;
        }
        for index in &called {
            named[*index] = true;
        }
        let group = Group { objects: called.iter().map(|index| &objects[*index]).collect() };
        let lines = group.differences(expected.verdict, &expected.findings, &expected.patch);
        if !lines.is_empty() {
            comparison.differences.push(Difference {
                object: expected.object.clone(),
                at: at.clone(),
                lines,
            });
        }
    }
    for (object, _) in objects.iter().zip(named).filter(|(_, named)| !named) {
        let lines = Group { objects: vec![object] }.differences(None, &[], &[]);
        if !lines.is_empty() {
            let at = case.expect_key.clone().unwrap_or_else(|| case.at.clone());
            comparison.differences.push(Difference { object: object.label(), at, lines });
        }
    }
    comparison
}

/// Whether a test's name of a rule means this code.
fn is_rule(code: &str, rule: &str) -> bool {
    code == rule || code.split_once('/').is_some_and(|(_, of_code)| of_code == rule)
}

fn agrees(expected: &ExpectedFinding, observed: &ObservedFinding) -> bool {
    let ExpectedFinding { rule, line, message, unknown } = expected;
    is_rule(&observed.code, rule)
        && line.is_none_or(|line| observed.line == Some(line))
        && *unknown == observed.unknown
        && message.as_ref().is_none_or(|part| observed.message.contains(part))
}

/// A finding for each expectation, no finding for two: as many as can be. An expectation that says little never takes
/// what only another one could have (augmenting paths, as in any matching of two sides).
fn pair(expected: &[ExpectedFinding], observed: &[&ObservedFinding]) -> Vec<Option<usize>> {
    let mut taken_by: Vec<Option<usize>> = vec![None; observed.len()];
    for start in 0..expected.len() {
        // breadth first over expectations that would have to move; `from` remembers by which finding
        let mut from: Vec<Option<usize>> = vec![None; observed.len()];
        let mut seen = vec![false; observed.len()];
        let mut queue = std::collections::VecDeque::from([start]);
        let mut free = None;
        'search: while let Some(current) = queue.pop_front() {
            for (at, finding) in observed.iter().enumerate() {
                if seen[at] || !agrees(&expected[current], finding) {
                    continue;
                }
                (seen[at], from[at]) = (true, Some(current));
                match taken_by[at] {
                    Some(other) => queue.push_back(other),
                    None => {
                        free = Some(at);
                        break 'search;
                    }
                }
            }
        }
        while let Some(at) = free {
            let Some(taker) = from[at] else { break };
            free = taken_by.iter().position(|by| *by == Some(taker));
            taken_by[at] = Some(taker);
            if let Some(before) = free {
                taken_by[before] = None;
            }
        }
    }
    let mut pairs = vec![None; expected.len()];
    for (at, by) in taken_by.iter().enumerate() {
        if let Some(by) = by {
            pairs[*by] = Some(at);
        }
    }
    pairs
}

impl Group<'_> {
    fn differences(
        &self,
        verdict: Option<TestVerdict>,
        findings: &[ExpectedFinding],
        patch: &[serde_json::Value],
    ) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(verdict) = verdict.filter(|verdict| *verdict != self.verdict()) {
            lines.push(format!("- verdict {}", verdict.name()));
            lines.push(format!("+ verdict {}", self.verdict().name()));
        }
        let observed: Vec<&ObservedFinding> = self.objects.iter().flat_map(|o| &o.findings).collect();
        let pairs = pair(findings, &observed);
        let taken: BTreeSet<usize> = pairs.iter().flatten().copied().collect();
        let left = observed.into_iter().enumerate().filter(|(at, _)| !taken.contains(at)).map(|(_, f)| f);
        let unpaired = findings.iter().zip(&pairs).filter(|(_, pair)| pair.is_none());
        let mut missing: Vec<&ExpectedFinding> = unpaired.map(|(expected, _)| expected).collect();
        missing.sort_few_by_key(|e| e.line);
        lines.extend(missing.into_iter().map(|expected| {
            let message = expected.message.as_ref().map_or(String::new(), |m| format!(": …{m}…"));
            let ExpectedFinding { rule, line, unknown, .. } = expected;
            match line {
                Some(_) => format!("- {}{message}", place(rule, *line, *unknown)),
                None => format!("- {rule}, any line{}{message}", if *unknown { ", unknown" } else { "" }),
            }
        }));
        lines.extend(left.map(|f| format!("+ {}: {}", place(&f.code, f.line, f.unknown), f.message)));
        let made: Vec<_> = self.objects.iter().flat_map(|o| &o.patch).collect();
        if made != patch.iter().collect::<Vec<_>>() {
            lines.extend(patch.iter().map(|operation| format!("- patch {operation}")));
            lines.extend(made.iter().map(|operation| format!("+ patch {operation}")));
        }
        lines.extend(self.objects.iter().flat_map(|o| &o.complaints).map(|c| format!("! {c}")));
        lines
    }
}

fn place(rule: &str, line: Option<u32>, unknown: bool) -> String {
    let line = line.map_or_else(|| "no line".to_owned(), |line| format!("line {line}"));
    let unknown = if unknown { ", unknown" } else { "" };
    format!("{rule}, {line}{unknown}")
}
