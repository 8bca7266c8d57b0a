//! `metadata` of a custom resource: decoded strictly as ObjectMeta, at the root and of embedded resources.
//!
//! apiextensions `pkg/apiserver/schema/objectmeta/coerce.go`: the untyped value is written as JSON, with its keys
//! sorted, and read again into the Go type.

use document::few::SortFew as _;
use document::{Builder, Kind, LimitError, NodeRef};
use kubernetes_cel::library::time::Timestamp;

/// What a field of ObjectMeta holds.
enum Shape {
    /// A string, of this Go type.
    Text(&'static str),
    Int,
    Bool,
    Time,
    Strings,
    StringMap,
    /// A list of structs, of this Go type.
    Structs(&'static str, &'static [Field]),
    /// Whatever is there stays.
    Raw,
}

struct Field {
    name: &'static str,
    shape: Shape,
    /// Written even when it is empty.
    always: bool,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, always: false }
}

const fn always(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, always: true }
}

const OWNER: &[Field] = &[
    always("apiVersion", Shape::Text("string")),
    field("blockOwnerDeletion", Shape::Bool),
    field("controller", Shape::Bool),
    always("kind", Shape::Text("string")),
    always("name", Shape::Text("string")),
    always("uid", Shape::Text("types.UID")),
];

const MANAGED: &[Field] = &[
    field("apiVersion", Shape::Text("string")),
    field("fieldsType", Shape::Text("string")),
    field("fieldsV1", Shape::Raw),
    field("manager", Shape::Text("string")),
    field("operation", Shape::Text("v1.ManagedFieldsOperationType")),
    field("subresource", Shape::Text("string")),
    field("time", Shape::Time),
];

const OBJECT_META: &[Field] = &[
    field("annotations", Shape::StringMap),
    field("creationTimestamp", Shape::Time),
    field("deletionGracePeriodSeconds", Shape::Int),
    field("deletionTimestamp", Shape::Time),
    field("finalizers", Shape::Strings),
    field("generateName", Shape::Text("string")),
    field("generation", Shape::Int),
    field("labels", Shape::StringMap),
    field("managedFields", Shape::Structs("ManagedFieldsEntry", MANAGED)),
    field("name", Shape::Text("string")),
    field("namespace", Shape::Text("string")),
    field("ownerReferences", Shape::Structs("OwnerReference", OWNER)),
    field("resourceVersion", Shape::Text("string")),
    field("selfLink", Shape::Text("string")),
    field("uid", Shape::Text("types.UID")),
];

/// The unknown fields of metadata, each with its path below it, in the order in which the server meets them.
///
/// # Errors
/// The first type error, in Go's words.
pub(super) fn check(node: NodeRef<'_>) -> Result<Vec<String>, String> {
    let mut unknown = Vec::new();
    match node.kind() {
        Kind::Object => {}
        Kind::Null => return Ok(unknown),
        kind => {
            return Err(format!(
                "json: cannot unmarshal {} into Go value of type v1.ObjectMeta",
                go_kind(kind)
            ));
        }
    }
    members(node, OBJECT_META, &Context { owner: "ObjectMeta", names: "", path: "" }, &mut unknown)?;
    Ok(unknown)
}

/// Where decoding stands: the innermost struct, the names down to it, and the path that unknown fields have.
struct Context<'c> {
    owner: &'c str,
    names: &'c str,
    path: &'c str,
}

fn go_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool => "bool",
        Kind::Int | Kind::Float => "number",
        Kind::String => "string",
        Kind::Array => "array",
        Kind::Object => "object",
    }
}

fn joined(before: &str, name: &str) -> String {
    if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") }
}

fn members(
    node: NodeRef<'_>,
    fields: &[Field],
    context: &Context<'_>,
    unknown: &mut Vec<String>,
) -> Result<(), String> {
    let mut members: Vec<_> = node.members().collect();
    members.sort_few_by_key(|(key, _)| *key);
    for (key, value) in members {
        match fields.iter().find(|field| field.name == key) {
            Some(field) => of_field(value, field, context, unknown)?,
            None => unknown.push(joined(context.path, key)),
        }
    }
    Ok(())
}

fn of_field(
    node: NodeRef<'_>,
    field: &Field,
    context: &Context<'_>,
    unknown: &mut Vec<String>,
) -> Result<(), String> {
    let names = joined(context.names, field.name);
    let wrong = |node: NodeRef<'_>, wanted: &str| {
        let (kind, owner) = (go_kind(node.kind()), context.owner);
        Err(format!("json: cannot unmarshal {kind} into Go struct field {owner}.{names} of type {wanted}"))
    };
    let of_text = |node: NodeRef<'_>, wanted: &str| match node.kind() {
        Kind::String | Kind::Null => Ok(()),
        _ => wrong(node, wanted),
    };
    match (&field.shape, node.kind()) {
        (_, Kind::Null) | (Shape::Raw, _) | (Shape::Bool, Kind::Bool) | (Shape::Int, Kind::Int) => Ok(()),
        (Shape::Text(wanted), _) => of_text(node, wanted),
        (Shape::Bool, _) => wrong(node, "bool"),
        (Shape::Int, Kind::Float) => {
            let number = super::go_number::shown(node.as_f64().unwrap_or_default());
            // written again as JSON it has lost its fraction of zeros
            if number.parse::<i64>().is_ok() {
                return Ok(());
            }
            let owner = context.owner;
            Err(format!(
                "json: cannot unmarshal number {number} into Go struct field {owner}.{names} of type int64"
            ))
        }
        (Shape::Int, _) => wrong(node, "int64"),
        (Shape::Time, Kind::String) => {
            let text = node.as_str().unwrap_or_default();
            let refused = |_| {
                format!(
                    "parsing time \"{text}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{text}\" as \"2006\""
                )
            };
            Timestamp::parse(text).map(|_| ()).map_err(refused)
        }
        (Shape::Time, _) => wrong(node, "string"),
        (Shape::Strings, Kind::Array) => node.items().try_for_each(|item| of_text(item, "string")),
        (Shape::Strings, _) => wrong(node, "[]string"),
        (Shape::StringMap, Kind::Object) => {
            let mut members: Vec<_> = node.members().collect();
            members.sort_few_by_key(|(key, _)| *key);
            members.into_iter().try_for_each(|(_, value)| of_text(value, "string"))
        }
        (Shape::StringMap, _) => wrong(node, "map[string]string"),
        (Shape::Structs(owner, fields), Kind::Array) => {
            for (index, item) in node.items().enumerate() {
                match item.kind() {
                    Kind::Object => {
                        let path = format!("{}[{index}]", joined(context.path, field.name));
                        let inner = Context { owner, names: &names, path: &path };
                        members(item, fields, &inner, unknown)?;
                    }
                    Kind::Null => {}
                    _ => wrong(item, &format!("v1.{owner}"))?,
                }
            }
            Ok(())
        }
        (Shape::Structs(owner, _), _) => wrong(node, &format!("[]v1.{owner}")),
    }
}

/// Writes metadata that [`check`] accepted, as the Go type would be written: without unknown and empty fields.
/// The key is set by the caller.
pub(super) fn write(node: NodeRef<'_>, builder: &mut Builder<'_>, same_text: bool) -> Result<(), LimitError> {
    write_struct(node, OBJECT_META, builder, same_text)
}

fn write_struct(
    node: NodeRef<'_>,
    fields: &[Field],
    builder: &mut Builder<'_>,
    same_text: bool,
) -> Result<(), LimitError> {
    let id = builder.begin_object()?;
    for (key, value) in node.members() {
        let Some(field) = fields.iter().find(|field| field.name == key) else { continue };
        let empty = match field.shape {
            Shape::Text(_) => value.as_str().is_none_or(str::is_empty),
            Shape::Int => value.is_null() || (key == "generation" && value.as_i64() == Some(0)),
            Shape::Strings | Shape::StringMap | Shape::Structs(..) => value.is_empty(),
            Shape::Bool | Shape::Time | Shape::Raw => value.is_null(),
        };
        if empty && !field.always {
            continue;
        }
        builder.key(key, value.key_span())?;
        write_field(value, field, builder, same_text)?;
    }
    for field in fields.iter().filter(|field| field.always && node.get(field.name).is_none()) {
        builder.key(field.name, None)?;
        builder.string("")?;
    }
    builder.end();
    if let Some(span) = node.span().filter(|_| same_text) {
        builder.place(id, span);
    }
    Ok(())
}

fn write_field(
    node: NodeRef<'_>,
    field: &Field,
    builder: &mut Builder<'_>,
    same_text: bool,
) -> Result<(), LimitError> {
    let text_or_empty = |node: NodeRef<'_>, builder: &mut Builder<'_>| match node.is_null() {
        true => builder.string(""),
        false => builder.copy_node(node, same_text),
    };
    match &field.shape {
        Shape::Text(_) => text_or_empty(node, builder).map(|_| ()),
        Shape::Structs(_, fields) => {
            let id = builder.begin_array()?;
            for item in node.items() {
                write_struct(item, fields, builder, same_text)?;
            }
            builder.end();
            if let Some(span) = node.span().filter(|_| same_text) {
                builder.place(id, span);
            }
            Ok(())
        }
        Shape::Strings => {
            let id = builder.begin_array()?;
            for item in node.items() {
                text_or_empty(item, builder)?;
            }
            builder.end();
            if let Some(span) = node.span().filter(|_| same_text) {
                builder.place(id, span);
            }
            Ok(())
        }
        Shape::StringMap => {
            let id = builder.begin_object()?;
            for (key, value) in node.members() {
                builder.key(key, value.key_span())?;
                text_or_empty(value, builder)?;
            }
            builder.end();
            if let Some(span) = node.span().filter(|_| same_text) {
                builder.place(id, span);
            }
            Ok(())
        }
        Shape::Int => match node.as_i64() {
            Some(_) => builder.copy_node(node, same_text).map(|_| ()),
            None => builder.int(super::go_number::to_int(node.as_f64().unwrap_or_default())).map(|_| ()),
        },
        Shape::Bool | Shape::Time | Shape::Raw => builder.copy_node(node, same_text).map(|_| ()),
    }
}
