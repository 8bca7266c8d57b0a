//! Tolerations.

use super::PodOptions;
use crate::field::{At, Causes};
use crate::{meta, names};

/// `ValidateTolerations`; faults of the value are told at the operator.
pub(super) fn check(tolerations: At<'_>, options: &PodOptions, causes: &mut Causes) {
    for toleration in tolerations.items() {
        let [key, operator, value, effect] =
            ["key", "operator", "value", "effect"].map(|name| toleration.field(name));
        if !key.is_empty() {
            meta::label_name(key, key.str(), causes);
        }
        if key.is_empty() && operator.str() != "Exists" {
            causes.invalid_value(
                operator,
                operator.str(),
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
            );
        }
        if toleration.has("tolerationSeconds") && effect.str() != "NoExecute" {
            causes.invalid_value(
                effect,
                effect.str(),
                "effect must be 'NoExecute' when `tolerationSeconds` is set",
            );
        }
        match operator.str() {
            "Equal" | "" => {
                let faults = names::label_value(value.str());
                if !faults.is_empty() {
                    causes.invalid_value(operator, value.str(), &faults.join(";"));
                }
            }
            "Exists" => {
                if !value.is_empty() {
                    let detail = "value must be empty when `operator` is 'Exists'";
                    causes.invalid_value(operator, value.str(), detail);
                }
            }
            "Lt" | "Gt" if options.comparing_tolerations => number(value, causes),
            "Lt" | "Gt" => {
                causes.not_supported(operator, operator.str(), &["Equal", "Exists", "Lt", "Gt"]);
            }
            _ => causes.not_supported(operator, operator.str(), &["Equal", "Exists"]),
        }
        if !effect.is_empty() {
            taint_effect(effect, causes);
        }
    }
}

fn number(value: At<'_>, causes: &mut Causes) {
    let text = value.str();
    causes.invalid_each(value, text, names::decimal_integer(text));
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let why = match (is_number, text.parse::<i64>()) {
        (true, Ok(_)) => return,
        (true, Err(_)) => "value out of range",
        (false, _) => "invalid syntax",
    };
    let detail = format!("strconv.ParseInt: parsing {}: {why}", crate::field::go_quote(text));
    causes.invalid_value(value, text, &detail);
}

fn taint_effect(effect: At<'_>, causes: &mut Causes) {
    super::spec::optional_one_of(effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"], causes);
}
