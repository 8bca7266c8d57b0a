#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

use super::*;
use crate::document::edit::PatchOperation;
use crate::document::{Document, NodeId};
use crate::finding::{Action, Certainty, Place, PolicyRef, Related, RuleInfo, Severity};
use crate::manifest::SourceFile;
use crate::manifest::source::Content;
use crate::resource::identity::{Called, Identity};

fn sources(files: &[(&str, &str)]) -> Sources {
    let file = |(path, text): &(&str, &str)| SourceFile::new(*path, Content::Text((*text).to_owned()));
    Sources::new(files.iter().map(file).collect())
}

fn called(object: crate::document::NodeRef<'_>) -> Called<'_> {
    let identity = Identity::of(object).unwrap();
    Called::Own(Box::new(Identity { namespace: identity.namespace.or(Some("default")), ..identity }))
}

fn subjects<'i>(inventory: &'i Inventory<'i>) -> Vec<ReportedObject<'i>> {
    inventory
        .manifests()
        .iter()
        .map(|manifest| ReportedObject::of(inventory, manifest, called(inventory.object(manifest))))
        .collect()
}

fn rule(code: &str) -> Arc<RuleInfo> {
    Arc::new(RuleInfo {
        code: code.to_owned(),
        policy: Some(PolicyRef {
            kind: "ClusterManifestPolicy",
            namespace: None,
            name: code.split('/').next().unwrap().to_owned(),
        }),
        remediation: Some("Add a livenessProbe that a healthy container answers".to_owned()),
        references: vec!["https://example.com/probes".to_owned()],
        includes: Vec::new(),
        fail_closed: true,
        written: None,
    })
}

/// A finding at a pointer of the manifest with this index.
fn finding(inventory: &Inventory<'_>, manifest: usize, code: &str, pointer: &str, message: &str) -> Finding {
    let manifest = &inventory.manifests()[manifest];
    let object = inventory.object(manifest);
    let place = Place::of(object.at(pointer).unwrap(), object.id());
    Finding {
        rule: rule(code),
        severity: Severity::Error,
        actions: Action::Deny.into(),
        message: message.to_owned(),
        place,
        value: None,
        fingerprint: crate::finding::Fingerprint::default(),
        related: Vec::new(),
        fix: Vec::new(),
        certainty: Certainty::Known,
        existing: false,
        sensitive: false,
        explanation: Vec::new(),
        reference: None,
        more: 0,
        fault: None,
        excepted: None,
        own: None,
    }
}

fn add(path: &str, value: &serde_json::Value) -> PatchOperation {
    PatchOperation::Add { path: path.parse().unwrap(), value: Arc::new(Document::from_value(value).unwrap()) }
}

fn text(report: &Report<'_>) -> String {
    let mut out = Vec::new();
    let options = TextOptions { elapsed: Some(Duration::from_millis(12)), ..TextOptions::default() };
    report.write_text(&mut out, options).unwrap();
    String::from_utf8(out).unwrap()
}

fn json(report: &Report<'_>) -> serde_json::Value {
    let mut out = Vec::new();
    report.write_json(&mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

const DEPLOYMENT: &str = "\
# a comment
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: web
          image: web:1
        - name: log
          image: log:2
";

#[test]
fn a_finding_with_its_lines() {
    let sources = sources(&[("a/web.yaml", DEPLOYMENT)]);
    let inventory = Inventory::load(&sources);
    let containers = "/spec/template/spec/containers";
    let findings = [("1", "log"), ("0", "web")].map(|(at, name)| {
        let message = format!("container {name} has no livenessProbe");
        let pointer = format!("{containers}/{at}");
        (ObjectId(0), finding(&inventory, 0, "required-probes/probes", &pointer, &message))
    });
    let report = Report::new(&sources, &inventory, subjects(&inventory), findings);
    insta::assert_snapshot!(text(&report), @r##"
a/web.yaml · Deployment default/web
    9 │         - name: web
      │           ^^^^^^^^^ spec.template.spec.containers[0]
      └ error    required-probes/probes  container web has no livenessProbe
                                         Add a livenessProbe that a healthy container answers
   11 │         - name: log
      │           ^^^^^^^^^ spec.template.spec.containers[1]
      └ error    required-probes/probes  container log has no livenessProbe

2 errors in 1 of 1 object (1 file linted); 0 policies · 12 ms
"##);
    assert_eq!(Gate::default().judge(&report), Exit::Findings);
}

#[test]
fn related_places_near_and_far() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  clusterIP: 10.0.0.1\n";
    let sources = sources(&[("a.yaml", DEPLOYMENT), ("b.yaml", service)]);
    let inventory = Inventory::load(&sources);
    let mut one = finding(&inventory, 0, "x/y", "/metadata/name", "nobody finds this");
    let place = |manifest: usize, pointer: &str| {
        let object = inventory.object(&inventory.manifests()[manifest]);
        Place::of(object.at(pointer).unwrap(), NodeId::ROOT)
    };
    one.related = vec![
        Related { message: "of this kind".into(), document: None, place: place(0, "/kind") },
        Related {
            message: "has a cluster IP".into(),
            document: Some(ObjectId(1)),
            place: place(1, "/spec/clusterIP"),
        },
    ];
    one.severity = Severity::Warning;
    one.certainty = Certainty::Unknown;
    let report = Report::new(&sources, &inventory, subjects(&inventory), [(ObjectId(0), one)]);
    insta::assert_snapshot!(text(&report), @r##"
a.yaml · Deployment default/web
    4 │ metadata: {name: web}
      │                  ^^^ metadata.name
      └ unknown  x/y  nobody finds this
                      a.yaml:3:7: of this kind
                        kind: Deployment
                      b.yaml:5:14: has a cluster IP
                        clusterIP: 10.0.0.1
                      Add a livenessProbe that a healthy container answers

1 unknown in 1 of 2 objects (2 files linted); 0 policies · 12 ms
"##);
    let related = &json(&report)["findings"][0]["related"][1];
    assert_eq!(related["file"], "b.yaml");
    assert_eq!((related["line"].as_u64(), related["column"].as_u64()), (Some(5), Some(14)));
}

#[test]
fn the_ledger() {
    let sources = Sources::new(vec![
        SourceFile::new("gone.yaml", Content::Unreadable(crate::manifest::source::ReadError::NoMatch)),
        SourceFile::new("left-out.yaml", Content::Ignored),
        SourceFile::new("list.yaml", Content::Text("- 1\n- 2\n".into())),
        SourceFile::new("chart.yaml", Content::Text("{{- if .Values.on }}\nkind: X\n{{- end }}\n".into())),
        SourceFile::new("half.yaml", Content::Text(format!("{DEPLOYMENT}---\na: [1,\nb: }}\n"))),
        SourceFile::new("good.yaml", Content::Text(DEPLOYMENT.into())),
    ]);
    let inventory = Inventory::load(&sources);
    let report = Report::new(&sources, &inventory, subjects(&inventory), []);
    insta::assert_snapshot!(text(&report), @r##"
error: no file matches this pattern
--> gone.yaml

error: mismatched bracket '[' closed by '}'
  --> half.yaml:14:4
   |
14 | a: [1,
   |    ^
   |
   = help: compare the indentation with the lines around, close what is open, and quote a value that holds `: ` or begins with one of @ % & * ! { [

skipped 3 files: 1 not Kubernetes, 1 template (to be rendered first), 1 ignored; --verbose names them
no findings in 2 objects (1 file linted, 1 in part, 1 broken); 0 policies · 12 ms
"##);
    insta::assert_json_snapshot!(json(&report), @r##"
{
  "configuration": null,
  "files": [
    {
      "documents": 0,
      "outcome": "template",
      "path": "chart.yaml"
    },
    {
      "documents": 0,
      "errors": [
        {
          "column": 1,
          "document": 0,
          "line": 1,
          "message": "no file matches this pattern"
        }
      ],
      "outcome": "broken",
      "path": "gone.yaml"
    },
    {
      "documents": 1,
      "outcome": "linted",
      "path": "good.yaml"
    },
    {
      "documents": 2,
      "errors": [
        {
          "column": 4,
          "document": 1,
          "line": 14,
          "message": "mismatched bracket '[' closed by '}'"
        }
      ],
      "outcome": "broken",
      "path": "half.yaml"
    },
    {
      "documents": 0,
      "outcome": "ignored",
      "path": "left-out.yaml",
      "reason": "an ignore file says so"
    },
    {
      "documents": 1,
      "outcome": "notKubernetes",
      "path": "list.yaml"
    }
  ],
  "findings": [],
  "policies": {
    "generation": 0,
    "hash": "",
    "packsNotRun": [],
    "ran": 0
  },
  "summary": {
    "documents": 4,
    "error": 0,
    "failed": 0,
    "files": {
      "broken": 2,
      "ignored": 1,
      "linted": 1,
      "notKubernetes": 1,
      "patch": 0,
      "template": 1
    },
    "info": 0,
    "suppressed": 0,
    "unknown": 0,
    "warning": 0
  },
  "tool": {
    "name": "plimsoll",
    "version": "0.1.0"
  },
  "version": 1
}
"##);
}

#[test]
fn json_is_as_promised() {
    let list = "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n  {\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"ä\", \"namespace\": \"n\"}}]}\n";
    let sources = sources(&[("-", list)]);
    let inventory = Inventory::load(&sources);
    let mut one = finding(&inventory, 0, "x/y", "/metadata/namespace", "no good");
    one.fix = vec![add("/metadata/labels", &serde_json::json!({"a": "b"}))];
    let report = Report::new(&sources, &inventory, subjects(&inventory), [(ObjectId(0), one)]);
    insta::assert_json_snapshot!(json(&report)["findings"], @r##"
[
  {
    "action": "Deny",
    "actions": [
      "Deny"
    ],
    "certainty": "known",
    "code": "x/y",
    "column": 78,
    "defaulted": false,
    "document": 0,
    "endColumn": 81,
    "endLine": 2,
    "file": "-",
    "fingerprint": "5645d9535cd9dfda6e307cc1f7e67c9d",
    "fix": [
      {
        "op": "add",
        "path": "/metadata/labels",
        "value": {
          "a": "b"
        }
      }
    ],
    "item": 0,
    "line": 2,
    "message": "no good",
    "object": {
      "apiVersion": "v1",
      "kind": "Pod",
      "name": "ä",
      "namespace": "n"
    },
    "path": "metadata.namespace",
    "pointer": "/metadata/namespace",
    "policy": {
      "kind": "ClusterManifestPolicy",
      "name": "x",
      "namespace": null
    },
    "related": [],
    "severity": "error",
    "suppressed": null,
    "unknown": false
  }
]
"##);
}

fn sarif(report: &Report<'_>) -> serde_json::Value {
    let mut out = Vec::new();
    report.write_sarif(&mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn a_fix_in_sarif_replaces_text() {
    let sources = sources(&[("web.yaml", DEPLOYMENT)]);
    let inventory = Inventory::load(&sources);
    let replace = |path: &str, value: &serde_json::Value| PatchOperation::Replace {
        path: path.parse().unwrap(),
        value: Arc::new(Document::from_value(value).unwrap()),
    };
    let image = "/spec/template/spec/containers/0/image";
    let mut one = finding(&inventory, 0, "x/y", image, "[see](http://x) {0}");
    one.fix = vec![
        replace(image, &serde_json::json!("web:2")),
        replace("/metadata", &serde_json::json!({"name": "x"})),
    ];
    let mut other = one.clone();
    other.fix.push(add("/metadata/labels", &serde_json::json!({})));
    let findings = [(ObjectId(0), one), (ObjectId(0), other)];
    let report = Report::new(&sources, &inventory, subjects(&inventory), findings);
    let log = sarif(&report);
    let results = &log["runs"][0]["results"];
    assert_eq!(results[0]["message"]["text"], "\\[see\\](http://x) {0}", "no link");
    let change = &results[0]["fixes"][0]["artifactChanges"][0];
    assert_eq!(change["artifactLocation"]["uri"], "web.yaml");
    let replaced = |at: usize| {
        let Some(serde_json::Value::Object(region)) = change["replacements"][at].get("deletedRegion") else {
            panic!("{change}")
        };
        let numbers = ["startLine", "startColumn", "endLine", "endColumn"].map(|key| region[key].as_u64());
        (numbers.map(Option::unwrap), change["replacements"][at]["insertedContent"]["text"].clone())
    };
    assert_eq!(replaced(0), ([10, 18, 10, 23], "\"web:2\"".into()));
    assert_eq!(replaced(1), ([4, 11, 4, 22], "{\"name\":\"x\"}".into()));
    assert!(results[1]["fixes"].is_null(), "half a fix is none");
}

#[test]
fn a_region_in_sarif_is_shown_in_part() {
    let text = format!("{DEPLOYMENT}          args:\n{}", "            - x\n".repeat(50));
    let sources = sources(&[("web.yaml", &text)]);
    let inventory = Inventory::load(&sources);
    let findings = ["", "/kind", "/spec/template/spec/containers/1"]
        .map(|pointer| (ObjectId(0), finding(&inventory, 0, "x/y", pointer, "no good")));
    let report = Report::new(&sources, &inventory, subjects(&inventory), findings);
    let log = sarif(&report);
    let snippet = |at: usize| {
        let region = &log["runs"][0]["results"][at]["locations"][0]["physicalLocation"]["region"];
        region["snippet"]["text"].as_str().unwrap().to_owned()
    };
    assert!(snippet(0).starts_with("apiVersion: apps/v1\nkind: Deployment\n"));
    assert!(snippet(0).ends_with("        - name: log\n…"), "{}", snippet(0));
    assert_eq!(snippet(1), "Deployment");
    assert!(snippet(2).starts_with("name: log\n          image: log:2\n          args:\n"));
    assert_eq!(snippet(2).lines().count(), 11);
}

#[test]
fn exit_codes() {
    struct Case(&'static str, &'static str, Option<(Severity, Certainty)>, Gate, u8);
    let gate = Gate::default();
    let broken = "a: [\n";
    let known = |severity| Some((severity, Certainty::Known));
    let unknown = Some((Severity::Warning, Certainty::Unknown));
    for Case(name, second, found, gate, expected) in [
        Case("clean", DEPLOYMENT, None, gate, 0),
        Case("error", DEPLOYMENT, known(Severity::Error), gate, 1),
        Case("warning below", DEPLOYMENT, known(Severity::Warning), gate, 0),
        Case(
            "warning at",
            DEPLOYMENT,
            known(Severity::Warning),
            Gate { fail_on: Severity::Warning, ..gate },
            1,
        ),
        Case("info at", DEPLOYMENT, known(Severity::Info), Gate { fail_on: Severity::Info, ..gate }, 1),
        Case("unknown", DEPLOYMENT, unknown, Gate { fail_on: Severity::Info, ..gate }, 0),
        Case("unknown counts", DEPLOYMENT, unknown, Gate { fail_on_unknown: true, ..gate }, 1),
        Case("broken wins", broken, known(Severity::Error), gate, 2),
        Case("broken allowed", broken, known(Severity::Error), Gate { allow_broken: true, ..gate }, 1),
        Case("broken allowed, clean", broken, None, Gate { allow_broken: true, ..gate }, 0),
    ] {
        let sources = sources(&[("a.yaml", DEPLOYMENT), ("b.yaml", second)]);
        let inventory = Inventory::load(&sources);
        let findings = found.map(|(severity, certainty)| {
            let made = finding(&inventory, 0, "x/y", "/kind", "no good");
            (ObjectId(0), Finding { severity, certainty, ..made })
        });
        let report = Report::new(&sources, &inventory, subjects(&inventory), findings);
        assert_eq!(gate.judge(&report).code(), expected, "{name}");
    }
    // a commit hook names whatever has changed; what is piped is meant
    for (name, expected) in [("a.yaml", Exit::Clean), ("-", Exit::Failed)] {
        let sources = sources(&[(name, "- 1\n")]);
        let inventory = Inventory::load(&sources);
        let report = Report::new(&sources, &inventory, Vec::new(), []);
        assert_eq!(gate.judge(&report), expected, "no manifest in {name}");
    }
    let sources = Sources::new(Vec::new());
    let inventory = Inventory::load(&sources);
    assert_eq!(gate.judge(&Report::new(&sources, &inventory, Vec::new(), [])), Exit::Failed, "no file");
}

#[test]
fn the_order_is_that_of_the_places() {
    let sources = sources(&[("a.yaml", DEPLOYMENT), ("a-b.yaml", DEPLOYMENT), ("a/b.yaml", DEPLOYMENT)]);
    let inventory = Inventory::load(&sources);
    let mut findings = Vec::new();
    for manifest in 0..3 {
        for (code, pointer, message) in
            [("b/1", "/kind", "m"), ("a/1", "/kind", "n"), ("a/1", "/kind", "m"), ("z/1", "/apiVersion", "m")]
        {
            let id = ObjectId(u32::try_from(manifest).unwrap());
            findings.push((id, finding(&inventory, manifest, code, pointer, message)));
        }
    }
    let write = |findings: Vec<(ObjectId, Finding)>| {
        let report = Report::new(&sources, &inventory, subjects(&inventory), findings);
        (text(&report), json(&report))
    };
    let forwards = write(findings.clone());
    findings.reverse();
    assert_eq!(forwards, write(findings));
    let order: Vec<String> = forwards.1["findings"].as_array().unwrap()[..4]
        .iter()
        .map(|f| format!("{} {} {}", f["line"], f["code"].as_str().unwrap(), f["message"].as_str().unwrap()))
        .collect();
    assert_eq!(order, ["2 z/1 m", "3 a/1 m", "3 a/1 n", "3 b/1 m"]);
}

mod people;
mod secrets;

#[test]
fn a_line_of_fifty_megabytes_is_not_printed() {
    let text_of = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"m\"}},\"data\":{{\"a\":\"{}\",\"b\":\"x\"}}}}",
        "y".repeat(50_000_000)
    );
    let sources = sources(&[("m.json", &text_of)]);
    let inventory = Inventory::load(&sources);
    let findings = ["", "/data", "/data/a", "/data/b"]
        .map(|pointer| (ObjectId(0), finding(&inventory, 0, "x/y", pointer, "no good")));
    let report = Report::new(&sources, &inventory, subjects(&inventory), findings);
    let output = text(&report);
    assert!(output.len() < 4_000, "{}", output.len());
    assert!(output.contains(&format!("m.json:1:{}", text_of.len() - 4)), "{output}");
}
