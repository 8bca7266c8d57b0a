//! What people met in the field: small inputs, what Kubernetes makes of them, and what the binary must say and do.
//!
//! A case is a folder with its input and a `case.json`; the README beside them says what may stand in it. The binary
//! runs in a copy of the folder, as a user would run it. One test for each folder of cases.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use globset::GlobBuilder;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::Value;

use crate::suite::{Miss, Outcome, Suite};

pub(crate) struct Field;

impl Suite for Field {
    fn name(&self) -> &'static str {
        "field"
    }

    fn files(&self, shared: &Path) -> Vec<PathBuf> {
        let folders = folders_of(&shared.join("field"));
        folders.into_iter().filter(|folder| !cases_of(folder).is_empty()).collect()
    }

    fn run(&self, folder: &Path) -> Outcome {
        let mut outcome = Outcome::default();
        for case in cases_of(folder) {
            let faults = faults_of(&case).unwrap_or_else(|error| vec![error]);
            outcome.cases.count(faults.is_empty());
            if !faults.is_empty() {
                let id = format!("{}/{}", self.label(folder), self.label(&case));
                let expected = "what case.json says".to_owned();
                outcome.misses.push(Miss { id, expected, got: faults.join("\n           ") });
            }
        }
        outcome
    }
}

fn folders_of(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut folders: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn cases_of(folder: &Path) -> Vec<PathBuf> {
    folders_of(folder).into_iter().filter(|case| case.join("case.json").is_file()).collect()
}

/// A `case.json`. What it does not know is an error: a case that is not understood does not agree.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Case {
    #[serde(rename = "why")]
    _why: String,
    run: Vec<String>,
    links: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    stdin: String,
    seconds: u64,
    exit: Option<i32>,
    has: Vec<Wanted>,
    has_not: Vec<Unwanted>,
    only: bool,
    files: BTreeMap<String, OneOrMore>,
    allowed: Option<bool>,
    patch: Option<Value>,
    message: Option<String>,
    message_not: Option<String>,
    warnings: Option<String>,
    warnings_not: Option<String>,
    stdout: Vec<String>,
    stdout_not: Vec<String>,
    stderr: Vec<String>,
    stderr_not: Vec<String>,
    max_bytes: Option<usize>,
    after: BTreeMap<String, String>,
}

impl Default for Case {
    fn default() -> Self {
        Case {
            _why: String::new(),
            run: vec!["lint".to_owned(), ".".to_owned()],
            links: BTreeMap::new(),
            env: BTreeMap::new(),
            stdin: String::new(),
            seconds: 20,
            exit: None,
            has: Vec::new(),
            has_not: Vec::new(),
            only: false,
            files: BTreeMap::new(),
            allowed: None,
            patch: None,
            message: None,
            message_not: None,
            warnings: None,
            warnings_not: None,
            stdout: Vec::new(),
            stdout_not: Vec::new(),
            stderr: Vec::new(),
            stderr_not: Vec::new(),
            max_bytes: None,
            after: BTreeMap::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Unwanted {
    Code(String),
    Finding(Wanted),
}

/// A finding of the JSON report.
#[derive(Deserialize, Default, Debug)]
#[serde(default)]
struct Wanted {
    code: Option<String>,
    message: Option<String>,
    name: Option<String>,
    kind: Option<String>,
    count: Option<usize>,
    /// Compared as they are: `file`, `line`, `column`, `severity`, `unknown`, `path`, `item`, `suppressed`.
    #[serde(flatten)]
    facts: BTreeMap<String, Value>,
}

impl Wanted {
    fn is(&self, found: &Value) -> Result<bool, String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let glob =
            GlobBuilder::new(self.code.as_deref().unwrap_or("*")).build().map_err(|e| e.to_string())?;
        if !glob.compile_matcher().is_match(text(&found["code"])) {
            return Ok(false);
        }
        if let Some(message) = &self.message
            && !regex(message)?.is_match(&text(&found["message"]))
        {
            return Ok(false);
        }
        let object = &found["object"];
        let named = |key: &str, wanted: &Option<String>| wanted.as_deref().is_none_or(|w| object[key] == *w);
        Ok(named("name", &self.name)
            && named("kind", &self.kind)
            && self.facts.iter().all(|(key, value)| found[key] == *value))
    }

    fn count_in(&self, findings: &[Value]) -> Result<usize, String> {
        let mut count = 0;
        for finding in findings {
            count += usize::from(self.is(finding)?);
        }
        Ok(count)
    }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).multi_line(true).build().map_err(|error| format!("{pattern:?}: {error}"))
}

/// What one run printed and left behind.
struct Run {
    exit: Option<i32>,
    out: String,
    err: String,
    folder: tempfile::TempDir,
}

fn faults_of(folder: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(folder.join("case.json")).map_err(|error| error.to_string())?;
    let case: Case = serde_json::from_str(&text).map_err(|error| format!("case.json: {error}"))?;
    let run = run(&case, folder)?;
    let mut faults = Vec::new();
    if case.exit.is_some_and(|exit| run.exit != Some(exit)) {
        faults.push(format!("exit {:?}, expected {:?}: {}", run.exit, case.exit, brief(&run.err)));
    }
    match case.run[0].as_str() {
        "lint" => judge_report(&case, &run.out, &mut faults)?,
        "review" => judge_review(&case, &run.out, &mut faults)?,
        _ => {}
    }
    for (name, text, must, must_not) in [
        ("stdout", &run.out, &case.stdout, &case.stdout_not),
        ("stderr", &run.err, &case.stderr, &case.stderr_not),
    ] {
        for pattern in must {
            if !regex(pattern)?.is_match(text) {
                faults.push(format!("{name} does not match {pattern:?}: {}", brief(text)));
            }
        }
        for pattern in must_not {
            if let Some(found) = regex(pattern)?.find(text) {
                faults.push(format!("{name} matches {pattern:?}: {}", brief(found.as_str())));
            }
        }
    }
    if case.max_bytes.is_some_and(|most| run.out.len() > most) {
        faults.push(format!("{} bytes of output", run.out.len()));
    }
    for (path, wanted) in &case.after {
        let found = std::fs::read_to_string(run.folder.path().join(path)).ok();
        if found.as_ref() != Some(wanted) {
            faults.push(format!("{path} afterwards: {found:?}"));
        }
    }
    Ok(faults)
}

fn run(case: &Case, folder: &Path) -> Result<Run, String> {
    let work = tempfile::tempdir().map_err(|error| error.to_string())?;
    copy(folder, work.path()).map_err(|error| error.to_string())?;
    for (path, target) in &case.links {
        let link = work.path().join(path);
        let made = std::fs::create_dir_all(link.parent().unwrap_or(work.path()));
        made.and_then(|()| std::os::unix::fs::symlink(target, link)).map_err(|error| error.to_string())?;
    }
    let mut arguments = case.run.clone();
    if arguments[0] == "lint" && !arguments.iter().any(|argument| argument == "--format") {
        arguments.splice(1..1, ["--format".to_owned(), "json".to_owned()]);
    }
    let mut command = Command::new("timeout");
    command.args([&case.seconds.to_string(), env!("CARGO_BIN_EXE_plimsoll")]).args(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PLIMSOLL_")) {
        command.env_remove(name);
    }
    command.envs(&case.env).current_dir(work.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        // it may end without reading
        let _ = stdin.write_all(case.stdin.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if output.status.code() == Some(124) {
        return Err(format!("no end in {} s", case.seconds));
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Run { exit: output.status.code(), out: text(&output.stdout), err: text(&output.stderr), folder: work })
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            std::fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(entry.path())?, target)?;
        } else if entry.file_name() != "case.json" {
            std::fs::write(target, std::fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

fn judge_report(case: &Case, out: &str, faults: &mut Vec<String>) -> Result<(), String> {
    if case.has.is_empty() && case.has_not.is_empty() && !case.only && case.files.is_empty() {
        return Ok(());
    }
    let report: Value = serde_json::from_str(out).map_err(|_| format!("no JSON report: {}", brief(out)))?;
    let findings = report["findings"].as_array().ok_or("a report without findings")?;
    for wanted in &case.has {
        let count = wanted.count_in(findings)?;
        if wanted.count.map_or(count == 0, |exactly| count != exactly) {
            faults.push(format!("has {wanted:?}: {count} found"));
        }
    }
    for unwanted in &case.has_not {
        let by_code;
        let unwanted = match unwanted {
            Unwanted::Finding(wanted) => wanted,
            Unwanted::Code(code) => {
                by_code = Wanted { code: Some(code.clone()), ..Wanted::default() };
                &by_code
            }
        };
        for finding in findings {
            if unwanted.is(finding)? {
                faults.push(format!("hasNot: {}", line_of(finding)));
            }
        }
    }
    for finding in findings.iter().filter(|_| case.only) {
        let mut known = false;
        for wanted in &case.has {
            known |= wanted.is(finding)?;
        }
        if !known {
            faults.push(format!("only: {}", line_of(finding)));
        }
    }
    for (path, wanted) in &case.files {
        let wanted = match wanted {
            OneOrMore::One(outcome) => std::slice::from_ref(outcome),
            OneOrMore::More(outcomes) => outcomes,
        };
        let files = report["files"].as_array().into_iter().flatten();
        let found = files.filter(|file| file["path"] == **path).find_map(|file| file["outcome"].as_str());
        if !found.is_some_and(|found| wanted.iter().any(|wanted| wanted == found)) {
            faults.push(format!("file {path}: {found:?}, expected {wanted:?}"));
        }
    }
    Ok(())
}

fn judge_review(case: &Case, out: &str, faults: &mut Vec<String>) -> Result<(), String> {
    let answer: Value = serde_json::from_str(out).unwrap_or_default();
    let response = answer.get("response").ok_or_else(|| format!("no AdmissionReview: {}", brief(out)))?;
    if case.allowed.is_some_and(|allowed| response["allowed"] != allowed) {
        faults.push(format!("allowed {}: {}", response["allowed"], brief(&response["status"].to_string())));
    }
    if let Some(wanted) = &case.patch {
        let patch = match response["patch"].as_str() {
            None => Value::Array(Vec::new()),
            Some(text) => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(text);
                serde_json::from_slice(&bytes.map_err(|e| e.to_string())?).map_err(|e| e.to_string())?
            }
        };
        if patch != *wanted {
            faults.push(format!("patch {patch}, expected {wanted}"));
        }
    }
    let message = response["status"]["message"].as_str().unwrap_or_default().to_owned();
    let warnings: Vec<&str> =
        response["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, text, must, must_not) in [
        ("message", message, &case.message, &case.message_not),
        ("warnings", warnings.join("\n"), &case.warnings, &case.warnings_not),
    ] {
        if let Some(pattern) = must
            && !regex(pattern)?.is_match(&text)
        {
            faults.push(format!("{name} {} does not match {pattern:?}", brief(&text)));
        }
        if let Some(pattern) = must_not
            && regex(pattern)?.is_match(&text)
        {
            faults.push(format!("{name} {} matches {pattern:?}", brief(&text)));
        }
    }
    Ok(())
}

fn line_of(finding: &Value) -> String {
    let text = |key: &str| finding[key].as_str().unwrap_or_default();
    let place = format!("{}:{}:{}", text("file"), finding["line"], finding["column"]);
    format!("{place} {} {}: {}", text("severity"), text("code"), text("message"))
}

/// So much of a text that a miss stays readable.
fn brief(text: &str) -> String {
    format!("{:?}", text.chars().take(300).collect::<String>())
}
