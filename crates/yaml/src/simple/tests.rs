use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::compose::read_all;
use crate::{split, tolerance};

/// Everything that a reading gives, of each value.
fn told(composed: &Composed<'_>) -> Vec<String> {
    let document = composed.document.as_ref();
    let mut told: Vec<String> = document
        .iter()
        .flat_map(|document| document.nodes())
        .map(|node| {
            let value = if node.is_object() || node.is_array() {
                format!("{:?}", node.len())
            } else {
                node.to_json()
            };
            format!("{:?} {:?} {:?} {} {value}", node.key(), node.key_span(), node.span(), node.is_shadowed())
        })
        .collect();
    told.extend(composed.remarks.iter().map(|remark| format!("{remark:?}")));
    told.push(format!("{:?}", composed.dropped));
    told
}

/// Reads each document of the text in both ways; gives how many there are, and how many were read in the simple way.
fn compare(name: &str, text: &str) -> (usize, usize) {
    let (mut all, mut simple) = (0, 0);
    for chunk in split::split(text, 0) {
        let range = tolerance::body(text, chunk.range);
        all += 1;
        let Some(read) = read(text, range.clone()) else { continue };
        simple += 1;
        let body = &text[range.clone()];
        let full = match read_all(text, range, &|_| false) {
            Ok(full) => full,
            Err(refusal) => panic!("{name}: {refusal:?}, but the simple way gives {:?}\n{body}", told(&read)),
        };
        let (simple, full) = (told(&read), told(&full));
        if let Some((simple, full)) = simple.iter().zip(&full).find(|(simple, full)| simple != full) {
            panic!("{name}: read\n{body}\nsimple {simple}\nfull   {full}");
        }
        assert_eq!(simple.len(), full.len(), "{name}: {body}");
    }
    (all, simple)
}

/// YAML files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
        {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn files_read_the_same_in_both_ways() {
    let mut paths = Vec::new();
    files(&root().join("policies"), &mut paths);
    files(&root().join("examples"), &mut paths);
    assert!(paths.len() > 100, "{} files", paths.len());
    for folder in ["../shared/repositories", "../shared/corpora", "../shared/manifests", "../shared/field"] {
        let before = paths.len();
        files(&root().join(folder), &mut paths);
        if paths.len() == before {
            eprintln!("SKIPPED: {folder} is not there");
        }
    }
    let (mut all, mut simple) = (0, 0);
    for path in &paths {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let (documents, read) = compare(&path.display().to_string(), &text);
        if std::env::var_os("PLIMSOLL_SHOW").is_some() && read < documents {
            println!("{} of {documents} {}", documents - read, path.display());
        }
        all += documents;
        simple += read;
    }
    println!("{simple} of {all} documents of {} files were read in the simple way", paths.len());
    assert!(simple * 10 > all * 8, "{simple} of {all}");
}

#[test]
fn keys_are_no_longer_than_readers_of_yaml_take() {
    for len in [1, KEY_BYTES - 10, 1_024, 1_025, 2_000] {
        let key = "k".repeat(len);
        for text in [
            format!("{key}: 1\n"),
            format!("a: {{{key}: 1}}\n"),
            format!("a: {{'{key}': 1}}\n"),
            format!("'{key}' : 1\n"),
        ] {
            let (_, simple) = compare("a long key", &text);
            assert_eq!(simple == 1, len <= KEY_BYTES, "{text}");
        }
    }
}

/// What is put into texts, or in the place of something.
const PIECES: [&str; 68] = [
    "a",
    "b: ",
    ": ",
    ":",
    "- ",
    "-",
    "\n",
    "\n  ",
    "\n    ",
    "\n\n",
    "\t",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ",",
    "?",
    "? ",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "! ",
    "|",
    "|\n  ",
    "|-\n    ",
    ">",
    ">-\n  ",
    "|+\n",
    "|2\n",
    "\"",
    "'",
    "''",
    "\\",
    "\\n",
    "\\\"",
    "#",
    " #",
    " # c\n",
    "%",
    "@",
    "`",
    "---",
    "---\n",
    "...",
    "~",
    "yes",
    "0x1F",
    "017",
    "1.0",
    "\r\n",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{a0}",
    "\u{e9}",
    "\u{1f600}",
    "\0",
    "  ",
    " ",
    "x y",
    "null",
    "<<",
    ":a",
    "?a",
    "\\\n",
    "\\ ",
];

/// A text that manifests are written in, to be changed.
const WRITTEN: &str = r#"# a comment
apiVersion: v1
kind: Pod # and one more
metadata:
  name: "a\"b"
  labels: {app: x, "tier": 'it''s'}
  annotations:
    long: words that
      go on

      below
    empty:
    block: |
      first
        deeper

      last
    folded: >-
      some words
      more words

       indented
      end
spec:
  containers:
  - name: c
    args: ["--a=b", -x, y z, https://a.b/c#d]
    env: []
    command:
    - sh
    - -c
    - |
      echo 1
  -
    name: d
    resources: {}
    ports: [
      {containerPort: 80},
      {
        "name": x,
        containerPort: 81,},
    ]
    args: [
      "x"
    ]
    env: {
      a: b
    }
    description: 'words
      that''s all

      of it'
    more: "a \"b\"
      c"
    joined: "one \
      two\
      \ three"
    header: :authority
    any:
    - ?*
    - ::/0
  nodeSelector:
      a : 1e3
      b: 0644
"#;

/// The same of one in brackets.
const IN_BRACKETS: &str = r#"[
  {"name": "a", "list": [1, 2.5,
    "b"],
   "object": {"close":"x","by":1,"object":{"a":[]}}
  },
{ c: d, "text": "e \"f\"" }, null,
  true
]
# behind it
"#;

/// The text with a piece put at each of these places, in the place of so many characters.
fn changed(text: &str, changes: &[(usize, usize, usize)]) -> String {
    let mut characters: Vec<String> = text.chars().map(String::from).collect();
    for (at, gone, piece) in changes {
        let at = at % (characters.len() + 1);
        let end = (at + gone).min(characters.len());
        characters.splice(at..end, [PIECES[*piece].to_owned()]);
    }
    characters.concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn changed_texts_read_the_same(
        changes in proptest::collection::vec((any::<usize>(), 0_usize..4, 0..PIECES.len()), 1..4)
    ) {
        compare("changed", &changed(WRITTEN, &changes));
        compare("changed", &changed(IN_BRACKETS, &changes));
    }

    #[test]
    fn made_up_texts_read_the_same(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..24)) {
        compare("made up", &pieces.concat());
    }
}

/// `PLIMSOLL_CASES=1000000` for a night.
fn cases() -> u32 {
    std::env::var("PLIMSOLL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
}
