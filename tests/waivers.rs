//! Waivers: whatever the form, the finding is gone from the exit code, counted as waived, and nothing else has changed.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

fn plimsoll(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// `line code` of the findings of a text, then `line code kind` of what is waived.
fn lint(text: &str, arguments: &[&str]) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    lint_in(folder.path(), arguments)
}

fn lint_in(folder: &Path, arguments: &[&str]) -> (Vec<String>, Vec<String>) {
    let output = plimsoll(folder, &[&["lint", "a.yaml", "--format", "json"], arguments].concat());
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let (mut kept, mut waived) = (Vec::new(), Vec::new());
    for finding in report["findings"].as_array().unwrap() {
        let line = format!("{} {}", finding["line"], finding["code"].as_str().unwrap());
        match finding["suppressed"]["kind"].as_str() {
            Some(kind) => waived.push(format!("{line} {kind}")),
            None => kept.push(line),
        }
    }
    assert_eq!(report["summary"]["suppressed"], waived.len());
    (kept, waived)
}

/// A ConfigMap of these lines of data, linted for `yaml/octal` and `yaml/boolean-word` only.
fn octals(data: &str) -> (Vec<String>, Vec<String>) {
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n{data}");
    lint(&text, &["--only", "yaml,waiver,image-tag", "--today", "2026-06-01"])
}

#[test]
fn comments_cover_what_they_stand_at() {
    for (name, data, kept, waived) in [
        (
            "end of a line",
            "  a: 01  # plimsoll: ignore[yaml/octal] r\n  b: 02\n",
            "6 yaml/octal",
            "5 yaml/octal line",
        ),
        ("no blank before", "  a: \"x\"\n  b: 01 #plimsoll:ignore[yaml]r\n", "", "6 yaml/octal line"),
        (
            "above a member",
            "  # plimsoll: ignore[yaml/octal] r\n  a: 01\n  b: 02\n",
            "7 yaml/octal",
            "6 yaml/octal node",
        ),
        (
            "a block of comments",
            "  # plimsoll: ignore[yaml/octal] r\n  # because\n\n  a: 01\n",
            "",
            "8 yaml/octal node",
        ),
        (
            "with blanks of CRLF",
            "  # plimsoll: ignore[yaml/octal] r\r\n  a: 01\r\n  b: 02\r\n",
            "7 yaml/octal",
            "6 yaml/octal node",
        ),
        (
            "in a string",
            "  a: \"# plimsoll: ignore[*] r\"\n  b: '# plimsoll: ignore[*]'\n  c: 01\n",
            "7 yaml/octal",
            "",
        ),
        ("in a block scalar", "  b: |\n    # plimsoll: ignore[*] r\n  c: 01\n", "7 yaml/octal", ""),
        (
            "behind a block scalar",
            "  b: |\n    x\n  # plimsoll: ignore[yaml] r\n  c: 01\n",
            "",
            "8 yaml/octal node",
        ),
        ("in a plain scalar", "  b: x#plimsoll:ignore[*]\n  c: 01\n", "6 yaml/octal", ""),
        (
            "flow style",
            "  {a: 01, # plimsoll: ignore[yaml] r\n   b: 02}\n",
            "6 yaml/octal",
            "5 yaml/octal line",
        ),
        (
            "above in flow style",
            "  {a: 01,\n   # plimsoll: ignore[yaml] r\n   b: 02}\n",
            "5 yaml/octal",
            "7 yaml/octal node",
        ),
        ("an anchor's alias", "  # plimsoll: ignore[yaml] r\n  a: &x 01\n  b: *x\n", "", "6 yaml/octal node"),
        (
            "another code",
            "  a: 01  # plimsoll: ignore[yaml/boolean-word] r\n",
            "5 yaml/octal 5 waiver/unused",
            "",
        ),
        (
            "one of two",
            "  a: 01  # plimsoll: ignore[yaml/octal, yaml/boolean-word] r\n",
            "5 waiver/unused",
            "5 yaml/octal line",
        ),
        ("a code that does not run", "  a: 01  # plimsoll: ignore[run-as-root] r\n", "5 yaml/octal", ""),
        ("no reason", "  a: 01  # plimsoll: ignore[yaml/octal]\n", "5 waiver/no-reason", "5 yaml/octal line"),
        (
            "today is its last day",
            "  a: 01  # plimsoll: ignore[yaml] r, until=2026-06-01\n",
            "",
            "5 yaml/octal line",
        ),
        (
            "it has ended",
            "  a: 01  # plimsoll: ignore[yaml] r, until=2026-05-31\n",
            "5 yaml/octal 5 waiver/expired",
            "",
        ),
        (
            "a bad date",
            "  a: 01  # plimsoll: ignore[yaml] r, until=soon\n",
            "5 yaml/octal 5 waiver/malformed",
            "",
        ),
        ("no codes", "  a: 01  # plimsoll: ignore[]\n", "5 yaml/octal 5 waiver/malformed", ""),
        ("no bracket", "  a: 01  # plimsoll: ignore yaml/octal\n", "5 yaml/octal 5 waiver/malformed", ""),
        (
            "an unknown code",
            "  a: 01  # plimsoll: ignore[yaml/octl] r\n",
            "5 yaml/octal 5 waiver/malformed",
            "",
        ),
        (
            "itself",
            "  a: 01  # plimsoll: ignore[waiver/malformed] r\n",
            "5 yaml/octal 5 waiver/malformed",
            "",
        ),
        ("itself by a glob", "  a: 01  # plimsoll: ignore[*]\n", "5 waiver/no-reason", "5 yaml/octal line"),
        (
            "a file, too late",
            "  a: 01  # plimsoll: ignore-file[yaml] r\n",
            "5 yaml/octal 5 waiver/malformed",
            "",
        ),
        ("above nothing", "  a: 01\n# plimsoll: ignore[yaml] r\n", "5 yaml/octal 6 waiver/malformed", ""),
        ("prose", "  a: 01  # plimsoll is a line\n", "5 yaml/octal", ""),
    ] {
        let (got_kept, got_waived) = octals(data);
        assert_eq!((got_kept.join(" ").as_str(), got_waived.join(" ").as_str()), (kept, waived), "{name}");
    }
}

#[test]
fn comments_know_their_document() {
    let one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {a: 01}\n";
    let (a, b) = (one.replace("NAME", "a"), one.replace("NAME", "b"));
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n# plimsoll: ignore[yaml] r\n- {}- {}",
        nested(&a),
        nested(&b)
    );
    for (name, text, kept, waived) in [
        (
            "the first of two",
            format!("# plimsoll: ignore[yaml] r\n{a}---\n{b}"),
            "10 yaml/octal",
            "5 yaml/octal node",
        ),
        (
            "the second",
            format!("{a}---\n# plimsoll: ignore[yaml] r\n{b}"),
            "4 yaml/octal",
            "10 yaml/octal node",
        ),
        (
            "above the dashes",
            format!("# plimsoll: ignore[yaml] r\n---\n{a}---\n{b}"),
            "11 yaml/octal",
            "6 yaml/octal node",
        ),
        (
            "at the dashes",
            format!("{a}--- # plimsoll: ignore[yaml] r\n{b}"),
            "4 yaml/octal",
            "9 yaml/octal node",
        ),
        (
            "the file",
            format!("# plimsoll: ignore-file[yaml] r\n{a}---\n{b}"),
            "",
            "5 yaml/octal file 10 yaml/octal file",
        ),
        (
            "the file, above the dashes",
            format!("# plimsoll: ignore-file[yaml] r\n---\n{a}"),
            "",
            "6 yaml/octal file",
        ),
        (
            "the file, at the dashes",
            format!("--- # plimsoll: ignore-file[yaml] r\n{a}"),
            "",
            "5 yaml/octal file",
        ),
        ("an item", list, "12 yaml/octal", "8 yaml/octal node"),
        (
            "JSON has none",
            r##"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "# plimsoll: ignore[*]"}}"##
                .to_owned(),
            "",
            "",
        ),
    ] {
        let (got_kept, got_waived) = lint(&text, &["--only", "yaml,waiver"]);
        assert_eq!(
            (got_kept.join(" ").as_str(), got_waived.join(" ").as_str()),
            (kept, waived),
            "{name}\n{text}"
        );
    }
}

fn nested(text: &str) -> String {
    text.lines().map(|line| format!("{line}\n")).collect::<Vec<_>>().join("  ")
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  containers:\n  - name: a\n    image: nginx:latest\n";

#[test]
fn every_format_says_what_the_webhook_still_denies() {
    let folder = tempfile::tempdir().unwrap();
    let text = POD.replace("  - name: a", "  # plimsoll: ignore[required-probes] a sidecar\n  - name: a");
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    let only = ["lint", "a.yaml", "--only", "required-probes"];
    for format in
        ["text", "concise", "summary", "json", "sarif", "junit", "github", "gitlab", "markdown", "html"]
    {
        let output = plimsoll(folder.path(), &[&only[..], &["--format", format]].concat());
        let said = said(&output).to_lowercase();
        let mark = if format == "json" { "\"webhookstilldenies\":true" } else { "the webhook still denies" };
        assert!(said.contains(mark), "{format}: {said}");
        assert_eq!(output.status.code(), Some(0), "{format}");
    }
    let parity = plimsoll(folder.path(), &[&only[..], &["--parity", "--format", "concise"]].concat());
    assert_eq!(parity.status.code(), Some(1));
    assert!(said(&parity).contains("waived at a.yaml:8, but the webhook still denies"), "{}", said(&parity));
    let all = plimsoll(folder.path(), &[&only[..], &["--no-ignore", "--format", "concise"]].concat());
    assert_eq!(all.status.code(), Some(1));
}

#[test]
fn a_waived_rule_hides_none_that_it_includes() {
    let rules = "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: p}\nspec:\n  match: {kinds: [Pod]}\n  \
                 rules:\n  - {name: more, validate: 'false', message: m, includes: [p/less]}\n  - {name: less, validate: 'false', message: l}\n";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yaml"), rules).unwrap();
    let run = |codes: &str| {
        fs::write(folder.path().join("a.yaml"), format!("# plimsoll: ignore[{codes}] r\n{POD}")).unwrap();
        lint_in(folder.path(), &["--no-embedded", "--policies", "p.yaml"])
    };
    let owned = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    assert_eq!(run("p/more"), (owned(&["2 p/less"]), owned(&["2 p/more node"])));
    assert_eq!(run("p/less"), (owned(&["2 p/more"]), owned(&["2 p/less node"])));
    assert_eq!(run("p"), (Vec::new(), owned(&["2 p/less node", "2 p/more node"])));
}

#[test]
fn a_secret_stands_in_no_reason() {
    let secret = "hunter2hunter2";
    let text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData:\n  area: 0123  # plimsoll: ignore[yaml] was {secret}\n  \
         # plimsoll: ignore[yaml/octal] not {secret}\n  b: 0124\n  other: {secret}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    for format in
        ["text", "concise", "summary", "json", "sarif", "junit", "github", "gitlab", "markdown", "html"]
    {
        let output = plimsoll(folder.path(), &["lint", "a.yaml", "--verbose", "--format", format]);
        assert!(!said(&output).contains(secret), "{format}: {}", said(&output));
    }
}

#[test]
fn a_reason_is_short_and_readable() {
    let long = "ä".repeat(500);
    let text = format!(
        "{POD}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  a: 01 # plimsoll: ignore[yaml] \u{202e}{long}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    let output = plimsoll(folder.path(), &["lint", "a.yaml", "--format", "json", "--only", "yaml"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let reason = report["findings"][0]["suppressed"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("\\u{202e}ää") && reason.chars().count() == 201, "{reason}");
}

#[test]
fn what_is_written_waives_and_changes_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let text = "# top\r\napiVersion: v1\r\nkind: Pod\r\nmetadata: {name: web}\r\nspec:\r\n  containers:\r\n  # first\r\n  - name: a\r\n    \
                image: nginx:latest # pinned\r\n  - {name: b, image: 'nginx:latest'}\r\n  - image: \"nginx:latest\"\r\n    name: c";
    fs::write(folder.path().join("a.yaml"), format!("\u{feff}{text}")).unwrap();
    fs::write(folder.path().join("b.json"), r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "j"}, "spec": {"containers": [{"name": "a", "image": "nginx:latest"}]}}"#).unwrap();
    let add = |code: &str, files: &[&str]| {
        plimsoll(
            folder.path(),
            &[&["lint", "--add-ignores", code, "--reason", "by the mirror", "--until", "2999-01-31"], files]
                .concat(),
        )
    };
    let once = add("image-tag", &["a.yaml"]);
    assert_eq!(said(&once), "a.yaml:9\na.yaml:11\na.yaml:12\nwrote 3 waivers of image-tag\n");
    assert_eq!(once.status.code(), Some(0));
    let comment = "# plimsoll: ignore[image-tag] by the mirror, until=2999-01-31";
    let expected = text
        .replace(
            "    image: nginx:latest # pinned",
            &format!("    {comment}\r\n    image: nginx:latest # pinned"),
        )
        .replace("'nginx:latest'}", &format!("'nginx:latest'}}  {comment}"))
        .replace("\"nginx:latest\"", &format!("\"nginx:latest\"  {comment}"));
    assert_eq!(fs::read_to_string(folder.path().join("a.yaml")).unwrap(), format!("\u{feff}{expected}"));
    let again = add("image-tag", &["a.yaml"]);
    assert_eq!(said(&again), "no finding of image-tag to waive: nothing written\n");
    let (kept, waived) = lint_in(folder.path(), &["--only", "image-tag"]);
    assert_eq!((kept.len(), waived.len()), (0, 3));
    let json = add("image-tag", &["b.json"]);
    assert!(
        said(&json)
            .contains("error: b.json: JSON has no comments: add a rule under `ignore:` in plimsoll.yaml"),
        "{}",
        said(&json)
    );
    assert_eq!(json.status.code(), Some(2));
    let unknown = add("image-tga", &["a.yaml"]);
    assert!(
        said(&unknown)
            .contains("--add-ignores: no policy, rule or code is named image-tga: did you mean `image-tag`?"),
        "{}",
        said(&unknown)
    );
}

#[test]
fn every_example_of_a_code_shows_it() {
    for row in plimsoll::manifest::codes::WAIVERS {
        let (kept, _) = lint(row.example, &["--only", "yaml,waiver"]);
        assert!(kept.iter().any(|line| line.ends_with(row.code)), "{}: {kept:?}", row.code);
    }
}

#[test]
fn codes_about_waivers_are_skipped_and_weighted() {
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: 01  # plimsoll: ignore[yaml]\n";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    let (kept, waived) = lint_in(folder.path(), &["--only", "yaml,waiver", "--skip", "waiver/no-reason"]);
    assert_eq!((kept, waived), (Vec::new(), vec!["5 yaml/octal line".to_owned()]));
    let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
    fs::write(folder.path().join("plimsoll.yaml"), format!("{head}severities: {{waiver: error}}\n")).unwrap();
    assert_eq!(plimsoll(folder.path(), &["lint", "a.yaml"]).status.code(), Some(1));
}

#[test]
fn tests_of_policies_honour_exceptions() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::create_dir(folder.path().join("tests")).unwrap();
    write(
        "p.yaml",
        "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: p}\nspec:\n  match: {kinds: [Pod]}\n  rules: [{name: r, validate: 'false', message: m}]\n",
    );
    write(
        "e.yaml",
        "apiVersion: plimsoll.dev/v1alpha1\nkind: ManifestException\nmetadata: {name: e}\nspec:\n  policies: [p]\n  match: {kinds: [Pod], namespaces: [old]}\n",
    );
    let pod = |namespace: &str| {
        format!(
            "      apiVersion: v1\n      kind: Pod\n      metadata: {{name: a, namespace: {namespace}}}\n"
        )
    };
    write(
        "tests/p.yaml",
        &format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: PolicyTest\nmetadata: {{name: p}}\nspec:\n  policies: [../p.yaml, ../e.yaml]\n  cases:\n  \
             - name: lifted\n    manifests: |\n{}    expect:\n    - {{object: Pod/a, verdict: allow}}\n  \
             - name: elsewhere\n    manifests: |\n{}    expect:\n    - {{object: Pod/a, verdict: deny, findings: [{{rule: p/r}}]}}\n",
            pod("old"),
            pod("new")
        ),
    );
    let output = plimsoll(folder.path(), &["test", "."]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// A file of the corpus, and what lint finds in it.
#[derive(Debug)]
struct Example {
    name: String,
    text: String,
    findings: Vec<Told>,
}

/// A finding, without lines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    code: String,
    pointer: String,
    object: String,
    message: String,
}

/// What lint finds in a folder with one manifest: what counts, then what is waived, then the exit code with `--fail-on info`.
fn findings(folder: &Path, name: &str, arguments: &[&str]) -> (Vec<Told>, Vec<Told>, Option<i32>) {
    let fixed = ["lint", name, "--format", "json", "--fail-on", "info"];
    let output = plimsoll(folder, &[&fixed[..], arguments].concat());
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let (mut kept, mut waived) = (Vec::new(), Vec::new());
    for finding in report["findings"].as_array().unwrap() {
        let told = |said: &serde_json::Value| Told {
            code: said["code"].as_str().unwrap().to_owned(),
            pointer: finding["pointer"].as_str().unwrap().to_owned(),
            object: finding["object"].to_string(),
            message: said["message"].as_str().unwrap().to_owned(),
        };
        let list = if finding["suppressed"].is_null() { &mut kept } else { &mut waived };
        list.push(told(finding));
        list.extend(finding["also"].as_array().into_iter().flatten().map(told));
    }
    assert_eq!(report["summary"]["suppressed"], waived.len());
    kept.sort();
    waived.sort();
    (kept, waived, output.status.code())
}

static CORPUS: LazyLock<Vec<Example>> = LazyLock::new(|| {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("PLIMSOLL_SHARED").map_or_else(|| here.join("../shared"), PathBuf::from);
    let mut files = Vec::new();
    for folder in
        [here.join("examples/shop"), here.join("examples/bookshop"), shared.join("manifests/tutorial")]
    {
        files.extend(fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()));
    }
    files.retain(|file| file.extension().is_some_and(|e| e == "yaml" || e == "yml"));
    files.sort();
    let read = |file: PathBuf| {
        let folder = tempfile::tempdir().unwrap();
        let name = file.file_name()?.to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).ok()?;
        fs::write(folder.path().join(&name), &text).unwrap();
        let (findings, waived, _) = findings(folder.path(), &name, &["--pack", "all"]);
        assert!(waived.is_empty());
        (!findings.is_empty()).then_some(Example { name, text, findings })
    };
    let corpus: Vec<Example> = files.into_iter().filter_map(read).collect();
    assert!(corpus.len() > 2, "{corpus:?}");
    corpus
});

/// The text of an object among those of its file, where one alone has its kind and name.
fn own_text<'t>(text: &'t str, object: &serde_json::Value) -> Option<&'t str> {
    let (kind, name) = (object["kind"].as_str()?, object["name"].as_str()?);
    let has =
        |part: &&str| part.contains(&format!("kind: {kind}\n")) && part.contains(&format!("name: {name}\n"));
    let mut own = text.split("\n---\n").filter(has);
    let only = own.next()?;
    own.next().is_none().then_some(only)
}

/// Writes the six forms, each for one code; the flags that it needs, or nothing where the text has no room for it.
fn waive(form: usize, folder: &Path, example: &Example, told: &Told) -> Option<Vec<String>> {
    let Told { code, object, .. } = told;
    let object: serde_json::Value = serde_json::from_str(object).unwrap();
    let file = folder.join(&example.name);
    let mut flags = vec!["--pack".to_owned(), "all".to_owned()];
    fs::write(&file, &example.text).unwrap();
    match form {
        // at a line or above a node, as there is room
        0 => {
            let output = plimsoll(
                folder,
                &["lint", &example.name, "--pack", "all", "--add-ignores", code, "--reason", "r"],
            );
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        }
        1 => {
            let own = own_text(&example.text, &object)?;
            let comment = format!("# plimsoll: ignore[{code}] r\n{}", own.trim_start_matches("---\n"));
            fs::write(&file, example.text.replacen(own, &comment, 1)).unwrap();
        }
        2 => fs::write(&file, format!("# plimsoll: ignore-file[{code}] r\n{}", example.text)).unwrap(),
        3 => {
            let own = own_text(&example.text, &object)?;
            let (before, after) =
                own.split_once(&format!("metadata:\n  name: {}\n", object["name"].as_str()?))?;
            if after.starts_with("  annotations:")
                || after.starts_with("  labels:\n") && after.contains("  annotations:")
            {
                return None;
            }
            let note = format!("  annotations: {{plimsoll.dev/ignore: '{code}: r'}}\n");
            let noted = format!("{before}metadata:\n  name: {}\n{note}{after}", object["name"].as_str()?);
            fs::write(&file, example.text.replacen(own, &noted, 1)).unwrap();
        }
        4 => {
            let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
            let rule = format!("ignore: [{{codes: ['{code}'], paths: ['{}'], reason: r}}]\n", example.name);
            fs::write(folder.join("plimsoll.yaml"), format!("{head}{rule}")).unwrap();
        }
        _ => {
            let (kind, api) = (object["kind"].as_str()?, object["apiVersion"].as_str()?);
            let kind = if api.contains('/') {
                format!("{}/{kind}", api.split('/').next().unwrap())
            } else {
                kind.to_owned()
            };
            let exception = format!(
                "apiVersion: plimsoll.dev/v1alpha1\nkind: ManifestException\nmetadata: {{name: e}}\nspec:\n  policies: ['{code}']\n  \
                 match: {{kinds: ['{kind}']}}\n  reason: r\n"
            );
            fs::create_dir(folder.join("policies")).unwrap();
            fs::write(folder.join("policies/e.yaml"), exception).unwrap();
            flags.extend(["--policies".to_owned(), "policies".to_owned()]);
        }
    }
    Some(flags)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_waives_a_finding_changes_nothing_else(example: Index, finding: Index, form in 0_usize..6) {
        let example = example.get(&CORPUS);
        let told = finding.get(&example.findings);
        let folder = tempfile::tempdir().unwrap();
        let Some(flags) = waive(form, folder.path(), example, told) else {
            return Err(TestCaseError::reject("no room for the form"));
        };
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let (kept, waived, exit) = findings(folder.path(), &example.name, &flags);
        prop_assert!(waived.contains(told), "{form} {} {told:?}: {waived:?}", example.name);
        prop_assert!(!kept.contains(told) || example.findings.iter().filter(|other| *other == told).count() > 1);
        let mut all: Vec<Told> = [kept.clone(), waived.clone()].concat();
        all.sort();
        let count = |list: &[Told]| list.iter().fold(BTreeMap::new(), |mut count, told| {
            *count.entry(told.clone()).or_insert(0) += 1;
            count
        });
        prop_assert_eq!(count(&all), count(&example.findings), "{} {}", form, &example.name);
        prop_assert!(waived.iter().all(|other| other.code == told.code));
        prop_assert_eq!(exit, Some(i32::from(!kept.is_empty())));
    }
}

#[test]
fn a_file_with_waivers_is_nothing_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let configuration = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
    for ignore in ["", "ignore: [{codes: [image-tag], reason: x}]\n"] {
        fs::write(folder.path().join("c.yaml"), format!("{configuration}{ignore}")).unwrap();
        let output = plimsoll(folder.path(), &["lint", "empty", "--config", "c.yaml"]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("no Kubernetes manifest found"), "{}", said(&output));
    }
}
