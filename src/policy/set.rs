//! The policies of a run, indexed by kind.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::evaluate::request::Request;
use crate::finding::{Action, Severity};
use crate::matching::KindMatch;
use crate::resource::workload::TemplatePaths;

use super::{FailurePolicy, Policy, Rule, placement};

/// The policies of a run, in the order of their names.
#[derive(Debug, Default)]
pub struct PolicySet {
    policies: Vec<Arc<Policy>>,
    /// Kind → the policies that may be about it, those about any kind included.
    by_kind: HashMap<String, Vec<usize>>,
    /// The policies that may be about any kind.
    any: Vec<usize>,
    /// The policies that may be about subresources.
    with_subresources: Vec<usize>,
    templates: TemplatePaths,
    /// The entry that this is for; `None`: both.
    half: Option<FailurePolicy>,
}

impl PolicySet {
    /// A set of these policies; `templates` are declared by the configuration.
    #[must_use]
    pub fn new(mut policies: Vec<Arc<Policy>>, mut templates: TemplatePaths) -> Self {
        policies.sort_by(|a, b| {
            (&a.id.name, &a.id.namespace, a.id.kind).cmp(&(&b.id.name, &b.id.namespace, b.id.kind))
        });
        for policy in &policies {
            templates.extend(&policy.templates);
        }
        let custom = !templates.is_empty();
        let mut named: Vec<(usize, Vec<String>)> = Vec::new();
        let mut any = Vec::new();
        for (index, policy) in policies.iter().enumerate() {
            match policy.scope.kinds.index_by(custom) {
                KindMatch::Any => any.push(index),
                KindMatch::Named(kinds) => named.push((index, kinds)),
            }
        }
        let mut by_kind: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, kinds) in named {
            for kind in kinds {
                by_kind.entry(kind).or_default().push(index);
            }
        }
        for indexes in by_kind.values_mut() {
            indexes.extend(&any);
            indexes.sort_unstable();
        }
        let about_subresources = |(_, policy): &(usize, &Arc<Policy>)| policy.scope.kinds.has_subresources();
        let with_subresources =
            policies.iter().enumerate().filter(about_subresources).map(|(index, _)| index).collect();
        Self { policies, by_kind, any, with_subresources, templates, half: None }
    }

    /// The policies, in the order of their names.
    #[must_use]
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// What is judged behind the entry that fails closed, or behind the one that fails open.
    #[must_use]
    pub fn half(&self, half: FailurePolicy) -> Self {
        Self { half: Some(half), ..Self::new(self.policies.clone(), self.templates.clone()) }
    }

    /// The entry that this is for; `None`: both.
    #[must_use]
    pub fn is_half(&self) -> Option<FailurePolicy> {
        self.half
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// The custom kinds with Pod templates that policies and configuration declare.
    #[must_use]
    pub fn templates(&self) -> &TemplatePaths {
        &self.templates
    }

    /// The policies that may be about a request for this kind or a subresource, in the order of their names. What is
    /// sent to a subresource may be of another kind than its resource.
    pub fn for_request(&self, kind: &str, subresource: &str) -> impl Iterator<Item = &Policy> {
        let indexes = match subresource {
            "" => self.by_kind.get(kind).unwrap_or(&self.any),
            _ => &self.with_subresources,
        };
        indexes.iter().map(|index| &*self.policies[*index])
    }

    /// Those of them that judge the request here, or change its object.
    pub fn asked<'s>(&'s self, request: &Request<'_>, mutates: bool) -> impl Iterator<Item = &'s Policy> {
        self.for_request(request.kind.kind, request.subresource).filter(move |policy| {
            self.half
                .is_none_or(|half| placement::of_request(policy, mutates, request, &self.templates) == half)
        })
    }

    /// The policies that may be about objects of a kind, in the order of their names.
    pub fn for_kind(&self, kind: &str) -> impl Iterator<Item = &Policy> {
        self.by_kind.get(kind).unwrap_or(&self.any).iter().map(|index| &*self.policies[*index])
    }
}

/// What a run makes of the policies it has loaded: which rules it wants, and how strict they are.
#[derive(Debug, Clone, Default)]
pub struct Adjustments {
    /// Only policies of these packs, and policies without packs; `None`: all.
    pub packs: Option<BTreeSet<String>>,
    /// Only these policies, rules (`policy/rule`) or categories.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
    /// Actions by policy or `policy/rule`.
    pub actions: BTreeMap<String, Action>,
    /// Severities by policy or `policy/rule`.
    pub severities: BTreeMap<String, Severity>,
    /// Lowers every action to at most this.
    pub action_override: Option<Action>,
}

impl Adjustments {
    /// Applies the adjustments; `None` when nothing of the policy is left.
    #[must_use]
    pub fn apply(&self, mut policy: Policy, embedded: bool) -> Option<Policy> {
        let Self { packs, only, skip, actions, severities, action_override } = self;
        if embedded
            && let Some(packs) = packs
            && !policy.about.packs.is_empty()
            && !policy.about.packs.iter().any(|p| packs.contains(p) || packs.contains("all"))
        {
            return None;
        }
        let name = policy.id.name.clone();
        let category = policy.about.category.clone();
        let names = |wanted: &[String], rule: &Rule| {
            wanted.iter().any(|w| *w == name || *w == rule.info.code || Some(w) == category.as_ref())
        };
        policy.rules.retain(|rule| (only.is_empty() || names(only, rule)) && !names(skip, rule));
        for rule in &mut policy.rules {
            if let Some(action) = actions.get(&rule.info.code).or_else(|| actions.get(&name)) {
                rule.action = *action;
            }
            if let Some(severity) = severities.get(&rule.info.code).or_else(|| severities.get(&name)) {
                rule.severity = *severity;
            }
            if let Some(highest) = action_override {
                rule.action = rule.action.min(*highest);
            }
        }
        (!policy.rules.is_empty()).then_some(policy)
    }

    /// The names that `only`, `skip`, `actions` and `severities` use and no policy, rule or category has.
    #[must_use]
    pub fn unknown_names<'p>(&self, policies: impl Iterator<Item = &'p Policy>) -> Vec<String> {
        let mut known = BTreeSet::new();
        for policy in policies {
            known.insert(policy.id.name.as_str());
            known.extend(policy.about.category.as_deref());
            known.extend(policy.rules.iter().map(|r| r.info.code.as_str()));
        }
        let used =
            self.only.iter().chain(&self.skip).chain(self.actions.keys()).chain(self.severities.keys());
        let unknown: BTreeSet<&String> = used.filter(|name| !known.contains(name.as_str())).collect();
        unknown.into_iter().cloned().collect()
    }
}
