//! How findings become an answer: allow, deny, warn, audit.
//!
//! A finding counts for its action, with these exceptions, each for the sake of objects that are there:
//! what the old object had too only warns; an object that is being deleted is let go; and what could not be
//! decided follows the policy's `failurePolicy`.

use std::collections::BTreeMap;

use crate::document::NodeRef;
use crate::finding::{Action, Certainty, Finding};
use crate::matching::Operation;
use crate::request::Request;
use crate::resource::identity;

mod told;

pub use told::{fair, line, warnings};

/// What becomes of a request, and by which findings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict<'f> {
    /// What the request is denied for; empty: allowed.
    pub denials: Vec<&'f Finding>,
    /// What the user is told.
    pub warnings: Vec<&'f Finding>,
    /// What only the audit log is told.
    pub audits: Vec<&'f Finding>,
    /// What an exception lifts; the audit log is told, too.
    pub excepted: Vec<&'f Finding>,
}

impl Verdict<'_> {
    /// Whether the request may go on.
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.denials.is_empty()
    }

    /// What a denied user reads: every reason, one a line where there are several, within the limits of an answer.
    #[must_use]
    pub fn message(&self) -> String {
        told::message(&self.denials)
    }

    /// The findings by policy, as audit annotations show them.
    #[must_use]
    pub fn audit_annotations(&self) -> BTreeMap<&str, String> {
        let all = self.denials.iter().chain(&self.warnings).chain(&self.audits).chain(&self.excepted);
        let mut all: Vec<(&str, &Finding)> = all.map(|finding| (annotation_key(finding), *finding)).collect();
        all.sort_by_key(|(key, _)| *key);
        let (mut keys, mut by_policy) = (Vec::new(), Vec::new());
        for of_policy in all.chunk_by(|(a, _), (b, _)| a == b) {
            keys.push(of_policy[0].0);
            by_policy.push(of_policy.iter().map(|(_, finding)| *finding).collect());
        }
        keys.into_iter().zip(told::annotations(&by_policy)).collect()
    }
}

/// The name part of a qualified name, at most 63 characters.
fn annotation_key(finding: &Finding) -> &str {
    let policy = finding.rule.policy.as_ref().map_or("plimsoll", |policy| policy.name.as_str());
    let end = policy.char_indices().nth(63).map_or(policy.len(), |(at, _)| at);
    policy[..end].trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
}

/// Decides a request by its findings.
#[must_use]
pub fn decide<'f>(findings: &'f [Finding], request: &Request<'_>) -> Verdict<'f> {
    let going = is_going(request);
    let mut verdict = Verdict::default();
    for finding in findings {
        if finding.excepted.is_some() {
            verdict.excepted.push(finding);
            continue;
        }
        match effective_action(finding, going) {
            Action::Deny => verdict.denials.push(finding),
            Action::Warn => verdict.warnings.push(finding),
            Action::Audit => verdict.audits.push(finding),
        }
    }
    verdict
}

/// What a finding counts for: of several actions the strongest, for the audit log is told of every finding.
#[must_use]
pub fn effective_action(finding: &Finding, going: bool) -> Action {
    // the API server's own policies make no such exceptions
    let is_own = finding.own.is_some();
    let highest = match finding.certainty {
        _ if going && !is_own => Action::Audit,
        Certainty::Known if finding.existing => Action::Warn,
        Certainty::Known => Action::Deny,
        Certainty::Unknown | Certainty::Failed if finding.rule.fail_closed => Action::Deny,
        Certainty::Unknown | Certainty::Failed => Action::Audit,
    };
    finding.actions.at_most(highest).strongest().unwrap_or(Action::Audit)
}

/// What an object that is being deleted may lose or change on its way out; all else is judged. RBAC goes on honouring a
/// role, Pods go on reading a ConfigMap, and labels of a Namespace go on deciding what its Pods may do, until it is gone.
const ON_THE_WAY_OUT: [&str; 5] =
    ["finalizers", "managedFields", "resourceVersion", "generation", "ownerReferences"];

/// Whether the request only lets go of an object that is being deleted: then it passes, whatever is wrong with the object.
/// `sent` is the request as it came, for what policies have made of the object is no change of the request's.
#[must_use]
pub fn is_going(sent: &Request<'_>) -> bool {
    let (Some(old), Some(new)) = (sent.old_object, sent.object) else { return false };
    sent.operation == Operation::Update
        && identity::is_being_deleted(old)
        && same_but(old, new, &["metadata", "status"])
        && match (old.get_present("metadata"), new.get_present("metadata")) {
            (Some(old), Some(new)) => same_but(old, new, &ON_THE_WAY_OUT),
            (old, new) => old.is_none() && new.is_none(),
        }
}

/// Whether two objects are equal but for these members; `null` is as if absent.
fn same_but(a: NodeRef<'_>, b: NodeRef<'_>, but: &[&str]) -> bool {
    let covers = |a: NodeRef<'_>, b: NodeRef<'_>| {
        a.members()
            .filter(|(key, _)| !but.contains(key))
            .all(|(key, value)| value.is_null() && b.get_present(key).is_none() || b.get(key) == Some(value))
    };
    covers(a, b) && covers(b, a)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    #[test]
    fn only_what_lets_go_passes() {
        let meta = r#""deletionTimestamp":"2026-01-01T00:00:00Z""#;
        let rows = [
            (
                "nothing",
                format!(r#"{{"metadata":{{{meta}}}}}"#),
                format!(r#"{{"metadata":{{{meta}}}}}"#),
                true,
            ),
            (
                "finalizers, owners and bookkeeping",
                format!(
                    r#"{{"metadata":{{{meta},"finalizers":["a"],"ownerReferences":[1],"resourceVersion":"1"}},"data":{{"a":"b"}}}}"#
                ),
                format!(
                    r#"{{"metadata":{{{meta},"finalizers":null,"generation":3,"managedFields":[]}},"data":{{"a":"b"}},"status":{{}}}}"#
                ),
                true,
            ),
            (
                "data",
                format!(r#"{{"metadata":{{{meta}}},"data":{{"a":"b"}}}}"#),
                format!(r#"{{"metadata":{{{meta}}},"data":{{"a":"c"}}}}"#),
                false,
            ),
            (
                "data comes",
                format!(r#"{{"metadata":{{{meta}}}}}"#),
                format!(r#"{{"metadata":{{{meta}}},"rules":[1]}}"#),
                false,
            ),
            (
                "spec",
                format!(r#"{{"metadata":{{{meta}}},"spec":{{"a":1}}}}"#),
                format!(r#"{{"metadata":{{{meta}}},"spec":{{"a":2}}}}"#),
                false,
            ),
            (
                "a label",
                format!(r#"{{"metadata":{{{meta},"labels":{{}}}}}}"#),
                format!(r#"{{"metadata":{{{meta},"labels":{{"a":"b"}}}}}}"#),
                false,
            ),
            ("metadata goes", format!(r#"{{"metadata":{{{meta}}}}}"#), "{}".to_owned(), false),
            (
                "alive",
                r#"{"metadata":{"finalizers":["a"]}}"#.to_owned(),
                r#"{"metadata":{}}"#.to_owned(),
                false,
            ),
            (
                "only the request says so",
                r#"{"metadata":{}}"#.to_owned(),
                format!(r#"{{"metadata":{{{meta}}}}}"#),
                false,
            ),
        ];
        for (name, old, new, expected) in rows {
            let read = |text: &'static str| Document::from_json(text, Limits::default()).unwrap();
            let (old, new) = (read(old.leak()), read(new.leak()));
            let request = |operation| Request {
                name: "x",
                object: Some(new.root()),
                old_object: Some(old.root()),
                ..Request::bare(operation, [""; 4])
            };
            assert_eq!(is_going(&request(Operation::Update)), expected, "{name}");
            assert!(!is_going(&request(Operation::Create)), "{name}");
        }
    }
}
