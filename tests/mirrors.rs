//! What a mirror keeps of objects answers as the whole objects do: every finding is the same, to the last word.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plimsoll::admission::needs::{Need, Needs};
use plimsoll::admission::{Stages, admit};
use plimsoll::cel::profile::Profile;
use plimsoll::check::EvaluationLimits;
use plimsoll::cluster::mirror::Mirror;
use plimsoll::document::Document;
use plimsoll::host::fields::Fields;
use plimsoll::host::objects::Objects;
use plimsoll::host::{NoHost, Views as _};
use plimsoll::manifest::source::{Content, SourceFile};
use plimsoll::manifest::{Inventory, Sources};
use plimsoll::offline::{Asking, Offline};
use plimsoll::policytest::read;
use plimsoll::resource::workload::TemplatePaths;
use plimsoll::store::load::{PolicySources, load};
use plimsoll::store::set::{Adjustments, PolicySet};
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn policies(embedded: bool, paths: Vec<PathBuf>) -> PolicySet {
    let loaded = load(&PolicySources { embedded, paths, profile: Profile::NEWEST });
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
    loaded.into_set(&Adjustments::default(), TemplatePaths::default())
}

/// What was compared.
#[derive(Debug, Default)]
struct Compared {
    requests: usize,
    /// Of which the answer depends on what was looked up.
    looked_up: usize,
    /// Bytes of what is looked up, and of what is kept of it.
    whole: usize,
    kept: usize,
}

impl Compared {
    fn add(&mut self, set: &PolicySet, texts: &[(&str, &str)]) {
        let file = |(name, text): &(&str, &str)| SourceFile::new(*name, Content::Text((*text).to_owned()));
        let sources = Sources::new(texts.iter().map(file).collect());
        self.add_sources(set, &sources);
    }

    /// Judges every object of the sources in a cluster that holds them all.
    fn add_sources(&mut self, set: &PolicySet, sources: &Sources) {
        let inventory = Inventory::load(sources);
        let asking = Asking {
            user: Some("system:serviceaccount:kube-system:replicaset-controller".to_owned()),
            ..Asking::default()
        };
        let offline = Offline::new(&inventory, None, &asking);
        let needs = Needs::of(set);
        let (whole, kept) = (Mirror::default(), Mirror::default());
        let mut objects: BTreeMap<_, (Objects, Objects)> = BTreeMap::new();
        for (index, manifest) in inventory.manifests().iter().enumerate() {
            let identity = offline.identity(index);
            let of = (identity.gvk.group.to_owned(), identity.gvk.kind.to_owned());
            let (Some(need), Some(name)) = (needs.kinds.get(&of), identity.name) else { continue };
            let mut value: Value = serde_json::from_str(&inventory.object(manifest).to_json()).unwrap();
            let namespace = identity.namespace.unwrap_or_default();
            if !namespace.is_empty() {
                value["metadata"]["namespace"] = json!(namespace);
            }
            let (all, some) = objects.entry(of).or_default();
            let document = |value: &Value| Some(Arc::new(Document::from_value(value).unwrap()));
            self.whole += value.to_string().len();
            all.put(namespace, name, document(&value));
            need.fields.keep(&mut value);
            self.kept += value.to_string().len();
            some.put(namespace, name, document(&value));
        }
        for ((group, kind), need) in &needs.kinds {
            let of = objects.remove(&(group.clone(), kind.clone())).unwrap_or_default();
            let everything = Need { fields: Fields::whole(), ..need.clone() };
            whole.add(group, kind, &everything).unwrap().fill(of.0);
            kept.add(group, kind, need).unwrap().fill(of.1);
        }
        for index in 0..inventory.manifests().len() {
            let request = offline.request(index);
            let told = |host: &dyn plimsoll::host::Host| {
                format!(
                    "{:#?}",
                    admit(set, Stages::JUDGE, &request, host, EvaluationLimits::default()).findings
                )
            };
            let (expected, got) = (told(&*whole.view()), told(&*kept.view()));
            assert_eq!(got, expected, "{:?} of {:?}", offline.identity(index), sources.files()[0].path());
            self.requests += 1;
            self.looked_up += usize::from(expected != told(&NoHost));
        }
    }
}

/// Each policy alone, so that nothing is kept for another, over the objects of its own tests.
#[test]
fn the_library_over_its_tests() {
    let mut compared = Compared::default();
    let found = read::find(&[root().join("policies")]);
    for test in &found.tests {
        let set = policies(false, test.policies.clone());
        if Needs::of(&set).kinds.is_empty() {
            continue;
        }
        for case in &test.cases {
            let cluster = case.written.cluster.as_deref().unwrap_or_default();
            compared.add(&set, &[("a.yaml", &case.written.manifests), ("b.yaml", cluster)]);
        }
    }
    eprintln!("{compared:?}");
    assert!(compared.looked_up > 100 && compared.kept < compared.whole, "{compared:?}");
}

#[test]
fn expressions_over_well_made_workloads() {
    let set = policies(false, vec![root().join("tests/mirrors/policies.yaml")]);
    let mut texts: Vec<(String, String)> = std::fs::read_dir(root().join("tests/well-made"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    texts.sort();
    texts.push(("owned.yaml".to_owned(), OWNED.to_owned()));
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (&**name, &**text)).collect();
    let mut compared = Compared::default();
    compared.add(&set, &texts);
    eprintln!("{compared:?}");
    assert!(compared.looked_up > 20, "{compared:?}");
}

/// The same of the whole library over manifests as people write them, where they lie beside the project.
#[test]
fn the_library_over_manifests_of_the_field() {
    let field = root().join("../shared/field/lint");
    let Ok(cases) = std::fs::read_dir(&field) else {
        eprintln!("not there: {}", field.display());
        return;
    };
    let set = policies(true, vec![root().join("tests/mirrors/policies.yaml")]);
    let mut cases: Vec<PathBuf> = cases.map(|entry| entry.unwrap().path()).filter(|p| p.is_dir()).collect();
    cases.sort();
    let mut compared = Compared::default();
    for case in cases {
        let limits = plimsoll::manifest::ReadLimits::default();
        let paths = [case.display().to_string()];
        let sources = plimsoll::manifest::read_sources(&paths, &mut std::io::empty(), limits);
        compared.add_sources(&set, &sources);
    }
    eprintln!("{compared:?}");
    assert!(compared.looked_up > 100, "{compared:?}");
}

/// Pods of ReplicaSets to which the policy applies, and to which it does not: by condition, by label.
const OWNED: &str = r#"
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: judged, uid: u1}
spec: {replicas: 2, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: legacy, uid: u2}
spec: {replicas: 2, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: legacy, image: i}]}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: left-alone, uid: u3, labels: {skip: "yes"}}
spec: {replicas: 2, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: of-judged, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: judged, uid: u1, controller: true}]}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: of-legacy, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: legacy, uid: u2, controller: true}]}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: of-left-alone, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: left-alone, uid: u3, controller: true}]}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: default, labels: {kubernetes.io/metadata.name: default}}
"#;
