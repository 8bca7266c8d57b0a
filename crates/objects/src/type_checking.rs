//! What the server writes into `status.typeChecking` of a ValidatingAdmissionPolicy: its expressions, checked against the
//! schemas of the kinds that it matches (k8s.io/apiserver pkg/admission/plugin/policy/validating/typechecking.go).
//!
//! Validations and their message expressions are checked, and nothing else; an error of a variable shows only where it
//! is used. It never changes what a policy decides.

mod types;

use std::collections::BTreeSet;

use document::{NodeId, NodeRef};
use kubernetes_cel::checker;
use kubernetes_cel::declarations::{Env, EnvKind};
use kubernetes_cel::profile::Profile;
use kubernetes_cel::types::Type;

use crate::admit::split;
use crate::custom::Definitions;
use crate::field::At;
use crate::schema;

/// Kinds of more rules are not looked at.
const MOST_KINDS: usize = 10;

/// What is wrong with one expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionWarning {
    /// `spec.validations[0].expression`
    pub field: String,
    /// Where it stands.
    pub node: NodeId,
    /// The server's words, for every kind at which it is wrong.
    pub warning: String,
}

/// Group, version and kind, in the order in which they are told.
type KindName = (String, String, String);

/// The kinds that are known.
#[derive(Clone, Copy)]
pub struct Kinds<'k> {
    /// The minor release of Kubernetes, for the built-in ones.
    pub minor: u8,
    /// The custom ones.
    pub custom: &'k Definitions,
}

/// Checks the expressions of a ValidatingAdmissionPolicy.
#[must_use]
pub fn type_check(policy: NodeRef<'_>, kinds: Kinds<'_>) -> Vec<ExpressionWarning> {
    let spec = At::root(policy).field("spec");
    let environments: Vec<(String, Env)> = matched(spec, kinds)
        .into_iter()
        .filter_map(|(group, version, kind)| {
            let env = environment(spec, (&group, &version, &kind), kinds)?;
            Some((format!("{group}/{version}, Kind={kind}"), env))
        })
        .collect();
    let mut warnings = Vec::new();
    for validation in spec.items_at("validations") {
        for (field, needed) in [("expression", true), ("messageExpression", false)] {
            let at = validation.field(field);
            if at.is_empty() && !needed {
                continue;
            }
            let told: Vec<String> = environments
                .iter()
                .filter_map(|(kind, env)| {
                    let issues = checker::compile(at.str(), env).err()?;
                    Some(format!("{kind}: {issues}\n"))
                })
                .collect();
            if !told.is_empty() {
                let (field, node) = (at.to_string(), at.nearest().id());
                warnings.push(ExpressionWarning { field, node, warning: told.join("\n") });
            }
        }
    }
    warnings
}

/// Declares the type that objects of a kind have in expressions; `None` where there is no schema, or one that holds itself.
#[must_use]
pub fn declare_kind(kind: (&str, &str, &str), kinds: Kinds<'_>, env: &mut Env) -> Option<Type> {
    types::declare(kind, kinds, env)
}

/// What the expressions of a policy can name where it is asked about a kind; `None` where the kind has no schema.
fn environment(spec: At<'_>, kind: (&str, &str, &str), kinds: Kinds<'_>) -> Option<Env> {
    let profile = Profile::for_release(1, u32::from(kinds.minor)).0;
    let mut env = Env::new(profile, EnvKind::Validation).with_keyword_fields();
    let object = types::declare(kind, kinds, &mut env)?;
    env.declare_variable("object", object.clone()).declare_variable("oldObject", object);
    let params = spec.field("paramKind");
    if params.is_set() {
        let (group, version) = split(params.str_at("apiVersion"));
        let ty = types::declare((group, version, params.str_at("kind")), kinds, &mut env);
        env.declare_variable("params", ty.unwrap_or(Type::Dyn));
    }
    for variable in spec.items_at("variables") {
        let checked = checker::compile(variable.str_at("expression"), &env).ok();
        let ty = checked.as_ref().map(checker::Checked::output_type);
        env.declare_policy_variable(variable.str_at("name").to_owned(), ty);
    }
    Some(env)
}

/// The kinds that the rules of a policy name (`typesToCheck`): none where a group or version is `*`.
fn matched(spec: At<'_>, kinds: Kinds<'_>) -> BTreeSet<KindName> {
    let mut found = BTreeSet::new();
    for rule in spec.fields("matchConstraints.resourceRules").items() {
        let list = |field, without: &[char]| {
            let mut texts: Vec<&str> = rule.field(field).strings().collect();
            texts.retain(|text| !text.contains(without));
            texts.sort_unstable();
            texts
        };
        let wild = |field| rule.field(field).strings().any(|text| text.contains('*'));
        if wild("apiGroups") || wild("apiVersions") {
            continue;
        }
        let mut count = 0;
        for group in list("apiGroups", &[]) {
            for version in list("apiVersions", &[]) {
                for resource in list("resources", &['*', '/']) {
                    for kind in of_resource(group, version, resource, kinds) {
                        found.insert(kind);
                        count += 1;
                        if count == MOST_KINDS {
                            return found;
                        }
                    }
                }
            }
        }
    }
    found
}

/// The kinds of a resource. The core group's empty name stands for any group, a slip of the server (`KindsFor`).
fn of_resource(group: &str, version: &str, resource: &str, kinds: Kinds<'_>) -> Vec<KindName> {
    let fits = |name: &str| group.is_empty() || group == name;
    let name = |group: &str, kind: &str| (group.to_owned(), version.to_owned(), kind.to_owned());
    let built_in = schema::kinds()
        .filter(|row| {
            row.resource == resource
                && row.version == version
                && fits(row.group)
                && row.releases.contain(kinds.minor)
        })
        .map(|row| name(row.group, row.kind));
    let custom = kinds
        .custom
        .iter()
        .filter(|known| known.plural == resource && fits(&known.group) && known.served(version).is_some())
        .map(|known| name(&known.group, &known.kind));
    built_in.chain(custom).collect()
}
