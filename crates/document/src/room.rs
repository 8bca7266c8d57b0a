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
