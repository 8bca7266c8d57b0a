//! `lint --watch` and the line of long runs, as a script and a terminal see them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A run that is expected takes no longer; generous, as the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nothing happens for so long: several looks.
const QUIET: Duration = Duration::from_millis(1500);

struct Watching {
    child: Child,
    runs: Receiver<()>,
}

/// Starts to watch; reports go to `report` in another folder, one after the other.
fn watch(folder: &Path, report: &Path, arguments: &[&str]) -> Watching {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["lint", "--watch", "--format", "concise"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(fs::File::create(report).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (run, runs) = channel();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    std::thread::spawn(move || {
        for _ in lines.map_while(Result::ok).filter(|line| line.starts_with("waiting for changes")) {
            if run.send(()).is_err() {
                return;
            }
        }
    });
    Watching { child, runs }
}

impl Watching {
    /// The findings of the next run. `seen` is how much of the report is known.
    fn next(&self, report: &Path, seen: &mut usize) -> String {
        self.runs.recv_timeout(PATIENCE).expect("another run");
        let text = fs::read_to_string(report).unwrap();
        let new = text[*seen..]
            .lines()
            .filter(|line| line.contains(".yaml:"))
            .map(|line| format!("{line}\n"))
            .collect();
        *seen = text.len();
        new
    }

    fn interrupt(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

fn deployment(name: &str, label: &str, more: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 2\n  selector: {{matchLabels: {{app: {label}}}}}\n  \
         template:\n    metadata: {{labels: {{app: {label}}}}}\n    spec:\n      {more}\n      containers:\n      - {{name: web, image: 'nginx:1.27'}}\n"
    )
}

#[cfg(unix)]
#[test]
fn what_changes_is_judged_again_and_what_hangs_on_it() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let report = elsewhere.path().join("report");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";
    write("web.yaml", &deployment("web", "web", "hostPID: false"));
    write("service.yaml", service);
    let only = ["--only", "host-pid,service-pods", "--complete", "."];
    let watching = watch(folder.path(), &report, &only);
    let mut seen = 0;
    assert_eq!(watching.next(&report, &mut seen), "");
    // a fault of its own
    write("web.yaml", &deployment("web", "web", "hostPID: true"));
    let found = watching.next(&report, &mut seen);
    assert!(
        found.starts_with("web.yaml:10:") && found.contains("host-pid") && found.lines().count() == 1,
        "{found}"
    );
    // one of a file that has not changed
    write("web.yaml", &deployment("web", "other", "hostPID: false"));
    let found = watching.next(&report, &mut seen);
    assert!(found.starts_with("service.yaml:") && found.contains("service-pods"), "{found}");
    // a file that is new, and is gone again
    write("also.yaml", &deployment("also", "web", "hostPID: true"));
    let found = watching.next(&report, &mut seen);
    assert!(found.starts_with("also.yaml:") && found.lines().count() == 1, "{found}");
    fs::remove_file(folder.path().join("also.yaml")).unwrap();
    assert!(watching.next(&report, &mut seen).starts_with("service.yaml:"));
    // what is not a manifest is no reason
    write("notes.txt", "hello");
    assert!(watching.runs.recv_timeout(QUIET).is_err());
    assert_eq!(watching.interrupt(), Some(1), "as the last run");
}

#[cfg(unix)]
#[test]
fn a_change_of_configuration_or_policy_is_one_too() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let report = elsewhere.path().join("report");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let policy = |name: &str| {
        format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: mine}}\nspec:\n  match: {{kinds: [Deployment]}}\n  \
             rules:\n  - {{name: named, validate: object.metadata.name == '{name}', message: the name must be {name}}}\n"
        )
    };
    fs::create_dir(folder.path().join("deploy")).unwrap();
    fs::create_dir(folder.path().join("mine")).unwrap();
    write("deploy/web.yaml", &deployment("web", "web", "hostPID: true"));
    write("mine/mine.yaml", &policy("web"));
    // what the run writes into the folder that it watches is no change
    let file = "json=deploy/report.json";
    let watching =
        watch(folder.path(), &report, &["--no-embedded", "--policies", "mine", "--format", file, "deploy"]);
    let mut seen = 0;
    assert_eq!(watching.next(&report, &mut seen), "");
    assert!(watching.runs.recv_timeout(QUIET).is_err());
    write("mine/mine.yaml", &policy("shop"));
    let found = watching.next(&report, &mut seen);
    assert!(found.contains("the name must be shop"), "{found}");
    let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
    write("plimsoll.yaml", &format!("{head}severities: {{mine: info}}\n"));
    // without a repository, the working folder is where a run looks last
    let found = watching.next(&report, &mut seen);
    assert!(found.contains(": info mine/named: "), "{found}");
    // a broken policy is told, and the next one is taken up
    write("mine/mine.yaml", "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\n");
    watching.next(&report, &mut seen);
    write("mine/mine.yaml", &policy("web"));
    assert_eq!(watching.next(&report, &mut seen), "");
    assert_eq!(watching.interrupt(), Some(0));
}

#[test]
fn standard_input_cannot_be_watched() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(["lint", "--watch", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: --watch: expected files or folders, found standard input"), "{said}");
}

/// script(1) makes a terminal; what is written to it is the output.
#[test]
#[cfg_attr(not(debug_assertions), ignore = "an optimized build is done before a second has passed")]
fn a_long_run_says_how_far_it_is_on_a_terminal_only() {
    let folder = tempfile::tempdir().unwrap();
    let text: String =
        (0..4000).map(|at| deployment(&format!("d{at}"), "web", "hostPID: false") + "---\n").collect();
    fs::write(folder.path().join("all.yaml"), text).unwrap();
    let program = env!("CARGO_BIN_EXE_plimsoll");
    let shown = |arguments: &str, to: &str| {
        let command = format!("{program} lint --format concise --pack all {arguments} . {to}");
        let mut child = Command::new("script");
        child.args(["-qec", &command, "/dev/null"]).current_dir(folder.path()).env("TERM", "xterm");
        let mut child = child.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().ok()?;
        let mut shown = String::new();
        child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
        child.wait().unwrap();
        Some(shown)
    };
    let Some(on_terminal) = shown("", "> report") else {
        return eprintln!("SKIPPED: no script(1) to make a terminal");
    };
    // a debug build takes longer than a second for this
    assert!(on_terminal.contains("\r\u{1b}[2Kjudging: "), "{on_terminal:?}");
    assert!(on_terminal.contains(" of 4000 objects"), "{on_terminal:?}");
    let last = on_terminal.rsplit("\u{1b}[2K").next().unwrap();
    assert!(!last.contains("judging") && !last.contains("writing"), "the line is gone: {last:?}");
    assert_eq!(shown("--quiet", "> report").unwrap(), "");
    let piped = shown("", "> report 2> said").unwrap();
    assert_eq!(piped, "");
    assert!(!fs::read_to_string(folder.path().join("said")).unwrap().contains('\u{1b}'));
}
