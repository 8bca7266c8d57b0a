//! The types that structured merge goes by: what the published OpenAPI v3 says of built-in kinds, and a definition's schema
//! of custom ones.
//!
//! kube-openapi `pkg/schemaconv/openapi.go`; apiextensions `pkg/controller/openapi/builder` for custom resources.

use super::json::Json;
use crate::admit::Served;
use crate::custom::schema::{Additional, ListType as CustomList, Schema, Type as CustomType};
use crate::schema::{self, Definition, Field, ListType, Type as BuiltIn};

/// The type of a value; [`Type::atom`] looks it up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type<'s> {
    /// `__untyped_deduced_`: maps member by member, lists as a whole.
    Deduced,
    /// `__untyped_atomic_`: all as a whole.
    Untyped,
    /// An object with whatever members.
    AnyObject,
    /// A plain string.
    Text,
    /// An object of a built-in kind.
    Struct(&'static Definition, u8),
    /// A part of one.
    Known(Known),
    /// Of a custom kind; `keeps` where unknown fields are preserved here.
    Custom { schema: &'s Schema, keeps: bool, is_root: bool },
}

/// The type of a field, item or member of a built-in kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    kind: &'static BuiltIn,
    /// The field that holds it, which says how lists and maps merge.
    field: Option<&'static Field>,
    /// The struct whose field it is, or is below.
    owner: &'static Definition,
    minor: u8,
}

/// What a value may be, each with how it merges.
#[derive(Debug, Default)]
pub(super) struct Atom<'s> {
    pub(super) scalar: Option<Scalar>,
    pub(super) list: Option<List<'s>>,
    pub(super) map: Option<Map<'s>>,
}

/// What a scalar may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Numeric,
    Text,
    Boolean,
    Untyped,
}

/// A type of lists.
#[derive(Debug)]
pub(super) struct List<'s> {
    pub(super) relation: Relation<'s>,
    pub(super) items: Type<'s>,
}

/// What tells the items of a list apart.
#[derive(Debug)]
pub(super) enum Relation<'s> {
    /// Nothing: it is one value.
    Atomic,
    /// They themselves.
    Set,
    /// Their members of these names, sorted.
    Keys(Vec<&'s str>),
}

/// A type of maps.
#[derive(Debug)]
pub(super) struct Map<'s> {
    /// Whether it is one value.
    pub(super) atomic: bool,
    members: Members<'s>,
}

#[derive(Debug)]
enum Members<'s> {
    /// All of one type.
    Of(Type<'s>),
    Struct(&'static Definition, u8),
    Custom {
        schema: &'s Schema,
        keeps: bool,
        resource: bool,
    },
}

impl<'s> Type<'s> {
    /// The type of a kind's objects; `None` of kinds that are only the body of a subresource, as the group's document
    /// has no type of theirs.
    pub(super) fn of(served: Option<Served<'s>>, minor: u8) -> Option<Self> {
        match served? {
            Served::BuiltIn(row) if row.resource.is_empty() => None,
            Served::BuiltIn(row) => Some(Self::Struct(row.definition()?, minor)),
            Served::Custom(_, version) => Some(match &version.schema {
                Some(schema) => Self::Custom { schema, keeps: schema.preserve_unknown, is_root: true },
                None => Self::AnyObject,
            }),
        }
    }

    pub(super) fn atom(self) -> Atom<'s> {
        match self {
            Self::Deduced => anything(Self::Untyped, Self::Deduced, false),
            Self::Untyped => anything(Self::Untyped, Self::Untyped, true),
            Self::AnyObject => map_of(Self::Deduced, false),
            Self::Text => Scalar::Text.into(),
            Self::Struct(definition, minor) => structure(definition, None, minor),
            Self::Known(known) => known.atom(),
            Self::Custom { schema, keeps, is_root } => custom(schema, keeps, is_root),
        }
    }
}

impl From<Scalar> for Atom<'_> {
    fn from(scalar: Scalar) -> Self {
        Self { scalar: Some(scalar), ..Self::default() }
    }
}

fn anything<'s>(items: Type<'s>, members: Type<'s>, atomic: bool) -> Atom<'s> {
    Atom {
        scalar: Some(Scalar::Untyped),
        list: Some(List { relation: Relation::Atomic, items }),
        map: Some(Map { atomic, members: Members::Of(members) }),
    }
}

fn map_of<'s>(members: Type<'s>, atomic: bool) -> Atom<'s> {
    Atom { map: Some(Map { atomic, members: Members::Of(members) }), ..Atom::default() }
}

impl Known {
    fn atom<'s>(self) -> Atom<'s> {
        let below = |kind| Type::Known(Self { kind, field: None, ..self });
        let atomic = self.field.is_some_and(|field| field.atomic);
        match self.kind {
            BuiltIn::Pointer(inner) => Self { kind: inner, ..self }.atom(),
            BuiltIn::String(_) | BuiltIn::Bytes | BuiltIn::Duration => Scalar::Text.into(),
            BuiltIn::Bool => Scalar::Boolean.into(),
            BuiltIn::Int(..) | BuiltIn::Float => Scalar::Numeric.into(),
            BuiltIn::Quantity | BuiltIn::Time | BuiltIn::MicroTime => Scalar::Untyped.into(),
            // without a type in the document, as they may be of several
            BuiltIn::IntOrString | BuiltIn::SchemaOr(_) => Type::Deduced.atom(),
            BuiltIn::Raw if self.owner.name.starts_with("apiextensions/") => Type::Deduced.atom(),
            BuiltIn::Raw if self.field.is_some_and(|field| field.name == "fieldsV1") => {
                map_of(Type::Deduced, false)
            }
            BuiltIn::Raw => Type::Untyped.atom(),
            BuiltIn::Map(value, ..) => map_of(below(value), atomic),
            BuiltIn::List(item, _) => {
                let relation = match self.field.and_then(|field| field.list.as_ref()) {
                    None | Some(ListType::Atomic) => Relation::Atomic,
                    Some(ListType::Set) => Relation::Set,
                    Some(ListType::Map(keys)) => keyed(keys.iter().copied()),
                };
                Atom { list: Some(List { relation, items: below(item) }), ..Atom::default() }
            }
            BuiltIn::Object(_) => match self.kind.definition() {
                Some(definition) => structure(definition, self.field, self.minor),
                None => Type::Deduced.atom(),
            },
        }
    }
}

/// What a field says of merging goes before what the definition says.
fn structure<'s>(definition: &'static Definition, field: Option<&Field>, minor: u8) -> Atom<'s> {
    let granular = field.is_some_and(|field| field.granular);
    let atomic = !granular && (definition.atomic || field.is_some_and(|field| field.atomic));
    if definition.fields(minor).next().is_none() {
        return map_of(Type::Deduced, atomic);
    }
    Atom { map: Some(Map { atomic, members: Members::Struct(definition, minor) }), ..Atom::default() }
}

fn keyed<'s>(keys: impl Iterator<Item = &'s str>) -> Relation<'s> {
    let mut keys: Vec<&str> = keys.collect();
    keys.sort_unstable();
    Relation::Keys(keys)
}

fn custom(schema: &Schema, keeps: bool, is_root: bool) -> Atom<'_> {
    let list = || List {
        relation: match schema.list_type {
            CustomList::Atomic => Relation::Atomic,
            CustomList::Set => Relation::Set,
            CustomList::Map => keyed(schema.constraints().list_keys.iter().map(String::as_str)),
        },
        items: match schema.items.as_deref() {
            Some(items) => below(items, keeps),
            None => Type::Untyped,
        },
    };
    let map = || Map {
        atomic: schema.map_atomic,
        members: Members::Custom { schema, keeps, resource: is_root || schema.embedded },
    };
    match schema.kind {
        None => Atom { scalar: Some(Scalar::Untyped), list: Some(list()), map: Some(map()) },
        Some(CustomType::Object) => Atom { map: Some(map()), ..Atom::default() },
        Some(CustomType::Array) => Atom { list: Some(list()), ..Atom::default() },
        Some(CustomType::Integer | CustomType::Number) => Scalar::Numeric.into(),
        Some(CustomType::Boolean) => Scalar::Boolean.into(),
        Some(CustomType::String) if matches!(schema.format.as_ref(), "" | "byte") => Scalar::Text.into(),
        Some(CustomType::String) => Scalar::Untyped.into(),
    }
}

/// What preserves unknown fields does so for all that is below.
fn below(schema: &Schema, keeps: bool) -> Type<'_> {
    Type::Custom { schema, keeps: keeps || schema.preserve_unknown, is_root: false }
}

/// The type of the `metadata` of a resource.
fn metadata<'s>(minor: u8) -> Type<'s> {
    match schema::definition("meta/v1.ObjectMeta") {
        Some(definition) => Type::Struct(definition, minor),
        None => Type::AnyObject,
    }
}

impl<'s> Map<'s> {
    /// The type of a field that the schema names.
    pub(super) fn field(&self, name: &str) -> Option<Type<'s>> {
        match self.members {
            Members::Of(_) => None,
            Members::Struct(owner, minor) => {
                let field = owner.field(name, minor)?;
                Some(Type::Known(Known { kind: &field.kind, field: Some(field), owner, minor }))
            }
            Members::Custom { schema, keeps, resource } => match name {
                "apiVersion" | "kind" if resource => Some(Type::Text),
                "metadata" if resource => Some(metadata(schema::NEWEST)),
                _ => schema.properties.get(name).map(|property| below(property, keeps)),
            },
        }
    }

    /// The type of members that it does not name; `None` where there may be none.
    pub(super) fn element(&self) -> Option<Type<'s>> {
        match self.members {
            Members::Of(members) => Some(members),
            Members::Struct(..) => None,
            Members::Custom { schema, keeps, resource } => match &schema.additional {
                Additional::Schema(members) => Some(below(members, keeps)),
                Additional::Any => Some(Type::Deduced),
                Additional::None => None,
                Additional::Absent if keeps || (schema.properties.is_empty() && !resource) => {
                    Some(Type::Deduced)
                }
                Additional::Absent => None,
            },
        }
    }

    /// What stands for a key that an item does not have.
    pub(super) fn default(&self, name: &str) -> Option<Json<'s>> {
        match self.members {
            Members::Of(_) => None,
            Members::Struct(owner, minor) => {
                let field = owner.field(name, minor)?;
                match (field.default, &field.kind) {
                    (Some(text), _) => Some(Json::text(text)),
                    // what is always written is published with its zero
                    (None, BuiltIn::String(_)) if !field.omit_empty => Some(Json::text("")),
                    (None, BuiltIn::Int(..)) if !field.omit_empty => Some(Json::Int(0)),
                    _ => None,
                }
            }
            Members::Custom { schema, .. } => {
                let default = schema.properties.get(name)?.constraints().default.as_ref()?;
                Some(Json::Node(default.root()))
            }
        }
    }
}
