//! Copies of what is already there: of this document, as an alias means, or of another.

use super::Builder;
use crate::{
    Document, HAS_KEY, Kind, LimitError, Limits, NodeId, NodeRef, OWNED, Scalar, Span, Text, UNKNOWN,
};

impl NodeRef<'_> {
    /// A document of this value, the members of its objects in the order of their names.
    ///
    /// # Errors
    /// Where it goes over a default limit.
    pub fn sorted(self) -> Result<Document<'static>, LimitError> {
        let mut builder = Builder::new("", Limits::default());
        builder.push_sorted(self)?;
        Ok(builder.finish())
    }
}

impl Builder<'_> {
    fn push_sorted(&mut self, node: NodeRef<'_>) -> Result<(), LimitError> {
        match node.scalar() {
            Some(Scalar::Null) => self.null()?,
            Some(Scalar::Bool(value)) => self.bool(value)?,
            Some(Scalar::Int(value)) => self.int(value)?,
            Some(Scalar::Float(value)) => self.float(value)?,
            Some(Scalar::String(value)) => self.string(value)?,
            None if node.is_array() => {
                self.begin_array()?;
                node.items().try_for_each(|item| self.push_sorted(item))?;
                self.end()
            }
            None => {
                self.begin_object()?;
                let mut member = |(name, value): (&str, NodeRef<'_>)| {
                    self.key(name, None)?;
                    self.push_sorted(value)
                };
                if node.members().is_sorted_by_key(|(name, _)| name) {
                    node.members().try_for_each(&mut member)?;
                } else {
                    let mut members: Vec<(&str, NodeRef<'_>)> = node.members().collect();
                    members.sort_unstable_by_key(|(name, _)| *name);
                    members.into_iter().try_for_each(member)?;
                }
                self.end_distinct()
            }
        };
        Ok(())
    }

    /// How deep the containers of a completed value go; 0 for a scalar.
    fn height(&self, id: NodeId) -> usize {
        let mut ends: Vec<u32> = Vec::new();
        let mut height = 0;
        for at in id.0..self.nodes[id.index()].end() {
            while ends.last().is_some_and(|end| at >= *end) {
                ends.pop();
            }
            let node = &self.nodes[at as usize];
            if node.is_container() {
                ends.push(node.end());
                height = height.max(ends.len());
            }
        }
        height
    }

    /// Sets the key of the next value to that of a node already there, with its place.
    pub fn same_key(&mut self, id: NodeId) {
        let node = &self.nodes[id.index()];
        if node.is(HAS_KEY) {
            let span = self.places.key(self.source.as_str(), node, id.index());
            self.key = Some((node.key, span.unwrap_or(Span::NONE)));
        }
    }

    /// Pushes a copy of a completed value of this document, places included: what an alias means.
    ///
    /// # Errors
    /// [`LimitError::Nodes`] or [`LimitError::Depth`] where the copy would go over a limit; nothing is pushed then.
    pub fn copy_subtree(&mut self, id: NodeId) -> Result<NodeId, LimitError> {
        let (start, end) = (id.index(), self.nodes[id.index()].end() as usize);
        if self.nodes.len() + (end - start) > self.limits.nodes {
            return Err(LimitError::Nodes { limit: self.limits.nodes });
        }
        let height = self.height(id);
        if self.open.len() + height > self.limits.depth {
            return Err(LimitError::Depth { limit: self.limits.depth });
        }
        let node = self.nodes[start];
        let copy = self.push(node.kind(), node.payload)?;
        let shift = copy.0 - id.0;
        self.nodes[copy.index()].set_end(node.end() + shift);
        if let Some(place) = self.placed(id) {
            self.place(copy, place);
        }
        for at in start + 1..end {
            let node = self.nodes[at].moved(shift);
            self.nodes.push(node);
            if self.with_places {
                let text = self.source.as_str();
                let key = self.places.key(text, &node, at).unwrap_or(Span::NONE);
                self.places.push(text, &node, key);
                let value = self.places.value(at).unwrap_or(Span::NONE);
                self.places.set_value(at + shift as usize, value);
            }
        }
        Ok(copy)
    }

    /// Pushes a copy of a node of another document, origins included. With `same_text`, for an earlier
    /// version of this document (see [`Builder::of_version`]), texts and places are carried over as well.
    ///
    /// # Errors
    /// As [`Builder::begin_object`] and [`Builder::string`], at the first node that goes over a limit; what was pushed before
    /// stays.
    pub fn copy_node(&mut self, node: NodeRef<'_>, same_text: bool) -> Result<NodeId, LimitError> {
        let (root, end) = (node.id, node.doc.nodes[node.id as usize].end());
        let first = self.next_id();
        if end == root + 1 && !node.doc.nodes[root as usize].is_container() {
            self.copy_scalar(node, same_text)?;
        } else {
            self.copy_all(node, end, same_text)?;
        }
        for (from, to, label) in node.doc.origins.within(root, end) {
            let (from, to) = ((*from).max(root) - root + first, (*to).min(end) - root + first);
            self.origins.put(from, to, label);
        }
        Ok(NodeId(first))
    }

    fn copy_scalar(&mut self, node: NodeRef<'_>, same_text: bool) -> Result<(), LimitError> {
        let from = &node.doc.nodes[node.id as usize];
        let payload = match from.kind() {
            Kind::String => self.carry(Text::unpack(from.payload), node.doc, same_text)?.pack(),
            _ => from.payload,
        };
        let id = self.push(from.kind(), payload)?;
        self.nodes[id.index()].set(from.flags(UNKNOWN));
        if let Some(span) = node.span().filter(|_| same_text) {
            self.place(id, span);
        }
        Ok(())
    }

    /// Pushes what lies from a node to the one before `end`, which it ends with.
    fn copy_all(&mut self, node: NodeRef<'_>, end: u32, same_text: bool) -> Result<(), LimitError> {
        let root = node.id;
        let mut ends: Vec<u32> = Vec::new();
        for at in root..end {
            while ends.last().is_some_and(|end| at >= *end) {
                self.end();
                ends.pop();
            }
            let from = &node.doc.nodes[at as usize];
            let from_ref = NodeRef { doc: node.doc, id: at };
            if at != root && from.is(HAS_KEY) {
                let key = self.carry(from.key, node.doc, same_text)?;
                let span = from_ref.key_span().filter(|_| same_text);
                self.key = Some((key, span.unwrap_or(Span::NONE)));
            }
            if !from.is_container() {
                self.copy_scalar(from_ref, same_text)?;
                continue;
            }
            ends.push(from.end());
            let id = self.begin(from.kind())?;
            if let Some(span) = from_ref.span().filter(|_| same_text) {
                self.place(id, span);
            }
        }
        for _ in ends {
            self.end();
        }
        Ok(())
    }

    /// A string of another document, which may have the same text.
    fn carry(&mut self, text: Text, of: &Document<'_>, same_text: bool) -> Result<Text, LimitError> {
        let carried = same_text && (self.continues || text.start & OWNED == 0);
        if carried { Ok(text) } else { self.own(of.text(text)) }
    }

    /// Sets the key of the next value to that of a node of the earlier version, with its place.
    ///
    /// # Errors
    /// When the document would be too large.
    pub fn kept_key(&mut self, node: NodeRef<'_>) -> Result<(), LimitError> {
        let span = node.key_span().unwrap_or(Span::NONE);
        let key = self.carry(node.doc.nodes[node.id as usize].key, node.doc, true)?;
        self.key = Some((key, span));
        Ok(())
    }
}
