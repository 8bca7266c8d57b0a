//! Rules over resources, as webhook configurations and the API server's own policies write them.

use crate::request::{Operation, Request};

use super::Target;

/// One rule: each list holds values, or `*` for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRule {
    /// `CREATE`, …
    pub operations: Vec<String>,
    /// API groups.
    pub groups: Vec<String>,
    /// Versions.
    pub versions: Vec<String>,
    /// `pods`, `pods/exec`, `*`, `pods/*`, `*/scale`
    pub resources: Vec<String>,
    /// `matchPolicy: Equivalent`: requests in another version are meant, too.
    pub equivalent: bool,
}

const EVERY: &str = "*";

impl ResourceRule {
    /// Whether it is about this in this version, at some operation.
    #[must_use]
    pub fn covers(&self, target: &Target<'_>) -> bool {
        self.has_version(target.version) && self.is_about(target, |_, _| true)
    }

    /// Whether it is about this by a group or resource that it names, be it that the request comes in another version: then
    /// another policy has asked for that one.
    #[must_use]
    pub fn names(&self, target: &Target<'_>) -> bool {
        (self.equivalent || self.has_version(target.version))
            && self.is_about(target, |group, resource| group != EVERY || resource != EVERY)
    }

    fn has_version(&self, version: &str) -> bool {
        self.versions.iter().any(|wanted| wanted == EVERY || wanted == version)
    }

    fn is_about(&self, target: &Target<'_>, counts: impl Fn(&str, &str) -> bool) -> bool {
        let Target { group, resource, subresource, .. } = target;
        let is = |wanted: &str, one: &str| wanted == EVERY || wanted == one;
        self.groups.iter().filter(|wanted| is(wanted, group)).any(|group| {
            self.resources.iter().any(|wanted| {
                is_about_resource(wanted, resource, subresource)
                    && counts(group, wanted.split('/').next().unwrap_or_default())
            })
        })
    }

    /// Whether it is about an operation.
    #[must_use]
    pub fn is_at(&self, operation: Operation) -> bool {
        self.operations.iter().any(|wanted| wanted == EVERY || wanted == operation.name())
    }

    pub(super) fn matches(&self, request: &Request<'_>) -> bool {
        self.is_at(request.operation) && self.covers(&Target::of(request))
    }

    pub(super) fn has_subresources(&self) -> bool {
        self.resources.iter().any(|resource| resource.contains('/'))
    }
}

/// Whether `pods/exec`, `pods`, `*`, `pods/*` is about a resource and subresource. `*` is about no subresource
/// (k8s.io/apiserver `pkg/admission/plugin/webhook/predicates/rules/rules.go`).
#[must_use]
pub fn is_about_resource(wanted: &str, resource: &str, subresource: &str) -> bool {
    let (of, below) = wanted.split_once('/').unwrap_or((wanted, ""));
    (of == EVERY || of == resource) && (below == EVERY || below == subresource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::identity::GroupVersionKind;

    #[test]
    fn what_a_rule_is_about_and_whether_it_names_it() {
        let target = |group, resource, subresource| Target {
            group,
            version: "v1",
            resource,
            kind: None,
            subresource,
            body: GroupVersionKind { group, version: "v1", kind: "X" },
        };
        let rule = |group: &str, resource: &str| ResourceRule {
            operations: vec!["CREATE".to_owned()],
            groups: vec![group.to_owned()],
            versions: vec!["v1".to_owned()],
            resources: vec![resource.to_owned()],
            equivalent: false,
        };
        for (rule, target, covers, names) in [
            (rule("", "pods"), target("", "pods", ""), true, true),
            (rule("", "pods"), target("", "pods", "exec"), false, false),
            (rule("", "pods/*"), target("", "pods", "exec"), true, true),
            (rule("", "pods"), target("apps", "pods", ""), false, false),
            (rule("*", "*"), target("apps", "deployments", ""), true, false),
            (rule("*", "*"), target("apps", "deployments", "scale"), false, false),
            (rule("*", "*/*"), target("apps", "deployments", "scale"), true, false),
            (rule("*", "*/scale"), target("apps", "deployments", "scale"), true, false),
            (rule("apps", "*"), target("apps", "deployments", ""), true, true),
            (rule("*", "deployments"), target("apps", "deployments", ""), true, true),
        ] {
            assert_eq!((rule.covers(&target), rule.names(&target)), (covers, names), "{rule:?} {target:?}");
        }
    }
}
