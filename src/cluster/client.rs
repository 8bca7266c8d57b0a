//! The connection to the API server, and what release it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// Where the cluster is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Through the current context of this file.
    Kubeconfig(PathBuf),
    /// Through a context by name, of this file or of where kubectl finds one.
    Context {
        /// The kubeconfig.
        file: Option<PathBuf>,
        /// The context's name.
        context: String,
    },
    /// As the Pod's ServiceAccount.
    InCluster,
    /// As kubectl finds it: `KUBECONFIG`, the home folder, then the Pod.
    Inferred,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A kubeconfig that cannot be used.
    #[error("cannot use the kubeconfig {path}: {source}", path = path.display())]
    Kubeconfig {
        /// The path, as given.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<kube::config::KubeconfigError>,
    },
    /// The context.
    #[error("cannot use the context {context:?}: {source}")]
    Context {
        /// As given.
        context: String,
        /// Why.
        source: Box<kube::config::KubeconfigError>,
    },
    /// No ServiceAccount.
    #[error("not in a Pod with a ServiceAccount: {0}")]
    InCluster(#[source] Box<kube::config::InClusterError>),
    /// Neither.
    #[error("no cluster: {0}")]
    Inferred(#[source] Box<kube::config::InferConfigError>),
    /// Certificates, keys, proxies.
    #[error("cannot make a client: {0}")]
    Client(#[source] Box<kube::Error>),
    /// The server does not answer.
    #[error("the API server does not tell its version: {0}")]
    Version(#[source] Box<kube::Error>),
    /// The server's version is no version.
    #[error("the API server says that its version is {0:?}")]
    NoVersion(String),
}

/// How long to wait between attempts to learn the version; the sum is what a starting API server may take.
const ATTEMPTS: [u64; 6] = [0, 1, 2, 4, 8, 15];

/// Makes a client; nothing is sent yet.
///
/// # Errors
/// When there is no usable configuration.
pub async fn connect(access: &Access) -> Result<Client, ConnectError> {
    // one that is installed already is as good
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = match access {
        Access::Kubeconfig(path) => from_file(path).await?,
        Access::Context { file, context } => of_context(file.as_deref(), context).await?,
        Access::InCluster => Config::incluster().map_err(|e| ConnectError::InCluster(Box::new(e)))?,
        Access::Inferred => Config::infer().await.map_err(|e| ConnectError::Inferred(Box::new(e)))?,
    };
    config.connect_timeout = Some(Duration::from_secs(10));
    Client::try_from(config).map_err(|e| ConnectError::Client(Box::new(e)))
}

async fn from_file(path: &Path) -> Result<Config, ConnectError> {
    let failed = |source| ConnectError::Kubeconfig { path: path.to_owned(), source: Box::new(source) };
    let file = Kubeconfig::read_from(path).map_err(failed)?;
    Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(failed)
}

async fn of_context(file: Option<&Path>, context: &str) -> Result<Config, ConnectError> {
    let failed = |source| ConnectError::Context { context: context.to_owned(), source: Box::new(source) };
    let kubeconfig = match file {
        Some(path) => Kubeconfig::read_from(path)
            .map_err(|source| ConnectError::Kubeconfig { path: path.to_owned(), source: Box::new(source) })?,
        None => Kubeconfig::read().map_err(failed)?,
    };
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(failed)
}

/// The release of the API server: major and minor.
///
/// # Errors
/// When it does not answer for half a minute, or not with a version.
pub async fn release(client: &Client) -> Result<(u32, u32), ConnectError> {
    let mut failed = None;
    for seconds in ATTEMPTS {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        match client.apiserver_version().await {
            Ok(info) => return numbers(&info.major, &info.minor),
            Err(error) => {
                tracing::warn!(%error, "the API server does not tell its version");
                failed = Some(error);
            }
        }
    }
    let error = failed.expect("there was at least one attempt");
    Err(ConnectError::Version(Box::new(error)))
}

/// Some vendors write `33+`.
fn numbers(major: &str, minor: &str) -> Result<(u32, u32), ConnectError> {
    let number = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().ok()
    };
    number(major).zip(number(minor)).ok_or_else(|| ConnectError::NoVersion(format!("{major}.{minor}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_vendors() {
        assert_eq!(numbers("1", "36").unwrap(), (1, 36));
        assert_eq!(numbers("1", "33+").unwrap(), (1, 33));
        assert!(numbers("1", "").is_err());
        assert!(numbers("one", "2").is_err());
    }

    #[tokio::test]
    async fn a_missing_kubeconfig_is_named() {
        let error = connect(&Access::Kubeconfig("/nowhere/config".into())).await.err().unwrap().to_string();
        assert!(error.starts_with("cannot use the kubeconfig /nowhere/config: "), "{error}");
    }

    #[tokio::test]
    async fn a_missing_context_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "apiVersion: v1\nkind: Config\n").unwrap();
        let access = Access::Context { file: Some(file.path().to_owned()), context: "prod".to_owned() };
        let error = connect(&access).await.err().unwrap().to_string();
        assert!(error.starts_with("cannot use the context \"prod\": "), "{error}");
    }
}
