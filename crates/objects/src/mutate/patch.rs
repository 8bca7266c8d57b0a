//! JSON patches as the server's library applies them, which is not quite RFC 6902: what stands before the first `/` of a
//! path is ignored, `replace` adds a member, `copy` of a missing one adds null, -1 is the last item, and a `test` without a
//! value passes where nothing is.
//!
//! gopkg.in/evanphx/json-patch.v4 `patch.go`.

use std::borrow::Cow;
use std::sync::Arc;

use document::{Limits, NodeRef, Scalar};

use super::json::{Json, number};

/// One `JSONPatch{…}`.
#[derive(Debug)]
pub(super) struct JsonOperation<'d> {
    pub(super) op: String,
    pub(super) path: String,
    pub(super) from: String,
    pub(super) value: Option<Json<'d>>,
}

/// Why a patch was not applied.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// A `test` found something else: the object stays as it is.
    TestFailed,
    /// What the library says.
    Failed(String),
    /// The library dereferences nil.
    Crash,
}

impl From<String> for Stop {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

/// What copies may add, in bytes (`JSONPatchMaxCopyBytes` of a server).
const MAX_COPIED: usize = 3 * 1024 * 1024;

const MISSING: &str = "missing value";

/// The object with all operations applied.
pub(super) fn apply<'d>(object: NodeRef<'d>, operations: Vec<JsonOperation<'d>>) -> Result<Json<'d>, Stop> {
    let root = Json::Node(object);
    let mut patch = Patch { deepest: root.depth(), root, copied: 0 };
    for operation in operations {
        patch.run(operation)?;
    }
    Ok(patch.root)
}

/// A member or item as the library holds it: a null that a patch brought is a value, one of the object is none.
type Slot<'d> = Option<Json<'d>>;

struct Patch<'d> {
    root: Json<'d>,
    /// No value is deeper; it may be less.
    deepest: usize,
    copied: usize,
}

impl<'d> Patch<'d> {
    fn run(&mut self, operation: JsonOperation<'d>) -> Result<(), Stop> {
        let JsonOperation { op, path, from, value } = operation;
        if !survives_quoting(&op) {
            return Err("Unexpected kind: unknown".to_owned().into());
        }
        match op.as_str() {
            "add" => self.add(&read_path(&path).map_err(|_| failed("add", "path", MISSING))?, value),
            "remove" => self.remove(&read_path(&path).map_err(|_| failed("remove", "path", MISSING))?),
            "replace" => {
                self.replace(&read_path(&path).map_err(|text| failed("replace", "path", &text))?, value)
            }
            "test" => {
                self.test(&read_path(&path).map_err(|text| failed("test", "path", &text))?, value.as_ref())
            }
            "move" => self.relocate(&read_from(&from).map_err(|text| failed("move", "from", &text))?, &path),
            "copy" => self.copy(&read_from(&from).map_err(|text| failed("copy", "from", &text))?, &path),
            other => Err(format!("Unexpected kind: {other}").into()),
        }
    }

    /// The map or list around a place, and the last token; `None` where the way is not there.
    fn find<'t>(&mut self, path: &'t str) -> Result<Option<(&mut Json<'d>, Cow<'t, str>)>, Stop> {
        let mut tokens = path.split('/').skip(1).map(unescaped);
        let Some(mut key) = tokens.next() else { return Ok(None) };
        let mut at = self.root.open();
        for next in tokens {
            let Some(child) = child_mut(at, &key) else { return Ok(None) };
            at = child;
            key = next;
        }
        Ok((at.is_map() || at.is_list()).then_some((at, key)))
    }

    /// Makes sure that nothing gets deeper than documents may be, which the library does not mind.
    fn deepen(&mut self, path: &str, value: usize) -> Result<(), Stop> {
        let limit = Limits::default().depth;
        self.deepest = self.deepest.max(path.matches('/').count() + value);
        if self.deepest > limit {
            self.deepest = self.root.depth();
        }
        if self.deepest > limit {
            return Err(format!("nested more than {limit} levels deep").into());
        }
        Ok(())
    }

    fn add(&mut self, path: &str, value: Slot<'d>) -> Result<(), Stop> {
        let depth = value.as_ref().map_or(0, Json::depth);
        let Some((parent, key)) = self.find(path)? else {
            let text = format!("add operation does not apply: doc is missing path: \"{path}\": {MISSING}");
            return Err(text.into());
        };
        add_to(parent, key, value).map_err(|text| format!("error in add for path: '{path}': {text}"))?;
        self.deepen(path, depth)
    }

    fn remove(&mut self, path: &str) -> Result<(), Stop> {
        let Some((parent, key)) = self.find(path)? else {
            let text = format!("remove operation does not apply: doc is missing path: \"{path}\": {MISSING}");
            return Err(text.into());
        };
        take_from(parent, &key).map_err(|text| format!("error in remove for path: '{path}': {text}"))?;
        Ok(())
    }

    fn replace(&mut self, path: &str, value: Slot<'d>) -> Result<(), Stop> {
        if path.is_empty() {
            let value = value.ok_or(Stop::Crash)?;
            if !(value.is_map() || value.is_list() || value.is_null()) {
                return Err("replace operation value must be object or array: %!w(<nil>)".to_owned().into());
            }
            self.deepest = value.depth();
            self.root = if value.is_null() { Json::map(super::json::Members::new()) } else { value };
            return Ok(());
        }
        let depth = value.as_ref().map_or(0, Json::depth);
        let Some((parent, key)) = self.find(path)? else {
            let text = format!("replace operation does not apply: doc is missing path: {path}: {MISSING}");
            return Err(text.into());
        };
        if get(parent, &key).is_err() {
            let text = format!("replace operation does not apply: doc is missing key: {path}: {MISSING}");
            return Err(text.into());
        }
        set(parent, key, value).map_err(|text| format!("error in remove for path: '{path}': {text}"))?;
        self.deepen(path, depth)
    }

    fn relocate(&mut self, from: &str, path: &str) -> Result<(), Stop> {
        let Some((parent, key)) = self.find(from)? else {
            let text = format!("move operation does not apply: doc is missing from path: {from}: {MISSING}");
            return Err(text.into());
        };
        let failed_at = |text| format!("error in move for path: '{key}': {text}");
        let value = get(parent, &key).map_err(failed_at)?;
        take_from(parent, &key).map_err(failed_at)?;
        let path = read_path(path).map_err(|text| failed("move", "path", &text))?;
        let depth = self.deepest.saturating_sub(from.matches('/').count());
        let Some((parent, key)) = self.find(&path)? else {
            let text =
                format!("move operation does not apply: doc is missing destination path: {path}: {MISSING}");
            return Err(text.into());
        };
        add_to(parent, key, value).map_err(|text| format!("error in move for path: '{path}': {text}"))?;
        self.deepen(&path, depth)
    }

    fn copy(&mut self, from: &str, path: &str) -> Result<(), Stop> {
        let Some((parent, key)) = self.find(from)? else {
            let text = format!("copy operation does not apply: doc is missing from path: {from}: {MISSING}");
            return Err(text.into());
        };
        let value = get(parent, &key).map_err(|text| format!("error in copy for from: '{from}': {text}"))?;
        let path = read_path(path).map_err(|_| failed("copy", "path", MISSING))?;
        let depth = value.as_ref().map_or(0, Json::depth);
        self.copied = self.copied.saturating_add(value.as_ref().map_or(0, Json::size));
        if self.copied > MAX_COPIED {
            let text = "Unable to complete the copy, the accumulated size increase of copy is";
            return Err(format!("{text} {}, exceeding the limit {MAX_COPIED}", self.copied).into());
        }
        let Some((parent, key)) = self.find(&path)? else {
            let text =
                format!("copy operation does not apply: doc is missing destination path: {path}: {MISSING}");
            return Err(text.into());
        };
        add_to(parent, key, value).map_err(|text| format!("error while adding value during copy: {text}"))?;
        self.deepen(&path, depth)
    }

    fn test(&mut self, path: &str, value: Option<&Json<'d>>) -> Result<(), Stop> {
        if path.is_empty() {
            let value = value.ok_or(Stop::Crash)?;
            return if same(&self.root, value) { Ok(()) } else { Err(Stop::TestFailed) };
        }
        let Some((parent, key)) = self.find(path)? else {
            let text = format!("test operation does not apply: is missing path: {path}: {MISSING}");
            return Err(text.into());
        };
        let found = get(parent, &key).map_err(|text| format!("error in test for path: '{path}': {text}"))?;
        match (found, value) {
            (None, None) => Ok(()),
            (Some(found), Some(value)) if same(&found, value) => Ok(()),
            _ => Err(Stop::TestFailed),
        }
    }
}

fn failed(operation: &str, what: &str, text: &str) -> Stop {
    Stop::Failed(format!("{operation} operation failed to decode {what}: {text}"))
}

/// The server writes texts of operations with `strconv.Quote`, and reads them as JSON: escapes that JSON has not are
/// errors.
fn survives_quoting(text: &str) -> bool {
    odd_escape(text).is_none()
}

fn odd_escape(text: &str) -> Option<char> {
    text.chars().find_map(|c| match c {
        '\u{7}' => Some('a'),
        '\u{b}' => Some('v'),
        '\u{8}' | '\u{c}' | '\n' | '\r' | '\t' => None,
        '\0'..='\u{1f}' | '\u{7f}' => Some('x'),
        c if u32::from(c) >= 0x1_0000 && !crate::field::is_print(c) => Some('U'),
        _ => None,
    })
}

fn read_path(text: &str) -> Result<Cow<'_, str>, String> {
    match odd_escape(text) {
        Some(escape) => Err(format!("invalid character '{escape}' in string escape code")),
        None => Ok(Cow::Borrowed(text)),
    }
}

/// A `from` that is empty was not sent at all.
fn read_from(text: &str) -> Result<Cow<'_, str>, String> {
    if text.is_empty() { Err(format!("operation, missing from field: {MISSING}")) } else { read_path(text) }
}

fn unescaped(token: &str) -> Cow<'_, str> {
    if token.contains('~') {
        Cow::Owned(token.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(token)
    }
}

/// `strconv.Atoi`
fn atoi(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("strconv.Atoi: parsing {}: invalid syntax", crate::field::go_quote(text)));
    }
    text.parse()
        .map_err(|_| format!("strconv.Atoi: parsing {}: value out of range", crate::field::go_quote(text)))
}

/// The index that a token names in a list of `length`; negative ones count from the end.
fn index(token: &str, length: usize) -> Result<usize, String> {
    within(atoi(token)?, length)
}

fn within(index: i64, length: usize) -> Result<usize, String> {
    let from_end = i64::try_from(length).map_or(i64::MAX, |length| index.saturating_add(length));
    usize::try_from(if index < 0 { from_end } else { index })
        .ok()
        .filter(|at| *at < length)
        .ok_or_else(|| format!("Unable to access invalid index: {index}: invalid index referenced"))
}

/// A child with children of its own, opened.
fn child_mut<'p, 'd>(parent: &'p mut Json<'d>, key: &str) -> Option<&'p mut Json<'d>> {
    let child = match parent.open() {
        Json::Map(members) => Arc::make_mut(members).get_mut(key)?,
        Json::List(items) => {
            let at = index(key, items.len()).ok()?;
            Arc::make_mut(items).get_mut(at)?
        }
        _ => return None,
    };
    (child.is_map() || child.is_list()).then(|| child.open())
}

/// What is at a place of a map or list; nothing where a map has no such member, or null.
fn get<'d>(parent: &Json<'d>, key: &str) -> Result<Slot<'d>, String> {
    let found = match parent {
        Json::List(items) => items.get(index(key, items.len())?).cloned(),
        other => other.get(key),
    };
    Ok(found.filter(|value| !value.is_null()))
}

fn set<'d>(parent: &mut Json<'d>, key: Cow<'_, str>, value: Slot<'d>) -> Result<(), String> {
    let value = value.unwrap_or(Json::Null);
    match parent {
        Json::Map(members) => _ = Arc::make_mut(members).insert(Cow::Owned(key.into_owned()), value),
        Json::List(items) => {
            let at = index(&key, items.len())?;
            Arc::make_mut(items)[at] = value;
        }
        _ => {}
    }
    Ok(())
}

fn add_to<'d>(parent: &mut Json<'d>, key: Cow<'_, str>, value: Slot<'d>) -> Result<(), String> {
    let Json::List(items) = parent else { return set(parent, key, value) };
    let at = if key == "-" {
        items.len()
    } else {
        let index =
            atoi(&key).map_err(|text| format!("value was not a proper array index: '{key}': {text}"))?;
        within(index, items.len() + 1)?
    };
    Arc::make_mut(items).insert(at, value.unwrap_or(Json::Null));
    Ok(())
}

fn take_from(parent: &mut Json<'_>, key: &str) -> Result<(), String> {
    match parent {
        Json::Map(members) => match Arc::make_mut(members).remove(key) {
            Some(_) => Ok(()),
            None => Err(format!("Unable to remove nonexistent key: {key}: {MISSING}")),
        },
        Json::List(items) => {
            let at = index(key, items.len())?;
            Arc::make_mut(items).remove(at);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether both are the same JSON: numbers as they are written.
fn same(left: &Json<'_>, right: &Json<'_>) -> bool {
    match (left.scalar(), right.scalar()) {
        (Some(left), Some(right)) => match (left, right) {
            (Scalar::Float(left), Scalar::Float(right)) => left.to_bits() == right.to_bits(),
            (Scalar::Float(float), Scalar::Int(whole)) | (Scalar::Int(whole), Scalar::Float(float)) => {
                matches!(number(float), Json::Int(number) if number == whole)
            }
            (left, right) => left == right,
        },
        (None, None) if left.is_map() && right.is_map() => {
            let (left, right) = (left.members(), right.members());
            left.len() == right.len() && left.iter().zip(&right).all(|(a, b)| a.0 == b.0 && same(&a.1, &b.1))
        }
        (None, None) if left.is_list() && right.is_list() => {
            let (left, right) = (left.items(), right.items());
            left.len() == right.len() && left.iter().zip(&right).all(|(a, b)| same(a, b))
        }
        // null reads as an empty map
        (Some(Scalar::Null), None) => right.is_map() && right.is_empty(),
        (None, Some(Scalar::Null)) => left.is_map() && left.is_empty(),
        _ => false,
    }
}
