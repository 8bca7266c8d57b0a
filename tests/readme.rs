//! What the README shows is what is there: its run, its figures, its links. `PLIMSOLL_UPDATE=1` writes the first two anew.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use regex::Regex;

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Puts a text between two others, and compares or writes the page.
fn keep(begin: &str, end: &str, text: &str) {
    let page = fs::read_to_string(at("README.md")).unwrap();
    let (before, rest) = page.split_once(begin).unwrap_or_else(|| panic!("README.md lacks {begin:?}"));
    let (_, after) = rest.split_once(end).unwrap();
    let expected = format!("{before}{begin}{text}{end}{after}");
    if env::var_os("PLIMSOLL_UPDATE").is_some() {
        fs::write(at("README.md"), &expected).unwrap();
    }
    assert!(fs::read_to_string(at("README.md")).unwrap() == expected, "PLIMSOLL_UPDATE=1 writes:\n{text}");
}

/// One test, as both write the page when they are asked to.
#[test]
fn the_run_and_the_figures_of_the_readme_are_real() {
    run();
    figures();
}

fn run() {
    let time = Regex::new(r" · [0-9.]+ m?s\n").unwrap();
    let mut shown = String::new();
    for path in ["examples/shop/checkout.yaml", "examples/bookshop"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        let output = command.args(["lint", path]).current_dir(at("")).env_clear().output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(time.is_match(&text), "{text}");
        // the one part that is never the same
        let text = time.replace(&text, " · 13 ms\n");
        write!(shown, "$ plimsoll lint {path}\n{text}").unwrap();
    }
    keep("```console\n", "```\n", &shown);
}

/// How many of their checks have a counterpart here, and how far the fixtures of each tool must agree.
fn figures() {
    let map = fs::read_to_string(at("tests/conformance/linters-map.tsv")).unwrap();
    let thresholds = fs::read_to_string(at("tests/conformance/thresholds.rs")).unwrap();
    let mut table = "| their checks | have a counterpart here | their own fixtures are judged alike, at least |\n|---|--:|--:|\n".to_owned();
    for tool in ["kube-linter", "kube-score", "polaris"] {
        let rows: Vec<&str> = map.lines().filter(|line| line.starts_with(&format!("{tool}\t"))).collect();
        let answered = rows.iter().filter(|row| row.split('\t').nth(2) != Some("-")).count();
        let row = Regex::new(&format!(r#""linters", "{tool}", "cases", ([0-9.]+)\)"#)).unwrap();
        let percent = &row.captures(&thresholds).unwrap()[1];
        writeln!(table, "| {tool} | {answered} of {} | {percent} % |", rows.len()).unwrap();
    }
    keep("<!-- figures: written by tests/readme.rs -->\n", "<!-- end -->", &format!("\n{table}\n"));
}

#[test]
fn it_can_be_installed_from_the_top_and_its_links_lead_somewhere() {
    let page = fs::read_to_string(at("README.md")).unwrap();
    let install = page.lines().position(|line| line == "## Install").unwrap();
    assert!(install < 25, "line {install}");
    let link = Regex::new(r"\]\(([^)#]+)(#[a-z-]*)?\)").unwrap();
    for (page, folder) in [("README.md", ""), ("docs/ci.md", "docs"), ("docs/migrating.md", "docs")] {
        let text = fs::read_to_string(at(page)).unwrap();
        let mut links = 0;
        for found in link.captures_iter(&text).map(|captures| captures[1].to_owned()) {
            links += 1;
            assert!(found.starts_with("https://") || at(folder).join(&found).exists(), "{page}: {found}");
        }
        assert!(links > 2, "{page}");
    }
}
