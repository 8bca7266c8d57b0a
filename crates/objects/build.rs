//! Reads the kinds out of `src/schema/definitions.txt`, and where its definitions begin, so that no process has to look.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

const TEXT: &str = "src/schema/definitions.txt";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={TEXT}");
    let text = fs::read_to_string(TEXT)?;
    let mut starts: Vec<usize> = text.match_indices("\n= ").map(|(at, _)| at + 1).collect();
    let kinds = text.get(..starts.first().copied().unwrap_or(text.len())).unwrap_or_default();
    starts.push(text.len());
    let mut code = format!("static STARTS: [u32; {}] = {starts:?};\n", starts.len());
    let rows: Vec<&str> = kinds.lines().filter_map(|line| line.strip_prefix("@ ")).collect();
    let _ = writeln!(code, "static KINDS: [KindRow; {}] = [", rows.len());
    for row in rows {
        let told = kind(row).ok_or_else(|| io::Error::other(format!("{TEXT}: not a kind: {row}")))?;
        code.push_str(&told);
    }
    code.push_str("];\n");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("table.rs"), code)
}

/// A row of the table, as code; how it is written is told in `src/schema.rs`.
fn kind(row: &str) -> Option<String> {
    let mut words = row.split(' ');
    let (kind, group, version) = (words.next()?, words.next()?, words.next()?);
    let (resource, scope, definition) = (words.next()?, words.next()?, words.next()?);
    let group = if group == "core" { "" } else { group };
    let resource = if resource == "-" { "" } else { resource };
    let namespaced = match scope {
        "n" => "Some(true)",
        "c" => "Some(false)",
        _ => "None",
    };
    let releases = match words.next() {
        Some(releases) => {
            let (first, last) = releases.split_once('-')?;
            let first = if first.is_empty() { "OLDEST" } else { first };
            let last = if last.is_empty() { "NEWEST" } else { last };
            format!("Releases {{ first: {first}, last: {last} }}")
        }
        None => "Releases::ALL".to_owned(),
    };
    Some(format!(
        "    KindRow {{ kind: {kind:?}, group: {group:?}, version: {version:?}, resource: {resource:?}, \
         namespaced: {namespaced}, releases: {releases}, definition: {definition:?} }},\n"
    ))
}
