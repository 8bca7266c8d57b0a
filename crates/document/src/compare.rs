//! Equality of nodes: by value, members in any order, numbers as numbers.

use super::{Document, Kind, NodeRef, Scalar};

impl PartialEq for NodeRef<'_> {
    /// Structural: `1` equals `1.0`, the order of members does not matter, shadowed duplicates do not count.
    fn eq(&self, other: &Self) -> bool {
        let mut pairs = vec![(*self, *other)];
        while let Some((a, b)) = pairs.pop() {
            match (a.kind(), b.kind()) {
                (Kind::Array, Kind::Array) if a.len() == b.len() => pairs.extend(a.items().zip(b.items())),
                (Kind::Object, Kind::Object) if a.len() == b.len() => {
                    for (key, value) in a.members() {
                        match b.get(key) {
                            Some(other) => pairs.push((value, other)),
                            None => return false,
                        }
                    }
                }
                _ => match (a.scalar(), b.scalar()) {
                    (Some(a), Some(b)) if same_scalar(a, b) => {}
                    _ => return false,
                },
            }
        }
        true
    }
}

impl NodeRef<'_> {
    /// Whether two nodes are the same in all but where they are written: members in the same order, numbers of the same type.
    #[must_use]
    pub fn says_what(self, other: Self) -> bool {
        let is_same = |a: Option<Scalar<'_>>, b: Option<Scalar<'_>>| match (a, b) {
            (Some(Scalar::Float(a)), Some(Scalar::Float(b))) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        };
        let told = |node: NodeRef<'_>| (node.kind(), node.len(), node.is_unknown());
        let (mut own, mut others) = (self.descendants(), other.descendants());
        let mut keys_count = false;
        loop {
            match (own.next(), others.next()) {
                (None, None) => return true,
                (Some(a), Some(b))
                    if told(a) == told(b)
                        && is_same(a.scalar(), b.scalar())
                        && (!keys_count || a.key() == b.key()) =>
                {
                    keys_count = true;
                }
                _ => return false,
            }
        }
    }
}

impl PartialEq for Document<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.root() == other.root()
    }
}

fn same_scalar(a: Scalar<'_>, b: Scalar<'_>) -> bool {
    match (a, b) {
        (Scalar::Int(i), Scalar::Float(f)) | (Scalar::Float(f), Scalar::Int(i)) => int_equals_float(i, f),
        (a, b) => a == b,
    }
}

/// Exactly: 2^53 + 1 is not 2^53.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "checked by converting back"
)]
fn int_equals_float(i: i64, f: f64) -> bool {
    // 2^63 as a float converts back to i64::MAX, which is not what it was
    i as f64 == f && f < 9_223_372_036_854_775_808.0 && f as i64 == i
}
