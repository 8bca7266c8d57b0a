//! The room in which one document after the other is made.
//!
//! Blocks of a few thousand bytes that come and go make an allocator put its house in order each time. So each thread has one
//! for nodes and one for places: a document that is one of many takes them, and leaves them when what is to stay of it was
//! [copied](super::Document::shrunk), or when it is [given up](super::Document::give_up).

use std::cell::Cell;
use std::thread::LocalKey;

use super::tape::Node;
use super::{Places, Span};

/// Documents of more nodes get room of their own, and take it with them.
const MOST: usize = 2_048;

type Room<T> = Cell<Vec<T>>;

thread_local! {
    static NODES: Room<Node> = const { Cell::new(Vec::new()) };
    static PLACES: Room<Span> = const { Cell::new(Vec::new()) };
}

pub(crate) fn nodes(count: usize) -> Vec<Node> {
    take(&NODES, count)
}

pub(crate) fn places(count: usize) -> Vec<Span> {
    take(&PLACES, count)
}

/// Leaves the room of a document to the next.
pub(crate) fn leave(nodes: Vec<Node>, places: Places) {
    leave_one(&NODES, nodes);
    leave_one(&PLACES, places.into_values());
}

pub(crate) fn leave_nodes(nodes: Vec<Node>) {
    leave_one(&NODES, nodes);
}

pub(crate) fn leave_places(places: Vec<Span>) {
    leave_one(&PLACES, places);
}

fn take<T>(room: &'static LocalKey<Room<T>>, count: usize) -> Vec<T> {
    if count > MOST {
        return Vec::with_capacity(count);
    }
    let mut items = room.take();
    items.reserve(count);
    items
}

fn leave_one<T>(room: &'static LocalKey<Room<T>>, mut items: Vec<T>) {
    let there = room.take();
    let best = if (there.capacity()..=MOST).contains(&items.capacity()) {
        items.clear();
        items
    } else {
        there
    };
    room.set(best);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Builder, Document, Limits};
    use super::*;

    /// One of many documents, and where its nodes and places lie.
    fn document(nodes: usize) -> (Document<'static>, [usize; 2]) {
        let mut builder = Builder::for_part("", 8 * nodes, Limits::default()).with_places();
        builder.begin_array().unwrap();
        for _ in 1..nodes {
            builder.null().unwrap();
        }
        builder.end();
        let document = builder.finish();
        let at = [document.nodes.as_ptr() as usize, document.places.values().as_ptr() as usize];
        (document, at)
    }

    #[test]
    fn one_document_after_the_other_is_made_in_the_same_room() {
        let (first, at) = document(100);
        let kept = first.shrunk();
        let (second, again) = document(50);
        assert_eq!(again, at, "what is kept was moved out");
        let (third, other) = document(50);
        assert!(other[0] != at[0] && other[1] != at[1], "the second one is still there");
        second.give_up();
        assert_eq!(document(20).1, at);
        assert_eq!((kept.node_count(), third.node_count()), (100, 50));
    }

    #[test]
    fn large_documents_have_room_of_their_own() {
        document(10).0.give_up();
        document(MOST + 1).0.give_up();
        assert!(NODES.take().capacity() <= MOST && PLACES.take().capacity() <= MOST);
    }
}
