//! The kinds that the CustomResourceDefinitions of the input define: what [`api`] cannot know.

use foldhash::fast::RandomState;

use super::identity::Identity;
use crate::api::{self, Role, Scope};
use crate::document::NodeRef;

type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;

/// Custom kinds, as far as their definitions were met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomKinds {
    /// By group, then kind.
    defined: HashMap<String, HashMap<String, Custom>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Custom {
    scope: Scope,
    resource: String,
}

impl CustomKinds {
    /// Takes the kind that a CustomResourceDefinition defines; says whether `root` is one that tells all of it. The
    /// last of several counts, as the one that is applied last.
    pub fn learn(&mut self, root: NodeRef<'_>) -> bool {
        // most objects are something else
        let is_definition = root.get_str("kind") == Some("CustomResourceDefinition")
            && Identity::of(root).is_some_and(|id| id.gvk.group == "apiextensions.k8s.io");
        let Some(spec) = root.get("spec").filter(|_| is_definition) else { return false };
        let scope = match spec.get_str("scope") {
            Some("Cluster") => Scope::Cluster,
            Some("Namespaced") => Scope::Namespaced,
            _ => return false,
        };
        let names = spec.get("names");
        let name = |key| names.and_then(|names| names.get_str(key));
        let (Some(group), Some(kind), Some(resource)) = (spec.get_str("group"), name("kind"), name("plural"))
        else {
            return false;
        };
        let custom = Custom { scope, resource: resource.to_owned() };
        self.defined.entry(group.to_owned()).or_default().insert(kind.to_owned(), custom);
        true
    }

    fn get(&self, group: &str, kind: &str) -> Option<&Custom> {
        self.defined.get(group)?.get(kind)
    }

    /// Whether a definition of the kind was met.
    #[must_use]
    pub fn defines(&self, group: &str, kind: &str) -> bool {
        self.get(group, kind).is_some()
    }

    /// Where objects of a kind live, built in or defined; `None`: nobody knows.
    #[must_use]
    pub fn scope(&self, group: &str, kind: &str) -> Option<Scope> {
        let defined = || self.get(group, kind).map(|custom| custom.scope);
        match api::get(group, kind) {
            Some(row) if row.role == Role::Custom => defined().or(row.scope),
            Some(row) => row.scope.or_else(defined),
            None => defined(),
        }
    }

    /// The resource of a kind, built in or defined; else a guess, as [`api::resource_of`] makes it.
    #[must_use]
    pub fn resource(&self, group: &str, kind: &str) -> String {
        match self.get(group, kind) {
            Some(custom) if api::find(group, kind).is_none() => custom.resource.clone(),
            _ => api::resource_of(group, kind),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    #[test]
    fn definitions() {
        let mut custom = CustomKinds::default();
        let mut learn = |version: &str, spec: &str| {
            let text =
                format!(r#"{{"apiVersion":"{version}","kind":"CustomResourceDefinition","spec":{spec}}}"#);
            custom.learn(Document::from_json(&text, Limits::default()).unwrap().root())
        };
        let v1 = "apiextensions.k8s.io/v1";
        let tenant =
            r#"{"group":"example.com","scope":"Cluster","names":{"kind":"Tenant","plural":"tenantry"}}"#;
        assert!(learn(v1, tenant));
        assert!(learn(
            "apiextensions.k8s.io/v1beta1",
            r#"{"group":"example.com","scope":"Namespaced","names":{"kind":"App","plural":"apps"}}"#
        ));
        // what is built in stays as it is
        assert!(learn(
            v1,
            r#"{"group":"apps","scope":"Cluster","names":{"kind":"Deployment","plural":"x"}}"#
        ));
        for (version, spec) in [
            (
                "example.com/v1",
                r#"{"group":"example.com","scope":"Cluster","names":{"kind":"No","plural":"nos"}}"#,
            ),
            (v1, r#"{"group":"example.com","scope":"World","names":{"kind":"No","plural":"nos"}}"#),
            (v1, r#"{"group":"example.com","scope":"Cluster","names":{"kind":"No"}}"#),
            (v1, r#"{"group":7,"scope":"Cluster","names":{"kind":"No","plural":"nos"}}"#),
            (v1, "null"),
        ] {
            assert!(!learn(version, spec), "{version} {spec}");
        }
        for (group, kind, scope, resource) in [
            ("example.com", "Tenant", Some(Scope::Cluster), "tenantry"),
            ("example.com", "App", Some(Scope::Namespaced), "apps"),
            ("example.com", "No", None, "nos"),
            ("example.org", "Tenant", None, "tenants"),
            ("apps", "Deployment", Some(Scope::Namespaced), "deployments"),
        ] {
            assert_eq!(
                (custom.scope(group, kind), custom.resource(group, kind).as_str()),
                (scope, resource),
                "{kind}"
            );
        }
    }
}
