//! Many findings in little room: every rule is named before any is named twice, and what is left out is counted.

use std::collections::HashMap;

use crate::finding::{Certainty, Finding, fold};
use crate::limits::{self, ANNOTATION_BYTES, ANNOTATIONS_BYTES, MESSAGE_BYTES};

/// What a finding's line is cut to where not all fit as they are.
const LINE_BYTES: usize = 200;
/// Kept free for the line that says how many were left out.
const TAIL_BYTES: usize = 80;
/// A policy's annotation is never cut to less.
const LEAST_ANNOTATION: usize = 96;

/// `required-probes/probes: container web has no livenessProbe, at spec.containers[0]`.
#[must_use]
pub fn line(finding: &Finding) -> String {
    let (code, path) = (finding.code(), finding.place.path.as_str());
    let failed = match (&finding.certainty, &finding.rule.policy) {
        (Certainty::Failed, Some(policy)) => format!("policy {} could not be evaluated: ", policy.name),
        _ => String::new(),
    };
    let lifted = finding.excepted.as_ref().map(|excepting| format!(" (waived by {})", excepting.id));
    let (at, lifted) = (if path.is_empty() { "" } else { ", at " }, lifted.unwrap_or_default());
    [code, ": ", &failed, &finding.message, at, path, &lifted].concat()
}

/// The findings that stand for themselves, and the line of each, which names those that it leads.
fn folded_lines<'f>(findings: &[&'f Finding]) -> (Vec<&'f Finding>, Vec<String>) {
    let told = |(finding, also): (&'f Finding, Vec<&Finding>)| {
        let mut told = line(finding);
        if !also.is_empty() {
            let codes: Vec<&str> = also.iter().map(|also| also.code()).collect();
            told.push_str(&format!(" (also: {})", codes.join(", ")));
        }
        (finding, told)
    };
    fold::folded(findings).into_iter().map(told).unzip()
}

/// A line for each finding that stands for itself. Where they need more than `room` characters, every rule is named once
/// before any is named twice.
#[must_use]
pub fn warnings(findings: &[&Finding], room: usize) -> Vec<String> {
    let (leading, mut lines) = folded_lines(findings);
    if lines.iter().map(String::len).sum::<usize>() <= room {
        return lines;
    }
    ranked(&leading).into_iter().filter_map(|(_, at)| lines.get_mut(at).map(std::mem::take)).collect()
}

/// The findings, the first of each rule before the second of any.
#[must_use]
pub fn fair<'f>(findings: &[&'f Finding]) -> Vec<&'f Finding> {
    ranked(findings).into_iter().map(|(_, at)| findings[at]).collect()
}

/// For each finding how many of its rule stand before it, and where it stands; sorted.
fn ranked<'f>(findings: &[&'f Finding]) -> Vec<(usize, usize)> {
    let mut seen: HashMap<&'f str, usize> = HashMap::new();
    let rank = |(at, finding): (usize, &&'f Finding)| {
        let count = seen.entry(finding.code()).or_default();
        *count += 1;
        (*count, at)
    };
    let mut ranks: Vec<(usize, usize)> = findings.iter().enumerate().map(rank).collect();
    ranks.sort_unstable();
    ranks
}

/// Every finding, one a line where there are several, in at most 4 KB.
#[must_use]
pub(super) fn message(findings: &[&Finding]) -> String {
    let unseen: usize = findings.iter().map(|finding| finding.more).sum();
    let (leading, mut whole) = folded_lines(findings);
    match &leading[..] {
        [] => String::new(),
        [_] if unseen == 0 => limits::cut(whole.pop().unwrap_or_default(), MESSAGE_BYTES),
        several => {
            let least = if unseen > 0 { "at least " } else { "" };
            let header = match several.len() {
                1 => format!("{least}1 finding"),
                more => format!("{least}{more} findings"),
            };
            let room = MESSAGE_BYTES - TAIL_BYTES - header.len();
            let (lines, left_out) = lines(several, whole, room, "\n- ");
            let mut text = header;
            for line in lines {
                text.push_str("\n- ");
                text.push_str(&line);
            }
            if left_out + unseen > 0 {
                text.push_str("\n- ");
                text.push_str(&more(left_out, unseen));
            }
            text
        }
    }
}

/// The findings of one policy in one line, in at most `room` bytes.
fn annotation(findings: &[&Finding], room: usize) -> String {
    let unseen: usize = findings.iter().map(|finding| finding.more).sum();
    let whole = findings.iter().map(|finding| line(finding)).collect();
    let (mut lines, left_out) = lines(findings, whole, room.saturating_sub(TAIL_BYTES), "; ");
    if left_out + unseen > 0 {
        lines.push(more(left_out, unseen));
    }
    let told = if lines.len() == 1 { lines.swap_remove(0) } else { lines.join("; ") };
    limits::cut(told, room)
}

/// The findings of each policy in one line, in at most 16 KB.
pub(super) fn annotations(by_policy: &[Vec<&Finding>]) -> Vec<String> {
    let room = (ANNOTATIONS_BYTES / by_policy.len().max(1)).clamp(LEAST_ANNOTATION, ANNOTATION_BYTES);
    by_policy.iter().map(|findings| annotation(findings, room)).collect()
}

/// `and 1980 more (1950 of them not looked at)`.
fn more(left_out: usize, unseen: usize) -> String {
    match unseen {
        0 => format!("and {left_out} more"),
        _ => format!("and {} more ({unseen} of them places that were not looked at)", left_out + unseen),
    }
}

/// All lines if they fit into `room`, with what stands between them; else as many shortened ones as fit, and how many
/// do not.
fn lines(findings: &[&Finding], whole: Vec<String>, room: usize, between: &str) -> (Vec<String>, usize) {
    if whole.iter().map(|line| line.len() + between.len()).sum::<usize>() <= room {
        return (whole, 0);
    }
    let mut used = 0;
    let mut shown = Vec::new();
    for (_, at) in ranked(findings) {
        let size = whole[at].len().min(LINE_BYTES) + between.len();
        if used + size > room {
            break;
        }
        used += size;
        shown.push(at);
    }
    shown.sort_unstable();
    let left_out = whole.len() - shown.len();
    let mut whole: Vec<Option<String>> = whole.into_iter().map(Some).collect();
    let lines = shown.into_iter().filter_map(|at| whole[at].take());
    (lines.map(|line| limits::cut(line, LINE_BYTES)).collect(), left_out)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::finding::{Action, Place, PolicyRef, RuleInfo, Severity};

    fn rule(code: &str) -> Arc<RuleInfo> {
        let name = code.split('/').next().unwrap_or_default().to_owned();
        Arc::new(RuleInfo {
            code: code.to_owned(),
            policy: Some(PolicyRef { kind: "ClusterManifestPolicy", namespace: None, name }),
            remediation: None,
            references: Vec::new(),
            includes: Vec::new(),
            fail_closed: true,
            written: None,
        })
    }

    #[test]
    fn what_says_less_is_named_with_what_says_more() {
        let leading = Arc::new(RuleInfo { includes: vec!["b".to_owned()], ..(*rule("a/r")).clone() });
        let all = [findings(&leading, 1, "more"), findings(&rule("b/r"), 1, "less")].concat();
        let all: Vec<&Finding> = all.iter().collect();
        assert_eq!(message(&all), "a/r: more0, at spec.c[0] (also: b/r)");
        assert_eq!(warnings(&all, 1_000), ["a/r: more0, at spec.c[0] (also: b/r)"]);
        assert_eq!(warnings(&all[1..], 0), ["b/r: less0, at spec.c[0]"]);
    }

    fn findings(rule: &Arc<RuleInfo>, count: usize, message: &str) -> Vec<Finding> {
        let finding = |at| Finding {
            rule: rule.clone(),
            severity: Severity::Error,
            actions: Action::Deny.into(),
            message: format!("{message}{at}"),
            place: Place { path: format!("spec.c[{at}]"), pointer: String::new(), span: None, origin: None },
            value: None,
            fingerprint: crate::finding::Fingerprint::default(),
            related: Vec::new(),
            fix: Vec::new(),
            certainty: Certainty::Known,
            existing: false,
            sensitive: false,
            explanation: Vec::new(),
            reference: None,
            more: 0,
            fault: None,
            excepted: None,
            own: None,
        };
        (0..count).map(finding).collect()
    }

    #[test]
    fn a_few_are_all_named_whatever_their_length() {
        let long = "ü".repeat(1_000);
        let all = findings(&rule("p/r"), 3, &format!("c{long}"));
        let text = message(&all.iter().collect::<Vec<_>>());
        assert!(text.len() <= MESSAGE_BYTES, "{}", text.len());
        assert_eq!(text.matches("\n- p/r: c").count(), 3, "{text}");
        assert!(!text.contains("more"), "{text}");
        let all = findings(&rule("p/r"), 2, "short ");
        let text = message(&all.iter().collect::<Vec<_>>());
        assert_eq!(text, "2 findings\n- p/r: short 0, at spec.c[0]\n- p/r: short 1, at spec.c[1]");
    }

    #[test]
    fn every_rule_is_named_before_one_is_named_often() {
        let mut all = findings(&rule("a/many"), 5_000, "m");
        all.extend(findings(&rule("b/one"), 1, "o"));
        all[49].more = 19_950;
        let all: Vec<&Finding> = all.iter().collect();
        let text = message(&all);
        assert!(text.len() <= MESSAGE_BYTES);
        assert!(text.starts_with("at least 5001 findings\n- a/many: m0, at spec.c[0]\n"), "{text}");
        let shown = text.lines().count() - 2;
        let tail = format!(
            "\n- b/one: o0, at spec.c[0]\n- and {} more (19950 of them places that were not looked at)",
            5_001 - shown + 19_950
        );
        assert!(text.ends_with(&tail), "{text}");
        assert_eq!(fair(&all)[1].code(), "b/one");
    }

    #[test]
    fn annotations_share_their_room() {
        let of_policies: Vec<Vec<Finding>> =
            (0..60).map(|p| findings(&rule(&format!("p{p}/r")), 100, "message ")).collect();
        let by_policy: Vec<Vec<&Finding>> = of_policies.iter().map(|f| f.iter().collect()).collect();
        let texts = annotations(&by_policy);
        assert!(texts.iter().map(String::len).sum::<usize>() <= ANNOTATIONS_BYTES);
        assert!(texts[0].starts_with("p0/r: message 0, at spec.c[0]; "), "{}", texts[0]);
        assert!(texts[0].ends_with(" more"), "{}", texts[0]);
        let one = annotations(&by_policy[..1]);
        assert!(one[0].len() <= ANNOTATION_BYTES && one[0].len() > 3_000, "{}", one[0].len());
    }

    #[test]
    fn what_failed_is_said_to_have_failed() {
        let mut one = findings(&rule("p/r"), 1, "no such key");
        one[0].certainty = Certainty::Failed;
        assert_eq!(line(&one[0]), "p/r: policy p could not be evaluated: no such key0, at spec.c[0]");
    }
}
