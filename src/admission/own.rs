//! The API server's own mutating policies: before all webhooks, and once more after them (kubernetes
//! `pkg/kubeapiserver/options/plugins.go`: MutatingAdmissionPolicy stands before MutatingAdmissionWebhook; apiserver
//! `pkg/admission/reinvocation.go`).
//!
//! They see the object as the server has it. Where the request's object is as somebody has written it, they run over what the
//! server makes of that, and [`written`](super::written) tells what of their change is to be written.

use std::borrow::Cow;

use crate::admission_policy::apply::{Chain, Failure, Mutated};
use crate::admission_policy::dispatch::Asked;
use crate::admission_policy::kinds::Kinds;
use crate::admission_policy::programs::Fault;
use crate::admission_policy::{AdmissionPolicy, Hook};
use crate::api;
use crate::apiserver::Serving;
use crate::check::{
    EDIT_LIMITS, EvaluationLimits, Findings, Policy, Sink, definitions, item_document, kinds, whole,
};
use crate::document::edit::PatchOperation;
use crate::document::{Document, NodeId, NodeRef};
use crate::host::Host;
use crate::objects::custom::Definitions;
use crate::request::Request;
use crate::store::{PolicySet, placement};

use super::mutate::Turn;
use super::{Admission, replaced, written};

/// What the request's object is to the server's own policies.
#[derive(Clone, Copy, Default)]
pub(super) enum ObjectForm<'s> {
    /// The object as the server has it.
    #[default]
    Canonical,
    /// The same, by this server.
    Received(Serving<'s, 's>),
    /// The object as it is written; what this server makes of it is what they see.
    Written(Serving<'s, 's>),
    /// What the server refuses before it asks any policy.
    Refused,
}

impl<'s> ObjectForm<'s> {
    fn serving(self) -> Option<Serving<'s, 's>> {
        match self {
            Self::Received(serving) | Self::Written(serving) => Some(serving),
            Self::Canonical | Self::Refused => None,
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy)]
pub(super) struct MutationInput<'c, 'a> {
    pub(super) set: &'c PolicySet,
    pub(super) request: &'c Request<'a>,
    pub(super) host: &'c dyn Host,
    pub(super) budget: EvaluationLimits,
    pub(super) form: ObjectForm<'c>,
}

/// The policies that are invoked in a call; none where nothing is asked of them.
pub(super) fn invoked<'c>(asking: MutationInput<'c, '_>, turn: Turn) -> Cow<'c, [Hook]> {
    let MutationInput { set, request, form, .. } = asking;
    let all = set.mutating();
    match (turn, form) {
        (_, ObjectForm::Refused) => Cow::Borrowed(&[]),
        (Turn::Only, _) => Cow::Borrowed(all),
        (Turn::Of(half), _) => {
            let own = |hook: &&Hook| {
                policy_of(set, &hook.policy).is_some_and(|policy| {
                    placement::of_request(policy, true, request, set.templates()) == half
                })
            };
            all.iter().filter(own).cloned().collect()
        }
    }
}

/// The policies at work on one request.
pub(super) struct Own<'h, 'c, 'a> {
    asking: MutationInput<'c, 'a>,
    hooks: &'h [Hook],
    kinds: Kinds,
    chain: Chain<'h, 'c>,
    /// The old object as the server has it.
    old: Option<Document<'a>>,
    /// What cannot be done with their changes.
    problems: Vec<String>,
}

/// The custom kinds that policies merge by, where no server knows them already.
pub(super) fn looked_up(asking: MutationInput<'_, '_>) -> Definitions {
    let mut custom = Definitions::new();
    if asking.form.serving().is_none() && !api::is_own_group(asking.request.kind.group) {
        definitions(asking.host).for_each(|definition| custom.add(definition));
    }
    custom
}

impl<'h, 'c, 'a> Own<'h, 'c, 'a> {
    /// `custom`: what was [looked up](looked_up).
    pub(super) fn new(asking: MutationInput<'c, 'a>, hooks: &'h [Hook], custom: &'c Definitions) -> Self {
        let MutationInput { set, request, host, form, .. } = asking;
        let serving = form.serving();
        let minor = match serving {
            Some(serving) => u32::from(serving.server.minor()),
            None => set.policies().iter().find_map(|policy| Some(whole(policy)?.minor())).unwrap_or_default(),
        };
        let kinds = kinds(minor, hooks.iter().map(|hook| &*hook.policy), request, host);
        let custom = serving.map_or(custom, |serving| serving.server.definitions());
        let chain = Chain::new(&kinds, custom);
        let old = match form {
            ObjectForm::Written(serving) => {
                replaced(request).and_then(|old| serving.receive(old, None).object)
            }
            _ => None,
        };
        Self { asking, hooks, kinds, chain, old, problems: Vec::new() }
    }

    /// Before all others.
    pub(super) fn first(&mut self, mutation: &mut Admission<'a>) {
        self.run(mutation, None);
    }

    /// Once more after the others, if the request gets there; `changed`: whether they changed something. Whether these do, now.
    pub(super) fn again(&mut self, mutation: &mut Admission<'a>, changed: bool) -> bool {
        mutation.document.is_some() && !self.chain.is_over() && self.run(mutation, Some(changed))
    }

    fn run(&mut self, mutation: &mut Admission<'a>, again: Option<bool>) -> bool {
        let MutationInput { request, host, budget, form, .. } = self.asking;
        let first = request.object;
        let current = mutation.document.as_ref().map(Document::root).or(first);
        let old = self.old.as_ref().map(Document::root).or(request.old_object);
        let received = match (form, current) {
            (ObjectForm::Written(serving), Some(current)) => {
                let stored = old.filter(|_| replaced(request).is_some());
                let received = serving.receive(current, stored);
                // of what the server refuses no policy is asked; a kind that is not known here is not refused
                if received.object.is_none() && received.served.is_some() {
                    return false;
                }
                received.object
            }
            _ => None,
        };
        let seen = received.as_ref().map(Document::root).or(current);
        let asked = Request { object: seen, old_object: old, ..request.clone() };
        let asked = Asked { request: &asked, kinds: &self.kinds, host, deadline: budget.deadline };
        let made = match again {
            None => self.chain.first(self.hooks, asked),
            Some(changed) => self.chain.again(self.hooks, asked, changed),
        };
        let (Some(made), Some(current), Some(seen), Some(first)) = (made, current, seen, first) else {
            return false;
        };
        let patch = match form {
            ObjectForm::Written(serving) => {
                let receive = |object: NodeRef<'_>| {
                    let stored = old.filter(|_| replaced(request).is_some());
                    let received = serving.receive(object, stored).object?;
                    received.root().to_document(EDIT_LIMITS).ok()
                };
                written::change(current, seen, made.root(), &receive)
            }
            _ => current.difference(made.root()),
        };
        let edited = patch.map_err(|error| error.to_string()).and_then(|patch| {
            let label = self.codes().join(", ");
            edited((mutation.document.as_ref(), first), &patch, &label).map(|edited| (patch, edited))
        });
        match edited {
            Ok((patch, _)) if patch.is_empty() => false,
            Ok((patch, edited)) => {
                mutation.patch.extend(patch);
                mutation.document = Some(edited);
                true
            }
            Err(error) => {
                self.problems.push(error);
                false
            }
        }
    }

    /// The codes of the rules that changed something.
    fn codes(&self) -> Vec<String> {
        let policies = self.chain.changed_by().iter().filter_map(|own| policy_of(self.asking.set, own));
        policies.filter_map(|policy| policy.rules.first()).map(|rule| rule.info.code.clone()).collect()
    }

    /// Says what changed the object, and what went wrong.
    pub(super) fn finish(self, mutation: &mut Admission<'a>) {
        mutation.rules.splice(0..0, self.codes());
        let MutationInput { set, request, budget, .. } = self.asking;
        let nothing = Document::null();
        let object = mutation.document.as_ref().map(Document::root).or(request.object);
        let object = object.unwrap_or(nothing.root());
        let mut told = Told { set, object, budget, findings: Findings::new() };
        for why in self.problems {
            if let Some(own) = self.chain.changed_by().last() {
                told.fault(own, format!("the change cannot be shown: {why}"));
            }
        }
        told.all(&self.chain.finish(None));
        mutation.findings.splice(0..0, told.findings);
    }
}

/// The object after a patch.
fn edited<'a>(
    (document, first): (Option<&Document<'a>>, NodeRef<'a>),
    patch: &[PatchOperation],
    label: &str,
) -> Result<Document<'a>, String> {
    // the item of a List becomes a document of its own, in which it is the root
    let item = match document {
        None if first.id() != NodeId::ROOT => Some(item_document(first).map_err(|error| error.to_string())?),
        _ => None,
    };
    let own = document.or(item.as_ref()).unwrap_or(first.document());
    own.edited(patch, label, EDIT_LIMITS).map_err(|(_, error)| error.to_string())
}

/// The policy of the set that is this one.
fn policy_of<'s>(set: &'s PolicySet, own: &AdmissionPolicy) -> Option<&'s Policy> {
    let same = |policy: &&Policy| {
        whole(policy).and_then(|whole| whole.mutating()).is_some_and(|hook| std::ptr::eq(&*hook.policy, own))
    };
    set.policies().iter().map(|policy| &**policy).find(same)
}

/// Findings at the object as a whole, each said once.
struct Told<'t> {
    set: &'t PolicySet,
    object: NodeRef<'t>,
    budget: EvaluationLimits,
    findings: Findings,
}

impl Told<'_> {
    fn all(&mut self, mutated: &Mutated<'_>) {
        for failure in &mutated.failures {
            self.failure(failure);
        }
        if let (Some(stopped), Some(denied)) = (&mutated.stopped, mutated.denied()) {
            self.fault(stopped.policy, denied.message);
        }
    }

    /// What `failurePolicy: Ignore` passes over nobody is told of.
    fn failure(&mut self, failure: &Failure<'_>) {
        match (&failure.why, failure.denies()) {
            (_, Some(why)) => self.fault(failure.policy, failure.message(why)),
            (Fault::Unknown(what), None) => self.say(failure.policy, |sink, object| {
                sink.needs(object, what);
            }),
            (Fault::Error(_), None) => {}
        }
    }

    fn fault(&mut self, policy: &AdmissionPolicy, message: String) {
        self.say(policy, |sink, object| {
            sink.fault(object, message);
        });
    }

    fn say(&mut self, policy: &AdmissionPolicy, say: impl FnOnce(&mut Sink<'_>, NodeRef<'_>)) {
        let Self { set, object, budget, findings } = self;
        let Some(rule) = policy_of(set, policy).and_then(|policy| policy.rules.first()) else { return };
        let before = findings.len();
        say(&mut Sink { rule, object: *object, findings, budget: *budget }, *object);
        let (known, new) = findings.split_at(before);
        let said = new.iter().any(|new| known.iter().any(|k| k.rule == new.rule && k.message == new.message));
        if said {
            findings.truncate(before);
        }
    }
}
