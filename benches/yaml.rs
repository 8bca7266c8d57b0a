//! YAML to documents with places, beside merely draining granit-parser's events, which it stands on.
//!
//! ```text
//! cargo bench --bench yaml
//! ```
//!
//! Both go over the same texts in turns, in one run; the figure is the ratio. At least 0.7 is wanted.

#[path = "corpus/generate.rs"]
mod generate;

use std::hint::black_box;
use std::time::{Duration, Instant};

use granit_parser::Parser;
use plimsoll::manifest::compose::compose;
use plimsoll::manifest::split::split;

const ROUNDS: usize = 15;
const WANTED: f64 = 0.7;

fn main() {
    let texts: Vec<String> =
        generate::files().iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    if texts.is_empty() {
        eprintln!("yaml: SKIPPED, no YAML below ../shared");
        return;
    }
    let one = texts.join("\n---\n");
    compare("files", &texts);
    compare("one file", std::slice::from_ref(&one));
}

fn compare(name: &str, texts: &[String]) {
    let bytes: usize = texts.iter().map(String::len).sum();
    let (mut drained, mut composed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        drained.push(time(|| texts.iter().map(|text| drain(text)).sum()));
        composed.push(time(|| texts.iter().map(|text| read(text)).sum()));
    }
    let (drained, composed) = (median(drained), median(composed));
    let speed = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    let ratio = speed(composed) / speed(drained);
    println!(
        "yaml: {name}, {:.1} MB: events drained {:.1} MB/s, documents {:.1} MB/s, ratio {ratio:.2} (wanted {WANTED})",
        bytes as f64 / 1e6,
        speed(drained),
        speed(composed),
    );
}

fn drain(text: &str) -> usize {
    let options = granit_parser::options! { emit_comments: false };
    Parser::new_from_str_with_options(text, options).filter(|event| black_box(event).is_ok()).count()
}

fn read(text: &str) -> usize {
    let nodes = |chunk: plimsoll::manifest::split::Chunk| {
        let composed = compose(text, chunk.range).ok()?;
        black_box(&composed).document.as_ref().map(plimsoll::document::Document::node_count)
    };
    split(text, 0).into_iter().filter_map(nodes).sum()
}

fn time(run: impl FnOnce() -> usize) -> Duration {
    let start = Instant::now();
    black_box(run());
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
