//! Keeps `rules` and `caBundle` of our webhook configurations as the loaded policies and our CA have it.
//!
//! Everything else in the configurations belongs to whoever installed them; server-side apply with a field manager of
//! our own keeps the two apart. Only the leader writes, only once it is ready itself, and again whenever policies, the
//! CA or the served kinds change or somebody has reset what we wrote. It looks rather than watches: two small reads
//! every few seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::discovery::{ApiResource, Discovery};
use kube::{Client, Error};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::policy::PolicySet;
use crate::webhook::readiness::Readiness;
use crate::webhook::reload::Clock;
use crate::webhook::review::Stage;

use super::certificates::Held;
use super::install::{NAME, configuration_kind};
use super::leader::Leadership;
use super::rules::{self, Half, Served};

/// Owns `rules` and `caBundle`.
pub const MANAGER: &str = "plimsoll-webhook";
/// How often we look whether all is as we want it.
const LOOK: Duration = Duration::from_secs(3);
/// How often the served kinds are asked for, when nothing else asks for it.
const DISCOVER: Duration = Duration::from_secs(30);

/// Writes the registration while it leads.
pub struct Registrar {
    /// The cluster.
    pub client: Client,
    /// Whether we may write.
    pub leadership: Leadership,
    /// A registration that leads to nobody ready would only do harm.
    pub readiness: Readiness,
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
    /// The time.
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
        loop {
            if !self.leadership.holds() {
                self.bundle.iter().for_each(Bundle::unseen);
            } else if self.readiness.is_ready() {
                match self.look(&mut served).await {
                    Ok(()) => complained.clear(),
                    Err(error) => {
                        let error = error.to_string();
                        if error != complained {
                            tracing::error!(error, "the registration cannot be kept");
                            complained = error;
                        }
                    }
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn look(&self, served: &mut Option<(Instant, Vec<Served>)>) -> Result<(), RegisterError> {
        let Some(set) = self.policies.load_full() else { return Ok(()) };
        let bundle = match &self.bundle {
            None => None,
            Some(bundle) => match bundle.wanted.borrow().clone() {
                None => return Ok(()),
                wanted => wanted,
            },
        };
        let encoded = bundle.as_ref().map(|pem| base64::engine::general_purpose::STANDARD.encode(pem));
        if served.as_ref().is_none_or(|(when, _)| when.elapsed() > DISCOVER) {
            let discovery = Discovery::new(self.client.clone()).run_aggregated().await?;
            *served = Some((Instant::now(), discovered(&discovery)));
        }
        let served = served.as_ref().map(|(_, served)| served.as_slice()).unwrap_or_default();
        let mut missing = None;
        let mut held = true;
        for stage in [Stage::Validate, Stage::Mutate] {
            match self.stage(stage, &set, served, encoded.as_deref()).await {
                Ok(holds) => held &= holds,
                // nobody calls by a configuration that is not there
                Err(error @ RegisterError::NotInstalled(_)) => missing = Some(error),
                Err(error) => return Err(error),
            }
        }
        match (&self.bundle, bundle) {
            (Some(channel), Some(bundle)) if held => channel.seen(bundle),
            (Some(channel), _) => channel.unseen(),
            (None, _) => {}
        }
        missing.map_or(Ok(()), Err)
    }

    /// Writes what is not as it should be; whether it was.
    async fn stage(
        &self,
        stage: Stage,
        set: &PolicySet,
        served: &[Served],
        bundle: Option<&str>,
    ) -> Result<bool, RegisterError> {
        let resource = resource_of(stage);
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let current =
            api.get_opt(NAME).await?.ok_or(RegisterError::NotInstalled(configuration_kind(stage)))?;
        let Some(wanted) = wanted(stage, &current.data, set, served, bundle) else { return Ok(true) };
        let held = holds(stage, &current.data, bundle);
        if !self.leadership.holds() {
            return Ok(held);
        }
        let parameters = PatchParams::apply(MANAGER).force();
        api.patch(NAME, &parameters, &Patch::Apply(&wanted)).await?;
        let kinds: usize = wanted["webhooks"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|webhook| webhook["rules"].as_array().into_iter().flatten())
            .map(|rule| rule["resources"].as_array().map_or(0, Vec::len))
            .sum();
        tracing::info!(configuration = configuration_kind(stage), resources = kinds, "registered");
        Ok(held)
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

/// What to apply, or `None` when all is as it should be. Entries that are not installed are not made: what else
/// belongs into them is not ours to say.
fn wanted(
    stage: Stage,
    current: &Value,
    set: &PolicySet,
    served: &[Served],
    bundle: Option<&str>,
) -> Option<Value> {
    let installed: &[Value] = current["webhooks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut entries = Vec::new();
    let mut differs = false;
    for half in Half::of(stage) {
        let name = half.name();
        let Some(entry) = installed.iter().find(|entry| entry["name"] == *name) else { continue };
        let rules = json!(rules::rules(set, served, half));
        let none = json!([]);
        let current_rules = entry.get("rules").unwrap_or(&none);
        differs |= *current_rules != rules;
        let mut applied = json!({"name": name, "rules": rules});
        if let Some(bundle) = bundle {
            differs |= entry["clientConfig"]["caBundle"] != *bundle;
            applied["clientConfig"] = json!({"caBundle": bundle});
        }
        entries.push(applied);
    }
    differs.then(|| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": configuration_kind(stage),
            "metadata": {"name": NAME},
            "webhooks": entries,
        })
    })
}

/// Whether all entries that are installed have this CA.
fn holds(stage: Stage, current: &Value, bundle: Option<&str>) -> bool {
    let installed = current["webhooks"].as_array().into_iter().flatten();
    let mut ours = installed.filter(|entry| Half::of(stage).iter().any(|half| entry["name"] == *half.name()));
    ours.all(|entry| bundle.is_some_and(|bundle| entry["clientConfig"]["caBundle"] == *bundle))
}

fn resource_of(stage: Stage) -> ApiResource {
    let kind = configuration_kind(stage);
    ApiResource {
        group: "admissionregistration.k8s.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "admissionregistration.k8s.io/v1".to_owned(),
        kind: kind.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
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
