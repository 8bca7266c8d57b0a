//! Keeps the entries of our webhook configurations as the loaded policies, our CA and the installation have it.
//!
//! Every replica compares what is registered with what must be: whether each entry is there, its rules, failure policy,
//! selectors and match conditions. What it finds is a metric and a line in the log. The leader, once it is ready itself,
//! writes what differs, by server-side apply as a field manager of our own: when policies, the CA or the served kinds
//! change, and when somebody has changed or removed an entry. A configuration that is not there is not made: deleting it
//! is how we are switched off. It looks rather than watches: two small reads every few seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::discovery::{ApiResource, Discovery};
use kube::{Client, Error};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::api;
use crate::review::Endpoint;
use crate::store::PolicySet;
use crate::webhook::reload::{Board, Clock};

use super::certificates::Held;
use super::install::{Entries, NAME, configuration_kind};
use super::leader::Leadership;
use super::rules::{self, Half, Served};

/// Owns the entries.
pub const MANAGER: &str = "plimsoll-webhook";
/// How often we look whether all is as we want it.
const LOOK: Duration = Duration::from_secs(3);
/// How often the served kinds are asked for, when nothing else asks for it.
const DISCOVER: Duration = Duration::from_secs(30);

/// Writes the registration while it leads.
pub struct Registrar {
    /// The cluster that the configurations are kept in.
    pub client: Client,
    /// Whether we may write.
    pub leadership: Leadership,
    /// A registration that leads to nobody ready would only do harm; and who is told.
    pub board: Board,
    /// How the entries must be, `rules` and `caBundle` apart.
    pub entries: Entries,
    /// How often it is compared by who does not lead.
    pub interval: Duration,
    /// The policies in force.
    pub policies: Arc<ArcSwapOption<PolicySet>>,
    /// The CA that callers must know; without it, it is not ours to write.
    pub bundle: Option<Bundle>,
}

/// The CA, between who keeps it and who registers it.
pub struct Bundle {
    /// What callers must know; `None`: not known yet.
    pub wanted: watch::Receiver<Option<String>>,
    /// Gets what they have been told.
    pub held: watch::Sender<Option<Held>>,
    /// The time, so that tests can set it.
    pub clock: Clock,
}

impl Bundle {
    /// All entries hold this now.
    fn seen(&self, bundle: String) {
        let seen = (self.clock)();
        self.held.send_modify(|held| {
            let same = held.take().filter(|held| held.bundle == bundle);
            let since = same.map_or(seen, |held| held.since);
            *held = Some(Held { bundle, since, seen });
        });
    }

    /// What they hold is not known, or not what it should be.
    fn unseen(&self) {
        self.held.send_replace(None);
    }
}

impl Registrar {
    /// Runs until aborted.
    pub async fn run(self) {
        let mut served: Option<(Instant, Vec<Served>)> = None;
        let mut complained = String::new();
        let mut compared: Option<Instant> = None;
        // before it was seen, nobody knows
        STAGES.iter().for_each(|stage| self.board.metrics.registered(configuration_kind(*stage), false));
        loop {
            let leads = self.leadership.holds();
            self.board.metrics.leads(leads);
            if !leads {
                self.bundle.iter().for_each(Bundle::unseen);
            }
            let is_time = leads || compared.is_none_or(|when| when.elapsed() >= self.interval);
            if is_time && self.board.readiness.is_ready() {
                compared = Some(Instant::now());
                match self.look(&mut served).await {
                    Ok(differences) if differences.is_empty() => complained.clear(),
                    Ok(differences) => say(&differences.join("; "), &mut complained),
                    Err(error) => {
                        for stage in STAGES {
                            self.board.metrics.registered(configuration_kind(stage), false);
                        }
                        say(&error.to_string(), &mut complained);
                    }
                }
            }
            tokio::time::sleep(LOOK.min(self.interval)).await;
        }
    }

    /// What differs from what must be and was not put right.
    async fn look(&self, served: &mut Option<(Instant, Vec<Served>)>) -> Result<Vec<String>, RegisterError> {
        let Some(set) = self.policies.load_full() else { return Ok(Vec::new()) };
        let bundle = match &self.bundle {
            None => None,
            Some(bundle) => match bundle.wanted.borrow().clone() {
                None => return Ok(Vec::new()),
                wanted => wanted,
            },
        };
        let encoded = bundle.as_ref().map(|pem| base64::engine::general_purpose::STANDARD.encode(pem));
        if served.as_ref().is_none_or(|(when, _)| when.elapsed() > DISCOVER) {
            let discovery = Discovery::new(self.client.clone()).run_aggregated().await?;
            *served = Some((Instant::now(), discovered(&discovery)));
        }
        let served = served.as_ref().map(|(_, served)| served.as_slice()).unwrap_or_default();
        let mut differences = Vec::new();
        let mut held = true;
        for stage in STAGES {
            let wanted = Wanted {
                stage,
                entries: &self.entries,
                rules: Half::of(stage).map(|half| json!(rules::rules(&set, served, half))),
                bundle: encoded.as_deref(),
            };
            let before = differences.len();
            match self.stage(&wanted, &mut differences).await {
                Ok(holds) => held &= holds,
                // nobody calls by a configuration that is not there
                Err(error @ RegisterError::NotInstalled(_)) => differences.push(error.to_string()),
                Err(error) => return Err(error),
            }
            self.board.metrics.registered(configuration_kind(stage), differences.len() == before);
        }
        match (&self.bundle, bundle) {
            (Some(channel), Some(bundle)) if held && self.leadership.holds() => channel.seen(bundle),
            (Some(channel), _) => channel.unseen(),
            (None, _) => {}
        }
        Ok(differences)
    }

    /// Writes what is not as it must be, where we lead, and adds to the differences where we do not. Whether callers had
    /// our CA before.
    async fn stage(&self, wanted: &Wanted<'_>, differences: &mut Vec<String>) -> Result<bool, RegisterError> {
        let stage = wanted.stage;
        let resource = resource_of(stage);
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let current =
            api.get_opt(NAME).await?.ok_or(RegisterError::NotInstalled(configuration_kind(stage)))?;
        let different = wanted.differences(&current.data);
        if different.is_empty() {
            return Ok(true);
        }
        let held = wanted.holds(&current.data);
        if !self.leadership.holds() {
            differences.extend(different);
            return Ok(held);
        }
        let strangers = wanted.conditions(&current.data);
        if !strangers.is_empty() {
            let patch = serde_json::from_value(json!(strangers)).map_err(Error::SerdeError)?;
            let ours = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
            api.patch(NAME, &ours, &Patch::<()>::Json(patch)).await?;
        }
        let parameters = PatchParams::apply(MANAGER).force();
        let object = wanted.object(&current.data);
        api.patch(NAME, &parameters, &Patch::Apply(&object)).await?;
        let resources: usize = wanted
            .rules
            .iter()
            .flat_map(|rules| rules.as_array().into_iter().flatten())
            .map(|rule| rule["resources"].as_array().map_or(0, Vec::len))
            .sum();
        let what = different.join("; ");
        tracing::info!(configuration = configuration_kind(stage), resources, what, "registered");
        Ok(held)
    }
}

const STAGES: [Endpoint; 2] = [Endpoint::Validate, Endpoint::Mutate];

/// Once for each text.
fn say(text: &str, complained: &mut String) {
    if text != complained {
        tracing::error!(error = text, "the registration is not as it must be");
        text.clone_into(complained);
    }
}

/// Why the registration is not as it should be.
#[derive(Debug, thiserror::Error)]
enum RegisterError {
    #[error(transparent)]
    Api(#[from] Error),
    #[error("there is no {0} named {NAME}; `plimsoll install` makes it")]
    NotInstalled(&'static str),
}

/// How a configuration must be.
struct Wanted<'w> {
    stage: Endpoint,
    entries: &'w Entries,
    /// Of each half.
    rules: [Value; 2],
    /// In base64; `None`: not ours to write.
    bundle: Option<&'w str>,
}

impl Wanted<'_> {
    /// What is not so, each in a few words.
    fn differences(&self, current: &Value) -> Vec<String> {
        let mut differences = Vec::new();
        for (half, rules) in Half::of(self.stage).into_iter().zip(&self.rules) {
            let name = half.name();
            let Some(live) = live(current, &name) else {
                differences.push(format!("there is no entry {name}"));
                continue;
            };
            if live.get("rules").unwrap_or(&json!([])) != rules {
                differences.push(format!("{name} has other rules"));
            }
            if self.bundle.is_some_and(|bundle| live["clientConfig"]["caBundle"] != *bundle) {
                differences.push(format!("{name} has another caBundle"));
            }
            let entry = self.entries.entry(half);
            for field in COMPARED {
                let (is, must_be) = (live.get(field), entry.get(field));
                if is != must_be && !(must_be.is_none() && is == Some(&json!({}))) {
                    differences.push(format!("{name} has another {field}"));
                }
            }
        }
        differences
    }

    /// What to apply: both entries whole, for what is applied once and then left out is removed.
    fn object(&self, current: &Value) -> Value {
        let installed = current["webhooks"].as_array().into_iter().flatten();
        // where the Service is reached may be told differently in a cluster than we would
        let service =
            installed.map(|entry| &entry["clientConfig"]["service"]).find(|service| service.is_object());
        let entries = Half::of(self.stage).into_iter().zip(&self.rules).map(|(half, rules)| {
            let mut entry = self.entries.entry(half);
            if let Some(service) = service {
                let path = std::mem::take(&mut entry["clientConfig"]["service"]["path"]);
                entry["clientConfig"]["service"] = service.clone();
                entry["clientConfig"]["service"]["path"] = path;
            }
            if let Some(live) = live(current, &half.name()) {
                entry["clientConfig"] = live["clientConfig"].clone();
                entry["timeoutSeconds"] = live["timeoutSeconds"].clone();
            }
            entry["rules"] = rules.clone();
            if let Some(bundle) = self.bundle {
                entry["clientConfig"]["caBundle"] = json!(bundle);
            }
            entry
        });
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": configuration_kind(self.stage),
            "metadata": {"name": NAME},
            "webhooks": entries.collect::<Vec<_>>(),
        })
    }

    /// Operations that put match conditions right. They are a list by name, to which server-side apply adds, and from
    /// which it does not take what somebody else has added.
    fn conditions(&self, current: &Value) -> Vec<Value> {
        let mut operations = Vec::new();
        for (index, live) in current["webhooks"].as_array().into_iter().flatten().enumerate() {
            let half = Half::of(self.stage).into_iter().find(|half| live["name"] == *half.name());
            let Some(half) = half else { continue };
            let conditions = self.entries.entry(half)["matchConditions"].take();
            if live["matchConditions"] != conditions {
                let at = |field: &str| format!("/webhooks/{index}/{field}");
                operations.push(json!({"op": "test", "path": at("name"), "value": half.name()}));
                operations.push(json!({"op": "add", "path": at("matchConditions"), "value": conditions}));
            }
        }
        operations
    }

    /// Whether all entries that are there have this CA.
    fn holds(&self, current: &Value) -> bool {
        let names = Half::of(self.stage).map(Half::name);
        let mut ours = names.iter().filter_map(|name| live(current, name));
        ours.all(|entry| self.bundle.is_some_and(|bundle| entry["clientConfig"]["caBundle"] == *bundle))
    }
}

/// What an entry is compared by, beside its rules and CA.
const COMPARED: [&str; 7] = [
    "failurePolicy",
    "matchConditions",
    "matchPolicy",
    "namespaceSelector",
    "objectSelector",
    "reinvocationPolicy",
    "sideEffects",
];

fn live<'c>(current: &'c Value, name: &str) -> Option<&'c Value> {
    current["webhooks"].as_array()?.iter().find(|entry| entry["name"] == *name)
}

fn resource_of(stage: Endpoint) -> ApiResource {
    let kind = configuration_kind(stage);
    ApiResource {
        group: "admissionregistration.k8s.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "admissionregistration.k8s.io/v1".to_owned(),
        kind: kind.to_owned(),
        plural: api::resource_of("admissionregistration.k8s.io", kind),
    }
}

/// What the cluster serves and can be changed or connected to.
fn discovered(discovery: &Discovery) -> Vec<Served> {
    let mut served = Vec::new();
    for group in discovery.groups() {
        for version in group.versions() {
            let preferred = group.preferred_version_or_latest() == version;
            for (resource, capabilities) in group.versioned_resources(version) {
                let row = |subresource: &str, body: &ApiResource| Served {
                    group: resource.group.clone(),
                    version: resource.version.clone(),
                    resource: resource.plural.clone(),
                    subresource: subresource.to_owned(),
                    kind: resource.kind.clone(),
                    body: [body.group.clone(), body.version.clone(), body.kind.clone()],
                    preferred,
                };
                let written = ["create", "update", "patch", "delete"];
                if written.iter().any(|verb| capabilities.supports_operation(verb)) {
                    served.push(row("", &resource));
                }
                for (subresource, _) in &capabilities.subresources {
                    let name = subresource.plural.rsplit('/').next().unwrap_or_default();
                    served.push(row(name, subresource));
                }
            }
        }
    }
    served.sort();
    served
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_registered_is_compared_and_put_right() {
        let exempt = vec!["kube-system".to_owned()];
        let entries = Entries { namespace: "guard".to_owned(), exempt, fail_open: false };
        let rules = [json!([{"apiGroups": [""]}]), json!([])];
        let wanted = Wanted { stage: Endpoint::Mutate, entries: &entries, rules, bundle: Some("Q0E=") };
        let installed = json!({"webhooks": Half::of(Endpoint::Mutate).map(|half| entries.entry(half))});
        assert_eq!(
            wanted.differences(&installed),
            [
                "mutate.plimsoll.dev has other rules",
                "mutate.plimsoll.dev has another caBundle",
                "mutate-ignore.plimsoll.dev has another caBundle",
            ]
        );
        assert!(!wanted.holds(&installed));
        // as the API server gives it back, and reached in another way
        let mut good = wanted.object(&installed);
        for entry in good["webhooks"].as_array_mut().into_iter().flatten() {
            entry["objectSelector"] = json!({});
            entry["clientConfig"]["service"]["port"] = json!(8443);
            entry["timeoutSeconds"] = json!(9);
        }
        assert_eq!(wanted.differences(&good), [""; 0]);
        assert!(wanted.conditions(&good).is_empty());
        assert!(wanted.holds(&good));
        let mut added = good.clone();
        added["webhooks"][1]["matchConditions"] = json!([{"name": "never", "expression": "false"}]);
        assert_eq!(
            wanted.conditions(&added),
            [
                json!({"op": "test", "path": "/webhooks/1/name", "value": "mutate-ignore.plimsoll.dev"}),
                json!({"op": "add", "path": "/webhooks/1/matchConditions", "value": good["webhooks"][1]["matchConditions"]}),
            ]
        );
        let rows = [
            ("/webhooks/0/failurePolicy", json!("Ignore"), "mutate.plimsoll.dev has another failurePolicy"),
            ("/webhooks/0/matchConditions", json!([]), "mutate.plimsoll.dev has another matchConditions"),
            (
                "/webhooks/1/namespaceSelector",
                json!({}),
                "mutate-ignore.plimsoll.dev has another namespaceSelector",
            ),
            (
                "/webhooks/1/objectSelector",
                json!({"matchLabels": {"a": "b"}}),
                "mutate-ignore.plimsoll.dev has another objectSelector",
            ),
            ("/webhooks/0/name", json!("another"), "there is no entry mutate.plimsoll.dev"),
        ];
        for (pointer, value, expected) in rows {
            let mut changed = good.clone();
            if let Some(place) = changed.pointer_mut(pointer) {
                *place = value;
            }
            assert_eq!(wanted.differences(&changed), [expected]);
            let mut repaired = wanted.object(&changed);
            assert_eq!(wanted.differences(&repaired), [""; 0], "{pointer}");
            repaired["webhooks"][0]["timeoutSeconds"] = json!(9);
            for (repaired, good) in repaired["webhooks"]
                .as_array()
                .into_iter()
                .flatten()
                .zip(good["webhooks"].as_array().into_iter().flatten())
            {
                assert_eq!(repaired["clientConfig"], good["clientConfig"], "{pointer}");
            }
        }
    }
}
