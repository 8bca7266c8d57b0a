//! `lint --baseline` and `--since` from outside: only what is new counts, wherever it has moved.

#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn lint(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("lint")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = lint(folder, &[arguments, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", stdout(&output), stderr(&output)))
}

/// `file code place`, of the findings that count.
fn new(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let new = findings.filter(|finding| finding["suppressed"].is_null());
    new.map(|f| format!("{} {} {}", text(&f["file"]), text(&f["code"]), text(&f["path"]))).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn write(folder: &Path, file: &str, content: &str) {
    let file = folder.join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

fn pod(name: &str, image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  containers:\n    - name: {name}\n      image: {image}\n"
    )
}

#[test]
fn what_is_known_does_not_count_and_what_is_gone_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let only = ["--only", "image-tag,host-network,string-values"];
    let run = |arguments: &[&str]| lint(folder, &[&["pods"][..], &only, arguments].concat());
    write(folder, "pods/a.yaml", &pod("a", "nginx"));
    write(folder, "pods/b.yaml", &pod("b", "nginx"));

    let missing = run(&["--baseline", "b.json"]);
    assert_eq!(missing.status.code(), Some(2));
    assert_eq!(stderr(&missing), "error: b.json: no such file: write it first, with --write-baseline\n");
    let unnamed = run(&["--write-baseline"]);
    assert_eq!(
        (unnamed.status.code(), stderr(&unnamed).as_str()),
        (Some(2), "error: --write-baseline: name the file: --baseline FILE\n")
    );

    let written = run(&["--baseline", "b.json", "--write-baseline"]);
    assert_eq!(
        (written.status.code(), stdout(&written).as_str()),
        (Some(0), "wrote b.json with 2 findings\n")
    );
    let file = fs::read_to_string(folder.join("b.json")).unwrap();
    let lines: Vec<&str> = file.lines().map(|line| line.split(",\"fingerprint\"").next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "{\"version\": 1,",
            " \"findings\": [",
            "  {\"object\":\"Pod default/a\",\"code\":\"image-tag/missing\",\"path\":\"/spec/containers[a]/image\"",
            "  {\"object\":\"Pod default/b\",\"code\":\"image-tag/missing\",\"path\":\"/spec/containers[b]/image\"",
            " ]}",
        ]
    );

    let clean = run(&["--baseline", "b.json", "--fail-on", "info"]);
    assert_eq!(clean.status.code(), Some(0), "{}", stdout(&clean));
    assert!(
        stdout(&clean).contains("baseline b.json: 2 findings known and not shown\n"),
        "{}",
        stdout(&clean)
    );
    assert!(stdout(&clean).contains("no new findings in 2 objects"), "{}", stdout(&clean));

    // one is mended, one comes, and the third is of a file that this run does not look at
    write(folder, "pods/a.yaml", &pod("a", "nginx:1.27.3"));
    write(folder, "pods/c.yaml", &pod("c", "nginx"));
    let report = json(folder, &[&["pods/a.yaml", "pods/c.yaml", "--baseline", "b.json"][..], &only].concat());
    assert_eq!(new(&report), ["pods/c.yaml image-tag/missing spec.containers[0].image"]);
    let gone = report["baseline"]["gone"].as_array().unwrap();
    assert_eq!(gone.iter().map(|known| text(&known["object"])).collect::<Vec<_>>(), ["Pod default/a"]);
    assert_eq!(report["baseline"]["notJudged"], 1);
    let other_rules = json(folder, &["pods", "--baseline", "b.json", "--only", "host-network"]);
    assert_eq!(
        (&other_rules["baseline"]["gone"], &other_rules["baseline"]["notJudged"]),
        (&serde_json::json!([]), &2.into())
    );

    let sarif = lint(folder, &[&["pods", "--baseline", "b.json", "--format", "sarif"][..], &only].concat());
    let sarif: Value = serde_json::from_slice(&sarif.stdout).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let states: Vec<(&str, &str)> = results
        .iter()
        .map(|result| {
            (
                text(&result["baselineState"]),
                text(&result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]),
            )
        })
        .collect();
    assert_eq!(states, [("new", "pods/c.yaml"), ("unchanged", "pods/b.yaml"), ("absent", "pods/a.yaml")]);

    let again = run(&["--baseline", "b.json", "--write-baseline"]);
    assert_eq!(stdout(&again), "wrote b.json with 2 findings: 1 new, 1 no longer found\n");
    // with a configuration the gate needs no flag
    write(
        folder,
        "plimsoll.yaml",
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\nbaseline: b.json\n",
    );
    assert_eq!(run(&["--fail-on", "info"]).status.code(), Some(0));
    assert_eq!(run(&["--fail-on", "warning", "--no-baseline"]).status.code(), Some(1));
}

#[test]
fn no_file_is_lost_and_none_is_half() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "pods/a.yaml", &pod("a", "nginx"));
    write(folder, "notes.json", "{\"my\": \"notes\"}\n");
    let foreign = lint(folder, &["pods", "--baseline", "notes.json", "--write-baseline"]);
    assert_eq!(foreign.status.code(), Some(2));
    assert_eq!(
        stderr(&foreign),
        "error: notes.json:1:15: not a baseline of plimsoll: missing field `version`\n"
    );
    assert_eq!(fs::read_to_string(folder.join("notes.json")).unwrap(), "{\"my\": \"notes\"}\n");

    write(folder, "pods/broken.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: [}\n");
    let broken = lint(folder, &["pods", "--baseline", "b.json", "--write-baseline"]);
    assert_eq!(broken.status.code(), Some(2));
    assert!(
        stderr(&broken).starts_with("error: b.json: not written, as the run is not complete"),
        "{}",
        stderr(&broken)
    );
    assert!(stdout(&broken).contains("pods/broken.yaml:3"), "{}", stdout(&broken));
    assert!(!folder.join("b.json").exists());
    let allowed = lint(folder, &["pods", "--baseline", "b.json", "--write-baseline", "--allow-broken"]);
    assert_eq!(allowed.status.code(), Some(0), "{}", stderr(&allowed));
}

/// Folders whose files may be renamed: no kustomization lists them.
fn corpora() -> Vec<PathBuf> {
    let shared = std::env::var_os("PLIMSOLL_SHARED").map_or_else(|| here().join("../shared"), PathBuf::from);
    let tutorial = shared.join("manifests/tutorial");
    if !tutorial.is_dir() {
        eprintln!("SKIPPED: no tutorial at {}", tutorial.display());
    }
    let folders = [here().join("examples/shop"), here().join("examples/drafts"), tutorial];
    folders.into_iter().filter(|folder| folder.is_dir()).collect()
}

/// The YAML files of a folder and of those below, relative to it.
fn yaml_files(folder: &Path, below: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder.join(below)).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let relative = entry.strip_prefix(folder).unwrap().to_owned();
        if entry.is_dir() {
            yaml_files(folder, &relative, files);
        } else if entry.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(relative);
        }
    }
}

/// The same objects, written otherwise.
fn rewritten(content: &str, order: u64, wider: bool, crlf: bool) -> String {
    let mut documents: Vec<String> = vec![String::new()];
    for line in content.lines() {
        match (line.trim_end(), documents.last_mut()) {
            ("---", _) => documents.push(String::new()),
            (_, Some(document)) => {
                document.push_str(line);
                document.push('\n');
            }
            (_, None) => {}
        }
    }
    documents
        .retain(|document| document.lines().any(|line| !line.trim().is_empty() && !line.starts_with('#')));
    let count = documents.len().max(1);
    documents.rotate_left(usize::try_from(order).unwrap() % count);
    if order % 2 == 1 {
        documents.reverse();
    }
    let mut text = String::from("# a comment that moves all lines\n\n");
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        for line in document.lines() {
            if wider && !line.is_empty() {
                text.push_str("   ");
            }
            text.push_str(line);
            text.push('\n');
        }
    }
    if crlf { text.replace('\n', "\r\n") } else { text }
}

#[test]
fn neither_order_nor_names_nor_indentation_make_anything_new() {
    let known = Cell::new(0);
    for corpus in corpora() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (baseline, mut files) = (folder.join("b.json").display().to_string(), Vec::new());
        yaml_files(&corpus, Path::new(""), &mut files);
        let arguments = ["--pack", "all", "--baseline", &baseline];
        let broken = ["--allow-broken"];
        let written = lint(&corpus, &[&["."][..], &arguments, &["--write-baseline"], &broken].concat());
        assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
        let seeds = prop::collection::vec((any::<u64>(), any::<bool>(), any::<bool>()), files.len());
        let mut runner = TestRunner::new(Config { cases: 3, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&seeds, |seeds| {
            let moved = tempfile::tempdir().unwrap();
            for (index, (file, (order, wider, crlf))) in files.iter().zip(seeds).enumerate() {
                let content = fs::read_to_string(corpus.join(file)).unwrap();
                let name = file.with_file_name(format!("{:03}-{index}.yaml", order % 1000));
                write(moved.path(), &name.display().to_string(), &rewritten(&content, order, wider, crlf));
            }
            let report = json(moved.path(), &[&["."][..], &arguments, &broken].concat());
            prop_assert_eq!(new(&report), Vec::<String>::new());
            prop_assert_eq!(&report["baseline"]["gone"], &serde_json::json!([]));
            known.set(known.get() + report["baseline"]["unchanged"].as_u64().unwrap());
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{}: {error}", corpus.display()));
    }
    assert!(known.get() > 100, "{}: too few findings to show anything", known.get());
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"])
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    stdout(&output).trim().to_owned()
}

#[test]
fn only_what_is_new_since_a_revision() {
    if Command::new("git").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no git");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("repository");
    let only = ["--only", "image-tag,host-network"];
    write(&root, "deploy/old/moved.yaml", &pod("moved", "nginx"));
    write(&root, "deploy/lines.yaml", &pod("lines", "nginx"));
    write(&root, "deploy/faulty.yaml", &pod("faulty", "nginx"));
    write(&root, "deploy/mended.yaml", &pod("mended", "nginx"));
    write(&root, "deploy/.gitignore", "local.yaml\n");
    write(&root, "elsewhere/huge.bin", "x");
    git(&root, &["init", "--quiet"]);
    git(&root, &["add", "."]);
    git(&root, &["commit", "--quiet", "-m", "first"]);
    let first = git(&root, &["rev-parse", "HEAD"]);

    fs::create_dir(root.join("deploy/new")).unwrap();
    git(&root, &["mv", "deploy/old/moved.yaml", "deploy/new/renamed.yaml"]);
    write(&root, "deploy/lines.yaml", &format!("# one\n# two\n\n{}", pod("lines", "nginx")));
    write(
        &root,
        "deploy/faulty.yaml",
        &pod("faulty", "nginx").replace("spec:\n", "spec:\n  hostNetwork: true\n"),
    );
    write(&root, "deploy/mended.yaml", &pod("mended", "nginx:1.27.3"));
    write(&root, "deploy/new/object.yaml", &pod("object", "nginx"));
    git(&root, &["add", "."]);
    git(&root, &["commit", "--quiet", "-m", "second"]);

    let expected = [
        "deploy/faulty.yaml host-network/host-network spec.hostNetwork",
        "deploy/new/object.yaml image-tag/missing spec.containers[0].image",
    ];
    let whole = json(&root, &[&["deploy", "--since", &first][..], &only].concat());
    assert_eq!(new(&whole), expected);
    assert_eq!(
        (&whole["baseline"]["revision"], &whole["baseline"]["unchanged"]),
        (&first.clone().into(), &3.into())
    );
    assert_eq!(text(&whole["baseline"]["gone"][0]["object"]), "Pod default/mended");
    // from another folder, by a pattern, by a name, and told so by a hook
    let below = json(&root.join("deploy"), &[&[".", "--since", "HEAD~1"][..], &only].concat());
    assert_eq!(new(&below).len(), 2, "{:?}", new(&below));
    let pattern = json(&root, &[&["deploy/**/*.yaml", "--since", "HEAD~1"][..], &only].concat());
    assert_eq!(new(&pattern), expected);
    let file = json(&root, &[&["deploy/faulty.yaml", "--since", "HEAD~1"][..], &only].concat());
    assert_eq!(new(&file), expected[..1]);
    let path = root.join("deploy").display().to_string();
    let absolute = json(folder.path(), &[&[path.as_str(), "--since", "HEAD~1"][..], &only].concat());
    assert_eq!(new(&absolute).len(), 2, "{:?}", new(&absolute));
    let hook = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["lint", "deploy", "--since", "HEAD~1", "--only", "image-tag,host-network"])
        .current_dir(&root)
        .env("GIT_INDEX_FILE", ".git/index")
        .env("GIT_DIR", ".git")
        .output()
        .unwrap();
    assert_eq!(hook.status.code(), Some(1), "{}", stderr(&hook));
    assert_eq!(git(&root, &["status", "--porcelain"]), "", "nothing of the repository is touched");
    assert_eq!(
        new(&json(&root, &[&["deploy", "--since", "HEAD"][..], &only].concat())),
        Vec::<String>::new()
    );
    assert!(stdout(&lint(&root, &["deploy", "--since", "HEAD"])).contains("revision HEAD: "));

    // what was waived all along is nothing new when waivers are passed over, nor when they are held against the cluster
    let waived = pod("waived", "nginx # plimsoll: ignore[image-tag] pinned elsewhere");
    write(
        &root,
        "waived/a.yaml",
        &waived.replace("spec:\n", "spec:\n  hostNetwork: true # plimsoll: ignore[host-network] x\n"),
    );
    git(&root, &["add", "."]);
    git(&root, &["commit", "--quiet", "-m", "third"]);
    for flag in ["--no-ignore", "--parity"] {
        let report = json(&root, &[&["waived", "--since", "HEAD", flag][..], &only].concat());
        assert_eq!(new(&report), Vec::<String>::new(), "{flag}");
        assert!(report["baseline"]["unchanged"].as_u64().unwrap() > 0, "{flag}");
    }

    let fails = |folder: &Path, arguments: &[&str]| {
        let output = lint(folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        stderr(&output)
    };
    let name = root.canonicalize().unwrap().display().to_string();
    assert_eq!(
        fails(&root, &["deploy", "--since", "nope"]),
        format!("error: --since: no revision nope in {name}\n")
    );
    assert_eq!(
        fails(&root, &["deploy", "--since=--all"]),
        format!("error: --since: no revision --all in {name}\n")
    );
    assert_eq!(
        fails(&root, &["-", "--since", "HEAD"]),
        "error: --since cannot be used with standard input\n"
    );
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "a.yaml", &pod("a", "nginx"));
    let outside = outside.path().display().to_string();
    assert_eq!(
        fails(&root, &["deploy", &outside, "--since", "HEAD"]),
        format!("error: --since: {outside} is not part of the repository at {name}\n")
    );
    assert!(fails(folder.path(), &[&outside, "--since", "HEAD"]).contains("not a git repository"));

    let url = format!("file://{}", root.display());
    git(folder.path(), &["clone", "--quiet", "--depth=1", &url, "shallow"]);
    let shallow = folder.path().join("shallow");
    let said = fails(&shallow, &["deploy", "--since", &first]);
    assert!(said.contains("which is a shallow clone: fetch it first"), "{said}");
    git(&shallow, &["fetch", "--quiet", "--depth=1", "origin", &first]);
    assert_eq!(new(&json(&shallow, &[&["deploy", "--since", &first][..], &only].concat())), expected);
}
