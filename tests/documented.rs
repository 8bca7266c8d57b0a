//! The pages and the command line say the same: flags, environment variables, keys of files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn plimsoll(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .expect("runs");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A flag, without its dashes, and the variable that stands for it.
type Flags = BTreeMap<String, Option<String>>;

/// The flags of every command, by its words: `policies check`.
fn commands() -> BTreeMap<String, Flags> {
    let mut all = BTreeMap::new();
    let mut to_do = vec![String::new()];
    while let Some(command) = to_do.pop() {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = plimsoll(Path::new("."), &words);
        let (listed, options) = match help.split_once("\nCommands:\n") {
            Some((_, rest)) => rest.split_once("\n\n").unwrap_or((rest, "")),
            None => ("", help.as_str()),
        };
        for line in listed.lines() {
            let name = line.split_whitespace().next().filter(|name| *name != "help");
            // what is wrapped is further in
            if let Some(name) = name.filter(|_| line.starts_with("  ") && !line.starts_with("   ")) {
                to_do.push(format!("{command} {name}").trim().to_owned());
            }
        }
        let mut flags = Flags::new();
        let mut last = None;
        for line in options.lines().map(str::trim_start) {
            let starts = line.starts_with('-');
            let flag = line.split("--").nth(1).filter(|_| starts).map(name_of);
            if let Some(flag) = flag {
                flags.insert(flag.clone(), None);
                last = Some(flag);
            }
            if let (Some((_, variable)), Some(last)) = (line.split_once("[env: "), &last) {
                let variable = variable.split(['=', ']']).next().unwrap_or_default();
                flags.insert(last.clone(), Some(variable.to_owned()));
            }
        }
        all.insert(command, flags);
    }
    all
}

/// The name of a flag at the start of a text.
fn name_of(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

fn pages() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir("docs").expect("docs").map(|entry| entry.expect("an entry").path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut pages: Vec<PathBuf> = docs.chain(["README.md", "CONTRIBUTING.md"].map(PathBuf::from)).collect();
    pages.sort();
    pages.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("text"))).collect()
}

/// What a page shows as code: lines of blocks, those that end with a backslash joined with the next, and spans of text.
fn code(page: &str) -> Vec<String> {
    let mut code = Vec::new();
    let mut text = String::new();
    for (index, part) in page.split("\n```").enumerate() {
        if index % 2 == 1 {
            let block = part.split_once('\n').map_or("", |(_, block)| block).replace("\\\n", " ");
            code.extend(block.lines().map(str::to_owned));
        } else {
            text.push_str(part);
            text.push('\n');
        }
    }
    code.extend(text.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")));
    code
}

/// The calls of `plimsoll` in a line of code: the words behind it, up to what the shell takes for the end.
fn calls(code: &str) -> Vec<Vec<String>> {
    let words: Vec<&str> = code.split_whitespace().collect();
    let starts = words.iter().enumerate().filter(|(_, word)| {
        **word == "plimsoll" || word.starts_with("target/") && word.ends_with("/plimsoll")
    });
    let ends = |word: &&&str| !matches!(**word, "|" | "&&" | "||" | ";" | "#" | ">" | "2>");
    starts
        .map(|(at, _)| words[at + 1..].iter().take_while(ends).map(|word| (*word).to_owned()).collect())
        .collect()
}

#[test]
fn every_flag_of_the_pages_is_one_of_its_command() {
    let commands = commands();
    assert!(commands.len() > 12, "{:?}", commands.keys());
    let mut checked = 0;
    let mut wrong = Vec::new();
    for (path, page) in pages() {
        for code in code(&page) {
            for call in calls(&code) {
                let mut command = String::new();
                for word in &call {
                    let longer = format!("{command} {word}");
                    if !commands.contains_key(longer.trim()) {
                        break;
                    }
                    longer.trim().clone_into(&mut command);
                }
                for flag in call.iter().filter_map(|word| word.strip_prefix("--")).map(name_of) {
                    // `--` alone: the rest are no flags
                    if flag.is_empty() {
                        break;
                    }
                    checked += 1;
                    if !commands[&command].contains_key(&flag) {
                        wrong.push(format!("{}: plimsoll {command} has no --{flag}: {code}", path.display()));
                    }
                }
            }
        }
    }
    assert!(checked > 40, "{checked}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_variable_of_the_pages_is_one_of_the_command_line() {
    let mut variables: BTreeSet<String> = BTreeSet::new();
    for (command, flags) in commands() {
        for (flag, variable) in flags {
            let Some(variable) = variable else { continue };
            let expected = format!("PLIMSOLL_{}", flag.to_uppercase().replace('-', "_"));
            // of a flag that may be repeated the variable has all
            assert!(
                variable == expected || variable == format!("{expected}S"),
                "{command} --{flag}: {variable}"
            );
            variables.insert(variable);
        }
    }
    assert!(variables.len() > 20, "{variables:?}");
    for (path, page) in pages() {
        // CONTRIBUTING speaks of those of the tests
        if path.ends_with("CONTRIBUTING.md") {
            continue;
        }
        for word in page.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')) {
            // these are of the test that asks a live server
            let of_a_test = word.starts_with("PLIMSOLL_FIDELITY");
            if word.len() > "PLIMSOLL_".len() && word.starts_with("PLIMSOLL_") && !of_a_test {
                assert!(variables.contains(word), "{}: {word}", path.display());
            }
        }
    }
}

/// The fields that an object can have, as the error about one that it cannot have lists them.
fn expected_fields(configuration: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
    fs::write(folder.path().join("plimsoll.yaml"), format!("{head}{configuration}")).expect("written");
    fs::write(folder.path().join("a.yaml"), "apiVersion: v1\nkind: Pod\n").expect("written");
    let said = plimsoll(folder.path(), &["lint", "a.yaml"]);
    let expected = said.split_once("expected one of ").unwrap_or_else(|| panic!("{said}")).1;
    let line = expected.lines().next().unwrap_or_default();
    line.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_of_a_configuration_stands_on_its_page() {
    let page = fs::read_to_string("docs/configuration.md").expect("text");
    let words: BTreeSet<&str> = page.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    for configuration in ["nonsense: 1", "serve: {nonsense: 1}"] {
        let fields = expected_fields(configuration);
        assert!(fields.len() > 8, "{fields:?}");
        for field in fields {
            assert!(words.contains(field.as_str()), "docs/configuration.md lacks {field}");
        }
    }
}

#[test]
fn every_field_of_a_policy_stands_on_its_page() {
    let page = fs::read_to_string("docs/writing-policies.md").expect("text");
    let words: BTreeSet<&str> = page.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let schema: serde_json::Value =
        serde_json::from_str(&plimsoll(Path::new("."), &["policies", "schema"])).expect("JSON");
    for object in ["Spec", "Rule", "Match"] {
        let fields = schema["$defs"][object]["properties"].as_object();
        let fields = fields.unwrap_or_else(|| panic!("no {object} in {:?}", schema["$defs"]));
        assert!(fields.len() > 4, "{object}");
        let lacking: Vec<&String> = fields.keys().filter(|field| !words.contains(field.as_str())).collect();
        assert!(lacking.is_empty(), "docs/writing-policies.md lacks {lacking:?} of {object}");
    }
}
