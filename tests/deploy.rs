//! `deploy/` holds what `plimsoll install` prints: as a kustomize base, and as a Helm chart. `PLIMSOLL_UPDATE=1`
//! writes the files anew.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use plimsoll::cli::configuration::Configuration;
use plimsoll::dialect::native::exceptions::ExceptionFile;
use plimsoll::dialect::native::written::PolicyFile;
use plimsoll::policytest::written::TestFile;
use serde_json::{Value, json};

const BASE: &str = "deploy/kustomize/base/plimsoll.yaml";
const TEMPLATE: &str = "deploy/helm/plimsoll/templates/plimsoll.yaml";
const VALUES: &str = "deploy/helm/plimsoll/values.yaml";

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(at(path)).unwrap()
}

/// What `install` prints with these arguments.
fn install(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    for name in ["PLIMSOLL_POLICIES", "PLIMSOLL_CONFIG", "PLIMSOLL_NO_EMBEDDED", "PLIMSOLL_PACKS"] {
        command.env_remove(name);
    }
    let output = command.arg("install").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Compares a file with what it must be, or writes it.
fn keep(path: &str, expected: &str) {
    if env::var_os("PLIMSOLL_UPDATE").is_some() {
        fs::write(at(path), expected).unwrap();
    }
    assert!(
        read(path) == expected,
        "{path} is not what `plimsoll install` prints; PLIMSOLL_UPDATE=1 writes it"
    );
}

/// The documents of a stream, in a stable order; what is empty is as good as absent.
fn objects(stream: &str) -> Vec<Value> {
    let mut objects: Vec<Value> = stream
        .split("\n---\n")
        .filter(|text| {
            text.lines().any(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty())
        })
        .map(|text| serde_saphyr::from_str(text).unwrap())
        .collect();
    for object in &mut objects {
        let members = object.as_object_mut().unwrap();
        members.retain(|_, value| *value != json!({}));
    }
    objects.sort_by_key(|object| (object["kind"].to_string(), object["metadata"]["name"].to_string()));
    objects
}

/// What stands for a value of the chart while `install` prints it.
const STAND_INS: [(&str, &str); 3] = [
    ("release-namespace-stand-in", "{{ .Release.Namespace }}"),
    ("image-stand-in:tag", "{{ .Values.image }}"),
    ("replicas: 97", "replicas: {{ .Values.replicas }}"),
];

/// Stands for the blocks of `apiServerCidrs`.
const BLOCK: &str = "192.0.2.97/32";

/// From what `install` prints when it is tried, and when it denies: entries that may fail closed do so then only.
fn chart() -> String {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.crt");
    fs::write(&ca, authority()).unwrap();
    let print = |further: &[&str]| {
        let flags = ["--namespace", STAND_INS[0].0, "--image", STAND_INS[1].0, "--replicas", "97"];
        install(&[&flags, further].concat())
    };
    let trial = print(&[]);
    let enforced = print(&["--enforce", "--client-ca", ca.to_str().unwrap(), "--api-server-cidr", BLOCK]);
    let head = trial.split("---\n").next().unwrap();
    let mut text = head.to_owned();
    // a certificate in PEM form has such lines, too
    for document in enforced.split("\n---\n").skip(1) {
        if document.contains("kind: Namespace\n") {
            continue;
        }
        match document.contains("kind: ConfigMap\n") && document.contains("name: plimsoll-client-ca\n") {
            true => text.push_str(&format!("{IF_CLIENT_CA}---\n{}\n{END}", authorities(document))),
            false => text.push_str(&format!("---\n{}\n", document.trim_end_matches('\n'))),
        }
    }
    let mut change = |found: &str, count: usize, put: &str| {
        assert_eq!(text.matches(found).count(), count, "{found}\n{text}");
        text = text.replace(found, put);
    };
    for (stand_in, count, value) in [(STAND_INS[1], 1), (STAND_INS[2], 1)].map(|((s, v), c)| (s, c, v)) {
        change(stand_in, count, value);
    }
    let argument = "        - --client-ca\n        - /client-ca/ca.crt\n";
    let mount = "        - mountPath: /client-ca\n          name: client-ca\n          readOnly: true\n";
    let volume = "      - configMap:\n          name: plimsoll-client-ca\n        name: client-ca\n";
    for (block, indent) in [(argument, "        "), (mount, "        "), (volume, "      ")] {
        change(block, 1, &format!("{indent}{IF_CLIENT_CA}{block}{indent}{END}"));
    }
    let peer = format!("    - ipBlock:\n        cidr: {BLOCK}\n");
    let webhook = "    - port: webhook\n      protocol: TCP\n";
    let admin = "    - port: admin\n      protocol: TCP\n";
    change(
        &format!("  - from:\n{peer}    ports:\n{webhook}  - ports:\n{admin}"),
        1,
        &format!(
            "  {{{{- if .Values.apiServerCidrs }}}}\n  - from:\n    {{{{- range .Values.apiServerCidrs }}}}\n    \
             - ipBlock:\n        cidr: {{{{ toJson . }}}}\n    {END}    ports:\n{webhook}  - ports:\n{admin}  \
             {{{{- else }}}}\n  - ports:\n{webhook}{admin}  {END}"
        ),
    );
    let last = "        - --watch-policies\n";
    let conditional = format!(
        "{last}        {{{{- if .Values.actionOverride }}}}\n        - --action-override\n        \
         - {{{{ .Values.actionOverride }}}}\n        {END}"
    );
    change(last, 1, &conditional);
    change("failurePolicy: Fail\n", 2, &format!("failurePolicy: {FAILURE_POLICY}\n"));
    let policies = "apiVersion: v1\nkind: ConfigMap\n";
    change(policies, 1, "apiVersion: v1\ndata: {{ toJson .Values.policies }}\nkind: ConfigMap\n");
    assert!(text.contains(STAND_INS[0].0));
    text.replace(STAND_INS[0].0, STAND_INS[0].1)
}

const IF_CLIENT_CA: &str = "{{- if .Values.clientCa }}\n";
const END: &str = "{{- end }}\n";

/// The ConfigMap of the CAs, with the value in place of the stand-in.
fn authorities(document: &str) -> String {
    let (before, rest) = document.split_once("  ca.crt:").unwrap();
    let (_, after) = rest.split_once("\nkind: ConfigMap\n").unwrap();
    let after = after.trim_end_matches('\n');
    format!("{before}  ca.crt: {{{{ toJson .Values.clientCa }}}}\nkind: ConfigMap\n{after}")
}

/// A CA, in PEM form.
fn authority() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    rcgen::CertificateParams::default().self_signed(&key).unwrap().pem()
}

const FAILURE_POLICY: &str = "{{ if .Values.actionOverride }}Ignore{{ else }}Fail{{ end }}";

/// As much of Helm as the chart uses.
fn render(template: &str, values: &Value, namespace: &str) -> String {
    let is_set = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        other => panic!("{other}"),
    };
    let mut lines = template.lines();
    let mut text = String::new();
    // whether each of the open conditions holds
    let mut open: Vec<bool> = Vec::new();
    while let Some(line) = lines.next() {
        let word = line.trim().strip_prefix("{{- ").and_then(|rest| rest.strip_suffix(" }}"));
        match word.map(|word| word.split_once(" .Values.").unwrap_or((word, ""))) {
            Some(("if", name)) => open.push(is_set(&values[name])),
            Some(("else", "")) => {
                let last = open.last_mut().unwrap();
                *last = !*last;
            }
            Some(("end", "")) => assert!(open.pop().is_some()),
            Some(("range", name)) => {
                let body: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "{{- end }}").collect();
                for item in values[name].as_array().unwrap().iter().filter(|_| !open.contains(&false)) {
                    let each =
                        body.iter().map(|line| line.replace("{{ toJson . }}", &item.to_string()) + "\n");
                    text.extend(each);
                }
            }
            Some(other) => panic!("{other:?}"),
            None if open.contains(&false) => {}
            None => text.extend([line, "\n"]),
        }
    }
    assert!(open.is_empty());
    let denies = values["actionOverride"].as_str().is_none_or(str::is_empty);
    text = text.replace(FAILURE_POLICY, if denies { "Fail" } else { "Ignore" });
    text = text.replace("{{ .Release.Namespace }}", namespace);
    for (name, value) in values.as_object().unwrap() {
        text = text.replace(&format!("{{{{ toJson .Values.{name} }}}}"), &value.to_string());
        let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text = text.replace(&format!("{{{{ .Values.{name} }}}}"), &plain);
    }
    assert!(!text.contains("{{"), "not rendered: {text}");
    text
}

#[test]
fn the_kustomize_base_is_what_install_prints() {
    keep(BASE, &install(&[]));
    let output = match Command::new("kubectl").args(["kustomize"]).arg(at("deploy/kustomize/base")).output() {
        Ok(output) => output,
        Err(error) => return eprintln!("SKIPPED in part: kubectl cannot be run: {error}"),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(objects(&String::from_utf8(output.stdout).unwrap()), objects(&install(&[])));
}

#[test]
fn the_chart_is_what_install_prints() {
    keep(TEMPLATE, &chart());
    let mut values: Value = serde_saphyr::from_str(&read(VALUES)).unwrap();
    let without_namespace = |stream: &str| {
        let mut objects = objects(stream);
        objects.retain(|object| object["kind"] != "Namespace");
        objects
    };
    let rendered = render(&read(TEMPLATE), &values, "plimsoll-system");
    assert_eq!(without_namespace(&rendered), without_namespace(&install(&[])), "with its values");

    values["actionOverride"] = json!("");
    values["image"] = json!("registry.example.com/plimsoll:1");
    values["replicas"] = json!(3);
    let rendered = render(&read(TEMPLATE), &values, "guard");
    let flags = ["--namespace=guard", "--image=registry.example.com/plimsoll:1", "--replicas=3", "--enforce"];
    assert_eq!(without_namespace(&rendered), without_namespace(&install(&flags)), "with others");

    let (folder, ca) = (tempfile::tempdir().unwrap(), authority());
    let path = folder.path().join("ca.crt");
    fs::write(&path, &ca).unwrap();
    values["clientCa"] = json!(ca);
    values["apiServerCidrs"] = json!(["10.0.0.0/28", "::/0"]);
    let rendered = render(&read(TEMPLATE), &values, "guard");
    let file = format!("--client-ca={}", path.display());
    let callers = [&file, "--api-server-cidr=10.0.0.0/28,::/0"];
    let flags: Vec<&str> = flags.into_iter().chain(callers).collect();
    assert_eq!(without_namespace(&rendered), without_namespace(&install(&flags)), "with those who may ask");
}

#[test]
fn what_install_prints_holds_what_it_promises() {
    let find = |objects: &[Value], kind: &str| {
        objects.iter().find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}")).clone()
    };
    let all =
        objects(&install(&["--enforce", "--namespace", "guard", "--exempt-namespace", "kube-system,vault"]));
    for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
        for (webhook, policy) in
            find(&all, kind)["webhooks"].as_array().unwrap().iter().zip(["Fail", "Ignore"])
        {
            assert_eq!(webhook["failurePolicy"], policy);
            assert_eq!(webhook.get("rules"), None, "the webhook writes them");
            assert_eq!(webhook["clientConfig"].get("caBundle"), None);
            assert_eq!(webhook["timeoutSeconds"], 5);
            assert_eq!(webhook["sideEffects"], "None");
            assert_eq!(webhook["matchPolicy"], "Equivalent");
            let exempt = &webhook["namespaceSelector"]["matchExpressions"][0]["values"];
            assert_eq!(*exempt, json!(["guard", "kube-system", "vault"]));
            let conditions: Vec<_> =
                webhook["matchConditions"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
            let common = ["not-the-api-server", "not-what-nodes-write", "not-our-own-roles"];
            assert_eq!(conditions[..3], common);
            let bootstrap: &[&str] = if policy == "Fail" { &["not-bootstrap-roles"] } else { &[] };
            assert_eq!(
                conditions[3..],
                *bootstrap,
                "what API servers make is asked about where it fails open"
            );
        }
    }
    // tried: nothing is denied, so nothing is held up
    let tried = objects(&install(&[]));
    for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
        for webhook in find(&tried, kind)["webhooks"].as_array().unwrap() {
            assert_eq!(webhook["failurePolicy"], "Ignore");
            let exempt = &webhook["namespaceSelector"]["matchExpressions"][0]["values"];
            assert_eq!(*exempt, json!(["plimsoll-system", "kube-system", "kube-public", "kube-node-lease"]));
        }
    }
    let may_create = all.iter().filter(|o| o["kind"] == "Role" || o["kind"] == "ClusterRole").any(|role| {
        role["rules"].as_array().into_iter().flatten().any(|rule| {
            let verbs = rule["verbs"].to_string();
            verbs.contains("create") || verbs.contains('*') || rule["resources"].to_string().contains('*')
        })
    });
    assert!(!may_create, "everything is there before, and named");
    for role in all.iter().filter(|o| o["kind"] == "Role" || o["kind"] == "ClusterRole") {
        for rule in role["rules"].as_array().into_iter().flatten() {
            let reads_only = rule["verbs"] == json!(["get", "list", "watch"]);
            assert!(reads_only || rule.get("resourceNames").is_some(), "{rule}");
            assert!(!reads_only || !rule["resources"].to_string().contains("secrets"), "{rule}");
        }
    }

    let one = objects(&install(&["--enforce", "--replicas", "1"]));
    assert!(one.iter().all(|object| object["kind"] != "PodDisruptionBudget"));
    for webhook in find(&one, "ValidatingWebhookConfiguration")["webhooks"].as_array().unwrap() {
        assert_eq!(webhook["failurePolicy"], "Ignore", "one replica cannot fail closed");
    }
}

/// What `install` prints with these, or why it does not.
fn installed(arguments: &[&str]) -> Result<Vec<Value>, String> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_plimsoll")).arg("install").args(arguments).output().unwrap();
    match output.status.code() {
        Some(0) => Ok(objects(&String::from_utf8(output.stdout).unwrap())),
        code => {
            assert_eq!(code, Some(2), "{arguments:?}");
            Err(String::from_utf8(output.stderr).unwrap())
        }
    }
}

#[test]
fn api_servers_can_be_the_only_ones_who_reach_the_webhook() {
    let policy = |arguments: &[&str]| {
        let all = installed(arguments).unwrap();
        all.iter().find(|object| object["kind"] == "NetworkPolicy").unwrap()["spec"]["ingress"].clone()
    };
    let port = |name: &str| json!({"port": name, "protocol": "TCP"});
    assert_eq!(policy(&[]), json!([{"ports": [port("webhook"), port("admin")]}]));
    let some = policy(&["--api-server-cidr", "10.0.0.0/28,192.0.2.7/32", "--api-server-cidr", "FD00::/64"]);
    let blocks = ["10.0.0.0/28", "192.0.2.7/32", "fd00::/64"].map(|cidr| json!({"ipBlock": {"cidr": cidr}}));
    assert_eq!(some, json!([{"from": blocks, "ports": [port("webhook")]}, {"ports": [port("admin")]}]));
    for (cidr, why) in [
        ("10.0.0.1/28", "write 10.0.0.0/28 for the block, or 10.0.0.1/32 for the one address"),
        ("10.0.0.1", "for one address write 10.0.0.1/32"),
        ("api", "expected an IPv4 or IPv6 block"),
    ] {
        let error = installed(&["--api-server-cidr", cidr]).unwrap_err();
        assert!(error.contains(why) && error.contains("--api-server-cidr"), "{error}");
    }
}

#[test]
fn the_cas_of_callers_go_along() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let ca = authority();
    fs::write(at("ca.crt"), &ca).unwrap();
    fs::write(at("empty.crt"), "").unwrap();
    let all = installed(&["--client-ca", &at("ca.crt")]).unwrap();
    let map = all.iter().find(|object| object["metadata"]["name"] == "plimsoll-client-ca").unwrap();
    assert_eq!(map["data"], json!({"ca.crt": ca}));
    let deployment = all.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    let arguments = pod["containers"][0]["args"].as_array().unwrap();
    let flag = arguments.iter().position(|word| word == "--client-ca").unwrap();
    assert_eq!(arguments[flag + 1], "/client-ca/ca.crt");
    let named = |list: &Value| list.as_array().unwrap().iter().any(|entry| entry["name"] == "client-ca");
    assert!(named(&pod["volumes"]) && named(&pod["containers"][0]["volumeMounts"]));
    for (file, why) in [
        ("none.crt", "--client-ca: cannot read"),
        ("empty.crt", "empty.crt holds no certificate in PEM form"),
    ] {
        let error = installed(&["--client-ca", &at(file)]).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

/// Parameters, actions and packs of an environment, where the Pods find them.
#[test]
fn a_configuration_file_goes_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plimsoll.yaml");
    let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
    let text = format!("{head}packs: [security]\nactionOverride: Audit\nserve: {{logFormat: json}}\n");
    fs::write(&path, &text).unwrap();
    let config = path.to_str().unwrap();
    let all = objects(&install(&["--config", config]));
    let map = all.iter().find(|object| object["metadata"]["name"] == "plimsoll-configuration").unwrap();
    assert_eq!(map["data"], json!({"plimsoll.yaml": text}));
    let deployment = all.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    let arguments: Vec<&str> =
        pod["containers"][0]["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let at = arguments.iter().position(|word| *word == "--config").unwrap();
    assert_eq!(arguments[at + 1..], ["/configuration/plimsoll.yaml", "--action-override", "Audit"]);
    let named = |list: &Value| list.as_array().unwrap().iter().any(|entry| entry["name"] == "configuration");
    assert!(named(&pod["volumes"]) && named(&pod["containers"][0]["volumeMounts"]));

    for (text, expected) in [
        (
            "policies: [mine/]",
            "do not go into an installation: put them into the ConfigMap plimsoll-policies",
        ),
        ("serve: {clientCa: ca.crt}", "does not go into an installation: --client-ca takes the file along"),
        ("serve: {bind: '[::]:9443'}", "do not go into an installation: its ports are 8443 and 8080"),
    ] {
        fs::create_dir_all(folder.path().join("mine")).unwrap();
        fs::write(folder.path().join("mine/p.yaml"), POLICY).unwrap();
        fs::write(&path, format!("{head}{text}\n")).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(["install", "--config", config])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

const POLICY: &str = "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: p}
spec:
  match: {kinds: [Deployment]}
  rules:
    - {name: a, validate: 'true'}
";

#[test]
fn static_rules_are_those_of_the_policies() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let ca = file("ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let policy = file(
        "p.yaml",
        "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: p}
spec:
  match:
    kinds: [Deployment, Pod/exec, Lease, Node, CustomResourceDefinition, '*/*/TokenReview']
    operations: [CREATE, DELETE, CONNECT]
  rules:
    - {name: a, validate: 'true'}
",
    );
    let arguments =
        ["--static-rules", "--ca-bundle", &ca, "--tls-secret", "tls", "--no-embedded", "--policies", &policy];
    let all = objects(&install(&arguments));
    let find = |kind: &str| all.iter().find(|object| object["kind"] == kind).unwrap();
    let validating = &find("ValidatingWebhookConfiguration")["webhooks"];
    let expected = json!([
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT"], "resources": ["pods/exec"], "scope": "*"},
        {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "DELETE"], "resources": ["deployments"], "scope": "*"},
    ]);
    assert_eq!(validating[0]["rules"], expected, "without what is never asked about");
    assert_eq!(validating[1]["rules"], json!([]), "no policy fails open");
    assert!(validating[0]["clientConfig"]["caBundle"].is_string());
    assert_eq!(
        find("MutatingWebhookConfiguration")["webhooks"][0]["rules"],
        json!([]),
        "none changes anything"
    );
    let deployment = find("Deployment").to_string();
    assert!(deployment.contains("--tls-cert") && !deployment.contains("--register"), "{deployment}");
    assert!(!all.iter().any(|object| object["kind"] == "Role" || object["kind"] == "Lease"));
}

const ALERTS: &str = "deploy/monitoring/alerts.yaml";
const DASHBOARD: &str = "deploy/monitoring/dashboard.json";

/// The names of our metrics in a text of PromQL.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("plimsoll_")).map(str::to_owned).collect()
}

#[test]
fn alerts_are_rules_of_prometheus() {
    let output = match Command::new("promtool").args(["check", "rules"]).arg(at(ALERTS)).output() {
        Ok(output) => output,
        Err(error) => {
            return eprintln!("SKIPPED alerts_are_rules_of_prometheus: promtool cannot be run: {error}");
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Nobody notices an alert about a metric that there is not.
#[test]
fn alerts_and_dashboard_are_about_metrics_that_there_are() {
    // what has not been seen yet is not exposed, so the names are taken from where they are written
    let written = read("src/webhook/metrics.rs");
    let known = |metric: &String| {
        let base = ["_bucket", "_total"].iter().find_map(|end| metric.strip_suffix(end)).unwrap_or(metric);
        written.contains(&format!("\"{}\"", base.trim_start_matches("plimsoll_")))
    };
    let alerts: Value = serde_saphyr::from_str(&read(ALERTS)).unwrap();
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let expressions = |rows: &Value, of: &str| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row[of].as_str().unwrap().to_owned()).collect()
    };
    let mut all = expressions(&alerts["groups"][0]["rules"], "expr");
    for panel in dashboard["panels"].as_array().unwrap() {
        all.extend(expressions(&panel["targets"], "expr"));
    }
    assert!(all.len() > 15, "{all:?}");
    for expression in all {
        let used = metrics(&expression);
        assert!(!used.is_empty(), "{expression}");
        for metric in used {
            assert!(known(&metric), "{metric} of {expression} is not exposed");
        }
    }
}

#[test]
fn the_schemas_are_what_the_program_prints() {
    for (of, schema) in [
        ("exception", schemars::schema_for!(ExceptionFile)),
        ("policy", schemars::schema_for!(PolicyFile)),
        ("configuration", schemars::schema_for!(Configuration)),
        ("test", schemars::schema_for!(TestFile)),
    ] {
        let path = format!("schemas/{of}.json");
        let expected = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if env::var_os("PLIMSOLL_UPDATE").is_some() {
            fs::write(at(&path), &expected).unwrap();
        }
        assert!(
            read(&path) == expected,
            "{path} is not what the types say that read such files; PLIMSOLL_UPDATE=1 writes it"
        );
        let output =
            Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(["policies", "schema", of]).output().unwrap();
        assert!(
            output.stdout == expected.as_bytes(),
            "{path} is not what `plimsoll policies schema {of}` prints"
        );
        let schema: Value = serde_json::from_str(&expected).unwrap();
        assert!(schema["properties"].as_object().unwrap().len() > 2, "{of}");
    }
}
