//! `plimsoll review --server`: the review is answered by a running webhook.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::review::{Endpoint, Reply};
use crate::webhook::client::Client;

/// Which webhook is asked, and how it is known.
#[derive(Debug, Args)]
pub(super) struct RemoteArgs {
    /// Ask a running webhook instead, as in https://127.0.0.1:8443
    #[arg(long, value_name = "URL", requires = "ca")]
    server: Option<String>,
    /// The CA that must have signed the webhook's certificate, in PEM form
    #[arg(long, value_name = "FILE", requires = "server")]
    ca: Option<PathBuf>,
    /// The certificate to show to a webhook with --client-ca, in PEM form
    #[arg(long, value_name = "FILE", requires_all = ["server", "client_key"])]
    client_cert: Option<PathBuf>,
    /// The key of that certificate, in PEM form
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
}

impl RemoteArgs {
    /// What the webhook answers; `None` where none is named.
    pub(super) fn ask(
        &self,
        stage: Endpoint,
        body: &[u8],
        timeout: Duration,
    ) -> Option<Result<Reply, String>> {
        let (server, authority) = self.server.as_ref().zip(self.ca.as_ref())?;
        Some(self.post(server, authority, stage, body, timeout))
    }

    fn post(
        &self,
        server: &str,
        authority: &Path,
        stage: Endpoint,
        body: &[u8],
        timeout: Duration,
    ) -> Result<Reply, String> {
        let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        let authority = read(authority)?;
        let identity = match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
            _ => None,
        };
        let identity = identity.as_ref().map(|(certificate, key)| (&**certificate, &**key));
        let client = Client::showing(server, &authority, identity).map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
        runtime.block_on(client.post(stage, body.to_vec().into(), timeout)).map_err(|error| error.to_string())
    }
}
