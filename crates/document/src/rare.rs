//! A list that most documents have nothing in.

use std::ops::{Deref, DerefMut};

/// Takes a third of the room of a `Vec` where it is empty: of many documents that is what they cost most.
#[derive(Debug, Clone)]
pub(crate) struct Rare<T>(#[expect(clippy::box_collection, reason = "for its room")] Option<Box<Vec<T>>>);

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Rare<T> {
    /// The list, to be changed.
    pub(crate) fn list(&mut self) -> &mut Vec<T> {
        self.0.get_or_insert_default()
    }
}

impl<T: Clone> Rare<T> {
    /// Moves what is there to where there is room for it alone.
    pub(crate) fn shrink(&mut self) {
        if let Some(list) = &mut self.0 {
            super::exact(list);
        }
    }
}

impl<T> Deref for Rare<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl<T> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.0.as_deref_mut().map_or(&mut [], Vec::as_mut_slice)
    }
}
