//! What a rule is given while it runs, and how it says what it found.

use std::sync::Arc;

use crate::document::NodeRef;
use crate::finding::{Certainty, Digest, Finding, Fingerprint, Place, PolicyFault, Related, Severity};
use crate::host::Host;
use crate::request::Request;
use crate::resource::digest::{combine, digest};
use crate::resource::merge;
use crate::resource::workload::{PodTemplate, TemplatePaths};

use super::facts::Facts;
use super::undecided::not_known;
use super::{EvaluationLimits, Findings, Policy, Rule};

/// What all rules of one policy see of one request.
pub struct PolicyContext<'r> {
    pub(crate) policy: &'r Policy,
    /// Where custom kinds keep their Pod templates.
    pub(crate) templates: &'r TemplatePaths,
    pub(crate) request: &'r Request<'r>,
    /// The object that is judged.
    pub(crate) object: NodeRef<'r>,
    /// Where its Pod template is, if it has one.
    pub(crate) pods: Option<PodTemplate<'r>>,
    pub(crate) host: &'r dyn Host,
    pub(crate) budget: EvaluationLimits,
}

impl<'r> PolicyContext<'r> {
    pub(crate) fn new(policy: &'r Policy, facts: &Facts<'r>, budget: EvaluationLimits) -> Option<Self> {
        let (request, host, pods) = (facts.request(), facts.host(), facts.pods());
        let templates = facts.templates();
        Some(Self { policy, templates, request, object: request.subject()?, pods, host, budget })
    }

    /// Whether the object is a Secret: what it holds is shown nowhere.
    pub(crate) fn is_secret(&self) -> bool {
        self.request.kind.group.is_empty() && self.request.kind.kind == "Secret"
    }
}

/// Where the findings of one rule go.
pub struct Sink<'s> {
    pub(crate) rule: &'s Rule,
    /// The root of the object, from which paths are counted.
    pub(crate) object: NodeRef<'s>,
    pub(crate) findings: &'s mut Findings,
    pub(crate) budget: EvaluationLimits,
}

impl Sink<'_> {
    /// A fault, at a node.
    pub(crate) fn fault(&mut self, node: NodeRef<'_>, message: String) -> &mut Finding {
        self.push(node, message, |sink| Some(sink.judged(node)), Certainty::Known, self.rule.severity)
    }

    /// As [`Sink::fault`], of a rule that says what it has judged.
    pub(crate) fn fault_of(
        &mut self,
        node: NodeRef<'_>,
        message: String,
        judged: impl FnOnce() -> Option<Digest>,
    ) -> &mut Finding {
        self.push(node, message, |_| judged(), Certainty::Known, self.rule.severity)
    }

    /// A question that the input cannot answer, at a node.
    pub(crate) fn unknown(&mut self, node: NodeRef<'_>, message: String) -> &mut Finding {
        let severity = self.rule.severity.min(Severity::Warning);
        self.push(node, message, |sink| Some(sink.judged(node)), Certainty::Unknown, severity)
    }

    /// As [`Sink::unknown`]: what would have to be known, in words that fit who asks.
    pub(crate) fn needs(&mut self, node: NodeRef<'_>, what: &str) -> &mut Finding {
        self.unknown(node, format!("cannot be decided: {}", not_known(what, self.budget.in_cluster)))
    }

    /// The rule could not be evaluated: a fault of the policy, whatever the object.
    pub(crate) fn failed(&mut self, node: NodeRef<'_>, fault: impl Into<PolicyFault>) -> &mut Finding {
        let mut fault = fault.into();
        fault.at = fault.at.or_else(|| self.rule.info.written.clone());
        let policy = self.rule.info.policy.as_ref().map_or("", |policy| &policy.name);
        let message = format!("policy {policy} could not be evaluated: {}", fault.why);
        let severity = self.rule.severity.min(Severity::Warning);
        let judged = |sink: &Self| Some(sink.judged(node));
        let finding = self.push(node, message, judged, Certainty::Failed, severity);
        finding.fault = Some(Arc::new(fault));
        finding
    }

    /// Of a rule that does not say what it has looked at: the node that it points at. At the object, its `spec` or its Pod
    /// template as a whole nothing is told apart: what a rule in Rust misses there is another object, or a field.
    fn judged(&self, node: NodeRef<'_>) -> Digest {
        let whole = node.id() == self.object.id()
            || matches!(node.key(), Some("metadata" | "spec" | "template" | "jobTemplate"))
                && node.is_object();
        if whole { combine([]) } else { digest(node) }
    }

    /// So many places were not looked at after the last finding, if there is one.
    pub(crate) fn leave_out(&mut self, places: usize) {
        if let Some(last) = self.findings.last_mut().filter(|_| places > 0) {
            last.more += places;
        }
    }

    /// So many more could not be decided.
    pub(crate) fn leave_out_undecided(&mut self, places: usize) {
        let rule = &self.rule.info;
        let undecided = |f: &&mut Finding| f.certainty != Certainty::Known && Arc::ptr_eq(&f.rule, rule);
        if let Some(last) = self.findings.iter_mut().rev().find(undecided).filter(|_| places > 0) {
            last.more += places;
        }
    }

    fn push(
        &mut self,
        node: NodeRef<'_>,
        message: String,
        judged: impl FnOnce(&Self) -> Option<Digest>,
        certainty: Certainty,
        severity: Severity,
    ) -> &mut Finding {
        let fingerprint = |sink: &Self, secret| Fingerprint {
            place: merge::place(node, sink.object.id()),
            judged: judged(sink),
            secret,
            printed: None,
        };
        let secret = self.rule.sensitive || self.object.get_str("kind") == Some("Secret");
        let fingerprint =
            if self.budget.fingerprints { fingerprint(self, secret) } else { Fingerprint::default() };
        self.findings.push(Finding {
            rule: Arc::clone(&self.rule.info),
            severity,
            actions: self.rule.actions,
            message,
            place: Place::of(node, self.object.id()),
            value: node.scalar().filter(|_| self.budget.tells_values(secret)).map(|_| node.to_json()),
            fingerprint,
            related: Vec::new(),
            fix: Vec::new(),
            certainty,
            existing: false,
            sensitive: self.rule.sensitive,
            explanation: Vec::new(),
            reference: None,
            more: 0,
            fault: None,
            excepted: None,
            own: None,
        });
        self.findings.last_mut().expect("just pushed")
    }
}

/// Keeps of one rule's findings, those from `first` on, so many faults, as many that only warn because the old object had
/// them too, and as many of what could not be told: one of them never takes the place of another, which may decide. The
/// others are counted at the last of their kind.
pub(crate) fn cap(findings: &mut Findings, first: usize, limit: Option<usize>) {
    let Some(limit) = limit.filter(|limit| findings.len() - first > *limit) else { return };
    let mut kept: [(usize, Option<usize>); 3] = [(0, None); 3];
    let mut from = first;
    for at in first..findings.len() {
        let class = match &findings[at] {
            Finding { certainty: Certainty::Known, existing: false, .. } => 0,
            Finding { certainty: Certainty::Known, .. } => 1,
            _ => 2,
        };
        let (count, last) = &mut kept[class];
        match *last {
            Some(last) if *count >= limit => findings[last].more += 1 + findings[at].more,
            _ => {
                *count += 1;
                *last = Some(from);
                findings.swap(from, at);
                from += 1;
            }
        }
    }
    findings.truncate(from);
}

/// What a rule in Rust has looked at: parts of a node, there or not. The node itself goes by its name.
pub(crate) fn judged<'d>(node: NodeRef<'d>, parts: impl IntoIterator<Item = Option<NodeRef<'d>>>) -> Digest {
    let name = node.get_str("name").unwrap_or_default();
    let mut all = vec![name.as_bytes().to_vec()];
    all.extend(parts.into_iter().map(|part| part.map_or_else(Vec::new, |p| digest(p).bytes().to_vec())));
    combine(all.iter().map(Vec::as_slice))
}

/// A place in another object.
pub(crate) fn related(object: crate::host::HostObject<'_>, node: NodeRef<'_>, message: String) -> Related {
    Related { message, document: object.document, place: Place::of(node, object.root.id()) }
}
