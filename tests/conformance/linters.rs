//! Other linters' own fixtures, judged by our library: do we say what they say?
//!
//! `linters-map.tsv` beside this file says which of our rules answers which of their checks, and why where we differ.
//! A case is a line of an `expected.tsv`; its fixture is judged with every pack, as the whole of its world
//! (`--complete`), and what our counterpart finds is compared with what the line says. A line whose check has no
//! counterpart is a miss, whatever the reason. Where a tool's fixture comes with a check that its user configures, the
//! counterpart is a policy that a user of ours would write (`linters-policies.yaml`). What a line says, by tool:
//!
//! - kube-linter: the objects that are reported, by kind and name; ours must be the same ones
//! - kube-score: a grade; Critical and Warning must fire, all else must be quiet
//! - polaris: `fail` must fire, `pass` and the golden of its own fix must be quiet, and a file that defines a check of
//!   its own is no manifest to us
//! - edge-cases: the row of the check list that must fire or be quiet, found by the annotation of our policies

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use plimsoll::cel::profile::Profile;
use plimsoll::finding::Certainty;
use plimsoll::manifest::{FileOutcome, Inventory, ReadLimits, read_sources};
use plimsoll::offline::{Asking, Offline};
use plimsoll::resource::workload::TemplatePaths;
use plimsoll::store::PolicySet;
use plimsoll::store::load::{PolicySources, load};
use plimsoll::store::set::Adjustments;
use serde_json::Value;

use crate::suite::{Figure, Miss, Outcome, Suite};

/// Their check → our rules, or why there are none.
const MAP: &str = include_str!("linters-map.tsv");

/// Policies as users of ours would write them, for the checks that users of other tools configure themselves.
const USERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/linters-policies.yaml");

const TOOLS: [&str; 4] = ["edge-cases", "kube-linter", "kube-score", "polaris"];

pub(crate) struct Linters;

impl Suite for Linters {
    fn name(&self) -> &'static str {
        "linters"
    }

    fn files(&self, shared: &Path) -> Vec<PathBuf> {
        let expected = |tool: &&str| shared.join("corpora/linters").join(tool).join("expected.tsv");
        TOOLS.iter().map(expected).filter(|file| file.is_file()).collect()
    }

    /// All files have one name; the tool tells them apart.
    fn label(&self, file: &Path) -> String {
        file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
    }

    fn run(&self, file: &Path) -> Outcome {
        let (tool, folder) = (self.label(file), file.parent().unwrap_or(Path::new(".")));
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let mut outcome = Outcome::default();
        let (mut mapped, mut agreeing) = (Figure::default(), Figure::default());
        let mut checks: BTreeMap<String, Figure> = BTreeMap::new();
        for (number, line) in (2..).zip(lines) {
            let fields: BTreeMap<&str, String> =
                header.iter().copied().zip(line.split('\t').map(unquoted)).collect();
            let case = Case::of(&tool, &fields);
            let (expected, got) = judge(&tool, folder, &case);
            let agrees = got.as_ref().is_ok_and(|got| *got == expected);
            outcome.cases.count(agrees);
            mapped.count(got.is_ok());
            if got.is_ok() {
                agreeing.count(agrees);
            }
            checks.entry(case.check.clone()).or_default().count(agrees);
            if !agrees {
                let got =
                    got.map_or_else(|reason| format!("no counterpart: {reason}"), |said| said.to_string());
                let id = format!("{tool}:{number} {} on {}", case.check, case.fixture);
                outcome.misses.push(Miss { id, expected: expected.to_string(), got });
            }
        }
        outcome.figures.insert("with a counterpart", mapped);
        outcome.figures.insert("of these agree", agreeing);
        let whole = |figure: &Figure| figure.agree == figure.of;
        println!(
            "linters/{tool}: {} of {} checks agree in full; the others: {}",
            checks.values().filter(|figure| whole(figure)).count(),
            checks.len(),
            checks
                .iter()
                .filter(|(_, figure)| !whole(figure))
                .map(|(check, figure)| format!("{check} {}/{}", figure.agree, figure.of))
                .collect::<Vec<_>>()
                .join(", ")
        );
        outcome
    }
}

/// A field of the table: quoted as in CSV where it holds quotes itself.
fn unquoted(field: &str) -> String {
    match field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => field.to_owned(),
    }
}

/// What a line says, or we.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    /// Something, or nothing.
    Fires(bool),
    /// These objects.
    Reports(BTreeSet<String>),
    /// The file holds no object.
    NoManifest,
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Said::Fires(true) => f.write_str("fires"),
            Said::Fires(false) => f.write_str("quiet"),
            Said::Reports(objects) => {
                write!(f, "reports on {}", objects.iter().cloned().collect::<Vec<_>>().join(", "))
            }
            Said::NoManifest => f.write_str("no manifest"),
        }
    }
}

struct Case {
    check: String,
    fixture: String,
    says: Said,
    /// Parameters that the line itself sets.
    parameters: Parameters,
    /// Policies that the line waives.
    without: Vec<&'static str>,
    /// Whether every pack counts.
    all_packs: bool,
}

impl Case {
    fn of(tool: &str, fields: &BTreeMap<&str, String>) -> Self {
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let mut parameters = BTreeMap::new();
        let (mut without, mut all_packs) = (Vec::new(), true);
        let (check, fixture, says) = match tool {
            "kube-linter" => {
                let reports = field("reports");
                let objects = reports.split("; ").filter_map(|report| report.split_once(": "));
                // what is not `Kind/name` is the rest of a message with a semicolon in it
                let objects = objects.map(|(object, _)| object).filter(|object| is_object(object));
                let says = Said::Reports(objects.map(str::to_owned).collect());
                (field("test"), format!("fixtures/{}", field("fixture")), says)
            }
            "kube-score" => {
                let config = field("config");
                let minimum = config.split_once("MinReplicasDeployment: ").map(|(_, rest)| rest);
                if let Some(minimum) = minimum.and_then(|rest| rest.split(',').next()?.parse::<u32>().ok()) {
                    let minimum = BTreeMap::from([("minimum".to_owned(), Value::from(minimum))]);
                    parameters.insert("minimum-replicas".to_owned(), minimum);
                }
                let minor = config.split_once("Minor: ").map(|(_, rest)| rest);
                if let Some(minor) = minor.and_then(|rest| rest.split('}').next()?.trim().parse::<u32>().ok())
                {
                    let minor = BTreeMap::from([("minor".to_owned(), Value::from(minor))]);
                    parameters.insert("api-version".to_owned(), minor);
                }
                if config.contains("IgnoreContainerCpuLimitRequirement: true") {
                    without.push("cpu-limit");
                }
                if config.contains("IgnoreContainerMemoryLimitRequirement: true") {
                    let requests = Value::from(vec!["requests.cpu", "requests.memory"]);
                    let asked = parameters.entry("container-resources".to_owned()).or_default();
                    asked.insert("required".to_owned(), requests);
                }
                let skipped = field("grade") == "Skipped?";
                // a check that is not asked for is skipped: of ours the pack `default` counts then
                all_packs = !(skipped && config == "nil, nil");
                let fires = match field("grade").as_str() {
                    "Critical" | "Warning" => true,
                    // whether the annotation of the fixture is honoured
                    _ => skipped && config.contains("UseIgnoreChecksAnnotation: false"),
                };
                (
                    field("check"),
                    format!("fixtures/{}", field("fixture(score/testdata/)")),
                    Said::Fires(fires),
                )
            }
            "polaris" => {
                let says = match field("expected").as_str() {
                    "custom-check-definition" => Said::NoManifest,
                    expected => Said::Fires(expected == "fail"),
                };
                (field("check"), format!("fixtures/{}", field("fixture")), says)
            }
            _ => {
                let says = Said::Fires(field("ours") == "fires");
                (field("check"), format!("fixtures/{}", field("fixture")), says)
            }
        };
        Case { check, fixture, says, parameters, without, all_packs }
    }
}

fn is_object(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, _)| {
        kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.chars().all(char::is_alphanumeric)
    })
}

/// Which of our findings answer a check.
struct Counterpart {
    /// `policy`, `policy/rule`, or `policy/rule~part of the message`.
    rules: Vec<String>,
    parameters: Parameters,
}

/// Tool and check → counterpart, or the reason why there is none.
static COUNTERPARTS: LazyLock<BTreeMap<(String, String), Result<Counterpart, String>>> =
    LazyLock::new(|| {
        let rows = MAP.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        rows.map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [tool, check, rules, parameters, reason] = fields[..] else {
                panic!("linters-map.tsv: five columns, not {line:?}")
            };
            let counterpart = if rules == "-" {
                Err(reason.to_owned())
            } else {
                let parameters = if parameters.is_empty() { "{}" } else { parameters };
                Ok(Counterpart {
                    rules: rules.split_whitespace().map(str::to_owned).collect(),
                    parameters: serde_json::from_str(parameters).expect("parameters are JSON"),
                })
            };
            ((tool.to_owned(), check.to_owned()), counterpart)
        })
        .collect()
    });

/// The rows of the check list → the policies that say they answer them.
static ROWS: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for policy in policies(&BTreeMap::new()).policies() {
        let row = policy.about.annotations.get("plimsoll.dev/check").map_or("", String::as_str);
        for row in row.split(',').map(str::trim).filter(|row| !row.is_empty()) {
            rows.entry(row.to_owned()).or_default().push(policy.id.name.clone());
        }
    }
    rows
});

type Parameters = BTreeMap<String, BTreeMap<String, Value>>;

/// The whole library and the policies of a user's, with parameters.
fn policies(parameters: &Parameters) -> &'static PolicySet {
    static SETS: Mutex<BTreeMap<String, &'static PolicySet>> = Mutex::new(BTreeMap::new());
    let mut sets = SETS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let key = serde_json::to_string(parameters).unwrap_or_default();
    sets.entry(key).or_insert_with(|| {
        let paths = vec![PathBuf::from(USERS)];
        let sources = PolicySources { embedded: true, paths, profile: Profile::NEWEST };
        let mut loaded = load(&sources);
        assert!(loaded.errors.is_empty(), "the library loads");
        for (name, values) in parameters {
            let policy = loaded.policies.iter_mut().find(|(policy, _)| policy.id.name == *name);
            let (policy, _) = policy.unwrap_or_else(|| panic!("parameters for {name}, which is no policy"));
            policy.set_parameters(values).unwrap_or_else(|errors| panic!("{errors:?}"));
        }
        let mut templates = TemplatePaths::default();
        // OpenShift's, in most of kube-linter's fixtures
        templates
            .declare("apps.openshift.io/*/DeploymentConfig", "spec.template")
            .expect("a kind and a path");
        Box::leak(Box::new(loaded.into_set(&Adjustments::default(), templates)))
    })
}

/// What is expected, and what ours says, or why it says nothing.
fn judge(tool: &str, folder: &Path, case: &Case) -> (Said, Result<Said, String>) {
    let path = folder.join(&case.fixture);
    let expected = case.says.clone();
    if expected == Said::NoManifest {
        return (expected, Ok(read(&path).0));
    }
    let counterpart = COUNTERPARTS.get(&(tool.to_owned(), case.check.clone()));
    let (rules, mut parameters) = match counterpart {
        Some(Ok(Counterpart { rules, parameters })) => (rules.clone(), parameters.clone()),
        Some(Err(reason)) => return (expected, Err(reason.clone())),
        None => match ROWS.get(&case.check).filter(|_| tool == "edge-cases") {
            Some(policies) => (policies.clone(), BTreeMap::new()),
            None => return (expected, Err("not in linters-map.tsv".to_owned())),
        },
    };
    // `row:G1` stands for whatever policies answer that row
    let rules: Vec<String> = rules
        .into_iter()
        .flat_map(|rule| match rule.strip_prefix("row:") {
            Some(row) => ROWS.get(row).cloned().unwrap_or_default(),
            None => vec![rule],
        })
        .collect();
    let rules: Vec<String> =
        rules.into_iter().filter(|rule| !case.without.contains(&rule.as_str())).collect();
    if let Some(unknown) = rules.iter().find(|rule| !exists(rule)) {
        return (expected, Err(format!("{unknown} is no policy or rule")));
    }
    if rules.is_empty() {
        return (expected, Err("no policy answers the row".to_owned()));
    }
    for (policy, values) in &case.parameters {
        parameters.entry(policy.clone()).or_default().extend(values.clone());
    }
    let defaults = |rule: &String| {
        let name = rule.split(['/', '~']).next().unwrap_or_default();
        let policies = policies(&parameters).policies();
        policies.iter().any(|p| p.id.name == name && p.about.packs.iter().any(|pack| pack == "default"))
    };
    let rules: Vec<String> = rules.into_iter().filter(|rule| case.all_packs || defaults(rule)).collect();
    let reported = findings(&path, policies(&parameters), &rules);
    let got = match (&expected, reported) {
        (_, Err(error)) => Err(error),
        (Said::Reports(_), Ok(objects)) => Ok(Said::Reports(objects)),
        (_, Ok(objects)) => Ok(Said::Fires(!objects.is_empty())),
    };
    (expected, got)
}

fn exists(rule: &str) -> bool {
    let code = rule.split_once('~').map_or(rule, |(code, _)| code);
    code.starts_with("yaml/")
        || policies(&BTreeMap::new())
            .policies()
            .iter()
            .any(|policy| policy.id.name == code || policy.rules.iter().any(|rule| rule.info.code == code))
}

/// Whether the file holds an object, and whether it can be read.
fn read(path: &Path) -> (Said, FileOutcome) {
    let sources =
        read_sources(&[path.to_string_lossy().into_owned()], &mut std::io::empty(), ReadLimits::default());
    let inventory = Inventory::load(&sources);
    let outcome = inventory.ledger().first().map_or(FileOutcome::Broken, |record| record.outcome);
    let none = inventory.manifests().is_empty() && outcome == FileOutcome::NotKubernetes;
    (if none { Said::NoManifest } else { Said::Fires(false) }, outcome)
}

/// The objects, as `Kind/name`, that these rules find fault with.
fn findings(path: &Path, set: &PolicySet, rules: &[String]) -> Result<BTreeSet<String>, String> {
    let sources =
        read_sources(&[path.to_string_lossy().into_owned()], &mut std::io::empty(), ReadLimits::default());
    let inventory = Inventory::load(&sources);
    for record in inventory.ledger() {
        if record.outcome == FileOutcome::Broken {
            let why = record.errors.first().map(|error| error.error.to_string()).unwrap_or_default();
            return Err(format!("the fixture cannot be read: {why}"));
        }
    }
    let asking = Asking { complete: true, ..Asking::default() };
    let offline = Offline::new(&inventory, None, &asking);
    let mut objects = BTreeSet::new();
    for (id, finding) in offline.judge_all(set) {
        let answers = |rule: &String| {
            let (code, part) = rule.split_once('~').unwrap_or((rule, ""));
            let of_rule = finding.code() == code
                || finding.code().split_once('/').is_some_and(|(policy, _)| policy == code);
            of_rule && finding.message.contains(part)
        };
        if finding.certainty == Certainty::Known && rules.iter().any(answers) {
            let identity = offline.identity(id.0 as usize);
            objects.insert(format!("{}/{}", identity.gvk.kind, identity.name.unwrap_or_default()));
        }
    }
    let noticed = |notice: &plimsoll::manifest::Notice| rules.iter().any(|rule| rule == notice.code.code());
    objects.extend(inventory.notices().iter().filter(|notice| noticed(notice)).map(|_| "a file".to_owned()));
    Ok(objects)
}
