//! Policies and bindings as the API server stores them: in canonical form, with their defaults. What is not of the right
//! type reads as not written; who validates first has nothing of that kind.

use crate::cel::checker::ResultKind;
use crate::cel::declarations::EnvKind;
use crate::cel::profile::Profile;
use crate::document::NodeRef;
use crate::policy::FailurePolicy;
use crate::resource::selector::LabelSelector;

use super::kinds::Named;
use super::params::{ParamKind, ParamRef};
use super::programs::Compiler;
use super::scope::{MatchConstraints, Rule, RuleScope};
use super::{
    AdmissionPolicy, Annotation, Binding, Body, MadeFor, Mutation, PatchType, Validation, ValidationAction,
};

/// The API group of all of these.
pub const GROUP: &str = "admissionregistration.k8s.io";

/// One of the four kinds.
#[derive(Debug)]
pub enum Written {
    /// ValidatingAdmissionPolicy or MutatingAdmissionPolicy
    Policy(AdmissionPolicy),
    /// A binding of a ValidatingAdmissionPolicy.
    ValidatingBinding(Binding),
    /// A binding of a MutatingAdmissionPolicy.
    MutatingBinding(Binding),
}

/// Which of the four kinds an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenKind {
    /// `ValidatingAdmissionPolicy`
    Validating,
    /// `ValidatingAdmissionPolicyBinding`
    ValidatingBinding,
    /// `MutatingAdmissionPolicy`
    Mutating,
    /// `MutatingAdmissionPolicyBinding`
    MutatingBinding,
}

impl WrittenKind {
    /// Of an object, whatever its version.
    #[must_use]
    pub fn of(root: NodeRef<'_>) -> Option<Self> {
        let (group, _) = root.get_str("apiVersion")?.split_once('/')?;
        match root.get_str("kind").filter(|_| group == GROUP)? {
            "ValidatingAdmissionPolicy" => Some(Self::Validating),
            "ValidatingAdmissionPolicyBinding" => Some(Self::ValidatingBinding),
            "MutatingAdmissionPolicy" => Some(Self::Mutating),
            "MutatingAdmissionPolicyBinding" => Some(Self::MutatingBinding),
            _ => None,
        }
    }
}

/// Reads an object and compiles its expressions; `None`: it is none of the four kinds.
#[must_use]
pub fn read(root: NodeRef<'_>, profile: Profile) -> Option<Written> {
    Some(match WrittenKind::of(root)? {
        WrittenKind::Validating => Written::Policy(policy(root, profile, validating)),
        WrittenKind::Mutating => Written::Policy(policy(root, profile, mutating)),
        WrittenKind::ValidatingBinding => Written::ValidatingBinding(binding(root)),
        WrittenKind::MutatingBinding => Written::MutatingBinding(binding(root)),
    })
}

fn text(node: NodeRef<'_>, field: &str) -> String {
    node.get_str(field).unwrap_or_default().to_owned()
}

fn items<'d>(node: Option<NodeRef<'d>>, field: &str) -> impl Iterator<Item = NodeRef<'d>> + use<'d> {
    node.and_then(|node| node.get(field)).into_iter().flat_map(NodeRef::items)
}

fn texts(node: NodeRef<'_>, field: &str) -> Vec<String> {
    items(Some(node), field).filter_map(NodeRef::as_str).map(str::to_owned).collect()
}

fn name(root: NodeRef<'_>) -> String {
    root.get("metadata").map(|metadata| text(metadata, "name")).unwrap_or_default()
}

type ReadBody = fn(Option<NodeRef<'_>>, &Compiler) -> Body;

fn policy(root: NodeRef<'_>, profile: Profile, body: ReadBody) -> AdmissionPolicy {
    let spec = root.get("spec");
    let param_kind = spec.and_then(|spec| spec.get_present("paramKind")).map(|kind| {
        let version = text(kind, "apiVersion");
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        ParamKind(Named::new(group, version, &text(kind, "kind")))
    });
    let mut compiler = Compiler::new(profile, param_kind.is_some());
    for variable in items(spec, "variables") {
        compiler.variable(&text(variable, "name"), &text(variable, "expression"));
    }
    let condition = |condition: NodeRef<'_>| {
        compiler.expression(&text(condition, "expression"), EnvKind::Validation, ResultKind::Bool)
    };
    let mut policy = AdmissionPolicy {
        name: name(root),
        failure_policy: match spec.and_then(|spec| spec.get_str("failurePolicy")) {
            Some("Ignore") => FailurePolicy::Ignore,
            _ => FailurePolicy::Fail,
        },
        param_kind,
        scope: spec.and_then(|spec| spec.get_present("matchConstraints")).map(scope),
        conditions: items(spec, "matchConditions").map(condition).collect(),
        body: body(spec, &compiler),
        variables: compiler.finish(),
        reads: MadeFor::default(),
    };
    let of_variables = policy.variables.named().map(|(_, program)| program.source());
    let sources = of_variables.chain(policy.expressions().map(|compiled| &*compiled.source));
    policy.reads = sources.map(MadeFor::of).fold(MadeFor::default(), MadeFor::and);
    policy
}

fn validating(spec: Option<NodeRef<'_>>, compiler: &Compiler) -> Body {
    let validation = |node: NodeRef<'_>| {
        let words = text(node, "messageExpression");
        Validation {
            expression: compiler.expression(&text(node, "expression"), EnvKind::Validation, ResultKind::Bool),
            message: text(node, "message"),
            message_expression: (!words.is_empty())
                .then(|| compiler.expression(&words, EnvKind::Message, ResultKind::String)),
            reason: node.get_str("reason").map(str::to_owned),
        }
    };
    let annotation = |node: NodeRef<'_>| {
        let source = text(node, "valueExpression");
        let value = compiler.expression(&source, EnvKind::Validation, ResultKind::StringOrNull);
        Annotation { key: text(node, "key"), value }
    };
    Body::Validating {
        validations: items(spec, "validations").map(validation).collect(),
        annotations: items(spec, "auditAnnotations").map(annotation).collect(),
    }
}

fn mutating(spec: Option<NodeRef<'_>>, compiler: &Compiler) -> Body {
    let mutation = |node: NodeRef<'_>| {
        let (patch, field, result) = match node.get_str("patchType") {
            Some("ApplyConfiguration") => {
                (PatchType::ApplyConfiguration, "applyConfiguration", ResultKind::Object)
            }
            _ => (PatchType::JsonPatch, "jsonPatch", ResultKind::JsonPatches),
        };
        let source = node.get(field).map(|patch| text(patch, "expression")).unwrap_or_default();
        Mutation { patch, expression: compiler.expression(&source, EnvKind::Mutation, result) }
    };
    Body::Mutating {
        mutations: items(spec, "mutations").map(mutation).collect(),
        reinvoked: spec.and_then(|spec| spec.get_str("reinvocationPolicy")) == Some("IfNeeded"),
    }
}

fn binding(root: NodeRef<'_>) -> Binding {
    let spec = root.get("spec");
    let field = |field: &str| spec.and_then(|spec| spec.get_present(field));
    let action = |name: &str| match name {
        "Deny" => Some(ValidationAction::Deny),
        "Warn" => Some(ValidationAction::Warn),
        "Audit" => Some(ValidationAction::Audit),
        _ => None,
    };
    let param_ref = |node: NodeRef<'_>| ParamRef {
        name: text(node, "name"),
        namespace: text(node, "namespace"),
        selector: node.get_present("selector").map(selector),
        required: node.get_str("parameterNotFoundAction") == Some("Deny"),
    };
    Binding {
        name: name(root),
        policy: spec.map(|spec| text(spec, "policyName")).unwrap_or_default(),
        param_ref: field("paramRef").map(param_ref),
        scope: field("matchResources").map(scope),
        actions: items(spec, "validationActions").filter_map(NodeRef::as_str).filter_map(action).collect(),
    }
}

fn scope(node: NodeRef<'_>) -> MatchConstraints {
    let selector_at = |field: &str| node.get_present(field).map(selector).unwrap_or_default();
    MatchConstraints {
        namespaces: selector_at("namespaceSelector"),
        objects: selector_at("objectSelector"),
        rules: items(Some(node), "resourceRules").map(rule).collect(),
        excluded: items(Some(node), "excludeResourceRules").map(rule).collect(),
        equivalent: node.get_str("matchPolicy") != Some("Exact"),
    }
}

fn selector(node: NodeRef<'_>) -> LabelSelector {
    LabelSelector::parse(node).unwrap_or_default()
}

fn rule(node: NodeRef<'_>) -> Rule {
    Rule {
        operations: texts(node, "operations"),
        groups: texts(node, "apiGroups"),
        versions: texts(node, "apiVersions"),
        resources: texts(node, "resources"),
        scope: match node.get_str("scope") {
            Some("Namespaced") => RuleScope::Namespaced,
            Some("Cluster") => RuleScope::Cluster,
            _ => RuleScope::All,
        },
        names: texts(node, "resourceNames"),
    }
}
