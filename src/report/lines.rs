//! Long lists of JSON, a line for each entry.

use std::io::{self, Write};

use rayon::prelude::*;
use serde::Serialize;

/// Entries that are written together; only so many texts are in memory at a time.
const BATCH: usize = 1 << 14;
/// Entries that one thread writes at a time.
const PART: usize = 1 << 7;

/// Writes a list, its entries made in parallel and written in order.
pub(super) fn write_list<'r, T: Sync, W: Serialize>(
    out: &mut dyn Write,
    all: &'r [T],
    wire: impl Fn(&'r T) -> W + Sync,
) -> io::Result<()> {
    out.write_all(b"[")?;
    let mut separator = "\n  ";
    for batch in all.chunks(BATCH) {
        let parts: Vec<io::Result<Vec<u8>>> = batch
            .par_chunks(PART)
            .map(|part| {
                let mut text = Vec::new();
                for (at, entry) in part.iter().enumerate() {
                    if at > 0 {
                        text.extend_from_slice(b",\n  ");
                    }
                    serde_json::to_writer(&mut text, &wire(entry))?;
                }
                Ok(text)
            })
            .collect();
        for part in parts {
            out.write_all(separator.as_bytes())?;
            out.write_all(&part?)?;
            separator = ",\n  ";
        }
    }
    out.write_all(b"]")
}
