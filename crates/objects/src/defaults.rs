//! What the API server adds on its way: defaults coded in Go (pkg/apis/*/v1/defaults.go), by definition, those few that
//! the schema gives, and what is left of an object when it has been its internal type for a while (conversion.go).
//!
//! As generated code does it (zz_generated.defaults.go), what is around gets its defaults before what is in it.

mod admission;
mod apps;
mod batch;
mod core;
mod extensions;
mod hpa;
mod others;
mod pod;
mod quantities;
mod volumes;

use crate::schema::{Definition, Type};
use crate::tree::{Id, Tree, Value};

/// Sets defaults in an object of some kind: in what is there, and in what is added on the way.
pub(crate) fn apply(tree: &mut Tree<'_>, minor: u8) {
    let mut index = 0;
    while let Some(id) = tree.at(index) {
        if let Some(definition) = tree.definition(id) {
            from_schema(tree, id, definition, minor);
            by_definition(tree, id, definition.name, minor);
        }
        index += 1;
    }
    let group = tree.definition(tree.root()).map_or("", |definition| definition.name);
    // node/v1 has no default functions of its own
    if !group.starts_with("node/") {
        quantities::round_lists(tree);
    }
}

/// Changes what an object is after it was read into its internal type and written again.
pub(crate) fn convert(tree: &mut Tree<'_>) {
    let mut index = 0;
    while let Some(id) = tree.at(index) {
        match tree.definition(id).map_or("", |definition| definition.name) {
            "core/v1.Pod" => pod::convert_pod(tree, id),
            "core/v1.PodTemplateSpec" => pod::convert_template(tree, id),
            "core/v1.PodSpec" => pod::convert_spec(tree, id),
            "core/v1.Secret" => core::merge_string_data(tree, id),
            "core/v1.NodeSpec" => core::convert_addresses(tree, id, "podCIDR", "podCIDRs", ""),
            "core/v1.PodStatus" => core::convert_addresses(tree, id, "podIP", "podIPs", "ip"),
            kind @ ("apps/v1.RollingUpdateDeployment"
            | "apps/v1.RollingUpdateDaemonSet"
            | "apps/v1.RollingUpdateStatefulSetStrategy") => apps::convert_rolling_update(tree, id, kind),
            "resource/v1beta1.Device" => drop(tree.object(id, "basic")),
            "apiextensions/v1.CustomResourceConversion" => extensions::convert_conversion(tree, id),
            "apps/v1.DaemonSet" => apps::convert_daemon_set(tree, id),
            "apps/v1.StatefulSetSpec" => apps::convert_claim_templates(tree, id),
            "autoscaling/v1.HorizontalPodAutoscaler" => hpa::convert_v1(tree, id),
            "autoscaling/v2.HorizontalPodAutoscaler" => hpa::drop_annotations(tree, id),
            _ => {}
        }
        index += 1;
    }
}

/// Defaults of the schema (`+default=`), which count where Go has a zero.
fn from_schema(tree: &mut Tree<'_>, id: Id, definition: &'static Definition, minor: u8) {
    for field in definition.defaulted(minor) {
        let Some(text) = field.default else { continue };
        let value = match field.kind.pointed() {
            Type::Int(..) => text.parse().map_or(Value::Null, Value::Int),
            _ => Value::text(text),
        };
        if field.is_pointer() {
            tree.default_absent(id, field.name, value);
        } else {
            tree.default(id, field.name, value);
        }
    }
}

fn by_definition(tree: &mut Tree<'_>, id: Id, name: &str, minor: u8) {
    let (group, kind) = name.split_once('.').unwrap_or((name, ""));
    match group {
        "core/v1" => {
            core::defaults(tree, id, kind);
            pod::defaults(tree, id, kind, minor);
            volumes::defaults(tree, id, kind, minor);
        }
        "apps/v1" => apps::defaults(tree, id, kind),
        "batch/v1" => batch::defaults(tree, id, kind),
        "autoscaling/v1" | "autoscaling/v2" => hpa::defaults(tree, id, kind),
        "apiextensions/v1" => extensions::defaults(tree, id, kind),
        _ => {
            admission::defaults(tree, id, group, kind);
            others::defaults(tree, id, group, kind);
        }
    }
}
