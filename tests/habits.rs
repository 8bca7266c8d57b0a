//! What people type without reading: `-f`, `help`, `version`, completions, man pages, variables of CI, `--exit-zero`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use clap::CommandFactory;
use plimsoll::cli::Cli;
use serde_json::{Value, json};

/// A Deployment that has findings of every severity.
const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  \
    template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - {name: web, image: nginx}\n";

fn plimsoll(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Flags of `lint` without a variable, and why.
const WITHOUT_VARIABLE: [(&str, &str); 6] = [
    ("add-ignores", "it is done once, by hand: a variable would write into the files of every run"),
    ("reason", "with add-ignores"),
    ("until", "with add-ignores"),
    ("write-baseline", "it is done once, by hand: a variable would do it again and again"),
    ("help", "it asks a question, and does no job"),
    ("filename", "what is judged stands on the command line, where whoever reads a log sees it"),
];

#[test]
fn every_flag_of_lint_has_its_variable() {
    let command = Cli::command();
    let lint = command.find_subcommand("lint").unwrap();
    let reasons = BTreeMap::from(WITHOUT_VARIABLE);
    let mut with = 0;
    for flag in lint.get_arguments().filter_map(|argument| Some((argument.get_long()?, argument))) {
        let (name, argument) = flag;
        let variable = argument.get_env().map(|variable| variable.to_str().unwrap());
        let expected = format!("PLIMSOLL_{}", name.to_uppercase().replace('-', "_"));
        match (variable, reasons.get(name)) {
            // of a flag that may be repeated the variable may be in the plural
            (Some(variable), None) => {
                assert!(variable == expected || variable == format!("{expected}S"), "--{name}: {variable}");
                with += 1;
            }
            (None, Some(_)) => {}
            (None, None) => panic!("--{name} has no variable {expected}"),
            (Some(variable), Some(reason)) => panic!("--{name} has {variable}, though {reason}"),
        }
    }
    assert!(with > 20, "{with}");
}

#[test]
fn variables_are_understood_as_ci_sets_them() {
    let folder = folder(&[("web.yaml", WEB)]);
    let code = |variables: &[(&str, &str)]| {
        let output = plimsoll(folder.path(), &["lint", "web.yaml"], variables);
        (output.status.code(), err(&output))
    };
    assert_eq!(code(&[]).0, Some(1));
    for (value, expected) in [("1", 0), ("true", 0), ("yes", 0), ("on", 0), ("0", 1), ("false", 1), ("", 1)] {
        assert_eq!(code(&[("PLIMSOLL_EXIT_ZERO", value)]).0, Some(expected), "{value:?}");
    }
    assert_eq!(code(&[("PLIMSOLL_FORMAT", ""), ("PLIMSOLL_FAIL_ON", "")]).0, Some(1), "empty is not set");
    let (status, said) = code(&[("PLIMSOLL_EXIT_ZERO", "maybe")]);
    assert_eq!(status, Some(2));
    assert!(said.contains("--exit-zero"), "{said}");
    assert_eq!(code(&[("PLIMSOLL_SKIP", "required-probes,image-tag,run-as-root")]).0, Some(0), "a list");
}

#[test]
fn exit_zero_is_for_findings_and_not_for_what_went_wrong() {
    let folder = folder(&[("web.yaml", WEB), ("broken.yaml", "a: [\n")]);
    let run = |arguments: &[&str]| plimsoll(folder.path(), arguments, &[]);
    let without = run(&["lint", "web.yaml", "--format", "json"]);
    let with = run(&["lint", "web.yaml", "--format", "json", "--exit-zero"]);
    assert_eq!((without.status.code(), with.status.code()), (Some(1), Some(0)));
    assert_eq!(out(&without), out(&with), "the report is the same");
    for arguments in [&["lint", "--exit-zero", "broken.yaml"][..], &["lint", "--exit-zero", "none.yaml"]] {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn files_may_stand_behind_f_as_in_kubectl() {
    let folder = folder(&[("a/web.yaml", WEB), ("b/web.yaml", WEB), ("c/web.yaml", WEB)]);
    let files = |arguments: &[&str]| {
        let arguments = [&["lint", "--format", "json"], arguments].concat();
        let output = plimsoll(folder.path(), &arguments, &[]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let paths =
            report["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned());
        paths.collect::<Vec<_>>()
    };
    let all = ["a/web.yaml", "b/web.yaml", "c/web.yaml"];
    assert_eq!(files(&[]), all);
    assert_eq!(files(&["-f", "b"]), ["b/web.yaml"], "the working folder is not asked for");
    assert_eq!(files(&["-f", "b", "--filename", "c", "a"]), all);
    let mutated = plimsoll(folder.path(), &["mutate", "-f", "a"], &[]);
    assert_eq!(out(&mutated), out(&plimsoll(folder.path(), &["mutate", "a"], &[])));
    assert!(out(&mutated).contains("name: web"));
    // what `mutate` had before `--format` was everywhere
    for flag in ["--format", "--output", "-o"] {
        let patches = plimsoll(folder.path(), &["mutate", flag, "patch", "a"], &[]);
        assert_eq!(
            (patches.status.code(), out(&patches).as_str()),
            (Some(0), ""),
            "{flag}: {}",
            err(&patches)
        );
    }
}

#[test]
fn every_shell_can_complete() {
    for (shell, holds) in [
        ("bash", "complete -F _plimsoll"),
        ("zsh", "#compdef plimsoll"),
        ("fish", "complete -c plimsoll"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion:arg-completer[plimsoll]"),
    ] {
        let output = plimsoll(Path::new("."), &["completions", shell], &[]);
        let script = out(&output);
        assert_eq!(output.status.code(), Some(0));
        assert!(script.contains(holds) && script.contains("fail-on-unknown"), "{shell}: {script}");
    }
    let unknown = plimsoll(Path::new("."), &["completions", "tcsh"], &[]);
    assert_eq!(unknown.status.code(), Some(2));
    // what bash makes of it, where there is one
    let folder = folder(&[("bash", &out(&plimsoll(Path::new("."), &["completions", "bash"], &[])))]);
    let ask = "source ./bash; COMP_WORDS=(plimsoll lint --exit-z); COMP_CWORD=2; \
        _plimsoll plimsoll --exit-z lint; printf '%s' \"${COMPREPLY[*]}\"";
    match Command::new("bash").args(["--norc", "-c", ask]).current_dir(folder.path()).output() {
        Ok(answer) => assert_eq!(out(&answer), "--exit-zero", "{}", err(&answer)),
        Err(error) => eprintln!("SKIPPED in part: bash cannot be run: {error}"),
    }
}

#[test]
fn there_is_a_page_of_the_manual_for_every_command() {
    let folder = folder(&[]);
    let output = plimsoll(folder.path(), &["man", "share/man1"], &[]);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(0), ""), "{}", err(&output));
    let mut to_do = vec![("plimsoll".to_owned(), Cli::command())];
    let mut pages = 0;
    let page_of = |name: &str| fs::read_to_string(folder.path().join(format!("share/man1/{name}.1")));
    while let Some((name, command)) = to_do.pop() {
        let page = page_of(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
        for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(page.contains(&flag.replace('-', "\\-")), "{name}: --{flag}");
        }
        pages += 1;
        to_do
            .extend(command.get_subcommands().map(|sub| (format!("{name}-{}", sub.get_name()), sub.clone())));
    }
    assert!(pages > 15, "{pages}");
    assert_eq!(fs::read_dir(folder.path().join("share/man1")).unwrap().count(), pages);
    assert_eq!(page_of("plimsoll").unwrap(), out(&plimsoll(folder.path(), &["man"], &[])));
    fs::write(folder.path().join("file"), "").unwrap();
    let failed = plimsoll(folder.path(), &["man", "file"], &[]);
    assert_eq!(failed.status.code(), Some(2));
    assert!(err(&failed).starts_with("error: file: "), "{}", err(&failed));
}

#[test]
fn help_and_version_are_words_too() {
    let run = |arguments: &[&str]| plimsoll(Path::new("."), arguments, &[]);
    assert_eq!(out(&run(&["version"])), out(&run(&["--version"])));
    assert_eq!(out(&run(&["version"])), format!("plimsoll {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(out(&run(&["help", "policies", "check"])), out(&run(&["policies", "check", "--help"])));
    assert_eq!(run(&["help"]).status.code(), Some(0));
}

#[test]
fn the_check_of_policies_speaks_json() {
    let good = "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: good}\nspec:\n  \
        match: {kinds: [Pod]}\n  rules:\n  - {name: named, validate: has(object.metadata.name), message: m}\n";
    let bad = good.replace("name: good", "name: bad").replace("validate:", "validat:");
    let folder = folder(&[("good.yaml", good), ("bad.yaml", &bad)]);
    let run = |arguments: &[&str]| {
        let output =
            plimsoll(folder.path(), &[&["policies", "check", "--format", "json"], arguments].concat(), &[]);
        assert_eq!(err(&output), "", "all is in the JSON");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report)
    };
    let (code, report) = run(&["good.yaml"]);
    assert_eq!(code, Some(0));
    assert_eq!(report["version"], 1);
    assert_eq!(report["policies"][0]["name"], "good");
    assert_eq!(report["policies"][0]["rules"], json!(["good/named"]));
    let (code, report) = run(&["-f", "."]);
    assert_eq!(code, Some(2));
    assert_eq!(report["summary"], json!({"policies": 1, "exceptions": 0, "errors": 1, "warnings": 0}));
    let error = &report["errors"][0];
    assert_eq!((&error["file"], &error["line"]), (&json!("./bad.yaml"), &json!(7)), "{error}");
    assert!(error["message"].as_str().unwrap().contains("validat"), "{error}");
    assert!(error["help"].as_str().unwrap().contains("validate"), "{error}");
}

#[test]
fn tests_of_policies_speak_json() {
    let policy = "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: named}\nspec:\n  \
        match: {kinds: [Pod]}\n  rules:\n  - {name: named, validate: object.metadata.name == 'web', message: m}\n";
    let test = "apiVersion: plimsoll.dev/v1alpha1\nkind: PolicyTest\nmetadata: {name: of-named}\nspec:\n  \
        policies: [named.yaml]\n  cases:\n  - name: other\n    manifests: |\n      apiVersion: v1\n      kind: Pod\n      \
        metadata: {name: other}\n    expect:\n    - {object: Pod/other, verdict: allow}\n  - name: web\n    manifests: |\n      \
        apiVersion: v1\n      kind: Pod\n      metadata: {name: web}\n    expect:\n    - {object: Pod/web, verdict: allow}\n";
    let folder = folder(&[("p/named.yaml", policy), ("p/test.yaml", test)]);
    let output = plimsoll(folder.path(), &["test", "--format", "json", "p"], &[]);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["summary"], json!({"cases": 2, "failed": 1, "errors": 0}));
    let test = &report["tests"][0];
    assert_eq!((&test["name"], &test["file"]), (&json!("of-named"), &json!("p/test.yaml")));
    let [other, web] = test["cases"].as_array().unwrap().as_slice() else { panic!("{test}") };
    assert_eq!((&other["passed"], &web["passed"]), (&json!(false), &json!(true)));
    assert_eq!(other["line"], 7);
    assert_eq!(other["differences"][0]["object"], "Pod/other");
    let lines = other["differences"][0]["lines"].to_string();
    assert!(lines.contains("allow") && lines.contains("deny"), "{lines}");
    assert_eq!(web["differences"], json!([]));
    let again = plimsoll(folder.path(), &["test", "--format", "json", "p"], &[]);
    assert_eq!(output.stdout, again.stdout, "it holds no time");
}

#[test]
fn a_review_can_be_answered_for_people() {
    let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"containers": [{"name": "app", "image": "nginx"}]}});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"}, "name": "web", "namespace": "shop",
        "operation": "CREATE", "userInfo": {"username": "jane"}, "object": object}});
    let folder = folder(&[("review.json", &review.to_string()), ("nonsense.json", "{}")]);
    let run = |arguments: &[&str]| plimsoll(folder.path(), &[&["review"], arguments].concat(), &[]);
    let text = run(&["-f", "review.json", "--format", "text", "--format", "json=answer.json"]);
    assert_eq!(text.status.code(), Some(1));
    let said = out(&text);
    assert!(said.starts_with("denied\n") && said.contains("no livenessProbe"), "{said}");
    let json = fs::read(folder.path().join("answer.json")).unwrap();
    assert_eq!(json, run(&["review.json"]).stdout, "json is what is answered without --format");
    let answer: Value = serde_json::from_slice(&json).unwrap();
    assert!(said.contains(answer["response"]["status"]["message"].as_str().unwrap()), "{said}");
    let not = run(&["--format", "text", "nonsense.json"]);
    assert_eq!(not.status.code(), Some(2));
    assert!(out(&not).starts_with("not answered: "), "{}", out(&not));
}
