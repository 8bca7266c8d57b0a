//! Places of JSON values: one more walk over a text that `serde_json` has accepted.
//!
//! The tape is in the order of the text, so a scanner that only tells strings, brackets and the rest
//! apart meets the nodes one after the other.

use super::places::Places;
use super::{Document, HAS_KEY, Kind, Span};

/// Gives every node of `document` its place.
pub(super) fn attach(document: &mut Document<'_>) {
    let Document { source, nodes, places, .. } = document;
    *places = Places::unknown(nodes.len());
    let text = source.as_str().as_bytes();
    let mut at = 0;
    let mut open: Vec<usize> = Vec::new();
    for (id, node) in nodes.iter().enumerate() {
        while open.last().is_some_and(|outer| id >= nodes[*outer].end() as usize) {
            close(text, &mut at, places, &mut open);
        }
        if node.is(HAS_KEY) {
            at = skip(text, at);
            let start = at;
            at = string_end(text, at);
            places.set_key(source.as_str(), node, id, span(start, at));
        }
        at = skip(text, at);
        let start = at;
        match node.kind() {
            Kind::Array | Kind::Object => {
                at += 1;
                open.push(id);
                places.set_value(id, span(start, start));
                continue;
            }
            Kind::String => at = string_end(text, at),
            _ => {
                while text
                    .get(at)
                    .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.'))
                {
                    at += 1;
                }
            }
        }
        places.set_value(id, span(start, at));
    }
    while !open.is_empty() {
        close(text, &mut at, places, &mut open);
    }
}

fn close(text: &[u8], at: &mut usize, places: &mut Places, open: &mut Vec<usize>) {
    *at = skip(text, *at) + 1;
    if let Some(id) = open.pop() {
        let start = places.value(id).map_or(*at, |value| value.start as usize);
        places.set_value(id, span(start, *at));
    }
}

/// Past blanks and the separators that stand before a value, a key or a closing bracket.
fn skip(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':')) {
        at += 1;
    }
    at
}

/// One past the closing quote of the string that starts at `at`.
fn string_end(text: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn span(start: usize, end: usize) -> Span {
    let at = |byte| u32::try_from(byte).unwrap_or(u32::MAX - 1);
    Span { start: at(start), end: at(end) }
}
