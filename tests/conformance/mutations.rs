//! The part of MutatingAdmissionPolicies in a decision: what they make of the request's object, and what validation says of
//! that.

use kubernetes_objects::admit::{Admitted, kind_of};
use kubernetes_objects::custom::Definitions;
use plimsoll::admission_policy::Hook;
use plimsoll::admission_policy::answer::Denied;
use plimsoll::admission_policy::apply::apply;
use plimsoll::admission_policy::dispatch::Asked;
use plimsoll::document::{Document, NodeRef};
use plimsoll::request::Request;
use serde_json::{Value, json};

use crate::admission_policies::MINOR;

/// What the policies, and the validation of what they made, come to.
pub(crate) struct Mutated {
    pub(crate) denied: Option<Denied>,
    /// The object as it leaves the policies.
    pub(crate) object: Value,
    /// Whether it is refused by what comes after the policies.
    pub(crate) later: bool,
    /// Refusals of the validation.
    pub(crate) causes: Vec<Value>,
}

pub(crate) fn mutate(hooks: &[Hook], asked: Asked<'_>, custom: &Definitions) -> Mutated {
    let mutated = apply(hooks, asked, custom);
    let before = || {
        asked.request.object.map_or(Value::Null, |object| serde_json::to_value(object).unwrap_or_default())
    };
    let object = mutated
        .object
        .as_ref()
        .map_or_else(before, |object| serde_json::to_value(object).unwrap_or_default());
    let denied = mutated.denied();
    let mut causes = Vec::new();
    let refused = match (&denied, &mutated.object) {
        (None, Some(object)) => later_stage(object.root(), asked.request, custom, &mut causes),
        _ => None,
    };
    let later = refused.is_some();
    Mutated { denied: denied.or(refused), object: masked(object), later, causes }
}

/// What the registry says of an object that a policy made (apiserver `pkg/registry/rest/create.go`, BeforeCreate).
fn later_stage(
    object: NodeRef<'_>,
    request: &Request<'_>,
    custom: &Definitions,
    causes: &mut Vec<Value>,
) -> Option<Denied> {
    let namespace = object.at("/metadata/namespace").and_then(|node| node.as_str()).unwrap_or_default();
    if request.namespace.is_some_and(|asked| !namespace.is_empty() && namespace != asked) {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Some(Denied {
            code: 400,
            reason: "BadRequest".to_owned(),
            message: message.to_owned(),
            causes: Vec::new(),
        });
    }
    let served = kind_of(object, MINOR, custom).ok()?;
    let object = Document::from_value(&object).ok()?;
    let admitted = Admitted { served, object, problems: Vec::new(), warnings: Vec::new() };
    let refusal = admitted.validate(request.old_object).err()?;
    for cause in &refusal.causes {
        causes.push(json!({
            "reason": cause.reason.as_str(), "message": cause.message, "field": cause.field,
        }));
    }
    Some(Denied {
        code: refusal.code.unwrap_or_default(),
        reason: refusal.reason.to_owned(),
        message: refusal.message,
        causes: Vec::new(),
    })
}

/// As the vectors mask what differs from run to run.
fn masked(mut object: Value) -> Value {
    if let Some(uid) = object.pointer_mut("/metadata/uid") {
        *uid = "00000000-0000-0000-0000-000000000001".into();
    }
    whole(&mut object);
    object
}

/// Go writes a double that is whole without a point.
fn whole(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(whole),
        Value::Object(members) => members.values_mut().for_each(whole),
        Value::Number(number) if number.is_f64() => {
            if let Some(whole) = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e18) {
                #[expect(clippy::cast_possible_truncation, reason = "a whole number")]
                let whole = whole as i64;
                *value = whole.into();
            }
        }
        _ => {}
    }
}

/// Carries what policies changed over to the object as it is when it has been validated.
pub(crate) fn carry(before: &Value, after: &Value, into: &mut Value) {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else { return };
    for (key, value) in new {
        match old.get(key) {
            Some(same) if same == value => {}
            Some(other) if other.is_object() && value.is_object() && into[key].is_object() => {
                carry(other, value, &mut into[key]);
            }
            _ => into[key] = value.clone(),
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        if let Some(members) = into.as_object_mut() {
            members.remove(key);
        }
    }
}
