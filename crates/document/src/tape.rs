//! A node as it lies on the tape, in 24 bytes: documents are mostly these.

use super::{Kind, Text};

/// Only what is below has the number of a node; above it is what the node is.
const INDEX: u32 = (1 << SHIFT) - 1;
const SHIFT: u32 = 29;

/// So many nodes can be numbered; the last of them is one past the end.
pub(super) const MOST_NODES: usize = INDEX as usize;

/// It stands under a key.
pub(super) const HAS_KEY: u32 = 1 << SHIFT;
/// A later member of the same object has the same key.
pub(super) const SHADOWED: u32 = 2 << SHIFT;
/// A string that stands for something that is not known.
pub(super) const UNKNOWN: u32 = 4 << SHIFT;

/// See the head of this file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// What its kind says: an integer, the bits of a float, a packed [`Text`], or the number of children.
    pub(super) payload: u64,
    pub(super) key: Text,
    /// One past the last node of the subtree, and the kind above [`INDEX`].
    end: u32,
    /// The node around it, and flags above [`INDEX`].
    parent: u32,
}

impl Node {
    #[inline]
    pub(super) fn new(kind: Kind, payload: u64, key: Text, flags: u32, [parent, end]: [u32; 2]) -> Self {
        Self { payload, key, end: (kind as u32) << SHIFT | end, parent: parent | flags }
    }

    #[inline]
    pub(super) fn kind(&self) -> Kind {
        match self.end >> SHIFT {
            0 => Kind::Null,
            1 => Kind::Bool,
            2 => Kind::Int,
            3 => Kind::Float,
            4 => Kind::String,
            5 => Kind::Array,
            _ => Kind::Object,
        }
    }

    #[inline]
    pub(super) fn is_container(&self) -> bool {
        self.end >> SHIFT >= Kind::Array as u32
    }

    /// One past the last node of the subtree.
    #[inline]
    pub(super) fn end(&self) -> u32 {
        self.end & INDEX
    }

    #[inline]
    pub(super) fn set_end(&mut self, end: u32) {
        self.end = self.end & !INDEX | end;
    }

    /// The array or object around it; of the root the root itself.
    #[inline]
    pub(super) fn parent(&self) -> u32 {
        self.parent & INDEX
    }

    /// Whether one of these flags is set.
    #[inline]
    pub(super) fn is(&self, flag: u32) -> bool {
        self.parent & flag != 0
    }

    #[inline]
    pub(super) fn set(&mut self, flag: u32) {
        self.parent |= flag;
    }

    /// Its flags among these.
    #[inline]
    pub(super) fn flags(&self, among: u32) -> u32 {
        self.parent & among
    }

    /// The same so many nodes further on.
    #[inline]
    pub(super) fn moved(self, by: u32) -> Self {
        Self { end: self.end + by, parent: self.parent + by, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out() {
        assert_eq!(size_of::<Node>(), 24);
        let kinds = [Kind::Null, Kind::Bool, Kind::Int, Kind::Float, Kind::String, Kind::Array, Kind::Object];
        for kind in kinds {
            let mut node = Node::new(kind, 7, Text::default(), HAS_KEY, [3, 5]);
            node.set_end(INDEX - 1);
            node.set(UNKNOWN);
            assert_eq!((node.kind(), node.end(), node.parent()), (kind, INDEX - 1, 3));
            assert_eq!(node.flags(HAS_KEY | SHADOWED | UNKNOWN), HAS_KEY | UNKNOWN);
            assert_eq!(node.is_container(), matches!(kind, Kind::Array | Kind::Object));
            assert!(!node.is(SHADOWED));
            let moved = Node::new(kind, 7, Text::default(), SHADOWED, [3, 5]).moved(4);
            assert_eq!((moved.kind(), moved.end(), moved.parent(), moved.is(SHADOWED)), (kind, 9, 7, true));
        }
    }
}
