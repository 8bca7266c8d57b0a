//! What it costs to admit and validate objects: `admit FILE ROUNDS`, a JSON object in each line of the file.
//!
//! ```text
//! cargo build --release -p kubernetes-objects --example admit
//! valgrind --tool=callgrind target/release/examples/admit objects.jsonl 1
//! ```
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use document::{Document, Limits};
use kubernetes_objects::admit::{Mode, Options, admit, kind_of};
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::plugins::{Plugins, UnknownCluster};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let text = std::fs::read_to_string(arguments.next().expect("a file")).unwrap();
    let rounds: u32 = arguments.next().map_or(1, |rounds| rounds.parse().expect("a number"));
    let definitions = Definitions::new();
    let options = Options {
        minor: 36,
        mode: Mode::Warn,
        plugins: Plugins::default(),
        cluster: &UnknownCluster,
        namespace: "default",
    };
    let documents: Vec<Document<'_>> =
        text.lines().map(|line| Document::from_json_with_places(line, Limits::default()).unwrap()).collect();
    let (mut taken, mut refused) = (0, 0);
    let began = Instant::now();
    for _ in 0..rounds {
        for document in &documents {
            let root = document.root();
            let outcome = kind_of(root, options.minor, &definitions)
                .and_then(|served| admit(root, served, &options))
                .and_then(|admitted| admitted.validate(None));
            match outcome {
                Ok(_) => taken += 1,
                Err(_) => refused += 1,
            }
        }
    }
    let each = began.elapsed() / rounds / u32::try_from(documents.len()).unwrap_or(u32::MAX).max(1);
    println!("{taken} taken, {refused} refused, {} bytes a round: {each:?} each", text.len());
}
