//! Long lists of JSON, a line for each entry.

use std::io::{self, Write};

use rayon::prelude::*;
use serde::Serialize;

/// So much is written together; only so many texts are in memory at a time.
#[derive(Clone, Copy)]
pub(super) struct Batches {
    batch: usize,
    /// What one thread makes at a time.
    part: usize,
}

impl Batches {
    /// Of what becomes one entry each.
    pub(super) const ENTRIES: Self = Self { batch: 1 << 14, part: 1 << 7 };
    /// Of what becomes some dozens of them.
    pub(super) const DOZENS: Self = Self { batch: 1 << 9, part: 1 << 4 };
}

/// A list that is being written.
pub(super) struct List<'o> {
    out: &'o mut dyn Write,
    separator: &'static [u8],
}

/// Some entries of a list.
#[derive(Default)]
pub(super) struct Lines {
    text: Vec<u8>,
}

impl Lines {
    /// Adds an entry.
    pub(super) fn push(&mut self, entry: &impl Serialize) -> io::Result<()> {
        Ok(serde_json::to_writer(self.next(), entry)?)
    }

    /// Where the next entry is to be written.
    pub(super) fn next(&mut self) -> &mut Vec<u8> {
        if !self.text.is_empty() {
            self.text.extend_from_slice(NEXT);
        }
        &mut self.text
    }
}

const FIRST: &[u8] = b"\n  ";
const NEXT: &[u8] = b",\n  ";

impl<'o> List<'o> {
    pub(super) fn begin(out: &'o mut dyn Write) -> io::Result<Self> {
        out.write_all(b"[")?;
        Ok(Self { out, separator: FIRST })
    }

    /// Adds what `make` makes of all of these, in parallel, and in their order.
    pub(super) fn add<'t, T: Sync>(
        &mut self,
        all: &'t [T],
        Batches { batch, part }: Batches,
        make: impl Fn(&'t T, &mut Lines) -> io::Result<()> + Sync,
    ) -> io::Result<()> {
        for batch in all.chunks(batch) {
            let parts = batch.par_chunks(part).map(|part| {
                let mut lines = Lines::default();
                part.iter().try_for_each(|one| make(one, &mut lines)).map(|()| lines.text)
            });
            for text in parts.collect::<Vec<io::Result<Vec<u8>>>>() {
                let text = text?;
                if !text.is_empty() {
                    self.out.write_all(std::mem::replace(&mut self.separator, NEXT))?;
                    self.out.write_all(&text)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn end(self) -> io::Result<()> {
        self.out.write_all(b"]")
    }
}

/// Writes a list, its entries made in parallel and written in order.
pub(super) fn write_list<'r, T: Sync, W: Serialize>(
    out: &mut dyn Write,
    all: &'r [T],
    wire: impl Fn(&'r T) -> W + Sync,
) -> io::Result<()> {
    let mut list = List::begin(out)?;
    list.add(all, Batches::ENTRIES, |entry, lines| lines.push(&wire(entry)))?;
    list.end()
}
