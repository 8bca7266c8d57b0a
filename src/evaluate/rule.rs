//! What a rule is given while it runs, and how it says what it found.

use std::sync::Arc;

use crate::document::NodeRef;
use crate::evaluate::{Budget, Findings, Request};
use crate::finding::{Action, Certainty, Finding, Place, Related, Severity};
use crate::host::Host;
use crate::policy::{Policy, Rule};
use crate::resource::workload::PodTemplate;

use super::facts::Facts;

/// What all rules of one policy see of one request.
pub(super) struct Subject<'r> {
    pub(super) policy: &'r Policy,
    pub(super) request: &'r Request<'r>,
    /// The object that is judged.
    pub(super) object: NodeRef<'r>,
    /// Where its Pod template is, if it has one.
    pub(super) pods: Option<PodTemplate<'r>>,
    pub(super) host: &'r dyn Host,
    pub(super) budget: Budget,
}

impl<'r> Subject<'r> {
    pub(super) fn new(policy: &'r Policy, facts: &Facts<'r>, budget: Budget) -> Option<Self> {
        let (request, host, pods) = (facts.request(), facts.host(), facts.pods());
        Some(Self { policy, request, object: request.subject()?, pods, host, budget })
    }

    /// Whether the object is a Secret: what it holds is shown nowhere.
    pub(super) fn is_secret(&self) -> bool {
        self.request.kind.group.is_empty() && self.request.kind.kind == "Secret"
    }
}

/// Where the findings of one rule go.
pub(super) struct Sink<'s> {
    pub(super) rule: &'s Rule,
    /// The root of the object, from which paths are counted.
    pub(super) object: NodeRef<'s>,
    pub(super) findings: &'s mut Findings,
}

impl Sink<'_> {
    /// A fault, at a node.
    pub(super) fn fault(&mut self, node: NodeRef<'_>, message: String) -> &mut Finding {
        self.push(node, message, Certainty::Known, self.rule.severity, self.rule.action)
    }

    /// A question that the input cannot answer, at a node.
    pub(super) fn unknown(&mut self, node: NodeRef<'_>, message: String) -> &mut Finding {
        let severity = self.rule.severity.min(Severity::Warning);
        self.push(node, message, Certainty::Unknown, severity, self.rule.action)
    }

    /// The rule could not be evaluated.
    pub(super) fn failed(&mut self, node: NodeRef<'_>, message: String) -> &mut Finding {
        self.push(node, message, Certainty::Failed, self.rule.severity, self.rule.action)
    }

    fn push(
        &mut self,
        node: NodeRef<'_>,
        message: String,
        certainty: Certainty,
        severity: Severity,
        action: Action,
    ) -> &mut Finding {
        self.findings.push(Finding {
            rule: Arc::clone(&self.rule.info),
            severity,
            action: Some(action),
            message,
            place: Place::of(node, self.object.id()),
            value: node.scalar().map(|_| node.to_json()),
            related: Vec::new(),
            fix: Vec::new(),
            certainty,
            existing: false,
            sensitive: self.rule.sensitive,
            explanation: Vec::new(),
        });
        self.findings.last_mut().expect("just pushed")
    }
}

/// A place in another object.
pub(super) fn related(object: crate::host::HostObject<'_>, node: NodeRef<'_>, message: String) -> Related {
    Related { message, document: object.document, place: Place::of(node, object.root.id()) }
}
