//! What is said offline of an object by policies of the API server's own language: by the evaluation that `lint` uses, in the
//! shape of the server's answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kubernetes_objects::custom::Definitions;
use kubernetes_objects::plugins::UnknownCluster;
use plimsoll::admission_policy::answer::{Answer, Denied};
use plimsoll::admission_policy::apply::apply;
use plimsoll::admission_policy::dispatch::{Asked, dispatch};
use plimsoll::admission_policy::kinds::Kinds;
use plimsoll::admission_policy::written::{Written, read};
use plimsoll::admission_policy::{Body, Hook};
use plimsoll::apiserver::{ApiServer, Serving};
use plimsoll::cel::profile::Profile;
use plimsoll::document::Document;
use plimsoll::manifest::source::{Content, SourceFile};
use plimsoll::manifest::{Inventory, Sources};
use plimsoll::offline::{Asking, Canonical, Offline};
use serde_json::Value;

/// The release of the control plane of the tests.
const MINOR: u8 = 36;

/// An answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    /// Code, reason, message and causes of a refusal.
    pub(crate) denied: Option<(u16, String, String, Vec<String>)>,
    pub(crate) warnings: Vec<String>,
    /// Those of policies.
    pub(crate) annotations: BTreeMap<String, String>,
    /// The object as it would be stored, where it is allowed.
    pub(crate) object: Option<Value>,
}

fn refused(denied: Denied) -> (u16, String, String, Vec<String>) {
    (denied.code, denied.reason, denied.message, denied.causes)
}

/// The policies of a folder, and objects beside the one that is asked about.
pub(crate) struct World {
    files: Vec<(String, String)>,
}

/// The file of the object that is asked about.
const OBJECT: &str = "object.yaml";

impl World {
    /// Of the files of a folder, and these texts.
    pub(crate) fn of(folder: &Path, others: &[Value]) -> Self {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(path).unwrap()));
        }
        files.extend(
            others.iter().enumerate().map(|(at, other)| (format!("other-{at}.json"), other.to_string())),
        );
        Self { files }
    }

    /// What is said of the creation of an object in a namespace.
    pub(crate) fn says(&self, object: &Value, namespace: &str) -> Said {
        let file =
            |(name, text): &(String, String)| SourceFile::new(name.as_str(), Content::Text(text.clone()));
        let own = (OBJECT.to_owned(), object.to_string());
        let sources = Sources::new(self.files.iter().chain([&own]).map(file).collect());
        let inventory = Inventory::load(&sources);
        let asking = Asking {
            namespace: namespace.to_owned(),
            user: Some("admin".to_owned()),
            complete: true,
            ..Asking::default()
        };
        let mut server = ApiServer::new(MINOR);
        let mut kinds = Kinds::new(u32::from(MINOR), true);
        let mut definitions = Definitions::new();
        let mut hooks = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
        for index in 0..inventory.manifests().len() {
            let root = inventory.judged(index);
            server.learn(root);
            definitions.add(root);
            if root.get_str("kind") == Some("CustomResourceDefinition") {
                kinds.define(root);
            }
            // what was read from the server has its defaults
            match read(root, Profile::V1_36) {
                Some(Written::Policy(policy)) => {
                    let mutates = matches!(policy.body, Body::Mutating { .. });
                    hooks[usize::from(mutates)].0.push(Arc::new(policy));
                }
                Some(Written::ValidatingBinding(binding)) => hooks[0].1.push(Arc::new(binding)),
                Some(Written::MutatingBinding(binding)) => hooks[1].1.push(Arc::new(binding)),
                None => {}
            }
        }
        let [validating, mutating] = hooks.map(|(policies, bindings)| Hook::join(policies, bindings));
        let canonical = Canonical::of(&inventory, None, &asking, &server);
        let offline = Offline::over(&inventory, None, &asking, Some(&canonical));
        let is_it =
            |manifest: &plimsoll::manifest::Manifest| inventory.paths()[manifest.file.index()] == OBJECT;
        let index = inventory.manifests().iter().position(is_it).unwrap();
        let (request, host) = (offline.request(index), offline.host(index));
        let asked = Asked { request: &request, kinds: &kinds, host: &host, deadline: None };
        let mutated = apply(&mutating, asked, &definitions);
        if let Some(denied) = mutated.denied() {
            let denied = Some(refused(denied));
            return Said { denied, warnings: Vec::new(), annotations: BTreeMap::new(), object: None };
        }
        let serving = Serving { server: &server, cluster: &UnknownCluster, namespace };
        let again =
            mutated.object.as_ref().map(|object| serving.receive(object.root(), None).object.unwrap());
        let object = again.as_ref().map(Document::root).or(request.object).unwrap();
        let request = request.with_object(object);
        let events = dispatch(&validating, Asked { request: &request, ..asked });
        let Answer { denied, warnings, annotations } = Answer::of(&events, &request);
        let denied = denied.map(refused);
        let object = denied.is_none().then(|| serde_json::to_value(object).unwrap());
        Said { denied, warnings, annotations, object }
    }
}
