//! ValidatingAdmissionPolicy, MutatingAdmissionPolicy and their bindings (pkg/apis/admissionregistration/validation).

use std::collections::BTreeSet;

use kubernetes_cel::checker::ResultKind;
use kubernetes_cel::declarations::EnvKind;
use kubernetes_cel::profile::Profile;

use super::expressions::Compiler;
use super::matching::{self, go_trim, one_of};
use crate::field::{At, Causes};
use crate::go_value::{Field, Shape, named, value};
use crate::{meta, names, selectors};

const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const ACTIONS: [&str; 3] = ["Audit", "Deny", "Warn"];
const MUTABLE: [&str; 4] = ["*", "CONNECT", "CREATE", "UPDATE"];
const MOST_ANNOTATIONS: usize = 20;
const MOST_ANNOTATION_BYTES: usize = 5 * 1024;

pub(crate) fn validating(object: At<'_>, old: Option<At<'_>>, profile: Profile, causes: &mut Causes) {
    meta::object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let spec = object.field("spec");
    let params = spec.has("paramKind");
    let mut compiler = match spec.is_empty_at("variables") {
        true => Compiler::plain(profile, params),
        false => Compiler::composed(profile, params),
    };
    start(spec, old, profile, &[], causes);
    variables(spec, &mut compiler, causes);
    let (validations, annotations) = (spec.field("validations"), spec.field("auditAnnotations"));
    if validations.is_empty() && annotations.is_empty() {
        for field in [&validations, &annotations] {
            causes.required(*field, "validations or auditAnnotations must contain at least one item");
        }
    }
    for item in validations.items() {
        validation(item, &compiler, causes);
    }
    let name = object.field("metadata").field("name");
    audit_annotations(annotations, name.str(), &compiler, causes);
}

pub(crate) fn mutating(object: At<'_>, old: Option<At<'_>>, profile: Profile, causes: &mut Causes) {
    meta::object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let spec = object.field("spec");
    let mut compiler = Compiler::composed(profile, spec.has("paramKind"));
    start(spec, old, profile, &MUTABLE, causes);
    variables(spec, &mut compiler, causes);
    let mutations = spec.field("mutations");
    if mutations.is_empty() {
        causes.required(mutations, "mutations must contain at least one item");
    }
    for item in mutations.items() {
        mutation(item, &compiler, causes);
    }
    let reinvocation = spec.field("reinvocationPolicy");
    match reinvocation.str() {
        "" => causes.required(reinvocation, ""),
        _ => one_of(reinvocation, &["IfNeeded", "Never"], true, causes),
    }
}

/// What both kinds begin with. `operations`: those that the rules may name, any where there are none.
fn start(spec: At<'_>, old: Option<At<'_>>, profile: Profile, operations: &[&str], causes: &mut Causes) {
    one_of(spec.field("failurePolicy"), &matching::FAILURE_POLICIES, true, causes);
    let kind = spec.field("paramKind");
    if kind.is_set() {
        param_kind(kind, causes);
    }
    let constraints = spec.field("matchConstraints");
    if constraints.is_set() {
        matching::match_resources(constraints, causes);
        let rules = constraints.field("resourceRules");
        if rules.is_empty() {
            causes.required(rules, "");
        }
        if !operations.is_empty() {
            only_operations(rules, operations, causes);
        }
    } else {
        causes.required(constraints, "");
    }
    let conditions = spec.field("matchConditions");
    let unchanged = old.map(|old| old.field("spec")).is_some_and(|stored| {
        kind.same(stored.field("paramKind")) && conditions.same(stored.field("matchConditions"))
    });
    if !unchanged {
        matching::conditions(conditions, &Compiler::plain(profile, kind.is_set()), causes);
    }
}

/// Told at `…resourceRules.operations`, without the number of the rule.
fn only_operations(rules: At<'_>, allowed: &[&str], causes: &mut Causes) {
    for rule in rules.items() {
        let operations = rules.said("operations").reading(rule.field("operations"));
        for operation in operations.strings().filter(|operation| !allowed.contains(operation)) {
            causes.not_supported(operations, named(operation), allowed);
        }
    }
}

/// `validateParamKind`
fn param_kind(at: At<'_>, causes: &mut Causes) {
    let (version, kind) = (at.field("apiVersion"), at.field("kind"));
    let parts: Vec<&str> = version.str().split('/').collect();
    match parts[..] {
        [""] => causes.required(version, ""),
        ["", ""] => causes.invalid(version, "version must be specified"),
        [only] => group_and_version(version, "", only, causes),
        [group, name] => group_and_version(version, group, name, causes),
        _ => causes.invalid(version, &format!("unexpected GroupVersion string: {}", version.str())),
    }
    if kind.str().is_empty() {
        return causes.required(kind, "");
    }
    let errors = names::dns1035_label(&kind.str().to_lowercase());
    if !errors.is_empty() {
        let detail = format!("may have mixed case, but should otherwise match: {}", errors.join(","));
        causes.invalid(kind, &detail);
    }
}

fn group_and_version(at: At<'_>, group: &str, version: &str, causes: &mut Causes) {
    let mut tell = |value: &str, errors: &[String]| {
        if !errors.is_empty() {
            causes.invalid_value(at, value, &errors.join(","));
        }
    };
    if !group.is_empty() {
        tell(group, &names::dns1123_subdomain(group));
    }
    if version.is_empty() {
        causes.invalid(at, "version must be specified");
    } else {
        tell(version, &names::dns1035_label(version));
    }
}

/// `validateVariable`
fn variables(spec: At<'_>, compiler: &mut Compiler, causes: &mut Causes) {
    for variable in spec.items_at("variables") {
        let (name, expression) = (variable.field("name"), variable.field("expression"));
        if go_trim(name.str()).is_empty() {
            causes.required(name, "name is not specified");
        } else if !is_identifier(name.str()) {
            causes.invalid(name, "must be a valid CEL identifier");
        }
        if go_trim(expression.str()).is_empty() {
            causes.required(expression, "expression is not specified");
        } else {
            compiler.variable(expression, name.str(), expression.str(), causes);
        }
    }
}

const RESERVED: [&str; 22] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "",
];

fn is_identifier(name: &str) -> bool {
    !RESERVED.contains(&name)
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `validateValidation`
fn validation(at: At<'_>, compiler: &Compiler, causes: &mut Causes) {
    let [expression, message, words, reason] =
        ["expression", "message", "messageExpression", "reason"].map(|field| at.field(field));
    if go_trim(expression.str()).is_empty() {
        causes.required(expression, "expression is not specified");
    } else {
        let source = expression.str();
        compiler.check(expression, (EnvKind::Validation, ResultKind::Bool), (source, source), causes);
    }
    const EMPTY: &str = "must be non-empty if specified";
    if !go_trim(words.str()).is_empty() {
        let source = words.str();
        compiler.check(words, (EnvKind::Message, ResultKind::String), (source, source), causes);
    } else if !words.str().is_empty() {
        causes.invalid(words, EMPTY);
    }
    let trimmed = go_trim(message.str());
    if trimmed.is_empty() && !message.str().is_empty() {
        causes.invalid(message, EMPTY);
    } else if trimmed.contains(['\n', '\r']) {
        causes.invalid(message, "must not contain line breaks");
    }
    one_of(reason, &REASONS, false, causes);
}

const ANNOTATION: &[Field] =
    &[Field("Key", "key", Shape::Text), Field("ValueExpression", "valueExpression", Shape::Text)];

/// `validateAuditAnnotation`
fn audit_annotations(at: At<'_>, policy: &str, compiler: &Compiler, causes: &mut Causes) {
    if at.len() > MOST_ANNOTATIONS {
        let shown = value(at, &Shape::List(ANNOTATION)).shown();
        let detail = format!("must not have more than {MOST_ANNOTATIONS} auditAnnotations");
        causes.invalid_value(at, shown, &detail);
    }
    let mut keys = BTreeSet::new();
    for annotation in at.items() {
        let (key, expression) = (annotation.field("key"), annotation.field("valueExpression"));
        if policy.is_empty() {
            causes.invalid_value(key, key.str(), "requires metadata.name be non-empty");
        } else {
            let whole = format!("{policy}/{}", key.str());
            for error in names::qualified_name(&whole) {
                causes.invalid_value(key, &whole, &error);
            }
        }
        match go_trim(expression.str()) {
            "" => causes.required(expression, "valueExpression is not specified"),
            // the server says so with the reason of something missing
            source if source.len() > MOST_ANNOTATION_BYTES => {
                let detail = format!("must not exceed {MOST_ANNOTATION_BYTES} bytes in length");
                causes.required(expression, &detail);
            }
            source => {
                let stands = (EnvKind::Validation, ResultKind::StringOrNull);
                compiler.check(expression, stands, (source, expression.str()), causes);
            }
        }
        if !keys.insert(key.str()) {
            causes.duplicate(key, key.str());
        }
    }
}

/// `validateMutation`
fn mutation(at: At<'_>, compiler: &Compiler, causes: &mut Causes) {
    let [kind, patch, apply] = ["patchType", "jsonPatch", "applyConfiguration"].map(|field| at.field(field));
    let (wanted, other, result, name) = match kind.str() {
        "" => return causes.required(kind, ""),
        "JSONPatch" => (&patch, (&apply, "{applyConfiguration}"), ResultKind::JsonPatches, "JSONPatch"),
        "ApplyConfiguration" => (&apply, (&patch, "{jsonPatch}"), ResultKind::Object, "ApplyConfiguration"),
        _ => return causes.not_supported(kind, named(kind.str()), &["ApplyConfiguration", "JSONPatch"]),
    };
    if wanted.is_set() {
        let expression = wanted.field("expression");
        match go_trim(expression.str()) {
            "" => causes.required(expression, ""),
            source => compiler.check(expression, (EnvKind::Mutation, result), (source, source), causes),
        }
    } else {
        causes.required(*wanted, &format!("must be specified when patchType is {name}"));
    }
    if other.0.is_set() {
        causes.invalid_value(*other.0, other.1, &format!("must not be specified when patchType is {name}"));
    }
}

pub(crate) fn validating_binding(object: At<'_>, causes: &mut Causes) {
    binding(object, causes);
    let actions = object.field("spec").field("validationActions");
    let mut seen = BTreeSet::new();
    for action in actions.items() {
        if !ACTIONS.contains(&action.str()) {
            causes.not_supported(action, named(action.str()), &ACTIONS);
        }
        if !seen.insert(action.str()) {
            causes.duplicate(action, named(action.str()));
        }
    }
    if seen.contains("Deny") && seen.contains("Warn") {
        let detail = "must not contain both Deny and Warn (repeating the same validation failure information in \
            the API response and headers serves no purpose)";
        causes.invalid(actions, detail);
    }
    if seen.is_empty() {
        causes.required(actions, "at least one validation action is required");
    }
}

pub(crate) fn mutating_binding(object: At<'_>, causes: &mut Causes) {
    binding(object, causes);
    only_operations(object.field("spec").field("matchResources").field("resourceRules"), &MUTABLE, causes);
}

fn binding(object: At<'_>, causes: &mut Causes) {
    meta::object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let spec = object.field("spec");
    let policy = spec.field("policyName");
    if policy.str().is_empty() {
        causes.required(policy, "");
    } else {
        names::dns1123_subdomain(policy.str()).iter().for_each(|error| causes.invalid(policy, error));
    }
    let params = spec.field("paramRef");
    if params.is_set() {
        param_ref(params, causes);
    }
    matching::match_resources(spec.field("matchResources"), causes);
}

/// `validateParamRef`
fn param_ref(at: At<'_>, causes: &mut Causes) {
    const EXCLUSIVE: &str = "name and selector are mutually exclusive";
    let (name, selector, missing) =
        (at.field("name"), at.field("selector"), at.field("parameterNotFoundAction"));
    if !name.str().is_empty() {
        names::path_segment(name.str()).iter().for_each(|error| causes.invalid(name, error));
        if selector.is_set() {
            causes.forbidden(name, EXCLUSIVE);
        }
    }
    if selector.is_set() {
        selectors::labels(selector, false, causes);
        if !name.str().is_empty() {
            causes.forbidden(selector, EXCLUSIVE);
        }
    } else if name.str().is_empty() {
        causes.required(at, "one of name or selector must be specified");
    }
    match missing.str() {
        "" => causes.required(missing, ""),
        _ => one_of(missing, &["Deny", "Allow"], true, causes),
    }
}
