//! Mutating policies applied to a request: one after the other, each over the object as those before left it, and those
//! that asked for it once more (k8s.io/apiserver `pkg/admission/plugin/policy/mutating/dispatcher.go`,
//! `reinvocationcontext.go`; `pkg/admission/reinvocation.go`).

use std::collections::{BTreeMap, BTreeSet};

use kubernetes_objects::admit::Served;
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::mutate::{Fault as Unpatched, Target, apply_configuration, json_patch, settled};
use kubernetes_objects::schema;

use crate::document::edit::PatchOperation;
use crate::document::{Document, LimitError, NodeRef};
use crate::policy::FailurePolicy;
use crate::request::Request;

use super::answer::Denied;
use super::convert::Unconverted;
use super::dispatch::{Asked, Versioned};
use super::input::{Authorizer, Input, Made, Objects, original};
use super::kinds::{Kinds, Named, Serving};
use super::mutate::{Invocation, Misconfigured, invocations, value};
use super::programs::Fault;
use super::validate::{Conditions, conditions};
use super::{AdmissionPolicy, Binding, Body, Hook, MadeFor, Mutation, PatchType};

/// What mutating policies made of a request.
#[derive(Debug, Default)]
pub struct Mutated<'h> {
    /// The object, where it is another than before.
    pub object: Option<Document<'static>>,
    /// The policies that changed it, in order, each once.
    pub by: Vec<&'h AdmissionPolicy>,
    /// What went wrong, ignored or not, in the order in which the server meets it.
    pub failures: Vec<Failure<'h>>,
    /// Why the server does not go on, where it is none of the failures' doing.
    pub stopped: Option<Stopped<'h>>,
}

/// A policy that was not applied.
#[derive(Debug, Clone)]
pub struct Failure<'h> {
    /// The policy.
    pub policy: &'h AdmissionPolicy,
    /// The binding; `None`: the fault is the policy's.
    pub binding: Option<&'h Binding>,
    /// Why; or what would have to be known.
    pub why: Fault,
    /// Whether it lies in the policy's configuration rather than in what it does.
    pub configuration: bool,
}

/// A failure that no `failurePolicy` is asked about.
#[derive(Debug, Clone)]
pub struct Stopped<'h> {
    /// The policy.
    pub policy: &'h AdmissionPolicy,
    /// What the server answers: 500 with this text, or nothing at all.
    pub with: Option<String>,
}

impl Failure<'_> {
    /// The server's words.
    #[must_use]
    pub fn message(&self, why: &str) -> String {
        let policy = &self.policy.name;
        match self.binding {
            Some(binding) => {
                format!("policy '{policy}' with binding '{}' denied request: {why}", binding.name)
            }
            None => format!("policy {policy:?} denied request: {why}"),
        }
    }

    /// Why the request is refused for it, if it is.
    #[must_use]
    pub fn denies(&self) -> Option<&str> {
        match &self.why {
            Fault::Error(why) if self.policy.failure_policy == FailurePolicy::Fail => Some(why),
            _ => None,
        }
    }
}

impl Mutated<'_> {
    /// The operations that make the object out of `before`, which is the request's: as the server reads it, with its
    /// defaults, or these are among the operations.
    ///
    /// # Errors
    /// When a new value goes over a limit.
    pub fn patch(&self, before: NodeRef<'_>) -> Result<Vec<PatchOperation>, LimitError> {
        self.object.as_ref().map_or_else(|| Ok(Vec::new()), |object| before.difference(object.root()))
    }

    /// Why the request is refused, if it is. A server that crashes answers nothing; that is told as code 0.
    #[must_use]
    pub fn denied(&self) -> Option<Denied> {
        if let Some(stopped) = &self.stopped {
            return Some(match &stopped.with {
                Some(text) => Denied {
                    code: 500,
                    reason: "InternalError".to_owned(),
                    message: format!("Internal error occurred: {text}"),
                    causes: vec![text.clone()],
                },
                None => Denied {
                    code: 0,
                    reason: String::new(),
                    message: "<connection closed by the server without a response>".to_owned(),
                    causes: Vec::new(),
                },
            });
        }
        let said = |failure: &Failure<'_>| Some(failure.message(failure.denies()?));
        let causes: Vec<String> = self.failures.iter().filter_map(said).collect();
        let first = self.failures.iter().find(|failure| failure.denies().is_some())?;
        let reason = if first.configuration { "Forbidden" } else { "Invalid" };
        Some(Denied { code: 403, reason: reason.to_owned(), message: causes.first()?.clone(), causes })
    }
}

/// Applies the mutating policies among these to a request. `custom`: the kinds that definitions give.
#[must_use]
pub fn apply<'h>(hooks: &'h [Hook], asked: Asked<'_>, custom: &Definitions) -> Mutated<'h> {
    let mut chain = Chain::new(asked.kinds, custom);
    let first = chain.first(hooks, asked);
    let again = first.as_ref().filter(|_| !chain.is_over()).and_then(|object| {
        let request = asked.request.with_object(object.root());
        chain.again(hooks, Asked { request: &request, ..asked }, false)
    });
    chain.finish(again.or(first))
}

/// A policy, its binding and its parameter's namespace and name.
type Key = (String, String, String);

/// Mutating policies while a request passes them: once all, and once more those that asked for it
/// (`reinvocationPolicy: IfNeeded`), if a plugin behind them or they themselves changed the object.
#[derive(Debug)]
pub struct Chain<'h, 'c> {
    custom: &'c Definitions,
    minor: u8,
    mutated: Mutated<'h>,
    /// What asks to be invoked once more …
    reinvocable: BTreeSet<Key>,
    /// … and what of that is, whether or not a plugin behind the policies changes the object.
    again: BTreeSet<Key>,
}

impl<'h, 'c> Chain<'h, 'c> {
    /// A chain that no request has passed. `custom`: the kinds that definitions give.
    #[must_use]
    pub fn new(kinds: &Kinds, custom: &'c Definitions) -> Self {
        let minor = u8::try_from(kinds.minor()).unwrap_or(schema::NEWEST);
        Self {
            custom,
            minor,
            mutated: Mutated::default(),
            reinvocable: BTreeSet::new(),
            again: BTreeSet::new(),
        }
    }

    /// The object as all policies make it; `None`: as it is.
    pub fn first(&mut self, hooks: &'h [Hook], asked: Asked<'_>) -> Option<Document<'static>> {
        self.through(hooks, asked, false)
    }

    /// The object as those make it that ask to be invoked once more; `asked` has it as the plugins before left it. `changed`:
    /// a plugin behind the policies changed it, so that all of these are invoked; else those before the last that did.
    pub fn again(&mut self, hooks: &'h [Hook], asked: Asked<'_>, changed: bool) -> Option<Document<'static>> {
        if changed {
            self.again.append(&mut self.reinvocable);
        }
        self.through(hooks, asked, true)
    }

    /// The policies that changed the object so far, in order, each once.
    #[must_use]
    pub fn changed_by(&self) -> &[&'h AdmissionPolicy] {
        &self.mutated.by
    }

    /// Whether the server has refused the request.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.mutated.denied().is_some()
    }

    /// What came of it.
    #[must_use]
    pub fn finish(self, object: Option<Document<'static>>) -> Mutated<'h> {
        Mutated { object, ..self.mutated }
    }
}

/// The objects of a request in one version, on which several policies work.
struct Version {
    made: Made,
    objects: Versioned,
    object: Option<Document<'static>>,
    /// Whether a policy put something there, be it the same.
    dirty: bool,
}

impl<'h> Chain<'h, '_> {
    /// One time through all policies: the object, where they put one there.
    fn through(&mut self, hooks: &'h [Hook], asked: Asked<'_>, again: bool) -> Option<Document<'static>> {
        let (all, faults) = invocations(hooks, asked);
        let reads = hooks.iter().map(|hook| hook.policy.reads).fold(MadeFor::default(), MadeFor::and);
        for Misconfigured { policy, binding, why } in faults {
            self.failed(Failure { policy, binding, why, configuration: true });
        }
        let mut versions: BTreeMap<Named, Version> = BTreeMap::new();
        let mut invoked = BTreeSet::new();
        let mut last = None;
        for invocation in &all {
            let (policy, binding) = (invocation.policy, invocation.binding);
            let mut here = Here { run: self, policy, binding, asked, reads };
            if !versions.contains_key(&invocation.kind) {
                match here.version(invocation) {
                    Some(version) => _ = versions.insert(invocation.kind.clone(), version),
                    None => continue,
                }
            }
            let version = versions.get_mut(&invocation.kind)?;
            if !here.conditions_hold(invocation, version) {
                continue;
            }
            let key = key_of(invocation);
            if again && !here.run.again.contains(&key) {
                continue;
            }
            let Body::Mutating { mutations, reinvoked } = &policy.body else { continue };
            last = Some(invocation.kind.clone());
            if !here.mutate(invocation, mutations, version) {
                return None;
            }
            if *reinvoked {
                here.run.reinvocable.insert(key.clone());
                invoked.insert(key);
            }
        }
        let kind = last?;
        let version = versions.remove(&kind).filter(|version| version.dirty)?;
        // what was changed in another version than the last one is lost
        self.again.append(&mut invoked);
        self.settle(version.object?, &kind, asked)
    }

    /// What the second time through says again is told once, unless the server's answer has it.
    fn failed(&mut self, failure: Failure<'h>) {
        let same = |known: &Failure<'_>| {
            std::ptr::eq(known.policy, failure.policy)
                && known.binding.map(std::ptr::from_ref) == failure.binding.map(std::ptr::from_ref)
                && known.why == failure.why
        };
        if failure.denies().is_some() || !self.mutated.failures.iter().any(same) {
            self.mutated.failures.push(failure);
        }
    }

    /// The object in the version of the request's, as the next plugin sees it.
    fn settle(&self, object: Document<'static>, kind: &Named, asked: Asked<'_>) -> Option<Document<'static>> {
        let sent = asked.request.kind;
        let sent = Named::new(sent.group, sent.version, sent.kind);
        let target = Self::target(self.custom, self.minor, kind, asked.request);
        let settled = settled(object.root(), &target).ok()?;
        if *kind == sent {
            return Some(settled);
        }
        super::convert::convert(settled.root(), kind, &sent, asked.kinds).ok()
    }

    fn target<'c>(custom: &'c Definitions, minor: u8, kind: &'c Named, request: &Request<'c>) -> Target<'c> {
        let Named { group, version, name } = kind;
        let built_in = schema::kind(group, version, name, minor).map(Served::BuiltIn);
        let served =
            built_in.or_else(|| custom.find(group, version, name).map(|(d, v)| Served::Custom(d, v)));
        let (sent, _) = original(request);
        Target { kind: (group, version, name), served, sent: (sent.group, sent.version), minor }
    }
}

/// One invocation while it is worked on.
struct Here<'r, 'h, 'c, 'a> {
    run: &'r mut Chain<'h, 'c>,
    policy: &'h AdmissionPolicy,
    binding: &'h Binding,
    asked: Asked<'a>,
    /// What all policies read, for several work on one version.
    reads: MadeFor,
}

impl Here<'_, '_, '_, '_> {
    fn failed(&mut self, why: Fault) {
        let (policy, binding) = (self.policy, Some(self.binding));
        self.run.failed(Failure { policy, binding, why, configuration: false });
    }

    /// The request's objects in the version that a policy asks for.
    fn version(&mut self, invocation: &Invocation<'_, '_>) -> Option<Version> {
        let asked = self.asked;
        let objects = match Versioned::new(asked, &invocation.kind) {
            Ok(objects) => objects,
            Err(unconverted) => {
                let why = match unconverted {
                    Unconverted::Failed(why) => Fault::Error(format!("failed to configure policy: {why}")),
                    Unconverted::Unknown(what) => Fault::Unknown(what),
                };
                self.run.failed(Failure { policy: self.policy, binding: None, why, configuration: true });
                return None;
            }
        };
        match Made::new(asked.request, &invocation.resource, &invocation.kind, asked.host, self.reads) {
            Ok(made) => Some(Version { made, objects, object: None, dirty: false }),
            Err(why) => {
                self.failed(Fault::Error(why));
                None
            }
        }
    }

    fn functions(&self) -> Authorizer<'_> {
        Authorizer {
            user: self.asked.request.user.as_ref(),
            host: self.asked.host,
            deadline: self.asked.deadline,
        }
    }

    fn conditions_hold(&mut self, invocation: &Invocation<'_, '_>, version: &Version) -> bool {
        let functions = self.functions();
        let input = input(version, self.asked, &functions);
        let found = conditions(self.policy, &input, invocation.params);
        match found {
            Conditions::Hold => true,
            Conditions::No => false,
            Conditions::Failed(why) => {
                self.failed(Fault::Error(why));
                false
            }
            Conditions::Unknown(what) => {
                self.failed(Fault::Unknown(what));
                false
            }
        }
    }

    /// Applies each mutation, also after one that failed; `false`: the server stops here.
    fn mutate(
        &mut self,
        invocation: &Invocation<'_, '_>,
        mutations: &[Mutation],
        version: &mut Version,
    ) -> bool {
        let mut changed = false;
        for mutation in mutations {
            match self.patched(invocation, mutation, version) {
                None => {}
                Some(Ok(patched)) => {
                    changed |= current(version, self.asked).is_some_and(|before| before != patched.root());
                    (version.object, version.dirty) = (Some(patched), true);
                }
                Some(Err(Fault::Unknown(what))) => self.failed(Fault::Unknown(what)),
                Some(Err(Fault::Error(why))) => self.failed(Fault::Error(why)),
            }
            if self.run.mutated.stopped.is_some() {
                return false;
            }
        }
        if changed && !self.run.mutated.by.iter().any(|known| std::ptr::eq(*known, self.policy)) {
            self.run.mutated.by.push(self.policy);
        }
        true
    }

    /// The object after a mutation; nothing where there is none to mutate.
    fn patched(
        &mut self,
        invocation: &Invocation<'_, '_>,
        mutation: &Mutation,
        version: &Version,
    ) -> Option<Result<Document<'static>, Fault>> {
        let object = current(version, self.asked)?;
        let functions = self.functions();
        let input = input(version, self.asked, &functions);
        let value = match value(self.policy, mutation, &input, invocation.params) {
            Ok(value) => value,
            Err(why) => return Some(Err(why)),
        };
        let target = Chain::target(self.run.custom, self.run.minor, &invocation.kind, self.asked.request);
        if target.served.is_none() && self.asked.kinds.serving(&invocation.kind) == Serving::Unknown {
            // how it merges, and what its defaults are
            let Named { group, name, .. } = &invocation.kind;
            return Some(Err(Fault::Unknown(format!("the definition of {name}.{group}"))));
        }
        let patched = match mutation.patch {
            PatchType::ApplyConfiguration => apply_configuration(object, &value, &target),
            PatchType::JsonPatch => json_patch(object, &value, &target),
        };
        let stopped = match patched {
            Ok(patched) => return Some(Ok(patched)),
            Err(Unpatched::Policy(why)) => return Some(Err(Fault::Error(why))),
            Err(Unpatched::Internal(text)) => Some(text),
            Err(Unpatched::Crash) => None,
        };
        self.run.mutated.stopped = Some(Stopped { policy: self.policy, with: stopped });
        None
    }
}

fn current<'v>(version: &'v Version, asked: Asked<'v>) -> Option<NodeRef<'v>> {
    version.object.as_ref().map(Document::root).or(version.objects.objects(asked).object)
}

fn input<'v>(version: &'v Version, asked: Asked<'v>, functions: &'v Authorizer<'v>) -> Input<'v> {
    let objects = Objects { object: current(version, asked), ..version.objects.objects(asked) };
    Input { request: asked.request, objects, made: &version.made, functions }
}

/// Namespace and name of a parameter.
fn key_of(invocation: &Invocation<'_, '_>) -> Key {
    let part = |field: &str| {
        let text = invocation.params.and_then(|params| params.at(field)).and_then(NodeRef::as_str);
        text.unwrap_or_default().to_owned()
    };
    let param = format!("{}/{}", part("/metadata/namespace"), part("/metadata/name"));
    (invocation.policy.name.clone(), invocation.binding.name.clone(), param)
}
