//! Which replica writes the registration: the holder of a Lease.
//!
//! Every write of the Lease is a replace of the version that was read, so of two that want it one gets a conflict.
//! Clocks are never compared: a Lease has expired when we have watched the same holder and the same renewal for its
//! whole duration. A holder that could not renew stops leading at two thirds of it, before anybody else begins.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Error};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a Lease holds without renewal.
const DURATION: Duration = Duration::from_secs(15);
/// How often it is looked at or renewed.
const TICK: Duration = Duration::from_secs(3);
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Until when we lead; shared with whoever does what only a leader may.
#[derive(Debug, Clone, Default)]
pub struct Leadership(Arc<Mutex<Option<Instant>>>);

impl Leadership {
    /// Whether we lead, now.
    #[must_use]
    pub fn holds(&self) -> bool {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn set(&self, until: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// Takes part in the election until resigned.
#[derive(Debug)]
pub struct Candidate {
    /// Whether it was elected.
    pub leadership: Leadership,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Candidate {
    /// Begins to look at the Lease `name` of this namespace.
    #[must_use]
    pub fn start(client: Client, namespace: &str, name: &str, identity: String) -> Self {
        let leadership = Leadership::default();
        let (stop, mut stopped) = watch::channel(false);
        let mut election = Election {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity,
            seen: None,
            leadership: leadership.clone(),
        };
        let task = tokio::spawn(async move {
            loop {
                election.tick().await;
                tokio::select! {
                    () = tokio::time::sleep(TICK) => {}
                    _ = stopped.changed() => break,
                }
            }
            election.resign().await;
        });
        Self { leadership, stop, task }
    }

    /// Gives the Lease back, so that another need not wait for it to expire.
    pub async fn resign(self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(2 * PATIENCE, self.task).await;
    }
}

/// What of a Lease changes when its holder lives.
#[derive(Debug, Clone, PartialEq)]
struct Sign {
    holder: Option<String>,
    renewed: Option<MicroTime>,
}

struct Election {
    api: Api<Lease>,
    name: String,
    identity: String,
    /// The last sign of life, and when we first saw it.
    seen: Option<(Sign, Instant)>,
    leadership: Leadership,
}

/// What follows from a Lease.
#[derive(Debug, PartialEq, Eq)]
enum Move {
    Renew,
    Take,
    Wait,
}

/// Decides by what the Lease says and since when it has said so.
fn decide(spec: &LeaseSpec, identity: &str, watched: Duration) -> Move {
    let lasts = u64::try_from(spec.lease_duration_seconds.unwrap_or_default()).unwrap_or_default();
    match spec.holder_identity.as_deref().filter(|holder| !holder.is_empty()) {
        Some(holder) if holder == identity => Move::Renew,
        Some(_) if watched < Duration::from_secs(lasts) => Move::Wait,
        Some(_) | None => Move::Take,
    }
}

impl Election {
    async fn tick(&mut self) {
        let began = Instant::now();
        let led = self.leadership.holds();
        match tokio::time::timeout(2 * PATIENCE, self.attempt()).await {
            Ok(Ok(true)) => {
                self.leadership.set(Some(began + DURATION / 3 * 2));
                if !led {
                    tracing::info!(identity = self.identity, "leading");
                }
            }
            Ok(Ok(false)) => {
                self.leadership.set(None);
                if led {
                    tracing::warn!(identity = self.identity, "no longer leading");
                }
            }
            // who led goes on until two thirds have passed since the last renewal
            Ok(Err(error)) => tracing::warn!(%error, lease = self.name, "cannot renew the lease"),
            Err(_) => tracing::warn!(lease = self.name, "no answer about the lease"),
        }
    }

    /// Whether we hold the Lease now.
    async fn attempt(&mut self) -> Result<bool, Error> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(self.held(&LeaseSpec::default())) };
            return won(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.take().unwrap_or_default();
        let sign = Sign { holder: spec.holder_identity.clone(), renewed: spec.renew_time.clone() };
        let since = match &self.seen {
            Some((seen, since)) if *seen == sign => *since,
            _ => Instant::now(),
        };
        self.seen = Some((sign, since));
        match decide(&spec, &self.identity, since.elapsed()) {
            Move::Wait => Ok(false),
            Move::Renew | Move::Take => {
                lease.spec = Some(self.held(&spec));
                won(self.api.replace(&self.name, &PostParams::default(), &lease).await)
            }
        }
    }

    /// The Lease as ours.
    fn held(&self, before: &LeaseSpec) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let ours = before.holder_identity.as_deref() == Some(&self.identity);
        let transitions = before.lease_transitions.unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: if ours { before.acquire_time.clone() } else { Some(now.clone()) },
            renew_time: Some(now),
            lease_transitions: Some(if ours { transitions } else { transitions.saturating_add(1) }),
            ..LeaseSpec::default()
        }
    }

    async fn resign(&self) {
        self.leadership.set(None);
        let resigned = async {
            let Some(mut lease) = self.api.get_opt(&self.name).await? else { return Ok(false) };
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() != Some(&self.identity) {
                return Ok(false);
            }
            spec.holder_identity = None;
            won(self.api.replace(&self.name, &PostParams::default(), &lease).await)
        };
        match tokio::time::timeout(PATIENCE, resigned).await {
            Ok(Ok(true)) => tracing::info!("the lease is given back"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the lease cannot be given back; it will expire"),
            Err(_) => tracing::warn!("the lease cannot be given back in time; it will expire"),
        }
    }
}

/// Somebody else was faster: that is an answer.
fn won(written: Result<Lease, Error>) -> Result<bool, Error> {
    match written {
        Ok(_) => Ok(true),
        Err(Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_lease_it_is() {
        let spec = |holder: Option<&str>| LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        };
        let rows = [
            (spec(None), 0, Move::Take),
            (spec(Some("")), 0, Move::Take),
            (spec(Some("me")), 0, Move::Renew),
            (spec(Some("me")), 1_000, Move::Renew),
            (spec(Some("you")), 0, Move::Wait),
            (spec(Some("you")), 14, Move::Wait),
            (spec(Some("you")), 15, Move::Take),
            (LeaseSpec::default(), 0, Move::Take),
        ];
        for (spec, watched, expected) in rows {
            assert_eq!(decide(&spec, "me", Duration::from_secs(watched)), expected, "{spec:?} {watched}");
        }
    }

    #[test]
    fn leading_ends_by_itself() {
        let leadership = Leadership::default();
        assert!(!leadership.holds());
        leadership.set(Some(Instant::now() + Duration::from_secs(60)));
        assert!(leadership.clone().holds());
        leadership.set(Some(Instant::now()));
        assert!(!leadership.holds());
    }
}
