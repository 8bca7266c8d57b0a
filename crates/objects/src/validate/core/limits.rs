//! LimitRange and ResourceQuota (pkg/apis/core/validation).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use kubernetes_cel::library::quantity::{Format, Quantity};

use super::resource_names as resources;
use crate::field::{At, Causes};
use crate::go_value::{Field, Shape, named, value};
use crate::{meta, names};

/// On UPDATE the server compares nothing with what was stored.
pub(crate) fn limit_range(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    let metadata = object.field("metadata");
    if old.is_none() && meta::final_name(metadata).is_empty() {
        // its strategy gives it a UUID for a name (pkg/registry/core/limitrange)
        meta::core_object_meta_of_named(metadata, causes);
    } else {
        meta::core_object_meta(metadata, meta::name_is_subdomain, causes);
    }
    let mut types = BTreeSet::new();
    for limit in object.field("spec").items_at("limits") {
        let kind = limit.field("type");
        limit_type(kind, causes);
        if !types.insert(kind.str()) {
            causes.duplicate(kind, named(kind.str()));
        }
        one_limit(limit, kind.str(), causes);
    }
}

fn limit_type(at: At<'_>, causes: &mut Causes) {
    let errors = names::qualified_name(at.str());
    for error in &errors {
        causes.invalid_value(at, named(at.str()), error);
    }
    let standard = matches!(at.str(), "Pod" | "Container" | "PersistentVolumeClaim");
    if errors.is_empty() && !at.str().contains('/') && !standard {
        causes.invalid_value(at, named(at.str()), "must be a standard limit type or fully qualified");
    }
}

fn one_limit(limit: At<'_>, kind: &str, causes: &mut Causes) {
    let names_of = |field: &'static str, causes: &mut Causes| {
        let mut amounts = BTreeMap::new();
        for (name, at) in limit.field(field).entries() {
            if matches!(kind, "Pod" | "Container") {
                resources::container_name(at, name, causes);
            } else {
                resources::name(at, name, causes);
            }
            amounts.insert(name, resources::quantity(at));
        }
        amounts
    };
    let max = names_of("max", causes);
    let min = names_of("min", causes);
    let (mut default, mut request) = (BTreeMap::new(), BTreeMap::new());
    if kind == "Pod" {
        for field in ["default", "defaultRequest"] {
            if !limit.is_empty_at(field) {
                causes.forbidden(limit.field(field), "may not be specified when `type` is 'Pod'");
            }
        }
    } else {
        default = names_of("default", causes);
        request = names_of("defaultRequest", causes);
    }
    if kind == "PersistentVolumeClaim" && !min.contains_key("storage") && !max.contains_key("storage") {
        let detail = "either minimum or maximum storage value is required, but neither was provided";
        causes.required(limit.field("limits"), detail);
    }
    let ratio = names_of("maxLimitRequestRatio", causes);
    let all: BTreeSet<&str> =
        [&max, &min, &default, &request, &ratio].into_iter().flat_map(|m| m.keys().copied()).collect();
    for name in all {
        let amounts = Amounts {
            limit,
            name,
            min: min.get(name),
            max: max.get(name),
            default: default.get(name),
            request: request.get(name),
            ratio: ratio.get(name),
        };
        amounts.compare(causes);
        amounts.check_ratio(causes);
    }
}

/// What a limit says of one resource.
struct Amounts<'a, 'd> {
    limit: At<'d>,
    name: &'d str,
    min: Option<&'a Quantity>,
    max: Option<&'a Quantity>,
    default: Option<&'a Quantity>,
    request: Option<&'a Quantity>,
    ratio: Option<&'a Quantity>,
}

impl Amounts<'_, '_> {
    /// `left` may not be above `right`. The value that is shown is the one that Go shows, which is not always the
    /// one at the field.
    fn at_most(
        &self,
        left: (&str, Option<&Quantity>),
        right: (&str, Option<&Quantity>),
        field: &'static str,
        value: Option<&Quantity>,
        causes: &mut Causes,
    ) {
        if let ((word, Some(a)), (other, Some(b))) = (left, right)
            && a.compare(b) == Ordering::Greater
        {
            let detail = format!("{word} value {a} is greater than {other} value {b}");
            let shown = value.map(Quantity::to_string).unwrap_or_default();
            causes.invalid_value(self.limit.field(field).key(self.name), &shown, &detail);
        }
    }

    fn compare(&self, causes: &mut Causes) {
        let (min, max) = (("min", self.min), ("max", self.max));
        let (request, default) = (self.request, self.default);
        self.at_most(min, max, "min", self.min, causes);
        self.at_most(min, ("default request", request), "defaultRequest", request, causes);
        self.at_most(("default request", request), max, "defaultRequest", request, causes);
        self.at_most(
            ("default request", request),
            ("default limit", default),
            "defaultRequest",
            request,
            causes,
        );
        self.at_most(min, ("default", default), "default", self.min, causes);
        self.at_most(("default", default), max, "default", self.max, causes);
        if let (Some(default), Some(request)) = (default, request)
            && !resources::may_be_overcommitted(self.name)
            && default.compare(request) != Ordering::Equal
        {
            let detail = format!(
                "default value {default} must equal to defaultRequest value {request} in {}",
                self.name
            );
            causes.invalid_value(
                self.limit.field("defaultRequest").key(self.name),
                &request.to_string(),
                &detail,
            );
        }
    }

    fn check_ratio(&self, causes: &mut Causes) {
        let Some(ratio) = self.ratio else { return };
        let at = self.limit.field("maxLimitRequestRatio").key(self.name);
        let text = ratio.to_string();
        if ratio.compare(&Quantity::from_i64(1, Format::DecimalSi)) == Ordering::Less {
            causes.invalid_value(at, &text, &format!("ratio {text} is less than 1"));
        }
        if let (Some(min), Some(max)) = (self.min, self.max) {
            let (value, most) = ratios(ratio, min, max);
            if value > most {
                let detail = format!("ratio {text} is greater than max/min = {}", six_digits(most));
                causes.invalid_value(at, &text, &detail);
            }
        }
    }
}

/// `MaxMilliValue`: what has room for thousandths in 64 bits.
const MAX_MILLI: i64 = i64::MAX / 1000;

/// The ratio asked for, and that of the limits, as floats of Go.
#[expect(clippy::cast_precision_loss, reason = "as Go converts")]
fn ratios(ratio: &Quantity, min: &Quantity, max: &Quantity) -> (f64, f64) {
    let whole = |amount: &Quantity| amount.whole().unwrap_or(i64::MAX);
    let (mut value, mut low, mut high) = (whole(ratio) as f64, whole(min), whole(max));
    if whole(ratio) < MAX_MILLI && low < MAX_MILLI && high < MAX_MILLI {
        let milli = |amount: &Quantity| amount.thousandths().unwrap_or(i64::MAX);
        (value, low, high) = (milli(ratio) as f64 / 1000.0, milli(min), milli(max));
    }
    (value, high as f64 / low as f64)
}

/// Go's `%f`.
fn six_digits(number: f64) -> String {
    match number {
        n if n.is_nan() => "NaN".to_owned(),
        n if n.is_infinite() => if n > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        n => format!("{n:.6}"),
    }
}

pub(crate) fn resource_quota(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    let spec = object.field("spec");
    match old {
        Some(old) => meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes),
        None => meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes),
    }
    quota_amounts(spec.field("hard"), causes);
    quota_scopes(spec, causes);
    if spec.has("scopeSelector") {
        scope_selector(spec, causes);
    }
    if let Some(old) = old {
        let scopes = spec.field("scopes");
        let set = |at: At<'_>| at.strings().map(str::to_owned).collect::<BTreeSet<_>>();
        if set(scopes) != set(old.field("spec").field("scopes")) {
            causes.invalid(scopes, meta::IMMUTABLE);
        }
    }
}

fn quota_amounts(hard: At<'_>, causes: &mut Causes) {
    for (name, at) in hard.entries() {
        resources::quota_name(at, name, causes);
        resources::amount(at, name, causes);
    }
}

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "VolumeAttributesClass",
    "CrossNamespacePodAffinity",
];

/// `IsResourceQuotaScopeValidForResource`
fn scope_covers(scope: &str, resource: &str) -> bool {
    let pods = resource == "pods";
    match scope {
        "Terminating"
        | "NotTerminating"
        | "NotBestEffort"
        | "PriorityClass"
        | "CrossNamespacePodAffinity" => {
            let computed =
                ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
            pods || computed.contains(&resource)
        }
        "BestEffort" => pods,
        "VolumeAttributesClass" => matches!(resource, "persistentvolumeclaims" | "requests.storage"),
        _ => true,
    }
}

/// The resources of a quota that the scope does not cover, in Go's order.
fn uncovered(spec: At<'_>, scope: &str) -> usize {
    let hard: BTreeSet<&str> = spec.field("hard").entries().map(|(name, _)| name).collect();
    hard.into_iter()
        .filter(|name| resources::is_standard_of_quota(name) && !scope_covers(scope, name))
        .count()
}

fn conflicts(scopes: &BTreeSet<&str>) -> usize {
    let pairs = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];
    pairs.iter().filter(|pair| pair.iter().all(|scope| scopes.contains(scope))).count()
}

fn quota_scopes(spec: At<'_>, causes: &mut Causes) {
    let scopes = spec.field("scopes");
    for scope in scopes.strings() {
        if !SCOPES.contains(&scope) {
            causes.invalid(scopes, "unsupported scope");
        }
        for _ in 0..uncovered(spec, scope) {
            causes.invalid(scopes, "unsupported scope applied to resource");
        }
    }
    for _ in 0..conflicts(&scopes.strings().collect()) {
        causes.invalid(scopes, "conflicting scopes");
    }
}

fn scope_selector(spec: At<'_>, causes: &mut Causes) {
    let selector = spec.field("scopeSelector");
    // Go's path has no index, so the fields below a requirement stand right below the list
    let list = selector.field("matchExpressions");
    let mut seen = BTreeSet::new();
    for requirement in list.items() {
        let below = |field: &'static str| list.said(field).reading(requirement.field(field));
        let (scope, operator, values) = (below("scopeName"), below("operator"), below("values"));
        if !SCOPES.contains(&scope.str()) {
            causes.invalid_value(scope, named(scope.str()), "unsupported scope");
        }
        for _ in 0..uncovered(spec, scope.str()) {
            causes.invalid_value(
                list,
                value(selector, &Shape::Pointer(SCOPE_SELECTOR)).shown(),
                "unsupported scope applied to resource",
            );
        }
        if ["BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"]
            .contains(&scope.str())
            && operator.str() != "Exists"
        {
            let detail = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, \
                ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort \
                or ResourceQuotaScopeCrossNamespacePodAffinity";
            causes.invalid_value(operator, named(operator.str()), detail);
        }
        match operator.str() {
            "In" | "NotIn" if values.is_empty() => {
                let detail =
                    "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                causes.required(values, detail);
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail =
                    "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                causes.invalid(values, detail);
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => causes.invalid_value(operator, named(operator.str()), "not a valid selector operator"),
        }
        seen.insert(scope.str());
    }
    for _ in 0..conflicts(&seen) {
        causes.invalid_value(list, spec.field("scopes"), "conflicting scopes");
    }
}

const SCOPE_SELECTOR: &[Field] =
    &[Field("MatchExpressions", "matchExpressions", Shape::List(SCOPE_REQUIREMENT))];

const SCOPE_REQUIREMENT: &[Field] = &[
    Field("ScopeName", "scopeName", Shape::Text),
    Field("Operator", "operator", Shape::Text),
    Field("Values", "values", Shape::Plain),
];
