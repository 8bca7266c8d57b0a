use serde_json::json;

use super::*;
use crate::cel::profile::Profile;
use crate::host::fields::Fields;
use crate::resource::workload::TemplatePaths;
use crate::store::load::{Loaded, read_text};
use crate::store::set::Adjustments;

fn service(name: &str) -> Kept {
    Some(Arc::new(Document::from_value(&json!({"metadata": {"name": name}})).unwrap()))
}

/// A shelf of whole objects.
fn whole(mirror: &Mirror, group: &str, kind: &str) -> Arc<Shelf> {
    let need = Need { version: "v1".to_owned(), fields: Fields::whole() };
    mirror.add(group, kind, &need).unwrap()
}

fn key<'k>(kind: &'k str, namespace: &'k str, name: &'k str) -> ObjectKey<'k> {
    ObjectKey { group: "", kind, namespace, name }
}

#[test]
fn answers_by_phase() {
    let mirror = Mirror::default();
    let view = mirror.view();
    assert_eq!(view.get(key("Service", "a", "x")), Lookup::Unknown("Service a/x".into()));
    let shelf = whole(&mirror, "", "Service");
    assert_eq!(view.get(key("Service", "a", "x")), Lookup::Unknown("Service a/x".into()));
    assert!(matches!(view.list("", "Service", None), Lookup::Unknown(_)));
    shelf.empty(Phase::NotServed);
    assert_eq!(view.get(key("Service", "a", "x")), Lookup::Absent);
    shelf.fill(Objects::default());
    assert_eq!(view.get(key("Service", "a", "x")), Lookup::Absent);
    shelf.put("a", "x", service("x"));
    shelf.put("b", "bad", None);
    assert!(matches!(view.get(key("Service", "a", "x")), Lookup::Known(_)));
    assert!(matches!(view.get(key("Service", "b", "bad")), Lookup::Failed(_)));
    assert!(matches!(view.list("", "Service", None), Lookup::Failed(_)));
    let Lookup::Known(listing) = view.list("", "Service", Some("a")) else { panic!("known") };
    assert_eq!((listing.objects.len(), listing.complete), (1, true));
    mirror.keep_only(|_, kind| kind != "Service");
    assert!(matches!(view.get(key("Service", "a", "x")), Lookup::Unknown(_)));
}

#[test]
fn what_is_known_has_an_age_while_it_is_not_kept() {
    let mirror = Mirror::default();
    let shelf = whole(&mirror, "apps", "Deployment");
    let start = shelf.made;
    let at = |seconds| start + Duration::from_secs(seconds);
    let age = |seconds| mirror.ages(at(seconds))[0].1;
    assert_eq!(mirror.ages(start)[0].0, "Deployment.apps");
    assert_eq!(age(3), 3.0, "not read yet");
    shelf.fill(Objects::default());
    shelf.failing.heard();
    assert_eq!(age(500), 0.0, "in silence");
    shelf.failing.failed(at(500));
    assert_eq!(age(510), 10.0);
    shelf.failing.failed(at(560));
    assert_eq!(age(570), 70.0, "it goes on failing");
    shelf.failing.heard();
    assert_eq!(age(580), 0.0);
    shelf.failing.failed(at(600));
    assert_eq!(age(800), 0.0, "one failure, and then it watched in silence");
    shelf.failing.failed(at(900));
    assert_eq!(age(910), 10.0, "which is not the failure of before");
    shelf.empty(Phase::Unknown { why: "refused".to_owned(), settled: true });
    assert_eq!(age(1_500), 600.0, "unknown is not good, however silent");
    shelf.empty(Phase::NotServed);
    assert_eq!(age(1_600), 0.0, "known to be nothing");
}

/// A Pod as clusters hold them: two containers, variables, volumes and a status.
fn running_pod(index: usize) -> serde_json::Value {
    let container = |name: &str| {
        json!({"name": name, "image": format!("registry.example.com/team/{name}:v1.{index}"),
                "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                "env": (0..10).map(|n| json!({"name": format!("VARIABLE_{n}"), "value": format!("value {n}")})).collect::<Vec<_>>(),
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10, "failureThreshold": 3},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "token", "mountPath": "/var/run/secrets"}],
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"})
    };
    let state = |name: &str| {
        json!({"name": name, "ready": true, "restartCount": 0, "started": true, "image": format!("registry.example.com/team/{name}:v1.{index}"),
                "imageID": format!("registry.example.com/team/{name}@sha256:{index:064x}"), "containerID": format!("containerd://{index:064x}"),
                "state": {"running": {"startedAt": "2026-11-28T12:00:00Z"}}})
    };
    json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("web-{index}"), "namespace": format!("team-{}", index % 100), "uid": format!("{index:032x}"),
                "resourceVersion": index.to_string(), "creationTimestamp": "2026-11-28T12:00:00Z",
                "labels": {"app": format!("web-{}", index % 400), "pod-template-hash": format!("{index:x}"), "tier": "front"},
                "annotations": {"checksum/config": format!("{index:064x}"), "prometheus.io/scrape": "true"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("web-{}", index % 400), "uid": format!("{index:032x}"), "controller": true}]},
            "spec": {"nodeName": format!("node-{}", index % 200), "serviceAccountName": "web", "restartPolicy": "Always",
                "containers": [container("main"), container("proxy")],
                "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
                "volumes": [{"name": "data", "emptyDir": {}}, {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]},
            "status": {"phase": "Running", "podIP": "10.1.2.3", "qosClass": "Burstable",
                "conditions": (["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": "2026-11-28T12:00:00Z"}))),
                "containerStatuses": [state("main"), state("proxy")]}})
}

/// What 20,000 Pods cost, and what asking for them does: `cargo test --lib -- --ignored --nocapture twenty_thousand`.
#[test]
#[ignore = "measures, and prints what it measured"]
fn twenty_thousand_pods() {
    let mut loaded = Loaded::default();
    for (name, text) in crate::store::embedded::files() {
        read_text(name, text, true, Profile::NEWEST, &mut loaded);
    }
    let set = loaded.into_set(&Adjustments::default(), TemplatePaths::default());
    let needs = Needs::of(&set);
    let pod = (String::new(), "Pod".to_owned());
    let counted = Fields::of(&["/metadata/labels", "/spec/", "/status/phase"]);
    // all stay until the end, so that none takes the memory that another had
    let _held = [
        measure("by a policy that lists them by label and reads their phase", &counted),
        measure("by the whole library", &needs.kinds[&pod].fields),
        measure("whole", &Fields::whole()),
    ];
}

fn measure(what: &str, fields: &Fields) -> Mirror {
    const PODS: usize = 20_000;
    let resident = || -> usize {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
    };
    let mirror = Mirror::default();
    for known in crate::api::workloads() {
        if known.kind != "Pod" {
            whole(&mirror, known.group, known.kind).fill(Objects::default());
        }
    }
    let need = Need { version: "v1".to_owned(), fields: fields.clone() };
    let shelf = mirror.add("", "Pod", &need).unwrap();
    let (before, mut written) = (resident(), 0);
    let mut objects = Objects::default();
    for index in 0..PODS {
        let mut pod = running_pod(index);
        written += pod.to_string().len();
        let (namespace, name) = (format!("team-{}", index % 100), format!("web-{index}"));
        fields.keep(&mut pod);
        let kept = Document::from_value(&pod).unwrap().shrunk();
        objects.put(&namespace, &name, Some(Arc::new(kept)));
    }
    shelf.fill(objects);
    let held = resident().saturating_sub(before);
    eprintln!(
        "{PODS} Pods of {} bytes, held {what}: {} MiB resident, {} bytes each",
        written / PODS,
        held >> 20,
        held / PODS
    );
    let time = |what: &str, asked: &dyn Fn(&dyn Host) -> usize| {
        let (began, mut found) = (Instant::now(), 0);
        for _ in 0..20 {
            found = asked(&*mirror.view());
        }
        eprintln!("    {what}: {found} objects, {:.1} µs", began.elapsed().as_secs_f64() * 1e6 / 20.0);
    };
    let count = |lookup: Lookup<Listing<'_>>| match lookup {
        Lookup::Known(listing) => listing.objects.len(),
        _ => 0,
    };
    let listed = |host: &dyn Host, namespace: Option<&str>| count(host.list("", "Pod", namespace));
    let by_label = |host: &dyn Host, namespace: Option<&str>| {
        count(host.list_by("", "Pod", namespace, By::Labels(&[("app", "web-7"), ("tier", "front")])))
    };
    let selected = |host: &dyn Host, namespace: Option<&str>| {
        let (templates, mut found) = (TemplatePaths::default(), 0);
        let pool = crate::host::Pool::Pods(&templates);
        let query = crate::host::Query { pool, namespace, pairs: &[("app", "web-7")] };
        host.visit(&query, &mut |_| {
            found += 1;
            std::ops::ControlFlow::Continue(())
        });
        found
    };
    time("one by its name", &|host| {
        usize::from(matches!(host.get(key("Pod", "team-7", "web-7")), Lookup::Known(_)))
    });
    time("all of a namespace", &|host| listed(host, Some("team-7")));
    time("all", &|host| listed(host, None));
    time("by a label in a namespace", &|host| by_label(host, Some("team-7")));
    time("by a label everywhere", &|host| by_label(host, None));
    time("selected in a namespace", &|host| selected(host, Some("team-7")));
    time("selected everywhere", &|host| selected(host, None));
    assert_eq!(listed(&*mirror.view(), None), PODS);
    mirror
}

#[test]
fn what_is_read_anew_is_taken_when_it_has_been() {
    let need =
        |version: &str, pointer: &str| Need { version: version.to_owned(), fields: Fields::of(&[pointer]) };
    let of = |need: &Need| {
        let mut needs = Needs::default();
        needs.kinds.insert((String::new(), "Service".to_owned()), need.clone());
        needs
    };
    let known = |mirror: &Mirror| matches!(mirror.view().get(key("Service", "a", "x")), Lookup::Known(_));
    let (mirror, narrow, wide) = (Mirror::default(), need("v1", "/spec/type"), need("v1", "/spec"));
    let first = mirror.add("", "Service", &narrow).unwrap();
    assert!(!mirror.is_settled(&of(&narrow)));
    first.fill(Objects::default());
    first.put("a", "x", service("x"));
    assert!(mirror.is_settled(&of(&narrow)) && !mirror.is_settled(&of(&wide)));
    assert!(mirror.add("", "Service", &narrow).is_none(), "it is there");
    // the one that is there answers until the other has been read
    let second = mirror.add("", "Service", &wide).unwrap();
    assert!(mirror.add("", "Service", &wide).is_none(), "it is being read");
    let mut twice = wide.clone();
    twice.fields.extend(&narrow.fields);
    assert!(mirror.add("", "Service", &twice).is_none(), "it says the same");
    mirror.turn();
    assert!(known(&mirror) && !mirror.is_settled(&of(&wide)));
    second.empty(Phase::Unknown { why: "refused".to_owned(), settled: true });
    mirror.turn();
    assert!(known(&mirror), "what cannot be read does not take the place of what is known");
    second.fill(Objects::default());
    assert!(mirror.is_settled(&of(&wide)));
    mirror.turn();
    assert_eq!(mirror.view().get(key("Service", "a", "x")), Lookup::Absent);
    // it has what the narrow one has
    mirror.turn_for(&of(&narrow));
    assert_eq!(mirror.view().get(key("Service", "a", "x")), Lookup::Absent);
    // a policy that comes into force before what it asks for was read
    let third =
        mirror.add("", "Service", &Need { version: "v1".to_owned(), fields: Fields::whole() }).unwrap();
    mirror.turn_for(&of(&third.need));
    assert!(matches!(mirror.view().get(key("Service", "a", "x")), Lookup::Unknown(_)));
    mirror.turn_for(&of(&need("v2", "/spec")));
    assert!(mirror.phases().is_empty(), "and nobody reads it");
}

#[test]
fn what_was_lent_stays_while_the_cluster_changes() {
    let mirror = Mirror::default();
    let shelf = whole(&mirror, "", "Service");
    shelf.fill(Objects::default());
    for index in 0..1_000 {
        let name = format!("s{index}");
        shelf.put("a", &name, service(&name));
    }
    let view = mirror.view();
    let Lookup::Known(first) = view.get(key("Service", "a", "s7")) else { panic!("known") };
    let Lookup::Known(all) = view.list("", "Service", Some("a")) else { panic!("known") };
    for index in 0..1_000 {
        shelf.remove("a", &format!("s{index}"));
    }
    assert_eq!(view.get(key("Service", "a", "s7")), Lookup::Absent);
    assert_eq!(first.root.at("/metadata/name").unwrap().as_str(), Some("s7"));
    let names: Vec<_> =
        all.objects.iter().map(|o| o.root.at("/metadata/name").unwrap().as_str().unwrap()).collect();
    assert_eq!(names.len(), 1_000);
    assert!(names.is_sorted());
}
