//! Objects as a mutating webhook is sent them, and what the server refuses, beside the answers of a live server
//! (`vectors/admission/objects.jsonl`).
//!
//! `KIND=Pod` narrows it down to one kind, and prints its misses; `MISSES=1` prints all.
#![allow(clippy::unwrap_used)]

mod answers;
mod vectors;

use std::collections::BTreeMap;

use serde_json::Value;

/// So many of so many.
#[derive(Default, Clone, Copy)]
struct Figure(usize, usize);

impl Figure {
    fn count(&mut self, agrees: bool) {
        self.0 += usize::from(agrees);
        self.1 += 1;
    }
}

/// In the order of [`NAMES`].
type Tally = [Figure; 5];

const NAMES: [&str; 5] = ["agree", "verdict", "object", "causes", "message"];

#[test]
fn objects_are_the_servers() {
    let Some(folder) = vectors::folder() else { return };
    let only = std::env::var("KIND").ok();
    let show = only.is_some() || std::env::var_os("MISSES").is_some();
    let lines = std::fs::read_to_string(folder.join("objects.jsonl")).unwrap();
    let definitions = answers::definitions(&folder);
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for line in lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let input = &line["input"];
        if input.is_null() {
            continue;
        }
        let name = |key: &str| input[key].as_str().unwrap_or("?").to_owned();
        if only.as_deref().is_some_and(|only| only != name("kind")) {
            continue;
        }
        let key = format!("{} {}", name("apiVersion"), name("kind"));
        let comparison = answers::compare(&line, &definitions);
        let counted = [
            Some(comparison.agrees()),
            Some(comparison.verdict),
            comparison.object,
            comparison.causes,
            comparison.message,
        ];
        for key in [key, TOTAL.to_owned()] {
            let tally = tallies.entry(key).or_default();
            for (figure, agrees) in tally.iter_mut().zip(counted) {
                agrees.into_iter().for_each(|agrees| figure.count(agrees));
            }
        }
        if show && !comparison.misses.is_empty() {
            println!("{}\n    {}", line["id"], comparison.misses.join("\n    "));
        }
    }
    println!("{:62} {}", "kind", NAMES.map(|name| format!("{name:9}")).join(" "));
    for (kind, tally) in &tallies {
        println!("{kind:62} {}", tally.map(|Figure(agree, of)| format!("{agree:4}/{of:4}")).join(" "));
    }
    if only.is_none() {
        let total = tallies[TOTAL];
        for ((name, Figure(agree, of)), floor) in NAMES.into_iter().zip(total).zip(FLOORS) {
            assert!(agree * 100 >= of * floor, "{name}: {agree} of {of} agree");
        }
    }
}

const TOTAL: &str = "~ all";

/// Percent of each figure; raised as more of them agree.
const FLOORS: [usize; 5] = [100, 100, 100, 100, 100];
