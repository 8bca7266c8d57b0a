//! Which files are read, and how strictly each is judged: `include`, `exclude`, `overrides`, and their flags.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use clap::CommandFactory;
use plimsoll::cli::Cli;
use plimsoll::cli::config::KEYS;
use serde_json::Value;

const HEAD: &str = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";

fn plimsoll(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn report(folder: &Path, arguments: &[&str]) -> Value {
    let output = plimsoll(folder, &[&["lint", "--format", "json"], arguments].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `path outcome`, with the reason of what is ignored.
fn files(report: &Value) -> Vec<String> {
    let files = report["files"].as_array().unwrap().iter();
    let files = files.map(|f| format!("{} {} {}", text(&f["path"]), text(&f["outcome"]), text(&f["reason"])));
    files.map(|line| line.trim_end().to_owned()).collect()
}

/// `file code severity`
fn findings(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|f| format!("{} {} {}", text(&f["file"]), text(&f["code"]), text(&f["severity"]))).collect()
}

fn write(folder: &Path, file: &str, content: &str) {
    let file = folder.join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

fn pod(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: {name}, image: nginx}}]}}\n"
    )
}

#[test]
fn files_are_included_and_excluded() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "deploy/a.yaml", &pod("a"));
    write(folder, "deploy/b.k8s", &pod("b"));
    write(folder, "deploy/vendor/c.yaml", &pod("c"));
    write(folder, "deploy/test/d.yaml", &pod("d"));
    let all = files(&report(folder, &["deploy"]));
    assert_eq!(all, ["deploy/a.yaml linted", "deploy/test/d.yaml linted", "deploy/vendor/c.yaml linted"]);
    let out = files(&report(folder, &["deploy", "--exclude", "vendor", "--exclude", "deploy/test/*.yaml"]));
    assert_eq!(
        out,
        [
            "deploy/a.yaml linted",
            "deploy/test/d.yaml ignored excluded",
            "deploy/vendor/c.yaml ignored excluded"
        ]
    );
    let included = files(&report(folder, &["deploy", "--include", "*.k8s", "--include", "a.yaml"]));
    assert_eq!(included, ["deploy/a.yaml linted", "deploy/b.k8s linted"]);

    // the file counts from where it lies, from wherever in the repository it is asked
    fs::create_dir(folder.join(".git")).unwrap();
    let configuration = format!("{HEAD}exclude: [deploy/vendor/, '*.k8s']\ninclude: ['*.yaml', '*.k8s']\n");
    write(folder, "plimsoll.yaml", &configuration);
    for (start, from) in [("deploy", folder.to_owned()), (".", folder.join("deploy"))] {
        let report = report(&from, &[start, "--exclude", "d.yaml"]);
        let files = files(&report);
        let linted: Vec<&String> = files.iter().filter(|file| file.ends_with("linted")).collect();
        assert_eq!(linted.len(), 1, "{files:?}");
        assert!(linted[0].ends_with("a.yaml linted"), "{files:?}");
    }
    // what is named is meant, unless a commit hook names whatever has changed
    let named = ["deploy/vendor/c.yaml", "deploy/a.yaml"];
    assert_eq!(files(&report(folder, &named)), ["deploy/a.yaml linted", "deploy/vendor/c.yaml linted"]);
    let forced = files(&report(folder, &[&named[..], &["--force-exclude"]].concat()));
    assert_eq!(forced, ["deploy/a.yaml linted", "deploy/vendor/c.yaml ignored excluded"]);
    write(folder, "plimsoll.yaml", &format!("{configuration}forceExclude: true\n"));
    assert_eq!(files(&report(folder, &named)), forced);
    let only = plimsoll(folder, &["lint", "deploy/vendor/c.yaml"]);
    assert_eq!(only.status.code(), Some(0), "{}", String::from_utf8_lossy(&only.stdout));
    let mutated = plimsoll(folder, &["mutate", "deploy", "--exclude", "d.yaml"]);
    let mutated = String::from_utf8_lossy(&mutated.stdout).into_owned();
    assert!(mutated.contains("name: a") && !mutated.contains("name: c"), "{mutated}");
}

#[test]
fn some_paths_are_judged_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(
        folder,
        "plimsoll.yaml",
        &format!(
            "{HEAD}packs: [default]\noverrides:\n  - paths: [legacy/]\n    skip: [image-tag, yaml/octal]\n    severities: {{host-network: info}}\n\
         \x20 - paths: [legacy/strict/]\n    severities: {{host-network: error}}\n    parameters: {{image-tag: {{mutable: [stable]}}}}\n\
         \x20 - paths: [secure/]\n    packs: [security]\n"
        ),
    );
    let pod = |name: &str, image: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, annotations: {{mode: \"{image}\"}}}}\nspec:\n  hostNetwork: true\n  priority: 0755\n  containers: [{{name: {name}, image: '{image}'}}]\n"
        )
    };
    for path in ["a", "legacy/a", "legacy/strict/a", "secure/a"] {
        write(folder, &format!("{path}.yaml"), &pod(&path.replace('/', "-"), "nginx:latest"));
    }
    let of = |report: &Value, file: &str| -> Vec<String> {
        let codes = ["image-tag/", "host-network/", "yaml/octal", "privilege-escalation-unset"];
        let all = findings(report).into_iter();
        let own = all.filter_map(|line| line.strip_prefix(&format!("{file} ")).map(str::to_owned));
        own.filter(|line| codes.iter().any(|code| line.starts_with(code))).collect()
    };
    let told = report(folder, &["."]);
    assert_eq!(
        of(&told, "a.yaml"),
        ["host-network/host-network error", "yaml/octal warning", "image-tag/mutable warning"]
    );
    assert_eq!(of(&told, "legacy/a.yaml"), ["host-network/host-network info"]);
    assert_eq!(of(&told, "legacy/strict/a.yaml"), ["host-network/host-network error"]);
    assert!(
        of(&told, "secure/a.yaml").iter().any(|line| line.starts_with("privilege-escalation-unset")),
        "{:?}",
        of(&told, "secure/a.yaml")
    );
    assert!(!of(&told, "secure/a.yaml").iter().any(|line| line.starts_with("image-tag")));
    // what decides how files are judged is in the hash
    write(folder, "plimsoll.yaml", &format!("{HEAD}packs: [default]\n"));
    assert_ne!(report(folder, &["."])["policies"]["hash"], told["policies"]["hash"]);
}

#[test]
fn mistakes_are_said_at_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "a.yaml", &pod("a"));
    for (text, expected) in [
        (
            "exclude: ['a[']",
            "plimsoll.yaml:3:11\nerror: \"a[\" is not a glob: unclosed character class; missing ']'",
        ),
        (
            "overrides: [{paths: [], skip: [image-tag]}]",
            "plimsoll.yaml:3:13\nerror: an override needs `paths`, or it is about no file",
        ),
        (
            "overrides: [{paths: ['x['], skip: [image-tag]}]",
            "plimsoll.yaml:3:22\nerror: \"x[\" is not a glob",
        ),
        (
            "overrides: [{paths: [x], skip: [image-tug]}]",
            "plimsoll.yaml:3:33\nerror: no policy, rule or code is named image-tug",
        ),
        (
            "overrides: [{paths: [x], severities: {image-tug: info}}]",
            "plimsoll.yaml:3:39\nerror: no policy, rule or code is named image-tug",
        ),
        (
            "overrides: [{paths: [x], packs: [defalt]}]",
            "plimsoll.yaml:3:34\nerror: no policy is in a pack named defalt",
        ),
        ("overrides: [{paths: [x], parameters: {image-tag: {mutabel: [x]}}}]", "plimsoll.yaml:3:51\nerror: "),
        ("overrides: [{paths: [x], pack: [default]}]", "plimsoll.yaml:3:26\nerror: unknown field `pack`"),
    ] {
        write(folder, "plimsoll.yaml", &format!("{HEAD}{text}\n"));
        let output = plimsoll(folder, &["lint", "."]);
        assert_eq!(output.status.code(), Some(2), "{text}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let (place, message) = expected.split_once('\n').unwrap();
        assert!(said.contains(place) && said.contains(message), "{text}: {said}");
    }
    let flag = plimsoll(folder, &["lint", ".", "--config", "plimsoll.yaml", "--exclude", "a["]);
    assert_eq!(flag.status.code(), Some(2));
}

/// Flags of `lint` that are no entries of the file, and why.
const WITHOUT_KEY: [(&str, &str); 11] = [
    ("no-ignore", "it takes back what the file waives"),
    ("add-ignores", "it is done once, by hand"),
    ("reason", "with add-ignores"),
    ("until", "with add-ignores"),
    ("today", "a file does not know the day"),
    ("watch", "it goes on until somebody ends it"),
    ("help", "it asks a question, and does no job"),
    ("filename", "what is judged stands on the command line"),
    ("config", "it says where the file is"),
    ("write-baseline", "it is done once, by hand"),
    ("no-baseline", "it takes back what the file says"),
];

#[test]
fn every_flag_of_lint_has_its_key() {
    let schema = plimsoll(Path::new("."), &["policies", "schema", "configuration"]);
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let command = Cli::command();
    let lint = command.find_subcommand("lint").unwrap();
    for (flag, id) in lint.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg.get_id()))) {
        let key = KEYS.iter().find(|(_, of)| id == of).map(|(key, _)| *key);
        let reason = WITHOUT_KEY.iter().find(|(name, _)| *name == flag).map(|(_, reason)| *reason);
        match (key, reason) {
            (Some(key), None) => assert!(properties.contains_key(key), "--{flag}: {key}"),
            (None, Some(_)) => {}
            (None, None) => panic!("--{flag} has no key"),
            (Some(key), Some(reason)) => panic!("--{flag} has the key {key}, though {reason}"),
        }
    }
}

#[test]
fn what_is_in_force_is_shown_with_where_it_is_from() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "a.yaml", &pod("a"));
    let show = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(["config", "show"])
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let nothing = show(&[], &[]);
    assert!(nothing.starts_with("# no configuration file\n"), "{nothing}");
    assert!(nothing.lines().skip(1).all(|line| line.ends_with("  # default")), "{nothing}");
    let entries = "failOn: warning\nskip: [image-tag]\nquiet: true\nexclude: [x]\nembedded: true\n\
        parameters: {minimum-replicas: {minimum: 3}}\n";
    write(folder, "plimsoll.yaml", &format!("{HEAD}{entries}"));
    let shown = show(
        &["a.yaml", "--exclude", "y", "--fail-on", "info", "--no-embedded", "--verbose"],
        &[
            ("PLIMSOLL_COMPLETE", "yes"),
            ("PLIMSOLL_ONLY", "host-network,image-tag"),
            ("PLIMSOLL_FAIL_ON", "error"),
        ],
    );
    for line in [
        "embedded: false  # --no-embedded",
        "skip: [\"image-tag\"]  # plimsoll.yaml:4",
        "exclude: [\"x\", \"y\"]  # plimsoll.yaml:6, --exclude",
        "failOn: \"info\"  # --fail-on",
        "complete: true  # PLIMSOLL_COMPLETE",
        "only: [\"host-network\", \"image-tag\"]  # PLIMSOLL_ONLY",
        "verbose: true  # --verbose",
        "parameters: {\"minimum-replicas\":{\"minimum\":3}}  # plimsoll.yaml:8",
        "packs: [\"default\"]  # default",
    ] {
        let found = shown.lines().any(|shown| shown.split_whitespace().eq(line.split_whitespace()));
        assert!(found, "{line}\n{shown}");
    }
    // what is shown can be a file
    let body: String =
        shown.lines().filter(|line| !line.contains(": null")).map(|line| format!("{line}\n")).collect();
    write(folder, "other.yaml", &format!("{HEAD}{body}"));
    let again = plimsoll(folder, &["config", "show", "--config", "other.yaml"]);
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
}

#[test]
fn the_file_speaks_where_no_flag_does() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "pods/a.yaml", &pod("a"));
    fs::create_dir(folder.join(".git")).unwrap();
    write(
        folder,
        "plimsoll.yaml",
        &format!(
            "{HEAD}only: [image-tag]\nfailOn: warning\nformat: [concise, json=out/report.json]\nquiet: true\n"
        ),
    );
    fs::create_dir(folder.join("out")).unwrap();
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .arg("lint")
            .args(arguments)
            .current_dir(folder.join("pods"))
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let concise =
        "a.yaml:4:38: warning image-tag/missing: image nginx of container a has no tag, which means latest\n";
    assert_eq!(run(&[], &[]), (Some(1), concise.to_owned(), String::new()));
    assert!(folder.join("out/report.json").is_file(), "from the folder of the file");
    assert_eq!(run(&["--fail-on", "error"], &[]).0, Some(0));
    assert_eq!(run(&[], &[("PLIMSOLL_FAIL_ON", "error")]).0, Some(0));
    assert_eq!(run(&["--only", "host-network"], &[]), (Some(0), String::new(), String::new()));
    let (_, loud, _) = run(&["--quiet=false", "--format", "text"], &[]);
    assert!(loud.contains("1 warning in 1 of 1 object"), "{loud}");
    assert!(run(&["--verbose", "--format", "text"], &[]).1.contains("1 warning in 1 of 1 object"));
    for (entry, place, message) in [
        ("skip: [image-tag, image-tug]", "plimsoll.yaml:3:19", "no policy, rule or code is named image-tug"),
        ("format: [yaml]", "plimsoll.yaml:3:10", "expected one of text, concise"),
        ("failOn: fatal", "plimsoll.yaml:3:9", "unknown value `fatal`"),
        ("quiet: true\nverbose: true", "plimsoll.yaml:4:1", "quiet and verbose exclude each other"),
    ] {
        write(folder, "plimsoll.yaml", &format!("{HEAD}{entry}\n"));
        let (code, _, said) = run(&[], &[]);
        assert_eq!(code, Some(2), "{entry}");
        assert!(said.contains(place) && said.contains(message), "{entry}: {said}");
    }
}
