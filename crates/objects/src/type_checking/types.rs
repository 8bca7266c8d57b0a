//! The CEL types of kinds as their published schemas have them (apiserver pkg/cel/common/schemas.go `SchemaDeclType`).

use std::collections::HashMap;

use kubernetes_cel::declarations::{Env, Structure};
use kubernetes_cel::types::Type as CelType;

use super::Kinds;
use crate::custom::types::{declare as declare_schema, escaped};
use crate::schema::{self, Type, at, definition};

/// Declares the type of a kind's objects; `None` where there is no schema, or one that holds itself.
pub(super) fn declare(
    (group, version, kind): (&str, &str, &str),
    kinds: Kinds<'_>,
    env: &mut Env,
) -> Option<CelType> {
    let mut built_in = BuiltIn { minor: kinds.minor, seen: HashMap::new(), env };
    if let Some(row) = schema::kind(group, version, kind, kinds.minor) {
        return built_in.definition(row.definition()?).ok();
    }
    let (_, known) = kinds.custom.find(group, version, kind)?;
    let metadata = built_in.definition(definition("meta/v1.ObjectMeta")?).ok()?;
    let schema = known.schema.as_ref()?;
    let name = format!("{group}/{version}.{kind}");
    let mut fields = vec![
        ("apiVersion".to_owned(), CelType::String),
        ("kind".to_owned(), CelType::String),
        ("metadata".to_owned(), metadata),
    ];
    for (property, schema) in schema.properties.iter() {
        if matches!(property, "apiVersion" | "kind" | "metadata") {
            continue;
        }
        let Some(escaped) = escaped(property) else { continue };
        if let Some(ty) = declare_schema(schema, schema.embedded, &format!("{name}.{escaped}"), env) {
            fields.push((escaped.into_owned(), ty));
        }
    }
    env.declare_structure(name.clone(), Structure::new(fields));
    Some(CelType::structure(&name))
}

/// A definition that holds itself: the server resolves none of those.
struct Cycle;

struct BuiltIn<'e> {
    minor: u8,
    /// Definitions that were begun, and whether they are declared.
    seen: HashMap<&'static str, bool>,
    env: &'e mut Env,
}

impl BuiltIn<'_> {
    /// Declared once, under the name of Go's type. Bounded by the depth of definitions, since a cycle ends it.
    fn definition(&mut self, definition: &'static schema::Definition) -> Result<CelType, Cycle> {
        match self.seen.insert(definition.name, false) {
            Some(false) => return Err(Cycle),
            Some(true) => {}
            None => {
                let mut fields = Vec::new();
                for field in definition.fields(self.minor) {
                    if let Some(ty) = self.value(&field.kind)? {
                        fields.extend(escaped(field.name).map(|name| (name.into_owned(), ty)));
                    }
                }
                self.env.declare_structure(definition.name, Structure::new(fields));
            }
        }
        self.seen.insert(definition.name, true);
        Ok(CelType::structure(definition.name))
    }

    /// `None` where an expression cannot see the values. That is so for quantities, whose schema names no type: a
    /// policy that reads `resources.limits` is warned of an undefined field.
    fn value(&mut self, kind: &Type) -> Result<Option<CelType>, Cycle> {
        Ok(Some(match kind {
            Type::String(_) | Type::Duration => CelType::String,
            Type::Bool => CelType::Bool,
            Type::Int(..) => CelType::Int,
            Type::Float => CelType::Double,
            Type::Bytes => CelType::Bytes,
            Type::Time | Type::MicroTime => CelType::Timestamp,
            Type::IntOrString => CelType::Dyn,
            Type::Quantity | Type::SchemaOr(_) => return Ok(None),
            Type::Raw => {
                self.env.declare_structure("object", Structure::new(Vec::<(String, CelType)>::new()));
                CelType::structure("object")
            }
            Type::List(items, _) => return Ok(self.value(items)?.map(CelType::list)),
            Type::Map(values, ..) => {
                return Ok(self.value(values)?.map(|values| CelType::map(CelType::String, values)));
            }
            Type::Pointer(inner) => return self.value(inner),
            Type::Object(position) => match at(*position) {
                Some(definition) => self.definition(definition)?,
                None => return Ok(None),
            },
        }))
    }
}
