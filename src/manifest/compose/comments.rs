//! Comments that speak to this program, as the scanner of the YAML finds them: a `#` in a string or a block scalar is none.
//!
//! Comments are no part of a document, so they are looked for on a way of their own, and only in a text where there may be one.

use granit_parser::Event;
use yaml_events::Events;

use super::options;
use crate::document::Span;

/// The word by which a comment speaks to this program.
pub(crate) const WORD: &str = "plimsoll";

/// Where such comments stand in the file, `#` included, line break not. `start` is where `input` begins there.
pub(super) fn addressed(input: &str, start: usize) -> Vec<Span> {
    let mut found = Vec::new();
    // most texts are read once: no sign begins such a comment, in a string or not
    if !input.match_indices('#').any(|(at, _)| is_addressed(&input[at..])) {
        return found;
    }
    let mut options = options();
    options.emit_comments = true;
    // as many as there are: they are not kept
    options.max_buffered_comment_events = usize::MAX;
    for event in Events::of(input, options) {
        // what cannot be read was told, or is passed over by kubectl
        let Ok((event, span)) = event else { break };
        let Some(range) = span.byte_range().filter(|_| matches!(event, Event::Comment(..))) else { continue };
        let Some(text) = input.get(range.clone()) else { continue };
        let place =
            (u32::try_from(start + range.start), u32::try_from(start + range.start + text.trim_end().len()));
        if let (true, (Ok(start), Ok(end))) = (is_addressed(text), place) {
            found.push(Span { start, end });
        }
    }
    found
}

/// Whether a comment begins with the word.
pub(crate) fn is_addressed(comment: &str) -> bool {
    let text = comment.trim_start_matches('#').trim_start();
    text.get(..WORD.len()).is_some_and(|start| start.eq_ignore_ascii_case(WORD))
}
