//! Label selectors (pkg/apis/meta/v1/validation/validation.go).

use super::{label_name, labels};
use crate::field::{At, Causes};
use crate::names;

/// `LabelSelectorValidationOptions`
#[derive(Debug, Clone, Copy, Default)]
pub struct SelectorOptions {
    /// Values are not judged, because the stored object has wrong ones already.
    pub any_value: bool,
    /// Operators are not judged.
    pub any_operator: bool,
}

/// `LabelSelectorHasInvalidLabelValue`
#[must_use]
pub fn has_invalid_label_value(selector: At<'_>) -> bool {
    selector.items_at("matchExpressions").any(|expression| {
        expression.field("values").strings().any(|value| !names::label_value(value).is_empty())
    })
}

/// `ValidateLabelSelector`
pub fn label_selector(selector: At<'_>, options: SelectorOptions, causes: &mut Causes) {
    labels(selector.field("matchLabels"), causes);
    for expression in selector.items_at("matchExpressions") {
        label_selector_requirement(expression, options, causes);
    }
}

/// `ValidateLabelSelectorRequirement`
pub fn label_selector_requirement(expression: At<'_>, options: SelectorOptions, causes: &mut Causes) {
    let (operator, values, key) =
        (expression.field("operator"), expression.field("values"), expression.field("key"));
    match operator.str() {
        "In" | "NotIn" if values.is_empty() => {
            causes.required(values, "must be specified when `operator` is 'In' or 'NotIn'");
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            causes.forbidden(values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other if !options.any_operator => {
            causes.invalid_value(operator, other, "not a valid selector operator")
        }
        _ => {}
    }
    label_name(key, key.str(), causes);
    if !options.any_value {
        for value in values.items() {
            causes.invalid_each(value, value.str(), names::label_value(value.str()));
        }
    }
}

/// Whether a selector picks objects with these labels (`LabelSelectorAsSelector`). A nil selector picks
/// nothing, an empty one everything, and one that cannot be read `None`.
#[must_use]
pub fn matches_labels(selector: At<'_>, labels: At<'_>) -> Option<bool> {
    if !selector.is_set() {
        return Some(false);
    }
    let mut matches = true;
    for (key, value) in selector.field("matchLabels").entries() {
        readable(key, [value.str()].into_iter())?;
        matches &= labels.key(key).opt_str() == Some(value.str());
    }
    for expression in selector.items_at("matchExpressions") {
        let (key, values) = (expression.str_at("key"), expression.field("values"));
        readable(key, values.strings())?;
        let label = labels.key(key).opt_str();
        let among = label.is_some_and(|label| values.strings().any(|value| value == label));
        matches &= match expression.str_at("operator") {
            "In" if !values.is_empty() => among,
            "NotIn" if !values.is_empty() => !among,
            "Exists" if values.is_empty() => label.is_some(),
            "DoesNotExist" if values.is_empty() => label.is_none(),
            _ => return None,
        };
    }
    Some(matches)
}

fn readable<'v>(key: &str, mut values: impl Iterator<Item = &'v str>) -> Option<()> {
    let right =
        names::qualified_name(key).is_empty() && values.all(|value| names::label_value(value).is_empty());
    right.then_some(())
}
