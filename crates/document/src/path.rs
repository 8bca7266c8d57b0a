//! Places in a document, as written: RFC 6901 pointers, and paths as people write them.
//!
//! ```text
//! /metadata/labels/app.kubernetes.io~1name       a pointer: what patches hold
//! metadata.labels["app.kubernetes.io/name"]      a path: what policies hold and reports show
//! ```
//!
//! Only a path tells a name from an index: `a[0]` is an item, `a["0"]` a member; the pointer `/a/0` is either.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::write::{write_path_index, write_path_key, write_pointer_token};
use super::{NodeId, NodeRef};

/// An RFC 6901 pointer. The empty one is the whole document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pointer {
    tokens: Vec<String>,
}

/// Why a text is no pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PointerError {
    /// It is neither empty nor does it start with `/`.
    #[error("a pointer is empty or starts with a slash")]
    NoSlash,
    /// `~` stands only in `~0` (for `~`) and `~1` (for `/`).
    #[error("`~` at byte {offset} is followed by neither 0 nor 1")]
    Escape {
        /// 0-based byte offset of the `~`.
        offset: usize,
    },
}

impl Pointer {
    /// The tokens, unescaped.
    #[must_use]
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// The pointer with one more token.
    #[must_use]
    pub fn child(&self, token: impl Into<String>) -> Self {
        let mut tokens = Vec::with_capacity(self.tokens.len() + 1);
        tokens.extend(self.tokens.iter().cloned());
        tokens.push(token.into());
        Self { tokens }
    }

    /// The same place in a document in which this one stands at `place`.
    #[must_use]
    pub fn below(&self, place: &Self) -> Self {
        Self { tokens: place.tokens.iter().chain(&self.tokens).cloned().collect() }
    }

    /// Whether `other` is this place or below it.
    #[must_use]
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        other.tokens.starts_with(&self.tokens)
    }

    /// The place of a node below an ancestor.
    #[must_use]
    pub fn of(node: NodeRef<'_>, ancestor: NodeId) -> Self {
        let mut tokens = Vec::new();
        let mut at = Some(node);
        while let Some(node) = at.filter(|n| n.id() != ancestor) {
            tokens.push(node.key().map_or_else(|| node.position().to_string(), str::to_owned));
            at = node.parent();
        }
        tokens.reverse();
        Self { tokens }
    }

    pub(super) fn of_tokens(tokens: &[String]) -> Self {
        Self { tokens: tokens.to_vec() }
    }
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let body = text.strip_prefix('/').ok_or(PointerError::NoSlash)?;
        for (offset, _) in text.match_indices('~') {
            if !matches!(text.as_bytes().get(offset + 1), Some(b'0' | b'1')) {
                return Err(PointerError::Escape { offset });
            }
        }
        // `~01` is `~1`: slashes first
        let plain = |token: &str| token.replace("~1", "/").replace("~0", "~");
        Ok(Self { tokens: body.split('/').map(plain).collect() })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        for token in &self.tokens {
            out.push('/');
            write_pointer_token(&mut out, token);
        }
        f.write_str(&out)
    }
}

impl Serialize for Pointer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An item's index as RFC 6901 writes it.
pub(super) fn index(token: &str) -> Option<usize> {
    let digits = !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit());
    if !digits || token.len() > 1 && token.starts_with('0') {
        return None;
    }
    token.parse().ok()
}

/// A step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A member of an object.
    Key(String),
    /// An item of an array, counted from 0.
    Index(usize),
}

/// A path as people write it: `spec.containers[0].image`, `metadata.labels["team"]`. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    steps: Vec<Step>,
}

/// Why a text is no path, and the byte at which it stops being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (at byte {offset})")]
pub struct PathError {
    /// What is wrong.
    pub reason: PathReason,
    /// 0-based byte offset into the path.
    pub offset: usize,
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathReason {
    /// There is no text.
    #[error("the path is empty")]
    Empty,
    /// A name is missing: at the start, after a dot, or at the end.
    #[error("expected a name")]
    NoName,
    /// A character that names do not have without quotes.
    #[error("character {0:?} must be in quotes: a[\"b/c\"]")]
    Character(char),
    /// `[` is followed by neither an index nor a quoted name.
    #[error("expected an index or a quoted name in the brackets")]
    Bracket,
    /// The index does not fit.
    #[error("the index is too large")]
    Index,
    /// A name's quotes are not closed.
    #[error("the quoted name does not end")]
    OpenQuote,
    /// `\` in quotes is followed by what it does not escape.
    #[error("this escape is not one of JSON's")]
    Escape,
    /// `[` without `]`.
    #[error("expected `]`")]
    OpenBracket,
}

impl PathReason {
    fn at(self, offset: usize) -> PathError {
        PathError { reason: self, offset }
    }
}

impl Path {
    /// The steps, at least one.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The path to a step below this place.
    #[must_use]
    pub fn join(&self, below: &Self) -> Self {
        Self { steps: self.steps.iter().chain(&below.steps).cloned().collect() }
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathReason::Empty.at(0));
        }
        let mut steps = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let (step, next) = match text.as_bytes()[at] {
                b'[' => bracket(text, at)?,
                b'.' if at > 0 => name(text, at + 1)?,
                _ if at == 0 => name(text, at)?,
                _ => return Err(PathReason::Character(text[at..].chars().next().unwrap_or(']')).at(at)),
            };
            steps.push(step);
            at = next;
        }
        Ok(Self { steps })
    }
}

/// A name without quotes: letters, digits, `_`, `-`, `$`.
fn name(text: &str, start: usize) -> Result<(Step, usize), PathError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$');
    let end = text[start..].find(|c| !plain(c)).map_or(text.len(), |at| start + at);
    match text[end..].chars().next() {
        None | Some('.' | '[') if end == start => Err(PathReason::NoName.at(start)),
        None | Some('.' | '[') => Ok((Step::Key(text[start..end].to_owned()), end)),
        Some(c) => Err(PathReason::Character(c).at(end)),
    }
}

/// `[0]`, `["name"]` or `['name']`.
fn bracket(text: &str, start: usize) -> Result<(Step, usize), PathError> {
    let inner = start + 1;
    let (step, end) = match text.as_bytes().get(inner) {
        Some(quote @ (b'"' | b'\'')) => quoted(text, inner, *quote)?,
        Some(b'0'..=b'9') => {
            let end = text[inner..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |at| inner + at);
            if end > inner + 1 && text.as_bytes()[inner] == b'0' {
                return Err(PathReason::Bracket.at(inner));
            }
            (Step::Index(text[inner..end].parse().map_err(|_| PathReason::Index.at(inner))?), end)
        }
        _ => return Err(PathReason::Bracket.at(inner)),
    };
    match text.as_bytes().get(end) {
        Some(b']') => Ok((step, end + 1)),
        _ => Err(PathReason::OpenBracket.at(end)),
    }
}

fn quoted(text: &str, start: usize, quote: u8) -> Result<(Step, usize), PathError> {
    let bytes = text.as_bytes();
    let mut end = start + 1;
    while bytes.get(end).is_some_and(|b| *b != quote) {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    if end >= bytes.len() {
        return Err(PathReason::OpenQuote.at(start));
    }
    let inner = &text[start + 1..end];
    let key = if !inner.contains('\\') {
        inner.to_owned()
    } else if quote == b'\'' {
        inner.replace("\\'", "'").replace("\\\\", "\\")
    } else {
        serde_json::from_str(&text[start..=end]).map_err(|_| PathReason::Escape.at(start))?
    };
    Ok((Step::Key(key), end + 1))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) => write_path_key(&mut out, key),
                Step::Index(index) => write_path_index(&mut out, *index),
            }
        }
        f.write_str(&out)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths() {
        let key = |k: &str| Step::Key(k.to_owned());
        let rows: &[(&str, &[Step])] = &[
            ("a", &[key("a")]),
            ("spec.containers[0].image", &[key("spec"), key("containers"), Step::Index(0), key("image")]),
            (r#"metadata.labels["team"]"#, &[key("metadata"), key("labels"), key("team")]),
            (r#"a["x.y/z"][10]["0"]"#, &[key("a"), key("x.y/z"), Step::Index(10), key("0")]),
            ("a['x.y/z'].b", &[key("a"), key("x.y/z"), key("b")]),
            (r#"["a b"].c-d_e"#, &[key("a b"), key("c-d_e")]),
            (r#"a["\"\\\u00e4"]"#, &[key("a"), key("\"\\ä")]),
            (r"a['it\'s']", &[key("a"), key("it's")]),
            (r#"a[""]"#, &[key("a"), key("")]),
            ("a.0.$ref", &[key("a"), key("0"), key("$ref")]),
        ];
        for (text, steps) in rows {
            assert_eq!(text.parse::<Path>().unwrap().steps(), *steps, "{text}");
        }
    }

    #[test]
    fn paths_that_are_none() {
        use PathReason::*;
        let rows: &[(&str, PathReason, usize)] = &[
            ("", Empty, 0),
            (".a", NoName, 0),
            ("a..b", NoName, 2),
            ("a.", NoName, 2),
            ("a.[0]", NoName, 2),
            ("a/b", Character('/'), 1),
            ("a b", Character(' '), 1),
            ("a.ä", Character('ä'), 2),
            ("a[0]b", Character('b'), 4),
            ("a[0]]", Character(']'), 4),
            ("a[]", Bracket, 2),
            ("a[*]", Bracket, 2),
            ("a[-1]", Bracket, 2),
            ("a[00]", Bracket, 2),
            ("a[99999999999999999999999]", Index, 2),
            ("a[0", OpenBracket, 3),
            (r#"a["b"#, OpenQuote, 2),
            (r#"a["b\"#, OpenQuote, 2),
            (r#"a["b".c"#, OpenBracket, 5),
            (r#"a["\q"]"#, Escape, 2),
        ];
        for (text, reason, offset) in rows {
            let error = text.parse::<Path>().expect_err(text);
            assert_eq!((error.reason, error.offset), (*reason, *offset), "{text}");
        }
    }

    #[test]
    fn pointers() {
        for (text, tokens) in [
            ("", &[][..]),
            ("/", &[""]),
            ("/a/0/-", &["a", "0", "-"]),
            ("/a~1b/c~0d/~01", &["a/b", "c~d", "~1"]),
            ("//", &["", ""]),
        ] {
            let pointer: Pointer = text.parse().unwrap();
            assert_eq!(pointer.tokens(), tokens, "{text}");
            assert_eq!(pointer.to_string(), text);
        }
        for (text, error) in [
            ("a", PointerError::NoSlash),
            ("/a~", PointerError::Escape { offset: 2 }),
            ("/a/~2", PointerError::Escape { offset: 3 }),
        ] {
            assert_eq!(text.parse::<Pointer>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn paths_come_back(keys in prop::collection::vec((".{0,6}", 0usize..20, any::<bool>()), 1..6)) {
            let steps = keys.into_iter().map(|(k, i, is_key)| if is_key { Step::Key(k) } else { Step::Index(i) });
            let path = Path { steps: steps.collect() };
            prop_assert_eq!(path.to_string().parse::<Path>(), Ok(path));
        }

        #[test]
        fn never_panics(text in "[a-z.\\[\\]\"'\\\\0é]{0,12}") {
            let _ = text.parse::<Path>();
            let _ = text.parse::<Pointer>();
        }
    }
}
