//! What of an object decides whether a rule finds anything in it, as far as nothing but the object does.
//!
//! Most Pods that a cluster is sent differ in names, labels and images from those that it was sent before, and in nothing that
//! the policy about `hostPID` looks at. What [`crate::cel::reads`] tells of a policy's expressions says what it looks at; the
//! parts of the object at the ends of these ways are written down in short, and an object with which the same parts were in
//! order before is in order.

use std::collections::BTreeSet;

use crate::cel::reads::{Composed, Part, Read, Root, reads, reads_of_elements};
use crate::document::NodeRef;
use crate::policy::expression::Expression;

use super::repeats::{content, text};
use super::{CONTAINERS, Policy, ROOTS, Validate};

/// The variable that holds the containers of all lists.
const ALL_CONTAINERS: &str = "allContainers";

/// Every variable but `params`, which is the same for all objects: what is read of others than the object's own decides, too.
const VARIABLES: [&str; 9] = {
    let [object, spec, metadata] = ROOTS;
    let old = "oldObject";
    let [authorizer, resource] = ["authorizer", "authorizer.requestResource"];
    [object, spec, metadata, ALL_CONTAINERS, old, "request", "namespaceObject", authorizer, resource]
};

/// The way to a part of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartOf {
    /// Which of [`ROOTS`] it begins at.
    pub root: usize,
    /// The steps from there.
    pub steps: Vec<Part>,
}

/// What a policy's expressions look at, to tell what decides its rules.
#[derive(Debug)]
pub struct Deciding {
    composed: Composed,
    /// Those of its conditions; `None` where more than these decides them.
    conditions: Option<BTreeSet<PartOf>>,
}

impl Deciding {
    /// Of this policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let composed = Composed::deciding(&policy.composition, &VARIABLES);
        let conditions = policy.conditions.iter().map(|condition| parts_of(&condition.expression, &composed));
        let conditions =
            conditions.collect::<Option<Vec<_>>>().map(|all| all.into_iter().flatten().collect());
        Self { composed, conditions }
    }

    /// The parts of an object that decide whether a rule of the policy finds anything; `None` where more than these does, or
    /// nobody can tell. Which of [`ROOTS`] there are, and of what kind the object is, decides beside them.
    #[must_use]
    pub fn rule(&self, policy: &Policy, rule: usize) -> Option<BTreeSet<PartOf>> {
        let parts = policy.rules.get(rule)?.check.decided_by(self)?;
        Some(parts.into_iter().chain(self.conditions.clone()?).collect())
    }

    /// Of a rule with expressions.
    pub(super) fn expressions(&self, rule: &Validate) -> Option<BTreeSet<PartOf>> {
        let Validate { visit, validate, .. } = rule;
        let judged = || visit.when.iter().chain([validate]);
        let Some(for_each) = &visit.for_each else {
            let all = judged().map(|expression| parts_of(expression, &self.composed));
            return Some(all.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect());
        };
        let programs = judged().map(|expression| &expression.program);
        // an init container that starts again is a sidecar
        parts(reads_of_elements(&for_each.program, programs, &VARIABLES, &self.composed, "restartPolicy")?)
    }
}

fn parts_of(expression: &Expression, composed: &Composed) -> Option<BTreeSet<PartOf>> {
    parts(reads(&expression.program, &VARIABLES, composed)?)
}

/// `None` where something beside the object is read.
fn parts(reads: BTreeSet<Read>) -> Option<BTreeSet<PartOf>> {
    let all = reads.into_iter().map(parts_of_read).collect::<Option<Vec<_>>>()?;
    Some(all.into_iter().flatten().collect())
}

fn parts_of_read(read: Read) -> Option<Vec<PartOf>> {
    let Read { root: Root::Variable(name), parts } = read else { return None };
    if let Some(root) = ROOTS.iter().position(|root| *root == name) {
        return Some(vec![PartOf { root, steps: parts }]);
    }
    if name != ALL_CONTAINERS {
        return None;
    }
    // a list of which the elements lie in three lists
    let rest = match parts.split_first() {
        Some((Part::Each, rest)) => [&[Part::Each], rest].concat(),
        Some((Part::Shape, _)) => vec![Part::Shape],
        _ => Vec::new(),
    };
    Some(containers(&rest).collect())
}

/// The same below each list of containers.
pub(super) fn containers(steps: &[Part]) -> impl Iterator<Item = PartOf> {
    CONTAINERS.into_iter().map(move |list| {
        let steps = [&[Part::Key(list.to_owned())], steps].concat();
        PartOf { root: 1, steps }
    })
}

impl PartOf {
    /// Writes down what is there of an object's [`ROOTS`], so that no two parts are written alike; false where that is not
    /// known.
    pub fn write(&self, roots: [Option<NodeRef<'_>>; ROOTS.len()], bytes: &mut Vec<u8>) -> bool {
        written(roots[self.root], &self.steps, bytes)
    }
}

/// How what is there is told apart from what is written of it.
mod mark {
    pub(super) const ABSENT: u8 = 0;
    pub(super) const WHOLE: u8 = 1;
    pub(super) const MEMBER: u8 = 2;
    pub(super) const MEMBERS: u8 = 3;
    pub(super) const ITEMS: u8 = 4;
    pub(super) const PRESENT: u8 = 5;
}

fn written(node: Option<NodeRef<'_>>, steps: &[Part], bytes: &mut Vec<u8>) -> bool {
    let Some(node) = node else {
        bytes.push(mark::ABSENT);
        return true;
    };
    let count = |mark: u8, bytes: &mut Vec<u8>| {
        bytes.push(mark);
        bytes.extend(node.len().to_le_bytes());
    };
    match steps.split_first() {
        Some((Part::Key(key), rest)) if node.is_object() => {
            bytes.push(mark::MEMBER);
            written(node.get(key), rest, bytes)
        }
        Some((Part::In(key), _)) if node.is_object() => {
            bytes.push(if node.get(key).is_some() { mark::PRESENT } else { mark::ABSENT });
            true
        }
        Some((Part::Each, rest)) if node.is_array() => {
            count(mark::ITEMS, bytes);
            node.items().all(|item| written(Some(item), rest, bytes))
        }
        Some((Part::Each, rest)) if node.is_object() => {
            count(mark::MEMBERS, bytes);
            node.members().all(|(key, value)| {
                text(key, bytes);
                written(Some(value), rest, bytes)
            })
        }
        Some((Part::Shape, _)) if node.is_array() => {
            count(mark::ITEMS, bytes);
            true
        }
        Some((Part::Shape, _)) if node.is_object() => {
            count(mark::MEMBERS, bytes);
            node.members().for_each(|(key, _)| text(key, bytes));
            true
        }
        // the part itself, or what stands where the way cannot go on
        _ => {
            bytes.push(mark::WHOLE);
            content(node, bytes);
            !node.descendants().any(NodeRef::is_unknown)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    /// Which of these objects cannot be told apart by a part of theirs.
    fn same(steps: &[Part], objects: &str) -> Vec<(usize, usize)> {
        let document = Document::from_json(objects, Limits { depth: 20, nodes: 1000 }).unwrap();
        let part = PartOf { root: 0, steps: steps.to_vec() };
        let all = document.root().items().map(|object| {
            let mut bytes = Vec::new();
            assert!(part.write([Some(object), None, None], &mut bytes));
            bytes
        });
        let all: Vec<Vec<u8>> = all.collect();
        let pairs = (0..all.len()).flat_map(|a| (0..a).map(move |b| (b, a)));
        pairs.filter(|(a, b)| all[*a] == all[*b]).collect()
    }

    #[test]
    fn what_is_told_apart() {
        let key = |key: &str| Part::Key(key.to_owned());
        let objects = r#"[
            {}, {"a": null}, {"a": 1}, {"a": 1, "b": 2}, {"a": "1"}, {"a": []}, {"a": [{}]}, {"a": [{"x": 1, "y": 2}]},
            {"a": [{"y": 3, "x": 1}]}, {"a": {"x": 1}}, {"a": {"x": 2}}, {"a": {"k": {"x": 1}}}, {"a": [1]}, [], "a"
        ]"#;
        // members beside the part, and only these
        assert_eq!(same(&[key("a")], objects), [(2, 3)]);
        assert_eq!(same(&[key("b")], objects), {
            let without = [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12];
            let pairs = (0..12).flat_map(|a| (0..a).map(move |b| (without[b], without[a])));
            pairs.collect::<Vec<_>>()
        });
        assert_eq!(same(&[key("a"), Part::Each, key("x")], objects), [(2, 3), (7, 8)]);
        assert_eq!(
            same(&[key("a"), Part::Shape], objects),
            [(2, 3), (6, 7), (6, 8), (7, 8), (9, 10), (6, 12), (7, 12), (8, 12)]
        );
        assert_eq!(same(&[key("a"), Part::In("x".to_owned())], objects), [(2, 3), (9, 10)]);
    }

    #[test]
    fn what_is_not_known_is_not_written() {
        let mut document = Document::from_json(r#"{"a": {"b": "$(X)"}, "c": 1}"#, Limits::default()).unwrap();
        document.mark_unknown(|text, _| text == "$(X)");
        let told = |steps: &[&str]| {
            let steps = steps.iter().map(|step| Part::Key((*step).to_owned())).collect();
            PartOf { root: 0, steps }.write([Some(document.root()), None, None], &mut Vec::new())
        };
        assert!(told(&["c"]) && !told(&["a"]) && !told(&["a", "b"]) && !told(&[]));
    }
}
