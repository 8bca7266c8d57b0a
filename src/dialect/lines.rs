//! A policy language of three lines, which only tests know. It shows what another language takes: this file, and its line
//! among the [`DIALECTS`](super::DIALECTS).
//!
//! ```yaml
//! kind: Lines
//! name: no-host-network
//! forbid: /spec/hostNetwork
//! ```

use std::sync::Arc;

use super::{Dialect, Issue, Lowered, Written};
use crate::cel::profile::Profile;
use crate::check::{Check, Evaluator, Policy, PolicyContext, Rule, Sink};
use crate::document::{Document, NodeRef};
use crate::finding::{Action, PolicyRef, RuleInfo, Severity};
use crate::matching::{Kinds, Match};
use crate::policy::{self, About, Controlled, Existing, FailurePolicy, Reads};
use crate::request::Operation;

pub(super) struct Lines;

/// No object has something at this pointer.
#[derive(Debug)]
struct Forbid(String);

impl Dialect for Lines {
    fn reads(&self, root: NodeRef<'_>) -> bool {
        root.get_str("kind") == Some("Lines")
    }

    fn reference(&self, root: NodeRef<'_>) -> Option<PolicyRef> {
        Some(PolicyRef { kind: "Lines", namespace: None, name: root.get_str("name")?.to_owned() })
    }

    fn lower(&self, root: NodeRef<'_>, _: Profile, written: &Written) -> Result<Lowered, Vec<Issue>> {
        let issue = |message: &str| vec![Issue::new(root.id(), message)];
        let id = self.reference(root).ok_or_else(|| issue("no name"))?;
        let forbid = root.get_str("forbid").ok_or_else(|| issue("forbids nothing"))?;
        let info = RuleInfo {
            code: format!("{}/forbid", id.name),
            policy: Some(id.clone()),
            remediation: None,
            references: Vec::new(),
            includes: Vec::new(),
            fail_closed: true,
            written: written.place(root),
        };
        let rule = Rule {
            name: "forbid".to_owned(),
            info: Arc::new(info),
            severity: Severity::Error,
            actions: Action::Deny.into(),
            sensitive: false,
            packs: Vec::new(),
            mutates: false,
            check: Box::new(Forbid(forbid.to_owned())),
        };
        let kinds = Kinds::parse(&["*"]).map_err(|_| issue("no kinds"))?;
        let operations = Match::Operations(vec![Operation::Create, Operation::Update]);
        Ok(Lowered::Policy(Box::new(policy::Policy {
            id,
            about: About::default(),
            failure_policy: FailurePolicy::Fail,
            matches: Match::All(vec![operations, Match::Kinds(kinds)]),
            controlled: Controlled::Include,
            existing: Existing::Allow,
            templates: Default::default(),
            parameters: Arc::new(Document::null()),
            conditions: Vec::new(),
            composition: Default::default(),
            reads: Reads::default(),
            rules: vec![rule],
        })))
    }
}

impl Check for Forbid {
    fn is_about_pods(&self, _: &Policy) -> bool {
        false
    }

    fn judge<'d>(&'d self, _: &mut Evaluator<'d, '_>, subject: &PolicyContext<'d>, sink: &mut Sink<'_>) {
        if let Some(node) = subject.object.at(&self.0) {
            sink.fault(node, "this is forbidden".to_owned());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::manifest::source::{Content, SourceFile};
    use crate::manifest::{Inventory, Sources};
    use crate::offline::{Asking, Offline};
    use crate::store::load::{Loaded, read_text};

    #[test]
    fn a_new_language_is_read_and_judges() {
        let read = |text: &str| {
            let mut loaded = Loaded::default();
            read_text("lines.yaml", text, false, Profile::NEWEST, &mut loaded);
            loaded
        };
        let text = "kind: Lines\nname: no-host-network\nforbid: /spec/hostNetwork\n";
        let set = read(text).into_set(&Default::default(), Default::default());
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostNetwork: true\n";
        let sources = Sources::new(vec![SourceFile::new("m.yaml", Content::Text(pod.to_owned()))]);
        let (inventory, asking) = (Inventory::load(&sources), Asking::default());
        let found = Offline::new(&inventory, None, &asking).judge_all(&set);
        let said: Vec<_> = found.iter().map(|(_, f)| (f.code(), f.place.path.as_str())).collect();
        assert_eq!(said, [("no-host-network/forbid", "spec.hostNetwork")]);

        let refused = read("kind: Lines\nname: x\n");
        assert_eq!(refused.errors[0].message, "forbids nothing");
        assert_eq!(refused.refused.len(), 1);
    }
}
