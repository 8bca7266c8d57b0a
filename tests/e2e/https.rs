//! A webhook's server of a few lines in this process, for tests that register one of their own.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// A server that answers AdmissionReviews until it is dropped.
pub(crate) struct Https {
    pub(crate) port: u16,
    /// The certificate of its authority, in PEM.
    pub(crate) authority: String,
    serve: AbortHandle,
}

impl Drop for Https {
    fn drop(&mut self) {
        self.serve.abort();
    }
}

impl Https {
    /// Serves on a free port of 127.0.0.1 under this host name. `judge` is given the path and the review's request, and
    /// makes the review's response but for its uid.
    pub(crate) async fn serve(
        host: &str,
        judge: impl Fn(&str, &Value) -> Value + Send + Sync + 'static,
    ) -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new([]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new([host.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let serve = tokio::spawn(accept(listener, acceptor, Arc::new(judge))).abort_handle();
        Self { port, authority: pem, serve }
    }
}

async fn accept<F>(listener: TcpListener, acceptor: TlsAcceptor, judge: Arc<F>)
where
    F: Fn(&str, &Value) -> Value + Send + Sync + 'static,
{
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, judge) = (acceptor.clone(), judge.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request| {
                let judge = judge.clone();
                async move { Ok::<_, Infallible>(answer(request, &*judge).await) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    judge: &(impl Fn(&str, &Value) -> Value + Sync),
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let review: Value = serde_json::from_slice(&body).unwrap();
    let mut response = judge(&path, &review["request"]);
    response["uid"] = review["request"]["uid"].clone();
    let answer =
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    Response::new(Full::new(Bytes::from(answer.to_string())))
}
