//! One of an autoscaler's metrics.

use super::super::core::resource_names::container_name;
use super::super::rules::typed;
use super::{References, reference};
use crate::field::{At, Causes};
use crate::names;

/// The member that a type of metric fills in, in the order in which they are checked.
const SOURCES: [(&str, &str); 5] = [
    ("Object", "object"),
    ("External", "external"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
];
/// Sorted, as the message lists them.
const TYPES: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];

/// `validateMetricSpec`. A type that is not known is told twice, as upstream does.
pub(super) fn metric(spec: At<'_>, options: References, causes: &mut Causes) {
    let kind = spec.field("type");
    let expected = SOURCES.iter().find(|(name, _)| *name == kind.str()).map(|(_, member)| *member);
    if kind.str().is_empty() {
        causes.required(kind, "must specify a metric source type");
    }
    if expected.is_none() {
        causes.not_supported(kind, typed(kind), &TYPES);
    }
    let members = SOURCES.iter().map(|(_, member)| *member);
    let present: Vec<&str> = members.filter(|member| spec.has(member)).collect();
    // of several sources, only the first is looked into
    if let Some(first) = present.first() {
        let source = spec.field(first);
        match *first {
            "object" => object_source(source, options, causes),
            "external" => external_source(source, causes),
            "pods" => pods_source(source, causes),
            "resource" => resource_source(source, causes),
            _ => container_resource_source(source, causes),
        }
    }
    match expected {
        Some(member) if !present.contains(&member) => {
            causes.required(spec.field(member), "must populate information for the given metric source");
        }
        Some(_) => {}
        None => causes.not_supported(kind, typed(kind), &TYPES),
    }
    if present.len() != 1 {
        for other in present.iter().filter(|member| Some(**member) != expected) {
            causes.forbidden(spec.field(other), "must populate the given metric source only");
        }
    }
}

/// `spec.targetCPUUtilizationPercentage`, which is a metric on the way in.
pub(super) fn percentage_of_v1(spec: At<'_>, causes: &mut Causes) {
    let percent = spec.field("targetCPUUtilizationPercentage");
    if percent.opt_int().is_some_and(|percent| percent < 1) {
        let metric = spec.said("metrics").index(0);
        let at = metric.fields("resource.target.averageUtilization").reading(percent);
        causes.invalid(at, "must be greater than 0");
    }
}

fn object_source(source: At<'_>, options: References, causes: &mut Causes) {
    reference(source.field("describedObject"), options, causes);
    identifier(source.field("metric"), causes);
    let target = source.field("target");
    check_target(target, causes);
    if is_unset(target, "value") && is_unset(target, "averageValue") {
        let average = target.field("averageValue");
        causes.required(average, "must set either a target value or averageValue");
    }
}

fn external_source(source: At<'_>, causes: &mut Causes) {
    identifier(source.field("metric"), causes);
    let target = source.field("target");
    check_target(target, causes);
    match (is_unset(target, "value"), is_unset(target, "averageValue")) {
        (true, true) => {
            let average = target.field("averageValue");
            causes.required(average, "must set either a target value for metric or a per-pod target");
        }
        (false, false) => {
            let value = target.field("value");
            causes.forbidden(value, "may not set both a target value for metric and a per-pod target");
        }
        _ => {}
    }
}

fn pods_source(source: At<'_>, causes: &mut Causes) {
    identifier(source.field("metric"), causes);
    let target = source.field("target");
    check_target(target, causes);
    if is_unset(target, "averageValue") {
        causes.required(target.field("averageValue"), "must specify a positive target averageValue");
    }
}

fn resource_source(source: At<'_>, causes: &mut Causes) {
    let name = source.field("name");
    if name.str().is_empty() {
        causes.required(name, "must specify a resource name");
    }
    resource_target(source.field("target"), causes);
}

fn container_resource_source(source: At<'_>, causes: &mut Causes) {
    let name = source.field("name");
    if name.str().is_empty() {
        causes.required(name, "must specify a resource name");
    } else {
        container_name(name, name.str(), causes);
    }
    let container = source.field("container");
    if container.str().is_empty() {
        causes.required(container, "must specify a container");
    } else {
        causes.invalid_each(container, container.str(), names::dns1123_label(container.str()));
    }
    resource_target(source.field("target"), causes);
}

fn resource_target(target: At<'_>, causes: &mut Causes) {
    check_target(target, causes);
    match (is_unset(target, "averageUtilization"), is_unset(target, "averageValue")) {
        (true, true) => {
            let utilization = target.field("averageUtilization");
            causes.required(utilization, "must set either a target raw value or a target utilization");
        }
        (false, false) => {
            let average = target.field("averageValue");
            causes.forbidden(average, "may not set both a target raw value and a target utilization");
        }
        _ => {}
    }
}

fn is_unset(target: At<'_>, member: &'static str) -> bool {
    target.field(member).node().is_none()
}

/// `validateMetricTarget`.
fn check_target(target: At<'_>, causes: &mut Causes) {
    let kind = target.field("type");
    if kind.str().is_empty() {
        causes.required(kind, "must specify a metric target type");
    }
    if !matches!(kind.str(), "Utilization" | "Value" | "AverageValue") {
        causes.invalid_value(kind, typed(kind), "must be either Utilization, Value, or AverageValue");
    }
    for member in ["value", "averageValue"] {
        let value = target.field(member);
        if value.quantity().is_some_and(|quantity| quantity.sign() <= 0) {
            causes.invalid(value, "must be positive");
        }
    }
    let utilization = target.field("averageUtilization");
    if utilization.opt_int().is_some_and(|percent| percent < 1) {
        causes.invalid(utilization, "must be greater than 0");
    }
}

/// `validateMetricIdentifier`.
fn identifier(metric: At<'_>, causes: &mut Causes) {
    let name = metric.field("name");
    if name.str().is_empty() {
        causes.required(name, "must specify a metric name");
    } else {
        causes.invalid_each(name, name.str(), names::path_segment(name.str()));
    }
}
