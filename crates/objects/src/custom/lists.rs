//! Lists that are sets or maps (apiextensions pkg/apiserver/schema/listtype).

use std::collections::{HashMap, HashSet};

use document::NodeRef;

use crate::field::{Cause, Reason};

use super::fault::{message, shown};
use super::go_json;
use super::place::FieldPath;
use super::schema::{ListType, Schema};

/// Adds what is there twice. Recursion goes as deep as the object is nested.
pub(crate) fn check(schema: &Schema, node: NodeRef<'_>, place: &FieldPath<'_>, causes: &mut Vec<Cause>) {
    if node.is_object() {
        for (key, value) in node.members() {
            // upstream looks at a property of the same name as well as at the additional ones
            if let Some(additional) = schema.additional_schema() {
                check(additional, value, &place.key(key), causes);
            }
            if let Some(property) = schema.properties.get(key) {
                check(property, value, &place.field(key), causes);
            }
        }
    } else if node.is_array() {
        match schema.list_type {
            ListType::Set => {
                let keys = node.items().map(|item| (item, go_json::written(item)));
                duplicates(keys, place, shown, causes);
            }
            ListType::Map => of_map(schema, node, place, causes),
            ListType::Atomic => {}
        }
        if let Some(items) = schema.items.as_deref() {
            for (index, item) in node.items().enumerate() {
                check(items, item, &place.index(index), causes);
            }
        }
    }
}

fn of_map(schema: &Schema, node: NodeRef<'_>, place: &FieldPath<'_>, causes: &mut Vec<Cause>) {
    if let Some((index, item)) =
        node.items().enumerate().find(|(_, item)| !item.is_object() && !item.is_null())
    {
        let says =
            message(Reason::Invalid, Some(&shown(item)), "must be an object for an array of list-type map");
        causes.push(Cause {
            field: place.index(index).to_string(),
            reason: Reason::Invalid,
            message: says,
            node: Some(item.id()),
        });
        return;
    }
    let key_of = |item: NodeRef<'_>| {
        let mut keys: Vec<&String> = schema.constraints().list_keys.iter().collect();
        keys.sort_unstable();
        let members = keys.into_iter().filter_map(|key| {
            Some(format!("{}:{}", crate::field::go_json_string(key), go_json::written(item.get(key)?)))
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    duplicates(node.items().map(|item| (item, key_of(item))), place, key_of, causes);
}

/// Each value that is there more than once is told of once, where it is there for the second time.
fn duplicates<'d>(
    keyed: impl Iterator<Item = (NodeRef<'d>, String)>,
    place: &FieldPath<'_>,
    show: impl Fn(NodeRef<'d>) -> String,
    causes: &mut Vec<Cause>,
) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (index, (item, key)) in keyed.enumerate() {
        let times = seen.entry(key).or_insert(0);
        *times += 1;
        if *times == 2 {
            causes.push(Cause {
                field: place.index(index).to_string(),
                reason: Reason::Duplicate,
                message: message(Reason::Duplicate, Some(&show(item)), ""),
                node: Some(item.id()),
            });
        }
    }
}

/// `uniqueItems`, which a CustomResourceDefinition may not set.
pub(crate) fn has_duplicates(list: NodeRef<'_>) -> bool {
    let mut seen = HashSet::new();
    !list.items().all(|item| seen.insert(go_json::written(item)))
}
