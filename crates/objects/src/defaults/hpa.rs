//! autoscaling/v1 and v2 defaults.go and conversion.go.

use document::NodeRef;

use crate::tree::{Id, Tree, Value};

pub(super) fn defaults(tree: &mut Tree<'_>, id: Id, kind: &str) {
    if kind != "HorizontalPodAutoscaler" {
        return;
    }
    let spec = tree.object(id, "spec");
    tree.default_absent(spec, "minReplicas", Value::Int(1));
    let second = tree.definition(id).is_some_and(|definition| definition.name.starts_with("autoscaling/v2"));
    if !second {
        return;
    }
    if tree.items(spec, "metrics").is_empty() {
        let metrics = tree.set(spec, "metrics", Value::List);
        let metric = tree.push(metrics, "", Value::Object, None);
        tree.set(metric, "type", Value::text("Resource"));
        let resource = tree.set(metric, "resource", Value::Object);
        tree.set(resource, "name", Value::text("cpu"));
        let target = tree.set(resource, "target", Value::Object);
        tree.set(target, "type", Value::text("Utilization"));
        tree.set(target, "averageUtilization", Value::Int(80));
    }
    if let Some(behavior) = tree.get(spec, "behavior") {
        let up = tree.object(behavior, "scaleUp");
        tree.default_absent(up, "stabilizationWindowSeconds", Value::Int(0));
        scaling(tree, up, &[("Pods", 4), ("Percent", 100)]);
        let down = tree.object(behavior, "scaleDown");
        scaling(tree, down, &[("Percent", 100)]);
    }
}

/// `copyHPAScalingRules` over the rules that are there without any.
fn scaling(tree: &mut Tree<'_>, rules: Id, policies: &[(&'static str, i64)]) {
    tree.default_absent(rules, "selectPolicy", Value::text("Max"));
    // an empty list is no list, and is not filled
    if tree.written(rules, "policies").is_some_and(NodeRef::is_array) {
        return;
    }
    let list = tree.set(rules, "policies", Value::List);
    for (kind, value) in policies {
        let policy = tree.push(list, "", Value::Object, None);
        tree.set(policy, "type", Value::text(*kind));
        tree.set(policy, "value", Value::Int(*value));
        tree.set(policy, "periodSeconds", Value::Int(15));
    }
}

/// `Convert_v1_HorizontalPodAutoscaler_To_autoscaling_HorizontalPodAutoscaler` and back.
pub(super) fn convert_v1(tree: &mut Tree<'_>, id: Id) {
    let metrics = tree.dig(id, &["metadata", "annotations"]).is_some_and(|annotations| {
        tree.get(annotations, "autoscaling.alpha.kubernetes.io/metrics").is_some()
    });
    let spec = tree.object(id, "spec");
    let used = tree.dig(id, &["status", "currentCPUUtilizationPercentage"]);
    if let Some(Value::Int(used)) = used.map(|used| tree.value(used)) {
        // it is a metric of the status internally, and those stand in an annotation where v1 has no place for them
        let text = format!(
            r#"[{{"type":"Resource","resource":{{"name":"cpu","currentAverageUtilization":{used},"currentAverageValue":"0"}}}}]"#
        );
        let metadata = tree.object(id, "metadata");
        let annotations = tree.object(metadata, "annotations");
        tree.set(annotations, "autoscaling.alpha.kubernetes.io/current-metrics", Value::text(text));
    }
    if !metrics {
        tree.default_absent(spec, "targetCPUUtilizationPercentage", Value::Int(80));
    }
}

/// `DropRoundTripHorizontalPodAutoscalerAnnotations`
pub(super) fn drop_annotations(tree: &mut Tree<'_>, id: Id) {
    let Some(metadata) = tree.get(id, "metadata") else { return };
    let Some(annotations) = tree.get(metadata, "annotations") else { return };
    for name in ["metrics", "behavior", "current-metrics", "conditions"] {
        tree.remove(annotations, &format!("autoscaling.alpha.kubernetes.io/{name}"));
    }
    if tree.is_empty(annotations) {
        tree.remove(metadata, "annotations");
    }
}
