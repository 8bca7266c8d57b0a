//! The CEL types of a schema (apiserver pkg/cel/common/schemas.go `SchemaDeclType`, pkg/cel/escaping.go).

use std::borrow::Cow;

use kubernetes_cel::declarations::{Env, Structure};
use kubernetes_cel::types::Type as CelType;

use super::schema::{Additional, ListType, Schema, Type};

const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// How an expression names a property; `None` where it cannot.
pub(crate) fn escaped(name: &str) -> Option<Cow<'_, str>> {
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__").into());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(plain) && !name.contains("__") {
        return Some(name.into());
    }
    if !name.chars().all(|c| plain(c) || matches!(c, '-' | '.' | '/')) {
        return None;
    }
    let escaped = name.replace("__", "__underscores__");
    Some(escaped.replace('-', "__dash__").replace('.', "__dot__").replace('/', "__slash__").into())
}

/// Whether a schema's values look otherwise to an expression than in the document: of other types, or with other
/// names of their members. Its children are known already.
pub(crate) fn is_converted(schema: &Schema) -> bool {
    if schema.int_or_string {
        return false;
    }
    match schema.kind {
        Some(Type::String) => matches!(schema.format.as_ref(), "byte" | "date" | "date-time" | "duration"),
        // a whole number may stand for a double, and the other way round
        Some(Type::Number | Type::Integer) => true,
        Some(Type::Array) => {
            schema.list_type != ListType::Atomic
                || schema.items.as_deref().is_some_and(|items| items.converted)
        }
        Some(Type::Object) => {
            schema.additional_schema().is_some_and(|additional| additional.converted)
                || schema.properties.iter().any(|(name, property)| {
                    property.converted || escaped(name).is_none_or(|escaped| escaped != name)
                })
        }
        Some(Type::Boolean) | None => false,
    }
}

/// The type of a schema's values, with the types of objects declared under `name`; `None` where expressions
/// cannot see them.
pub(crate) fn declare(schema: &Schema, is_resource: bool, name: &str, env: &mut Env) -> Option<CelType> {
    if schema.int_or_string {
        return Some(CelType::Dyn);
    }
    match schema.kind? {
        Type::Array => {
            let items = schema.items.as_deref()?;
            declare(items, items.embedded, &format!("{name}.@idx"), env).map(CelType::list)
        }
        Type::Object => match &schema.additional {
            Additional::Schema(additional) => {
                let value = declare(additional, additional.embedded, &format!("{name}.@elem"), env)?;
                Some(CelType::map(CelType::String, value))
            }
            _ => Some(object(schema, is_resource, name, env)),
        },
        Type::String => Some(match schema.format.as_ref() {
            "byte" => CelType::Bytes,
            "duration" => CelType::Duration,
            "date" | "date-time" => CelType::Timestamp,
            _ => CelType::String,
        }),
        Type::Boolean => Some(CelType::Bool),
        Type::Number => Some(CelType::Double),
        Type::Integer => Some(CelType::Int),
    }
}

/// Whether expressions see values of a schema at all, that is whether [`declare`] gives a type.
pub(crate) fn is_visible(schema: &Schema) -> bool {
    if schema.int_or_string {
        return true;
    }
    match schema.kind {
        None => false,
        Some(Type::Array) => schema.items.as_deref().is_some_and(is_visible),
        Some(Type::Object) => schema.additional_schema().is_none_or(is_visible),
        Some(_) => true,
    }
}

fn object(schema: &Schema, is_resource: bool, name: &str, env: &mut Env) -> CelType {
    let mut fields: Vec<(String, CelType)> = Vec::new();
    let with_meta = is_resource && !has_meta(schema);
    for (property, schema) in schema.properties.iter() {
        if with_meta && matches!(property, "apiVersion" | "kind" | "metadata") {
            continue;
        }
        let Some(escaped) = escaped(property) else { continue };
        if let Some(ty) = declare(schema, schema.embedded, &format!("{name}.{escaped}"), env) {
            fields.push((escaped.into_owned(), ty));
        }
    }
    if with_meta {
        let metadata = format!("{name}.metadata");
        env.declare_structure(
            metadata.clone(),
            Structure::new(["generateName", "name"].map(|field| (field, CelType::String))),
        );
        fields.push(("apiVersion".into(), CelType::String));
        fields.push(("kind".into(), CelType::String));
        fields.push(("metadata".into(), CelType::structure(&metadata)));
    }
    env.declare_structure(name.to_owned(), Structure::new(fields));
    CelType::structure(name)
}

/// Whether the schema says itself what `WithTypeAndObjectMeta` would add.
fn has_meta(schema: &Schema) -> bool {
    let is = |schema: &Schema, name: &str, kind: Type| {
        schema.properties.get(name).is_some_and(|property| property.kind == Some(kind))
    };
    is(schema, "kind", Type::String)
        && is(schema, "apiVersion", Type::String)
        && schema.properties.get("metadata").is_some_and(|metadata| {
            metadata.kind == Some(Type::Object)
                && is(metadata, "name", Type::String)
                && is(metadata, "generateName", Type::String)
        })
}
