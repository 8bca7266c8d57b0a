//! The text of one document → a document tree with places, as kubectl would turn it into JSON.
//!
//! granit-parser reads the syntax and gives events; what they mean is decided here: which scalar is what
//! ([`super::scalar`]), which string a key becomes, what an alias and a merge key stand for ([`alias`]), and
//! where kubectl's parser (go-yaml v2) takes less or more than granit does ([`super::tolerance`]).
//! Nothing recurses; nesting, expansion of aliases and the number of nodes are bounded.
//!
//! ```text
//! events ─▶ Composer ─▶ Builder
//!    ▲          │ merge lists and anchors inside merged mappings are kept as events
//!    └─ replay ◀┘ and read again where they are meant
//! ```

mod alias;
mod comments;
mod error;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, ScalarStyle, StructureStyle, Tag};

use super::scalar::{self, CoreTag, JsonScalar, Resolved, Written};
use super::strictness::{Context, Strict, Watch};
use super::tolerance::{self, Hint, HintKind, Reading};
use crate::events::Events;
use crate::simple;
use document::{Builder, Document, Kind, LimitError, Limits, NodeId, Span};

use alias::{Anchor, Located, Replay};
pub use error::{ComposeError, Refusal};

/// Arrays and objects inside each other. kubectl allows 10,000; nobody means more than a dozen.
pub const DEPTH_LIMIT: usize = 1_000;

const YAML_TAGS: &str = "tag:yaml.org,2002:";

/// What a document may cost, in every format that manifests are read from.
pub const LIMITS: Limits = Limits { depth: DEPTH_LIMIT, nodes: 1 << 26 };

/// What is odd about a plain scalar, whether or not a string was meant there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// A boolean that YAML 1.2 reads as a string: `yes`, `off`, `n`.
    BooleanWord,
    /// A number that starts with a zero.
    LeadingZero,
    /// A number with a point or an exponent.
    Float,
    /// An integer beyond `i64`.
    BigInteger,
}

/// An odd scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remark {
    /// What is odd.
    pub oddity: Oddity,
    /// The value; for a key the value under it.
    pub node: NodeId,
    /// Where the scalar stands.
    pub span: Span,
    /// Whether the key is meant.
    pub is_key: bool,
}

/// A document as it was read.
#[derive(Debug)]
pub struct Composed<'a> {
    /// The document; `None` where there was nothing but comments, or `null`, which kubectl passes over.
    pub document: Option<Document<'a>>,
    /// Odd scalars.
    pub remarks: Vec<Remark>,
    /// Nodes that a merge key brought into their object, or that are a copy made for an alias: written
    /// elsewhere, so that what they hide, and what is odd about them, is no mistake of this place.
    pub implied: Implied,
    /// First byte of what follows the document without a separator; kubectl passes over it in silence.
    pub dropped: Option<usize>,
    /// The comments that were asked for: from the `#` to the end of the line.
    pub comments: Vec<Span>,
}

/// Which nodes were not written where they stand.
#[derive(Debug, Default)]
pub struct Implied {
    merged: HashSet<NodeId>,
    /// Copies, in the order of the tape.
    copies: Vec<Range<usize>>,
}

impl Implied {
    /// Whether the node came by a merge key or an alias.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        let at = self.copies.partition_point(|copy| copy.end <= node.index());
        self.merged.contains(&node) || self.copies.get(at).is_some_and(|copy| copy.contains(&node.index()))
    }
}

/// Reads the document in `range` of `text`, the text of a file.
///
/// # Errors
/// When kubectl would refuse it, or it goes over a limit.
pub fn compose(text: &str, range: Range<usize>) -> Result<Composed<'_>, Refusal> {
    compose_with_comments(text, range, |_| false)
}

/// The same with those comments that are asked for: what is given begins at a `#`, and goes on behind the comment.
///
/// # Errors
/// When kubectl would refuse the document, or it goes over a limit.
pub fn compose_with_comments(
    text: &str,
    range: Range<usize>,
    wanted: impl Fn(&str) -> bool,
) -> Result<Composed<'_>, Refusal> {
    let range = tolerance::body(text, range);
    if let Some(composed) = simple::read(text, range.clone()) {
        let comments = comments::wanted(&text[range.clone()], range.start, &wanted);
        return Ok(Composed { comments, ..composed });
    }
    read_all(text, range, &wanted)
}

/// The same for all of YAML.
pub(crate) fn read_all<'a>(
    text: &'a str,
    range: Range<usize>,
    wanted: &impl Fn(&str) -> bool,
) -> Result<Composed<'a>, Refusal> {
    let mut reading = Reading::of(text, range);
    loop {
        let Stop { refusal, hint, after } = match read(&reading) {
            Ok(composed) => {
                return Ok(Composed {
                    comments: comments::wanted(reading.input(), reading.start, wanted),
                    ..composed
                });
            }
            Err(stop) => *stop,
        };
        // A second look at what only granit refuses; `again` bounds how often.
        match hint.and_then(|hint| reading.again(hint, after)) {
            Some(next) => reading = next,
            None => return Err(refusal),
        }
    }
}

fn options() -> granit_parser::Options {
    granit_parser::options! {
        emit_comments: false,
        emit_anchor_events: true,
        disallow_directives: true,
        simple_key_max_lookahead: 1024,
        flow_nesting_limit: DEPTH_LIMIT,
        block_nesting_limit: DEPTH_LIMIT,
    }
}

/// Why reading stopped, and whether another reading may help.
struct Stop {
    refusal: Refusal,
    hint: Option<Hint>,
    /// Where the last value ended.
    after: usize,
}

fn read<'a>(reading: &Reading<'a>) -> Result<Composed<'a>, Box<Stop>> {
    let input = reading.input();
    let mut composer = Composer {
        reading,
        parser: Events::of(input, options()),
        builder: Builder::for_part(reading.text, input.len(), LIMITS).with_places(),
        frames: Vec::new(),
        anchors: Vec::new(),
        replay: Vec::new(),
        merge: false,
        watch: Watch::new(reading),
        parsed: 0,
        expanded: 0,
        last_end: reading.start,
        key_remark: None,
        remarks: Vec::new(),
        implied: Implied::default(),
    };
    let dropped = composer.run()?.or(reading.dropped);
    let Composer { builder, remarks, implied, .. } = composer;
    let root = (builder.node_count() > 0).then(|| builder.kind_of(NodeId::ROOT));
    let document = root.filter(|kind| *kind != Kind::Null).map(|_| builder.finish());
    Ok(Composed { document, remarks, implied, dropped, comments: Vec::new() })
}

/// An open mapping or sequence.
#[derive(Debug, Clone, Copy)]
struct Frame {
    shape: Shape,
    /// The anchor's number, or 0.
    anchor: usize,
    flow: bool,
    start: usize,
    /// Whether the next node is a key.
    key_next: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Mapping,
    Sequence,
    /// A mapping under `<<`: its members go into the mapping around it.
    Merged,
}

struct Composer<'r, 'a, 'p> {
    reading: &'r Reading<'a>,
    parser: Events<'p>,
    builder: Builder<'a>,
    frames: Vec<Frame>,
    anchors: Vec<Anchor<'p>>,
    replay: Vec<Replay<'p>>,
    /// Whether the next node is the value of a merge key.
    merge: bool,
    watch: Watch,
    /// Events of the parser; those that are read again do not count.
    parsed: usize,
    expanded: usize,
    /// Where the last scalar or flow collection ended, in the file.
    last_end: usize,
    key_remark: Option<(Oddity, Span)>,
    remarks: Vec<Remark>,
    implied: Implied,
}

impl<'p> Composer<'_, '_, 'p> {
    /// Reads one document. Gives the start of what follows it, where something does.
    fn run(&mut self) -> Result<Option<usize>, Box<Stop>> {
        loop {
            let Located { event, span } = match self.next() {
                Ok(Some(located)) => located,
                Ok(None) => return Ok(None),
                Err(stop) => return Err(stop),
            };
            match event {
                Event::DocumentEnd => return Ok(self.rest()),
                Event::StreamEnd => return Ok(None),
                event => {
                    let at = span.start;
                    self.node(event, span).map_err(|error| self.stop(at, error, None))?;
                }
            }
        }
    }

    fn stop(&self, at: usize, error: ComposeError, hint: Option<Hint>) -> Box<Stop> {
        Box::new(Stop { refusal: Refusal { at, error }, hint, after: self.last_end })
    }

    /// What the parser finds behind the document.
    fn rest(&mut self) -> Option<usize> {
        match self.next() {
            Ok(None) => None,
            Ok(Some(Located { event: Event::StreamEnd, .. })) => None,
            Ok(Some(located)) => match self.next() {
                Ok(Some(Located { event: Event::Scalar(..), span })) if span.is_empty() => None,
                Ok(Some(Located { span, .. })) => self.followed(span.start),
                Ok(None) => None,
                Err(_) => self.followed(located.span.start),
            },
            Err(stop) => self.followed(stop.refusal.at),
        }
    }

    /// The first byte of what follows the document, unless it is only blanks.
    fn followed(&self, at: usize) -> Option<usize> {
        let rest = self.reading.text.get(at..self.reading.end)?;
        Some(at + rest.find(|c: char| !c.is_whitespace())?)
    }

    fn next(&mut self) -> Result<Option<Located<'p>>, Box<Stop>> {
        if let Some(located) = self.replayed() {
            return Ok(Some(located));
        }
        let start = self.reading.start;
        match self.parser.next() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                self.parsed += 1;
                let tag = span.tag_span().and_then(|tag| tag.byte_range());
                let span = span.byte_range().unwrap_or_default();
                let span = start + span.start..start + span.end;
                let seen = self.watch.see(self.reading, &event, &span, self.context());
                seen.map_err(|Strict { at, error, hint }| self.stop(at, error, hint))?;
                let input = self.reading.input();
                if let Some(tag) = tag
                    && (input[tag.end..].starts_with(|c: char| !c.is_ascii_whitespace())
                        || input[tag.clone()].contains('#'))
                {
                    return Err(self.stop(start + tag.start, ComposeError::TagEnd, None));
                }
                Ok(Some(Located { event, span }))
            }
            Some(Err(error)) => {
                let at = start + error.marker().byte_offset().unwrap_or_default();
                let kind = error.kind().clone();
                let error = match kind {
                    ErrorKind::RecursionLimitExceeded => {
                        ComposeError::Limit(LimitError::Depth { limit: DEPTH_LIMIT })
                    }
                    ErrorKind::UnknownAnchor => ComposeError::UnknownAnchor,
                    ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => ComposeError::Tab,
                    _ => ComposeError::Syntax { message: kind.to_string() },
                };
                Err(self.stop(at, error, Some(Hint { at, kind: HintKind::Parser(kind) })))
            }
        }
    }

    fn context(&self) -> Context {
        let Some(frame) = self.frames.last() else { return Context { flow: false, key: false, block: None } };
        Context { flow: frame.flow, key: frame.key_next, block: (!frame.flow).then_some(frame.start) }
    }

    fn node(&mut self, event: Event<'p>, span: Range<usize>) -> Result<(), ComposeError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag.as_deref(), span),
            Event::MappingStart(style, anchor, _) => {
                self.begin(Shape::Mapping, style == StructureStyle::Flow, anchor, span)
            }
            Event::SequenceStart(style, anchor, _) => {
                self.begin(Shape::Sequence, style == StructureStyle::Flow, anchor, span)
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.end(span.end);
                Ok(())
            }
            Event::Alias(id) => self.alias(id, span),
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'p, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Range<usize>,
    ) -> Result<(), ComposeError> {
        if std::mem::take(&mut self.merge) {
            return Err(ComposeError::Merge);
        }
        let plain = style == ScalarStyle::Plain;
        // Nothing at all is given as `~` without an extent.
        let text = if plain && span.is_empty() { Cow::Borrowed("") } else { text };
        let text = self.reading.restore(text);
        let written = written(plain, tag);
        if self.key_next() && &*text == "<<" && is_merge(written, tag) {
            self.merge = true;
            return Ok(());
        }
        let span = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => self.reading.trim_end(span),
            _ => span,
        };
        if anchor != 0 {
            self.set_anchor(anchor, Anchor::Scalar(written, text.clone(), span.clone()));
        }
        self.last_end = self.last_end.max(span.end);
        self.value(written, &text, span)
    }

    /// A scalar, as a key or a value.
    fn value(&mut self, written: Written, text: &str, span: Range<usize>) -> Result<(), ComposeError> {
        if written == Written::Binary {
            let text = scalar::binary(text)?;
            return self.resolved(Resolved::String, &text, span, None);
        }
        let resolved = scalar::resolve(written, text)?;
        let oddity = if written == Written::Plain { oddity(resolved, text) } else { None };
        self.resolved(resolved, text, span, oddity)
    }

    fn resolved(
        &mut self,
        resolved: Resolved,
        text: &str,
        span: Range<usize>,
        oddity: Option<Oddity>,
    ) -> Result<(), ComposeError> {
        let place = place(&span)?;
        if self.key_next() {
            let key = resolved.to_key(text)?;
            match self.reading.borrowed(&key) {
                Some(range) => self.builder.borrowed_key(range, Some(place))?,
                None => self.builder.key(&key, Some(place))?,
            }
            self.key_remark = oddity.map(|oddity| (oddity, place));
            self.await_value();
            return Ok(());
        }
        let id = match resolved.to_json()? {
            JsonScalar::Null => self.builder.null()?,
            JsonScalar::Bool(value) => self.builder.bool(value)?,
            JsonScalar::Int(value) => self.builder.int(value)?,
            JsonScalar::Float(value) => self.builder.float(value)?,
            JsonScalar::String => match self.reading.borrowed(text) {
                Some(range) => self.builder.borrowed(range)?,
                None => self.builder.string(text)?,
            },
        };
        self.builder.place(id, place);
        if let Some(oddity) = oddity {
            self.remarks.push(Remark { oddity, node: id, span: place, is_key: false });
        }
        self.pushed(id);
        self.complete();
        Ok(())
    }

    fn begin(
        &mut self,
        shape: Shape,
        flow: bool,
        anchor: usize,
        span: Range<usize>,
    ) -> Result<(), ComposeError> {
        if self.key_next() && !self.merge {
            return Err(ComposeError::Key);
        }
        let span = match shape {
            // Where a list is not indented the event stands behind its first dash.
            Shape::Sequence if !flow => tolerance::from_dash(self.reading, span),
            _ => span,
        };
        let mut frame = Frame { shape, anchor, flow, start: span.start, key_next: shape == Shape::Mapping };
        if std::mem::take(&mut self.merge) {
            if shape == Shape::Sequence || anchor != 0 {
                return self.merge_later(shape, flow, anchor, span);
            }
            if self.frames.len() >= DEPTH_LIMIT {
                return Err(LimitError::Depth { limit: DEPTH_LIMIT }.into());
            }
            frame.shape = Shape::Merged;
            self.frames.push(frame);
            return Ok(());
        }
        let id = match shape {
            Shape::Sequence => self.builder.begin_array()?,
            _ => self.builder.begin_object()?,
        };
        self.pushed(id);
        if anchor != 0 {
            self.set_anchor(anchor, Anchor::Open);
        }
        self.frames.push(frame);
        Ok(())
    }

    fn end(&mut self, end: usize) {
        let Some(frame) = self.frames.pop() else { return };
        if frame.flow {
            self.last_end = self.last_end.max(end);
        }
        if frame.shape != Shape::Merged {
            let id = self.builder.end();
            // A block collection's end is the next token; its last child's end is its own.
            let end = if frame.flow { end } else { self.last_end.max(frame.start) };
            if let Ok(place) = place(&(frame.start..end)) {
                self.builder.place(id, place);
            }
            if frame.anchor != 0 {
                self.set_anchor(frame.anchor, Anchor::Node(id));
            }
        }
        self.complete();
    }

    fn key_next(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.key_next)
    }

    fn await_value(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.key_next = false;
        }
    }

    /// A value was pushed into the innermost collection.
    fn pushed(&mut self, id: NodeId) {
        if let Some((oddity, span)) = self.key_remark.take() {
            self.remarks.push(Remark { oddity, node: id, span, is_key: true });
        }
        if self.frames.last().is_some_and(|frame| frame.shape == Shape::Merged) {
            self.implied.merged.insert(id);
        }
    }

    /// A value is complete, so a mapping around it comes to its next key.
    fn complete(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.key_next = frame.shape != Shape::Sequence;
        }
    }
}

fn written(plain: bool, tag: Option<&Tag>) -> Written {
    match tag {
        None if plain => Written::Plain,
        None => Written::Quoted,
        Some(tag) => match tag.suffix_in_namespace(YAML_TAGS).as_deref() {
            Some("binary") => Written::Binary,
            Some(suffix) => CoreTag::of(suffix).map_or(Written::ForeignTag, Written::Tagged),
            None => Written::ForeignTag,
        },
    }
}

/// go-yaml's `isMerge`: a plain `<<`, or one with `!` or `!!merge`.
fn is_merge(written: Written, tag: Option<&Tag>) -> bool {
    match tag {
        None => written == Written::Plain,
        Some(tag) => tag.suffix_in_namespace(YAML_TAGS).as_deref() == Some("merge") || tag.original() == "!",
    }
}

pub(crate) fn oddity(resolved: Resolved, text: &str) -> Option<Oddity> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
    let leading_zero = matches!(digits, [b'0', b'0'..=b'9' | b'_', ..]);
    match resolved {
        // `true` and `false` are the long ones.
        Resolved::Bool(_) => (text.len() < 4).then_some(Oddity::BooleanWord),
        Resolved::Int(_) => leading_zero.then_some(Oddity::LeadingZero),
        Resolved::Uint(_) => Some(Oddity::BigInteger),
        Resolved::Float(_) => Some(if digits.iter().all(|b| b.is_ascii_digit() || *b == b'_') {
            if leading_zero { Oddity::LeadingZero } else { Oddity::BigInteger }
        } else {
            Oddity::Float
        }),
        Resolved::Null | Resolved::String => None,
    }
}

pub(crate) fn place(span: &Range<usize>) -> Result<Span, LimitError> {
    match (u32::try_from(span.start), u32::try_from(span.end)) {
        (Ok(start), Ok(end)) if end < u32::MAX => Ok(Span { start, end }),
        _ => Err(LimitError::Size),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "compose/tests.rs"]
mod tests;
