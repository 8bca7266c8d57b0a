//! Mutants of objects: one or two things that people get wrong, chosen at random.

use kubernetes_objects::schema::{Definition, Field, KindRow, Type};
use serde_json::{Map, Value, json};

use crate::bases::{Base, MINOR, Pool};
use crate::random::Random;

/// The end of a key that is written twice: JSON values cannot hold it, so it is taken off the text.
pub(crate) const TWICE: &str = "\u{1}twice";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Item(usize),
}

/// Somewhere in an object.
struct Place {
    path: Vec<Step>,
    kind: Option<&'static Type>,
    field: Option<&'static Field>,
}

const NAMES: &[&str] = &[
    "",
    "Bad_Name",
    "UPPER.x",
    "a b",
    "-x",
    "a/b",
    "x/y/z",
    "..",
    "*",
    "1",
    "a.b.c",
    "é",
    "<x>",
    "true",
    "x\ny",
    "kubernetes.io/x",
    "a%b",
    "9007199254740993",
    "http://h/x",
    "1 +",
    " padded ",
    "10.0.0.300",
    "2001:DB8::1",
    "150%",
    "/a/../b",
    "*.x.y",
    "None",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];
const NUMBERS: &[i64] = &[
    -1,
    0,
    1,
    2,
    5,
    31,
    70,
    101,
    300,
    644,
    65535,
    65536,
    70000,
    86401,
    604_801,
    1_000_000_001,
    2_147_483_647,
    2_147_483_648,
    9_007_199_254_740_993,
];
const QUANTITIES: &[&str] = &[
    "128MB",
    "1K",
    "",
    "-1",
    "100m",
    "100n",
    "0.5",
    "1e3",
    "5e-1",
    "1.1Ki",
    "01Gi",
    "+1",
    "5.",
    " 1Gi ",
    "1Ei",
    "12345678901234567890",
    "1Gi",
    "1023Ki",
    "0",
    "1m",
    "1k",
];
const WRONG: &[&str] = &["\"x\"", "5", "true", "[]", "{}", "[1]", "{\"a\":1}", "1.5", "null"];

/// An object with something wrong in it, and what that is. `stored`: it is to replace one of the same name.
pub(crate) fn mutate(base: &Base, pool: &Pool, stored: bool, random: &mut Random) -> (Value, String) {
    let mut object = base.object.clone();
    let definition = base.row().and_then(KindRow::definition);
    let mut changes = Vec::new();
    for _ in 0..if random.percent(20) { 2 } else { 1 } {
        let mut places = Vec::new();
        walk(&object, definition.map(Of::Definition), None, &mut Vec::new(), &mut places);
        places.retain(|place| may_change(&place.path, stored));
        if random.percent(75) {
            let of_kind: Vec<usize> = (0..places.len())
                .filter(|at| places[*at].path[0] != Step::Key("metadata".to_owned()))
                .collect();
            if !of_kind.is_empty() {
                let at = *random.choose(&of_kind);
                changes.push(change(&mut object, &places[at], pool, random));
                continue;
            }
        }
        if !places.is_empty() {
            let at = random.below(places.len());
            changes.push(change(&mut object, &places[at], pool, random));
        }
    }
    (object, changes.join("; "))
}

/// What the address of the request is made of stays.
fn may_change(path: &[Step], stored: bool) -> bool {
    let key = |at: usize| match path.get(at) {
        Some(Step::Key(key)) => key.as_str(),
        _ => "",
    };
    match (key(0), key(1)) {
        ("apiVersion" | "kind" | "status", _) | ("metadata", "namespace" | "managedFields") => false,
        ("metadata", "uid" | "resourceVersion" | "creationTimestamp" | "generation") => false,
        ("metadata", "") => false,
        ("metadata", "name") => !stored,
        _ => !path.is_empty(),
    }
}

#[derive(Clone, Copy)]
enum Of {
    Definition(&'static Definition),
    Type(&'static Type),
}

fn walk(
    value: &Value,
    of: Option<Of>,
    field: Option<&'static Field>,
    path: &mut Vec<Step>,
    out: &mut Vec<Place>,
) {
    let kind = match of {
        Some(Of::Type(kind)) => Some(kind.pointed()),
        _ => None,
    };
    out.push(Place { path: path.clone(), kind, field });
    let definition = match of {
        Some(Of::Definition(definition)) => Some(definition),
        Some(Of::Type(kind)) => kind.definition(),
        None => None,
    };
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let field = definition.and_then(|definition| definition.field(key, MINOR));
                let of = match kind {
                    Some(Type::Map(of, ..)) => Some(Of::Type(of)),
                    _ => field.map(|field| Of::Type(&field.kind)),
                };
                path.push(Step::Key(key.clone()));
                walk(member, of, field, path, out);
                path.pop();
            }
        }
        Value::Array(items) => {
            let of = match kind {
                Some(Type::List(of, _)) => Some(Of::Type(of)),
                _ => None,
            };
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Item(index));
                walk(item, of, None, path, out);
                path.pop();
            }
        }
        _ => {}
    }
}

fn at<'v>(object: &'v mut Value, path: &[Step]) -> &'v mut Value {
    path.iter().fold(object, |value, step| match step {
        Step::Key(key) => &mut value[key],
        Step::Item(index) => &mut value[index],
    })
}

/// A path as messages have it.
pub(crate) fn shown(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Key(key) if out.is_empty() => out.push_str(key),
            Step::Key(key) => out.push_str(&format!(".{key}")),
            Step::Item(index) => out.push_str(&format!("[{index}]")),
        }
    }
    out
}

/// What can be done to a value of this shape; what stands twice is done more often.
fn ways(value: &Value, place: &Place, random: &mut Random) -> Vec<&'static str> {
    let mut ways = vec!["drop", "type"];
    if matches!(place.path.last(), Some(Step::Key(_))) {
        ways.push("misspell");
        // kubectl and client libraries send nothing twice
        if random.percent(20) {
            ways.push("twice");
        }
    }
    match value {
        Value::Object(_) => ways.extend(["add", "add", "add", "add", "empty"]),
        Value::Array(items) if items.is_empty() => {}
        Value::Array(_) => ways.extend(["double", "double", "empty", "reverse"]),
        Value::Bool(_) => ways.extend(["flip", "flip", "flip"]),
        Value::Number(_) => ways.extend(["number", "number", "number", "other"]),
        Value::String(_) if matches!(place.kind, Some(Type::Quantity)) => {
            ways.extend(["quantity", "quantity", "quantity", "quantity"]);
        }
        Value::String(_) => ways.extend(["text", "text", "text", "other", "other"]),
        Value::Null => {}
    }
    ways
}

fn change(object: &mut Value, place: &Place, pool: &Pool, random: &mut Random) -> String {
    let parent = &place.path[..place.path.len() - 1];
    let value = at(object, &place.path).clone();
    let ways = ways(&value, place, random);
    let way = *random.choose(&ways);
    let (last, path) = (place.path.last().unwrap(), shown(&place.path));
    match (way, last) {
        ("drop", Step::Key(key)) => drop(members(at(object, parent)).remove(key)),
        ("drop", Step::Item(index)) => drop(at(object, parent).as_array_mut().unwrap().remove(*index)),
        ("misspell", Step::Key(key)) => {
            let members = members(at(object, parent));
            members.remove(key);
            members.insert(misspelt(key, random), value);
        }
        ("twice", Step::Key(key)) => {
            members(at(object, parent)).insert(format!("{key}{TWICE}"), value);
        }
        ("add", _) => return add(at(object, &place.path), place, pool, random, &path),
        _ => {
            let new = replaced(way, &value, place, random);
            let said = format!("{way} {path} = {new}");
            *at(object, &place.path) = new;
            return said;
        }
    }
    format!("{way} {path}")
}

fn members(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("the parent of a key")
}

fn misspelt(key: &str, random: &mut Random) -> String {
    let mut letters: Vec<char> = key.chars().collect();
    match random.below(4) {
        0 => letters.push('s'),
        1 if letters.len() > 1 => drop(letters.pop()),
        2 if letters.len() > 2 => letters.swap(0, 1),
        _ => letters.insert(0, 'x'),
    }
    letters.into_iter().collect()
}

/// Another value in the place of one.
fn replaced(way: &str, value: &Value, place: &Place, random: &mut Random) -> Value {
    match (way, value) {
        ("empty", Value::Object(_)) => json!({}),
        ("empty", _) => json!([]),
        ("double", Value::Array(items)) => {
            let mut items = items.clone();
            let again = random.choose(&items).clone();
            items.insert(random.below(items.len() + 1), again);
            Value::Array(items)
        }
        ("reverse", Value::Array(items)) => items.iter().rev().cloned().collect(),
        ("flip", Value::Bool(value)) => json!(!value),
        ("number", _) => json!(random.choose(NUMBERS)),
        ("quantity", _) => json!(random.choose(QUANTITIES)),
        ("text", Value::String(text)) => text_like(text, place, random),
        ("other", Value::String(text)) => match random.below(5) {
            0 => json!(text.to_uppercase()),
            1 => json!(format!("{text}-")),
            2 => json!(format!("{text}.{text}")),
            3 => json!(format!("{text}x")),
            _ => json!(format!("{text}/{text}")),
        },
        ("other", Value::Number(number)) => json!(number.to_string()),
        _ => {
            let wrong: &&str = random.choose(WRONG);
            serde_json::from_str::<Value>(wrong).unwrap()
        }
    }
}

fn text_like(text: &str, place: &Place, random: &mut Random) -> Value {
    let values = place.field.map_or(&[][..], |field| field.values.as_slice());
    if !values.is_empty() && random.percent(70) {
        return json!(random.choose(values));
    }
    if text.starts_with(|first: char| first.is_ascii_uppercase()) && random.percent(30) {
        return json!(text.to_lowercase());
    }
    json!(random.choose(NAMES))
}

/// Adds a member that was not there: of the same definition, with a value from another object.
fn add(object: &mut Value, place: &Place, pool: &Pool, random: &mut Random, path: &str) -> String {
    let members = members(object);
    if let Some(definition) = place.kind.and_then(Type::definition) {
        let absent: Vec<&Field> = definition
            .fields(MINOR)
            .filter(|field| !members.contains_key(field.name))
            .filter(|field| !pool.values(definition, field.name).is_empty())
            .collect();
        if !absent.is_empty() {
            let field = random.choose(&absent);
            let value = random.choose(pool.values(definition, field.name)).clone();
            let said = format!("add {path}.{} = {value}", field.name);
            members.insert(field.name.to_owned(), value);
            return said;
        }
    }
    let (key, value) = match members.iter().next() {
        Some((_, value)) => ((*random.choose(NAMES)).to_owned(), value.clone()),
        None => ("bogus".to_owned(), json!("x")),
    };
    let said = format!("add {path}.{key}");
    members.insert(key, value);
    said
}

/// The object as it is sent.
pub(crate) fn text(object: &Value) -> String {
    object.to_string().replace(&json!(TWICE).to_string().replace('"', ""), "")
}
