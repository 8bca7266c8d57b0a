//! `plimsoll review` from outside: what the format's semantics say of requests, and that no secret is told.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine as _;
use serde_json::{Value, json};

/// Runs `plimsoll review` on a request; the response, and everything that was printed.
fn review(request: &Value, arguments: &[&str]) -> (Value, String, Option<i32>) {
    let mut request = request.clone();
    request["uid"] = "11111111-2222".into();
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("review")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(review.to_string().as_bytes()).expect("taken");
    drop(input);
    let output = child.wait_with_output().expect("ends");
    let printed =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {printed}"));
    assert_eq!(answer["response"]["uid"], "11111111-2222", "{printed}");
    (answer["response"].clone(), printed, output.status.code())
}

fn pod(change: impl FnOnce(&mut Value)) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"restartPolicy": "Always", "containers": [{"name": "app", "image": "nginx:1.27"}]},
    });
    change(&mut pod);
    pod
}

fn request(operation: &str, object: Option<Value>, old: Option<Value>) -> Value {
    let some = object.as_ref().or(old.as_ref()).expect("an object");
    let kind = some["kind"].as_str().expect("a kind").to_owned();
    let resource = format!("{}s", kind.to_lowercase());
    json!({
        "kind": {"group": "", "version": "v1", "kind": kind},
        "resource": {"group": "", "version": "v1", "resource": resource},
        "name": some["metadata"]["name"], "namespace": "shop", "operation": operation,
        "userInfo": {"username": "jane", "groups": ["dev"]},
        "object": object, "oldObject": old, "dryRun": false,
    })
}

#[test]
fn a_pod_without_probes_is_denied_with_what_and_where() {
    let (response, _, code) = review(&request("CREATE", Some(pod(|_| {})), None), &[]);
    assert_eq!((code, &response["allowed"]), (Some(1), &json!(false)));
    assert_eq!(
        response["status"]["message"],
        "required-probes/probes: container app has no livenessProbe or readinessProbe, at spec.containers[0]"
    );
    assert_eq!(response["status"]["code"], 403);
    assert_eq!(response["status"]["details"]["causes"][0]["field"], "spec.containers[0]");
}

#[test]
fn a_pod_that_a_job_makes_needs_no_probes() {
    let of_job = pod(|p| {
        p["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u", "controller": true}]);
    });
    let (response, ..) = review(&request("CREATE", Some(of_job), None), &[]);
    assert_eq!(response["allowed"], true, "{response}");
}

#[test]
fn what_a_controller_makes_is_judged_where_nobody_can_tell_that_its_owner_was() {
    let owned = pod(|p| {
        p["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": true}]);
    });
    let mut by_controller = request("CREATE", Some(owned.clone()), None);
    by_controller["userInfo"]["username"] = "system:serviceaccount:kube-system:replicaset-controller".into();
    assert_eq!(review(&by_controller, &[]).0["allowed"], false);
    assert_eq!(review(&by_controller, &["--complete"]).0["allowed"], false);
    assert_eq!(review(&request("CREATE", Some(owned), None), &[]).0["allowed"], false);
}

#[test]
fn kubectl_debug_is_seen_by_container_rules_and_not_denied_for_what_was_there() {
    let with_debugger =
        pod(|p| p["spec"]["ephemeralContainers"] = json!([{"name": "debug", "image": "busybox"}]));
    let mut debug = request("UPDATE", Some(with_debugger), Some(pod(|_| {})));
    debug["subResource"] = "ephemeralcontainers".into();
    let (response, ..) = review(&debug, &[]);
    assert_eq!(response["allowed"], true, "the probes were missing before: {response}");
    let mirrors = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/review/mirror-all.yaml");
    let (response, ..) = review(&debug, &["--mutate", "--no-embedded", "--policies", mirrors]);
    let patch = base64::engine::general_purpose::STANDARD
        .decode(response["patch"].as_str().expect("a patch"))
        .expect("base64");
    let patch: Value = serde_json::from_slice(&patch).expect("JSON");
    let paths: Vec<&str> =
        patch.as_array().into_iter().flatten().filter_map(|o| o["path"].as_str()).collect();
    assert_eq!(paths, ["/spec/ephemeralContainers/0/image"], "what was there is left alone");
}

#[test]
fn an_update_is_denied_only_for_what_is_new() {
    let worse = pod(|p| {
        p["spec"]["containers"] =
            json!([{"name": "app", "image": "nginx:1.27"}, {"name": "second", "image": "redis:7"}]);
    });
    let labelled = pod(|p| p["metadata"]["labels"] = json!({"a": "b"}));
    let (response, ..) = review(&request("UPDATE", Some(labelled), Some(pod(|_| {}))), &[]);
    assert_eq!(response["allowed"], true, "{response}");
    assert!(response["warnings"][0].as_str().is_some_and(|w| w.contains("container app")), "{response}");
    let (response, ..) = review(&request("UPDATE", Some(worse), Some(pod(|_| {}))), &[]);
    let message = response["status"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("container second") && !message.contains("container app"), "{message}");
}

#[test]
fn what_is_being_deleted_may_lose_its_finalizers() {
    let mut old = pod(|p| p["spec"]["containers"][0]["livenessProbe"] = json!({"tcpSocket": {"port": 1}}));
    old["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z".into();
    old["metadata"]["finalizers"] = json!(["a/b"]);
    let mut new = old.clone();
    new["metadata"]["finalizers"] = json!([]);
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/review/deny-all.yaml");
    let deny = ["--no-embedded", "--policies", policy];
    assert_eq!(review(&request("UPDATE", Some(new.clone()), Some(old.clone())), &deny).0["allowed"], true);
    new["spec"]["activeDeadlineSeconds"] = 5.into();
    assert_eq!(review(&request("UPDATE", Some(new), Some(old)), &deny).0["allowed"], false);
}

/// A policy with this `match` and these rules, in a folder of its own.
fn policy(matches: &str, rules: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: p}}\n\
         spec:\n  title: A policy\n  action: Deny\n  match: {matches}\n  rules:\n{rules}\n"
    );
    std::fs::write(folder.path().join("p.yaml"), text).expect("written");
    folder
}

fn config(change: impl FnOnce(&mut Value)) -> Value {
    let mut config = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"},
        "data": {"mode": "open"}, "list": [{"name": "a", "v": "bad"}, {"name": "b", "v": "good"}],
    });
    change(&mut config);
    config
}

#[test]
fn an_update_is_mutated_only_where_it_writes() {
    let rules = "    - {name: mode, mutate: [{set: data.mode, value: closed}]}\n\
         \x20   - {name: each, forEach: object.list, mutate: [{set: v, value: good}]}\n\
         \x20   - {name: gone, mutate: [{remove: data.old}]}\n\
         \x20   - {name: computed, mutate: [{set: data.team, value: {cel: object.metadata.labels.team}}]}";
    let folder = policy("{kinds: [ConfigMap], operations: [CREATE, UPDATE, DELETE]}", rules);
    let arguments = ["--mutate", "--no-embedded", "--policies", folder.path().to_str().expect("a path")];
    let paths = |object: Value, old: Value| -> Vec<String> {
        let (response, printed, _) = review(&request("UPDATE", Some(object), Some(old)), &arguments);
        assert_eq!(response["allowed"], true, "{printed}");
        let Some(patch) = response["patch"].as_str() else { return Vec::new() };
        let patch = base64::engine::general_purpose::STANDARD.decode(patch).expect("base64");
        let patch: Value = serde_json::from_slice(&patch).expect("JSON");
        patch.as_array().into_iter().flatten().filter_map(|o| o["path"].as_str().map(str::to_owned)).collect()
    };
    let same = |_: &mut Value| {};
    type Change<'c> = &'c dyn Fn(&mut Value);
    let rows: [(&str, Change<'_>, Change<'_>, &[&str]); 6] = [
        ("a label", &|c| c["metadata"]["labels"] = json!({"a": "b"}), &same, &[]),
        ("items in another order", &|c| c["list"].as_array_mut().expect("a list").reverse(), &same, &[]),
        ("the value", &same, &|c| c["data"]["mode"] = "closed".into(), &["/data/mode"]),
        ("one of two items", &same, &|c| c["list"][0]["v"] = "good".into(), &["/list/0/v"]),
        ("what is to go", &|c| c["data"]["old"] = "x".into(), &same, &["/data/old"]),
        (
            "what is being deleted",
            &|c| c["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into(),
            &|c| {
                c["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
                c["data"]["mode"] = "closed".into();
            },
            &[],
        ),
    ];
    for (name, new, old, expected) in rows {
        assert_eq!(paths(config(new), config(old)), expected, "{name}");
    }
}

#[test]
fn raw_operations_on_what_an_update_does_not_write_are_not_even_tried() {
    let rules = "    - {name: raw, mutate: [{op: test, path: /data/never, value: x}, {op: add, path: /list/-, value: {name: z}}]}";
    let folder = policy("{kinds: [ConfigMap]}", rules);
    let arguments = ["--mutate", "--no-embedded", "--policies", folder.path().to_str().expect("a path")];
    let labelled = config(|c| c["metadata"]["labels"] = json!({"a": "b"}));
    let longer = config(|c| c["list"].as_array_mut().expect("a list").push(json!({"name": "c"})));
    for (name, object, allowed) in [("a label", labelled, true), ("the list", longer, false)] {
        let update = request("UPDATE", Some(object), Some(config(|_| {})));
        let (response, printed, _) = review(&update, &arguments);
        assert_eq!(response["allowed"], allowed, "{name}: {printed}");
    }
}

#[test]
fn a_finding_is_old_when_what_was_judged_is() {
    let rules = "    - {name: mode, validate: \"object.data.mode != 'open'\", message: mode is open}\n\
         \x20   - {name: each, forEach: object.list, validate: \"item.v == 'good'\", message: \"{item.name} is not good\"}\n\
         \x20   - {name: who, when: \"'locked' in object.data\", validate: \"request.userInfo.username == 'root'\", message: locked}";
    let folder = policy("{kinds: [ConfigMap]}", rules);
    let arguments = ["--no-embedded", "--policies", folder.path().to_str().expect("a path")];
    type Change<'c> = &'c dyn Fn(&mut Value);
    let rows: [(&str, Change<'_>, bool); 9] = [
        ("nothing", &|_| {}, true),
        ("a label", &|c| c["metadata"]["labels"] = json!({"a": "b"}), true),
        ("a field beside it in the element", &|c| c["list"][0]["x"] = 1.into(), false),
        ("another order", &|c| c["list"].as_array_mut().expect("a list").reverse(), true),
        ("one of two mended", &|c| c["data"]["mode"] = "closed".into(), true),
        ("another bad value", &|c| c["list"][0]["v"] = "worse".into(), false),
        ("another bad element", &|c| c["list"][1]["v"] = "bad".into(), false),
        ("the fault under another name", &|c| c["list"][0]["name"] = "c".into(), false),
        ("who asks is never old", &|c| c["data"]["locked"] = "x".into(), false),
    ];
    for (name, change, allowed) in rows {
        let update = request("UPDATE", Some(config(change)), Some(config(|_| {})));
        let (response, printed, _) = review(&update, &arguments);
        assert_eq!(response["allowed"], allowed, "{name}: {printed}");
    }
    let locked = |c: &mut Value| c["data"]["locked"] = "x".into();
    let update = request("UPDATE", Some(config(locked)), Some(config(locked)));
    assert_eq!(review(&update, &arguments).0["allowed"], false, "nothing of the object is judged");
}

#[test]
fn a_review_without_its_object_is_not_let_through() {
    let folder = policy(
        "{kinds: [ConfigMap], operations: [CREATE, UPDATE, DELETE]}",
        "    - {name: a, validate: 'true'}",
    );
    let arguments = ["--no-embedded", "--policies", folder.path().to_str().expect("a path")];
    for (operation, object, old, allowed) in [
        ("CREATE", false, false, false),
        ("UPDATE", false, true, false),
        ("UPDATE", true, false, true),
        ("DELETE", false, false, false),
        ("DELETE", false, true, true),
    ] {
        let mut asked = request(operation, Some(config(|_| {})), Some(config(|_| {})));
        for (field, there) in [("object", object), ("oldObject", old)] {
            if !there {
                asked[field] = Value::Null;
            }
        }
        let (response, printed, _) = review(&asked, &arguments);
        assert_eq!(response["allowed"], allowed, "{operation} {object} {old}: {printed}");
    }
}

#[test]
fn an_object_that_cannot_be_read_is_answered_with_its_uid() {
    let text = request("CREATE", Some(pod(|_| {})), None).to_string();
    let nested = format!("{}{}", "[".repeat(600), "]".repeat(600));
    let text = text.replacen("\"spec\":{", &format!("\"spec\":{{\"deep\":{nested},"), 1);
    let body = format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}}"#,
        text.replacen('{', r#"{"uid":"u-1","#, 1)
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("review")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("a pipe").write_all(body.as_bytes()).expect("taken");
    let output = child.wait_with_output().expect("ends");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("an answer");
    assert_eq!(answer["response"]["uid"], "u-1");
    assert_eq!(answer["response"]["allowed"], false);
    let message = answer["response"]["status"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("nested more than"), "{message}");
}

const PLANTED: [&str; 4] =
    ["hunter2-plain", "aHVudGVyMi1lbmNvZGVk", "hunter2-in-annotation", "hunter2-in-list"];

#[test]
fn no_output_tells_what_a_secret_holds() {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "s", "namespace": "shop",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": format!("{{\"stringData\":{{\"p\":\"{}\"}}}}", PLANTED[2])}},
        "data": {"p": PLANTED[1]}, "stringData": {"q": PLANTED[0]}, "type": PLANTED[3].replace("hunter2-", ""),
    });
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/review/curious.yaml");
    let curious = ["--no-embedded", "--policies", policy];
    let (response, printed, _) = review(&request("CREATE", Some(secret.clone()), None), &curious);
    assert_eq!(response["allowed"], false, "the policy must have looked: {printed}");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret.json"), secret.to_string()).expect("written");
    let yaml = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: t}}\nstringData:\n  a: {}\n  a: yes\n  b: |\n    {}\n",
        PLANTED[0], PLANTED[0]
    );
    std::fs::write(folder.path().join("secret.yaml"), yaml).expect("written");
    let mut all = printed;
    for format in ["text", "json"] {
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(["lint", ".", "--no-embedded", "--policies", policy, "--format", format])
            .current_dir(folder.path())
            .output()
            .expect("runs");
        assert_eq!(output.status.code(), Some(1));
        all.push_str(&String::from_utf8_lossy(&output.stdout));
        all.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    assert!(all.contains("curious/looks"), "{all}");
    for planted in PLANTED {
        assert!(!all.contains(planted), "{planted} in\n{all}");
    }
}

#[test]
fn kubectl_applies_the_patch_too() {
    if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
        eprintln!("SKIPPED: kubectl is not on the PATH");
        return;
    }
    let mirrors = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/review/mirror-all.yaml");
    let (response, ..) = review(
        &request("CREATE", Some(pod(|_| {})), None),
        &["--mutate", "--no-embedded", "--policies", mirrors],
    );
    let patch = base64::engine::general_purpose::STANDARD
        .decode(response["patch"].as_str().expect("a patch"))
        .expect("base64");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pod.json");
    std::fs::write(&file, pod(|_| {}).to_string()).expect("written");
    let output = Command::new("kubectl")
        .args(["patch", "--local", "--type=json", "-o", "json", "-f"])
        .arg(&file)
        .args(["-p", std::str::from_utf8(&patch).expect("text")])
        .output()
        .expect("runs");
    let patched: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(patched["spec"]["containers"][0]["image"], "mirror.example.net/hub/library/nginx:1.27");
    assert_eq!(patched["metadata"]["labels"]["made-by"], "plimsoll");
}

/// Whoever may create an object chooses how often a rule finds something; the answer stays small, and names every rule.
#[test]
fn an_answer_is_small_whatever_was_found() {
    let containers = |count: usize| {
        pod(|p| {
            let bare = |at: usize| json!({"name": format!("c{at}"), "image": "x"});
            p["spec"]["containers"] = (0..count).map(bare).collect();
        })
    };
    for (count, stage) in [(20_000, "--validate"), (20_000, "--mutate")] {
        let began = std::time::Instant::now();
        let (response, printed, _) = review(
            &request("CREATE", Some(containers(count)), None),
            &["--pack", "all", "--timeout", "300", stage],
        );
        println!("{count} containers, {stage}: {} bytes in {:?}", printed.len(), began.elapsed());
        assert!(printed.len() < 65_536, "{} bytes", printed.len());
        if stage == "--validate" {
            assert_eq!(response["allowed"], false);
            let message = response["status"]["message"].as_str().expect("a message");
            assert!(message.len() <= 4_096, "{}", message.len());
            assert!(message.contains("required-probes/probes") && message.contains("\n- and "), "{message}");
            assert_eq!(response["status"]["details"]["causes"].as_array().map(Vec::len), Some(20));
        }
    }
    let (response, ..) = review(&request("CREATE", Some(containers(3)), None), &[]);
    let message = response["status"]["message"].as_str().expect("a message");
    for name in ["c0", "c1", "c2"] {
        assert!(message.contains(name), "{message}");
    }
    assert!(!message.contains(" more"), "{message}");
}

fn with_policies(files: &[(&str, &str)], request: &Value) -> (Value, String, Option<i32>) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let path = folder.path().to_str().expect("a path").to_owned();
    review(request, &["--no-embedded", "--policies", &path])
}

fn images(name: &str, existing: &str) -> String {
    format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: {name}}}\nspec:\n  \
         match: {{kinds: [Pod], existing: {existing}}}\n  action: Deny\n  failurePolicy: Ignore\n  rules:\n  - name: r\n    \
         forEach: object.spec.containers\n    validate: item.image != 'bad' && (item.image != 'odd' || item.nothing)\n    \
         message: image {{item.image}} of {{item.name}}\n"
    )
}

/// What is left out never decides: neither what could not be told nor what the old object had stands before a fault.
#[test]
fn no_finding_hides_another_that_denies() {
    let with = |images: &[(&str, usize)]| {
        pod(|p| {
            let all = images.iter().flat_map(|(image, count)| std::iter::repeat_n(*image, *count));
            let container = |(at, image): (usize, &str)| json!({"name": format!("c{at}"), "image": image});
            p["spec"]["containers"] = all.enumerate().map(container).collect();
        })
    };
    let judge =
        |existing: &str, request: &Value| with_policies(&[("p.yaml", &images("p", existing))], request).0;
    let fails_before = request("CREATE", Some(with(&[("odd", 500), ("bad", 1)])), None);
    let response = judge("Deny", &fails_before);
    assert_eq!(response["allowed"], false, "a fault behind 500 failures: {response}");
    let old = with(&[("bad", 500)]);
    let response = judge("Allow", &request("UPDATE", Some(with(&[("bad", 501)])), Some(old.clone())));
    assert_eq!(response["allowed"], false, "a new fault behind 500 old ones: {response}");
    assert!(response["status"]["message"].as_str().is_some_and(|m| m.contains("of c500")), "{response}");
    let response = judge("Allow", &request("UPDATE", Some(old.clone()), Some(old)));
    assert_eq!(response["allowed"], true, "{response}");
    assert!(response.to_string().len() < 32_768);
}

#[test]
fn a_broken_policy_costs_itself() {
    let broken = images("b", "Deny").replace("validate", "valid");
    let files = [("a.yaml", images("a", "Deny")), ("b.yaml", broken), ("c.yaml", "kind: [\n".to_owned())];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let bad = pod(|p| p["spec"]["containers"][0]["image"] = "bad".into());
    let (response, printed, code) = with_policies(&files, &request("CREATE", Some(bad), None));
    assert_eq!((&response["allowed"], code), (&json!(false), Some(2)), "{printed}");
    assert_eq!(response["status"]["message"], "a/r: image bad of app, at spec.containers[0]");
    assert!(printed.contains("b.yaml:") && printed.contains("c.yaml:"), "{printed}");
}

#[test]
fn a_rule_that_fails_is_said_to_have_failed() {
    let closed = images("p", "Deny").replace("Ignore", "Fail");
    let odd = pod(|p| p["spec"]["containers"][0]["image"] = "odd".into());
    let (response, ..) = with_policies(&[("p.yaml", &closed)], &request("CREATE", Some(odd), None));
    assert_eq!(response["allowed"], false);
    let message = response["status"]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("p/r: policy p could not be evaluated: "), "{message}");
}

#[test]
fn an_exception_lifts_a_denial_and_an_annotation_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let policies = folder.path().display().to_string();
    let write = |until: &str, namespaces: &str| {
        let exception = format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: ManifestException\nmetadata: {{name: legacy}}\nspec:\n  \
             policies: [required-probes]\n  match: {{kinds: [Pod], namespaces: [{namespaces}]}}\n  reason: moved\n  \
             until: {until}\n"
        );
        std::fs::write(folder.path().join("e.yaml"), exception).expect("written");
    };
    let asked = request("CREATE", Some(pod(|_| {})), None);
    let answer = || review(&asked, &["--policies", &policies]).0;
    write("2999-01-31", "sh*");
    let lifted = answer();
    assert_eq!(lifted["allowed"], true, "{lifted}");
    assert_eq!(
        lifted["auditAnnotations"]["required-probes"],
        "required-probes/probes: container app has no livenessProbe or readinessProbe, at spec.containers[0] \
         (waived by ManifestException legacy)"
    );
    for (until, namespaces) in [("2020-01-31", "sh*"), ("2999-01-31", "other")] {
        write(until, namespaces);
        assert_eq!(answer()["allowed"], false, "{until} {namespaces}");
    }
    let annotated = pod(|p| p["metadata"]["annotations"] = json!({"plimsoll.dev/ignore": "*: because"}));
    let (denied, ..) = review(&request("CREATE", Some(annotated), None), &[]);
    assert_eq!(denied["allowed"], false, "{denied}");
}

#[test]
fn an_exception_changes_nothing_of_what_is_mutated() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: team}\nspec:\n  \
                  match: {kinds: [Pod]}\n  rules:\n  - {name: label, mutate: [{set: 'metadata.labels.team', value: a}]}\n";
    let exception = "apiVersion: plimsoll.dev/v1alpha1\nkind: ManifestException\nmetadata: {name: all}\nspec:\n  \
                     policies: ['*']\n  match: {kinds: ['*']}\n  reason: r\n";
    let policies = folder.path().display().to_string();
    let patch = || {
        let asked = request("CREATE", Some(pod(|_| {})), None);
        let (answer, printed, _) = review(&asked, &["--mutate", "--no-embedded", "--policies", &policies]);
        assert!(answer["patch"].is_string(), "{printed}");
        answer["patch"].clone()
    };
    std::fs::write(folder.path().join("p.yaml"), policy).expect("written");
    let before = patch();
    std::fs::write(folder.path().join("e.yaml"), exception).expect("written");
    assert_eq!(patch(), before);
}
