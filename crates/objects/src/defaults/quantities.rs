//! Quantities in lists of resources.

use kubernetes_cel::library::quantity::Quantity;

use crate::tree::{Id, Tree, Value};

pub(super) fn read(tree: &Tree<'_>, id: Id) -> Option<Quantity> {
    Quantity::parse(tree.as_text(id)).ok()
}

/// core/v1/defaults.go `SetDefaults_ResourceList`: values are rounded up to thousandths.
pub(super) fn round_lists(tree: &mut Tree<'_>) {
    let mut index = 0;
    while let Some(id) = tree.at(index) {
        index += 1;
        if !tree.is_resources(id) {
            continue;
        }
        for value in tree.listed(id) {
            if let Some(quantity) = read(tree, value) {
                let rounded = quantity.round_up(-3).to_string();
                if rounded != tree.as_text(value) {
                    tree.rewrite(value, Value::text(rounded));
                }
            }
        }
    }
}

/// Adds what one list has and the other has not.
pub(super) fn fill(tree: &mut Tree<'_>, from: Option<Id>, to: Id) {
    let there = tree.by_key(to);
    for value in from.map(|from| tree.listed(from)).unwrap_or_default() {
        let key = tree.key(value).to_owned();
        if !there.contains_key(&key) {
            tree.copy(value, to, key);
        }
    }
}

/// A list of resources while it is summed: by name.
pub(super) type Sum = std::collections::BTreeMap<String, Quantity>;

pub(super) fn add(sum: &mut Sum, tree: &Tree<'_>, list: Option<Id>) {
    for value in list.into_iter().flat_map(|list| tree.children(list)) {
        let Some(quantity) = read(tree, value) else { continue };
        let total = match sum.get(tree.key(value)) {
            Some(before) => before.add(&quantity).unwrap_or(quantity),
            None => quantity,
        };
        sum.insert(tree.key(value).to_owned(), total);
    }
}

/// Takes the larger of each.
pub(super) fn larger(sum: &mut Sum, other: &Sum) {
    for (name, quantity) in other {
        if sum.get(name).is_none_or(|before| quantity.compare(before).is_gt()) {
            sum.insert(name.clone(), quantity.clone());
        }
    }
}
