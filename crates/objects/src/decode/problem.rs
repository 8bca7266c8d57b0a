//! What is wrong with a written object before anything is judged, in the order in which the server meets it.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt::Write;

use document::few::SortFew as _;
use document::{NodeId, NodeRef};

use crate::field::go_quote;
use crate::schema::Definition;

/// How a problem ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// The server gives up at once, whatever it met before (400).
    Fatal,
    /// A wrong type: the first is told, in every mode (400).
    Type,
    /// An unknown field: all are told, under Strict as an error (400), under Warn as warnings.
    Unknown,
    /// A field that is there twice, likewise.
    Duplicate,
}

/// Something that is wrong with what was written.
#[derive(Debug, Clone)]
pub struct Problem {
    /// How it ends.
    pub kind: ProblemKind,
    /// What the server says of it.
    pub message: String,
    /// Where, in the document that was written.
    pub node: NodeId,
    /// What has the field not, where a field is unknown.
    pub of: Option<&'static Definition>,
}

/// Puts problems into the order in which the server meets them, and writes what is said of unknown fields. No more than
/// 100 of those are told (`saveStrictError`).
pub(crate) fn in_order<'d>(mut problems: Vec<Problem>, root: NodeRef<'d>) -> Vec<Problem> {
    let document = root.document();
    let mut ways: Vec<(Problem, Vec<Hop<'d>>)> = problems
        .drain(..)
        .map(|problem| (way(document.node(problem.node), root), problem))
        .map(swap)
        .collect();
    // what is unknown and what is there twice is met on one way
    let rank = |problem: &Problem| problem.kind.min(ProblemKind::Unknown);
    ways.sort_few_by(|(a, left), (b, right)| rank(a).cmp(&rank(b)).then_with(|| compare(left, right)));
    let mut told = HashSet::new();
    for (mut problem, way) in ways {
        let word = match problem.kind {
            ProblemKind::Unknown => "unknown",
            ProblemKind::Duplicate => "duplicate",
            ProblemKind::Fatal | ProblemKind::Type => {
                problems.push(problem);
                continue;
            }
        };
        problem.message = format!("{word} field {}", go_quote(&render(&way)));
        // each is told once, though it be there three times
        if told.len() < MOST && told.insert(problem.message.clone()) {
            problems.push(problem);
        }
    }
    problems
}

const MOST: usize = 100;

fn swap<'d>((way, problem): (Vec<Hop<'d>>, Problem)) -> (Problem, Vec<Hop<'d>>) {
    (problem, way)
}

/// A step from a value to one in it.
enum Hop<'d> {
    /// And which of the members of that name it is.
    Key(&'d str, NodeId),
    Index(usize),
}

fn way<'d>(node: NodeRef<'d>, root: NodeRef<'d>) -> Vec<Hop<'d>> {
    let mut way = Vec::new();
    let mut at = node;
    while at.id() != root.id() {
        way.push(at.key().map_or_else(|| Hop::Index(at.position()), |key| Hop::Key(key, at.id())));
        match at.parent() {
            Some(parent) => at = parent,
            None => break,
        }
    }
    way.reverse();
    way
}

fn compare(left: &[Hop<'_>], right: &[Hop<'_>]) -> Ordering {
    for pair in left.iter().zip(right) {
        let order = match pair {
            (Hop::Key(a, first), Hop::Key(b, second)) => a.cmp(b).then(first.cmp(second)),
            (Hop::Index(a), Hop::Index(b)) => a.cmp(b),
            _ => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

/// `spec.containers[0].image`, keys as they are.
fn render(way: &[Hop<'_>]) -> String {
    let mut out = String::new();
    for step in way {
        match step {
            Hop::Key(key, _) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            // writing to a String cannot fail
            Hop::Index(index) => drop(write!(out, "[{index}]")),
        }
    }
    out
}
