//! The same object more than once: whichever is applied last wins.

use crate::check::subject::{Sink, related};
use crate::host::Twins;

use super::ask::{self, Ask};

/// So many other copies are shown; a folder of a thousand copies shall not make a million places.
const SHOWN: usize = 3;

/// In one file, or in the files of one kustomization: these are applied together.
pub(super) fn together(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    told(ask, ask.subject.host.twins(SHOWN), "", sink);
}

/// In several files of a folder, which may be alternatives of each other.
pub(super) fn in_folder(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    told(ask, ask.subject.host.neighbours(SHOWN), " in files of this folder", sink);
}

fn told(ask: &Ask<'_, '_>, twins: Twins<'_>, place: &str, sink: &mut Sink<'_>) {
    let (name, (_, kind)) = (ask.name(), ask.kind());
    if twins.count == 0 {
        return;
    }
    let node = ask.object().at("/metadata/name").unwrap_or(ask.object());
    let finding = sink.fault(node, format!("{kind} {name} is defined {} times{place}", twins.count + 1));
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
