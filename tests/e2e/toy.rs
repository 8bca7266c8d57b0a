//! A webhook of a few lines in this process, which has nothing of Plimsoll: with it the tests show that the harness
//! itself sees denials, patches, warnings and audit annotations.

use std::convert::Infallible;
use std::sync::Arc;

use base64::Engine as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::door::{Door, Verb};
use crate::fleet::expose;
use crate::stage::Stage;

/// The name of the webhook, as denials and audit annotations have it.
pub(crate) const NAME: &str = "toy.plimsoll.test";

/// The webhook: it serves and is registered for its own namespace until it is dismissed.
pub(crate) struct Toy {
    configuration: String,
    serve: AbortHandle,
}

impl Drop for Toy {
    fn drop(&mut self) {
        self.serve.abort();
    }
}

impl Toy {
    /// Serves on a free port and registers itself for Pods of this namespace, mutating and validating.
    pub(crate) async fn hire(stage: &Stage) -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new([]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new([format!("toy.{}.svc", stage.namespace)]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)))).abort_handle();
        expose(stage, "toy", port).await;
        let configuration = stage.cluster.unique("toy");
        for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
            let path = if kind.starts_with('M') { "/mutate" } else { "/validate" };
            let object = json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
                "metadata": {"name": configuration},
                "webhooks": [{
                    "name": NAME,
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "failurePolicy": "Fail",
                    "timeoutSeconds": 5,
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stage.namespace}},
                    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"],
                               "operations": ["CREATE", "UPDATE"]}],
                    "clientConfig": {
                        "service": {"namespace": stage.namespace, "name": "toy", "path": path, "port": port},
                        "caBundle": base64::engine::general_purpose::STANDARD.encode(&ca),
                    },
                }],
            });
            stage.accepts(Door::Kube, Verb::Create, &object).await;
        }
        Toy { configuration, serve }
    }

    /// Takes the registration back.
    pub(crate) async fn dismiss(self, stage: &Stage) {
        for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
            let object = json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
                "metadata": {"name": self.configuration},
            });
            stage.accepts(Door::Kube, Verb::Delete, &object).await;
        }
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let mutating = request.uri().path() == "/mutate";
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let review: Value = serde_json::from_slice(&body).unwrap();
    let mut response = judge(&review["request"], mutating);
    response["uid"] = review["request"]["uid"].clone();
    let answer =
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    Response::new(Full::new(Bytes::from(answer.to_string())))
}

/// Refuses the image `denied`, warns of the image `warned`, and sets one annotation.
fn judge(request: &Value, mutating: bool) -> Value {
    let image = request["object"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
    if mutating {
        let patch = json!([{"op": "add", "path": "/metadata/annotations", "value": {"toy": "played"}}]);
        let patch = base64::engine::general_purpose::STANDARD.encode(patch.to_string());
        return json!({"allowed": true, "patchType": "JSONPatch", "patch": patch});
    }
    match image {
        "denied" => json!({"allowed": false, "status": {
            "code": 403, "reason": "Forbidden", "message": "not this image\nand a second line"}}),
        "warned" => json!({"allowed": true, "warnings": ["better \"another\" image"],
            "auditAnnotations": {"policy": "toy"}}),
        _ => json!({"allowed": true}),
    }
}
