//! What a newcomer gets wrong, from outside: every mistake is answered with its place and the way out, and what the
//! pages show works as it is pasted.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn plimsoll(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .expect("runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

fn own_policy(name: &str, api_version: &str, kind: &str) -> String {
    format!(
        "apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n  match: {{kinds: [Pod]}}\n  \
         rules: [{{name: a, validate: 'true'}}]\n"
    )
}

const CONFIG_MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: web}\ndata: {a: b}\n";

#[test]
fn what_is_not_a_policy_says_so_rather_than_what_it_lacks() {
    const OURS: &str = "plimsoll.dev/v1alpha1";
    for (api_version, kind, place, message, help) in [
        (OURS, "ClusterManfestPolicy", "p.yaml:2:7", "unknown kind", "did you mean `ClusterManifestPolicy`?"),
        (
            OURS,
            "Policy",
            "p.yaml:2:7",
            "unknown kind Policy",
            "write ClusterManifestPolicy, ManifestPolicy or ManifestException",
        ),
        (
            "plimsol.dev/v1alpha1",
            "ClusterManifestPolicy",
            "p.yaml:1:13",
            "unknown version",
            "write plimsoll.dev/v1alpha1",
        ),
        (
            "kyverno.io/v1",
            "ClusterPolicy",
            "",
            "no policy found",
            "expected an object with apiVersion plimsoll.dev/v1alpha1",
        ),
    ] {
        let folder = folder_with(&[("p.yaml", &own_policy("p", api_version, kind))]);
        let output = plimsoll(folder.path(), &["policies", "check", "."]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for expected in [place, message, help] {
            assert!(said.contains(expected), "{kind}: {expected:?} is not in\n{said}");
        }
        assert!(!said.contains("missing field"), "{said}");
    }
}

#[test]
fn a_name_that_is_taken_is_shown_where_it_is_taken_again() {
    let (api_version, kind) = ("plimsoll.dev/v1alpha1", "ClusterManifestPolicy");
    let folder = folder_with(&[
        ("own/a.yaml", &own_policy("mine", api_version, kind)),
        ("own/b.yaml", &own_policy("mine", api_version, kind)),
        ("own/c.yaml", &own_policy("required-probes", api_version, kind)),
        ("cm.yaml", CONFIG_MAP),
    ]);
    let output = plimsoll(folder.path(), &["lint", "--policies", "own", "cm.yaml"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for expected in [
        "error: ClusterManifestPolicy mine is already defined in own/a.yaml\n --> own/b.yaml:3:18",
        "error: ClusterManifestPolicy required-probes is already defined in the embedded library\n --> own/c.yaml:3:18",
        "--no-embedded",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in\n{said}");
    }
}

#[test]
fn wrong_words_on_the_command_line_are_answered() {
    let folder = folder_with(&[("cm.yaml", CONFIG_MAP), ("empty/notes.txt", "")]);
    for (arguments, code, expected) in [
        (&["lint", "--pack", "secutiry", "cm.yaml"][..], 2, "\n  = help: did you mean `security`?\n"),
        (
            &["lint", "--only", "required-probe", "cm.yaml"],
            2,
            "\n  = help: did you mean `required-probes`?\n",
        ),
        (&["lint", "--packs", "security"], 2, "a similar argument exists: '--pack'"),
        (&["lint", "--fail-on", "warn"], 2, "a similar value exists: 'warning'"),
        (&["lint", "cn.yaml"], 2, "no such file or directory\n"),
        (&["lint", "*.yml"], 2, "no file matches this pattern"),
        (&["lint", "empty"], 2, "error: no Kubernetes manifest found"),
        (&["lint", "--policies", "nowhere", "cm.yaml"], 2, "--> nowhere"),
        (&["lint", "--config", "nowhere.yaml", "cm.yaml"], 2, "--> nowhere.yaml"),
        (&["policies", "show", "required-probe"], 2, "did you mean required-probes?"),
        (&["explain", "yaml/octall"], 2, "did you mean yaml/octal?"),
        (&["explain", "Ingres"], 2, "did you mean Ingress?"),
        (&["policies", "check", "empty"], 2, "error: no policy found"),
        (&["test", "empty"], 2, "error: no test found"),
        (&["mutate", "-o", "diff", "cm.yaml"], 0, "note: no policy changes these manifests\n"),
    ] {
        let output = plimsoll(folder.path(), arguments);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {expected:?} is not in\n{said}");
        assert!(!said.contains("test result: ok"), "{said}");
    }
}

/// `plimsoll … 2>&1 | head` ends the reader before the writer.
#[test]
fn nobody_need_read_what_is_wrong() {
    let (api_version, kind) = ("plimsoll.dev/v1alpha1", "ClusterManfestPolicy");
    let folder = folder_with(&[("p.yaml", &own_policy("p", api_version, kind)), ("cm.yaml", CONFIG_MAP)]);
    for arguments in [
        &["policies", "check", "p.yaml"][..],
        &["lint", "--policies", "p.yaml", "cm.yaml"],
        &["policies", "show", "nothing"],
        &["cel", "check", "1 +"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let status = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(writer)
            .status()
            .expect("runs");
        assert!(matches!(status.code(), Some(1 | 2)), "{arguments:?}: {status:?}");
    }
}

#[test]
fn a_quiet_run_says_what_was_judged_and_what_was_not_asked() {
    let folder = folder_with(&[("cm.yaml", CONFIG_MAP)]);
    let quiet =
        |arguments: &[&str]| said(&plimsoll(folder.path(), &[&["lint", "cm.yaml"], arguments].concat()));
    let default = quiet(&[]);
    assert!(default.contains("no findings in 1 object (1 file linted)"), "{default}");
    let packs = default.split_once("packs that did not run as a whole: ").map(|(_, packs)| packs);
    let packs = packs.and_then(|packs| packs.split('(').next()).unwrap_or_else(|| panic!("{default}"));
    for pack in ["efficiency", "pod-security-restricted", "reliability", "security"] {
        assert!(packs.contains(pack), "{packs}");
    }
    assert!(!packs.contains("default"), "{packs}");
    let security = quiet(&["--pack", "default", "--pack", "security"]);
    assert!(!security.contains("security,"), "a pack that was asked for ran: {security}");
    assert!(!quiet(&["--pack", "all"]).contains("did not run"));
    assert_eq!(quiet(&["-q"]), "");
}

#[test]
fn expressions_are_tried_without_a_cluster_and_without_manifests() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n";
    let folder = folder_with(&[("cm.yaml", CONFIG_MAP), ("secret.yaml", secret)]);
    for (arguments, code, expected) in [
        (&["1+1"][..], 0, "2   type int"),
        (&["object.data.a", "cm.yaml"], 0, "ConfigMap a: \"b\""),
        (&["object.data.none", "cm.yaml"], 1, "no such key: none"),
        (&["1/0"], 1, "division by zero"),
        (&["1+"], 2, "<input>:1:3"),
        (&["object.spec"], 2, "name a file"),
        (&["object.stringData.password", "secret.yaml"], 0, "***"),
    ] {
        let output = plimsoll(folder.path(), &[&["cel", "eval"], arguments].concat());
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {expected:?} is not in\n{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn what_explains_fits_a_terminal_of_eighty_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |arguments: &[&str]| {
        let output = plimsoll(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", said(&output));
        said(&output)
    };
    let mut pages = vec![text(&["policies", "list"]), text(&["explain", "Pod"])];
    let reserved = text(&["explain", "yaml"]) + &text(&["explain", "kubernetes"]);
    let codes: Vec<&str> = reserved.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let codes: Vec<&str> = codes.into_iter().filter(|word| word.contains('/')).collect();
    assert!(codes.len() >= 10, "{codes:?}");
    for code in codes {
        let page = text(&["explain", code]);
        assert!(page.starts_with(&format!("{code}: ")) && page.contains("\nfix "), "{page}");
        pages.push(page);
    }
    pages.push(text(&["explain", "required-probes/probes"]));
    for page in pages {
        // an address cannot be broken, nor can what is pasted
        for line in page.lines().filter(|line| !line.contains("https://") && !line.starts_with("    ")) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

/// The blocks of YAML in a page.
fn blocks(page: &str) -> Vec<String> {
    page.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned())).collect()
}

#[test]
fn the_policies_of_the_pages_compile() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for name in ["README.md", "docs/writing-policies.md", "docs/configuration.md", "docs/cluster.md"] {
        let page = fs::read_to_string(root.join(name)).expect("a page");
        for block in blocks(&page) {
            let policy = match () {
                () if block.contains("kind: ClusterManifestPolicy") => block.clone(),
                // rules alone
                () if block.starts_with("    - name: ") => format!(
                    "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: p}}\nspec:\n  \
                     match: {{kinds: [workloads]}}\n  rules:\n{block}"
                ),
                () => continue,
            };
            let folder = folder_with(&[("p.yaml", &policy)]);
            let output = plimsoll(folder.path(), &["policies", "check", "p.yaml"]);
            assert_eq!(output.status.code(), Some(0), "{name}:\n{block}\n{}", said(&output));
            checked += 1;
        }
    }
    assert!(checked >= 5, "{checked}");
}

#[test]
fn the_test_of_the_page_about_policies_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/writing-policies.md")).expect("a page");
    let test = blocks(&page).into_iter().find(|block| block.contains("kind: PolicyTest")).expect("a test");
    let policy =
        fs::read_to_string(root.join("policies/reliability/required-probes.yaml")).expect("a policy");
    let folder = folder_with(&[("p/required-probes.yaml", &policy), ("p/tests/required-probes.yaml", &test)]);
    let output = plimsoll(folder.path(), &["test", "p"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn what_a_rule_asks_for_and_nobody_has_is_told() {
    let policy = |rule: &str| {
        format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: p}}\nspec:\n  \
             match: {{kinds: [Pod]}}\n  rules:\n    - {rule}\n"
        )
    };
    let included = |name: &str| policy(&format!("{{name: a, validate: 'true', includes: [{name}]}}"));
    for (text, code, expected) in [
        (
            included("privilegd/privileged"),
            0,
            "p/a includes privilegd/privileged, which is neither here nor in the embedded library: did you mean \
             privileged/privileged?",
        ),
        (included("privileged"), 0, "checked 1 policy: no errors"),
        (policy("{name: a, mutate: [{set: metadata.labels.a}]}"), 2, "help: add `value: …`"),
    ] {
        let folder = folder_with(&[("p.yaml", &text)]);
        let output = plimsoll(folder.path(), &["policies", "check", "."]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected), "{expected:?} is not in\n{said}");
        assert_eq!(said.contains("warning"), expected.contains("includes"), "{said}");
    }
}

#[test]
fn a_tab_is_told_at_its_line() {
    let folder = folder_with(&[("a.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x\n")]);
    let said = said(&plimsoll(folder.path(), &["lint", "a.yaml"]));
    assert!(said.contains("a tab cannot be used for indentation: use spaces"), "{said}");
    assert!(said.contains("a.yaml:4:"), "{said}");
}

/// Objects beside template code: they are linted, the file is told as linted in part, and the exit code is theirs.
#[test]
fn what_stands_beside_template_code_is_linted() {
    let good = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n";
    let folder = tempfile::tempdir().unwrap();
    let template = format!("{good}---\napiVersion: v1\nkind: {{{{ .Values.kind }}}}\n");
    std::fs::write(folder.path().join("a.yaml"), template).unwrap();
    for target in [".", "a.yaml"] {
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(["lint", target])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(
            text.contains("skipped parts of 1 template (to be rendered first); --verbose names it"),
            "{text}"
        );
        assert!(text.contains("no findings in 1 object (1 file linted in part)"), "{text}");
        assert!(!text.contains("Kubernetes manifest"), "{text}");
    }
}

/// Istio's injector merges what a container with the image `auto` says into its template, which has probes, resources and
/// a user: only what is written there can be at fault.
#[test]
fn what_istio_injects_is_not_missing() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: istio-proxy\n    image: IMAGE\n    \
               securityContext: {privileged: true}\n";
    let folder = tempfile::tempdir().unwrap();
    for (image, expected) in [
        ("auto", &["privileged/privileged"][..]),
        (
            "proxyv2:1.20.3",
            &[
                "container-resources/missing",
                "privileged/privileged",
                "required-probes/probes",
                "run-as-root/user",
            ],
        ),
    ] {
        std::fs::write(folder.path().join("a.yaml"), pod.replace("IMAGE", image)).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(["lint", "--format", "json", "a.yaml"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut codes: Vec<&str> =
            report["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
        codes.sort_unstable();
        assert_eq!(codes, expected, "{image}");
    }
}
