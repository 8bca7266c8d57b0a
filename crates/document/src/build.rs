//! Building a document: what the JSON and YAML readers push into.

mod copy;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::{
    Document, HAS_KEY, Kind, MOST_NODES, Node, NodeId, OWNED, Origins, Places, SHADOWED, Source, Span, Text,
    room,
};

/// What a document may cost. Reading stops with a [`LimitError`] at the first limit it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Arrays and objects inside each other; the outermost counts as 1.
    pub depth: usize,
    /// Values of every kind, after aliases are expanded.
    pub nodes: usize,
}

impl Default for Limits {
    /// 127 levels, what `serde_json` reads and writes by default; 64 Mi nodes, 2 GiB of tape.
    fn default() -> Self {
        Self { depth: 127, nodes: 1 << 26 }
    }
}

/// A limit that a document went over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// More nesting than [`Limits::depth`].
    #[error("nested more than {limit} levels deep")]
    Depth {
        /// [`Limits::depth`].
        limit: usize,
    },
    /// More values than [`Limits::nodes`].
    #[error("more than {limit} values")]
    Nodes {
        /// [`Limits::nodes`].
        limit: usize,
    },
    /// The text is too large for 31-bit positions.
    #[error("larger than 2 GiB")]
    Size,
}

/// Makes a [`Document`], one value at a time, in the order of the text.
///
/// Inside an object every value is preceded by [`Builder::key`]. A value is given its place with
/// [`Builder::place`] right after it was pushed, a container also at its end.
#[derive(Debug)]
pub struct Builder<'a> {
    limits: Limits,
    source: Source<'a>,
    owned: String,
    nodes: Vec<Node>,
    places: Places,
    with_places: bool,
    origins: Origins,
    open: Vec<u32>,
    key: Option<(Text, Span)>,
    /// Whether `owned` begins with that of the document of which this is a version.
    continues: bool,
}

impl<'a> Builder<'a> {
    /// A builder of a document that borrows from `text`.
    #[must_use]
    pub fn new(text: &'a str, limits: Limits) -> Self {
        Self::with_source(Source::Borrowed(text), limits)
    }

    /// As [`Builder::new`], for a document that only `bytes` of the text are about.
    #[must_use]
    pub fn for_part(text: &'a str, bytes: usize, limits: Limits) -> Self {
        Self::in_room(Source::Borrowed(text), nodes_of(bytes), limits)
    }

    pub(super) fn with_source(source: Source<'a>, limits: Limits) -> Self {
        let nodes = nodes_of(source.as_str().len());
        Self::sized(source, nodes, limits)
    }

    fn sized(source: Source<'a>, nodes: usize, limits: Limits) -> Self {
        Self::of_nodes(source, Vec::with_capacity(nodes), limits)
    }

    /// For one of many documents: in the room that the last of this thread has left, which may be too large. Who keeps it for
    /// long [shrinks](Document::shrunk) it.
    fn in_room(source: Source<'a>, nodes: usize, limits: Limits) -> Self {
        Self::of_nodes(source, room::nodes(nodes), limits)
    }

    fn of_nodes(source: Source<'a>, nodes: Vec<Node>, limits: Limits) -> Self {
        Self {
            limits,
            source,
            owned: String::new(),
            nodes,
            places: Places::default(),
            with_places: false,
            origins: Origins::default(),
            open: Vec::with_capacity(16),
            key: None,
            continues: false,
        }
    }

    /// A builder of a new version of `document`: the same text, so that nodes can be copied with their places.
    #[must_use]
    pub fn of_version(document: &Document<'a>, limits: Limits) -> Self {
        let nodes = document.nodes.len();
        let builder = Self::sized(document.source.clone(), nodes, limits);
        let mut builder = builder.with_places_as_in(document, Vec::with_capacity, nodes);
        builder.owned.clone_from(&document.owned);
        builder.continues = true;
        builder
    }

    /// As [`Builder::of_version`], for a document of about so many nodes that has only a part of the other: an item of a list.
    #[must_use]
    pub fn of_part(document: &Document<'a>, nodes: usize, limits: Limits) -> Self {
        let builder = Self::in_room(document.source.clone(), nodes, limits);
        builder.with_places_as_in(document, room::places, nodes)
    }

    /// Keeps places where another document has some.
    fn with_places_as_in(
        mut self,
        document: &Document<'a>,
        room: impl FnOnce(usize) -> Vec<Span>,
        nodes: usize,
    ) -> Self {
        self.with_places = !document.places.is_empty();
        if self.with_places {
            self.places = Places::in_room(room(nodes));
        }
        self
    }

    /// Keeps a table of places beside the nodes.
    #[must_use]
    pub fn with_places(mut self) -> Self {
        self.with_places = true;
        self.places = Places::in_room(room::places(self.nodes.capacity()));
        self
    }

    /// Makes room for so many bytes of keys and strings that are not in the text.
    pub fn reserve_text(&mut self, bytes: usize) {
        self.owned.reserve_exact(bytes);
    }

    /// How many values there are so far.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Forgets what was pushed.
    pub(super) fn restart(&mut self) {
        self.nodes.clear();
        self.owned.clear();
        self.open.clear();
        self.key = None;
    }

    /// Whether the innermost container that is open is an object; `None` where none is open.
    #[inline]
    pub(super) fn is_in_object(&self) -> Option<bool> {
        self.open.last().map(|id| self.nodes[*id as usize].kind() == Kind::Object)
    }

    /// How many arrays and objects are open.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Sets the key of the next value: a range of the text.
    ///
    /// # Errors
    /// [`LimitError::Size`] where the range ends beyond what 32 bits hold.
    #[inline]
    pub fn borrowed_key(&mut self, range: Range<usize>, span: Option<Span>) -> Result<(), LimitError> {
        self.key = Some((borrowed(range)?, span.unwrap_or(Span::NONE)));
        Ok(())
    }

    /// Sets the key of the next value: a text of its own.
    ///
    /// # Errors
    /// [`LimitError::Size`] where the document's own texts grow beyond what 32 bits hold.
    pub fn key(&mut self, key: &str, span: Option<Span>) -> Result<(), LimitError> {
        self.key = Some((self.own(key)?, span.unwrap_or(Span::NONE)));
        Ok(())
    }

    /// The key of the next value when it is part of `text`, as serde lends it.
    #[inline]
    pub(super) fn lent_key(&mut self, key: &str) -> Result<(), LimitError> {
        let key = self.lent(key)?;
        self.key = Some((key, Span::NONE));
        Ok(())
    }

    /// Pushes `null`.
    ///
    /// # Errors
    /// [`LimitError::Nodes`] where the document has as many values as it may have.
    #[inline]
    pub fn null(&mut self) -> Result<NodeId, LimitError> {
        self.push(Kind::Null, 0)
    }

    /// Pushes a boolean.
    ///
    /// # Errors
    /// As [`Builder::null`].
    #[inline]
    pub fn bool(&mut self, value: bool) -> Result<NodeId, LimitError> {
        self.push(Kind::Bool, u64::from(value))
    }

    /// Pushes an integer.
    ///
    /// # Errors
    /// As [`Builder::null`].
    #[inline]
    pub fn int(&mut self, value: i64) -> Result<NodeId, LimitError> {
        self.push(Kind::Int, value.cast_unsigned())
    }

    /// Pushes any other number.
    ///
    /// # Errors
    /// As [`Builder::null`].
    #[inline]
    pub fn float(&mut self, value: f64) -> Result<NodeId, LimitError> {
        self.push(Kind::Float, value.to_bits())
    }

    /// Pushes a string that is a range of the text.
    ///
    /// # Errors
    /// As [`Builder::null`], and [`LimitError::Size`] as [`Builder::borrowed_key`].
    #[inline]
    pub fn borrowed(&mut self, range: Range<usize>) -> Result<NodeId, LimitError> {
        let text = borrowed(range)?;
        self.push(Kind::String, text.pack())
    }

    /// Pushes a string of its own.
    ///
    /// # Errors
    /// As [`Builder::null`], and [`LimitError::Size`] as [`Builder::key`].
    #[inline]
    pub fn string(&mut self, value: &str) -> Result<NodeId, LimitError> {
        let text = self.own(value)?;
        self.push(Kind::String, text.pack())
    }

    /// Pushes a string that is part of the text, as serde lends it.
    #[inline]
    pub(super) fn lent_string(&mut self, value: &str) -> Result<NodeId, LimitError> {
        let text = self.lent(value)?;
        self.push(Kind::String, text.pack())
    }

    /// Opens an object.
    ///
    /// # Errors
    /// As [`Builder::null`], and [`LimitError::Depth`] where as many containers are open as may be.
    #[inline]
    pub fn begin_object(&mut self) -> Result<NodeId, LimitError> {
        self.begin(Kind::Object)
    }

    /// Opens an array.
    ///
    /// # Errors
    /// As [`Builder::begin_object`].
    #[inline]
    pub fn begin_array(&mut self) -> Result<NodeId, LimitError> {
        self.begin(Kind::Array)
    }

    #[inline]
    fn begin(&mut self, kind: Kind) -> Result<NodeId, LimitError> {
        if self.open.len() >= self.limits.depth {
            return Err(LimitError::Depth { limit: self.limits.depth });
        }
        let id = self.push(kind, 0)?;
        self.open.push(id.0);
        Ok(id)
    }

    /// Closes the innermost open array or object.
    ///
    /// # Panics
    /// When none is open.
    #[inline]
    pub fn end(&mut self) -> NodeId {
        let id = self.close();
        let node = &self.nodes[id as usize];
        if node.kind() == Kind::Object && node.payload > 1 {
            self.shadow_duplicates(id);
        }
        NodeId(id)
    }

    /// As [`Builder::end`], where whoever pushes knows that no key of the container comes twice: nobody looks for it.
    ///
    /// # Panics
    /// When none is open; with debug assertions also when a key does come twice.
    #[inline]
    pub fn end_distinct(&mut self) -> NodeId {
        let id = self.close();
        #[cfg(debug_assertions)]
        if self.nodes[id as usize].kind() == Kind::Object {
            let members = self.nodes[id as usize].payload;
            self.shadow_duplicates(id);
            assert_eq!(self.nodes[id as usize].payload, members, "keys that differ");
        }
        NodeId(id)
    }

    #[inline]
    fn close(&mut self) -> u32 {
        let id = self.open.pop().expect("end of a container that was begun");
        let end = self.next_id();
        self.nodes[id as usize].set_end(end);
        id
    }

    /// Says where a value stands in the text.
    pub fn place(&mut self, id: NodeId, span: Span) {
        self.places.set_value(id.index(), span);
    }

    /// Where a value stands in the text, as far as it was said.
    #[must_use]
    pub fn placed(&self, id: NodeId) -> Option<Span> {
        self.places.value(id.index())
    }

    /// Reads a value that is already complete, as an alias or a merge key needs it.
    #[must_use]
    pub fn kind_of(&self, id: NodeId) -> Kind {
        self.nodes[id.index()].kind()
    }

    /// The ids of the members or items of a completed value, shadowed ones left out.
    #[must_use]
    pub fn children_of(&self, id: NodeId) -> Vec<NodeId> {
        let (mut at, end) = (id.0 + 1, self.nodes[id.index()].end());
        let mut children = Vec::new();
        while at < end {
            if !self.nodes[at as usize].is(SHADOWED) {
                children.push(NodeId(at));
            }
            at = self.nodes[at as usize].end();
        }
        children
    }

    /// How many nodes a completed value is made of.
    #[must_use]
    pub fn subtree_len(&self, id: NodeId) -> usize {
        (self.nodes[id.index()].end() - id.0) as usize
    }

    /// Says who made a completed value, with everything below it.
    pub fn mark_origin(&mut self, id: NodeId, label: &Arc<str>) {
        let end = self.nodes[id.index()].end();
        self.origins.put(id.0, end, label);
    }

    /// Says who made a value, but not what will be below it.
    pub(super) fn mark_one(&mut self, id: NodeId, label: &Arc<str>) {
        self.origins.put(id.0, id.0 + 1, label);
    }

    /// The document.
    ///
    /// # Panics
    /// When a container is still open, or nothing was pushed.
    #[must_use]
    pub fn finish(self) -> Document<'a> {
        let Self {
            limits: _,
            source,
            owned,
            nodes,
            places,
            with_places: _,
            origins,
            open,
            key: _,
            continues: _,
        } = self;
        let whole = nodes.first().is_some_and(|root| root.end() as usize == nodes.len());
        assert!(open.is_empty() && whole, "one complete value");
        Document { source, owned, nodes, places, origins, is_its_text: false, wide: OnceLock::new() }
    }

    #[inline]
    fn next_id(&self) -> u32 {
        u32::try_from(self.nodes.len()).expect("bounded by the limit on nodes")
    }

    #[inline(always)]
    fn push(&mut self, kind: Kind, payload: u64) -> Result<NodeId, LimitError> {
        if self.nodes.len() >= self.limits.nodes.min(MOST_NODES) {
            return Err(LimitError::Nodes { limit: self.limits.nodes });
        }
        let id = self.next_id();
        let parent = self.open.last().copied().unwrap_or(0);
        let (key, flags, key_span) = match self.key.take() {
            Some((key, span)) => (key, HAS_KEY, span),
            None => (Text::default(), 0, Span::NONE),
        };
        if id != 0 {
            self.nodes[parent as usize].payload += 1;
        }
        let node = Node::new(kind, payload, key, flags, [parent, id + 1]);
        if self.with_places {
            self.places.push(self.source.as_str(), &node, key_span);
        }
        self.nodes.push(node);
        Ok(NodeId(id))
    }

    fn own(&mut self, text: &str) -> Result<Text, LimitError> {
        let (Ok(start), Ok(len)) = (u32::try_from(self.owned.len()), u32::try_from(text.len())) else {
            return Err(LimitError::Size);
        };
        if start >= OWNED || len >= OWNED - start {
            return Err(LimitError::Size);
        }
        self.owned.push_str(text);
        Ok(Text { start: start | OWNED, len })
    }

    /// A string that may lie inside the text; copied where it does not.
    #[inline]
    fn lent(&mut self, part: &str) -> Result<Text, LimitError> {
        let text = self.source.as_str();
        let start = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        if start <= text.len() && part.len() <= text.len() - start {
            return borrowed(start..start + part.len());
        }
        self.own(part)
    }

    fn text(&self, text: Text) -> &str {
        let (buffer, start) = if text.start & OWNED == 0 {
            (self.source.as_str(), text.start as usize)
        } else {
            (self.owned.as_str(), (text.start & !OWNED) as usize)
        };
        &buffer[start..start + text.len as usize]
    }

    /// Adds the members from `first` on that the one at `at` hides, and that are not hidden yet.
    #[cold]
    fn hide_earlier(&self, first: u32, at: u32, hidden: &mut Vec<u32>) {
        let key = self.text(self.nodes[at as usize].key);
        let mut earlier = first;
        while earlier < at {
            if self.text(self.nodes[earlier as usize].key) == key && !hidden.contains(&earlier) {
                hidden.push(earlier);
            }
            earlier = self.nodes[earlier as usize].end();
        }
    }

    /// Flags every member that a later one hides, and counts them out.
    fn shadow_duplicates(&mut self, id: u32) {
        let (first, end) = (id + 1, self.nodes[id as usize].end());
        let mut hidden = Vec::new();
        if self.nodes[id as usize].payload <= FEW as u64 {
            // length and ends of a key tell almost all apart, and stand side by side
            let mut seen = [0_u64; FEW];
            let mut count = 0;
            let mut at = first;
            while at < end {
                let node = &self.nodes[at as usize];
                let (key, next) = (node.key, node.end());
                let bytes = self.text(key).as_bytes();
                let ends = match bytes {
                    [first, .., last] => u64::from(*first) << 8 | u64::from(*last),
                    [only] => u64::from(*only),
                    [] => 0,
                };
                let signature = u64::from(key.len) << 16 | ends;
                if seen[..count].contains(&signature) {
                    self.hide_earlier(first, at, &mut hidden);
                }
                seen[count] = signature;
                count += 1;
                at = next;
            }
        } else {
            let mut last: HashMap<&str, u32> = HashMap::new();
            let mut at = first;
            while at < end {
                if let Some(earlier) = last.insert(self.text(self.nodes[at as usize].key), at) {
                    hidden.push(earlier);
                }
                at = self.nodes[at as usize].end();
            }
        }
        self.nodes[id as usize].payload -= hidden.len() as u64;
        for at in hidden {
            self.nodes[at as usize].set(SHADOWED);
        }
    }
}

/// Objects with more members than this have their duplicates found by hashing.
const FEW: usize = 32;

/// How many values a text of so many bytes has, about.
fn nodes_of(bytes: usize) -> usize {
    (bytes / 12).min(1 << 16)
}

#[inline]
fn borrowed(range: Range<usize>) -> Result<Text, LimitError> {
    match (u32::try_from(range.start), u32::try_from(range.end)) {
        (Ok(start), Ok(end)) if end < OWNED => Ok(Text { start, len: end - start }),
        _ => Err(LimitError::Size),
    }
}
