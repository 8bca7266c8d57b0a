//! Parameters of a binding (k8s.io/apiserver `pkg/admission/plugin/policy/generic/policy_dispatcher.go`, CollectParams).

use crate::api::Scope;
use crate::document::NodeRef;
use crate::host::{Host, Listing, Lookup, ObjectKey};
use crate::resource::selector::LabelSelector;

use super::kinds::{Kinds, Named, Serving};

/// `paramKind`, its `apiVersion` in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamKind(pub Named);

/// `paramRef`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamRef {
    /// `name`, empty where there is none.
    pub name: String,
    /// `namespace`, empty for that of the request.
    pub namespace: String,
    /// `selector`
    pub selector: Option<LabelSelector>,
    /// `parameterNotFoundAction: Deny`
    pub required: bool,
}

/// The parameters of a binding: it is evaluated once for each.
#[derive(Debug)]
pub enum Params<'h> {
    /// These; `None` stands for null. None at all: the binding does nothing.
    Of(Vec<Option<NodeRef<'h>>>),
    /// A configuration error.
    Failed(String),
    /// What would have to be known.
    Unknown(String),
}

impl ParamKind {
    /// Why no object of the kind can be a parameter (`policy_source.go`, ensureParamsForPolicyLocked).
    #[must_use]
    pub fn scope(&self, kinds: &Kinds) -> Lookup<Scope> {
        let Self(Named { group, version, name }) = self;
        match kinds.serving(&self.0) {
            Serving::Served(scope) => Lookup::Known(scope),
            Serving::Not => Lookup::Failed(format!(
                "failed to find resource referenced by paramKind: '{group}/{version}, Kind={name}'"
            )),
            Serving::Unknown => Lookup::Unknown(format!("the definition of {name}.{group}")),
        }
    }
}

/// Finds the parameters of a binding for a request in a namespace, none if that is empty.
#[must_use]
pub fn collect<'h>(
    kind: Option<(&ParamKind, Scope)>,
    reference: Option<&ParamRef>,
    namespace: &str,
    host: &'h dyn Host,
) -> Params<'h> {
    let (Some((ParamKind(kind), scope)), Some(reference)) = (kind, reference) else {
        return Params::Of(vec![None]);
    };
    let namespace = match scope {
        Scope::Namespaced if !reference.namespace.is_empty() => reference.namespace.as_str(),
        Scope::Namespaced if namespace.is_empty() => {
            let why =
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources";
            return Params::Failed(why.to_owned());
        }
        Scope::Namespaced => namespace,
        Scope::Cluster if !reference.namespace.is_empty() => {
            let why = "paramRef.namespace must not be provided for a cluster-scoped `paramKind`";
            return Params::Failed(why.to_owned());
        }
        Scope::Cluster => "",
    };
    let found = match (&reference.selector, reference.name.as_str()) {
        (Some(_), name) if !name.is_empty() => {
            Lookup::Failed("paramRef.name and paramRef.selector are mutually exclusive".to_owned())
        }
        (None, "") => Lookup::Failed("one of name or selector must be provided".to_owned()),
        (None, name) => named(kind, namespace, name, host),
        (Some(selector), _) => selected(kind, namespace, selector, host),
    };
    match found {
        Lookup::Known(found) => Params::Of(found),
        Lookup::Absent if reference.required => Params::Failed(
            "no params found for policy binding with `Deny` parameterNotFoundAction".to_owned(),
        ),
        Lookup::Absent => Params::Of(Vec::new()),
        Lookup::Unknown(what) => Params::Unknown(what),
        Lookup::Failed(why) => Params::Failed(why),
    }
}

fn named<'h>(
    kind: &Named,
    namespace: &str,
    name: &str,
    host: &'h dyn Host,
) -> Lookup<Vec<Option<NodeRef<'h>>>> {
    let key = ObjectKey { group: &kind.group, kind: &kind.name, namespace, name };
    host.get(key).map(|object| vec![Some(object.root)])
}

fn selected<'h>(
    kind: &Named,
    namespace: &str,
    selector: &LabelSelector,
    host: &'h dyn Host,
) -> Lookup<Vec<Option<NodeRef<'h>>>> {
    let within = (!namespace.is_empty()).then_some(namespace);
    host.list(&kind.group, &kind.name, within).and_then(|Listing { objects, complete }| {
        let fits = |object: &NodeRef<'_>| selector.matches(object.at("/metadata/labels"));
        let found: Vec<_> = objects.into_iter().map(|o| o.root).filter(fits).map(Some).collect();
        match found.is_empty() {
            // those that are known have to hold, whatever others there may be
            false => Lookup::Known(found),
            true if complete => Lookup::Absent,
            true => Lookup::Unknown(format!("{} objects of namespace {namespace}", kind.name)),
        }
    })
}
