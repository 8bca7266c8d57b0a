//! The text of one document → a document tree with places, as kubectl would turn it into JSON.
//!
//! granit-parser reads the syntax and gives events; what they mean is decided here: which scalar is what
//! ([`super::scalar`]), which string a key becomes, what an alias and a merge key (`<<`) stand for, and
//! where kubectl's parser (go-yaml v2) takes less or more than granit does ([`super::tolerance`]).
//! Nothing recurses; nesting, expansion of aliases and the number of nodes are bounded.
//!
//! ```text
//! events ─▶ Composer ─▶ Builder
//!    ▲          │ merge lists and anchors inside merged mappings are kept as events
//!    └─ replay ◀┘ and read again where they are meant
//! ```

mod comments;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, StrInput, StructureStyle, Tag};

use super::scalar::{self, CoreTag, JsonScalar, Resolved, ScalarError, Written};
use super::strictness::{Context, Strict, Watch};
use super::tolerance::{self, Hint, HintKind, Reading};
use crate::document::{Builder, Document, Kind, LimitError, Limits, NodeId, Span};

pub(crate) use comments::{WORD, is_addressed};

/// Arrays and objects inside each other. kubectl allows 10,000; nobody means more than a dozen.
pub const DEPTH_LIMIT: usize = 1_000;

const YAML_TAGS: &str = "tag:yaml.org,2002:";

/// Aliases may make a document this many times as large as it was written …
const EXPANSION_FACTOR: usize = 10;
/// … and this many nodes larger on top.
const EXPANSION_FREE: usize = 10_000;

/// What a document may cost, in every format that manifests are read from.
pub(super) const LIMITS: Limits = Limits { depth: DEPTH_LIMIT, nodes: 1 << 26 };

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// It is not YAML.
    #[error("{message}")]
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// Text after the dashes of a separator, other than a comment.
    #[error("invalid document separator: only a comment may follow '---'")]
    Separator,
    /// An escape that YAML 1.1 does not have, or not in this way.
    #[error("kubectl knows no escape {escape}")]
    Escape {
        /// As it stands in the text.
        escape: String,
    },
    /// A tab where a line or a block entry begins.
    #[error("a tab cannot be used for indentation: use spaces")]
    Tab,
    /// A character that is an indicator to kubectl and none to others.
    #[error("inside brackets kubectl takes {indicator:?} for an indicator; quote the text")]
    FlowIndicator {
        /// As it stands in the text.
        indicator: char,
    },
    /// A key inside of brackets that goes over several lines.
    #[error("a key must be on one line")]
    LongKey,
    /// An anchor or alias that others accept.
    #[error("kubectl takes only letters, digits, '_' and '-' in the name of an anchor, not {name:?}")]
    AnchorName {
        /// As written.
        name: String,
    },
    /// A tag that goes on where kubectl expects a blank.
    #[error("a blank must follow a tag")]
    TagEnd,
    /// More nesting than [`DEPTH_LIMIT`], or more nodes than any document may have.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A bomb, or close to it.
    #[error("document contains excessive aliasing: more than {limit} values come from aliases")]
    Aliasing {
        /// How many the document may have, for its size.
        limit: usize,
    },
    /// An alias inside the value that it stands for.
    #[error("the value of an anchor contains itself")]
    SelfReference,
    /// An alias without an anchor before it.
    #[error("unknown anchor")]
    UnknownAnchor,
    /// A scalar that has no place in JSON.
    #[error(transparent)]
    Scalar(#[from] ScalarError),
    /// A list or mapping as a key.
    #[error("a key must be a scalar")]
    Key,
    /// `<<` with something else than a mapping or a list of mappings.
    #[error("a merge key needs a mapping or a list of mappings")]
    Merge,
}

/// A refusal and where in the file it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Byte of the file.
    pub at: usize,
    /// Why.
    pub error: ComposeError,
}

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
    /// Comments that speak to this program.
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
    let range = tolerance::body(text, range);
    let mut reading = Reading::of(text, range);
    loop {
        let Stop { refusal, hint, after } = match read(&reading) {
            Ok(composed) => {
                return Ok(Composed {
                    comments: comments::addressed(reading.input(), reading.start),
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
        parser: Parser::new_from_str_with_options(input, options()),
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

/// What an alias stands for.
#[derive(Debug, Clone)]
enum Anchor<'p> {
    Unknown,
    /// The value is still being read.
    Open,
    Node(NodeId),
    Scalar(Written, Cow<'p, str>, Range<usize>),
    /// Inside of what a merge key merges, where no node is made.
    Events(Rc<Vec<Located<'p>>>, Range<usize>),
}

#[derive(Debug, Clone)]
struct Located<'p> {
    event: Event<'p>,
    span: Range<usize>,
}

/// Events to be read before those of the parser.
#[derive(Debug)]
struct Replay<'p> {
    events: Rc<Vec<Located<'p>>>,
    /// What is left to be read.
    range: Range<usize>,
    /// Whether the first node is the value of a merge key.
    merge: bool,
}

struct Composer<'r, 'a, 'p> {
    reading: &'r Reading<'a>,
    parser: Parser<'p, StrInput<'p>>,
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
        while let Some(replay) = self.replay.last_mut() {
            if let Some(at) = replay.range.next() {
                self.merge |= std::mem::take(&mut replay.merge);
                let mut located = replay.events[at].clone();
                forget_anchor(&mut located.event);
                return Ok(Some(located));
            }
            self.replay.pop();
        }
        let start = self.reading.start;
        match self.parser.next_event() {
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

    fn alias(&mut self, id: usize, span: Range<usize>) -> Result<(), ComposeError> {
        self.last_end = self.last_end.max(span.end);
        let anchor = self.anchors.get(id).cloned().unwrap_or(Anchor::Unknown);
        let merge = std::mem::take(&mut self.merge);
        match anchor {
            Anchor::Unknown => Err(ComposeError::UnknownAnchor),
            Anchor::Open => Err(ComposeError::SelfReference),
            Anchor::Node(node) if merge => self.merge_node(node),
            Anchor::Node(_) if self.key_next() => Err(ComposeError::Key),
            Anchor::Node(node) => {
                let copy = self.copy(node)?;
                self.pushed(copy);
                self.complete();
                Ok(())
            }
            Anchor::Scalar(..) if merge => Err(ComposeError::Merge),
            Anchor::Scalar(written, text, at) => {
                self.expand(1)?;
                let before = self.builder.node_count();
                let remarks = self.remarks.len();
                self.value(written, &text, at)?;
                // What is odd about it is said where it is written.
                self.remarks.truncate(remarks);
                self.key_remark = None;
                if self.builder.node_count() > before {
                    self.implied.copies.push(before..before + 1);
                }
                Ok(())
            }
            Anchor::Events(events, range) => {
                let mapping = matches!(events[range.start].event, Event::MappingStart(..));
                if merge && !mapping {
                    return Err(ComposeError::Merge);
                }
                self.expand(range.len())?;
                self.replay.push(Replay { events, range, merge });
                Ok(())
            }
        }
    }

    /// Copies a value that an alias stands for.
    fn copy(&mut self, node: NodeId) -> Result<NodeId, ComposeError> {
        let len = self.builder.subtree_len(node);
        self.expand(len)?;
        let copy = self.builder.copy_subtree(node)?;
        self.implied.copies.push(copy.index()..copy.index() + len);
        Ok(copy)
    }

    /// The members of a mapping into the one around, as if they were written here.
    fn merge_node(&mut self, node: NodeId) -> Result<(), ComposeError> {
        if self.builder.kind_of(node) != Kind::Object {
            return Err(ComposeError::Merge);
        }
        for member in self.builder.children_of(node) {
            self.builder.same_key(member);
            self.copy(member)?;
        }
        Ok(())
    }

    /// Keeps the events of what a merge key merges, where they cannot be read in order: of a list the
    /// first mapping wins, so it has to come last, and an anchor has no node here to stand for.
    fn merge_later(
        &mut self,
        shape: Shape,
        flow: bool,
        anchor: usize,
        span: Range<usize>,
    ) -> Result<(), ComposeError> {
        let style = if flow { StructureStyle::Flow } else { StructureStyle::Block };
        let first = match shape {
            Shape::Sequence => Event::SequenceStart(style, anchor, None),
            _ => Event::MappingStart(style, anchor, None),
        };
        let events = Rc::new(self.collect(Located { event: first, span })?);
        let extents = extents(&events);
        for (located, extent) in events.iter().zip(&extents) {
            let id = match &located.event {
                Event::Scalar(_, _, id, _)
                | Event::MappingStart(_, id, _)
                | Event::SequenceStart(_, id, _) => *id,
                _ => 0,
            };
            if id != 0 {
                self.set_anchor(id, Anchor::Events(Rc::clone(&events), extent.clone()));
            }
        }
        if shape == Shape::Mapping {
            let range = 0..events.len();
            self.replay.push(Replay { events, range, merge: true });
            return Ok(());
        }
        let mut at = 1;
        while at + 1 < events.len() {
            let range = extents[at].clone();
            if !matches!(events[at].event, Event::MappingStart(..) | Event::Alias(_)) {
                return Err(ComposeError::Merge);
            }
            at = range.end;
            // The last item goes on top, so it is read first.
            self.replay.push(Replay { events: Rc::clone(&events), range, merge: true });
        }
        Ok(())
    }

    /// The events of a collection that has just begun. Counted as expansion: they are read twice.
    fn collect(&mut self, first: Located<'p>) -> Result<Vec<Located<'p>>, ComposeError> {
        let mut events = vec![first];
        let mut depth = 1;
        while depth > 0 {
            let located = match self.next() {
                Ok(Some(located)) => located,
                Ok(None) => return Err(ComposeError::Merge),
                Err(stop) => return Err(stop.refusal.error),
            };
            match located.event {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => {
                    depth -= 1;
                    self.last_end = self.last_end.max(located.span.start);
                }
                _ => self.last_end = self.last_end.max(located.span.end),
            }
            self.expand(1)?;
            if !matches!(located.event, Event::Anchor(..)) {
                events.push(located);
            }
        }
        Ok(events)
    }

    fn expand(&mut self, nodes: usize) -> Result<(), ComposeError> {
        self.expanded += nodes;
        let limit = EXPANSION_FACTOR * self.parsed + EXPANSION_FREE;
        if self.expanded > limit { Err(ComposeError::Aliasing { limit }) } else { Ok(()) }
    }

    fn set_anchor(&mut self, id: usize, anchor: Anchor<'p>) {
        if self.anchors.len() <= id {
            self.anchors.resize(id + 1, Anchor::Unknown);
        }
        self.anchors[id] = anchor;
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

/// The extent of the node that begins at each event.
fn extents(events: &[Located<'_>]) -> Vec<Range<usize>> {
    let mut extents: Vec<Range<usize>> = (0..events.len()).map(|at| at..at + 1).collect();
    let mut open = Vec::new();
    for (at, located) in events.iter().enumerate() {
        match located.event {
            Event::MappingStart(..) | Event::SequenceStart(..) => open.push(at),
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(start) = open.pop() {
                    extents[start].end = at + 1;
                }
            }
            _ => {}
        }
    }
    extents
}

fn forget_anchor(event: &mut Event<'_>) {
    if let Event::Scalar(_, _, id, _) | Event::MappingStart(_, id, _) | Event::SequenceStart(_, id, _) = event
    {
        *id = 0;
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

fn oddity(resolved: Resolved, text: &str) -> Option<Oddity> {
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

fn place(span: &Range<usize>) -> Result<Span, LimitError> {
    match (u32::try_from(span.start), u32::try_from(span.end)) {
        (Ok(start), Ok(end)) if end < u32::MAX => Ok(Span { start, end }),
        _ => Err(LimitError::Size),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "compose/tests.rs"]
mod tests;
