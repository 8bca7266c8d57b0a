//! What is found in an object that an input holds several times is found in each of them as if it were alone: in files that say
//! the same, which share their documents, in those that write the same object in another way, and in objects that differ in their
//! names.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::{fs, io};

use plimsoll::apiserver::ApiServer;
use plimsoll::cel::profile::Profile;
use plimsoll::finding::{Finding, ObjectId};
use plimsoll::manifest::{Inventory, ReadLimits, read_sources};
use plimsoll::offline::{Asking, Canonical, Offline};
use plimsoll::resource::workload::TemplatePaths;
use plimsoll::store::load::{PolicySources, load};
use plimsoll::store::set::{Adjustments, PolicySet};

fn set(paths: Vec<PathBuf>) -> PolicySet {
    let sources = PolicySources { embedded: paths.is_empty(), paths, profile: Profile::NEWEST };
    let loaded = load(&sources);
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
    loaded.into_set(&Adjustments::default(), TemplatePaths::default())
}

/// As lint asks: what the API server makes of the manifests, or they as they are written, with explanations or without.
#[derive(Clone, Copy)]
struct Mode {
    raw: bool,
    explain: bool,
}

const MODES: [Mode; 3] = [
    Mode { raw: false, explain: false },
    Mode { raw: false, explain: true },
    Mode { raw: true, explain: false },
];

/// Shows the manifests below a folder.
fn offline(folder: &Path, Mode { raw, explain }: Mode, show: impl FnOnce(&Inventory<'_>, &Offline<'_>)) {
    let folder = folder.to_str().unwrap().to_owned();
    let sources = read_sources(&[folder], &mut io::empty(), ReadLimits::default());
    let inventory = Inventory::load(&sources);
    let asking = Asking { explain, ..Asking::default() };
    let mut server = ApiServer::new(36);
    inventory.manifests().iter().for_each(|manifest| server.learn(inventory.object(manifest)));
    let canonical = Canonical::of(&inventory, None, &asking, &server);
    show(&inventory, &Offline::over(&inventory, None, &asking, (!raw).then_some(&canonical)));
}

fn manifests_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            manifests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

/// The manifests that lie in and beside the project, sorted.
fn manifests() -> Vec<PathBuf> {
    let (root, mut files) = (Path::new(env!("CARGO_MANIFEST_DIR")), Vec::new());
    for of in ["examples", "tests/well-made", "benches/corpus", "../shared/corpora", "../shared/manifests"] {
        manifests_below(&root.join(of), &mut files);
    }
    files.sort();
    files
}

/// Every object of a text as JSON, one after the other.
fn as_json(path: &Path) -> String {
    let sources = read_sources(&[path.to_str().unwrap().to_owned()], &mut io::empty(), ReadLimits::default());
    let inventory = Inventory::load(&sources);
    inventory.manifests().iter().map(|manifest| inventory.object(manifest).to_json() + "\n").collect()
}

#[test]
fn copies_are_judged_as_if_each_were_alone() {
    let (files, folder) = (manifests(), tempfile::tempdir().unwrap());
    // all of them take a minute
    for (number, file) in files.iter().enumerate().step_by(4) {
        let text = fs::read_to_string(file).unwrap();
        for (of, text) in [
            ("a", text.clone()),
            ("b", text.clone()),
            ("c", format!("# the same, a line further down\n{text}")),
            ("d", as_json(file)),
        ] {
            let to = folder.path().join(of).join((number / 20).to_string());
            fs::create_dir_all(&to).unwrap();
            fs::write(to.join(format!("{number}.yaml")), text).unwrap();
        }
    }
    let set = set(Vec::new());
    for mode in MODES {
        offline(folder.path(), mode, |inventory, offline| {
            let count = inventory.manifests().len();
            assert!((0..count).any(|index| inventory.first_like(index) != index), "nothing is shared");
            let found = together_as_alone(&set, inventory, offline);
            assert!(found > 1_000, "{found}");
        });
    }
}

/// How many findings there are, where each object is judged as if it were alone.
fn together_as_alone(set: &PolicySet, inventory: &Inventory<'_>, offline: &Offline<'_>) -> usize {
    let together = offline.judge_all(set);
    let alone = (0..inventory.manifests().len()).flat_map(|index| {
        let of = ObjectId(u32::try_from(index).unwrap());
        offline.judge(set, index).into_iter().map(move |finding| (of, finding))
    });
    let alone: Vec<(ObjectId, Finding)> = alone.collect();
    let differ = together.iter().zip(&alone).find(|(together, alone)| together != alone);
    assert!(differ.is_none(), "{differ:#?}");
    assert_eq!(together.len(), alone.len());
    together.len()
}

/// Rules that go by a name, quote it, say that they have judged what it is part of, or mend something beside it.
const BY_NAMES: &str = r#"
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: by-names}
spec:
  match: {kinds: ["*"]}
  rules:
  - {name: called, validate: "!object.?metadata.?name.orValue('').startsWith('a')", message: called}
  - {name: quoted, validate: "has(object.nothing)", message: "of {object.metadata.name}"}
  - {name: element, forEach: "[object.metadata]", validate: "has(item.labels) && size(item.labels) > 9", message: few}
  - {name: read, forEach: "[object.metadata]", at: labels, validate: "has(item.labels) && size(item.labels) > 9", message: few}
  - {name: here, at: metadata, validate: "has(object.nothing)", message: here}
  - {name: whole, validate: "size(object) > 99", message: whole}
  - name: mended
    validate: "has(object.metadata.annotations) && 'team' in object.metadata.annotations"
    message: nobody's
    fix: [{set: metadata.annotations.team, value: platform}]
  - name: computed
    validate: "has(object.metadata.annotations) && 'team' in object.metadata.annotations"
    message: nobody's
    fix: [{set: metadata.annotations.team, value: {cel: object.metadata.name}}]
"#;

#[test]
fn objects_are_judged_as_if_nothing_were_known_of_those_by_other_names() {
    let (files, folder) = (manifests(), tempfile::tempdir().unwrap());
    for (number, file) in files.iter().enumerate().step_by(9) {
        for (line, object) in as_json(file).lines().enumerate() {
            let object: serde_json::Value = serde_json::from_str(object).unwrap();
            // two that are plain, three that are not, and what a server writes
            let names = ["a", "web-7", "Web_1", "7.web", &"long-".repeat(20)];
            for (copy, name) in names.into_iter().chain(["web-8"]).enumerate() {
                let mut object = object.clone();
                let Some(metadata) = object.get_mut("metadata").and_then(|m| m.as_object_mut()) else {
                    continue;
                };
                metadata.insert("name".to_owned(), name.into());
                if copy == names.len() {
                    metadata.insert("uid".to_owned(), "0b".into());
                    metadata.insert("managedFields".to_owned(), serde_json::json!([{"manager": "x"}]));
                }
                let to = folder.path().join(copy.to_string());
                fs::create_dir_all(&to).unwrap();
                // not at the same place in each of them
                let text = format!("{}{object}\n", "# \n".repeat(copy));
                fs::write(to.join(format!("{number}-{line}.yaml")), text).unwrap();
            }
        }
    }
    let policies = tempfile::tempdir().unwrap();
    fs::write(policies.path().join("by-names.yaml"), BY_NAMES).unwrap();
    for set in [set(Vec::new()), set(vec![policies.path().to_owned()])] {
        for mode in MODES {
            offline(folder.path(), mode, |inventory, offline| {
                let found = together_as_alone(&set, inventory, offline);
                assert!(found > 1_000, "{found}");
            });
        }
    }
}

#[test]
fn what_a_kustomization_makes_of_a_copy_is_not_what_it_makes_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n  replicas: 1\n";
    for of in ["a", "b", "c"] {
        write(&format!("input/{of}/web.yaml"), deployment);
    }
    let kustomization = "resources: [web.yaml]\nreplicas: [{name: web, count: 3}]\n";
    write("input/b/kustomization.yaml", kustomization);
    let policy = "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: several}\nspec:\n  \
                  match: {kinds: [Deployment]}\n  rules: [{name: replicas, validate: 'object.spec.replicas > 1', message: one}]\n";
    write("policies/several.yaml", policy);
    let set = set(vec![folder.path().join("policies")]);
    for mode in MODES {
        offline(&folder.path().join("input"), mode, |inventory, offline| {
            let paths = |(of, _): (ObjectId, Finding)| {
                let file = inventory.manifests()[of.0 as usize].file;
                inventory.paths()[file.index()].rsplit_once("/web").unwrap().0.to_owned()
            };
            let found =
                offline.judge_all(&set).into_iter().filter(|(_, finding)| finding.rule.policy.is_some());
            let found: Vec<String> = found.map(paths).collect();
            assert!(found.len() == 2 && found[0].ends_with("/a") && found[1].ends_with("/c"), "{found:?}");
        });
    }
}
