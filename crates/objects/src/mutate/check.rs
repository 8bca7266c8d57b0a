//! Whether a value fits its type, and what of it is atomic, which an apply configuration may not set.
//!
//! structured-merge-diff `typed/{validate,helpers}.go`; apiserver `plugin/policy/mutating/patch/smd.go`. Where Go walks a
//! map in no order, this goes by name.

use document::Scalar as Found;

use super::json::Json;
use super::types::{Atom, List, Map, Relation, Scalar, Type};

/// `ValidationErrors`: places with what is wrong there.
#[derive(Debug, Default)]
pub(super) struct Errors(Vec<(String, String)>);

impl Errors {
    fn add(&mut self, place: &str, text: impl Into<String>) {
        self.0.push((place.to_owned(), text.into()));
    }

    /// The server's words, if anything is wrong.
    pub(super) fn text(&self) -> Option<String> {
        let line = |(place, text): &(String, String)| {
            if place.is_empty() { text.clone() } else { format!("{place}: {text}") }
        };
        match &self.0[..] {
            [] => None,
            [one] => Some(line(one)),
            several => {
                let lines: Vec<String> = several.iter().map(|error| format!("\n  {}", line(error))).collect();
                Some(format!("errors:{}", lines.concat()))
            }
        }
    }
}

/// Goes through a value. Recurses as deep as values nest, which is limited.
pub(super) struct Check {
    pub(super) errors: Errors,
    /// Items of the same key are let pass.
    pub(super) duplicates: bool,
    place: String,
}

impl Check {
    pub(super) fn new(duplicates: bool) -> Self {
        Self { errors: Errors::default(), duplicates, place: String::new() }
    }

    fn wrong(&mut self, text: impl Into<String>) {
        self.errors.add(&self.place, text);
    }

    pub(super) fn value(&mut self, value: &Json<'_>, of: Type<'_>) {
        let atom = deduced(of.atom(), value);
        match atom {
            Atom { map: Some(map), .. } => self.map(value, &map),
            Atom { scalar: Some(scalar), .. } => self.scalar(value, scalar),
            Atom { list: Some(list), .. } => self.list(value, &list),
            Atom { .. } => self.wrong("schema error: invalid atom: inlined"),
        }
    }

    fn below(&mut self, step: &str, value: &Json<'_>, of: Type<'_>) {
        let length = self.place.len();
        self.place.push_str(step);
        self.value(value, of);
        self.place.truncate(length);
    }

    fn map(&mut self, value: &Json<'_>, map: &Map<'_>) {
        if value.is_null() {
            return;
        }
        if !value.is_map() {
            return self.wrong(format!("expected map, got &{{{}}}", value.plain()));
        }
        for (key, member) in value.members() {
            let step = format!(".{key}");
            match map.field(&key).or_else(|| map.element()) {
                Some(of) => self.below(&step, &member, of),
                // Go looks at no further member
                None => {
                    let place = format!("{}{step}", self.place);
                    return self.errors.add(&place, "field not declared in schema");
                }
            }
        }
    }

    fn list(&mut self, value: &Json<'_>, list: &List<'_>) {
        if value.is_null() {
            return;
        }
        if !value.is_list() {
            return self.wrong(format!("expected list, got &{{{}}}", value.plain()));
        }
        let mut seen = std::collections::HashSet::new();
        for (index, item) in value.items().iter().enumerate() {
            let step = match list.relation {
                Relation::Atomic => format!("[{index}]"),
                Relation::Set | Relation::Keys(_) => match key_of(item, list) {
                    Ok(key) => key,
                    Err(text) => return self.wrong(format!("element {index}: {text}")),
                },
            };
            if !seen.insert(step.clone()) && !self.duplicates {
                self.wrong(format!("duplicate entries for key {step}"));
            }
            self.below(&step, item, list.items);
        }
    }

    fn scalar(&mut self, value: &Json<'_>, scalar: Scalar) {
        let found = value.scalar();
        if matches!(found, Some(Found::Null)) {
            return;
        }
        match scalar {
            Scalar::Numeric if !matches!(found, Some(Found::Int(_) | Found::Float(_))) => {
                self.wrong(format!("expected numeric (int or float), got {}", value.go_type()));
            }
            Scalar::Text if !matches!(found, Some(Found::String(_))) => {
                let shown = value.sharp();
                self.wrong(format!("expected string, got &value.valueUnstructured{{Value:{shown}}}"));
            }
            Scalar::Boolean if !matches!(found, Some(Found::Bool(_))) => {
                self.wrong(format!("expected boolean, got &{{{}}}", value.plain()));
            }
            Scalar::Untyped if found.is_none() => {
                self.wrong(format!("expected any scalar, got &{{{}}}", value.plain()));
            }
            _ => {}
        }
    }
}

/// What of a type is meant by a value of some kind (`deduceAtom`).
pub(super) fn deduced<'s>(atom: Atom<'s>, value: &Json<'_>) -> Atom<'s> {
    match value.scalar() {
        Some(Found::Null) => atom,
        Some(_) if atom.scalar.is_some() => Atom { scalar: atom.scalar, ..Atom::default() },
        None if value.is_list() && atom.list.is_some() => Atom { list: atom.list, ..Atom::default() },
        None if value.is_map() && atom.map.is_some() => Atom { map: atom.map, ..Atom::default() },
        _ => atom,
    }
}

/// What tells an item apart in its list, as paths show it: `[name="c"]`, `[="a"]`.
pub(super) fn key_of(item: &Json<'_>, list: &List<'_>) -> Result<String, String> {
    let Relation::Keys(keys) = &list.relation else {
        return match item {
            map if map.is_map() => {
                Err("associative list without keys has an element that's a map type".to_owned())
            }
            list if list.is_list() => {
                Err("not supported: associative list with lists as elements".to_owned())
            }
            null if null.is_null() => {
                Err("associative list without keys has an element that's an explicit null".to_owned())
            }
            scalar => Ok(format!("[={}]", shown(scalar))),
        };
    };
    if item.is_null() {
        return Err("associative list with keys may not have a null element".to_owned());
    }
    if !item.is_map() {
        return Err("associative list with keys may not have non-map elements".to_owned());
    }
    let mut parts = Vec::new();
    for key in keys {
        let default = || list.items.atom().map.and_then(|map| map.default(key));
        if let Some(value) = item.get(key) {
            parts.push(format!("{key}={}", shown(&value)));
        } else if let Some(value) = default() {
            parts.push(format!("{key}={}", shown(&value)));
        }
    }
    if parts.is_empty() && !keys.is_empty() {
        let keys: Vec<String> = keys.iter().map(|key| crate::field::go_quote(key)).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            keys.join(" ")
        ));
    }
    Ok(format!("[{}]", parts.join(",")))
}

/// `value.ToString`
fn shown(value: &Json<'_>) -> String {
    match value.scalar() {
        Some(Found::Null) => "null".to_owned(),
        Some(Found::String(text)) => crate::field::go_quote(text),
        Some(_) => value.plain(),
        None if value.is_list() => {
            let items: Vec<String> = value.items().iter().map(shown).collect();
            format!("[{}]", items.join(","))
        }
        None if value.is_map() => {
            let members = value.members();
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("{key}={}", shown(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        None => "{{undefined}}".to_owned(),
    }
}

/// Places of lists and maps that are one value (`findAtomics`). Only fields that the schema names are looked into.
pub(super) fn atomics(value: &Json<'_>, of: Type<'_>, place: &mut String, found: &mut Vec<String>) {
    let atom = of.atom();
    if let Some(map) = atom.map.filter(|_| value.is_map()) {
        if map.atomic {
            found.push(place.clone());
        }
        for (key, member) in value.members() {
            if let Some(of) = map.field(&key) {
                let length = place.len();
                place.push('.');
                place.push_str(&key);
                atomics(&member, of, place, found);
                place.truncate(length);
            }
        }
    }
    if let Some(list) = atom.list.filter(|_| value.is_list()) {
        if matches!(list.relation, Relation::Atomic) {
            found.push(place.clone());
        }
        for (index, item) in value.items().iter().enumerate() {
            let length = place.len();
            place.push_str(&format!("[{index}]"));
            atomics(item, list.items, place, found);
            place.truncate(length);
        }
    }
}
