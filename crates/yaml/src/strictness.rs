//! What granit-parser takes, and kubectl's YAML parser (go-yaml v2, a port of libyaml) refuses.
//!
//! Events do not tell how a value was written, so each is held against the source it came from, and so is
//! the gap between it and the last. The other direction is [`super::tolerance`].

use std::ops::Range;

use granit_parser::{Event, ScalarStyle, StructureStyle};

use super::compose::ComposeError;
use super::tolerance::{Hint, HintKind, Reading};

/// What kubectl does not take.
#[derive(Debug)]
pub(super) struct Strict {
    /// Byte of the file.
    pub(super) at: usize,
    pub(super) error: ComposeError,
    pub(super) hint: Option<Hint>,
}

/// Where in its document an event stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// Inside of brackets.
    pub(super) flow: bool,
    /// Where the next node is a key.
    pub(super) key: bool,
    /// Where the innermost block collection begins, in the file.
    pub(super) block: Option<usize>,
}

/// Goes along with the events of one document.
#[derive(Debug)]
pub(super) struct Watch {
    /// Where the last token ended, in the file.
    at: usize,
    before: Before,
}

impl Watch {
    pub(super) fn new(reading: &Reading<'_>) -> Self {
        Self { at: reading.start, before: Before::Line }
    }

    /// Looks at an event and at what stands before it.
    pub(super) fn see(
        &mut self,
        reading: &Reading<'_>,
        event: &Event<'_>,
        span: &Range<usize>,
        context: Context,
    ) -> Result<(), Strict> {
        let input = reading.input();
        let raw = part(reading, span);
        let strict = |at, error| Strict { at, error, hint: None };
        match event {
            // Nothing was written: what follows belongs to the gap.
            Event::Scalar(..) if span.is_empty() => {}
            Event::Scalar(text, style, ..) => {
                self.gap(reading, span.start, context)?;
                let rest = input.get(span.end - reading.start..).unwrap_or_default();
                if context.flow {
                    let before = input.get(..span.start - reading.start).unwrap_or_default();
                    check_flow((before, raw, rest), *style, context, span)?;
                }
                if *style == ScalarStyle::DoubleQuoted && raw.len() != text.len() + 2 {
                    check_escapes(raw).map_err(|error| strict(span.start, error))?;
                }
                self.at = span.end;
                self.before = match style {
                    ScalarStyle::Plain => Before::Plain { indent: indent(reading, context) },
                    ScalarStyle::Literal | ScalarStyle::Folded => {
                        self.block(reading, span)?;
                        Before::Line
                    }
                    _ => Before::Token,
                };
            }
            Event::Alias(_) => {
                self.gap(reading, span.start, context)?;
                let after = input.get(span.end - reading.start..).unwrap_or_default();
                check_name(raw.trim_start_matches('*'), after).map_err(|error| strict(span.start, error))?;
                (self.at, self.before) = (span.end, Before::Token);
            }
            Event::Anchor(_, name) => {
                let after = input.get(span.end - reading.start..).unwrap_or_default();
                check_name(name, after).map_err(|error| strict(span.start, error))?;
            }
            Event::MappingStart(StructureStyle::Flow, ..)
            | Event::SequenceStart(StructureStyle::Flow, ..) => {
                self.gap(reading, span.start, context)?;
                (self.at, self.before) = (span.end, Before::Token);
            }
            Event::MappingEnd | Event::SequenceEnd if context.flow => {
                (self.at, self.before) = (self.at.max(span.end), Before::Token);
            }
            Event::DocumentEnd | Event::StreamEnd => self.gap(reading, reading.end, context)?,
            _ => {}
        }
        Ok(())
    }

    /// The text between the last token and byte `to`.
    fn gap(&self, reading: &Reading<'_>, to: usize, context: Context) -> Result<(), Strict> {
        if !reading.has_tabs || context.flow {
            return Ok(());
        }
        check_tabs(part(reading, &(self.at..to)), self.before).map_err(|at| tab(self.at + at))
    }

    fn block(&self, reading: &Reading<'_>, span: &Range<usize>) -> Result<(), Strict> {
        if !reading.has_tabs {
            return Ok(());
        }
        let line = line_start(reading, span.start);
        check_block_tabs(part(reading, &(line..span.end))).map_err(|at| tab(line + at))
    }
}

fn tab(at: usize) -> Strict {
    Strict { at, error: ComposeError::Tab, hint: None }
}

fn part<'r>(reading: &'r Reading<'_>, span: &Range<usize>) -> &'r str {
    let within = span.start.checked_sub(reading.start).zip(span.end.checked_sub(reading.start));
    within.and_then(|(start, end)| reading.input().get(start..end)).unwrap_or_default()
}

fn line_start(reading: &Reading<'_>, at: usize) -> usize {
    let before = part(reading, &(reading.start..at));
    at - before.len() + before.rfind(['\n', '\r']).map_or(0, |found| found + 1)
}

/// How far lines must be indented to go on with a plain scalar.
fn indent(reading: &Reading<'_>, context: Context) -> usize {
    match context.block {
        Some(at) if reading.has_tabs => part(reading, &(line_start(reading, at)..at)).chars().count() + 1,
        _ => 0,
    }
}

/// Inside of brackets libyaml takes `?` for an indicator wherever it stands and `:` at the start of a
/// scalar, lets a colon end a plain scalar only before a blank, and wants a key on one line.
fn check_flow(
    (before, raw, rest): (&str, &str, &str),
    style: ScalarStyle,
    context: Context,
    span: &Range<usize>,
) -> Result<(), Strict> {
    let refuse = |indicator, hint| {
        Err(Strict { at: span.start, error: ComposeError::FlowIndicator { indicator }, hint })
    };
    if style == ScalarStyle::Plain {
        if raw.contains('?') {
            return refuse('?', None);
        }
        if raw.starts_with(':') {
            return refuse(':', None);
        }
        if rest.strip_prefix(':').is_some_and(|rest| rest.starts_with([',', '[', ']', '{', '}'])) {
            return refuse(':', Some(Hint { at: span.end, kind: HintKind::ColonInFlow }));
        }
    }
    // `?` in front makes a key that may go over lines.
    let colon = rest.trim_start();
    let lines = raw.contains(['\n', '\r']) || rest[..rest.len() - colon.len()].contains(['\n', '\r']);
    let explicit = || before.trim_end().ends_with('?');
    if context.key && lines && colon.starts_with(':') && !explicit() {
        return Err(Strict { at: span.start, error: ComposeError::LongKey, hint: None });
    }
    Ok(())
}

/// Names of anchors are of letters, digits, `_` and `-`, and only some indicators may follow them.
fn check_name(name: &str, after: &str) -> Result<(), ComposeError> {
    let ends = after.chars().next().is_none_or(|c| c.is_whitespace() || "?:,]}%@`".contains(c));
    if ends && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
        return Ok(());
    }
    Err(ComposeError::AnchorName { name: name.to_owned() })
}

/// What stands before a gap between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing, or a block scalar: a line begins.
    Line,
    /// A quoted scalar, an alias, the end of a flow collection.
    Token,
    /// A plain scalar inside of block collections of this indentation.
    Plain {
        /// Columns that a continuation of the scalar needs.
        indent: usize,
    },
}

/// Refuses tabs where libyaml does not take them: where a line, or a block entry, begins.
/// Gives the place of the first.
fn check_tabs(gap: &str, before: Before) -> Result<(), usize> {
    let mut rest = gap;
    if let Before::Plain { indent } = before {
        // The scanner of plain scalars eats the blanks behind them, lines of blanks included.
        let blanks = gap.find(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).unwrap_or(gap.len());
        let mut column = None;
        for (at, c) in gap[..blanks].char_indices() {
            match (c, column) {
                ('\r' | '\n', _) => column = Some(0),
                ('\t', Some(column)) if column < indent => return Err(at),
                (_, Some(before)) => column = Some(before + 1),
                (_, None) => {}
            }
        }
        rest = &gap[blanks..];
        if column.is_some() {
            return line_tabs(rest, true).map_err(|at| blanks + at);
        }
    }
    line_tabs(rest, before == Before::Line).map_err(|at| gap.len() - rest.len() + at)
}

fn line_tabs(gap: &str, line_begins: bool) -> Result<(), usize> {
    let mut begins = line_begins;
    let mut chars = gap.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let blank_follows = chars.peek().is_none_or(|(_, next)| next.is_ascii_whitespace());
        match c {
            '\t' if begins => return Err(at),
            '\n' | '\r' => begins = true,
            '#' => while chars.next_if(|(_, c)| !matches!(c, '\n' | '\r')).is_some() {},
            '-' | '?' if blank_follows => begins = true,
            '!' | '&' => {
                begins = false;
                while chars.next_if(|(_, c)| !c.is_ascii_whitespace()).is_some() {}
            }
            ' ' | '\t' | ':' | '-' | '?' => {}
            // A block scalar, or the end of the document.
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// How deep the lines of a block scalar are, by the first that has content; and the first tab before that
/// depth on a line of blanks, which libyaml refuses.
fn check_block_tabs(block: &str) -> Result<(), usize> {
    let indent = block
        .lines()
        .find(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len());
    let Some(indent) = indent else { return Ok(()) };
    let mut at = 0;
    for line in block.split_inclusive('\n') {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        if spaces < indent && line[spaces..].starts_with('\t') {
            return Err(at + spaces);
        }
        at += line.len();
    }
    Ok(())
}

/// Refuses the escapes of YAML 1.2 that YAML 1.1 has not: `\/`, and halves of characters beyond 16 bits.
fn check_escapes(raw: &str) -> Result<(), ComposeError> {
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at + 1..];
        let surrogate = escape
            .strip_prefix('u')
            .and_then(|hex| hex.get(..4))
            .and_then(|hex| u16::from_str_radix(hex, 16).ok())
            .is_some_and(|code| (0xD800..0xE000).contains(&code));
        if escape.starts_with('/') || surrogate {
            let len = if surrogate { 6 } else { 2 };
            return Err(ComposeError::Escape { escape: rest[at..at + len].to_owned() });
        }
        rest = &escape[escape.chars().next().map_or(0, char::len_utf8)..];
    }
    Ok(())
}
