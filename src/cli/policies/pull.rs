//! `plimsoll policies pull`: a cluster's own admission policies as files, for runs that have no cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::super::outputs::write_whole;
use super::super::{DONE, fail, print, tell};
use super::plural;
use crate::api;
use crate::cluster::client::{self, Access, ConnectError};
use crate::cluster::pull::{PullError, Pulled, pull};
use crate::diagnostic::io_text;
use crate::document::{Document, JsonError};
use crate::manifest::emit;
use crate::store::kept::digest;

#[derive(Debug, Args)]
pub(super) struct PullArgs {
    /// The folder; of the files in it, only those that this command wrote are overwritten or removed
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The kubeconfig [default: as kubectl finds it]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// Why nothing was pulled.
#[derive(Debug, thiserror::Error)]
enum Unpulled {
    #[error("cannot start: {0}")]
    Start(#[source] io::Error),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Pull(#[from] PullError),
    #[error("{name} cannot be written as YAML: {source}")]
    Yaml { name: String, source: JsonError },
    #[error("{path}: {}", io_text(&.source.to_string()), path = path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error(
        "{path} is not a file that `plimsoll policies pull` wrote: nothing was written; move it away, or pull into \
         another folder",
        path = path.display()
    )]
    Foreign { path: PathBuf },
}

impl PullArgs {
    /// Pulls: 0 done, 2 not.
    pub(super) fn run(self) -> ExitCode {
        let Self { folder, kubeconfig, context } = self;
        let access = match (kubeconfig, context) {
            (file, Some(context)) => Access::Context { file, context },
            (Some(file), None) => Access::Kubeconfig(file),
            (None, None) => Access::Inferred,
        };
        match pulled(&access).and_then(|pulled| Ok((write(&folder, &files(&pulled.objects)?)?, pulled.notes)))
        {
            Ok((done, notes)) => {
                notes.iter().for_each(|note| tell(&format!("note: {note}")));
                print(&format!("{}\n", done.told(&folder)));
                ExitCode::from(DONE)
            }
            Err(error) => fail(&error.to_string()),
        }
    }
}

fn pulled(access: &Access) -> Result<Pulled, Unpulled> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Unpulled::Start)?;
    runtime.block_on(async { Ok(pull(&client::connect(access).await?).await?) })
}

/// The first line of what is ours.
const HEADER: &str = "# Written by `plimsoll policies pull`, which overwrites and removes it; do not edit.\n";
/// File systems take names of 255 bytes.
const LONGEST: usize = 200;

/// `ConfigMap_rules_limits.yaml`: kind (with the group, where it is a custom one), namespace and name. No name of
/// Kubernetes' own has the mark between them, and what no file system takes is written as in a URL.
fn name_of(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let group = text("/apiVersion").split_once('/').map_or("", |(group, _)| group);
    let mut parts = vec![match api::is_own_group(group) {
        true => text("/kind").to_owned(),
        false => format!("{}.{group}", text("/kind")),
    }];
    let names = ["/metadata/namespace", "/metadata/name"].map(text);
    parts.extend(names.into_iter().filter(|name| !name.is_empty()).map(escaped));
    let name = parts.join("_");
    match name.len() > LONGEST {
        true => {
            let cut: String = name.chars().take(LONGEST).collect();
            format!("{cut}_{:016x}.yaml", digest(name.as_bytes()))
        }
        false => format!("{name}.yaml"),
    }
}

fn escaped(name: &str) -> String {
    let each = name.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    each.collect()
}

/// Names and texts, the fields of each object in the order in which people write them.
fn files(objects: &[Value]) -> Result<BTreeMap<String, String>, Unpulled> {
    let file = |object: &Value| {
        let name = name_of(object);
        let mut text = HEADER.to_owned();
        let yaml = |field: &str, value: &Value| {
            let document = Document::from_value(&BTreeMap::from([(field, value)]));
            let document = document.map_err(|source| Unpulled::Yaml { name: name.clone(), source })?;
            Ok::<_, Unpulled>(emit::yaml(document.root()))
        };
        const FIRST: [&str; 3] = ["apiVersion", "kind", "metadata"];
        for field in FIRST {
            if let Some(value) = object.get(field) {
                text.push_str(&yaml(field, value)?);
            }
        }
        for (field, value) in object.as_object().into_iter().flatten() {
            if !FIRST.contains(&field.as_str()) {
                text.push_str(&yaml(field, value)?);
            }
        }
        Ok((name, text))
    };
    objects.iter().map(file).collect()
}

/// What became of the files of a folder.
#[derive(Debug, Default, PartialEq, Eq)]
struct Done {
    written: usize,
    unchanged: usize,
    removed: usize,
}

impl Done {
    fn told(&self, folder: &Path) -> String {
        let Self { written, unchanged, removed } = *self;
        let all = written + unchanged;
        format!(
            "{all} {} in {}: {written} written, {unchanged} as before; {removed} removed",
            plural(all, "object", "objects"),
            folder.display()
        )
    }
}

/// Brings our files of the folder to what they are to be; those that are as they are to be are not touched.
fn write(folder: &Path, files: &BTreeMap<String, String>) -> Result<Done, Unpulled> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| Unpulled::Folder { path, source }
    };
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    let mut ours = BTreeSet::new();
    let mut done = Done::default();
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let entry = entry.map_err(at(folder))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let is_file = entry.file_type().map_err(at(&path))?.is_file();
        let is_ours = is_file
            && name.ends_with(".yaml")
            && std::fs::read(&path).map_err(at(&path))?.starts_with(HEADER.as_bytes());
        match (is_ours, files.contains_key(&name)) {
            (true, _) => _ = ours.insert(name),
            (false, true) => return Err(Unpulled::Foreign { path }),
            (false, false) => {}
        }
    }
    for (name, text) in files {
        let path = folder.join(name);
        if ours.contains(name) && std::fs::read(&path).is_ok_and(|before| before == text.as_bytes()) {
            done.unchanged += 1;
            continue;
        }
        write_whole(&path, |out| out.write_all(text.as_bytes())).map_err(at(&path))?;
        done.written += 1;
    }
    for name in ours.iter().filter(|name| !files.contains_key(*name)) {
        let path = folder.join(name);
        std::fs::remove_file(&path).map_err(at(&path))?;
        done.removed += 1;
    }
    Ok(done)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Value {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
        if let Some(namespace) = namespace {
            object["metadata"]["namespace"] = json!(namespace);
        }
        object
    }

    #[test]
    fn each_object_has_a_name_of_its_own() {
        let policies = "admissionregistration.k8s.io/v1";
        for (object, expected) in [
            (
                object(policies, "ValidatingAdmissionPolicy", None, "a.example.com"),
                "ValidatingAdmissionPolicy_a.example.com.yaml",
            ),
            (object("v1", "ConfigMap", Some("rules"), "limits"), "ConfigMap_rules_limits.yaml"),
            (object("x.dev/v1", "Limit", Some("a"), "b-c"), "Limit.x.dev_a_b-c.yaml"),
            (object("x.dev/v1", "Limit", Some("a-b"), "c"), "Limit.x.dev_a-b_c.yaml"),
            (
                object("rbac.authorization.k8s.io/v1", "ClusterRole", None, "system:a_b/../c"),
                "ClusterRole_system%3Aa%5Fb%2F..%2Fc.yaml",
            ),
        ] {
            assert_eq!(name_of(&object), expected);
        }
        let long = "n".repeat(253);
        let [a, b] =
            ["a", "b"].map(|end| name_of(&object("v1", "ConfigMap", Some("x"), &format!("{long}{end}"))));
        assert!(a != b && a.len() < 255, "{a} {b}");
    }

    #[test]
    fn only_what_was_pulled_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("pulled");
        let configuration = |name: &str, data: &str| {
            let mut object = object("v1", "ConfigMap", Some("rules"), name);
            object["data"] = json!({"a": data});
            object
        };
        let pulled = |objects: &[Value]| write(&folder, &files(objects).unwrap());
        let (a, b) = (configuration("a", "yes"), configuration("b", "1"));
        let done = |written, unchanged, removed| Done { written, unchanged, removed };
        assert_eq!(pulled(&[a.clone(), b.clone()]).unwrap(), done(2, 0, 0));
        let text = std::fs::read_to_string(folder.join("ConfigMap_rules_a.yaml")).unwrap();
        assert_eq!(
            text,
            format!(
                "{HEADER}apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: rules\ndata:\n  a: \"yes\"\n"
            )
        );
        assert_eq!(pulled(&[a.clone(), b.clone()]).unwrap(), done(0, 2, 0));
        assert_eq!(pulled(&[configuration("a", "no"), b]).unwrap(), done(1, 1, 0));
        std::fs::write(folder.join("mine.yaml"), "kind: ConfigMap\n").unwrap();
        assert_eq!(pulled(&[configuration("a", "no")]).unwrap(), done(0, 1, 1));
        assert!(folder.join("mine.yaml").exists() && !folder.join("ConfigMap_rules_b.yaml").exists());
        // somebody else's file in the place of ours: nothing is written, and nothing removed
        std::fs::write(folder.join("ConfigMap_rules_c.yaml"), "kind: ConfigMap\n").unwrap();
        let error = pulled(&[configuration("b", "1"), configuration("c", "1")]).unwrap_err().to_string();
        assert!(
            error.contains("ConfigMap_rules_c.yaml is not a file that `plimsoll policies pull` wrote"),
            "{error}"
        );
        assert!(
            folder.join("ConfigMap_rules_a.yaml").exists() && !folder.join("ConfigMap_rules_b.yaml").exists()
        );
    }
}
