//! Posting one review over TLS, as kube-apiserver does: for `plimsoll review --server`, and for tests.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::review::{Endpoint, Reply};

/// Why a review was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not `https://HOST[:PORT]`.
    #[error("{0:?} is not the address of a webhook; expected https://HOST:PORT")]
    BadAddress(String),
    /// The CA file holds nothing to trust.
    #[error("the CA file holds no certificate in PEM form")]
    BadAuthority,
    /// What is to be shown to the webhook. The parser's words are left out: they could quote the key.
    #[error(
        "the client certificate and its key cannot be used; expected both in PEM form, and belonging together"
    )]
    BadIdentity,
    /// No TCP connection.
    #[error("cannot connect to {host}: {source}")]
    Connect {
        /// With its port.
        host: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// No TLS session; mostly a certificate that the CA did not sign or that is for another name.
    #[error("TLS with {host} failed: {source}")]
    Tls {
        /// With its port.
        host: String,
        /// What went wrong in the handshake.
        source: std::io::Error,
    },
    /// HTTP broke.
    #[error("the webhook did not answer: {0}")]
    Http(#[from] hyper::Error),
    /// The answer broke off or is too large.
    #[error("the answer cannot be read: {0}")]
    Body(String),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
}

/// A webhook's address and the CA that its certificate must come from.
#[derive(Clone)]
pub struct Client {
    host: String,
    name: ServerName<'static>,
    authority: String,
    tls: TlsConnector,
}

/// An open connection to it.
pub struct Session {
    sender: http1::SendRequest<Full<Bytes>>,
    authority: String,
}

const MAX_ANSWER: usize = 16 << 20;

impl Client {
    /// For `https://HOST[:PORT]`, trusting only the certificates in `ca_pem`.
    ///
    /// # Errors
    /// An address that is not `https://HOST[:PORT]`, and a CA file without a certificate.
    pub fn new(server: &str, ca_pem: &[u8]) -> Result<Self, ClientError> {
        Self::showing(server, ca_pem, None)
    }

    /// As [`Self::new`], showing a certificate by which the webhook knows us: its chain and its key, in PEM form.
    ///
    /// # Errors
    /// Those of [`Self::new`], and a certificate that does not fit its key.
    pub fn showing(
        server: &str,
        ca_pem: &[u8],
        identity: Option<(&[u8], &[u8])>,
    ) -> Result<Self, ClientError> {
        let bad = || ClientError::BadAddress(server.to_owned());
        let uri: Uri = server.parse().map_err(|_| bad())?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("https")).ok_or_else(bad)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad());
        }
        let bare = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let host = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(443));
        let name = ServerName::try_from(bare).map_err(|_| bad())?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem) {
            let certificate = certificate.map_err(|_| ClientError::BadAuthority)?;
            roots.add(certificate).map_err(|_| ClientError::BadAuthority)?;
        }
        if roots.is_empty() {
            return Err(ClientError::BadAuthority);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3")
            .with_root_certificates(roots);
        let mut config = match identity {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
                let (Ok(chain), Ok(key)) = (chain, PrivateKeyDer::from_pem_slice(key)) else {
                    return Err(ClientError::BadIdentity);
                };
                config.with_client_auth_cert(chain, key).map_err(|_| ClientError::BadIdentity)?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tls = TlsConnector::from(Arc::new(config));
        Ok(Client { host, name, authority: authority.to_string(), tls })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// No TCP connection, or no TLS session over it.
    pub async fn connect(&self) -> Result<Session, ClientError> {
        let Self { host, name, authority, tls } = self;
        let failed = |source| ClientError::Connect { host: host.clone(), source };
        let tcp = TcpStream::connect(host).await.map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        let tls = tls.connect(name.clone(), tcp).await;
        let tls = tls.map_err(|source| ClientError::Tls { host: host.clone(), source })?;
        let (sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        Ok(Session { sender, authority: authority.clone() })
    }

    /// Posts one review on a connection of its own. `timeout` is told to the webhook as the API server does, and
    /// held to here.
    ///
    /// # Errors
    /// Those of [`Self::connect`], an answer that breaks off, and none within `timeout`.
    pub async fn post(&self, stage: Endpoint, body: Bytes, timeout: Duration) -> Result<Reply, ClientError> {
        let posting = async { self.connect().await?.post(stage, body, timeout).await };
        tokio::time::timeout(timeout, posting).await.unwrap_or(Err(ClientError::Timeout(timeout)))
    }
}

impl Session {
    /// Posts one review, and leaves the connection open. Without a limit of its own in time.
    ///
    /// # Errors
    /// An answer that breaks off.
    pub async fn post(
        &mut self,
        stage: Endpoint,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Reply, ClientError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}?timeout={}ms", stage.path(), timeout.as_millis()))
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, */*")
            .body(Full::new(body))
            .expect("path and host are valid");
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let http_status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| ClientError::Body(error.to_string()))?.to_bytes();
        Ok(Reply { http_status, body: body.into() })
    }

    /// Whether the webhook has asked to close this connection, or it is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}
