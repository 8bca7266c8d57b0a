//! Answers by the findings that they tell: what was said of one replica of a workload is said of the next.

use crate::check::{Findings, write_text};
use crate::finding::Finding;
use crate::matching::Operation;
use crate::request::Request;
use crate::store::memory::{Memory, Signature};
use crate::store::remembered::Room;

/// What answers may take. One without findings is one of them.
pub(super) const ROOM: Room = Room { places: 1 << 10, bytes: 3 << 18, bytes_of_one: 64 << 10 };

/// What tells the answer to a request from others of the same policies. `None` where it is not by the findings alone: what
/// policies of the API server's own say names the object, and an UPDATE may only let go of one.
pub(super) fn signature(memory: &Memory, request: &Request<'_>, findings: &Findings) -> Option<Signature> {
    let by_findings =
        request.operation == Operation::Create && findings.iter().all(|finding| finding.own.is_none());
    if !by_findings {
        return None;
    }
    let mut bytes = Vec::with_capacity(256 * findings.len());
    findings.iter().for_each(|finding| write(finding, &mut bytes));
    Some(memory.signature(&bytes))
}

/// All of a finding that an answer tells, or decides by.
fn write(finding: &Finding, bytes: &mut Vec<u8>) {
    let Finding { rule, actions, message, place, certainty, existing, more, excepted, .. } = finding;
    let policy = rule.policy.as_ref();
    let texts = [
        &*rule.code,
        policy.map_or("", |policy| policy.kind),
        policy.and_then(|policy| policy.namespace.as_deref()).unwrap_or_default(),
        policy.map_or("", |policy| &policy.name),
        message,
        &place.path,
        &place.pointer,
    ];
    let excepted = excepted.as_ref().map(|excepted| excepted.id.to_string());
    texts.into_iter().chain(excepted.as_deref()).for_each(|text| write_text(text, bytes));
    let [is_excepted, fails_closed, exists] = [excepted.is_some(), rule.fail_closed, *existing].map(u8::from);
    bytes.extend([*certainty as u8, actions.bits(), exists, is_excepted, fails_closed]);
    bytes.extend(more.to_le_bytes());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::finding::{Action, Certainty, Excepting, Place, PolicyRef, RuleInfo, ServersOwn, Severity};

    fn request(operation: Operation) -> Request<'static> {
        Request::bare(operation, ["", "v1", "Pod", "pods"])
    }

    fn id(namespace: Option<&str>) -> PolicyRef {
        PolicyRef { kind: "ManifestPolicy", namespace: namespace.map(str::to_owned), name: "p".to_owned() }
    }

    fn rule() -> RuleInfo {
        RuleInfo { policy: Some(id(Some("n"))), ..RuleInfo::of("p/r") }
    }

    fn finding() -> Finding {
        let place = Place { path: "a.b".to_owned(), pointer: "/a/b".to_owned(), span: None, origin: None };
        Finding::at(Arc::new(rule()), Severity::Warning, "is wrong".to_owned(), place)
    }

    #[test]
    fn whatever_an_answer_says_tells_it_from_others() {
        let memory = Memory::new().unwrap();
        let of = |findings: Vec<Finding>| signature(&memory, &request(Operation::Create), &findings).unwrap();
        let with = |change: &dyn Fn(&mut Finding)| {
            let mut finding = finding();
            change(&mut finding);
            vec![finding]
        };
        let of_rule = |change: &dyn Fn(&mut RuleInfo)| {
            let mut rule = rule();
            change(&mut rule);
            let rule = Arc::new(rule);
            with(&|finding| finding.rule = rule.clone())
        };
        let excepting = Arc::new(Excepting { id: id(None), reason: None, until: None, written: None });
        let others = [
            vec![],
            vec![finding(), finding()],
            with(&|finding| finding.message.push('x')),
            with(&|finding| finding.place.path.push('x')),
            with(&|finding| finding.place.pointer.push('x')),
            with(&|finding| finding.certainty = Certainty::Failed),
            with(&|finding| finding.existing = true),
            with(&|finding| finding.actions = Action::Deny.into()),
            with(&|finding| finding.more = 1),
            with(&|finding| finding.excepted = Some(excepting.clone())),
            of_rule(&|rule| rule.code.push('x')),
            of_rule(&|rule| rule.fail_closed = true),
            of_rule(&|rule| rule.policy = Some(id(None))),
            of_rule(&|rule| rule.policy = None),
        ];
        let all: Vec<Signature> = [vec![finding()]].into_iter().chain(others).map(of).collect();
        assert_eq!(all[0], of(vec![finding()]));
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{at}");
        }
    }

    #[test]
    fn what_is_not_by_the_findings_alone_is_not_remembered() {
        let memory = Memory::new().unwrap();
        let own = Finding { own: Some(Box::new(ServersOwn::default())), ..finding() };
        assert_eq!(signature(&memory, &request(Operation::Create), &vec![own]), None);
        assert_eq!(signature(&memory, &request(Operation::Update), &vec![finding()]), None);
    }
}
