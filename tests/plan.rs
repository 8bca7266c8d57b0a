//! A rule that was not run would have found nothing, and neither would a policy that found nothing in an object that is the same
//! in what decides it: what a planned judgement says is what the whole one says.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use plimsoll::admission::{Stages, admit};
use plimsoll::cel::profile::Profile;
use plimsoll::check::{Deciding, EvaluationLimits, Findings};
use plimsoll::document::{Document, Limits};
use plimsoll::finding::{Certainty, Finding};
use plimsoll::host::Host;
use plimsoll::manifest::source::{Content, SourceFile};
use plimsoll::manifest::{Inventory, Sources};
use plimsoll::offline::{Asking, Offline};
use plimsoll::policytest::read;
use plimsoll::request::Request;
use plimsoll::resource::workload::TemplatePaths;
use plimsoll::store::load::{PolicySources, load};
use plimsoll::store::set::{Adjustments, PolicySet};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn library() -> PolicySet {
    let loaded = load(&PolicySources { embedded: true, paths: Vec::new(), profile: Profile::NEWEST });
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
    loaded.into_set(&Adjustments::default(), TemplatePaths::default())
}

/// The same policies twice: planned, and not.
struct Both {
    planned: PolicySet,
    whole: PolicySet,
}

fn both() -> Both {
    let planned = library();
    let whole = PolicySet::new(planned.policies().to_vec(), planned.templates().clone()).unplanned();
    Both { planned, whole }
}

#[derive(Debug, Default)]
struct Compared {
    objects: usize,
    findings: usize,
    /// Rules that fail or cannot be decided, where `validate` holds whatever that would come to: not said any more.
    spared: usize,
}

impl Compared {
    fn add(&mut self, sets: &Both, text: &str) {
        let text = Content::Text(text.to_owned());
        let sources = Sources::new(vec![SourceFile::new("a.yaml", text)]);
        let inventory = Inventory::load(&sources);
        let asking = Asking::default();
        let offline = Offline::new(&inventory, None, &asking);
        for index in 0..inventory.manifests().len() {
            let request = offline.request(index);
            self.judge(sets, &request, &offline.host(index), EvaluationLimits::default());
            // as the webhook has it: there findings are remembered, and those of the second are known of its replicas
            let limits =
                EvaluationLimits { in_cluster: true, findings_per_rule: Some(2), ..Default::default() };
            let json = request.object.map(|object| object.to_json()).unwrap_or_default();
            for name in [None, None, Some("another-replica")] {
                let object = Document::from_json(&json, Limits::default()).unwrap();
                let named = name.and_then(|name| renamed(&json, name));
                let named = named.as_ref().map(|json| Document::from_json(json, Limits::default()).unwrap());
                let object = named.as_ref().unwrap_or(&object);
                self.judge(sets, &request.with_object(object.root()), &offline.host(index), limits);
            }
        }
    }

    fn judge(&mut self, sets: &Both, request: &Request<'_>, host: &dyn Host, limits: EvaluationLimits) {
        let by = |set: &PolicySet| -> Findings { admit(set, Stages::JUDGE, request, host, limits).findings };
        // the first few of a kind are not planned
        let (planned, whole) = (by(&sets.planned), by(&sets.whole));
        let known = |findings: &[Finding]| -> Vec<String> {
            let known = findings.iter().filter(|finding| finding.certainty == Certainty::Known);
            known.map(|finding| format!("{finding:#?}")).collect()
        };
        let object = request.object.map(|object| object.to_json()).unwrap_or_default();
        assert_eq!(known(&planned), known(&whole), "{object}");
        let told: Vec<String> = whole.iter().map(|finding| format!("{finding:?}")).collect();
        for finding in &planned {
            assert!(told.contains(&format!("{finding:?}")), "{finding:?} of {object}");
        }
        self.objects += 1;
        self.findings += whole.len();
        self.spared += whole.len() - planned.len();
    }
}

/// An object by another name; `None` where it has none.
fn renamed(json: &str, name: &str) -> Option<String> {
    let mut object: Value = serde_json::from_str(json).unwrap();
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    *metadata.get_mut("name").filter(|name| name.is_string())? = Value::from(name);

    Some(object.to_string())
}

/// Numbers by chance, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// Takes something out of an object, or puts something in its place that no schema allows.
fn damage(value: &mut Value, chance: &mut Chance) {
    let odd = [
        Value::Null,
        Value::Bool(true),
        Value::from(0),
        Value::from("$(LATER)"),
        Value::from(Vec::<Value>::new()),
        Value::Object(serde_json::Map::new()),
        serde_json::json!([{"name": "x"}, null, "y"]),
    ];
    match value {
        Value::Object(members) if !members.is_empty() => {
            let key = members.keys().nth(chance.below(members.len())).unwrap().clone();
            let deeper = matches!(members[&key], Value::Object(_) | Value::Array(_)) && chance.below(6) > 0;
            if deeper {
                damage(members.get_mut(&key).unwrap(), chance);
            } else if !matches!(key.as_str(), "kind" | "apiVersion") {
                match chance.below(3) {
                    0 => {
                        members.remove(&key);
                    }
                    1 => {
                        members.insert(key, odd[chance.below(odd.len())].clone());
                    }
                    _ => {
                        let other = members[&key].clone();
                        members.insert(format!("{key}X"), other);
                        members.remove(&key);
                    }
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = chance.below(items.len());
            match chance.below(5) {
                0 => {
                    items.remove(at);
                }
                1 => items.push(odd[chance.below(odd.len())].clone()),
                _ => damage(&mut items[at], chance),
            }
        }
        _ => {}
    }
}

/// The objects of a text, each `times` with up to `most` things wrong.
fn damaged(text: &str, chance: &mut Chance, times: usize, most: usize) -> String {
    let sources = Sources::new(vec![SourceFile::new("a.yaml", Content::Text(text.to_owned()))]);
    let inventory = Inventory::load(&sources);
    let mut all = Vec::new();
    for manifest in inventory.manifests() {
        let object: Value = serde_json::from_str(&inventory.object(manifest).to_json()).unwrap();
        for _ in 0..times {
            let mut object = object.clone();
            for _ in 0..=chance.below(most) {
                damage(&mut object, chance);
            }
            all.push(object.to_string());
        }
    }
    all.join("\n---\n")
}

#[test]
fn the_library_over_its_tests_and_what_is_broken_of_them() {
    let (set, mut compared, mut chance) = (both(), Compared::default(), Chance(7));
    for test in &read::find(&[root().join("policies")]).tests {
        for case in &test.cases {
            compared.add(&set, &case.written.manifests);
            compared.add(&set, &damaged(&case.written.manifests, &mut chance, 1, 4));
        }
    }
    eprintln!("{compared:?}");
    assert!(compared.objects > 1_000 && compared.findings > 5_000, "{compared:?}");
}

/// What was found in one object is not said of another, and what was not found in one is found in another: each of these is like
/// one before it but for one place.
#[test]
fn objects_that_differ_in_one_place() {
    let (set, mut compared, mut chance) = (both(), Compared::default(), Chance(23));
    let tests = read::find(&[root().join("policies")]).tests;
    let cases = tests.iter().flat_map(|test| &test.cases).step_by(9);
    for case in cases {
        let once = |chance: &mut Chance| damaged(&case.written.manifests, chance, 6, 1);
        compared.add(&set, &once(&mut chance));
    }
    eprintln!("{compared:?}");
    assert!(compared.objects > 500 && compared.findings > 2_000, "{compared:?}");
}

#[test]
fn the_library_over_manifests_of_the_field() {
    let field = root().join("../shared/field/lint");
    if !field.is_dir() {
        eprintln!("SKIPPED: not there: {}", field.display());
        return;
    }
    let (set, mut compared, mut chance) = (both(), Compared::default(), Chance(11));
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![field];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("yaml" | "yml" | "json") => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        compared.add(&set, &text);
        compared.add(&set, &damaged(&text, &mut chance, 1, 4));
    }
    eprintln!("{compared:?}");
    assert!(compared.objects > 500, "{compared:?}");
}

/// Rules that ask the cluster, the request or the old object are run each time; few others are.
#[test]
fn what_decides_the_policies_of_the_library() {
    let set = library();
    let mut asked_each_time = Vec::new();
    for policy in set.policies() {
        let deciding = Deciding::of(policy);
        for (number, rule) in policy.rules.iter().enumerate() {
            match deciding.rule(policy, number) {
                Some(decides) => eprintln!("{} {decides:?}", rule.info.code),
                None => asked_each_time.push(rule.info.code.as_str()),
            }
        }
    }
    eprintln!("{asked_each_time:?}");
    assert!(asked_each_time.len() < set.policies().len(), "{asked_each_time:?}");
}
