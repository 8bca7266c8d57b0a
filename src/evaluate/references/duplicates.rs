//! The same object twice: whichever is applied last wins.

use crate::evaluate::rule::{Sink, related};

use super::ask::{self, Ask};

/// So many other copies are shown; a folder of a thousand copies shall not make a million places.
const SHOWN: usize = 3;

pub(super) fn run(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let (name, (_, kind)) = (ask.name(), ask.kind());
    let twins = ask.subject.host.twins(SHOWN);
    if twins.count == 0 {
        return;
    }
    let node = ask.object().at("/metadata/name").unwrap_or(ask.object());
    let finding = sink.fault(node, format!("{kind} {name} is there {} times", twins.count + 1));
    let unseen = twins.count - twins.first.len();
    let last = twins.first.len().saturating_sub(1);
    for (at, other) in twins.first.into_iter().enumerate() {
        let message = match unseen {
            more @ 1.. if at == last => format!("and here, and {more} more"),
            _ => "and here".to_owned(),
        };
        finding.related.push(related(other, ask::name_node(other), message));
    }
}
