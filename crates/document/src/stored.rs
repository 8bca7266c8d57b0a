//! A document as bytes, for texts that are known long before they are needed: reading these takes a tenth of the time that the
//! text does.
//!
//! ```text
//! own texts, count, node*, count of odd keys, { node, start, end }*
//! node: kind and flags, [key], value, [last node below], [place]
//! ```
//!
//! Places and texts are ranges of the text that the document was read from, which is not part of the bytes; positions are told by
//! how far they are from the one before.

use std::sync::OnceLock;

use super::tape::{HAS_KEY, Node, SHADOWED, UNKNOWN};
use super::varint;
use super::{Document, Kind, MOST_NODES, OWNED, Origins, Places, Source, Span, Text};

/// The flags of a node, and where they are beside its kind.
const FLAGS: [(u32, u8); 3] = [(HAS_KEY, 1 << 3), (SHADOWED, 1 << 4), (UNKNOWN, 1 << 5)];
/// It has a place.
const PLACED: u8 = 1 << 6;
/// That is where its text is.
const AT_TEXT: u8 = 1 << 7;

impl Document<'_> {
    /// What [`Document::restore`] takes. Who made a part of it later is not told.
    #[must_use]
    pub fn store(&self) -> Vec<u8> {
        let Self { source: _, owned, nodes, places, origins: _, is_its_text: _, wide: _ } = self;
        let mut to = Writer::default();
        to.number(owned.len() as u64);
        to.bytes.extend(owned.as_bytes());
        to.number(nodes.len() as u64);
        to.bytes.push(u8::from(!places.is_empty()));
        for (id, node) in nodes.iter().enumerate() {
            to.node(id, node, places.value(id));
        }
        to.number(places.odd_keys().len() as u64);
        for (id, span) in places.odd_keys() {
            for number in [*id, span.start, span.end] {
                to.number(u64::from(number));
            }
        }
        to.bytes
    }
}

impl<'a> Document<'a> {
    /// The document that was stored, of the text that it was read from; `None` where the bytes are of no document of that text.
    #[must_use]
    pub fn restore(text: &'a str, bytes: &[u8]) -> Option<Self> {
        let mut from = Reader { bytes, at: [0; 2] };
        let owned = from.length()?;
        let (own, rest) = from.bytes.split_at_checked(owned)?;
        from.bytes = rest;
        let owned = std::str::from_utf8(own).ok()?.to_owned();
        // each takes a byte at least
        let count = from.length().filter(|count| (1..=from.bytes.len()).contains(count))?;
        let has_places = from.byte()? != 0;
        let mut places = if has_places { Places::unknown(count) } else { Places::default() };
        let mut nodes = Vec::with_capacity(count.min(MOST_NODES));
        let mut open: Vec<(u32, u32)> = Vec::with_capacity(8);
        for id in 0..u32::try_from(count).ok()? {
            while open.last().is_some_and(|(_, end)| *end <= id) {
                open.pop();
            }
            let (parent, limit) = open.last().copied().unwrap_or((0, count as u32));
            let (node, place) = from.node([id, parent, limit], [text, &owned])?;
            if node.is_container() {
                open.push((id, node.end()));
            }
            if let Some(place) = place.filter(|_| has_places) {
                places.set_value(id as usize, place);
            }
            nodes.push(node);
        }
        let whole = nodes.first().is_some_and(|root: &Node| root.end() as usize == count);
        for _ in 0..from.number()? {
            let mut next = || u32::try_from(from.number()?).ok();
            let (id, start, end) = (next()?, next()?, next()?);
            places.add_odd_key(id, Span { start, end });
        }
        whole.then(|| Self {
            source: Source::Borrowed(text),
            owned,
            nodes,
            places,
            origins: Origins::default(),
            is_its_text: false,
            wide: OnceLock::new(),
        })
    }
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    /// Where the last text ended, in the source and in the document's own texts.
    at: [u32; 2],
}

impl Writer {
    fn number(&mut self, number: u64) {
        varint::write(&mut self.bytes, number);
    }

    fn text(&mut self, text: Text) {
        let own = text.start & OWNED != 0;
        let start = text.start & !OWNED;
        self.number(u64::from(text.len) << 1 | u64::from(own));
        self.position(start, usize::from(own));
        self.at[usize::from(own)] = start + text.len;
    }

    fn position(&mut self, position: u32, of: usize) {
        varint::write_signed(&mut self.bytes, i64::from(position) - i64::from(self.at[of]));
        self.at[of] = position;
    }

    fn node(&mut self, id: usize, node: &Node, place: Option<Span>) {
        let text = (node.kind() == Kind::String).then(|| Text::unpack(node.payload));
        let at_text = text.is_some_and(|text| place == Some(text.span()));
        let mut head = node.kind() as u8;
        for (flag, bit) in FLAGS {
            head |= if node.is(flag) { bit } else { 0 };
        }
        head |= if place.is_some() { PLACED } else { 0 };
        head |= if at_text { AT_TEXT } else { 0 };
        self.bytes.push(head);
        if node.is(HAS_KEY) {
            self.text(node.key);
        }
        match node.kind() {
            Kind::Null => {}
            Kind::Bool => self.bytes.push(node.payload as u8),
            Kind::Int => varint::write_signed(&mut self.bytes, node.payload.cast_signed()),
            Kind::Float => self.bytes.extend(node.payload.to_le_bytes()),
            Kind::String => self.text(Text::unpack(node.payload)),
            Kind::Array | Kind::Object => {
                self.number(node.payload);
                self.number(u64::from(node.end()) - id as u64 - 1);
            }
        }
        if let Some(place) = place.filter(|_| !at_text) {
            self.position(place.start, 0);
            self.number(u64::from(place.end - place.start));
        }
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    /// As [`Writer::at`].
    at: [u32; 2],
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        varint::byte(&mut self.bytes)
    }

    fn number(&mut self) -> Option<u64> {
        varint::read(&mut self.bytes)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn signed(&mut self) -> Option<i64> {
        varint::read_signed(&mut self.bytes)
    }

    fn position(&mut self, of: usize) -> Option<u32> {
        let position = u32::try_from(i64::from(self.at[of]).checked_add(self.signed()?)?).ok()?;
        self.at[of] = position;
        Some(position)
    }

    /// A part of one of the texts.
    fn text(&mut self, texts: [&str; 2]) -> Option<Text> {
        let head = self.number()?;
        let of = (head & 1) as usize;
        let len = u32::try_from(head >> 1).ok()?;
        let start = self.position(of)?;
        let end = start.checked_add(len)?;
        let (first, last) = (start as usize, end as usize);
        let is_part = start & OWNED == 0 && texts[of].get(first..last).is_some();
        self.at[of] = end;
        is_part.then_some(Text { start: start | if of == 0 { 0 } else { OWNED }, len })
    }

    /// The next node and its place, given its number, the container that it is in, and where that ends.
    fn node(&mut self, [id, parent, limit]: [u32; 3], texts: [&str; 2]) -> Option<(Node, Option<Span>)> {
        let head = self.byte()?;
        let kind = [Kind::Null, Kind::Bool, Kind::Int, Kind::Float, Kind::String, Kind::Array, Kind::Object];
        let kind = *kind.get(usize::from(head & 7))?;
        let mut flags = 0;
        for (flag, bit) in FLAGS {
            flags |= if head & bit != 0 { flag } else { 0 };
        }
        let key = if flags & HAS_KEY != 0 { self.text(texts)? } else { Text::default() };
        let (mut end, mut own_place) = (id + 1, None);
        let payload = match kind {
            Kind::Null => 0,
            Kind::Bool => u64::from(self.byte()? != 0),
            Kind::Int => self.signed()?.cast_unsigned(),
            Kind::Float => {
                let (eight, rest) = self.bytes.split_first_chunk()?;
                self.bytes = rest;
                u64::from_le_bytes(*eight)
            }
            Kind::String => {
                let text = self.text(texts)?;
                own_place = Some(text.span());
                text.pack()
            }
            Kind::Array | Kind::Object => {
                let children = self.number()?;
                end = end.checked_add(u32::try_from(self.number()?).ok()?)?;
                children
            }
        };
        let place = match (head & PLACED != 0, head & AT_TEXT != 0) {
            (false, _) => None,
            (true, true) => own_place,
            (true, false) => {
                let start = self.position(0)?;
                let end = start.checked_add(u32::try_from(self.number()?).ok()?)?;
                Some(Span { start, end })
            }
        };
        (end <= limit).then(|| (Node::new(kind, payload, key, flags, [parent, end]), place))
    }
}

impl Text {
    /// Where it stands, if it is of the source.
    fn span(self) -> Span {
        Span { start: self.start, end: self.start.saturating_add(self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, Limits};

    /// Every kind of value, keys and texts of the source and of the document's own, places, a key that is there twice.
    fn document(text: &str) -> Document<'_> {
        let mut builder = Builder::new(text, Limits::default()).with_places();
        let span = |start, end| Some(Span { start, end });
        let mut all = || -> Result<(), crate::LimitError> {
            builder.begin_object()?;
            builder.borrowed_key(0..1, span(0, 1))?;
            let id = builder.borrowed(3..6)?;
            builder.place(id, Span { start: 3, end: 6 });
            builder.key("own", span(7, 9))?;
            builder.string("of its own é")?;
            builder.borrowed_key(0..1, None)?;
            builder.begin_array()?;
            builder.null()?;
            builder.bool(true)?;
            builder.int(-3)?;
            builder.int(i64::MIN)?;
            builder.float(2.5)?;
            builder.begin_array()?;
            builder.end();
            builder.end();
            builder.key("last", None)?;
            builder.borrowed(7..9)?;
            builder.end();
            Ok(())
        };
        all().expect("within every limit");
        builder.finish()
    }

    #[test]
    fn documents_are_read_as_they_were_written() {
        let text = "a: bcd\nef\n";
        let mut one = document(text);
        one.mark_unknown(|text, _| text == "ef");
        for document in
            [one, Document::null(), Document::from_json("[1, {\"a\": {}}]", Limits::default()).expect("JSON")]
        {
            let bytes = document.store();
            let source = document.source_text().to_owned();
            let read = Document::restore(&source, &bytes).expect("it was written");
            assert_eq!(format!("{:?}", read.nodes), format!("{:?}", document.nodes));
            assert_eq!(format!("{:?}", read.places), format!("{:?}", document.places));
            assert_eq!(read.owned, document.owned);
        }
    }

    #[test]
    fn bytes_of_another_document_are_refused() {
        let text = "a: bcd\nef\n";
        let bytes = document(text).store();
        assert!(Document::restore(text, &bytes).is_some());
        assert!(Document::restore("a: b", &bytes).is_none(), "the text is another one");
        // whatever byte is another one, and wherever the bytes end, nothing panics, and what is read can be looked at
        for at in 0..bytes.len() {
            assert!(Document::restore(text, &bytes[..at]).is_none(), "{at} bytes");
            for other in [0, 1, 2, 8, 13, 127, 128, 255] {
                let mut damaged = bytes.clone();
                damaged[at] = other;
                let _ = Document::restore(text, &damaged).map(|read| read.root().to_json());
            }
        }
    }
}
