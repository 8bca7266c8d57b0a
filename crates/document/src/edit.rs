//! Changing a document: RFC 6902 operations, and `set` and `remove` on paths.
//!
//! ```text
//! Document ─▶ Editor ─ apply, set, remove ─▶ finish ─▶ Document (new version) + the operations, as a patch
//! ```
//!
//! A document's tape cannot be changed, so an [`Editor`] opens only the arrays and objects that operations go
//! through, and [`Editor::finish`] writes one new tape: what nobody touched is copied with its places in the text, what is
//! new names who made it ([`origin`](super::NodeRef::origin)), and what replaced a scalar stands where that stood. However many operations there are, the document is written
//! once, and every container is opened at most once; only inserting into a long list moves its tail.
//!
//! `set` and `remove` say what is wanted rather than what to do: where it is so already they do nothing, so twice is
//! once. What they did is among the operations, so they are a JSON patch as well.

mod difference;
mod tree;

use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::path::{Path, Pointer, PointerError, Step};
use super::{Builder, Document, Kind, LimitError, Limits, NodeId, NodeRef};
use tree::Tree;

/// A value that an operation brings along. Shared, because a policy's values go into many documents.
pub type Literal = Arc<Document<'static>>;

/// One RFC 6902 operation. Serializes as such.
#[derive(Debug, Clone, PartialEq)]
pub enum PatchOperation {
    /// Puts a value where there is none: a member (replacing one of that name), or an item before the one that is
    /// there; `-` is behind the last.
    Add {
        /// Where the value comes to lie; behind the last item with `-`.
        path: Pointer,
        /// What comes there.
        value: Literal,
    },
    /// Takes away what is there.
    Remove {
        /// The member or item that goes.
        path: Pointer,
    },
    /// Puts a value in the place of what is there.
    Replace {
        /// The member or item whose value changes.
        path: Pointer,
        /// Its new value.
        value: Literal,
    },
    /// Takes away at one place and adds at another.
    Move {
        /// From where.
        from: Pointer,
        /// Where to.
        path: Pointer,
    },
    /// Adds at one place what is at another.
    Copy {
        /// From where.
        from: Pointer,
        /// Where to.
        path: Pointer,
    },
    /// Fails unless the value there is this one.
    Test {
        /// The member or item that is looked at.
        path: Pointer,
        /// What it has to be equal to.
        value: Literal,
    },
}

/// Why an operation does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// Nothing is at a place that an operation starts from, or goes through.
    #[error("there is nothing at {at:?}")]
    Missing {
        /// The first place on the way that is not there.
        at: String,
    },
    /// The way leads through a value without children.
    #[error("{at:?} is of type {}, so nothing is below it", kind.name())]
    Scalar {
        /// The value's place.
        at: String,
        /// What it is.
        kind: Kind,
    },
    /// An array's items are named by digits without leading zeros, or `-` where one is added.
    #[error("{token:?} names no item of the list at {at:?}")]
    Index {
        /// The array's place.
        at: String,
        /// What was to be an index.
        token: String,
    },
    /// An item that is not there.
    #[error("the list at {at:?} has {len} items, so there is no [{index}]")]
    OutOfBounds {
        /// The array's place.
        at: String,
        /// The item that is asked for.
        index: usize,
        /// The array's length.
        len: usize,
    },
    /// A path names a member of what is no object.
    #[error("{at:?} is of type {}, so it has no member {key:?}", kind.name())]
    NotObject {
        /// The value's place.
        at: String,
        /// The member that is asked for.
        key: String,
        /// What the value is.
        kind: Kind,
    },
    /// A path names an item of what is no array.
    #[error("{at:?} is of type {}, so it has no item [{index}]", kind.name())]
    NotArray {
        /// The value's place.
        at: String,
        /// The item that is asked for.
        index: usize,
        /// What the value is.
        kind: Kind,
    },
    /// The document itself cannot be taken away or moved.
    #[error("the whole document cannot be removed or moved")]
    Root,
    /// A value cannot be moved below itself.
    #[error("{from:?} cannot be moved into itself, to {path:?}")]
    IntoItself {
        /// From where.
        from: String,
        /// Where to.
        path: String,
    },
    /// The value is not what a `test` wants. The message does not say what it is: it may be secret.
    #[error("the value at {at:?} is not the one tested for")]
    TestFailed {
        /// The value's place.
        at: String,
    },
    /// The new document would go over a limit.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

/// An editor at work on a document.
///
/// An operation that fails changes nothing, but those before it stand; who wants all or nothing drops the editor.
#[derive(Debug)]
pub struct Editor<'d, 'a> {
    base: &'d Document<'a>,
    limits: Limits,
    tree: Tree<'d>,
    applied: Vec<PatchOperation>,
}

impl<'d, 'a> Editor<'d, 'a> {
    /// An editor of `base`; what it makes stays within `limits`.
    #[must_use]
    pub fn new(base: &'d Document<'a>, limits: Limits) -> Self {
        Self { base, limits, tree: Tree::new(base.root(), limits.nodes), applied: Vec::new() }
    }

    /// Whether nothing was done so far.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.applied.is_empty()
    }

    /// Does one operation; what it makes bears `label`.
    ///
    /// # Errors
    /// When the operation does not apply.
    pub fn apply(&mut self, operation: PatchOperation, label: &Arc<str>) -> Result<(), EditError> {
        match &operation {
            PatchOperation::Add { path, value } => {
                let slot = self.tree.literal(value, label)?;
                self.tree.add(path, slot)?;
            }
            PatchOperation::Remove { path } => {
                self.tree.detach(path)?;
            }
            PatchOperation::Replace { path, value } => {
                let target = self.tree.resolve(path)?;
                self.tree.put_literal(target, value, label)?;
            }
            PatchOperation::Move { from, path } => self.tree.relocate(from, path)?,
            PatchOperation::Copy { from, path } => {
                let source = self.tree.resolve(from)?;
                let copy = self.tree.duplicate(source, label)?;
                self.tree.add(path, copy)?;
            }
            PatchOperation::Test { path, value } => {
                let target = self.tree.resolve(path)?;
                if !self.tree.equals(target, value.root()) {
                    return Err(EditError::TestFailed { at: path.to_string() });
                }
            }
        }
        self.applied.push(operation);
        Ok(())
    }

    /// Makes sure that `value` is at `path` below `base`, with every parent it needs; says whether anything had to be done.
    ///
    /// What is missing on the way is created, `null` counts as missing, and an index one past the end appends. A list
    /// item in the middle of the way is never made up: a container is not there because someone set its image.
    ///
    /// # Errors
    /// When something on the way has the wrong type, or an item is missing.
    pub fn set(
        &mut self,
        base: &Pointer,
        path: &Path,
        value: &Literal,
        label: &Arc<str>,
    ) -> Result<bool, EditError> {
        let mut slot = self.tree.resolve(base)?;
        let mut at = base.tokens().to_vec();
        let steps = path.steps();
        for (done, step) in steps.iter().enumerate() {
            if self.tree.kind(slot) == Kind::Null {
                let value = nest(&steps[done..], value, &at)?;
                return self
                    .apply(PatchOperation::Replace { path: Pointer::of_tokens(&at), value }, label)
                    .map(|()| true);
            }
            let last = done + 1 == steps.len();
            match self.step(slot, step, last, &at)? {
                Some(child) => slot = child,
                None => {
                    at.push(token(step));
                    let value = nest(&steps[done + 1..], value, &at)?;
                    return self
                        .apply(PatchOperation::Add { path: Pointer::of_tokens(&at), value }, label)
                        .map(|()| true);
                }
            }
            at.push(token(step));
        }
        if self.tree.equals(slot, value.root()) {
            return Ok(false);
        }
        let operation = PatchOperation::Replace { path: Pointer::of_tokens(&at), value: Arc::clone(value) };
        self.apply(operation, label).map(|()| true)
    }

    /// Makes sure that nothing is at `path` below `base`; says whether anything had to be done. A way that is not there,
    /// or leads through something else, has nothing at its end.
    ///
    /// # Errors
    /// When `base` itself is not there.
    pub fn remove(&mut self, base: &Pointer, path: &Path, label: &Arc<str>) -> Result<bool, EditError> {
        let mut slot = self.tree.resolve(base)?;
        let mut at = base.tokens().to_vec();
        for step in path.steps() {
            match self.step(slot, step, true, &at) {
                Ok(Some(child)) => slot = child,
                Ok(None) | Err(_) => return Ok(false),
            }
            at.push(token(step));
        }
        self.apply(PatchOperation::Remove { path: Pointer::of_tokens(&at) }, label).map(|()| true)
    }

    /// The child that a step names; `None` where it could be put.
    fn step(&mut self, slot: u32, step: &Step, last: bool, at: &[String]) -> Result<Option<u32>, EditError> {
        let at = || Pointer::of_tokens(at).to_string();
        match (step, self.tree.kind(slot)) {
            (Step::Key(key), Kind::Object) => Ok(self.tree.member(slot, key)),
            (Step::Key(key), kind) => Err(EditError::NotObject { at: at(), key: key.clone(), kind }),
            (Step::Index(index), Kind::Array) => match self.tree.item(slot, *index) {
                Ok(item) => Ok(Some(item)),
                Err(len) if *index == len && last => Ok(None),
                Err(len) => Err(EditError::OutOfBounds { at: at(), index: *index, len }),
            },
            (Step::Index(index), kind) => Err(EditError::NotArray { at: at(), index: *index, kind }),
        }
    }

    /// The operations alone, for who has no use for the new version.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn into_operations(self) -> Result<Vec<PatchOperation>, LimitError> {
        // so few values cannot be too many, nor nested too deep
        if self.tree.nodes() <= self.limits.nodes.min(self.limits.depth) {
            return Ok(self.applied);
        }
        self.finish().map(|(_, operations)| operations)
    }

    /// The new version of the document, and the operations that make it of the old one.
    ///
    /// # Errors
    /// When it would be nested too deep or too large.
    pub fn finish(self) -> Result<(Document<'a>, Vec<PatchOperation>), LimitError> {
        let Self { base, limits, tree, applied } = self;
        let changed = applied.iter().any(|o| !matches!(o, PatchOperation::Test { .. }));
        let document = if changed { tree.build(base, limits)? } else { base.clone() };
        Ok((document, applied))
    }
}

impl<'a> Document<'a> {
    /// The document after a list of operations, all of one maker; see [`Editor`].
    ///
    /// # Errors
    /// The index of the first operation that does not apply, and why. The index is that of the last operation where only
    /// the result as a whole goes over a limit.
    pub fn edited(
        &self,
        operations: &[PatchOperation],
        label: &str,
        limits: Limits,
    ) -> Result<Document<'a>, (usize, EditError)> {
        let label: Arc<str> = label.into();
        let mut editor = Editor::new(self, limits);
        for (index, operation) in operations.iter().enumerate() {
            editor.apply(operation.clone(), &label).map_err(|error| (index, error))?;
        }
        let last = operations.len().saturating_sub(1);
        editor.finish().map(|(document, _)| document).map_err(|error| (last, error.into()))
    }
}

impl NodeRef<'_> {
    /// A copy of the node that owns what it holds, without places: a [`Literal`]'s content.
    ///
    /// # Errors
    /// When the node is larger than `limits`.
    pub fn to_document(self, limits: Limits) -> Result<Document<'static>, LimitError> {
        let mut builder = Builder::new("", limits);
        builder.copy_node(self, false)?;
        Ok(builder.finish())
    }
}

/// A string as an operation's value.
#[must_use]
pub fn string(text: &str) -> Literal {
    let mut builder = Builder::new("", Limits::default());
    builder.string(text).expect("one value is within every limit");
    Arc::new(builder.finish())
}

fn token(step: &Step) -> String {
    match step {
        Step::Key(key) => key.clone(),
        Step::Index(index) => index.to_string(),
    }
}

/// `value` inside the objects that the steps call for; of lists only the first item at the end, `[value]`.
fn nest(steps: &[Step], value: &Literal, at: &[String]) -> Result<Literal, EditError> {
    if steps.is_empty() {
        return Ok(Arc::clone(value));
    }
    let mut builder = Builder::new("", Limits::default());
    for (done, step) in steps.iter().enumerate() {
        match step {
            Step::Key(key) => {
                builder.begin_object()?;
                builder.key(key, None)?;
            }
            Step::Index(0) if done + 1 == steps.len() => {
                builder.begin_array()?;
            }
            Step::Index(index) => {
                let at: Vec<_> = at.iter().cloned().chain(steps[..done].iter().map(token)).collect();
                let at = Pointer::of_tokens(&at).to_string();
                return Err(EditError::OutOfBounds { at, index: *index, len: 0 });
            }
        }
    }
    builder.copy_node(value.root(), false)?;
    for _ in steps {
        builder.end();
    }
    Ok(Arc::new(builder.finish()))
}

impl PatchOperation {
    /// The same operation with another value; those without one stay as they are.
    #[must_use]
    pub fn with_value(self, value: Literal) -> Self {
        match self {
            Self::Add { path, value: _ } => Self::Add { path, value },
            Self::Replace { path, value: _ } => Self::Replace { path, value },
            Self::Test { path, value: _ } => Self::Test { path, value },
            other => other,
        }
    }

    /// The same operation on a document in which this one stands at `place`.
    #[must_use]
    pub fn below(self, place: &Pointer) -> Self {
        match self {
            Self::Add { path, value } => Self::Add { path: path.below(place), value },
            Self::Remove { path } => Self::Remove { path: path.below(place) },
            Self::Replace { path, value } => Self::Replace { path: path.below(place), value },
            Self::Move { from, path } => Self::Move { from: from.below(place), path: path.below(place) },
            Self::Copy { from, path } => Self::Copy { from: from.below(place), path: path.below(place) },
            Self::Test { path, value } => Self::Test { path: path.below(place), value },
        }
    }

    /// The word for it in `op`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Remove { .. } => "remove",
            Self::Replace { .. } => "replace",
            Self::Move { .. } => "move",
            Self::Copy { .. } => "copy",
            Self::Test { .. } => "test",
        }
    }

    /// Where it is done.
    #[must_use]
    pub fn path(&self) -> &Pointer {
        match self {
            Self::Add { path, .. }
            | Self::Remove { path }
            | Self::Replace { path, .. }
            | Self::Move { path, .. }
            | Self::Copy { path, .. }
            | Self::Test { path, .. } => path,
        }
    }

    /// Reads `{op, path, from, value}` as RFC 6902 has it; members that an operation has no use for are passed over.
    ///
    /// # Errors
    /// The member that is missing or wrong.
    pub fn read(node: NodeRef<'_>) -> Result<Self, OperationError> {
        let fail = |node: NodeRef<'_>, reason| OperationError { node: node.id(), reason };
        let text = |name: &'static str| {
            let member = node.get(name).ok_or_else(|| fail(node, OperationReason::Absent(name)))?;
            let text = member.as_str().ok_or_else(|| fail(member, OperationReason::Text(name)))?;
            Ok((member, text))
        };
        let pointer = |name: &'static str| {
            let (member, text) = text(name)?;
            text.parse::<Pointer>().map_err(|error| fail(member, OperationReason::Pointer { name, error }))
        };
        let value = || {
            let value = node.get("value").ok_or_else(|| fail(node, OperationReason::Absent("value")))?;
            let copy = value.to_document(Limits::default());
            copy.map(Arc::new).map_err(|error| fail(value, OperationReason::Limit(error)))
        };
        let (op_node, op) = text("op")?;
        let path = || pointer("path");
        Ok(match op {
            "add" => Self::Add { path: path()?, value: value()? },
            "remove" => Self::Remove { path: path()? },
            "replace" => Self::Replace { path: path()?, value: value()? },
            "move" => Self::Move { from: pointer("from")?, path: path()? },
            "copy" => Self::Copy { from: pointer("from")?, path: path()? },
            "test" => Self::Test { path: path()?, value: value()? },
            _ => return Err(fail(op_node, OperationReason::Op(op.to_owned()))),
        })
    }
}

/// Why an object is no RFC 6902 operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct OperationError {
    /// The part of the patch that is wrong.
    pub node: NodeId,
    /// What is wrong.
    pub reason: OperationReason,
}

/// What is wrong with an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperationReason {
    /// A member that the operation needs is not there.
    #[error("`{0}` is missing")]
    Absent(&'static str),
    /// A member that must be a string is none.
    #[error("`{0}` must be a string")]
    Text(&'static str),
    /// A member that must be a pointer is none.
    #[error("`{name}`: {error}")]
    Pointer {
        /// The field of the operation that holds the pointer.
        name: &'static str,
        /// What is wrong with the pointer.
        error: PointerError,
    },
    /// An operation that there is not.
    #[error("unknown operation {0:?}: add, remove, replace, move, copy or test")]
    Op(String),
    /// The value is too large.
    #[error("the value is {0}")]
    Limit(LimitError),
}

impl Serialize for PatchOperation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("op", self.name())?;
        if let Self::Move { from, .. } | Self::Copy { from, .. } = self {
            map.serialize_entry("from", from)?;
        }
        map.serialize_entry("path", self.path())?;
        if let Self::Add { value, .. } | Self::Replace { value, .. } | Self::Test { value, .. } = self {
            map.serialize_entry("value", &**value)?;
        }
        map.end()
    }
}

/// The operation without its value, which may be secret: `replace /data/key`.
impl fmt::Display for PatchOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Move { from, path } | Self::Copy { from, path } => {
                write!(f, "{} {from} {path}", self.name())
            }
            _ => write!(f, "{} {}", self.name(), self.path()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
