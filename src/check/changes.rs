//! What a request changes: mutation at UPDATE touches nothing else.
//!
//! A policy that came after an object would otherwise rewrite it at the next label that somebody sets: a running Pod
//! restarts, a Deployment rolls out, a Job's immutable template has the label refused. So a place is written only where
//! its value, or its absence, is another than in `oldObject`; list items are compared by their merge keys, so that
//! containers in another order are the same.

use crate::document::NodeRef;
use crate::document::edit::PatchOperation;
use crate::document::path::{Path, Pointer, Step};
use crate::policy;
use crate::request::Operation;
use crate::resource::identity;
use crate::resource::merge::{Keyed, same};

use crate::request::Request;

/// The object of an UPDATE as it was sent, beside the old one.
pub(crate) struct Changes<'r> {
    sent: Keyed<'r>,
    old: Keyed<'r>,
}

impl<'r> Changes<'r> {
    /// `None` where everything counts as written by the request: at CREATE, and where no old object was sent.
    pub(crate) fn of(request: &Request<'r>) -> Option<Self> {
        let (Some(sent), Some(old)) = (request.object, request.old_object) else { return None };
        (request.operation == Operation::Update)
            .then(|| Self { sent: Keyed::new(sent), old: Keyed::new(old) })
    }

    /// Whether the request writes a place of the object as earlier rules have left it; what they have made counts as the
    /// request's own.
    fn at(&self, current: &Keyed<'_>, tokens: &[String]) -> bool {
        let way = current.way(tokens);
        let (sent, old) = (self.sent.find(&way), self.old.find(&way));
        match (sent, old) {
            (None, None) => current.find(&way).is_some(),
            (sent, old) => !same(sent, old),
        }
    }
}

/// Which places a rule may write: of an object at CREATE all, at UPDATE those that the request writes.
pub struct Reach<'r> {
    changes: Option<&'r Changes<'r>>,
    current: Keyed<'r>,
}

impl<'r> Reach<'r> {
    /// Over the object as it is now.
    pub(crate) fn new(changes: Option<&'r Changes<'r>>, object: NodeRef<'r>) -> Self {
        Self { changes, current: Keyed::new(object) }
    }

    fn place(&self, tokens: &[String]) -> bool {
        self.changes.is_none_or(|changes| changes.at(&self.current, tokens))
    }

    /// Whether the place of a pointer may be written.
    pub(crate) fn pointer(&self, pointer: &Pointer) -> bool {
        self.place(pointer.tokens())
    }

    /// Whether an edit at what is visited may be made; a `test` writes nothing.
    pub(crate) fn edit(&self, edit: &policy::Edit, base: &Pointer) -> bool {
        match edit {
            policy::Edit::Set { path, .. } | policy::Edit::Remove { path } => self.path(base, path),
            policy::Edit::Raw(operation) | policy::Edit::RawComputed { operation, .. } => {
                self.operation(operation, base)
            }
        }
    }

    fn path(&self, base: &Pointer, path: &Path) -> bool {
        let steps = path.steps().iter().map(|step| match step {
            Step::Key(key) => key.clone(),
            Step::Index(index) => index.to_string(),
        });
        let tokens: Vec<String> = base.tokens().iter().cloned().chain(steps).collect();
        self.place(&tokens)
    }

    fn operation(&self, operation: &PatchOperation, base: &Pointer) -> bool {
        match operation {
            PatchOperation::Remove { path } | PatchOperation::Replace { path, .. } => {
                self.pointer(&path.below(base))
            }
            PatchOperation::Add { path, .. } | PatchOperation::Copy { path, .. } => {
                self.added(&path.below(base))
            }
            // what stands there now is what the request wrote, and where it goes follows
            PatchOperation::Move { from, .. } => self.pointer(&from.below(base)),
            PatchOperation::Test { .. } => false,
        }
    }

    /// An item that is added changes its list, for it replaces nothing.
    fn added(&self, pointer: &Pointer) -> bool {
        let Some((_, list)) = pointer.tokens().split_last() else { return self.pointer(pointer) };
        let way = self.current.way(list);
        match self.current.find(&way).is_some_and(NodeRef::is_array) {
            true => self.place(list),
            false => self.pointer(pointer),
        }
    }

    /// Whether none of the edits may be made, so that there is nothing to compute, and nothing that can fail.
    pub(crate) fn forbids_all(&self, edits: &[policy::Edit], base: &Pointer) -> bool {
        self.changes.is_some() && !edits.iter().any(|edit| self.edit(edit, base))
    }

    /// Whether everything may be written.
    pub(crate) fn is_everything(&self) -> bool {
        self.changes.is_none()
    }
}

/// Whether mutation leaves an object alone, whatever the request writes into it.
///
/// * There is nothing to change at DELETE, and at CONNECT nothing is stored.
/// * What is being deleted only waits for its finalizers, and a patch of an immutable field has their removal refused. It
///   is the old object that tells: the API server takes the field from there (`rest.BeforeUpdate`) and clears it in what
///   is created (`rest.FillObjectMetaSystemFields`), whatever a client writes.
/// * What a controller made it compares with a template of its own, and makes another where they differ (`EqualIgnoreHash`
///   in `pkg/controller/deployment/util`). Pods it does not compare, and nobody else makes them.
pub(crate) fn is_off_limits(request: &Request<'_>) -> bool {
    let Some(object) = request.object else { return true };
    let deleted = match request.operation {
        Operation::Delete | Operation::Connect => return true,
        Operation::Update => identity::is_being_deleted(request.old_object.unwrap_or(object)),
        Operation::Create => false,
    };
    let is_pod = request.kind.group.is_empty() && request.kind.kind == "Pod";
    deleted || !is_pod && identity::controller(object).is_some()
}
