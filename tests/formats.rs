//! `--format`: every format says what the JSON says, of our examples, the tutorial and the corpora.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;

#[path = "formats/concise.rs"]
mod concise;
#[path = "formats/github.rs"]
mod github;
#[path = "formats/gitlab.rs"]
mod gitlab;
#[path = "formats/html.rs"]
mod html;
#[path = "formats/junit.rs"]
mod junit;
#[path = "formats/markdown.rs"]
mod markdown;
#[path = "formats/overview.rs"]
mod overview;
#[path = "formats/sarif.rs"]
mod sarif;
#[path = "formats/terminal.rs"]
mod terminal;

fn plimsoll(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.current_dir(folder).env_clear();
    command
}

fn lint(folder: &Path, arguments: &[&str]) -> Output {
    plimsoll(folder).arg("lint").args(arguments).output().unwrap()
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shared() -> PathBuf {
    std::env::var_os("PLIMSOLL_SHARED").map_or_else(|| here().join("../shared"), PathBuf::from)
}

/// How many findings count as what, as every format must tell.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// By severity, or `unknown`, or `failed`, and code.
    findings: BTreeMap<(String, String), usize>,
    /// Documents that could not be read.
    unread: usize,
}

impl Counts {
    fn add(&mut self, severity: &str, code: &str) {
        *self.findings.entry((severity.to_owned(), code.to_owned())).or_default() += 1;
    }

    fn of_json(report: &Value) -> Self {
        let mut counts = Self::default();
        for finding in report["findings"].as_array().unwrap() {
            let severity = match finding["certainty"].as_str().unwrap() {
                "known" => finding["severity"].as_str().unwrap(),
                other => other,
            };
            counts.add(severity, finding["code"].as_str().unwrap());
        }
        let errors = report["files"].as_array().unwrap().iter().filter_map(|file| file["errors"].as_array());
        counts.unread = errors.map(Vec::len).sum();
        counts
    }

    fn of_severity(&self, severity: &str) -> usize {
        self.findings.iter().filter(|((of, _), _)| of == severity).map(|(_, count)| count).sum()
    }
}

/// Folders with manifests: their names, where to run, and what to lint there.
fn inputs(made: &Path) -> Vec<(&'static str, PathBuf, &'static str)> {
    hard(made);
    let mut inputs = vec![("examples", here().to_owned(), "examples"), ("hard", made.to_owned(), ".")];
    for (name, folder) in [("tutorial", "manifests/tutorial"), ("corpora", "corpora")] {
        if shared().join(folder).is_dir() {
            inputs.push((name, shared(), folder));
        } else {
            eprintln!("SKIPPED: no {name} at {}", shared().join(folder).display());
        }
    }
    inputs
}

/// Names and values that each format must escape, a Secret, broken files, a template and a rule that cannot be evaluated.
fn hard(folder: &Path) {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    fs::create_dir(folder.join("policies")).unwrap();
    write(
        "policies/p.yaml",
        "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: told}\nspec:\n  \
         match: {kinds: [ConfigMap]}\n  action: Deny\n  rules:\n  \
         - {name: value, validate: 'false', message: 'the value is {object.data.a}'}\n  \
         - {name: failing, validate: 'object.data.nothing == \"\"'}\n",
    );
    write("plimsoll.yaml", "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\npolicies: [policies]\n");
    let values = [
        "a|b`c`*d*_e_<b>f</b>&g;[h](i)~~j~~#1 @user https://example.com",
        "%25 a::b,c%0A::error::no\\n::error file=x::y",
        "]]> <failure/> &amp; \u{fffd} \u{1f600}",
        "</script><script>alert(1)</script><!-- -->",
        "{0} {{1}} [a](http://x) \\[",
        "\\u001b[2J\\u0000\\u0007\\u202e",
    ];
    let values = values.map(|value| value.replace('\\', "\\\\").replace('"', "\\\"").replace("\\\\u", "\\u"));
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        let head = "---\napiVersion: v1\nkind: ConfigMap\nmetadata";
        writeln!(text, "{head}: {{name: c{index}}}\ndata: {{a: \"{value}\"}}").unwrap();
    }
    write("a b,c%[d]:é|`e`.yaml", &text);
    write(
        "secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  p: planted-word\n  p: planted-word\n",
    );
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: half}\ndata: {a: b}\n";
    write("broken.yaml", &format!("{map}---\na: [1,\nb: }}\n"));
    write("template.yaml", "{{- if .Values.on }}\nkind: X\n{{- end }}\n");
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {name}\nspec:\n  containers:\n    - {{name: web, image: nginx}}\n"
        )
    };
    // two that the server names, and a name in two namespaces
    let pods = ["{generateName: a-}", "{generateName: a-}", "{name: p}", "{name: p, namespace: q}"].map(pod);
    write("pods.yaml", &pods.join("---\n"));
}

const FORMATS: [&str; 9] =
    ["json", "concise", "summary", "sarif", "junit", "github", "gitlab", "markdown", "html"];

/// What one run has written.
struct Run {
    name: &'static str,
    report: Value,
    counts: Counts,
    told: BTreeMap<&'static str, String>,
}

/// Every input, linted once with all formats: the corpora are large.
static RUNS: LazyLock<Vec<Run>> = LazyLock::new(|| {
    let (made, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let runs = inputs(made.path()).into_iter().map(|(name, folder, path)| {
        let file = |format: &str| out.path().join(format!("{name}.{format}"));
        let mut arguments = vec!["--pack=all".to_owned(), path.to_owned()];
        arguments
            .extend(FORMATS.iter().map(|format| format!("--format={format}={}", file(format).display())));
        let output = lint(&folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(output.stdout.is_empty(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
        let told: BTreeMap<&str, String> =
            FORMATS.iter().map(|format| (*format, fs::read_to_string(file(format)).unwrap())).collect();
        let report: Value = serde_json::from_str(&told["json"]).unwrap();
        Run { name, counts: Counts::of_json(&report), report, told }
    });
    runs.collect()
});

/// A run in which something is waived by a comment and by the configuration, and something known, new and gone beside a
/// baseline: its JSON, and what the formats say.
fn waived_and_known() -> (Value, BTreeMap<&'static str, String>) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let pod = |name: &str, image: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  - name: web\n    image: {image}\n"
        )
    };
    let configuration = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\nignore:\n\
        - {codes: [required-probes], names: [a], reason: no probes here}\n";
    write("plimsoll.yaml", configuration);
    write("a.yaml", &pod("a", "nginx # plimsoll: ignore[image-tag] pinned by the mirror"));
    write("b.yaml", &pod("b", "nginx"));
    let wrote = lint(folder.path(), &["--baseline", "known.json", "--write-baseline", "b.yaml"]);
    assert_eq!(wrote.status.code(), Some(0), "{}", String::from_utf8_lossy(&wrote.stderr));
    write("b.yaml", &pod("b", "nginx:1.27.3"));
    let formats = FORMATS.map(|format| format!("--format={format}=told.{format}"));
    let arguments: Vec<&str> =
        ["--baseline", "known.json", "."].into_iter().chain(formats.iter().map(String::as_str)).collect();
    lint(folder.path(), &arguments);
    let told = FORMATS
        .map(|format| (format, fs::read_to_string(folder.path().join(format!("told.{format}"))).unwrap()));
    let told = BTreeMap::from(told);
    (serde_json::from_str(&told["json"]).unwrap(), told)
}

/// Gives what was written in a format, and what it must say, to `check`.
fn each(format: &str, check: impl Fn(&str, &Counts, &Value, &str)) {
    for Run { name, report, counts, told } in &*RUNS {
        let told = &told[format];
        assert!(!counts.findings.is_empty(), "{name}");
        assert!(!told.contains("planted-word"), "{name}: {format} shows a secret");
        assert!(
            !told.contains('\u{1b}') && !told.contains('\u{202e}'),
            "{name}: {format} commands a terminal"
        );
        check(name, counts, report, told);
    }
}

#[test]
fn the_hard_input_has_everything() {
    let made = tempfile::tempdir().unwrap();
    hard(made.path());
    let report: Value =
        serde_json::from_slice(&lint(made.path(), &["--format", "json", "--pack", "all", "."]).stdout)
            .unwrap();
    let counts = Counts::of_json(&report);
    for severity in ["error", "warning", "info", "unknown", "failed"] {
        assert!(counts.of_severity(severity) > 0, "{severity}: {:#}", report["summary"]);
    }
    assert!(counts.unread > 0);
}

#[test]
fn several_at_once_are_what_each_is_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("{}", folder.path().join(name).display());
    let mut arguments = vec!["--quiet".to_owned(), "examples".to_owned()];
    arguments.extend(FORMATS[1..].iter().map(|format| format!("--format={format}={}", at(format))));
    arguments.push("--format=json".to_owned());
    let together = lint(here(), &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(together.status.code(), Some(1));
    fs::write(at("json"), &together.stdout).unwrap();
    for format in FORMATS {
        let alone = lint(here(), &["--quiet", "--format", format, "examples"]);
        assert_eq!(fs::read(at(format)).unwrap(), alone.stdout, "{format}");
        assert!(!alone.stdout.is_empty());
    }
    // the variable says the same
    let by_variable = plimsoll(here())
        .args(["lint", "--quiet", "examples"])
        .env("PLIMSOLL_FORMAT", format!("concise,json={}", at("again")))
        .output()
        .unwrap();
    assert_eq!(by_variable.stdout, fs::read(at("concise")).unwrap());
    assert_eq!(fs::read(at("again")).unwrap(), together.stdout);
}

#[test]
fn what_cannot_be_written_is_said() {
    for (arguments, expected) in [
        (&["--format", "yaml"][..], "expected one of text, concise, summary, json"),
        (&["--format", "json", "--format", "text"], "would both be written to standard output"),
        (
            &["--format", "json=nowhere/at/all.json"],
            "error: --format json=nowhere/at/all.json: no such file or directory",
        ),
    ] {
        let output = lint(here(), &[arguments, &["examples/bookshop"]].concat());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(expected), "{arguments:?}: {told}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

/// A full disk behind standard output is no reader that has gone.
#[test]
fn a_report_that_is_lost_is_an_error() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        eprintln!("SKIPPED: no /dev/full");
        return;
    };
    let output = plimsoll(here()).args(["lint", "examples/bookshop"]).stdout(full).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (told.as_str(), output.status.code()),
        ("error: standard output: no space left on device\n", Some(2))
    );
}

#[test]
fn tests_of_policies_are_written_several_ways_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("junit.xml");
    let both =
        ["text".to_owned(), format!("junit={}", file.display())].map(|format| format!("--format={format}"));
    let run = |arguments: &[String]| {
        plimsoll(here()).arg("test").args(arguments).arg("policies/jobs").output().unwrap()
    };
    let output = run(&both);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let document = quick_junit::Report::deserialize_from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert!(document.tests > 0 && document.failures == 0 && !told.is_empty(), "{told}");
    let output = run(&["--format=text".to_owned(), "--format=junit".to_owned()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("both be written to standard output"));
}
