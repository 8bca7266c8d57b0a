//! A folder in which everything is meant badly: each file ends under a name, in bounded time, and its
//! neighbours are read all the same.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use plimsoll::manifest::{FileOutcome, Inventory, ReadLimits, Sources, read_sources};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n";

/// Name, content, outcome, manifests, and what the first error says.
type Case = (&'static str, Vec<u8>, FileOutcome, usize, Option<&'static str>);

fn cases() -> Vec<Case> {
    use FileOutcome::{Broken, Linted, NotKubernetes, Template};
    let object = |data: &str| format!("{POD}data: {data}\n").into_bytes();
    let beside = |broken: &str| format!("{POD}---\n{broken}\n---\n{POD}").into_bytes();
    let utf16 =
        |text: &str, unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let level = |n: usize| format!("a{n}: &a{n} [{}]\n", format!("*a{},", n - 1).repeat(9));
    let bomb = format!("a0: &a0 [x]\n{}", (1..10).map(level).collect::<String>());
    let maps: String = (0..3_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    vec![
        ("neighbour.yaml", POD.into(), Linted, 1, None),
        ("broken.yaml", beside("a: ["), Broken, 2, Some("unclosed bracket")),
        (
            "template.yaml",
            format!("{POD}{{{{- if .Values.x }}}}\na: b\n{{{{- end }}}}\n").into(),
            Template,
            0,
            None,
        ),
        ("kustomization.yaml", b"resources: [a.yaml]\n".to_vec(), NotKubernetes, 0, None),
        ("values.yaml", b"a: 1\n".to_vec(), NotKubernetes, 0, None),
        ("utf16le.yaml", [vec![0xFF, 0xFE], utf16(POD, u16::to_le_bytes)].concat(), Linted, 1, None),
        ("utf16be.yaml", [vec![0xFE, 0xFF], utf16(POD, u16::to_be_bytes)].concat(), Linted, 1, None),
        ("utf16-no-bom.yaml", utf16(POD, u16::to_le_bytes), Broken, 0, Some("unexpected character")),
        ("latin1.yaml", object("\u{e9}").into_iter().filter(|b| *b != 0xC3).collect(), Linted, 1, None),
        ("huge.yaml", object(&"x".repeat(50 << 20)), Broken, 0, Some("more than the 33554432 that are read")),
        ("bomb.yaml", beside(&bomb), Broken, 2, Some("excessive aliasing")),
        (
            "merge-bomb.yaml",
            beside(&bomb.replace(": &", ": &m").replace("[*", "[*m").replace(",*", ",*m")),
            Broken,
            2,
            Some("excessive aliasing"),
        ),
        ("brackets.yaml", beside(&"[".repeat(100_000)), Broken, 2, Some("nested more than 1000 levels deep")),
        (
            "brackets.json",
            format!("{{\"kind\":{}", "{\"a\":".repeat(100_000)).into(),
            Broken,
            0,
            Some("nested more than 1000 levels deep"),
        ),
        (
            "braces.yaml",
            beside(&format!("a: {}", "{a: ".repeat(3_000))),
            Broken,
            2,
            Some("nested more than 1000 levels deep"),
        ),
        ("maps.yaml", beside(&maps), Broken, 2, Some("nested more than 1000 levels deep")),
        (
            "merges.yaml",
            beside(&format!("a: {{{}", "<<: {".repeat(3_000))),
            Broken,
            2,
            Some("nested more than 1000 levels deep"),
        ),
        (
            "merge-lists.yaml",
            beside(&format!("a: {{{}", "<<: [{".repeat(900))),
            Broken,
            2,
            Some("nested more than 1000 levels deep"),
        ),
        ("dashes.yaml", beside(&"- ".repeat(100_000)), Broken, 2, Some("nested more than 1000 levels deep")),
        ("questions.yaml", beside(&"? ".repeat(100_000)), Broken, 2, Some("a key must be a scalar")),
        ("key.yaml", beside(&format!("{}: 1", "k".repeat(1 << 20))), Broken, 2, Some("mapping values")),
        ("open-quote.yaml", beside(&format!("a: \"{}", "x\n".repeat(100_000))), Broken, 2, Some("quote")),
        ("nul.yaml", beside("a: \u{0}"), Broken, 2, Some("unexpected character")),
        (
            "many-keys.yaml",
            object(&format!("{{{}}}", (0..50_000).map(|n| format!("k{n}: 1,")).collect::<String>())),
            Linted,
            1,
            None,
        ),
        ("duplicates.yaml", object(&format!("{{{}}}", "k: 1,".repeat(50_000))), Linted, 1, None),
        ("many-documents.yaml", "---\na: 1\n".repeat(20_000).into(), NotKubernetes, 0, None),
        (
            "many-anchors.yaml",
            object(&format!("[{}]", (0..20_000).map(|n| format!("&a{n} x,")).collect::<String>())),
            Linted,
            1,
            None,
        ),
        (
            "comments-without-blanks.yaml",
            object(&format!("[{}]", "'x'#y\n,".repeat(2_000))),
            Broken,
            0,
            Some("comment"),
        ),
        ("empty.yaml", Vec::new(), NotKubernetes, 0, None),
        ("null.json", b"null".to_vec(), NotKubernetes, 0, None),
    ]
}

fn sources(folder: &Path) -> Sources {
    read_sources(&[folder.to_str().unwrap().to_owned()], &mut std::io::empty(), ReadLimits::default())
}

#[test]
fn everything_ends_under_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases();
    for (name, content, ..) in &cases {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let start = Instant::now();
    let sources = sources(folder.path());
    let inventory = Inventory::load(&sources);
    // Unoptimised, on a busy machine; what is not bounded takes hours.
    assert!(start.elapsed() < Duration::from_secs(240), "{:?}", start.elapsed());

    let records: BTreeMap<&str, _> = inventory
        .ledger()
        .iter()
        .map(|record| (sources.file(record.file).path().rsplit('/').next().unwrap(), record))
        .collect();
    assert_eq!(records.len(), cases.len());
    let mut misses = Vec::new();
    for (name, _, outcome, manifests, message) in &cases {
        let record = records[name];
        let count = inventory.manifests().iter().filter(|m| m.file == record.file).count();
        let error = record.errors.first().map(|error| error.error.to_string());
        let named = match (message, &error) {
            (Some(message), Some(error)) => error.contains(message),
            (message, error) => message.is_none() && error.is_none(),
        };
        if (record.outcome, count) != (*outcome, *manifests) || !named {
            misses.push(format!("{name}: {:?}, {count} manifests, {error:?}", record.outcome));
        }
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn the_order_is_the_same_at_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, ..) in cases().into_iter().filter(|(_, content, ..)| content.len() < 1 << 20) {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let told = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let sources = sources(folder.path());
            let inventory = Inventory::load(&sources);
            format!("{:?}{:?}{:?}", inventory.ledger(), inventory.manifests(), inventory.notices())
        })
    };
    let one = told(1);
    for threads in [2, 7] {
        assert!(told(threads) == one, "{threads} threads");
    }
}
