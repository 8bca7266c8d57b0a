//! Requests, limits and overhead, of containers and of the Pod as a whole.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use kubernetes_cel::library::quantity::Quantity;

use super::spec::Surroundings;
use super::{PodOptions, all_containers, claims};
use crate::field::{At, Causes};
use crate::validate::core::resource_names as rules;
use document::few::GatherFew as _;

type NameRule = fn(At<'_>, &str, &mut Causes);

/// `ValidateContainerResourceRequirements`
pub(super) fn of_container(
    resources: At<'_>,
    of_pod: &BTreeSet<&str>,
    options: &PodOptions,
    causes: &mut Causes,
) {
    let (limits, requests) = (resources.field("limits"), resources.field("requests"));
    requirements(resources, limits, requests, rules::container_name, options, causes);
    claims::uses(resources.field("claims"), of_pod, causes);
}

/// `validateOverhead`, judged as if it were limits, which shows in the path.
pub(super) fn overhead(overhead: At<'_>, options: &PodOptions, causes: &mut Causes) {
    let limits = overhead.said("limits").reading(overhead);
    requirements(overhead, limits, overhead.said("requests"), rules::container_name, options, causes);
}

fn requirements(
    at: At<'_>,
    limits: At<'_>,
    requests: At<'_>,
    name_rule: NameRule,
    options: &PodOptions,
    causes: &mut Causes,
) {
    for (name, limit) in limits.entries() {
        name_rule(limit, name, causes);
        rules::amount(limit, name, causes);
        huge_pages(limit, name, options, causes);
    }
    for (name, request) in requests.entries() {
        name_rule(request, name, causes);
        rules::amount(request, name, causes);
        against_limit(limits, requests, name, causes);
        huge_pages(request, name, options, causes);
    }
    let any =
        |wanted: fn(&str) -> bool| limits.entries().chain(requests.entries()).any(|(name, _)| wanted(name));
    if any(|name| name.starts_with("hugepages-")) && !any(|name| matches!(name, "cpu" | "memory")) {
        causes.forbidden(at, "HugePages require cpu or memory");
    }
}

/// Told at the map of requests, without the key.
fn against_limit<'d>(limits: At<'d>, requests: At<'d>, name: &'d str, causes: &mut Causes) {
    let (limit, request) = (limits.key(name), requests.key(name));
    let overcommit = rules::may_be_overcommitted(name);
    if limits.node().is_none_or(|limits| limits.get(name).is_none()) {
        if !overcommit {
            causes.required(limits, "Limit must be set for non overcommitable resources");
        }
        return;
    }
    let at = requests.reading(request);
    let (request, limit) = (rules::quantity(request), rules::quantity(limit));
    let order = request.compare(&limit);
    if order != Ordering::Equal && !overcommit {
        let detail = format!("must be equal to {name} limit of {limit}");
        causes.invalid_value(at, &request.to_string(), &detail);
    } else if order == Ordering::Greater {
        let detail = format!("must be less than or equal to {name} limit of {limit}");
        causes.invalid_value(at, &request.to_string(), &detail);
    }
}

/// `validateResourceQuantityHugePageValue`
fn huge_pages(at: At<'_>, name: &str, options: &PodOptions, causes: &mut Causes) {
    if options.indivisible_huge_pages || is_divisible(name, &rules::quantity(at)) {
        return;
    }
    let amount = rules::quantity(at).to_string();
    causes.invalid_value(at, &amount, &format!("{amount} is not positive integer multiple of {name}"));
}

/// `IsHugePageResourceValueDivisible`; true of all other resources.
fn is_divisible(name: &str, amount: &Quantity) -> bool {
    let Some(size) = name.strip_prefix("hugepages-") else { return true };
    let Ok(size) = Quantity::parse(size) else { return false };
    if size.sign() <= 0 || rules::is_fractional(&size) {
        return false;
    }
    match (amount.whole(), size.whole()) {
        (Some(amount), Some(size)) => amount.checked_rem(size) == Some(0),
        _ => false,
    }
}

/// `usesIndivisibleHugePagesValues`
pub(super) fn has_indivisible_huge_pages(spec: At<'_>) -> bool {
    all_containers(spec)
        .map(|container| container.field("resources"))
        .flat_map(|resources| [resources.field("limits"), resources.field("requests")])
        .chain([spec.field("overhead")])
        .flat_map(At::entries)
        .any(|(name, at)| !is_divisible(name, &rules::quantity(at)))
}

/// `validatePodResources`
pub(super) fn of_pod(spec: At<'_>, around: &Surroundings<'_>, causes: &mut Causes) {
    let resources = spec.field("resources");
    if !resources.is_set() {
        return;
    }
    if spec.fields("os.name").str() == "windows" {
        return causes.forbidden(resources, "may not be set for a windows pod");
    }
    if resources.has("claims") {
        causes.forbidden(resources.field("claims"), "claims may not be set for Resources at pod-level");
    }
    let (limits, requests) = (resources.field("limits"), resources.field("requests"));
    requirements(resources, limits, requests, pod_name, around.options, causes);
    claims::uses(resources.field("claims"), &around.claims, causes);
    consistency(spec, resources, causes);
}

fn is_of_pod(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

/// `validatePodResourceName`
fn pod_name(at: At<'_>, text: &str, causes: &mut Causes) {
    if rules::name(at, text, causes) && !is_of_pod(text) {
        causes.not_supported(at, text, &["cpu", "hugepages-", "memory"]);
    }
}

/// `validatePodResourceConsistency`
fn consistency(spec: At<'_>, resources: At<'_>, causes: &mut Causes) {
    let sums = aggregate(spec, "requests");
    for (name, request) in resources.field("requests").entries() {
        let Some(sum) = sums.get(name) else { continue };
        let own = rules::quantity(request);
        if sum.compare(&own) == Ordering::Greater {
            let detail = format!("must be greater than or equal to aggregate container requests of {sum}");
            causes.invalid_value(request, &own.to_string(), &detail);
        }
    }
    let sums = aggregate(spec, "limits");
    for (name, limit) in resources.field("limits").entries() {
        let Some(sum) = sums.get(name) else { continue };
        let own = rules::quantity(limit);
        if name.starts_with("hugepages-") && sum.compare(&own) == Ordering::Greater {
            let detail = format!("must be greater than or equal to aggregate container limits of {sum}");
            causes.invalid_value(limit, &own.to_string(), &detail);
        }
    }
    for (index, container) in spec.items_at("containers").enumerate() {
        for (name, limit) in container.fields("resources.limits").entries() {
            let of_pod = resources.field("limits").key(name);
            if !of_pod.is_set() {
                continue;
            }
            let (own, most) = (rules::quantity(limit), rules::quantity(of_pod));
            if own.compare(&most) == Ordering::Greater {
                let at = resources.said("containers").index(index).key(name).field("limits").reading(limit);
                let detail = format!("must be less than or equal to pod limits of {most}");
                causes.invalid_value(at, &own.to_string(), &detail);
            }
        }
    }
}

type Amounts<'d> = BTreeMap<&'d str, Quantity>;

/// `AggregateContainerRequests`, `AggregateContainerLimits`: the containers together, or what an init
/// container needs beside the sidecars started before it.
fn aggregate<'d>(spec: At<'d>, list: &'static str) -> Amounts<'d> {
    let of = |container: At<'d>| -> Amounts<'d> {
        let list = container.field("resources").field(list);
        list.entries().map(|(name, at)| (name, rules::quantity(at))).gather()
    };
    let (mut sum, mut sidecars, mut most_of_init) = (Amounts::new(), Amounts::new(), Amounts::new());
    for container in spec.items_at("containers") {
        add(&mut sum, &of(container));
    }
    for container in spec.items_at("initContainers") {
        let mut own = of(container);
        if container.str_at("restartPolicy") == "Always" {
            add(&mut sum, &own);
            add(&mut sidecars, &own);
            own = sidecars.clone();
        } else {
            add(&mut own, &sidecars);
        }
        raise(&mut most_of_init, &own);
    }
    raise(&mut sum, &most_of_init);
    sum
}

fn add<'d>(sum: &mut Amounts<'d>, other: &Amounts<'d>) {
    for (name, amount) in other {
        let total = match sum.get(name) {
            // an overflow is beyond what the server bears; the larger part stays
            Some(before) => before.add(amount).unwrap_or_else(|_| before.clone()),
            None => amount.clone(),
        };
        sum.insert(name, total);
    }
}

fn raise<'d>(most: &mut Amounts<'d>, other: &Amounts<'d>) {
    for (name, amount) in other {
        if most.get(name).is_none_or(|before| amount.compare(before) == Ordering::Greater) {
            most.insert(name, amount.clone());
        }
    }
}
