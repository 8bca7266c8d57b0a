//! Lists whose elements are told apart by what they are or by their keys, as a schema's `x-kubernetes-list-type` says.
//!
//! k8s.io/apiserver `pkg/cel/common/valuesunstructured.go` (`unstructuredSetList`, `unstructuredMapList`).

use std::collections::HashMap;
use std::sync::Arc;

use super::collection::Key;
use super::{List, ListView, Value, View};
use crate::compare::{Equality, equal};

/// When two lists are the same, and what `+` does to elements that both have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Alike {
    /// Element by element; `+` appends.
    #[default]
    InOrder,
    /// In any order; `+` adds what is not there.
    Set,
    /// By the values of these members, in any order; `+` replaces what has the same.
    Keys(Arc<[String]>),
}

/// What tells an element apart; `None` where that is no scalar.
fn identity(item: &Value<'_>, alike: &Alike) -> Option<Vec<Option<Key>>> {
    match (alike, item.view()) {
        (Alike::Keys(keys), View::Map(map)) => {
            Some(keys.iter().map(|key| Key::new(map.get(View::Str(key))?.view())).collect())
        }
        (Alike::Set, view) => Key::new(view).map(|key| vec![Some(key)]),
        _ => None,
    }
}

/// Where each element stands.
struct Places<'l, 'd> {
    list: &'l List<'d>,
    by_identity: HashMap<Vec<Option<Key>>, usize>,
    others: Vec<usize>,
}

impl<'l, 'd> Places<'l, 'd> {
    fn of(list: &'l List<'d>) -> Self {
        let (mut by_identity, mut others) = (HashMap::new(), Vec::new());
        for (at, item) in list.items().iter().enumerate() {
            match identity(item, list.alike()) {
                Some(identity) => _ = by_identity.insert(identity, at),
                None => others.push(at),
            }
        }
        Self { list, by_identity, others }
    }

    fn find(&self, item: &Value<'_>) -> Option<usize> {
        match identity(item, self.list.alike()) {
            Some(identity) => self.by_identity.get(&identity).copied(),
            None => {
                let same = |at: &usize| equal(self.list.items()[*at].view(), item.view()) == Equality::Same;
                self.others.iter().copied().find(same)
            }
        }
    }
}

/// Whether a list that is not compared in order is equal to another.
pub(crate) fn same(list: &List<'_>, other: ListView<'_, '_>) -> bool {
    let places = Places::of(list);
    list.items().len() == other.len()
        && other.iter().all(|item| {
            places.find(&item).is_some_and(|at| {
                *list.alike() == Alike::Set
                    || equal(list.items()[at].view(), item.view()) != Equality::Different
            })
        })
}

/// The elements of `list + other`, for a list that is not compared in order.
pub(crate) fn joined<'d>(list: &List<'d>, other: ListView<'_, 'd>) -> Vec<Value<'d>> {
    let places = Places::of(list);
    let mut items = list.items().to_vec();
    for item in other.iter() {
        match places.find(&item) {
            Some(at) if *list.alike() != Alike::Set => items[at] = item,
            Some(_) => {}
            None => items.push(item),
        }
    }
    items
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use document::{Document, Limits};

    #[test]
    fn lists_are_compared_and_joined_as_they_are_declared() {
        let read = |text: &'static str| Document::from_json(text, Limits::default()).unwrap();
        let keys = || Alike::Keys(Arc::from(["k".to_owned()]));
        for (alike, one, two, are_same, sum) in [
            (Alike::Set, "[1,2]", "[2,1]", true, "[1,2]"),
            (Alike::Set, "[1,2]", "[2,3]", false, "[1,2,3]"),
            (Alike::Set, r#"[{"a":1}]"#, r#"[{"a":1}]"#, true, r#"[{"a":1}]"#),
            (
                keys(),
                r#"[{"k":1},{"k":2,"v":3}]"#,
                r#"[{"k":2,"v":3},{"k":1}]"#,
                true,
                r#"[{"k":1},{"k":2,"v":3}]"#,
            ),
            (keys(), r#"[{"k":1,"v":1}]"#, r#"[{"k":1,"v":2}]"#, false, r#"[{"k":1,"v":2}]"#),
            (keys(), r#"[{"k":1}]"#, r#"[{"v":1},{"k":3}]"#, false, r#"[{"k":1},{"v":1},{"k":3}]"#),
        ] {
            let (one, two, sum) = (read(one), read(two), read(sum));
            let list = List::new(one.root().items().map(Value::Node).collect()).unwrap().told_apart(alike);
            assert_eq!(same(&list, ListView::Node(two.root())), are_same, "{list:?}");
            let joined = List::new(joined(&list, ListView::Node(two.root()))).unwrap();
            let expected = View::List(ListView::Node(sum.root()));
            assert_eq!(equal(View::List(ListView::Owned(&joined)), expected), Equality::Same, "{joined:?}");
        }
    }
}
