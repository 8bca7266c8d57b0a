//! Reading objects of any kind, with an account of what was not allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroup, APIResource};
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use serde_json::{Value, json};

use super::PullError;

/// Objects of one page of a list.
const PAGE: u32 = 500;

/// What a user would have to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// `get` or `list`
    pub verb: &'static str,
    /// As a role writes it.
    pub group: String,
    /// The plural.
    pub resource: String,
    /// The namespace; `None`: in all, or of what is in none.
    pub namespace: Option<String>,
    /// The object, where one is asked for.
    pub name: Option<String>,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, group, resource, namespace, name } = self;
        write!(f, "{verb} {resource}")?;
        if !group.is_empty() {
            write!(f, ".{group}")?;
        }
        if let Some(name) = name {
            write!(f, " {name:?}")?;
        }
        match namespace {
            Some(namespace) => write!(f, " in namespace {namespace}"),
            None => write!(f, " in the whole cluster"),
        }
    }
}

/// A kind as the API server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Served {
    pub resource: ApiResource,
    pub namespaced: bool,
}

/// Which objects are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'w> {
    /// All of the kind.
    All,
    /// Of a namespace, or of all where there is none.
    Named { namespace: Option<&'w str>, name: &'w str },
    /// Likewise, by a label selector as a query has it.
    Labelled { namespace: Option<&'w str>, selector: &'w str },
}

/// Reads from one API server.
pub(super) struct Reader {
    client: Client,
    groups: Vec<APIGroup>,
    /// By `group/version`: what discovery said.
    resources: BTreeMap<String, Vec<APIResource>>,
    /// What was not allowed.
    pub denied: BTreeSet<Permission>,
}

impl Reader {
    /// # Errors
    /// When the API server does not say which groups it serves.
    pub(super) async fn new(client: &Client) -> Result<Self, PullError> {
        let groups = client.list_api_groups().await.map_err(PullError::discovery)?.groups;
        let client = client.clone();
        Ok(Self { client, groups, resources: BTreeMap::new(), denied: BTreeSet::new() })
    }

    /// The versions in which a group is served.
    pub(super) fn versions(&self, group: &str) -> Vec<String> {
        let of = self.groups.iter().find(|served| served.name == group);
        of.into_iter().flat_map(|group| &group.versions).map(|version| version.version.clone()).collect()
    }

    /// What is served in a version of a group.
    pub(super) async fn resources(&mut self, api_version: &str) -> Result<&[APIResource], PullError> {
        if !self.resources.contains_key(api_version) {
            let found = match api_version.contains('/') {
                true => self.client.list_api_group_resources(api_version).await,
                false => self.client.list_core_api_resources(api_version).await,
            };
            let resources = match found {
                Ok(found) => found.resources,
                Err(error) if is(&error, 404) => Vec::new(),
                Err(error) => return Err(PullError::discovery(error)),
            };
            self.resources.insert(api_version.to_owned(), resources);
        }
        Ok(&self.resources[api_version])
    }

    /// A kind in a version; `None`: it is not served.
    pub(super) async fn kind(&mut self, api_version: &str, kind: &str) -> Result<Option<Served>, PullError> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resources = self.resources(api_version).await?;
        let found = resources.iter().find(|found| found.kind == kind && !found.name.contains('/'));
        Ok(found.map(|found| Served {
            resource: ApiResource::from_gvk_with_plural(
                &GroupVersionKind::gvk(group, version, kind),
                &found.name,
            ),
            namespaced: found.namespaced,
        }))
    }

    /// The objects, none where that is forbidden or there is no such object.
    pub(super) async fn read(
        &mut self,
        served: &Served,
        wanted: Wanted<'_>,
    ) -> Result<Vec<Value>, PullError> {
        let Served { resource, namespaced } = served;
        let api = |namespace: Option<&str>| -> Api<DynamicObject> {
            match namespace.filter(|_| *namespaced) {
                Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
                None => Api::all_with(self.client.clone(), resource),
            }
        };
        let all = ListParams::default().limit(PAGE);
        let (verb, namespace, name, found) = match wanted {
            Wanted::All => ("list", None, None, list(&api(None), all).await),
            Wanted::Named { namespace, name } if namespace.is_some() || !namespaced => {
                let found = api(namespace).get_opt(name).await;
                ("get", namespace, Some(name), found.map(|found| found.into_iter().collect()))
            }
            Wanted::Named { name, .. } => {
                let named = all.fields(&format!("metadata.name={name}"));
                ("list", None, None, list(&api(None), named).await)
            }
            Wanted::Labelled { namespace, selector } => {
                ("list", namespace, None, list(&api(namespace), all.labels(selector)).await)
            }
        };
        let objects = match found {
            Ok(objects) => objects,
            Err(error) if is(&error, 403) => {
                self.denied.insert(Permission {
                    verb,
                    group: resource.group.clone(),
                    resource: resource.plural.clone(),
                    namespace: namespace.filter(|_| *namespaced).map(str::to_owned),
                    name: name.map(str::to_owned),
                });
                return Ok(Vec::new());
            }
            Err(source) => {
                let what = format!("{verb} {}", resource.plural);
                return Err(PullError::Read { what, source: Box::new(source) });
            }
        };
        let whole = |object: DynamicObject| {
            let mut object = serde_json::to_value(object).map_err(PullError::Unreadable)?;
            // the objects of a list do not say what they are
            object["apiVersion"] = json!(resource.api_version);
            object["kind"] = json!(resource.kind);
            Ok(object)
        };
        objects.into_iter().map(whole).collect()
    }
}

/// All pages.
async fn list(api: &Api<DynamicObject>, mut wanted: ListParams) -> kube::Result<Vec<DynamicObject>> {
    let mut all = Vec::new();
    loop {
        let page = api.list(&wanted).await?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => wanted = wanted.continue_token(&token),
            None => return Ok(all),
        }
    }
}

fn is(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}
