//! What of a change to the object that the API server has is to be written, so that the server comes to the changed object
//! again: the change alone, and none of the defaults.
//!
//! ```text
//! written ─ receive ─▶ received ─ policies ─▶ made
//!    └──── change ─▶ written anew ─ receive ─▶ made
//! ```

use serde_json::{Map, Value};

use crate::document::edit::PatchOperation;
use crate::document::path::Pointer;
use crate::document::{Document, LimitError, NodeRef};

/// What the API server makes of an object that is written so.
type Receive<'r> = &'r dyn Fn(NodeRef<'_>) -> Option<Document<'static>>;

/// So often it is asked whether the server sets a value itself; what is left then is written.
const ATTEMPTS: usize = 500;

/// The operations on what is `written`, of which the server made `received`, so that it would make `made`.
///
/// # Errors
/// When a new value goes over a limit.
pub(super) fn change(
    written: NodeRef<'_>,
    received: NodeRef<'_>,
    made: NodeRef<'_>,
    receive: Receive<'_>,
) -> Result<Vec<PatchOperation>, LimitError> {
    let mut merge = Merge { added: Vec::new() };
    let mut anew =
        merge.value(Some(written), Some(received), made, &Pointer::default()).unwrap_or(Value::Null);
    let mut attempts = ATTEMPTS;
    let comes_to = |value: &Value| {
        let document = Document::from_value(value).ok();
        document.and_then(|document| receive(document.root())).is_some_and(|now| now.root() == made)
    };
    // what a policy added has the server's defaults in it
    if !merge.added.is_empty() && comes_to(&anew) {
        for at in &merge.added {
            prune(&mut anew, at, &comes_to, &mut attempts);
        }
    }
    // what is JSON already can only be too large
    let anew = Document::from_value(&anew).map_err(|_| LimitError::Size)?;
    written.difference(anew.root())
}

struct Merge {
    /// The pointers of values that the server did not have.
    added: Vec<Pointer>,
}

impl Merge {
    /// What is to be written for a value; nothing where the server comes to it without.
    fn value(
        &mut self,
        written: Option<NodeRef<'_>>,
        received: Option<NodeRef<'_>>,
        made: NodeRef<'_>,
        at: &Pointer,
    ) -> Option<Value> {
        let Some(received) = received else {
            self.added.push(at.clone());
            return Some(plain(made));
        };
        if received == made {
            return written.map(plain);
        }
        if received.is_object() && made.is_object() {
            return self.members(written, received, made, at);
        }
        if received.is_array() && made.is_array() {
            return Some(self.items(written, received, made, at));
        }
        Some(plain(made))
    }

    fn members(
        &mut self,
        written: Option<NodeRef<'_>>,
        received: NodeRef<'_>,
        made: NodeRef<'_>,
        at: &Pointer,
    ) -> Option<Value> {
        let mut members = Map::new();
        for (key, value) in made.members() {
            let of = written.and_then(|written| written.get(key));
            if let Some(value) = self.value(of, received.get(key), value, &at.child(key)) {
                members.insert(key.to_owned(), value);
            }
        }
        // what the server dropped no policy has seen
        for (key, value) in written.into_iter().flat_map(NodeRef::members) {
            if received.get(key).is_none() && made.get(key).is_none() {
                members.insert(key.to_owned(), plain(value));
            }
        }
        (written.is_some() || !members.is_empty()).then_some(Value::Object(members))
    }

    fn items(
        &mut self,
        written: Option<NodeRef<'_>>,
        received: NodeRef<'_>,
        made: NodeRef<'_>,
        at: &Pointer,
    ) -> Value {
        let (old, new): (Vec<_>, Vec<_>) = (received.items().collect(), made.items().collect());
        let mut items = Vec::new();
        for (new, from) in new.iter().zip(aligned(&old, &new)) {
            // the server adds items behind those that are written
            let of = from.and_then(|from| written?.item(from));
            let own = from.map(|from| old[from]);
            let at = at.child(items.len().to_string());
            items.extend(self.value(of, own, *new, &at));
        }
        Value::Array(items)
    }
}

/// Which of the old items each of the new ones is: the equal one, else the one of the same name, else the one at the same
/// place where there are as many.
fn aligned(old: &[NodeRef<'_>], new: &[NodeRef<'_>]) -> Vec<Option<usize>> {
    let mut taken = vec![false; old.len()];
    let mut of = vec![None; new.len()];
    let mut pair = |same: &dyn Fn(usize, usize) -> bool| {
        for (at, of) in of.iter_mut().enumerate().filter(|(_, of)| of.is_none()) {
            let found = (0..old.len()).find(|from| !taken[*from] && same(*from, at));
            if let Some(found) = found {
                (taken[found], *of) = (true, Some(found));
            }
        }
    };
    let name = |node: NodeRef<'_>| node.get_str("name").map(str::to_owned);
    pair(&|from, at| from == at && old[from] == new[at]);
    pair(&|from, at| old[from] == new[at]);
    pair(&|from, at| name(old[from]).is_some() && name(old[from]) == name(new[at]));
    pair(&|from, at| {
        old.len() == new.len() && from == at && name(old[from]).is_none() && name(new[at]).is_none()
    });
    of
}

/// Takes out of the value at a pointer what the server would put there itself, the largest parts first.
fn prune(whole: &mut Value, at: &Pointer, comes_to: &dyn Fn(&Value) -> bool, attempts: &mut usize) {
    let here = at.to_string();
    let keys: Vec<String> = match whole.pointer(&here) {
        Some(Value::Object(members)) => members.keys().cloned().collect(),
        Some(Value::Array(items)) => {
            for index in 0..items.len() {
                prune(whole, &at.child(index.to_string()), comes_to, attempts);
            }
            return;
        }
        _ => return,
    };
    for key in keys {
        let Some(left) = attempts.checked_sub(1) else { return };
        *attempts = left;
        let Some(Value::Object(members)) = whole.pointer_mut(&here) else { return };
        let Some(value) = members.remove(&key) else { continue };
        if comes_to(whole) {
            continue;
        }
        if let Some(Value::Object(members)) = whole.pointer_mut(&here) {
            members.insert(key.clone(), value);
        }
        prune(whole, &at.child(key), comes_to, attempts);
    }
}

fn plain(node: NodeRef<'_>) -> Value {
    // a node of a document is no deeper than JSON may be
    serde_json::to_value(node).unwrap_or(Value::Null)
}
