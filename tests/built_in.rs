//! The table of the objects that Kubernetes makes itself, `src/resource/built_in.jsonl`, and the tool that writes it.
//!
//! It is read from Kubernetes' source in Go's module cache (or where `KUBERNETES_SOURCE` says):
//! `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata` for roles and bindings, `pkg/apis/scheduling/types.go` for
//! PriorityClasses, `k8s.io/apiserver/pkg/authentication` for groups and users. `PLIMSOLL_BUILT_IN=write cargo test --test
//! built_in` writes the table anew; without the variable the test says when it is behind.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::{Map, Value, json};

const RELEASE: &str = "1.36.3";

#[test]
fn the_table_is_what_kubernetes_makes() {
    let Some(kubernetes) = source() else {
        eprintln!("skipped: Kubernetes {RELEASE} is not in Go's module cache");
        return;
    };
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/resource/built_in.jsonl");
    let expected = generate(&kubernetes);
    if std::env::var("PLIMSOLL_BUILT_IN").is_ok_and(|said| said == "write") {
        std::fs::write(&table, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&table).unwrap_or_default();
    assert!(found == expected, "run `PLIMSOLL_BUILT_IN=write cargo test --test built_in`");
}

fn source() -> Option<PathBuf> {
    let folder = std::env::var_os("KUBERNETES_SOURCE").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(Path::new(&home).join(format!("go/pkg/mod/k8s.io/kubernetes@v{RELEASE}")))
    })?;
    folder.is_dir().then_some(folder)
}

/// One object a line: kind, namespace, name, the bootstrapping label, and what it grants or binds.
fn generate(kubernetes: &Path) -> String {
    let mut objects = roles_and_bindings(kubernetes);
    resolve_aggregation(&mut objects);
    let mut text = String::new();
    for ((kind, namespace, name), object) in &objects {
        let mut line = Map::new();
        line.insert("kind".to_owned(), json!(kind));
        if !namespace.is_empty() {
            line.insert("namespace".to_owned(), json!(namespace));
        }
        line.insert("name".to_owned(), json!(name));
        let label = object.pointer("/metadata/labels/kubernetes.io~1bootstrapping");
        line.insert("label".to_owned(), label.cloned().unwrap_or(Value::Null));
        for field in ["rules", "roleRef", "subjects"] {
            if let Some(value) = object.get(field).filter(|v| !v.is_null()) {
                line.insert(field.to_owned(), value.clone());
            }
        }
        writeln!(text, "{}", Value::Object(line)).unwrap();
    }
    for (kind, name) in named(kubernetes) {
        writeln!(text, "{}", json!({"kind": kind, "name": name})).unwrap();
    }
    text
}

type Objects = BTreeMap<(String, String, String), Value>;

fn roles_and_bindings(kubernetes: &Path) -> Objects {
    let folder = kubernetes.join("plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata");
    let mut objects = Objects::new();
    // what a feature gate adds comes last: a role that both files have is the one without gates
    for file in [
        "cluster-roles.yaml",
        "controller-roles.yaml",
        "namespace-roles.yaml",
        "cluster-role-bindings.yaml",
        "controller-role-bindings.yaml",
        "namespace-role-bindings.yaml",
        "cluster-roles-featuregates.yaml",
    ] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let list: Value = serde_saphyr::from_str(&text).unwrap();
        for object in list["items"].as_array().unwrap() {
            let field = |at: &str| object.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
            let key = (field("/kind"), field("/metadata/namespace"), field("/metadata/name"));
            objects.entry(key).or_insert_with(|| object.clone());
        }
    }
    objects
}

/// admin, edit and view have no rules of their own: a controller gives them those of the roles with certain labels.
fn resolve_aggregation(objects: &mut Objects) {
    for name in ["view", "edit", "admin"] {
        let key = ("ClusterRole".to_owned(), String::new(), name.to_owned());
        let selectors = objects[&key]["aggregationRule"]["clusterRoleSelectors"].as_array().unwrap().clone();
        let wanted: Vec<_> = selectors.iter().filter_map(|s| s["matchLabels"].as_object()).collect();
        let rules: Vec<Value> = objects
            .values()
            .filter(|object| object["kind"] == "ClusterRole")
            .filter(|object| {
                wanted.iter().any(|w| w.iter().all(|(k, v)| &object["metadata"]["labels"][k] == v))
            })
            .flat_map(|object| object["rules"].as_array().cloned().unwrap_or_default())
            .collect();
        objects.get_mut(&key).unwrap()["rules"] = Value::Array(rules);
    }
}

/// PriorityClasses, groups and users, from the constants that name them.
fn named(kubernetes: &Path) -> Vec<(&'static str, String)> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let release = RELEASE.replacen('1', "v0", 1);
    let apiserver = kubernetes.parent().unwrap().join(format!("apiserver@{release}/pkg/authentication"));
    let mut found: Vec<(&'static str, String)> = Vec::new();
    let scheduling = read(&kubernetes.join("pkg/apis/scheduling/types.go"));
    for class in Regex::new(r#"SystemPriorityClassPrefix \+ "([^"]+)""#).unwrap().captures_iter(&scheduling) {
        found.push(("PriorityClass", format!("system-{}", &class[1])));
    }
    let users = read(&apiserver.join("user/user.go"));
    for constant in Regex::new(r#"(\w+)\s+= "(system:[^"]+)""#).unwrap().captures_iter(&users) {
        let group = constant[1].ends_with("Group") || constant[1].starts_with("All");
        found.push((if group { "Group" } else { "User" }, constant[2].to_owned()));
    }
    let accounts = read(&apiserver.join("serviceaccount/util.go"));
    for constant in Regex::new(r#"AllServiceAccountsGroup\s+= "([^"]+)""#).unwrap().captures_iter(&accounts) {
        found.push(("Group", constant[1].to_owned()));
    }
    found.sort();
    found.dedup();
    found
}

/// The policy `wildcards` leaves exactly those of the built-in ClusterRoles alone that have one.
#[test]
fn the_policy_about_wildcards_knows_the_built_in_ones() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let policy: Value = serde_saphyr::from_str(&read("policies/rbac/wildcards.yaml")).unwrap();
    let mut known: Vec<String> = Vec::new();
    for line in read("src/resource/built_in.jsonl").lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        let rules = object["rules"].as_array().into_iter().flatten();
        let fields = ["verbs", "resources", "apiGroups", "nonResourceURLs"];
        let mut values = rules.flat_map(|rule| fields.iter().filter_map(|f| rule[f].as_array())).flatten();
        let wild = values.any(|v| v.as_str().is_some_and(|v| v == "*" || v.starts_with("*/")));
        if object["kind"] == "ClusterRole" && wild {
            known.push(object["name"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(policy["spec"]["parameters"]["builtIn"], json!(known));
}
