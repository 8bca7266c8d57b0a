//! Everything for which the server refuses a custom resource with 422.
//!
//! apiextensions `pkg/registry/customresource/{strategy,validator}.go`.

use document::{Builder, Document, LimitError, Limits, NodeRef};

use crate::field::{At, Cause, Causes, Reason};
use crate::meta;

use super::check::{self, ValueAt};
use super::correlate::Link;
use super::definition::{Definition, Version};
use super::place::FieldPath;
use super::{embedded, lists, scale};

/// Said where rules were not asked.
const UNCHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/// The causes, in the server's order as far as it has one.
pub(super) fn validate(
    definition: &Definition,
    version: &Version,
    object: NodeRef<'_>,
    old: Option<NodeRef<'_>>,
) -> Result<Causes, LimitError> {
    // users do not set what is a subresource: on create it is dropped, on update kept as it was
    let status = version.status
        && (object.get("status").is_some() || old.is_some_and(|old| old.get("status").is_some()));
    let name = generated_name(object);
    if !status && name.is_none() {
        return Ok(of_prepared(definition, version, object, old));
    }
    let old_status = old.filter(|_| status).and_then(|old| old.get("status"));
    let prepared = prepared(object, status, old_status, name.as_deref())?;
    let mut causes = Causes::new();
    for mut cause in of_prepared(definition, version, prepared.root(), old).into_vec() {
        cause.node = cause.node.map(|id| counterpart(prepared.node(id), object).id());
        causes.push(cause);
    }
    Ok(causes)
}

/// A stand-in for the name that the server makes before it validates.
fn generated_name(object: NodeRef<'_>) -> Option<String> {
    let metadata = At::root(object).field("metadata");
    let wanted = metadata.is_empty_at("name") && !metadata.is_empty_at("generateName");
    wanted.then(|| meta::final_name(metadata))
}

/// The object with its generated name, and with another status or none where that is no matter of the user.
fn prepared(
    object: NodeRef<'_>,
    without_status: bool,
    status: Option<NodeRef<'_>>,
    name: Option<&str>,
) -> Result<Document<'static>, LimitError> {
    let mut builder = Builder::new("", Limits::default());
    builder.begin_object()?;
    let kept = object.members().filter(|(key, _)| !(without_status && *key == "status"));
    for (key, value) in kept.chain(status.map(|status| ("status", status))) {
        builder.key(key, None)?;
        match name.filter(|_| key == "metadata" && value.is_object()) {
            None => {
                builder.copy_node(value, false)?;
            }
            Some(name) => {
                builder.begin_object()?;
                for (key, value) in value.members().filter(|(key, _)| *key != "name") {
                    builder.key(key, None)?;
                    builder.copy_node(value, false)?;
                }
                builder.key("name", None)?;
                builder.string(name)?;
                builder.end();
            }
        }
    }
    builder.end();
    Ok(builder.finish())
}

/// The node at the same place, or the nearest around it.
fn counterpart<'d>(node: NodeRef<'_>, object: NodeRef<'d>) -> NodeRef<'d> {
    let mut at = Some(node);
    while let Some(node) = at {
        if let Some(found) = object.at(&node.pointer()) {
            return found;
        }
        at = node.parent();
    }
    object
}

fn of_prepared(
    definition: &Definition,
    version: &Version,
    object: NodeRef<'_>,
    old: Option<NodeRef<'_>>,
) -> Causes {
    let mut causes = Causes::new();
    type_meta(definition, version, At::root(object), &mut causes);
    if causes.is_empty() {
        let metadata = At::root(object).field("metadata");
        match old {
            None => meta::object_meta(metadata, meta::name_is_subdomain, &mut causes),
            Some(old) => meta::object_meta_update(metadata, At::root(old).field("metadata"), &mut causes),
        }
        let mut found = Vec::new();
        if let Some(schema) = &version.schema {
            let link = old.map(|old| Link { new: object, old, schema });
            found.extend(
                check::check(schema, ValueAt { node: object, place: &FieldPath::ROOT, link }).into_causes(),
            );
        }
        if let Some(scale) = &version.scale {
            scale::check(scale, object, &mut found);
        }
        found.into_iter().for_each(|cause| causes.push(cause));
    }
    if let Some(schema) = &version.schema {
        embedded::check(schema, object, At::root(object), &mut causes);
        let duplicates = |object: NodeRef<'_>| {
            let mut found = Vec::new();
            lists::check(schema, object, &FieldPath::ROOT, &mut found);
            found
        };
        // lists that were wrong before may stay wrong
        if old.is_none_or(|old| duplicates(old).is_empty()) {
            duplicates(object).into_iter().for_each(|cause| causes.push(cause));
        }
        if schema.has_rules() {
            if causes.as_slice().iter().any(blocks) {
                let message = format!("Invalid value: null: {UNCHECKED}");
                let (field, node) = ("<nil>".to_owned(), Some(object.id()));
                causes.push(Cause { field, reason: Reason::Invalid, message, node });
            } else {
                version.rules().run(schema, object, old).into_iter().for_each(|cause| causes.push(cause));
            }
        }
    }
    causes
}

/// Rules are not asked of an object whose shape is wrong.
fn blocks(cause: &Cause) -> bool {
    use Reason::{NotSupported, Required, TooLong, TooMany, TypeInvalid};
    matches!(cause.reason, NotSupported | Required | TooLong | TooMany | TypeInvalid)
}

fn type_meta(definition: &Definition, version: &Version, object: At<'_>, causes: &mut Causes) {
    let (kind, api_version) = (object.field("kind"), object.field("apiVersion"));
    if kind.str() != definition.kind {
        causes.invalid_value(kind, kind.str(), &format!("must be {}", definition.kind));
    }
    let wanted = format!("{}/{}", definition.group, version.name);
    if api_version.str() != wanted {
        causes.invalid_value(api_version, api_version.str(), &format!("must be {wanted}"));
    }
}
