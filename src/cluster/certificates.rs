//! Our certificates in a Secret that all replicas share.
//!
//! ```text
//! replica ── reads every 10 s ──▶ Secret ◀── does what is due, states what it serves (replace of the version read)
//!    └── serves its leaf             └── bundle ──▶ registration ── what callers hold ──▶ the leader
//! ```
//!
//! Any replica does what is due (a first certificate, a renewal, a step of a rotation). Writing is a replace of the
//! version that was read, so of two replicas that do the same step one gets a conflict and reads what the other has
//! written. Leaves come from a new authority once the leader has seen the [registration](super::register) hold the
//! bundle with it for long enough; the old authority goes once the [roll](roll) in the same Secret says that every
//! replica serves such a leaf.

pub mod roll;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Error};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::webhook::authority::{AuthorityError, Material, Names, Others, Rotation};
use crate::webhook::certificate::{CertificateError, Pair, Slot};
use crate::webhook::reload::{self, Board, Clock};

use crate::document::few::GatherFew as _;
use roll::{Entry, Roll};

/// Of the Secret.
type Data = BTreeMap<String, ByteString>;

/// How long the Secret may take to be told that we are gone.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
enum SecretError {
    #[error(transparent)]
    Api(#[from] Error),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// What every caller has been told to trust, as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The bundle, in PEM form.
    pub bundle: String,
    /// Since when.
    pub since: SystemTime,
    /// When that was last seen.
    pub seen: SystemTime,
}

impl Held {
    /// What was seen longer ago than this is not known now.
    const FRESH: Duration = Duration::from_secs(60);

    /// Whether callers have held this bundle for `settle`.
    fn has_settled(&self, bundle: &str, now: SystemTime, settle: Duration) -> bool {
        let elapsed = |since: SystemTime| now.duration_since(since).unwrap_or_default();
        self.bundle == bundle && elapsed(self.since) >= settle && elapsed(self.seen) < Self::FRESH
    }
}

/// Who we are among the replicas, and what rotations wait for.
#[derive(Debug, Clone)]
pub struct Terms {
    /// This replica's name on the roll.
    pub identity: String,
    /// What the leaf is for.
    pub names: Names,
    /// How long callers get to notice a new authority.
    pub settle: Duration,
}

/// The Secret, and what is served from it.
pub struct Shared {
    /// Of our namespace.
    pub client: Client,
    /// Where the Secret is.
    pub namespace: String,
    /// The name of the Secret.
    pub name: String,
    /// Who we are.
    pub terms: Terms,
    /// Where the leaf is served from.
    pub slot: Arc<Slot>,
    /// Who is told.
    pub board: Board,
    /// Gets the bundle that the registration must hold.
    pub bundle: watch::Sender<Option<String>>,
    /// What the registration holds; `None` where we do not lead.
    pub held: watch::Receiver<Option<Held>>,
    /// The time, so that tests can set it.
    pub clock: Clock,
}

/// Keeps the certificate fresh until told to leave.
#[derive(Debug)]
pub struct Keeper {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Strikes us off the roll: nothing is served any more. A rotation then need not wait for us.
    pub async fn leave(self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(2 * PATIENCE, self.task).await;
    }
}

/// What follows from the Secret as it was read.
#[derive(Debug)]
struct Turn {
    /// What it holds, or is to hold.
    material: Material,
    /// What is to be written first.
    write: Option<Data>,
}

impl Shared {
    /// Looks at the Secret every `interval`.
    #[must_use]
    pub fn keep(self, interval: Duration) -> Keeper {
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
            let mut served: Option<Material> = None;
            loop {
                let wait = self.round(&api, &mut served, interval).await;
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = stopped.changed() => break,
                }
            }
            match tokio::time::timeout(PATIENCE, self.strike_off(&api)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, secret = self.name, "still on the roll of replicas"),
                Err(_) => tracing::warn!(secret = self.name, "still on the roll of replicas: no answer"),
            }
        });
        Keeper { stop, task }
    }

    /// Looks once; gives how long to wait before the next time.
    async fn round(&self, api: &Api<Secret>, served: &mut Option<Material>, interval: Duration) -> Duration {
        const AT_ONCE: Duration = Duration::from_millis(200);
        match self.look(api, served.as_ref()).await {
            Ok(Some(material)) => {
                if served.as_ref() == Some(&material) {
                    return interval;
                }
                self.bundle.send_replace(Some(material.bundle_pem()));
                let moved = served.as_ref().is_some_and(|old| old.leaf_pem() != material.leaf_pem());
                reload::serve_material(&self.slot, &material, &self.board);
                *served = Some(material);
                // then there is something to state
                if moved { AT_ONCE } else { interval }
            }
            // another replica has written it
            Ok(None) => AT_ONCE,
            Err(error) => {
                self.board.metrics.certificate(Err(()));
                if served.is_none() {
                    self.board.readiness.report("certificate", false, error.to_string());
                }
                tracing::error!(%error, secret = self.name, "certificates cannot be read or kept");
                interval.min(Duration::from_secs(2))
            }
        }
    }

    /// What the Secret holds after all that is due was done; `None` when somebody else was faster.
    async fn look(
        &self,
        api: &Api<Secret>,
        served: Option<&Material>,
    ) -> Result<Option<Material>, SecretError> {
        let found = api.get_opt(&self.name).await?;
        let data = found.as_ref().and_then(|secret| secret.data.clone()).unwrap_or_default();
        let now = (self.clock)();
        let settled = |bundle: &str| {
            let held = self.held.borrow();
            held.as_ref().is_some_and(|held| held.has_settled(bundle, now, self.terms.settle))
        };
        let serving = self.slot.get().map(|pair| Entry::of(&pair));
        let Turn { material, write } = turn(&data, &self.terms, serving, served, now, settled)?;
        let Some(data) = write else { return Ok(Some(material)) };
        let parameters = PostParams::default();
        let written = match found {
            Some(secret) => {
                api.replace(&self.name, &parameters, &Secret { data: Some(data), ..secret }).await
            }
            None => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                let secret = Secret { metadata, data: Some(data), ..Secret::default() };
                api.create(&parameters, &secret).await
            }
        };
        match written {
            Ok(_) => Ok(Some(material)),
            Err(Error::Api(status)) if status.code == 409 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn strike_off(&self, api: &Api<Secret>) -> Result<(), Error> {
        const ATTEMPTS: usize = 5;
        for _ in 0..ATTEMPTS {
            let Some(mut secret) = api.get_opt(&self.name).await? else { return Ok(()) };
            let now = (self.clock)();
            let data = secret.data.get_or_insert_default();
            let mut roll = Roll::read(data, now);
            if !roll.strike_off(&self.terms.identity) {
                return Ok(());
            }
            roll.write(data);
            match api.replace(&self.name, &PostParams::default(), &secret).await {
                Err(Error::Api(status)) if status.code == 409 => {}
                done => return done.map(|_| ()),
            }
        }
        Ok(())
    }
}

/// Decides by what the Secret holds, by what we serve, and by whether callers are known to trust a bundle.
///
/// A replica states the oldest leaf that it may be serving: the first one before it serves it, another one after. So
/// whoever is not on the roll serves nothing yet, and will find the leaf of then.
///
/// An empty Secret is how it is installed: who serves already puts back what it serves by, for callers trust that; else
/// there is a new authority. One that cannot be read is an error, for somebody may rely on it.
fn turn(
    data: &Data,
    terms: &Terms,
    serving: Option<Entry>,
    served: Option<&Material>,
    now: SystemTime,
    trusted: impl Fn(&str) -> bool,
) -> Result<Turn, SecretError> {
    let Terms { identity, names, settle: _ } = terms;
    let mut roll = Roll::read(data, now);
    let before = roll.clone();
    let mut changed = data.is_empty();
    let mut material = match changed {
        true => served.cloned().map_or_else(|| Material::new(names, now), Ok)?,
        false => Material::from_data(|name| text(data, name))?,
    };
    if let Some(serving) = &serving {
        roll.state(identity, serving.clone());
    }
    loop {
        let others = Others {
            trust_the_bundle: trusted(&material.bundle_pem()),
            serve_the_leaf: roll.all_serve(&Entry::of(&material.pair()?), now),
        };
        match material.step(names, now, others)? {
            Rotation::Nothing => break,
            step => {
                tracing::info!(?step, "own certificates change");
                changed = true;
            }
        }
    }
    if serving.is_none() {
        roll.state(identity, Entry::of(&material.pair()?));
    }
    if !changed && roll == before {
        return Ok(Turn { material, write: None });
    }
    let entries = material.to_data().into_iter();
    let mut data: Data =
        entries.map(|(name, text)| (name.to_owned(), ByteString(text.into_bytes()))).gather();
    roll.write(&mut data);
    Ok(Turn { material, write: Some(data) })
}

fn text<'d>(data: &'d Data, name: &str) -> Option<&'d str> {
    data.get(name).and_then(|bytes| std::str::from_utf8(&bytes.0).ok())
}

impl Entry {
    fn of(pair: &Pair) -> Self {
        Entry { serial: pair.serial.clone(), not_after: pair.not_after }
    }
}

#[cfg(test)]
mod tests;
