//! Comments, as the scanner of the YAML finds them: a `#` in a string or a block scalar is none.
//!
//! They are no part of a document, so they are looked for on a way of their own, and only in a text where there may be one.

use document::Span;
use granit_parser::Event;

use super::options;
use crate::events::Events;

/// Where the comments that are wanted stand in the file, `#` included, line break not. `start` is where `input` begins there.
pub(super) fn wanted(input: &str, start: usize, is_wanted: &impl Fn(&str) -> bool) -> Vec<Span> {
    let mut found = Vec::new();
    // most texts are read once: no sign begins such a comment, in a string or not
    if !memchr::memchr_iter(b'#', input.as_bytes()).any(|at| is_wanted(&input[at..])) {
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
        if let (true, (Ok(start), Ok(end))) = (is_wanted(text), place) {
            found.push(Span { start, end });
        }
    }
    found
}
