//! The events of a YAML text in memory, as granit-parser gives them.
//!
//! granit's parser is generic over its input; here it is used once, over `&str`.

use granit_parser::{Event, Options, Parser, ScanError, Span, StrInput};

/// An event and where it stands, or why there is none.
pub(crate) type Read<'a> = Result<(Event<'a>, Span), ScanError>;

/// The events of a text, one after the other.
pub(crate) struct Events<'a>(Parser<'a, StrInput<'a>>);

impl<'a> Events<'a> {
    /// Nothing is read yet.
    pub(crate) fn of(text: &'a str, options: Options) -> Self {
        Self(Parser::new_from_str_with_options(text, options))
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Read<'a>;

    fn next(&mut self) -> Option<Read<'a>> {
        self.0.next_event()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_stand_where_they_were_written() {
        let text = "a: [b]\n";
        let scalars: Vec<_> = Events::of(text, Options::default())
            .map_while(Result::ok)
            .filter(|(event, _)| matches!(event, Event::Scalar(..)))
            .filter_map(|(_, span)| text.get(span.byte_range()?))
            .collect();
        assert_eq!(scalars, ["a", "b"]);
        assert!(Events::of("[", Options::default()).any(|event| event.is_err()));
    }
}
