//! Names and amounts of resources (pkg/apis/core/helper; `validateResourceName` and its like in pkg/apis/core/validation).

use kubernetes_cel::library::quantity::Quantity;

use crate::field::{At, Causes};
use crate::names;

/// Counted in whole objects.
const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

const MEASURED: [&str; 10] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// `IsStandardQuotaResourceName`
pub(crate) fn is_standard_of_quota(name: &str) -> bool {
    COUNTED.contains(&name)
        || MEASURED.contains(&name)
        || is_huge_page(name)
        || name.starts_with("requests.hugepages-")
}

fn is_standard(name: &str) -> bool {
    name == "storage" || is_standard_of_quota(name)
}

/// `IsNativeResource`: without a prefix, or of kubernetes.io.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// `IsExtendedResourceName`
pub(crate) fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && names::qualified_name(&format!("requests.{name}")).is_empty()
}

/// `IsOvercommitAllowed`
pub(crate) fn may_be_overcommitted(name: &str) -> bool {
    is_native(name) && !is_huge_page(name)
}

/// `validateResourceName`; whether there was no error.
pub(crate) fn name(at: At<'_>, name: &str, causes: &mut Causes) -> bool {
    let errors = names::qualified_name(name);
    for error in &errors {
        causes.invalid_value(at, name, error);
    }
    if errors.is_empty() && !name.contains('/') && !is_standard(name) {
        causes.invalid_value(at, name, "must be a standard resource type or fully qualified");
        return false;
    }
    errors.is_empty()
}

/// `ValidateResourceQuotaResourceName`
pub(crate) fn quota_name(at: At<'_>, text: &str, causes: &mut Causes) {
    name(at, text, causes);
    if !text.contains('/') && !is_standard_of_quota(text) {
        causes.invalid_value(at, text, "must be a standard resource for quota");
    }
}

/// `validateContainerResourceName`
pub(crate) fn container_name(at: At<'_>, text: &str, causes: &mut Causes) {
    name(at, text, causes);
    let standard = matches!(text, "cpu" | "memory" | "ephemeral-storage") || is_huge_page(text);
    if !text.contains('/') {
        if !standard {
            causes.invalid_value(at, text, "must be a standard resource for containers");
        }
    } else if !is_native(text) && !is_extended(text) {
        causes.invalid_value(at, text, "doesn't follow extended resource name standard");
    }
}

/// `ValidateResourceQuantityValue`: not negative, and whole where the resource is counted.
pub(crate) fn amount(at: At<'_>, name: &str, causes: &mut Causes) {
    let amount = quantity(at);
    not_negative(at, &amount, causes);
    if (COUNTED.contains(&name) || is_extended(name)) && is_fractional(&amount) {
        causes.invalid_value(at, &amount.to_string(), "must be an integer");
    }
}

/// `ValidateNonnegativeQuantity`
pub(crate) fn not_negative(at: At<'_>, amount: &Quantity, causes: &mut Causes) {
    if amount.sign() < 0 {
        causes.invalid_value(at, &amount.to_string(), "must be greater than or equal to 0");
    }
}

/// `ValidatePositiveQuantityValue`; whether there was no error.
pub(crate) fn positive(at: At<'_>, amount: &Quantity, causes: &mut Causes) -> bool {
    if amount.sign() <= 0 {
        causes.invalid_value(at, &amount.to_string(), "must be greater than zero");
    }
    amount.sign() > 0
}

/// Go asks for thousandths in 64 bits, so some of what does not fit (`1Ei`) counts as fractional.
pub(crate) fn is_fractional(amount: &Quantity) -> bool {
    amount.milli_value() % 1000 != 0
}

/// The quantity that is there; what is none, or absent, counts as zero. Decoding has refused those before.
pub(crate) fn quantity(at: At<'_>) -> Quantity {
    let zero = || Quantity::from_i64(0, kubernetes_cel::library::quantity::Format::DecimalSi);
    match at.node() {
        Some(node) => match node.as_i64() {
            Some(number) => Quantity::from_i64(number, kubernetes_cel::library::quantity::Format::DecimalSi),
            None => Quantity::parse_trimmed(at.str()).unwrap_or_else(|_| zero()),
        },
        None => zero(),
    }
}
