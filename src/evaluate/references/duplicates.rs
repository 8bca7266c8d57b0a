//! The same object twice: whichever is applied last wins.

use crate::evaluate::rule::{Sink, related};
use crate::host::{HostObject, ObjectKey};

use super::ask::{self, Ask};

pub(super) fn run(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let name = ask.name();
    if name.is_empty() {
        return;
    }
    let (group, kind) = ask.kind();
    let key = ObjectKey { group, kind, namespace: namespace(ask), name };
    let twins = ask.subject.host.twins(key);
    let object = ask.object();
    let same = |twin: &HostObject<'_>| {
        std::ptr::eq(twin.root.document(), object.document()) && twin.root.id() == object.id()
    };
    // a mutated object is a copy, told by where it was written
    let own =
        twins.iter().position(same).or_else(|| twins.iter().position(|t| t.root.span() == object.span()));
    let others: Vec<_> =
        twins.iter().enumerate().filter(|(at, _)| Some(*at) != own).map(|(_, t)| *t).collect();
    if others.is_empty() {
        return;
    }
    let node = object.at("/metadata/name").unwrap_or(object);
    let finding = sink.fault(node, format!("{kind} {name} is there {} times", twins.len()));
    for other in others.into_iter().take(10) {
        finding.related.push(related(other, ask::name_node(other), "and here".to_owned()));
    }
}

/// A Namespace's request is in the namespace that it is about; the object is in none.
fn namespace<'r>(ask: &Ask<'_, 'r>) -> &'r str {
    if ask.kind() == ("", "Namespace") { "" } else { ask.namespace() }
}
