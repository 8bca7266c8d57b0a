//! The schema of a version, read once from its CustomResourceDefinition.
//!
//! Reading is lenient: what is wrong with a definition is told by its own validation, and a schema that the
//! server would refuse is used as far as it goes.

use std::sync::{LazyLock, OnceLock};

use document::few::SortFew as _;
use document::{Builder, Document, Limits, NodeRef};
use kubernetes_cel::library::regex::{Regex, RegexError};

use super::format::Format;
use super::types;

/// `type` of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// `object`
    Object,
    /// `array`
    Array,
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `boolean`
    Boolean,
}

impl Type {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// `additionalProperties`
#[derive(Debug, Default)]
pub(crate) enum Additional {
    /// Not said: what is no property is pruned, unless it is preserved.
    #[default]
    Absent,
    /// `true`: kept at this level, pruned below.
    Any,
    /// `false`
    None,
    /// Of this schema.
    Schema(Box<Schema>),
}

/// `x-kubernetes-list-type`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ListType {
    /// Replaced as a whole.
    #[default]
    Atomic,
    /// Without duplicates.
    Set,
    /// Items are told apart by their keys.
    Map,
}

/// Bounds of a number.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) minimum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_maximum: bool,
    pub(crate) multiple_of: Option<f64>,
}

/// Least and most of a length or count.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) least: Option<i64>,
    pub(crate) most: Option<i64>,
}

/// `pattern`, compiled as Go would when it is first asked.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    regex: OnceLock<Result<Regex, RegexError>>,
}

impl Pattern {
    pub(crate) fn regex(&self) -> &Result<Regex, RegexError> {
        self.regex.get_or_init(|| Regex::compile(&self.text))
    }
}

/// One of `x-kubernetes-validations`, as written.
#[derive(Debug, Clone, Default)]
pub(crate) struct ValidationRule {
    pub(crate) rule: String,
    pub(crate) message: String,
    pub(crate) message_expression: String,
    pub(crate) reason: Option<String>,
    pub(crate) field_path: String,
    pub(crate) optional_old_self: bool,
}

/// What few parts of a schema say.
#[derive(Debug, Default)]
pub(crate) struct Constraints {
    pub(crate) pattern: Option<Pattern>,
    pub(crate) length: Range,
    pub(crate) items_range: Range,
    pub(crate) properties_range: Range,
    pub(crate) unique: bool,
    pub(crate) bounds: Bounds,
    /// A list, if there is one.
    pub(crate) allowed: Option<Document<'static>>,
    pub(crate) default: Option<Document<'static>>,
    pub(crate) all_of: Vec<Schema>,
    pub(crate) any_of: Vec<Schema>,
    pub(crate) one_of: Vec<Schema>,
    pub(crate) not: Option<Box<Schema>>,
    pub(crate) list_keys: Vec<String>,
    pub(crate) rules: Vec<ValidationRule>,
}

/// The keywords of [`Constraints`].
const CONSTRAINTS: [&str; 21] = [
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "multipleOf",
    "enum",
    "default",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
];

/// `properties`, in the order of their names, in no more room than they take.
#[derive(Debug, Default)]
pub(crate) struct Properties(Box<[(Box<str>, Schema)]>);

impl Properties {
    fn read(node: Option<NodeRef<'_>>) -> Self {
        let members = node.into_iter().flat_map(NodeRef::members);
        let mut members: Vec<(Box<str>, Schema)> =
            members.map(|(name, schema)| (name.into(), Schema::read(schema))).collect();
        members.sort_few_by(|(one, _), (other, _)| one.cmp(other));
        // of equal names the last is meant
        members.reverse();
        members.dedup_by(|(one, _), (other, _)| one == other);
        members.reverse();
        Self(members.into_boxed_slice())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Schema> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Schema)> {
        self.0.iter().map(|(name, schema)| (&**name, schema))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Schema> {
        self.0.iter().map(|(_, schema)| schema)
    }
}

/// A schema: `openAPIV3Schema` of a version, or part of it. Definitions have thousands of parts, so what few say is apart.
#[derive(Debug, Default)]
pub struct Schema {
    pub(crate) kind: Option<Type>,
    pub(crate) nullable: bool,
    pub(crate) int_or_string: bool,
    pub(crate) preserve_unknown: bool,
    pub(crate) embedded: bool,
    /// `properties` is written, even if it is empty.
    pub(crate) has_properties: bool,
    pub(crate) list_type: ListType,
    /// `x-kubernetes-map-type: atomic`
    pub(crate) map_atomic: bool,
    /// CEL sees values of this schema otherwise than the document holds them.
    pub(crate) converted: bool,
    /// The format, where the server checks it.
    pub(crate) checked: Option<Format>,
    pub(crate) format: Box<str>,
    pub(crate) required: Box<[String]>,
    pub(crate) properties: Properties,
    pub(crate) additional: Additional,
    pub(crate) items: Option<Box<Schema>>,
    constraints: Option<Box<Constraints>>,
}

impl Schema {
    /// Reads `openAPIV3Schema`. Recurses as deep as the document is nested, which its reader limits.
    #[must_use]
    pub fn read(node: NodeRef<'_>) -> Self {
        let flag = |name: &str| node.get(name).and_then(NodeRef::as_bool).unwrap_or(false);
        let mut schema = Self {
            kind: node.get_str("type").and_then(Type::named),
            nullable: flag("nullable"),
            int_or_string: flag("x-kubernetes-int-or-string"),
            preserve_unknown: flag("x-kubernetes-preserve-unknown-fields"),
            embedded: flag("x-kubernetes-embedded-resource"),
            has_properties: node.get_present("properties").is_some(),
            list_type: match node.get_str("x-kubernetes-list-type") {
                Some("set") => ListType::Set,
                Some("map") => ListType::Map,
                _ => ListType::Atomic,
            },
            map_atomic: node.get_str("x-kubernetes-map-type") == Some("atomic"),
            converted: false,
            checked: None,
            format: node.get_str("format").unwrap_or_default().into(),
            required: strings(node.get("required")).into(),
            properties: Properties::read(node.get("properties")),
            additional: Self::additional(node.get_present("additionalProperties")),
            items: node
                .get_present("items")
                .filter(|items| items.is_object())
                .map(|items| Self::read(items).into()),
            constraints: node
                .members()
                .any(|(name, _)| CONSTRAINTS.contains(&name))
                .then(|| Constraints::read(node).into()),
        };
        schema.checked = Format::checked(schema.kind, schema.int_or_string, &schema.format);
        schema.converted = types::is_converted(&schema);
        schema
    }

    fn additional(node: Option<NodeRef<'_>>) -> Additional {
        match node {
            None => Additional::Absent,
            Some(node) => match node.as_bool() {
                Some(true) => Additional::Any,
                Some(false) => Additional::None,
                None => Additional::Schema(Box::new(Self::read(node))),
            },
        }
    }

    /// What it says that few do; of most nothing.
    pub(crate) fn constraints(&self) -> &Constraints {
        static NONE: LazyLock<Constraints> = LazyLock::new(Constraints::default);
        self.constraints.as_deref().unwrap_or_else(|| &NONE)
    }

    /// The schema of all values that are no property.
    pub(crate) fn additional_schema(&self) -> Option<&Schema> {
        match &self.additional {
            Additional::Schema(schema) => Some(schema),
            _ => None,
        }
    }

    /// The schema of a member.
    pub(crate) fn member(&self, key: &str) -> Option<&Schema> {
        self.properties.get(key).or_else(|| self.additional_schema())
    }

    /// Has the root of a resource judged as one.
    pub(crate) fn set_embedded(&mut self, embedded: bool) {
        self.embedded |= embedded;
    }

    /// Whether a field of this schema can be selected by.
    pub(crate) fn is_selectable(&self) -> bool {
        matches!(self.kind, Some(Type::String | Type::Boolean | Type::Integer))
    }

    /// Whether there are rules here or below, not counting those of `allOf`, as `NewValidator` asks.
    pub(crate) fn has_rules(&self) -> bool {
        !self.constraints().rules.is_empty()
            || self.items.as_deref().is_some_and(Self::has_rules)
            || self.additional_schema().is_some_and(Self::has_rules)
            || self.properties.values().any(Self::has_rules)
    }
}

impl Constraints {
    fn read(node: NodeRef<'_>) -> Self {
        let flag = |name: &str| node.get(name).and_then(NodeRef::as_bool).unwrap_or(false);
        let number = |name: &str| node.get(name).and_then(NodeRef::as_f64);
        let range = |least: &str, most: &str| Range { least: count(node, least), most: count(node, most) };
        Self {
            pattern: node
                .get_str("pattern")
                .filter(|pattern| !pattern.is_empty())
                .map(|pattern| Pattern { text: pattern.to_owned(), regex: OnceLock::new() }),
            length: range("minLength", "maxLength"),
            items_range: range("minItems", "maxItems"),
            properties_range: range("minProperties", "maxProperties"),
            unique: flag("uniqueItems"),
            bounds: Bounds {
                minimum: number("minimum"),
                exclusive_minimum: flag("exclusiveMinimum"),
                maximum: number("maximum"),
                exclusive_maximum: flag("exclusiveMaximum"),
                multiple_of: number("multipleOf"),
            },
            allowed: node.get_present("enum").filter(|list| !list.is_empty()).and_then(owned),
            default: node.get_present("default").and_then(owned),
            all_of: list(node.get("allOf")),
            any_of: list(node.get("anyOf")),
            one_of: list(node.get("oneOf")),
            not: node.get_present("not").map(|not| Schema::read(not).into()),
            list_keys: strings(node.get("x-kubernetes-list-map-keys")),
            rules: node
                .get("x-kubernetes-validations")
                .into_iter()
                .flat_map(NodeRef::items)
                .map(ValidationRule::read)
                .collect(),
        }
    }
}

impl ValidationRule {
    fn read(node: NodeRef<'_>) -> Self {
        let text = |name: &str| node.get_str(name).unwrap_or_default().to_owned();
        Self {
            rule: text("rule"),
            message: text("message"),
            message_expression: text("messageExpression"),
            reason: node.get_str("reason").map(str::to_owned),
            field_path: text("fieldPath"),
            optional_old_self: node.get("optionalOldSelf").and_then(NodeRef::as_bool).unwrap_or(false),
        }
    }
}

fn count(node: NodeRef<'_>, name: &str) -> Option<i64> {
    let number = node.get(name)?;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number by then")]
    number.as_i64().or_else(|| number.as_f64().filter(|f| f.fract() == 0.0).map(|f| f as i64))
}

fn strings(node: Option<NodeRef<'_>>) -> Vec<String> {
    node.into_iter().flat_map(NodeRef::items).filter_map(NodeRef::as_str).map(str::to_owned).collect()
}

fn list(node: Option<NodeRef<'_>>) -> Vec<Schema> {
    node.into_iter().flat_map(NodeRef::items).map(Schema::read).collect()
}

/// A copy that lives by itself.
pub(crate) fn owned(node: NodeRef<'_>) -> Option<Document<'static>> {
    let mut builder = Builder::new("", Limits::default());
    builder.copy_node(node, false).ok()?;
    Some(builder.finish().shrunk())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A keyword that were missing among [`CONSTRAINTS`] would be read only beside another.
    #[test]
    fn each_constraint_is_read_where_it_stands_alone() {
        let nothing = format!("{:?}", Constraints::default());
        let all = r#"{"pattern": "a", "minLength": 1, "maxLength": 1, "minItems": 1, "maxItems": 1, "minProperties": 1,
            "maxProperties": 1, "uniqueItems": true, "minimum": 1, "exclusiveMinimum": true, "maximum": 1,
            "exclusiveMaximum": true, "multipleOf": 2, "enum": ["a"], "default": "a", "allOf": [{}], "anyOf": [{}],
            "oneOf": [{}], "not": {}, "x-kubernetes-list-map-keys": ["a"], "x-kubernetes-validations": [{"rule": "true"}]}"#;
        let all = Document::from_json(all, Limits::default()).expect("it is JSON");
        for (keyword, value) in all.root().members() {
            let alone = format!("{{{keyword:?}: {}}}", value.to_json());
            let alone = Document::from_json(&alone, Limits::default()).expect("it is JSON");
            let read = format!("{:?}", Schema::read(alone.root()).constraints());
            assert_ne!(read, nothing, "{keyword}");
        }
        assert_eq!(all.root().len(), CONSTRAINTS.len());
    }
}
