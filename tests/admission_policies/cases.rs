//! The policies of `policies/` with the cases of `cases/`: requests, and what a live API server answers to them.
//!
//! A file of cases has `given`, the objects that are there before; `base`, an object; and `cases`. A case sends `object`, or
//! the base `with` other values at JSON pointers (null: none), as `operation` (CREATE). `of` is the kind and subresource
//! that a body is sent to where it is not its own kind's, `connect` the Pod that is connected to. `expect` is what comes
//! back: nothing of what is not mentioned.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plimsoll::api;
use plimsoll::request::Operation;
use serde::Deserialize;
use serde_json::Value;

/// A policy with its bindings and its cases.
pub(crate) struct PolicyFile {
    /// The files' name, without folder and extension.
    pub(crate) name: String,
    /// The policy and its bindings, as they are written.
    pub(crate) policies: Vec<Value>,
    /// What is there before.
    pub(crate) given: Vec<Value>,
    pub(crate) cases: Vec<Case>,
}

/// A request, and its answer.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) operation: Operation,
    /// What is sent; of a deletion what is deleted, by its name.
    pub(crate) object: Value,
    pub(crate) user: Option<User>,
    pub(crate) target: Target,
    pub(crate) expect: Expected,
}

/// What a request is for.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    /// Empty for the object itself.
    pub(crate) subresource: String,
    /// Empty for what is in no namespace.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Target {
    pub(crate) fn group_version(&self) -> (&str, &str) {
        self.api_version.split_once('/').unwrap_or(("", &self.api_version))
    }

    /// The plural, of kinds that Kubernetes has itself.
    pub(crate) fn resource(&self) -> &'static str {
        api::find(self.group_version().0, &self.kind).expect("a kind of Kubernetes").resource
    }
}

/// Who asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) username: String,
    pub(crate) groups: Vec<String>,
    #[serde(default)]
    pub(crate) extra: BTreeMap<String, Vec<String>>,
}

/// What comes back. Without a message the request is allowed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expected {
    pub(crate) code: Option<u16>,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    /// Of policies, in order.
    pub(crate) warnings: Vec<String>,
    /// Audit annotations of policies.
    pub(crate) audit: BTreeMap<String, String>,
    /// JSON pointers and what the object that is stored has there; null: nothing.
    pub(crate) object: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    #[serde(default)]
    given: Vec<Value>,
    #[serde(default)]
    base: Value,
    cases: Vec<WrittenCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCase {
    name: String,
    operation: Option<Operation>,
    object: Option<Value>,
    #[serde(default)]
    with: BTreeMap<String, Value>,
    user: Option<User>,
    of: Option<Of>,
    connect: Option<Connect>,
    #[serde(default)]
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Of {
    api_version: String,
    kind: String,
    subresource: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Connect {
    namespace: String,
    name: String,
    subresource: String,
}

/// Text of a field, or nothing.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The folder of the policies.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/admission_policies/policies")
}

/// All policies, by name.
pub(crate) fn all() -> Vec<PolicyFile> {
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let mut all: Vec<PolicyFile> = files.map(|file| PolicyFile::read(&file)).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

impl PolicyFile {
    fn read(policies: &Path) -> Self {
        let name = policies.file_stem().unwrap().to_string_lossy().into_owned();
        let texts = std::fs::read_to_string(policies).unwrap();
        let document = |text: &str| -> Value { serde_saphyr::from_str(text).unwrap() };
        let cases = folder().join("../cases").join(policies.file_name().unwrap());
        let cases =
            std::fs::read_to_string(&cases).unwrap_or_else(|why| panic!("{}: {why}", cases.display()));
        let WrittenFile { given, base, cases } =
            serde_saphyr::from_str(&cases).unwrap_or_else(|why| panic!("the cases of {name}: {why}"));
        Self {
            policies: texts.split("\n---\n").map(document).collect(),
            given,
            cases: cases.into_iter().map(|case| Case::of(case, &base)).collect(),
            name,
        }
    }

    /// The namespaces that requests are about.
    pub(crate) fn namespaces(&self) -> Vec<String> {
        let named = |case: &Case| match case.target.kind.as_str() {
            "Namespace" => case.target.name.clone(),
            _ => case.target.namespace.clone(),
        };
        let mut all: Vec<String> = self.cases.iter().map(named).filter(|name| !name.is_empty()).collect();
        all.sort();
        all.dedup();
        all
    }
}

impl Case {
    fn of(written: WrittenCase, base: &Value) -> Self {
        let WrittenCase { name, operation, object, with, user, of, connect, expect } = written;
        let mut object = object.unwrap_or_else(|| base.clone());
        for (pointer, value) in &with {
            set(&mut object, pointer, value);
        }
        let mut target = Target {
            api_version: text(&object, "/apiVersion"),
            kind: text(&object, "/kind"),
            subresource: String::new(),
            namespace: text(&object, "/metadata/namespace"),
            name: text(&object, "/metadata/name"),
        };
        if let Some(Of { api_version, kind, subresource }) = of {
            target = Target { api_version, kind, subresource, ..target };
        }
        let connects = connect.is_some();
        if let Some(Connect { namespace, name, subresource }) = connect {
            let kind = "Pod".to_owned();
            target = Target { kind, subresource, namespace, name, ..target };
        }
        let otherwise = if connects { Operation::Connect } else { Operation::Create };
        Self { name, operation: operation.unwrap_or(otherwise), object, user, target, expect }
    }
}

/// Sets the value at a pointer, whose parent is there or is made; null takes it away.
fn set(object: &mut Value, pointer: &str, value: &Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a JSON pointer");
    let key = key.replace("~1", "/").replace("~0", "~");
    let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}: there is nothing above"));
    match parent {
        Value::Array(items) => {
            let index: usize = key.parse().unwrap();
            match (index == items.len(), value.is_null()) {
                (false, true) => drop(items.remove(index)),
                (true, _) => items.push(value.clone()),
                (false, false) => items[index] = value.clone(),
            }
        }
        Value::Object(members) if value.is_null() => drop(members.remove(&key)),
        other => other[key] = value.clone(),
    }
}

/// What there is at a pointer, null where there is nothing.
pub(crate) fn at(object: &Value, pointer: &str) -> Value {
    object.pointer(pointer).cloned().unwrap_or_default()
}
