//! The tables of docs/migrating.md are made of `tests/conformance/linters-map.tsv`, which the conformance suite compares
//! the tools by. `PLIMSOLL_UPDATE=1` writes them anew.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use regex::Regex;
use serde_json::Value;

const PAGE: &str = "docs/migrating.md";
const TOOLS: [&str; 3] = ["kube-linter", "kube-score", "polaris"];

fn at(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The packs of each embedded policy, beside `all`.
fn packs() -> BTreeMap<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["policies", "list", "--format", "json"])
        .current_dir(at("docs"))
        .env_clear()
        .output()
        .unwrap();
    let policies: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packs = policies.as_array().unwrap().iter().map(|policy| {
        let packs: Vec<&str> = policy["packs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        (policy["name"].as_str().unwrap().to_owned(), packs.join(", "))
    });
    packs.collect()
}

/// The text of a cell: a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// `policy/rule~part of the message`, with a link to its page.
fn ours(name: &str, packs: &BTreeMap<String, String>) -> String {
    let (code, part) = name.split_once('~').map_or((name, None), |(code, part)| (code, Some(part)));
    let policy = code.split('/').next().unwrap();
    assert!(packs.contains_key(policy), "{policy} is not a policy of the library");
    assert!(at(&format!("docs/policies/{policy}.md")).is_file(), "{policy} has no page");
    let part = part.map_or_else(String::new, |part| format!(" ({part})"));
    format!("[`{code}`](policies/{policy}.md){part}")
}

fn table(tool: &str, map: &str, packs: &BTreeMap<String, String>) -> String {
    // rows of a list that is not part of the repository
    let row_of_list = Regex::new(r" \([A-Z]\d+\)").unwrap();
    let mut text = "| check | Plimsoll | packs | differences |\n|---|---|---|---|\n".to_owned();
    for line in map.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [of, check, rules, parameters, reason] = fields[..] else { panic!("{line}") };
        if of != tool {
            continue;
        }
        // what only the tests have stands for what a user writes
        let own = rules.starts_with("user-");
        let (names, of_packs) = match rules {
            "-" => ("none".to_owned(), String::new()),
            _ if own => ("[a policy of your own](writing-policies.md)".to_owned(), String::new()),
            rules => {
                let names: Vec<String> = rules.split(' ').map(|name| ours(name, packs)).collect();
                let policy = rules.split(['/', '~', ' ']).next().unwrap();
                (names.join(", "), packs[policy].clone())
            }
        };
        let mut remark = row_of_list.replace_all(reason, "").into_owned();
        if !parameters.is_empty() && !own {
            let settings: Value = serde_json::from_str(parameters).unwrap();
            let separator = if remark.is_empty() { "" } else { "; " };
            let _ = write!(remark, "{separator}same result with the parameters `{settings}`");
        }
        writeln!(text, "| {} | {names} | {of_packs} | {} |", cell(check), cell(&remark)).unwrap();
    }
    text
}

#[test]
fn the_tables_are_those_that_the_tools_are_compared_by() {
    let page = fs::read_to_string(at(PAGE)).unwrap();
    let map = fs::read_to_string(at("tests/conformance/linters-map.tsv")).unwrap();
    let packs = packs();
    let mut expected = page.clone();
    for tool in TOOLS {
        let begin = format!("<!-- checks of {tool}: written by tests/migrating.rs -->\n");
        let (before, rest) = expected.split_once(&begin).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        let table = table(tool, &map, &packs);
        assert!(table.lines().count() > 35, "{tool}");
        expected = format!("{before}{begin}\n{table}\n<!-- end -->{after}");
    }
    if env::var_os("PLIMSOLL_UPDATE").is_some() {
        fs::write(at(PAGE), &expected).unwrap();
    }
    assert!(fs::read_to_string(at(PAGE)).unwrap() == expected, "PLIMSOLL_UPDATE=1 writes {PAGE} anew");
}
