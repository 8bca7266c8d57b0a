//! Which room of `src` uses which: the arrows that ARCHITECTURE.md shows, read from the code.
//!
//! `PLIMSOLL_UPDATE=1 cargo test --test rooms` writes them down anew. Tests are not looked at: they may use what they like.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rooms from the ground up: each may use those before it.
const ORDER: [&str; 35] = [
    "document",
    "cel",
    "objects",
    "limits",
    "nearest",
    "folders",
    "packed",
    "diagnostic",
    "api",
    "finding",
    "resource",
    "host",
    "request",
    "matching",
    "policy",
    "admission_policy",
    "check",
    "manifest",
    "apiserver",
    "dialect",
    "store",
    "verdict",
    "admission",
    "offline",
    "baseline",
    "waiver",
    "report",
    "review",
    "webhook",
    "policytest",
    "explain",
    "cluster",
    "cli",
    "lib",
    "main",
];

/// Words that name one type in the whole workspace: another thing gets another name.
const WORDS: [&str; 15] = [
    "Budget",
    "DocumentId",
    "Identity",
    "Loaded",
    "Operation",
    "Outcome",
    "Place",
    "Scope",
    "Sources",
    "Stage",
    "Step",
    "Subject",
    "Verdict",
    "Visit",
    "Visitor",
];

type Arrows = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            files(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// What a file uses of `crate::`, comments and tests aside.
fn used(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\n").next().unwrap();
    let code: String = code.lines().map(|line| line.split("//").next().unwrap().to_owned() + "\n").collect();
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        // `use crate::{a, b::c}` is not written here
        assert!(!rest.starts_with('{'), "one `use` for each room: {rest:.60}");
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        used.insert(rest[..end].to_owned());
    }
    used
}

fn arrows() -> Arrows {
    let mut found = Vec::new();
    files(&root().join("src"), &mut found);
    let mut arrows = Arrows::new();
    for file in found {
        let below = file.strip_prefix(root().join("src")).unwrap();
        let first = below.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let room = first.trim_end_matches(".rs").to_owned();
        let uses = used(&std::fs::read_to_string(&file).unwrap());
        arrows.entry(room.clone()).or_default().extend(uses.into_iter().filter(|used| *used != room));
    }
    arrows
}

#[test]
fn arrows_point_downwards() {
    let place = |room: &str| {
        let place = ORDER.iter().position(|other| *other == room);
        place.unwrap_or_else(|| panic!("the room {room} has no place in ORDER"))
    };
    let mut upwards = Vec::new();
    for (room, uses) in &arrows() {
        for used in uses.iter().filter(|used| place(used) > place(room)) {
            upwards.push(format!("{room} uses {used}"));
        }
    }
    assert!(upwards.is_empty(), "arrows that point upwards: {upwards:#?}");
}

#[test]
fn one_word_names_one_type() {
    let mut found = Vec::new();
    files(&root().join("src"), &mut found);
    for library in ["document", "cel", "objects"] {
        files(&root().join("crates").join(library).join("src"), &mut found);
    }
    let mut defined: BTreeMap<&str, Vec<String>> = WORDS.into_iter().map(|word| (word, Vec::new())).collect();
    for file in found {
        let text = std::fs::read_to_string(&file).unwrap();
        let tokens: Vec<&str> = text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|token| !token.is_empty())
            .collect();
        for pair in tokens.windows(2) {
            if let (["struct" | "enum" | "trait" | "type"], Some(places)) =
                (&pair[..1], defined.get_mut(pair[1]))
            {
                places.push(file.display().to_string());
            }
        }
    }
    defined.retain(|_, places| places.len() != 1);
    assert!(defined.is_empty(), "{defined:#?}");
}

#[test]
fn the_architecture_page_shows_the_arrows() {
    const BEGIN: &str = "<!-- arrows: written by tests/rooms.rs -->\n";
    const END: &str = "<!-- end of arrows -->\n";
    let page = root().join("ARCHITECTURE.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let arrows = arrows();
    let mut table = String::from("| room | uses |\n|---|---|\n");
    for room in ORDER {
        let uses = arrows.get(room).cloned().unwrap_or_default();
        let in_order: Vec<&str> = ORDER.into_iter().filter(|other| uses.contains(*other)).collect();
        if !in_order.is_empty() {
            table += &format!("| `{room}` | {} |\n", in_order.join(", "));
        }
    }
    let (before, rest) = text.split_once(BEGIN).expect("the page says where the arrows stand");
    let (shown, after) = rest.split_once(END).expect("the page says where the arrows end");
    if std::env::var_os("PLIMSOLL_UPDATE").is_some() {
        std::fs::write(&page, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(shown, table, "PLIMSOLL_UPDATE=1 cargo test --test rooms writes it");
    }
}
