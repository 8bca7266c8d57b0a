//! Numbers, texts and what is made of them.

use std::borrow::Cow;
use std::sync::Arc;

use document::varint;

use super::Outside;
use crate::ast::{self, Name};

/// Where things are written.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
}

/// Where they are read again. What is not there, or not so, is `None`.
pub(crate) struct Reader<'b> {
    bytes: &'b [u8],
    pub(crate) outside: Outside,
}

/// What can be written and read.
pub(crate) trait Stored: Sized {
    /// Appends it; `None` where it cannot be stored.
    fn store(&self, to: &mut Writer) -> Option<()>;
    /// What was appended.
    fn restore(from: &mut Reader<'_>) -> Option<Self>;
}

/// FNV-1a of 32 bits: what tells the texts of one policy apart, and rows of functions from others.
pub(super) fn digest(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

impl Writer {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(crate) fn number(&mut self, number: u64) {
        varint::write(&mut self.bytes, number);
    }

    fn slice(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend(bytes);
    }
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8], outside: Outside) -> Self {
        Self { bytes, outside }
    }

    /// What is not read yet.
    pub(crate) fn rest(&self) -> &'b [u8] {
        self.bytes
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        varint::byte(&mut self.bytes)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        varint::read(&mut self.bytes)
    }

    pub(crate) fn four(&mut self) -> Option<u32> {
        let (four, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(u32::from_le_bytes(*four))
    }

    fn slice(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (slice, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(slice)
    }

    pub(crate) fn text(&mut self) -> Option<&'b str> {
        std::str::from_utf8(self.slice()?).ok()
    }

    /// So many things. Each takes a byte at least, so that bytes that are damaged ask for no more room than that.
    fn several<T: Stored>(&mut self) -> Option<Vec<T>> {
        let count = usize::try_from(self.number()?).ok().filter(|count| *count <= self.bytes.len())?;
        let mut several = Vec::with_capacity(count);
        for _ in 0..count {
            several.push(T::restore(self)?);
        }
        Some(several)
    }
}

fn store_all<T: Stored>(all: &[T], to: &mut Writer) -> Option<()> {
    to.number(all.len() as u64);
    all.iter().try_for_each(|one| one.store(to))
}

impl Stored for bool {
    fn store(&self, to: &mut Writer) -> Option<()> {
        to.byte(u8::from(*self));
        Some(())
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        Some(from.byte()? != 0)
    }
}

macro_rules! numbers {
    ($($type:ident)*) => {$(
        impl Stored for $type {
            fn store(&self, to: &mut Writer) -> Option<()> {
                to.number(*self as u64);
                Some(())
            }

            fn restore(from: &mut Reader<'_>) -> Option<Self> {
                $type::try_from(from.number()?).ok()
            }
        }
    )*};
}

numbers! { u8 u32 u64 usize }

/// Small ones of either sign are short.
impl Stored for i64 {
    fn store(&self, to: &mut Writer) -> Option<()> {
        varint::write_signed(&mut to.bytes, *self);
        Some(())
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        varint::read_signed(&mut from.bytes)
    }
}

impl Stored for f64 {
    fn store(&self, to: &mut Writer) -> Option<()> {
        to.bytes.extend(self.to_bits().to_le_bytes());
        Some(())
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let (eight, rest) = from.bytes.split_first_chunk()?;
        from.bytes = rest;
        Some(f64::from_bits(u64::from_le_bytes(*eight)))
    }
}

impl Stored for Arc<str> {
    fn store(&self, to: &mut Writer) -> Option<()> {
        to.slice(self.as_bytes());
        Some(())
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        from.text().map(Arc::from)
    }
}

impl Stored for String {
    fn store(&self, to: &mut Writer) -> Option<()> {
        to.slice(self.as_bytes());
        Some(())
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        from.text().map(str::to_owned)
    }
}

impl Stored for Box<str> {
    fn store(&self, to: &mut Writer) -> Option<()> {
        to.slice(self.as_bytes());
        Some(())
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        from.text().map(Box::from)
    }
}

impl Stored for Arc<[u8]> {
    fn store(&self, to: &mut Writer) -> Option<()> {
        to.slice(self);
        Some(())
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        from.slice().map(Arc::from)
    }
}

impl Stored for Name {
    fn store(&self, to: &mut Writer) -> Option<()> {
        to.slice(self.as_bytes());
        Some(())
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        Some(match ast::name(from.text()?) {
            Cow::Borrowed(name) => Cow::Borrowed(name),
            Cow::Owned(name) => Cow::Owned(name),
        })
    }
}

impl<T: Stored> Stored for Option<T> {
    fn store(&self, to: &mut Writer) -> Option<()> {
        self.is_some().store(to)?;
        self.as_ref().map_or(Some(()), |it| it.store(to))
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        Some(if bool::restore(from)? { Some(T::restore(from)?) } else { None })
    }
}

impl<T: Stored> Stored for Box<T> {
    fn store(&self, to: &mut Writer) -> Option<()> {
        (**self).store(to)
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        T::restore(from).map(Self::new)
    }
}

impl<T: Stored> Stored for Arc<T> {
    fn store(&self, to: &mut Writer) -> Option<()> {
        (**self).store(to)
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        T::restore(from).map(Self::new)
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn store(&self, to: &mut Writer) -> Option<()> {
        store_all(self, to)
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        from.several()
    }
}

impl<T: Stored> Stored for Box<[T]> {
    fn store(&self, to: &mut Writer) -> Option<()> {
        store_all(self, to)
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        from.several().map(Vec::into_boxed_slice)
    }
}

impl<A: Stored, B: Stored> Stored for (A, B) {
    fn store(&self, to: &mut Writer) -> Option<()> {
        self.0.store(to)?;
        self.1.store(to)
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        Some((A::restore(from)?, B::restore(from)?))
    }
}

impl<A: Stored, B: Stored, C: Stored> Stored for (A, B, C) {
    fn store(&self, to: &mut Writer) -> Option<()> {
        self.0.store(to)?;
        self.1.store(to)?;
        self.2.store(to)
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        Some((A::restore(from)?, B::restore(from)?, C::restore(from)?))
    }
}
