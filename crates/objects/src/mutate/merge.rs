//! Structured merge: an apply configuration into an object.
//!
//! structured-merge-diff `typed/merge.go`. Both sides have been checked, so nothing can go wrong any more.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use document::NodeRef;

use super::Target;
use super::check::{Check, atomics, deduced, key_of};
use super::json::{Json, Members};
use super::types::{Atom, List, Map, Relation, Type};
use crate::admit::Served;

/// The object with the configuration merged into it.
///
/// # Errors
/// What the server says, where it would not merge.
pub(super) fn into<'d>(
    object: NodeRef<'d>,
    mut configuration: Members<'d>,
    target: &Target<'_>,
) -> Result<Json<'d>, String> {
    // whatever the configuration says
    for name in ["apiVersion", "kind"] {
        if let Some(value) = object.get(name) {
            configuration.insert(Cow::Borrowed(name), Json::Node(value));
        }
    }
    let no_type = "failed to convert patch object to typed object: no corresponding type for";
    let of = Type::of(target.served, target.minor).ok_or_else(|| format!("{no_type} {}", target.name()))?;
    let configuration = Json::map(configuration);
    let mut check = Check::new(false);
    check.value(&configuration, of);
    if let Some(text) = check.errors.text() {
        return Err(format!("failed to convert patch object to typed object: {text}"));
    }
    let mut found = Vec::new();
    atomics(&configuration, of, &mut String::new(), &mut found);
    if !found.is_empty() {
        let places = found.join(", ");
        return Err(format!(
            "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {places}"
        ));
    }
    let object = Json::Node(object);
    // an object of a Go type fits its own schema
    if matches!(target.served, Some(Served::Custom(..))) {
        let mut check = Check::new(true);
        check.value(&object, of);
        if let Some(text) = check.errors.text() {
            return Err(format!("failed to convert original object to typed object: {text}"));
        }
    }
    Ok(both(&object, &configuration, of).unwrap_or(object))
}

fn either<'d>(left: Option<&Json<'d>>, right: Option<&Json<'d>>, of: Type<'_>) -> Option<Json<'d>> {
    match (left, right) {
        (Some(left), Some(right)) => both(left, right, of),
        // what stands on one side only is taken over
        (one, other) => one.or(other).cloned(),
    }
}

/// The value of both; nothing where nothing is left of a map or list. The right one says of what kind it is.
fn both<'d>(left: &Json<'d>, right: &Json<'d>, of: Type<'_>) -> Option<Json<'d>> {
    match deduced(of.atom(), right) {
        Atom { map: Some(map), .. } if !map.atomic => maps(left, right, &map),
        Atom { map: None, scalar: None, list: Some(list) } => lists(left, right, &list),
        _ => Some(right.clone()),
    }
}

fn maps<'d>(left: &Json<'d>, right: &Json<'d>, map: &Map<'_>) -> Option<Json<'d>> {
    let filled = |side: &Json<'d>| side.is_map() && !side.is_empty();
    if !filled(left) && !filled(right) {
        return Some(right.clone());
    }
    let mut members: Members<'d> = left.members().into_iter().collect();
    for (key, value) in right.members() {
        let of = map.field(&key).or_else(|| map.element()).unwrap_or(Type::Deduced);
        match either(members.get(&key), Some(&value), of) {
            Some(merged) => _ = members.insert(key, merged),
            None => _ = members.remove(&key),
        }
    }
    (!members.is_empty()).then(|| Json::map(members))
}

/// An item with what tells it apart.
struct Item<'d> {
    key: String,
    value: Json<'d>,
}

fn items_of<'d>(side: &Json<'d>, list: &List<'_>) -> Vec<Item<'d>> {
    let items = side.items().into_iter();
    items.filter_map(|value| Some(Item { key: key_of(&value, list).ok()?, value })).collect()
}

fn lists<'d>(left: &Json<'d>, right: &Json<'d>, list: &List<'_>) -> Option<Json<'d>> {
    let filled = |side: &Json<'d>| side.is_list() && !side.is_empty();
    if matches!(list.relation, Relation::Atomic) || (!filled(left) && !filled(right)) {
        return Some(right.clone());
    }
    let (left, right) = (items_of(left, list), items_of(right, list));
    let items = Weave::new(&left, &right, list).run();
    (!items.is_empty()).then(|| Json::list(items))
}

/// Puts two lists into one (`visitListItems`): items of both stand in the right one's order, those of the left one
/// alone where they stood among them, those of the right one alone after what stood before them there.
struct Weave<'l, 'd> {
    left: &'l [Item<'d>],
    right: &'l [Item<'d>],
    list: &'l List<'l>,
    /// The left items by key; null for several of one key, which are not merged.
    on_left: HashMap<&'l str, Json<'d>>,
    on_right: HashSet<&'l str>,
    done: HashSet<&'l str>,
    /// Keys of both, in the order of the right.
    shared: std::collections::VecDeque<&'l str>,
    out: Vec<Json<'d>>,
}

impl<'l, 'd> Weave<'l, 'd> {
    fn new(left: &'l [Item<'d>], right: &'l [Item<'d>], list: &'l List<'l>) -> Self {
        let mut on_left = HashMap::new();
        for item in left {
            on_left
                .entry(&*item.key)
                .and_modify(|value| *value = Json::Null)
                .or_insert_with(|| item.value.clone());
        }
        let keys = right.iter().map(|item| &*item.key);
        let shared = keys.clone().filter(|key| on_left.contains_key(key)).collect();
        let on_right = keys.collect();
        Self { left, right, list, on_left, on_right, done: HashSet::new(), shared, out: Vec::new() }
    }

    fn run(mut self) -> Vec<Json<'d>> {
        let (mut at_left, mut at_right) = (0, 0);
        loop {
            let (left, right) = (self.left.get(at_left), self.right.get(at_right));
            if let (Some(left), Some(right)) = (left, right) {
                if left.key == right.key {
                    self.take(right);
                    (at_left, at_right) = (at_left + 1, at_right + 1);
                    self.shared.pop_front();
                    continue;
                }
                let is_shared = self.on_right.contains(&*left.key);
                if is_shared && self.shared.front().is_some_and(|next| *next != left.key) {
                    // its turn is another
                    at_left += 1;
                    continue;
                }
            }
            if let Some(left) = left {
                if !self.on_right.contains(&*left.key) {
                    self.out.push(left.value.clone());
                    at_left += 1;
                    continue;
                }
                if self.done.contains(&*left.key) {
                    at_left += 1;
                }
            }
            match right {
                Some(right) => {
                    self.take(right);
                    at_right += 1;
                    if self.shared.front().is_some_and(|next| *next == right.key) {
                        self.shared.pop_front();
                    }
                }
                None if at_left >= self.left.len() => return self.out,
                None => {}
            }
        }
    }

    fn take(&mut self, right: &'l Item<'d>) {
        self.done.insert(&right.key);
        let left = self.on_left.get(&*right.key);
        self.out.extend(either(left, Some(&right.value), self.list.items));
    }
}
