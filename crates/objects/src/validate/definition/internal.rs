//! Values as the server shows them: JSON of its internal types, which have no JSON names of their own.

use document::NodeRef;
use document::few::SortFew as _;

use crate::custom::go_json;
use crate::field::go_json_string;

/// What a field of the internal type holds.
#[derive(Clone, Copy)]
enum Holds {
    /// `""` where there is none.
    Text,
    /// `false` where there is none.
    Flag,
    /// `null` where there is none.
    Any,
    /// A schema, or `null`.
    Schema,
    /// A list of schemas, or `null`.
    Schemas,
    /// Schemas by name, or `null`.
    Named,
    /// A schema or a boolean.
    OrBool,
    /// A schema or a list of them.
    OrList,
    /// Schemas or lists of strings by name.
    Dependencies,
    /// `x-kubernetes-validations`
    Rules,
}

use Holds::{Any, Dependencies, Flag, Named, OrBool, OrList, Rules, Schema, Schemas, Text};

/// `apiextensions.JSONSchemaProps`, field by field.
const SCHEMA: [(&str, &str, Holds); 43] = [
    ("ID", "id", Text),
    ("Schema", "$schema", Text),
    ("Ref", "$ref", Any),
    ("Description", "description", Text),
    ("Type", "type", Text),
    ("Nullable", "nullable", Flag),
    ("Format", "format", Text),
    ("Title", "title", Text),
    ("Default", "default", Any),
    ("Maximum", "maximum", Any),
    ("ExclusiveMaximum", "exclusiveMaximum", Flag),
    ("Minimum", "minimum", Any),
    ("ExclusiveMinimum", "exclusiveMinimum", Flag),
    ("MaxLength", "maxLength", Any),
    ("MinLength", "minLength", Any),
    ("Pattern", "pattern", Text),
    ("MaxItems", "maxItems", Any),
    ("MinItems", "minItems", Any),
    ("UniqueItems", "uniqueItems", Flag),
    ("MultipleOf", "multipleOf", Any),
    ("Enum", "enum", Any),
    ("MaxProperties", "maxProperties", Any),
    ("MinProperties", "minProperties", Any),
    ("Required", "required", Any),
    ("Items", "items", OrList),
    ("AllOf", "allOf", Schemas),
    ("OneOf", "oneOf", Schemas),
    ("AnyOf", "anyOf", Schemas),
    ("Not", "not", Schema),
    ("Properties", "properties", Named),
    ("AdditionalProperties", "additionalProperties", OrBool),
    ("PatternProperties", "patternProperties", Named),
    ("Dependencies", "dependencies", Dependencies),
    ("AdditionalItems", "additionalItems", OrBool),
    ("Definitions", "definitions", Named),
    ("ExternalDocs", "externalDocs", Any),
    ("Example", "example", Any),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", Any),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", Flag),
    ("XIntOrString", "x-kubernetes-int-or-string", Flag),
    ("XListMapKeys", "x-kubernetes-list-map-keys", Any),
    ("XListType", "x-kubernetes-list-type", Any),
    ("XMapType", "x-kubernetes-map-type", Any),
];

/// A schema. Recurses as deep as it is nested.
pub(super) fn schema(node: NodeRef<'_>) -> String {
    let rules = [("XValidations", "x-kubernetes-validations", Rules)];
    let fields = SCHEMA.iter().chain(&rules);
    let written: Vec<String> = fields
        .map(|(told, name, holds)| format!("\"{told}\":{}", value(node.get_present(name), *holds)))
        .collect();
    format!("{{{}}}", written.join(","))
}

fn listed(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn named(node: NodeRef<'_>, write: impl Fn(NodeRef<'_>) -> String) -> String {
    let mut members: Vec<_> = node.members().collect();
    members.sort_few_by_key(|(name, _)| *name);
    let members: Vec<String> = members
        .into_iter()
        .map(|(name, value)| format!("{}:{}", go_json_string(name), write(value)))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn value(node: Option<NodeRef<'_>>, holds: Holds) -> String {
    let Some(node) = node else {
        return match holds {
            Text => "\"\"",
            Flag => "false",
            _ => "null",
        }
        .to_owned();
    };
    match holds {
        Text | Flag | Any => go_json::written(node),
        Schema => schema(node),
        Schemas => listed(node.items().map(schema)),
        Named => named(node, schema),
        OrBool => match node.as_bool() {
            Some(allows) => format!("{{\"Allows\":{allows},\"Schema\":null}}"),
            None => format!("{{\"Allows\":true,\"Schema\":{}}}", schema(node)),
        },
        OrList if node.is_array() => {
            format!("{{\"Schema\":null,\"JSONSchemas\":{}}}", listed(node.items().map(schema)))
        }
        OrList => format!("{{\"Schema\":{},\"JSONSchemas\":null}}", schema(node)),
        Dependencies => named(node, |node| match node.is_array() {
            true => format!("{{\"Schema\":null,\"Property\":{}}}", go_json::written(node)),
            false => format!("{{\"Schema\":{},\"Property\":null}}", schema(node)),
        }),
        Rules => listed(node.items().map(rule)),
    }
}

/// One of `x-kubernetes-validations`.
pub(super) fn rule(node: NodeRef<'_>) -> String {
    let text = |name: &str| value(node.get_present(name), Text);
    let any = |name: &str| value(node.get_present(name), Any);
    format!(
        "{{\"Rule\":{},\"Message\":{},\"MessageExpression\":{},\"Reason\":{},\"FieldPath\":{},\"OptionalOldSelf\":{}}}",
        text("rule"),
        text("message"),
        text("messageExpression"),
        any("reason"),
        text("fieldPath"),
        any("optionalOldSelf"),
    )
}

/// A version, with what it has itself: the rest stands in `spec`.
pub(super) fn version<'d>(node: NodeRef<'d>, own: impl Fn(&str) -> Option<NodeRef<'d>>) -> String {
    let text = |node: NodeRef<'d>, name: &str| value(node.get_present(name), Text);
    let any = |node: NodeRef<'d>, name: &str| value(node.get_present(name), Any);
    let flag = |name: &str| value(node.get_present(name), Flag);
    let or_null =
        |name: &str, write: &dyn Fn(NodeRef<'d>) -> String| own(name).map_or("null".to_owned(), write);
    let columns = |list: NodeRef<'d>| {
        listed(list.items().map(|column| {
            let priority = column.get_present("priority").map_or("0".to_owned(), go_json::written);
            format!(
                "{{\"Name\":{},\"Type\":{},\"Format\":{},\"Description\":{},\"Priority\":{priority},\"JSONPath\":{}}}",
                text(column, "name"),
                text(column, "type"),
                text(column, "format"),
                text(column, "description"),
                text(column, "jsonPath"),
            )
        }))
    };
    let subresources = |node: NodeRef<'d>| {
        let scale = node.get_present("scale").map_or("null".to_owned(), |scale| {
            format!(
                "{{\"SpecReplicasPath\":{},\"StatusReplicasPath\":{},\"LabelSelectorPath\":{}}}",
                text(scale, "specReplicasPath"),
                text(scale, "statusReplicasPath"),
                any(scale, "labelSelectorPath"),
            )
        });
        let status = node.get_present("status").map_or("null", |_| "{}");
        format!("{{\"Status\":{status},\"Scale\":{scale}}}")
    };
    let fields = |list: NodeRef<'d>| {
        listed(list.items().map(|field| format!("{{\"JSONPath\":{}}}", text(field, "jsonPath"))))
    };
    let validation = |node: NodeRef<'d>| {
        format!("{{\"OpenAPIV3Schema\":{}}}", value(node.get_present("openAPIV3Schema"), Schema))
    };
    format!(
        "{{\"Name\":{},\"Served\":{},\"Storage\":{},\"Deprecated\":{},\"DeprecationWarning\":{},\"Schema\":{},\"Subresources\":{},\"AdditionalPrinterColumns\":{},\"SelectableFields\":{}}}",
        text(node, "name"),
        flag("served"),
        flag("storage"),
        flag("deprecated"),
        any(node, "deprecationWarning"),
        or_null("schema", &validation),
        or_null("subresources", &subresources),
        or_null("additionalPrinterColumns", &columns),
        or_null("selectableFields", &fields),
    )
}
