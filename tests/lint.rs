//! `plimsoll lint` from outside: what people and programs see of folders, ours and the tutorial's.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn lint(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("lint")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What people read, without the time it took.
fn text(output: &Output) -> String {
    let text = stdout(output);
    let (rest, time) = text.trim_end().rsplit_once(" · ").unwrap();
    assert!(time.ends_with(" ms") || time.ends_with(" s"), "{time}");
    rest.to_owned()
}

/// `file:line:column code`, a line for each finding.
fn places(report: &serde_json::Value) -> String {
    let mut places = String::new();
    for finding in report["findings"].as_array().unwrap() {
        let (file, code) = (finding["file"].as_str().unwrap(), finding["code"].as_str().unwrap());
        let unknown = if finding["unknown"] == true { " unknown" } else { "" };
        writeln!(places, "{file}:{}:{} {code}{unknown}", finding["line"], finding["column"]).unwrap();
    }
    places
}

/// The tutorial's manifests, where they are at hand.
fn tutorial() -> Option<PathBuf> {
    let shared = std::env::var_os("PLIMSOLL_SHARED").map_or_else(|| here().join("../shared"), PathBuf::from);
    let folder = shared.join("manifests/tutorial");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no tutorial at {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Only these two policies: the library grows, and the examples are about them.
const TWO: &[&str] = &["--only", "required-probes", "--only", "headless-service"];

#[test]
fn the_examples() {
    let output = lint(here(), &[TWO, &["examples/"]].concat());
    insta::assert_snapshot!(text(&output));
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// One fault is counted once, and fails as hard as the hardest that is told of it. Either alone is still found.
#[test]
fn what_says_less_at_the_same_place_is_told_with_what_says_more() {
    let folder = tempfile::tempdir().unwrap();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - {name: web, image: nginx}\n";
    let configuration =
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\nseverities: {image-digest: error}\n";
    std::fs::write(folder.path().join("pod.yaml"), pod).unwrap();
    std::fs::write(folder.path().join("plimsoll.yaml"), configuration).unwrap();
    let both = ["--only", "image-tag,image-digest", "pod.yaml"];
    let output = lint(folder.path(), &[&["--format", "json"], &both[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!(places(&report), "pod.yaml:6:26 image-tag/missing\n");
    assert_eq!(report["findings"][0]["severity"], "error");
    let also = &report["findings"][0]["also"][0];
    assert_eq!((&also["code"], &also["severity"]), (&"image-digest/not-pinned".into(), &"error".into()));
    assert_eq!(report["summary"]["error"], 1);
    assert_eq!(report["policies"]["ran"], 2);
    assert_eq!(report["policies"]["generation"], 1);
    assert_eq!(report["policies"]["hash"].as_str().map(str::len), Some(16));
    let output = lint(folder.path(), &both);
    assert!(
        stdout(&output).contains("also image-digest/not-pinned: image nginx of container web has no digest")
    );
    let output = lint(folder.path(), &["--format", "json", "--only", "image-digest", "pod.yaml"]);
    assert_eq!(places(&json(&output)), "pod.yaml:6:26 image-digest/not-pinned\n");
}

#[test]
fn the_good_examples_are_quiet() {
    let output = lint(here(), &["examples/bookshop"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn secrets_of_the_examples_are_not_shown() {
    for arguments in
        [&["examples/shop"][..], &["--format", "json", "examples/shop"], &["--color", "always", "examples"]]
    {
        let output = lint(here(), arguments);
        for planted in ["not-a-real-password", "not-a-real-one-either"] {
            assert!(!stdout(&output).contains(planted), "{arguments:?} shows {planted}");
        }
    }
}

#[test]
fn a_draft_named_outright_is_read_and_broken() {
    let output = lint(here(), &[TWO, &["examples/drafts/half-done.yaml"]].concat());
    insta::assert_snapshot!(text(&output));
    assert_eq!(output.status.code(), Some(2));
    let output = lint(here(), &[TWO, &["--allow-broken", "examples/drafts/half-done.yaml"]].concat());
    assert_eq!(output.status.code(), Some(1), "what could be read still counts");
}

#[test]
fn quiet_is_findings_only() {
    let output = lint(here(), &["--quiet", "examples/bookshop"]);
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("", Some(0)));
}

#[test]
fn the_report_is_the_same_bytes_at_any_thread_count() {
    let run = |threads: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(["lint", "--format", "json", "examples/"])
            .current_dir(here())
            .env_clear()
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        stdout(&output)
    };
    let one = run("1");
    assert!(one.len() > 1000);
    assert_eq!(one, run("7"));
}

#[test]
fn what_goes_wrong_is_said() {
    for (name, arguments, code) in [
        ("no such file", &["nowhere.yaml"][..], 2),
        ("nothing to lint", &["--quiet", "examples/chart"], 2),
        ("bad usage", &["--fail-on", "trouble", "examples"], 2),
        ("no policy", &["--no-embedded", "examples"], 2),
    ] {
        let output = lint(here(), arguments);
        assert_eq!(output.status.code(), Some(code), "{name}");
        assert!(output.stdout.len() + output.stderr.len() > 0, "{name}: nothing is said");
    }
}

/// A folder with everything that is hard to read: each ends under a name, and its neighbours are linted.
#[test]
fn hard_input_ends_under_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let pod =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n    - {name: c, image: c}\n";
    let utf16: Vec<u8> =
        "\u{feff}".chars().chain(pod.chars()).flat_map(|c| (c as u16).to_le_bytes()).collect();
    let scalar = |bytes| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata: {{a: {}}}\n",
            "x".repeat(bytes)
        )
    };
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        writeln!(bomb, "a{level}: &a{level} [{}]", below.trim_end_matches(", ")).unwrap();
    }
    let mut nested = "apiVersion: v1\nkind: X\n".to_owned();
    for depth in 0..3000 {
        writeln!(nested, "{}a:", " ".repeat(depth)).unwrap();
    }
    write("alias-bomb.yaml", bomb.as_bytes());
    write("big-scalar.yaml", scalar(50_000_000).as_bytes());
    write("brackets.yaml", "[".repeat(100_000).as_bytes());
    write("broken.yaml", b"kind: Pod\n bad: [\n");
    write("kustomization.yaml", b"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n");
    write("long-scalar.yaml", scalar(20_000_000).as_bytes());
    write("maps.yaml", nested.as_bytes());
    write("neighbour.yaml", pod.as_bytes());
    write("template.yaml", b"{{- if .Values.on }}\nkind: Pod\n{{- end }}\n");
    write("utf16.yaml", &utf16);
    let output = lint(folder.path(), &[TWO, &["--format", "json", "."]].concat());
    assert_eq!(output.status.code(), Some(2));
    let report = json(&output);
    let outcomes: Vec<String> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| format!("{} {}", file["path"].as_str().unwrap(), file["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        outcomes,
        [
            "alias-bomb.yaml notKubernetes",
            "big-scalar.yaml broken",
            "brackets.yaml notKubernetes",
            "broken.yaml broken",
            "kustomization.yaml notKubernetes",
            "long-scalar.yaml linted",
            "maps.yaml broken",
            "neighbour.yaml linted",
            "template.yaml template",
            "utf16.yaml linted",
        ]
    );
    assert_eq!(
        places(&report),
        "neighbour.yaml:6:7 required-probes/probes\nutf16.yaml:6:7 required-probes/probes\n"
    );
    let output = lint(folder.path(), &[TWO, &["."]].concat());
    assert!(output.stdout.len() < 10_000, "{} bytes of text", output.stdout.len());
}

#[test]
fn the_tutorial() {
    let Some(folder) = tutorial() else { return };
    let output = lint(&folder, &["--format", "json", "--only", "required-probes", "."]);
    insta::assert_snapshot!(places(&json(&output)));
    let report = json(&output);
    for file in report["files"].as_array().unwrap() {
        assert_ne!(file["outcome"], "broken", "{file}");
    }
}

/// No file ends unread, and the summary is the sum of what stands above it.
#[test]
fn every_file_of_the_corpora_is_accounted_for() {
    let shared = std::env::var_os("PLIMSOLL_SHARED").map_or_else(|| here().join("../shared"), PathBuf::from);
    let mut files = 0;
    let mut folders = vec![shared.join("corpora"), shared.join("manifests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json") {
                files += 1;
            }
        }
    }
    if files == 0 {
        eprintln!("SKIPPED: no corpora below {}", shared.display());
        return;
    }
    let paths: Vec<&str> =
        ["corpora", "manifests"].into_iter().filter(|folder| shared.join(folder).is_dir()).collect();
    let arguments = [&["--format", "json", "--pack", "all", "--complete"], &paths[..]].concat();
    let report = json(&lint(&shared, &arguments));
    let (findings, summary) = (report["findings"].as_array().unwrap(), &report["summary"]);
    let ledger = report["files"].as_array().unwrap();
    assert_eq!(ledger.len(), files, "files of the report");
    for (outcome, name) in [
        ("linted", "linted"),
        ("not-kubernetes", "notKubernetes"),
        ("template", "template"),
        ("ignored", "ignored"),
        ("broken", "broken"),
    ] {
        let of = ledger.iter().filter(|f| f["outcome"] == outcome || f["outcome"] == name).count();
        assert_eq!(summary["files"][name], of, "{outcome}");
    }
    let broken: Vec<_> = ledger.iter().filter(|f| f["outcome"] == "broken").collect();
    assert!(broken.is_empty(), "{broken:?}");
    let documents: u64 = ledger.iter().map(|f| f["documents"].as_u64().unwrap()).sum();
    assert_eq!(summary["documents"], documents);
    let known = |severity: &str| {
        let counts = |f: &&serde_json::Value| {
            f["severity"] == severity && f["suppressed"].is_null() && f["unknown"] == false
        };
        findings.iter().filter(counts).count()
    };
    for severity in ["error", "warning", "info"] {
        assert_eq!(summary[severity], known(severity), "{severity}");
    }
    assert_eq!(summary["unknown"], findings.iter().filter(|f| f["unknown"] == true).count());
    assert!(known("error") > 100, "the corpora are full of faults");
}

/// A Service that is missing beside others is a fault; an operator may make it, and then nobody can tell.
#[test]
fn a_backend_that_an_operator_may_make_is_unknown() {
    let folder = std::env::temp_dir().join(format!("plimsoll-backend-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let front = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop}\nspec:\n  \
                 defaultBackend: {service: {name: wbe, port: {number: 80}}}\n";
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {ports: [{port: 80}]}\n";
    let cluster = "apiVersion: ceph.rook.io/v1\nkind: CephCluster\nmetadata: {name: ceph, namespace: shop}\n";
    std::fs::write(folder.join("front.yaml"), front).unwrap();
    std::fs::write(folder.join("web.yaml"), service).unwrap();
    let run = || places(&json(&lint(&folder, &["--format", "json", "--pack", "references", "."])));
    assert_eq!(run(), "front.yaml:5:36 ingress-backend/missing\n");
    std::fs::write(folder.join("ceph.yaml"), cluster).unwrap();
    assert_eq!(run(), "front.yaml:5:36 ingress-backend/unresolved unknown\n");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A long list of containers is judged by kinds of containers; what is found is what is found of them in short lists.
#[test]
fn containers_that_are_alike_get_what_each_gets_alone() {
    let extra = [
        "",
        "securityContext: {privileged: true}",
        "securityContext: {privileged: null, runAsUser: 0}",
        "securityContext: nothing",
        "resources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 512Mi}}",
        "resources: {limits: {memory: lots}}",
        "env: [{name: A, value: 1}, {name: A, value: \"2\"}]",
        "livenessProbe: {httpGet: {port: 80, host: a}}, readinessProbe: {httpGet: {port: web}}",
    ];
    let container = |at: usize| {
        let tag = if at.is_multiple_of(3) { ":latest" } else { "" };
        format!("  - {{name: c{at}, image: gcr.io/a/b{tag}, {}}}\n", extra[at % extra.len()])
    };
    let pod = |from: usize, to: usize| {
        let containers: String = (from..to).map(container).collect();
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n{containers}")
    };
    let found = |ranges: &[(usize, usize)]| {
        let folder = tempfile::tempdir().unwrap();
        for (from, to) in ranges {
            std::fs::write(folder.path().join(format!("{from}.yaml")), pod(*from, *to)).unwrap();
        }
        let report = json(&lint(folder.path(), &["--pack", "all", "--format", "json", "."]));
        let of_containers = report["findings"].as_array().unwrap().iter().filter_map(|finding| {
            let message = finding["message"].as_str().unwrap();
            message.contains("container c").then(|| format!("{} {message}", finding["code"]))
        });
        let mut all: Vec<String> = of_containers.collect();
        all.sort();
        all
    };
    let short: Vec<(usize, usize)> = (0..70).step_by(7).map(|from| (from, from + 7)).collect();
    let (long, short) = (found(&[(0, 70)]), found(&short));
    assert!(long.len() > 500, "{}", long.len());
    assert_eq!(long, short);
}

/// The outputs of one chart with several values lie in one folder: which Deployment goes with which budget nobody knows.
#[test]
fn a_budget_among_alternatives_is_not_held_against_another_files_replicas() {
    let budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\n\
        spec: {minAvailable: 1, selector: {matchLabels: {app: a}}}\n";
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  replicas: 1\n  \
        selector: {matchLabels: {app: a}}\n  template:\n    metadata: {labels: {app: a}}\n    \
        spec: {containers: [{name: c, image: \"a:1\"}]}\n";
    let both = format!("{budget}---\n{deployment}");
    for (files, expected) in [
        (&[("budget.yaml", budget), ("deployment.yaml", deployment)][..], 1),
        (&[("default.yaml", budget), ("two.yaml", budget), ("deployment.yaml", deployment)], 0),
        (&[("default.yaml", both.as_str()), ("two.yaml", budget)], 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let report = json(&lint(folder.path(), &["--only", "blocking-budget", "--format", "json", "."]));
        assert_eq!(report["findings"].as_array().unwrap().len(), expected, "{files:?}: {report:#}");
    }
}

/// As look-ups in Rust do, those of expressions go by levels, and no fault rests on one of several alternatives.
#[test]
fn an_expression_that_looks_up_takes_whichever_alternative_satisfies() {
    let policy = "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: mode}\nspec:\n  \
        match: {kinds: [Pod]}\n  action: Deny\n  variables:\n  - name: mode\n    \
        expression: \"resources.get('v1', 'ConfigMap', object.metadata.namespace, 'c').data.mode\"\n  rules:\n  \
        - {name: in-variable, validate: variables.mode == 'good'}\n  \
        - name: of-each\n    forEach: allContainers\n    \
        validate: \"resources.get('v1', 'ConfigMap', object.metadata.namespace, 'c').data.mode == 'good'\"\n";
    let map = |mode: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, namespace: team}}\ndata: {{mode: {mode}}}\n"
        )
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: team}\n\
        spec: {containers: [{name: a, image: one}, {name: b, image: two}]}\n";
    for (maps, expected) in [
        (&[("one", "good")][..], 0),
        (&[("one", "bad")], 3),
        (&[("one", "bad"), ("two", "good")], 0),
        (&[("one", "good"), ("two", "bad")], 0),
        (&[("one", "bad"), ("two", "worse")], 3),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policies");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("p.yaml"), policy).unwrap();
        let manifests = folder.path().join("manifests");
        for (name, mode) in maps {
            std::fs::create_dir_all(manifests.join(name)).unwrap();
            std::fs::write(manifests.join(name).join("map.yaml"), map(mode)).unwrap();
        }
        std::fs::write(manifests.join("pod.yaml"), pod).unwrap();
        let report = json(&lint(
            folder.path(),
            &["--no-embedded", "--policies", "policies", "--format", "json", "manifests"],
        ));
        assert_eq!(report["findings"].as_array().unwrap().len(), expected, "{maps:?}: {report:#}");
    }
}

/// A value that is filled in later is unknown; those beside it, in the same list or another container, are not.
#[test]
fn a_placeholder_silences_nothing_beside_it() {
    let manifest = r#"
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {version: "${V}", "bad key": fine, "bad/value": "a b"}}
spec:
  containers:
    - name: filled
      image: "${IMAGE}"
      env: [{name: A, value: "${A}"}, {name: DB_PASSWORD, value: hunter2x}]
      resources: {requests: {cpu: "${CPU}", memory: 1Gi}, limits: {cpu: 2, memory: "${MEMORY}"}}
    - name: plain
      image: nginx:latest
      env: [{name: COUNT, value: 5}]
      resources: {requests: {cpu: 1, memory: 2Gi}, limits: {cpu: x, memory: 1Gi}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {a: "${A}", password: hunter2xy, z: "${Z}"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: r}
rules:
  - {apiGroups: ["${G}"], resources: ["${R}"], verbs: ["${V}", "*"]}
"#;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), manifest).unwrap();
    let policies =
        "image-tag,literal-secret,string-values,valid-labels,valid-quantities,sensitive-config-map,wildcards";
    let report = json(&lint(folder.path(), &["--pack", "all", "--only", policies, "--format", "json", "."]));
    let mut found: Vec<(&str, &str)> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["code"].as_str().unwrap(), f["pointer"].as_str().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("image-tag/mutable", "/spec/containers/1/image"),
            ("literal-secret/by-name", "/spec/containers/0/env/1/value"),
            ("sensitive-config-map/by-name", "/data/password"),
            ("string-values/variable", "/spec/containers/1/env/0/value"),
            ("valid-labels/key", "/metadata/labels/bad key"),
            ("valid-labels/value", "/metadata/labels/bad~1value"),
            ("valid-quantities/above-limit", "/spec/containers/1/resources/requests/memory"),
            ("valid-quantities/invalid", "/spec/containers/1/resources/limits/cpu"),
            ("wildcards/verbs", "/rules/0/verbs/1"),
        ]
    );
}
