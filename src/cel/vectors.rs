//! The front half against the golden vectors: stage, position of the first error, text of `check` errors, output type.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::issue::{Issues, Position, Stage};
use super::parser::parse;
use super::profile::Profile;

#[derive(Deserialize)]
struct Vector {
    id: String,
    expr: String,
    expect: BTreeMap<String, Expectation>,
}

#[derive(Deserialize)]
struct Expectation {
    stage: Option<String>,
    err: Option<String>,
}

fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let dev = root.join("vectors/cel/dev");
    if dev.is_dir() {
        return Some(dev);
    }
    eprintln!("SKIPPED: no golden vectors at {}", dev.display());
    None
}

fn first_position(text: &str) -> Option<(i64, i64)> {
    let mut parts = text.strip_prefix("ERROR: <input>:")?.splitn(3, ':');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn position_of(issues: &Issues) -> Option<(i64, i64)> {
    let first = issues.iter().next()?;
    Some(match issues.position(first) {
        None => (-1, 0),
        Some(Position { line, column }) => (line.into(), column.into()),
    })
}

#[test]
fn parses_as_the_vectors_say() {
    let Some(dev) = shared() else { return };
    let (mut total, mut agree) = (0, 0);
    let mut misses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut files: Vec<_> = std::fs::read_dir(dev).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let vector: Vector = serde_json::from_str(line).unwrap();
            let expr = vector.expr.as_str();
            for (profile, name) in [(Profile::V1_36, "1.36"), (Profile::V1_37, "1.37")] {
                let expect = &vector.expect[name];
                let err = expect.err.as_deref().unwrap_or_default();
                let expected = (expect.stage.as_deref() == Some("parse")).then(|| first_position(err));
                let actual = parse(expr, profile);
                let actual_position = actual.as_ref().err().map(|issues| {
                    assert_eq!(issues.stage(), Stage::Parse);
                    position_of(issues)
                });
                total += 1;
                if actual_position == expected {
                    agree += 1;
                } else {
                    let shown: String = expr.chars().take(100).collect();
                    let text = actual.err().map(|issues| issues.to_string()).unwrap_or_default();
                    misses.entry(file.file_name().unwrap().to_string_lossy().into_owned()).or_default().push(format!(
                        "{} {name} {shown:?} expected {expected:?} found {actual_position:?}\n{}\n--\n{text:.300}",
                        vector.id,
                        err.chars().take(300).collect::<String>()
                    ));
                }
            }
        }
    }
    for (file, misses) in &misses {
        eprintln!("{file}: {} misses", misses.len());
        for miss in misses.iter().take(30) {
            eprintln!("  {miss}");
        }
    }
    eprintln!("parse: {agree} of {total} agree");
    assert!(total - agree <= 24, "{} misses", total - agree);
}
