//! Where nodes stand in the text.
//!
//! A key mostly stands where its text was read, with or without quotes around it, so that the place of a key is told by
//! the node and the text. Only where it is elsewhere, or nowhere, it is written down.

use super::rare::Rare;
use super::tape::{HAS_KEY, Node};
use super::{OWNED, Span, exact, room};

/// The places of all nodes of a document; none, where nobody gave any.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    values: Vec<Span>,
    /// By the number of the node.
    odd_keys: Rare<(u32, Span)>,
}

impl Places {
    /// Of so many nodes, of which nothing is said yet.
    pub(super) fn unknown(nodes: usize) -> Self {
        Self { values: vec![Span::NONE; nodes], odd_keys: Rare::default() }
    }

    /// Of as many nodes as there is room for, of which nothing is said yet.
    pub(super) fn in_room(values: Vec<Span>) -> Self {
        Self { values, odd_keys: Rare::default() }
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> &[Span] {
        &self.values
    }

    pub(super) fn into_values(self) -> Vec<Span> {
        self.values
    }

    pub(super) fn shrink(&mut self) {
        if let Some(before) = exact(&mut self.values) {
            room::leave_places(before);
        }
        self.odd_keys.shrink();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds the next node, whose key stands there.
    pub(super) fn push(&mut self, text: &str, node: &Node, key: Span) {
        let id = self.values.len();
        self.values.push(Span::NONE);
        self.set_key(text, node, id, key);
    }

    /// Says where the key of a node stands, of which nothing was said, nor of those behind it.
    pub(super) fn set_key(&mut self, text: &str, node: &Node, id: usize, key: Span) {
        if key != expected_key(text, node) {
            self.odd_keys.list().push((u32::try_from(id).expect("bounded by the limit on nodes"), key));
        }
    }

    /// The keys that stand elsewhere than where their text was read.
    pub(super) fn odd_keys(&self) -> &[(u32, Span)] {
        &self.odd_keys
    }

    /// Adds one, behind the others.
    pub(super) fn add_odd_key(&mut self, id: u32, span: Span) {
        self.odd_keys.list().push((id, span));
    }

    /// Says where a value stands.
    pub(super) fn set_value(&mut self, id: usize, span: Span) {
        if let Some(value) = self.values.get_mut(id) {
            *value = span;
        }
    }

    /// Where a value stands.
    pub(super) fn value(&self, id: usize) -> Option<Span> {
        self.values.get(id)?.known()
    }

    /// Where the key of a node stands, given the text and the node of this number.
    pub(super) fn key(&self, text: &str, node: &Node, id: usize) -> Option<Span> {
        if self.values.is_empty() {
            return None;
        }
        let odd = self.odd_keys.binary_search_by_key(&id, |(odd, _)| *odd as usize);
        odd.map_or_else(|_| expected_key(text, node), |at| self.odd_keys[at].1).known()
    }
}

/// Where a key stands that nothing is written down about.
fn expected_key(text: &str, node: &Node) -> Span {
    if !node.is(HAS_KEY) || node.key.start & OWNED != 0 {
        return Span::NONE;
    }
    let (start, end) = (node.key.start, node.key.start + node.key.len);
    let bytes = text.as_bytes();
    let before = start.checked_sub(1).and_then(|before| bytes.get(before as usize));
    match before {
        Some(quote @ (b'"' | b'\'')) if bytes.get(end as usize) == Some(quote) => {
            Span { start: start - 1, end: end + 1 }
        }
        _ => Span { start, end },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Text};
    use super::*;

    #[test]
    fn keys_are_where_they_are_said_to_be() {
        let text = r#"{"a": 1, 'b': 2, c: 3, "d: 4}"#;
        let at = |start, len| Text { start, len };
        let span = |start, end| Span { start, end };
        // the text of the key, where it is said to stand, whether that is written down
        let rows = [
            (Some(at(2, 1)), span(1, 4), false),
            (Some(at(10, 1)), span(9, 12), false),
            (Some(at(17, 1)), span(17, 18), false),
            (Some(at(24, 1)), span(24, 25), false),
            (Some(at(24, 1)), span(23, 25), true),
            (Some(at(2, 1)), span(2, 3), true),
            (Some(at(2, 1)), Span::NONE, true),
            (Some(at(OWNED | 5, 1)), span(2, 9), true),
            (Some(at(OWNED | 5, 1)), Span::NONE, false),
            (None, Span::NONE, false),
            (Some(at(0, 0)), span(0, 0), false),
        ];
        let mut places = Places::default();
        let node = |key: Option<Text>| {
            let flags = if key.is_some() { HAS_KEY } else { 0 };
            Node::new(Kind::Null, 0, key.unwrap_or_default(), flags, [0, 1])
        };
        for (key, stands, odd) in rows {
            let before = places.odd_keys.len();
            places.push(text, &node(key), stands);
            assert_eq!(places.odd_keys.len() - before, usize::from(odd), "{key:?} {stands:?}");
        }
        for (id, (key, stands, _)) in rows.into_iter().enumerate() {
            assert_eq!(places.key(text, &node(key), id), stands.known(), "{key:?} {stands:?}");
            assert_eq!(places.value(id), None);
        }
        places.set_value(3, span(20, 21));
        assert_eq!(places.value(3), Some(span(20, 21)));
        assert_eq!(Places::default().key(text, &node(Some(at(2, 1))), 0), None);
    }
}
