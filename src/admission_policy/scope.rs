//! What a policy or a binding is about, and as which version it wants to see it
//! (k8s.io/apiserver `pkg/admission/plugin/policy/matching`, `pkg/admission/plugin/webhook/predicates`).

use crate::document::NodeRef;
use crate::host::{Host, Lookup, ObjectKey};
use crate::matching::{ResourceRule, is_about_resource};
use crate::request::{Operation, Request};
use crate::resource::selector::LabelSelector;

use super::input::{metadata_name_label, original};
use super::kinds::{Kinds, Named};

/// `matchConstraints` and `matchResources`.
#[derive(Debug)]
pub struct MatchConstraints {
    /// `namespaceSelector`
    pub namespaces: LabelSelector,
    /// `objectSelector`
    pub objects: LabelSelector,
    /// `resourceRules`
    pub rules: Vec<Rule>,
    /// `excludeResourceRules`
    pub excluded: Vec<Rule>,
    /// `matchPolicy: Equivalent`
    pub equivalent: bool,
}

/// One of `resourceRules`.
#[derive(Debug)]
pub struct Rule {
    /// `operations`, or `*`
    pub operations: Vec<String>,
    /// `apiGroups`, or `*`
    pub groups: Vec<String>,
    /// `apiVersions`, or `*`
    pub versions: Vec<String>,
    /// `resources`, as `pods`, `pods/exec`, `*`, `pods/*`, `*/scale`
    pub resources: Vec<String>,
    /// `scope`
    pub scope: RuleScope,
    /// `resourceNames`; none: any.
    pub names: Vec<String>,
}

/// `scope` of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleScope {
    /// `*`
    All,
    /// `Namespaced`
    Namespaced,
    /// `Cluster`
    Cluster,
}

/// Whether a request matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matched {
    /// It does not.
    No,
    /// It does, as this resource and kind: those of the request, or equivalent ones.
    As {
        /// What the policy sees as `request.resource`.
        resource: Named,
        /// What objects are converted to.
        kind: Named,
    },
    /// It cannot be told; a configuration error.
    Failed(String),
    /// What is at hand cannot tell.
    Unknown(String),
}

/// A selector's answer.
enum Selected {
    No,
    Yes,
    Failed(String),
    Unknown(String),
}

impl MatchConstraints {
    /// What a webhook in place of the policy has to be asked about; of requests in another version the API server asks in
    /// one of these.
    #[must_use]
    pub fn asked_about(&self) -> Vec<ResourceRule> {
        let rule = |rule: &Rule| ResourceRule {
            operations: rule.operations.clone(),
            groups: rule.groups.clone(),
            versions: rule.versions.clone(),
            resources: rule.resources.clone(),
            equivalent: self.equivalent,
        };
        self.rules.iter().map(rule).collect()
    }

    /// Whether a request is matched. An error of a selector counts only where all the rest matches.
    #[must_use]
    pub fn matches(&self, request: &Request<'_>, kinds: &Kinds, host: &dyn Host) -> Matched {
        let namespace = self.selects_namespace(request, host);
        if matches!(namespace, Selected::No) || !self.selects_object(request) {
            return Matched::No;
        }
        if !matches!(self.matching(&self.excluded, request, kinds), Matched::No) {
            return Matched::No;
        }
        let matched = match self.rules.is_empty() {
            true => request_as_it_is(request),
            false => self.matching(&self.rules, request, kinds),
        };
        match (matched, namespace) {
            (Matched::As { .. }, Selected::Failed(why)) => Matched::Failed(why),
            (Matched::As { .. }, Selected::Unknown(what)) => Matched::Unknown(what),
            (matched, _) => matched,
        }
    }

    /// `namespace/matcher.go`: what is in no namespace and is none is always selected.
    fn selects_namespace(&self, request: &Request<'_>, host: &dyn Host) -> Selected {
        let name = request.namespace_name().unwrap_or_default();
        let resource = original(request).1.resource;
        if name.is_empty() && resource != "namespaces" || self.namespaces.is_everything() {
            return Selected::Yes;
        }
        let told = |selected| if selected { Selected::Yes } else { Selected::No };
        let changed = matches!(request.operation, Operation::Create | Operation::Update);
        if resource == "namespaces" && request.subresource.is_empty() && changed {
            return told(self.namespaces.matches(request.object.and_then(labels)));
        }
        let key = ObjectKey { group: "", kind: "Namespace", namespace: "", name };
        match host.get(key) {
            Lookup::Known(namespace) => {
                let labelled = metadata_name_label(namespace.root, name);
                told(self.namespaces.matches(labelled.root().at("/metadata/labels")))
            }
            Lookup::Absent => Selected::Failed(format!("namespaces \"{name}\" not found")),
            Lookup::Unknown(what) => Selected::Unknown(what),
            Lookup::Failed(why) => Selected::Failed(why),
        }
    }

    /// `object/matcher.go`: the object or the old one. The options of a connection have no metadata, so that no selector
    /// selects them but the empty one.
    fn selects_object(&self, request: &Request<'_>) -> bool {
        let selects = |object: Option<NodeRef<'_>>| object.is_some_and(|o| self.objects.matches(labels(o)));
        self.objects.is_everything()
            || request.operation != Operation::Connect
                && (selects(request.object) || selects(request.old_object))
    }

    /// `matching.go`, matchesResourceRules.
    fn matching(&self, rules: &[Rule], request: &Request<'_>, kinds: &Kinds) -> Matched {
        let (_, asked) = original(request);
        if rules.iter().any(|rule| rule.matches(request, asked.group, asked.version, asked.resource)) {
            return request_as_it_is(request);
        }
        if !self.equivalent || rules.is_empty() {
            return Matched::No;
        }
        let equivalents = kinds.equivalents(asked.group, asked.resource, request.subresource);
        for rule in rules {
            for (resource, kind) in &equivalents {
                let Named { group, version, name } = resource;
                let itself = (group.as_str(), version.as_str(), name.as_str())
                    == (asked.group, asked.version, asked.resource);
                if !itself && rule.matches(request, group, version, name) {
                    return Matched::As { resource: resource.clone(), kind: kind.clone() };
                }
            }
        }
        Matched::No
    }
}

impl Rule {
    /// `rules/rules.go`, and the names.
    fn matches(&self, request: &Request<'_>, group: &str, version: &str, resource: &str) -> bool {
        let any = |all: &[String], wanted: &str| all.iter().any(|one| one == "*" || one == wanted);
        self.in_scope(request, group, version, resource)
            && any(&self.operations, request.operation.name())
            && any(&self.groups, group)
            && any(&self.versions, version)
            && self.resources.iter().any(|wanted| is_about_resource(wanted, resource, request.subresource))
            && (self.names.is_empty() || self.names.iter().any(|name| name == request.name))
    }

    /// A Namespace is in no namespace, though requests for it name one.
    fn in_scope(&self, request: &Request<'_>, group: &str, version: &str, resource: &str) -> bool {
        let above = (group, version, resource) == ("", "v1", "namespaces")
            || request.namespace_name().unwrap_or_default().is_empty();
        match self.scope {
            RuleScope::All => true,
            RuleScope::Namespaced => !above,
            RuleScope::Cluster => above,
        }
    }
}

fn request_as_it_is(request: &Request<'_>) -> Matched {
    let (kind, resource) = original(request);
    Matched::As {
        resource: Named::new(resource.group, resource.version, resource.resource),
        kind: Named::new(kind.group, kind.version, kind.kind),
    }
}

fn labels(object: NodeRef<'_>) -> Option<NodeRef<'_>> {
    object.at("/metadata/labels")
}
