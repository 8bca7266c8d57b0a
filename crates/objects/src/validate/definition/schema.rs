//! `openAPIV3Schema`: what a schema may say, level by level (`ValidateCustomResourceDefinitionOpenAPISchema`).
//!
//! Recursion goes as deep as the schema is nested, which the reader of documents limits.

use document::NodeRef;

use super::report::{Report, any_schema, flag, member, strings};
use super::{defaults, internal, structural};
use crate::custom::place::FieldPath;
use crate::custom::{RuleProblem, Schema, go_json, rule_field_path, rule_problems};

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const REASONS: [&str; 4] =
    ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// What may stand beside `properties` at the root where `status` is a subresource, in Go's names.
const AT_ROOT: &str = "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]";
const BEFORE_TYPE: [&str; 3] = ["id", "$schema", "$ref"];
const NOT_AT_ROOT: [&str; 18] = [
    "nullable",
    "default",
    "enum",
    "maxProperties",
    "minProperties",
    "allOf",
    "oneOf",
    "anyOf",
    "not",
    "additionalProperties",
    "patternProperties",
    "dependencies",
    "additionalItems",
    "definitions",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
];

/// The schema of a version, in its holder (`schema`, or `validation` of the internal form).
pub(super) fn check(holder: NodeRef<'_>, status: bool, place: &FieldPath<'_>, report: &mut Report) {
    let Some(schema) = holder.get_present("openAPIV3Schema") else { return };
    let before = report.len();
    if status {
        at_root(schema, place, report);
    }
    if flag(schema, "nullable") {
        let nullable = place.field("openAPIV3Schema.nullable");
        report.forbidden(&nullable, member(schema, "nullable"), "nullable cannot be true at the root");
    }
    let place = place.field("openAPIV3Schema");
    let mut rules = false;
    let unsupported = unsupported(schema);
    if unsupported.is_none() {
        let mut found = Report::default();
        structural::check(schema, &place, &mut found);
        if found.len() == 0 {
            defaults::check(schema, &place, &mut found);
        }
        rules = found.len() == 0;
        report.append(found);
    }
    let context = Context { defaults: Ok(()), in_meta: false, uncorrelated: None, root: true, rules };
    let (mut shape, mut expressions) = (Report::default(), Report::default());
    of_schema(schema, &context, &place, &mut shape, &mut expressions);
    report.append(shape);
    report.append(expressions);
    if let Some(text) = unsupported.filter(|_| report.len() == before) {
        report.invalid_text(&place, schema, "", &text);
    }
}

/// What no schema within may say, in the order in which the server looks for it, and what it calls that.
const UNSUPPORTED: [(&str, &str); 7] = [
    ("id", "id"),
    ("$schema", "schema"),
    ("$ref", "$ref"),
    ("patternProperties", "patternProperties"),
    ("dependencies", "dependencies"),
    ("additionalItems", "additionalItems"),
    ("definitions", "definitions"),
];

/// Why there is no structural form of the schema at all (`NewStructural`).
fn unsupported(schema: NodeRef<'_>) -> Option<String> {
    let said = |name: &str, value: NodeRef<'_>| {
        !value.is_null()
            && value.as_str().map_or(!value.is_empty() || name == "additionalItems", |text| !text.is_empty())
    };
    let (mut first, mut listed) = (None, false);
    // all of them in one walk: a definition of a large kind has thousands of schemas
    any_schema(schema, &mut |schema| {
        for (key, value) in schema.members() {
            match UNSUPPORTED.iter().position(|(name, _)| *name == key).filter(|_| said(key, value)) {
                Some(found) => first = Some(first.map_or(found, |first: usize| first.min(found))),
                None => listed |= key == "items" && value.is_array() && !value.is_empty(),
            }
        }
        false
    });
    match first {
        Some(first) => Some(format!("OpenAPIV3Schema '{}' is not supported", UNSUPPORTED[first].1)),
        None => listed.then(|| "OpenAPIV3Schema 'items' must be a schema, but is an array".to_owned()),
    }
}

fn at_root(schema: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let is_set = |name: &&str| {
        schema.get_present(name).is_some_and(|value| match value.as_bool() {
            Some(flag) => flag || *name == "additionalProperties",
            None => !(value.is_array() && value.is_empty()),
        })
    };
    let kind = schema.get_str("type").unwrap_or_default();
    let mut outlaw = BEFORE_TYPE.iter().any(&is_set);
    if !outlaw && !kind.is_empty() && kind != "object" {
        let place = place.field("openAPIV3Schema.type");
        let detail = "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        return report.invalid_text(&place, member(schema, "type"), kind, detail);
    }
    outlaw =
        outlaw || NOT_AT_ROOT.iter().any(is_set) || schema.get_present("x-kubernetes-map-type").is_some();
    if outlaw {
        let place = place.field("openAPIV3Schema");
        let detail = format!(
            "only {AT_ROOT} fields are allowed at the root of the schema if the status subresource is enabled"
        );
        report.invalid(&place, schema, &internal::schema(schema), &detail);
    }
}

/// What the surroundings of a schema say of it.
#[derive(Clone)]
struct Context {
    /// Whether a default may stand here, and else why not.
    defaults: Result<(), String>,
    in_meta: bool,
    /// The place below which old and new values cannot be told to be the same thing.
    uncorrelated: Option<String>,
    root: bool,
    /// Rules are compiled.
    rules: bool,
}

impl Context {
    fn inner(&self) -> Self {
        Self { root: false, ..self.clone() }
    }

    /// Below `not`, `allOf` and their like, where there are no rules.
    fn junctor(&self) -> Self {
        Self { rules: false, ..self.inner() }
    }

    fn uncorrelated(mut self, place: &FieldPath<'_>) -> Self {
        self.uncorrelated.get_or_insert_with(|| place.to_string());
        self
    }
}

fn of_schema(
    schema: NodeRef<'_>,
    context: &Context,
    place: &FieldPath<'_>,
    shape: &mut Report,
    rules: &mut Report,
) {
    let before = shape.len();
    keywords(schema, context, place, shape);
    if flag(schema, "uniqueItems") {
        let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        shape.forbidden(&place.field("uniqueItems"), member(schema, "uniqueItems"), detail);
    }
    children(schema, context, place, shape, rules);
    extensions(schema, place, shape);
    list_map(schema, place, shape);
    list_keys(schema, place, shape);
    let list = schema.get("x-kubernetes-validations").into_iter().flat_map(NodeRef::items);
    for (index, rule) in list.enumerate() {
        of_rule(schema, rule, &place.field("x-kubernetes-validations").index(index), shape);
    }
    if shape.len() == before
        && context.rules
        && schema.get("x-kubernetes-validations").is_some_and(|list| !list.is_empty())
    {
        compiled(schema, context, place, rules);
    }
}

/// What OpenAPI knows and Kubernetes does not take.
fn keywords(schema: NodeRef<'_>, context: &Context, place: &FieldPath<'_>, report: &mut Report) {
    let kind = schema.get_str("type").unwrap_or_default();
    let node = member(schema, "type");
    if !kind.is_empty() && !TYPES.contains(&kind) {
        report.not_supported(&place.field("type"), node, kind, &TYPES);
    }
    if let (Some(default), Err(reason)) = (schema.get_present("default"), &context.defaults) {
        report.forbidden(&place.field("default"), default, &format!("must not be set{reason}"));
    }
    for name in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
        let Some(value) = schema.get_present(name) else { continue };
        let empty = match name {
            "id" => value.as_str() == Some(""),
            "patternProperties" | "definitions" => value.is_empty(),
            _ => false,
        };
        if !empty {
            report.forbidden(&place.field(name), value, &format!("{name} is not supported"));
        }
    }
    if kind == "null" {
        let detail = "type cannot be set to null, use nullable as an alternative";
        report.forbidden(&place.field("type"), node, detail);
    }
    if let Some(items) = schema.get("items").filter(|items| items.is_array() && !items.is_empty()) {
        report.forbidden(&place.field("items"), items, "items must be a schema object and not an array");
    }
    if context.in_meta && flag(schema, "x-kubernetes-embedded-resource") {
        let embedded = "x-kubernetes-embedded-resource";
        report.forbidden(
            &place.field(embedded),
            member(schema, embedded),
            "must not be used inside of resource meta",
        );
    }
}

fn children(
    schema: NodeRef<'_>,
    context: &Context,
    place: &FieldPath<'_>,
    shape: &mut Report,
    rules: &mut Report,
) {
    let properties = schema.get_present("properties").filter(|properties| !properties.is_empty());
    if let Some(additional) = schema.get_present("additionalProperties") {
        if properties.is_some() && additional.as_bool() != Some(true) {
            let detail = "additionalProperties and properties are mutual exclusive";
            shape.forbidden(&place.field("additionalProperties"), additional, detail);
        }
        if additional.is_object() {
            let mut inner = context.inner();
            if context.in_meta {
                inner.defaults = Err(" inside additionalProperties applying to object metadata".into());
            }
            of_schema(additional, &inner, &place.field("additionalProperties"), shape, rules);
        }
    }
    let correlated =
        schema.get_str("x-kubernetes-map-type").is_none_or(|kind| matches!(kind, "granular" | "atomic"));
    for (name, property) in properties.into_iter().flat_map(NodeRef::members) {
        let mut inner = if correlated { context.inner() } else { context.inner().uncorrelated(place) };
        let meta = matches!(name, "metadata" | "kind" | "apiVersion");
        if meta && (context.root || flag(schema, "x-kubernetes-embedded-resource")) {
            inner.in_meta = true;
            if context.root {
                inner.defaults = Err(format!(" in top-level {name}"));
            }
        }
        of_schema(property, &inner, &place.field("properties").key(name), shape, rules);
    }
    let junctor = context.junctor();
    if let Some(not) = schema.get_present("not") {
        of_schema(not, &junctor, &place.field("not"), shape, rules);
    }
    for name in ["allOf", "oneOf", "anyOf"] {
        for (index, part) in schema.get(name).into_iter().flat_map(NodeRef::items).enumerate() {
            of_schema(part, &junctor, &place.field(name).index(index), shape, rules);
        }
    }
    for (name, part) in schema.get("definitions").into_iter().flat_map(NodeRef::members) {
        of_schema(part, &junctor, &place.field("definitions").key(name), shape, rules);
    }
    if let Some(items) = schema.get_present("items") {
        let keyed = schema.get_str("x-kubernetes-list-type") == Some("map");
        let inner = if keyed { context.inner() } else { context.inner().uncorrelated(place) };
        let place = place.field("items");
        if items.is_object() {
            of_schema(items, &inner, &place, shape, rules);
        }
        for (index, item) in items.items().enumerate() {
            of_schema(item, &inner, &place.index(index), shape, rules);
        }
    }
    for (name, part) in schema.get("dependencies").into_iter().flat_map(NodeRef::members) {
        if part.is_object() {
            of_schema(part, &junctor, &place.field("dependencies").key(name), shape, rules);
        }
    }
}

/// `x-kubernetes-preserve-unknown-fields`, `-map-type` and `-list-type`.
fn extensions(schema: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let preserve = "x-kubernetes-preserve-unknown-fields";
    if let Some(node) = schema.get(preserve).filter(|node| node.as_bool() == Some(false)) {
        report.invalid(&place.field(preserve), node, "false", "must be true or undefined");
    }
    let kind = schema.get_str("type").unwrap_or_default();
    let mut must_be = |extension: &str, wanted: &str| {
        if schema.get_str(extension).is_none() || kind == wanted {
            return;
        }
        let detail = format!("must be {wanted} if {extension} is specified");
        match kind {
            "" => report.required(&place.field("type"), schema, &detail),
            _ => report.invalid_text(&place.field("type"), member(schema, "type"), kind, &detail),
        }
    };
    must_be("x-kubernetes-map-type", "object");
    must_be("x-kubernetes-list-type", "array");
    let mut one_of = |extension: &str, known: &[&str]| {
        if let Some(value) = schema.get_str(extension).filter(|value| !known.contains(value)) {
            report.not_supported(&place.field(extension), member(schema, extension), value, known);
        }
    };
    one_of("x-kubernetes-map-type", &["atomic", "granular"]);
    one_of("x-kubernetes-list-type", &["atomic", "set", "map"]);
    let items = schema.get_present("items").filter(|items| items.is_object());
    let Some(items) =
        items.filter(|_| kind == "array" && schema.get_str("x-kubernetes-list-type") == Some("set"))
    else {
        return;
    };
    let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
    let list_type = items.get_present("x-kubernetes-list-type").map_or("null".to_owned(), go_json::written);
    let place = place.field("items");
    match items.get_str("type") {
        Some("array") if items.get_str("x-kubernetes-list-type").is_some_and(|kind| kind != "atomic") => {
            report.invalid(&place.field("x-kubernetes-list-type"), items, &list_type, detail);
        }
        Some("object") if items.get_str("x-kubernetes-map-type") != Some("atomic") => {
            // upstream shows the type of the list
            report.invalid(&place.field("x-kubernetes-map-type"), items, &list_type, detail);
        }
        _ => {}
    }
}

/// Lists whose items are told apart by keys.
fn list_map(schema: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let (list_type, map_keys) = ("x-kubernetes-list-type", "x-kubernetes-list-map-keys");
    let keys: Vec<_> = strings(schema, map_keys).collect();
    let kind = schema.get_str(list_type);
    if !keys.is_empty() && kind != Some("map") {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        match kind {
            None => report.required(&place.field(list_type), schema, detail),
            Some(kind) => {
                report.invalid_text(&place.field(list_type), member(schema, list_type), kind, detail)
            }
        }
    }
    if kind != Some("map") {
        return;
    }
    if keys.is_empty() {
        report.required(&place.field(map_keys), schema, "must not be empty if x-kubernetes-list-type is map");
    }
    let items_place = place.field("items");
    let Some(items) = schema.get_present("items") else {
        return report.required(&items_place, schema, "must have a schema if x-kubernetes-list-type is map");
    };
    if !items.is_object() {
        let detail = "must only have a single schema if x-kubernetes-list-type is map";
        return report.invalid(&items_place, items, &go_json::written(items), detail);
    }
    let items_kind = items.get_str("type").unwrap_or_default();
    if items_kind != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        return report.invalid_text(&items_place.field("type"), member(items, "type"), items_kind, detail);
    }
    let shown = go_json::written(member(schema, map_keys));
    for (index, (node, key)) in keys.iter().enumerate() {
        match items.get("properties").and_then(|properties| properties.get(key)) {
            None => report.invalid(
                &place.field(map_keys),
                *node,
                &shown,
                "entries must all be names of item properties",
            ),
            Some(property) if matches!(property.get_str("type"), Some("array" | "object")) => {
                // upstream shows the type of the item
                let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                let place = items_place.field("properties");
                report.invalid_text(&place.key(key).field("type"), property, items_kind, detail);
            }
            Some(_) => {}
        }
        if keys[..index].iter().any(|(_, earlier)| earlier == key) {
            report.invalid(&place.field(map_keys), *node, &shown, "must not contain duplicate entries");
        }
    }
}

/// Items and keys of sets and maps (`validateMapListKeysMapSet`).
fn list_keys(schema: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let Some(kind @ ("set" | "map")) = schema.get_str("x-kubernetes-list-type") else { return };
    let Some(items) = schema.get_present("items").filter(|items| items.is_object()) else { return };
    let place = place.field("items");
    if flag(items, "nullable") {
        let detail = format!("cannot be nullable when x-kubernetes-list-type is {kind}");
        report.forbidden(&place.field("nullable"), member(items, "nullable"), &detail);
    }
    if kind == "set" {
        return;
    }
    for (_, key) in strings(schema, "x-kubernetes-list-map-keys") {
        let Some(property) = items.get("properties").and_then(|properties| properties.get(key)) else {
            continue;
        };
        let above = place.field("properties");
        let place = above.key(key);
        let required = strings(items, "required").any(|(_, name)| name == key);
        if !required && property.get_present("default").is_none() {
            let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            report.required(&place.field("default"), property, detail);
        }
        if flag(property, "nullable") {
            let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            report.forbidden(&place.field("nullable"), member(property, "nullable"), detail);
        }
    }
}

/// What of a rule can be judged without compiling it.
fn of_rule(schema: NodeRef<'_>, rule: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let text = |name: &str| rule.get_str(name).unwrap_or_default();
    let broken = |text: &str| text.contains(['\n', '\r']);
    let (source, message) = (text("rule"), text("message"));
    let (rule_node, message_node) = (member(rule, "rule"), member(rule, "message"));
    if source.trim().is_empty() {
        report.required(&place.field("rule"), rule_node, "rule is not specified");
    } else if !message.is_empty() && message.trim().is_empty() {
        report.invalid_text(&place.field("message"), message_node, message, "must be non-empty if specified");
    } else if broken(message.trim()) {
        report.invalid_text(&place.field("message"), message_node, message, "must not contain line breaks");
    } else if broken(source.trim()) && message.trim().is_empty() {
        let detail = "message must be specified if rule contains line breaks";
        report.required(&place.field("message"), message_node, detail);
    }
    let expression = text("messageExpression");
    if !expression.is_empty() && expression.trim().is_empty() {
        let detail = "messageExpression must be non-empty if specified";
        report.required(&place.field("messageExpression"), member(rule, "messageExpression"), detail);
    }
    if let Some(reason) = rule.get_str("reason").filter(|reason| !REASONS.contains(reason)) {
        report.not_supported(&place.field("reason"), member(rule, "reason"), reason, &REASONS);
    }
    let path = text("fieldPath");
    let (node, place) = (member(rule, "fieldPath"), place.field("fieldPath"));
    if !path.is_empty() && path.trim().is_empty() {
        report.invalid_text(&place, node, path, "must be non-empty if specified");
    }
    if broken(path) {
        report.invalid_text(&place, node, path, "must not contain line breaks");
    }
    if !path.is_empty() && rule_field_path(path, &Schema::read(schema)).is_err() {
        report.invalid_text(&place, node, path, "must be a valid path");
    }
}

/// What the compiler says of the rules of a schema.
fn compiled(schema: NodeRef<'_>, context: &Context, place: &FieldPath<'_>, report: &mut Report) {
    let list = member(schema, "x-kubernetes-validations");
    let place = place.field("x-kubernetes-validations");
    let read = Schema::read(schema);
    let is_resource = context.root || flag(schema, "x-kubernetes-embedded-resource");
    let Some(problems) = rule_problems(&read, is_resource) else {
        let detail = "internal error: failed to retrieve type information for x-kubernetes-validations";
        return report.internal(&place, list, detail);
    };
    for ((index, rule), problem) in list.items().enumerate().zip(problems) {
        let place = place.index(index);
        let RuleProblem { rule: refused, message, uses_old_self } = problem;
        let rule_node = member(rule, "rule");
        if let Some(text) = refused {
            report.invalid(&place.field("rule"), rule_node, &internal::rule(rule), &text);
        }
        if let Some(text) = message {
            let place = place.field("messageExpression");
            report.invalid(&place, member(rule, "messageExpression"), &internal::rule(rule), &text);
        }
        let optional = rule.get_present("optionalOldSelf");
        match (uses_old_self, &context.uncorrelated, optional) {
            (true, Some(within), _) => {
                let detail = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {within}"
                );
                let source = rule.get_str("rule").unwrap_or_default();
                report.invalid_text(&place.field("rule"), rule_node, source, &detail);
            }
            (false, _, Some(optional)) => {
                let detail = "may not be set if oldSelf is not used in rule";
                report.invalid(
                    &place.field("optionalOldSelf"),
                    optional,
                    &go_json::written(optional),
                    detail,
                );
            }
            _ => {}
        }
    }
}
