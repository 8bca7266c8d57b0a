//! Our certificates in a Secret that all replicas share.
//!
//! Every replica looks at the Secret now and then, serves the leaf in it, and does what is due (a first certificate,
//! a renewal, a step of a rotation). Writing is a replace of the version that was read, so of two replicas that do
//! the same step one gets a conflict and reads what the other has written. How long callers and replicas get between
//! the steps of a rotation is in [`authority`](crate::webhook::authority): an hour.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Error};
use tokio::sync::watch;

use crate::webhook::authority::{AuthorityError, Material, Names, Step};
use crate::webhook::certificate::Slot;
use crate::webhook::reload::{self, Board};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
enum SecretError {
    #[error(transparent)]
    Api(#[from] Error),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// The Secret, and what is served from it.
pub struct Shared {
    /// Of our namespace.
    pub client: Client,
    /// Where the Secret is.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What the leaf is for.
    pub names: Names,
    /// Where the leaf is served from.
    pub slot: Arc<Slot>,
    /// Who is told.
    pub board: Board,
    /// Gets the bundle that the registration must hold.
    pub bundle: watch::Sender<Option<String>>,
}

impl Shared {
    /// Keeps the certificate fresh until aborted.
    pub async fn keep(self, interval: Duration) {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut served: Option<Material> = None;
        loop {
            let wait = match self.look(&api).await {
                Ok(Some(material)) => {
                    if served.as_ref() != Some(&material) {
                        reload::serve_material(&self.slot, &material, &self.board);
                        self.bundle.send_replace(Some(material.bundle_pem()));
                        served = Some(material);
                    }
                    interval
                }
                // another replica has written it
                Ok(None) => Duration::from_millis(200),
                Err(error) => {
                    self.board.metrics.certificate(Err(()));
                    if served.is_none() {
                        self.board.readiness.report("certificate", false, error.to_string());
                    }
                    tracing::error!(%error, secret = self.name, "certificates cannot be read or kept");
                    interval.min(Duration::from_secs(2))
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// What the Secret holds after all that is due was done; `None` when somebody else was faster.
    async fn look(&self, api: &Api<Secret>) -> Result<Option<Material>, SecretError> {
        let now = SystemTime::now();
        let Some(secret) = api.get_opt(&self.name).await? else {
            let material = Material::new(&self.names, now)?;
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            let secret = Secret { metadata, data: Some(data_of(&material)), ..Secret::default() };
            return written(api.create(&PostParams::default(), &secret).await, material);
        };
        let (material, changed) = self.due(&secret, now)?;
        if !changed {
            return Ok(Some(material));
        }
        let secret = Secret { data: Some(data_of(&material)), ..secret };
        written(api.replace(&self.name, &PostParams::default(), &secret).await, material)
    }

    /// An empty Secret is how it is installed; one that cannot be read is an error, for somebody may rely on it.
    fn due(&self, secret: &Secret, now: SystemTime) -> Result<(Material, bool), AuthorityError> {
        let data = secret.data.as_ref().filter(|data| !data.is_empty());
        let Some(data) = data else { return Ok((Material::new(&self.names, now)?, true)) };
        let mut material =
            Material::from_data(|name| data.get(name).and_then(|bytes| std::str::from_utf8(&bytes.0).ok()))?;
        let mut changed = false;
        loop {
            match material.step(&self.names, now)? {
                Step::Nothing => return Ok((material, changed)),
                step => {
                    tracing::info!(?step, "own certificates change");
                    changed = true;
                }
            }
        }
    }
}

fn data_of(material: &Material) -> BTreeMap<String, ByteString> {
    let data = material.to_data().into_iter();
    data.map(|(name, text)| (name.to_owned(), ByteString(text.into_bytes()))).collect()
}

fn written(result: Result<Secret, Error>, material: Material) -> Result<Option<Material>, SecretError> {
    match result {
        Ok(_) => Ok(Some(material)),
        Err(Error::Api(status)) if status.code == 409 => Ok(None),
        Err(error) => Err(error.into()),
    }
}
