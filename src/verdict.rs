//! How findings become an answer: allow, deny, warn, audit.
//!
//! A finding counts for its action, with these exceptions, each for the sake of objects that are there:
//! what the old object had too only warns; an object that is being deleted is let go; and what could not be
//! decided follows the policy's `failurePolicy`.

use std::collections::BTreeMap;

use crate::document::NodeRef;
use crate::evaluate::Request;
use crate::finding::{Action, Certainty, Finding};
use crate::matching::Operation;

/// An answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict<'f> {
    /// What the request is denied for; empty: allowed.
    pub denials: Vec<&'f Finding>,
    /// What the user is told.
    pub warnings: Vec<&'f Finding>,
    /// What only the audit log is told.
    pub audits: Vec<&'f Finding>,
}

impl Verdict<'_> {
    /// Whether the request may go on.
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.denials.is_empty()
    }

    /// What a denied user reads: every reason, one a line where there are several.
    #[must_use]
    pub fn message(&self) -> String {
        match self.denials.as_slice() {
            [] => String::new(),
            [one] => line(one),
            several => {
                let mut text = format!("{} findings", several.len());
                for finding in several {
                    text.push_str("\n- ");
                    text.push_str(&line(finding));
                }
                text
            }
        }
    }

    /// The findings by policy, as audit annotations show them.
    #[must_use]
    pub fn audit_annotations(&self) -> BTreeMap<String, String> {
        let mut annotations: BTreeMap<String, String> = BTreeMap::new();
        for finding in self.denials.iter().chain(&self.warnings).chain(&self.audits) {
            let policy = finding.rule.policy.as_ref().map_or("plimsoll", |p| p.name.as_str());
            let text = annotations.entry(annotation_key(policy)).or_default();
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(&line(finding));
        }
        annotations
    }
}

/// `required-probes/probes: container web has no livenessProbe, at spec.containers[0]`.
#[must_use]
pub fn line(finding: &Finding) -> String {
    let code = finding.code();
    match finding.place.path.as_str() {
        "" => format!("{code}: {}", finding.message),
        path => format!("{code}: {}, at {path}", finding.message),
    }
}

/// The name part of a qualified name, at most 63 characters.
fn annotation_key(policy: &str) -> String {
    let key: String = policy.chars().take(63).collect();
    key.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// Decides a request by its findings.
#[must_use]
pub fn decide<'f>(findings: &'f [Finding], request: &Request<'_>) -> Verdict<'f> {
    let going = is_going(request);
    let mut verdict = Verdict::default();
    for finding in findings {
        match effective_action(finding, going) {
            Action::Deny => verdict.denials.push(finding),
            Action::Warn => verdict.warnings.push(finding),
            Action::Audit => verdict.audits.push(finding),
        }
    }
    verdict
}

/// What a finding counts for.
#[must_use]
pub fn effective_action(finding: &Finding, going: bool) -> Action {
    let action = finding.action.unwrap_or(Action::Audit);
    let highest = match finding.certainty {
        _ if going => Action::Audit,
        Certainty::Known if finding.existing => Action::Warn,
        Certainty::Known => Action::Deny,
        Certainty::Unknown | Certainty::Failed if finding.rule.fail_closed => Action::Deny,
        Certainty::Unknown | Certainty::Failed => Action::Audit,
    };
    action.min(highest)
}

/// Whether an object that is being deleted changes in other ways than its `spec`: then it may lose its
/// finalizers, whatever is wrong with it.
#[must_use]
pub fn is_going(request: &Request<'_>) -> bool {
    let (Some(old), Some(new)) = (request.old_object, request.object) else { return false };
    request.operation == Operation::Update
        && old.at("/metadata/deletionTimestamp").is_some_and(|t| !t.is_null())
        && old.get("spec").filter(|s| !NodeRef::is_null(*s))
            == new.get("spec").filter(|s| !NodeRef::is_null(*s))
}
