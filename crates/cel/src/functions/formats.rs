//! Named formats (k8s.io/apiserver `pkg/cel/library/format.go`).

use super::{Row, global, list, member, optional, text, wrong};
use crate::cost::CostRule::Validate;
use crate::error::Eval;
use crate::library::format::NamedFormat;
use crate::types::Type::{self, String};
use crate::value::{List, Opaque, Value, View};

fn of() -> Type {
    Type::structure("kubernetes.NamedFormat")
}

pub(super) fn rows() -> Vec<Row> {
    macro_rules! format {
        ($name:literal) => {
            global(concat!("format.", $name), concat!("format.", $name), [], of(), |_, _| {
                NamedFormat::named($name)
                    .map_or_else(wrong, |format| Ok(Value::opaque(Opaque::Format(format))))
            })
        };
    }
    vec![
        format!("byte"),
        format!("date"),
        format!("datetime"),
        format!("dns1035Label"),
        format!("dns1035LabelPrefix"),
        format!("dns1123Label"),
        format!("dns1123LabelPrefix"),
        format!("dns1123Subdomain"),
        format!("dns1123SubdomainPrefix"),
        format!("labelValue"),
        format!("qualifiedName"),
        format!("uri"),
        format!("uuid"),
        global("format.named", "format-named", [String], optional(of()), |_, arguments| {
            let format = NamedFormat::named(text(&arguments[0])?).map(Opaque::Format).map(Value::opaque);
            Ok(format.map_or(Value::Optional(None), Value::some))
        }),
        member("validate", "format-validate", [of(), String], optional(list(String)), |_, arguments| {
            validate(arguments)
        })
        .cost_of_function(Validate),
    ]
}

fn validate<'d>(arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let View::Opaque(Opaque::Format(format)) = arguments[0].view() else { return wrong() };
    let complaints = format.validate(text(&arguments[1])?);
    if complaints.is_empty() {
        return Ok(Value::Optional(None));
    }
    let list = List::new(complaints.into_iter().map(Value::string).collect())?;
    Ok(Value::some(list.into()))
}
