//! What CI systems take from this repository does what it says, as far as it can be run here.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const GOOD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: b}\n";
const BAD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  hostPID: true\n  containers:\n  - {name: web, image: nginx}\n";

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(here().join(path)).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// `PATH` with the program of this test in front.
fn path() -> String {
    let folder = Path::new(env!("CARGO_BIN_EXE_plimsoll")).parent().unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
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

/// Runs the step that lints, in a folder, with what GitHub sets.
fn step(folder: &Path, inputs: &[(&str, &str)]) -> (Output, String, String) {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    let output = Command::new(here().join("deploy/ci/github.sh"))
        .current_dir(folder)
        .env_clear()
        .env("PATH", path())
        .env("GITHUB_OUTPUT", at("output"))
        .env("GITHUB_STEP_SUMMARY", at("summary"))
        .env("RUNNER_TEMP", temp.path())
        .envs(inputs.iter().copied())
        .output()
        .unwrap();
    let text = |name: &str| fs::read_to_string(at(name)).unwrap_or_default();
    (output, text("output"), text("summary"))
}

#[test]
fn the_step_of_the_action_annotates_sums_up_and_hands_over() {
    let folder = folder(&[("good/web.yaml", GOOD), ("bad folder/web.yaml", BAD), ("broken.yaml", "a: [\n")]);
    let inputs = [("INPUT_PATHS", "good\nbad folder\n"), ("INPUT_SARIF", "out/plimsoll.sarif")];
    let (output, handed, summary) = step(folder.path(), &inputs);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("::error file=bad folder/web.yaml,line=5,"), "{}", said(&output));
    assert_eq!(handed, "exit-code=1\nsarif=out/plimsoll.sarif\n");
    assert!(summary.contains("host-pid"), "{summary}");
    let sarif: Value =
        serde_json::from_slice(&fs::read(folder.path().join("out/plimsoll.sarif")).unwrap()).unwrap();
    assert!(!sarif["runs"][0]["results"].as_array().unwrap().is_empty());

    let (output, handed, summary) =
        step(folder.path(), &[("INPUT_PATHS", "good"), ("INPUT_SUMMARY", "false")]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!((handed.as_str(), summary.as_str()), ("exit-code=0\n", ""));

    // all that is not said is what action.yml says
    let inputs = [("INPUT_ARGUMENTS", " --exit-zero  --only host-pid "), ("INPUT_PATHS", "bad folder")];
    assert_eq!(step(folder.path(), &inputs).0.status.code(), Some(0));
    let (output, handed, _) = step(folder.path(), &[("INPUT_PATHS", "broken.yaml"), ("INPUT_SARIF", "s")]);
    assert_eq!((output.status.code(), handed.as_str()), (Some(2), "exit-code=2\nsarif=s\n"));
    let inputs = [("INPUT_ARGUMENTS", "--nonsense"), ("INPUT_SARIF", "none.sarif")];
    assert_eq!(step(folder.path(), &inputs).1, "exit-code=2\n", "nothing to hand over");
}

#[test]
fn the_action_installs_the_version_that_it_is_pinned_to() {
    let action = yaml(&read("action.yml"));
    let inputs = action["inputs"].as_object().unwrap();
    let text = read("action.yml");
    for input in inputs.keys() {
        assert!(text.contains(&format!("${{{{ inputs.{input} }}}}")), "{input} is used");
    }
    let steps = action["runs"]["steps"].as_array().unwrap();
    let install = &steps[0];
    let folder = folder(&[("curl", "#!/bin/sh\necho \"$*\" >> \"$ASKED\"\nexit 22\n")]);
    let curl = folder.path().join("curl");
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).unwrap();
    for (pinned, version, expected) in [
        ("v0.1.0", "", "/releases/download/v0.1.0/SHA256SUMS"),
        ("v0.1.0", "v0.2.0", "/releases/download/v0.2.0/SHA256SUMS"),
        ("main", "", "/releases/latest/download/SHA256SUMS"),
        ("3f2a9c", "0.2.0", "/releases/download/v0.2.0/SHA256SUMS"),
    ] {
        let asked = folder.path().join("asked");
        let _ = fs::remove_file(&asked);
        let output = Command::new("bash")
            .args(["-e", "-o", "pipefail", "-c", install["run"].as_str().unwrap()])
            .env_clear()
            .env("PATH", format!("{}:{}", folder.path().display(), path()))
            .env("ASKED", &asked)
            .env("GITHUB_ACTION_PATH", here())
            .env("GITHUB_PATH", folder.path().join("path"))
            .env("RUNNER_TEMP", folder.path())
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", "X64")
            .env("REPOSITORY", "acme/plimsoll")
            .env("PINNED", pinned)
            .env("VERSION", version)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        let url = format!("https://github.com/acme/plimsoll{expected}\n");
        assert!(fs::read_to_string(&asked).unwrap().ends_with(&url), "{pinned} {version}");
        assert!(!folder.path().join("path").exists(), "nothing is put on the PATH that is not there");
    }
}

#[test]
fn the_job_for_gitlab_writes_what_it_hands_over() {
    let text = read("deploy/ci/gitlab.yml");
    let (head, job) = text.split_once("\n---\n").unwrap();
    let inputs = yaml(head)["spec"]["inputs"].as_object().unwrap().clone();
    let mut job = job.to_owned();
    for (name, value) in [("repository", "acme/plimsoll"), ("version", "v0.1.0"), ("paths", "bad.yaml")] {
        assert!(inputs.contains_key(name));
        job = job.replace(&format!("$[[ inputs.{name} ]]"), value);
    }
    for (name, input) in &inputs {
        job = job.replace(&format!("$[[ inputs.{name} ]]"), input["default"].as_str().unwrap_or_default());
    }
    assert!(!job.contains("$[["), "{job}");
    let job = &yaml(&job)["plimsoll"];
    let folder = folder(&[("bad.yaml", BAD)]);
    let script = job["script"][0].as_str().unwrap();
    let output = Command::new("sh")
        .args(["-ec", script])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let reports = job["artifacts"]["reports"].as_object().unwrap();
    assert_eq!(
        reports.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        BTreeSet::from(["codequality", "junit"])
    );
    for file in reports.values() {
        assert!(folder.path().join(file.as_str().unwrap()).is_file(), "{file}");
    }
    assert_eq!(job["artifacts"]["when"], "always");
}

#[test]
fn pre_commit_runs_the_hook() {
    let hooks = yaml(&read(".pre-commit-hooks.yaml"));
    for hook in hooks.as_array().unwrap() {
        assert_eq!((&hook["entry"], &hook["require_serial"]), (&"plimsoll lint".into(), &true.into()));
    }
    let run = |folder: &Path, program: &str, arguments: &[&str]| {
        let home = folder.join(".cache");
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).env("PATH", path()).env("PRE_COMMIT_HOME", home);
        for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
            command.env_remove(name);
        }
        command.output()
    };
    let folder = folder(&[
        ("good.yaml", GOOD),
        ("bad.yaml", BAD),
        ("values.yaml", "a: 1\n"),
        (".gitignore", ".cache\n"),
    ]);
    if !run(folder.path(), "pre-commit", &["--version"]).is_ok_and(|output| output.status.success()) {
        return eprintln!("SKIPPED: pre-commit cannot be run");
    }
    let git = |arguments: &[&str]| {
        let output = run(folder.path(), "git", arguments).unwrap();
        assert!(output.status.success(), "{}", said(&output));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    // what is committed here, and what is about to be: the hooks of this working folder in a repository of their own
    let hooks = tempfile::tempdir().unwrap();
    fs::copy(here().join(".pre-commit-hooks.yaml"), hooks.path().join(".pre-commit-hooks.yaml")).unwrap();
    for arguments in [
        &["init", "-q"][..],
        &["add", "."],
        &["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "hooks"],
    ] {
        let output = run(hooks.path(), "git", arguments).unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    let hook = |files: &[&str]| {
        let arguments =
            ["try-repo", hooks.path().to_str().unwrap(), "plimsoll-system", "--verbose", "--files"];
        run(folder.path(), "pre-commit", &[&arguments, files].concat()).unwrap()
    };
    let good = hook(&["good.yaml", "values.yaml"]);
    assert!(good.status.success() && said(&good).contains("Passed"), "{}", said(&good));
    let bad = hook(&["good.yaml", "bad.yaml"]);
    assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
    assert!(said(&bad).contains("host-pid") && said(&bad).contains("Failed"), "{}", said(&bad));
}

#[test]
fn what_others_wrote_is_pinned_to_a_version() {
    let mut seen = 0;
    for file in ["action.yml", ".github/workflows/release.yml", "docs/ci.md"] {
        for line in read(file).lines().filter_map(|line| line.split_once("uses: ").map(|(_, rest)| rest)) {
            let used = line.split_whitespace().next().unwrap();
            let (_, version) = used.split_once('@').unwrap_or_else(|| panic!("{file}: {used}"));
            let numbers: Vec<&str> = version.strip_prefix('v').unwrap_or_default().split('.').collect();
            let pinned = numbers.len() == 3 && numbers.iter().all(|part| part.parse::<u32>().is_ok());
            assert!(pinned, "{file}: {used}: expected a version such as v1.2.3");
            seen += 1;
        }
    }
    assert!(seen > 8, "{seen}");
}

#[test]
fn the_workflow_calls_what_is_there() {
    let workflow = yaml(&read(".github/workflows/release.yml"));
    let mut called = BTreeSet::new();
    for job in workflow["jobs"].as_object().unwrap().values() {
        for script in job["steps"].as_array().unwrap().iter().filter_map(|step| step["run"].as_str()) {
            called.extend(
                script.split_whitespace().filter(|word| word.starts_with("packaging/")).map(str::to_owned),
            );
        }
    }
    let expected = ["packaging/checksums.sh", "packaging/manifests.sh", "packaging/package.sh"];
    assert_eq!(called.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    for script in expected.into_iter().chain(["deploy/ci/github.sh", "deploy/ci/install.sh"]) {
        let mode = fs::metadata(here().join(script)).unwrap().permissions().mode();
        assert!(mode & 0o111 != 0, "{script} can be run");
    }
}

/// Nothing builds it here; what it must hold is in its text.
#[test]
fn the_images_hold_one_program_that_is_not_root() {
    let text = read("deploy/Dockerfile");
    let ignored = read(".dockerignore");
    let stages: Vec<&str> = text.split("\nFROM ").skip(1).collect();
    let images: Vec<&&str> = stages.iter().filter(|stage| stage.starts_with("scratch")).collect();
    assert_eq!((stages.len(), images.len()), (3, 2));
    assert!(stages[2].starts_with("scratch\n"), "without a target it is built from source");
    for image in images {
        for line in ["WORKDIR /work", "USER 65532:65532", "EXPOSE 8443 8080", "ENTRYPOINT [\"/plimsoll\"]"] {
            assert!(image.contains(&format!("\n{line}")), "{line}\n{image}");
        }
        assert_eq!(image.matches("\nCOPY ").count(), 1);
    }
    for line in stages[1].lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        for file in &words[..words.len() - 1] {
            assert!(here().join(file).exists(), "{file}");
            assert!(ignored.contains(&format!("!{file}\n")), "{file} is part of the context");
        }
    }
    // what the build reads: the crates of the workspace, and the files that build.rs packs
    let copied: Vec<&str> = stages[1].lines().filter_map(|line| line.strip_prefix("COPY ")).collect();
    let copied: Vec<&str> = copied.iter().flat_map(|line| line.split_whitespace()).collect();
    let (manifest, script) = (read("Cargo.toml"), read("build.rs"));
    let members = manifest.lines().find(|line| line.starts_with("members = ")).expect("a workspace");
    let packed = script.split_once("const PACKED").and_then(|(_, rest)| rest.split_once("];"));
    let packed = packed.expect("a list of files").0;
    let mut quoted =
        members.split('"').skip(1).step_by(2).chain(packed.split('"').skip(1).step_by(2)).peekable();
    assert!(quoted.peek().is_some());
    for needed in quoted {
        let folder = needed.split('/').next().expect("a path");
        assert!(copied.contains(&folder), "the build needs {needed}");
    }
}
