//! An object in another version of its kind, as the API server converts it for a policy (`matchPolicy: Equivalent`;
//! k8s.io/apiserver `pkg/admission/conversion.go`, ConvertToGVK).
//!
//! Most kinds that are served in several versions have the same fields in them. Those that do not, and whose conversion is
//! not here, cannot be told.

use serde_json::{Map, Value as Json, json};

use kubernetes_objects::schema::{self, Definition, Field, Type};

use crate::document::few::SortFew as _;
use crate::document::{Document, NodeRef};

use super::kinds::{Kinds, Named};

/// Why an object is not converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unconverted {
    /// The server cannot either.
    Failed(String),
    /// It can, and this program cannot tell to what.
    Unknown(String),
}

/// An object of kind `from` as one of kind `to`.
///
/// # Errors
/// When it cannot be told what becomes of it.
pub fn convert(
    object: NodeRef<'_>,
    from: &Named,
    to: &Named,
    kinds: &Kinds,
) -> Result<Document<'static>, Unconverted> {
    let unknown = || {
        let (of, into) = (from.api_version(), to.api_version());
        Unconverted::Unknown(format!("what a {} of {of} is in {into}", from.name))
    };
    let Ok(Json::Object(mut fields)) = serde_json::to_value(object) else { return Err(unknown()) };
    let done = match (from.group.as_str(), from.version.as_str(), from.name.as_str(), to.version.as_str()) {
        ("autoscaling", "v2", "HorizontalPodAutoscaler", "v1") => autoscaler_v1(&mut fields),
        ("autoscaling", "v1", "HorizontalPodAutoscaler", "v2") => autoscaler_v2(&mut fields),
        ("", "v1", "Event", _) => event(&mut fields, false),
        ("events.k8s.io", "v1", "Event", _) => event(&mut fields, true),
        // without a webhook a custom resource has but another version written on it
        (group, _, kind, _) => (kinds.is_custom(group, kind) || are_alike(from, to, kinds)).then_some(()),
    };
    done.ok_or_else(unknown)?;
    fields.insert("apiVersion".to_owned(), to.api_version().into());
    fields.insert("kind".to_owned(), to.name.clone().into());
    Document::from_value(&Json::Object(fields)).map_err(|_| unknown())
}

type Definitions = (&'static Definition, &'static Definition);

/// Whether two versions of a built-in kind have the same fields.
fn are_alike(one: &Named, other: &Named, kinds: &Kinds) -> bool {
    let Ok(minor) = u8::try_from(kinds.minor()) else { return false };
    let root = |kind: &Named| schema::kind(&kind.group, &kind.version, &kind.name, minor)?.definition();
    let Some(roots) = root(one).zip(root(other)) else { return false };
    // definitions may hold themselves
    let (mut seen, mut open) = (Vec::new(), vec![roots]);
    while let Some((one, other)) = open.pop() {
        let names = (one.name, other.name);
        if one.name == other.name || seen.contains(&names) {
            continue;
        }
        seen.push(names);
        let sorted = |definition: &'static Definition| {
            let mut fields: Vec<&Field> = definition.fields(minor).collect();
            fields.sort_few_by_key(|field| field.name);
            fields
        };
        let (left, right) = (sorted(one), sorted(other));
        let same = |(a, b): (&&Field, &&Field)| a.name == b.name && holds_alike(&a.kind, &b.kind, &mut open);
        if left.len() != right.len() || !left.iter().zip(&right).all(same) {
            return false;
        }
    }
    true
}

/// Whether two fields hold the same, as far as definitions are, which are kept for later.
fn holds_alike(one: &Type, other: &Type, open: &mut Vec<Definitions>) -> bool {
    if let Some(both) = one.definition().zip(other.definition()) {
        open.push(both);
        return true;
    }
    match (one, other) {
        (Type::Pointer(one), Type::Pointer(other))
        | (Type::List(one, _), Type::List(other, _))
        | (Type::Map(one, ..), Type::Map(other, ..)) => holds_alike(one, other, open),
        _ => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

/// kubernetes `pkg/apis/autoscaling/v1/conversion.go`. What v1 keeps in annotations – other metrics, conditions, behaviour –
/// is not converted here.
fn autoscaler_v1(object: &mut Map<String, Json>) -> Option<()> {
    let spec = object.get_mut("spec")?.as_object_mut()?;
    if spec.contains_key("behavior") {
        return None;
    }
    let mut target = None;
    for metric in spec.remove("metrics").iter().filter_map(Json::as_array).flatten() {
        let (resource, kind) = (metric.get("resource")?, metric.get("type")?);
        let utilization = resource.pointer("/target/averageUtilization").filter(|value| !value.is_null())?;
        if kind != "Resource" || resource.get("name")? != "cpu" {
            return None;
        }
        target = target.or(Some(utilization.clone()));
    }
    if let Some(target) = target {
        spec.insert("targetCPUUtilizationPercentage".to_owned(), target);
    }
    let status = status(object)?;
    let told = |field| status.get(field).is_some_and(|value| !value.is_null());
    if told("conditions") || told("currentMetrics") {
        return None;
    }
    status.remove("currentMetrics");
    status.entry("currentReplicas").or_insert_with(|| 0.into());
    drop_annotations(object);
    Some(())
}

fn autoscaler_v2(object: &mut Map<String, Json>) -> Option<()> {
    if object.get("metadata").and_then(|m| m.get("annotations")).is_some_and(has_round_trip) {
        return None;
    }
    let spec = object.get_mut("spec")?.as_object_mut()?;
    let target = spec.remove("targetCPUUtilizationPercentage").filter(|target| !target.is_null());
    // what the controller took where nothing was said
    let target = target.unwrap_or_else(|| 80.into());
    spec.insert("metrics".to_owned(), json!([cpu("target", json!({"type": "Utilization"}), target)]));
    let status = status(object)?;
    let current = status.remove("currentCPUUtilizationPercentage").filter(|current| !current.is_null());
    let current = current.map_or(Json::Null, |current| json!([cpu("current", json!({}), current)]));
    status.insert("currentMetrics".to_owned(), current);
    if status.get("currentReplicas") == Some(&json!(0)) {
        status.remove("currentReplicas");
    }
    Some(())
}

fn cpu(field: &str, mut value: Json, utilization: Json) -> Json {
    value["averageUtilization"] = utilization;
    json!({"type": "Resource", "resource": {"name": "cpu", field: value}})
}

fn status(object: &mut Map<String, Json>) -> Option<&mut Map<String, Json>> {
    object.entry("status").or_insert_with(|| json!({})).as_object_mut()
}

const ROUND_TRIP: [&str; 6] = [
    "autoscaling.alpha.kubernetes.io/metrics",
    "autoscaling.alpha.kubernetes.io/current-metrics",
    "autoscaling.alpha.kubernetes.io/conditions",
    "autoscaling.alpha.kubernetes.io/behavior",
    "autoscaling.alpha.kubernetes.io/scale-down-tolerance",
    "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
];

fn has_round_trip(annotations: &Json) -> bool {
    ROUND_TRIP.iter().any(|annotation| annotations.get(annotation).is_some())
}

/// `DropRoundTripHorizontalPodAutoscalerAnnotations`
fn drop_annotations(object: &mut Map<String, Json>) {
    let annotations = object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(annotations) = annotations.and_then(Json::as_object_mut) {
        annotations.retain(|key, _| !ROUND_TRIP.contains(&key.as_str()));
    }
}

/// Core field, field of events.k8s.io.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("source", "deprecatedSource"),
    ("message", "note"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// Fields of the core kind that are written even where they are empty.
const ALWAYS: [&str; 2] = ["reportingComponent", "reportingInstance"];

/// kubernetes `pkg/apis/events/v1/conversion.go`.
fn event(object: &mut Map<String, Json>, to_core: bool) -> Option<()> {
    for (core, new) in EVENT_FIELDS {
        let (from, to) = if to_core { (new, core) } else { (core, new) };
        if let Some(value) = object.remove(from) {
            object.insert(to.to_owned(), value);
        }
    }
    if to_core {
        for field in ALWAYS {
            object.entry(field).or_insert_with(|| "".into());
        }
    } else {
        object.retain(|field, value| {
            value != "" || !matches!(field.as_str(), "reportingController" | "reportingInstance")
        });
    }
    Some(())
}
