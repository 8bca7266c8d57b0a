//! A running webhook with a small judge, and what the tests say to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use plimsoll::review::{Answer, Endpoint, Failure, Judge, Reply, ReviewRequest, RuleDecision};
use plimsoll::webhook::admin;
use plimsoll::webhook::authority::{Material, Names};
use plimsoll::webhook::certificate::Slot;
use plimsoll::webhook::client::{Client, ClientError};
use plimsoll::webhook::readiness::Readiness;
use plimsoll::webhook::reload::{Board, InForce, Loader, Policies, serve_material};
use plimsoll::webhook::server::Server;
use plimsoll::webhook::settings::Settings;
use plimsoll::webhook::shutdown::{Shutdown, ShutdownPhase};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Judges by the object's name.
pub(crate) struct ByName {
    /// Shown in denials, so that a test sees which policies answered.
    pub(crate) version: String,
    pub(crate) running: AtomicUsize,
}

impl Judge for ByName {
    fn judge(&self, _: Endpoint, review: &ReviewRequest<'_>, deadline: Instant) -> Answer {
        let wait = |millis| std::thread::sleep(Duration::from_millis(millis));
        self.running.fetch_add(1, Ordering::SeqCst);
        let answer = match &*review.name {
            "deny" => {
                Answer::forbid(format!("denied by {}", self.version)).outcome(RuleDecision::of("p/r", "deny"))
            }
            "warn" => Answer::allow().warn("one\ntwo"),
            "patch" => Answer::patch(r#"[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]"#.into()),
            "bad-patch" => Answer::patch(r#"[{"op":"remove","path":"/nothing"}]"#.into()),
            "panic" => panic!("the judge panics, as this test wants"),
            "slow" => {
                wait(100);
                Answer::allow()
            }
            "until-deadline" => {
                wait(u64::try_from((deadline - Instant::now()).as_millis()).unwrap());
                Answer::from(&Failure::DeadlineExceeded)
            }
            "past-deadline" => {
                wait(1500);
                Answer::allow()
            }
            _ => Answer::allow(),
        };
        self.running.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

pub(crate) fn by_name(version: &str) -> Arc<ByName> {
    Arc::new(ByName { version: version.to_owned(), running: AtomicUsize::new(0) })
}

/// A webhook that serves.
pub(crate) struct Webhook {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) material: Material,
    pub(crate) client: Client,
    pub(crate) board: Board,
    pub(crate) policies: Arc<Policies>,
    pub(crate) slot: Arc<Slot>,
    pub(crate) shutdown: Shutdown,
    pub(crate) served: JoinHandle<()>,
}

impl Webhook {
    pub(crate) async fn start(settings: Settings) -> Self {
        let webhook = Self::start_empty(settings).await;
        let load: Loader = Box::new(|| Ok(InForce::whole(by_name("v0"), 1, "v0")));
        webhook.policies.load(&load, &webhook.board, SystemTime::now()).unwrap();
        webhook
    }

    /// Without policies.
    pub(crate) async fn start_empty(settings: Settings) -> Self {
        let readiness = Readiness::waiting_for(&["certificate", "policies"]);
        let board = Board { readiness, metrics: Arc::default() };
        let material = Material::new(&Names::local(), SystemTime::now()).unwrap();
        let slot = Arc::new(Slot::default());
        serve_material(&slot, &material, &board);
        let policies = Arc::new(Policies::default());
        let server = Server::new(settings, policies.clone(), slot.clone(), &board);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let admin_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = admin_listener.local_addr().unwrap();
        admin::spawn(admin_listener, board.clone()).unwrap();
        let shutdown = Shutdown::default();
        let (drain, stop) =
            (shutdown.reached(ShutdownPhase::LameDuck), shutdown.reached(ShutdownPhase::Stopping));
        let served = tokio::spawn(server.run(listener, drain, stop));
        let client = Client::new(&format!("https://{address}"), material.bundle_pem().as_bytes()).unwrap();
        Webhook { address, admin, material, client, board, policies, slot, shutdown, served }
    }

    pub(crate) async fn post(&self, name: &str) -> Reply {
        self.client.post(Endpoint::Validate, review(name), TIMEOUT).await.unwrap()
    }

    /// A TLS connection on which a test writes what it likes.
    pub(crate) async fn raw(&self) -> tokio_rustls::client::TlsStream<TcpStream> {
        tls(self.address, self.material.bundle_pem().as_bytes()).await
    }

    /// Writes bytes and reads until the server closes.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> String {
        let mut tls = self.raw().await;
        tls.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // a close without close_notify is as good as one with it here
        let _ = tls.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    /// A plain GET on the admin port: the whole answer.
    pub(crate) async fn admin(&self, path: &str) -> String {
        let mut tcp = TcpStream::connect(self.admin).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// The value of a metric with these labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.board.metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
    }
}

/// A TLS connection to a webhook that serves a certificate of this CA.
pub(crate) async fn tls(address: SocketAddr, ca: &[u8]) -> tokio_rustls::client::TlsStream<TcpStream> {
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a review of a Pod of that name.
pub(crate) fn review(name: &str) -> Bytes {
    review_of(name, r#"{"apiVersion":"v1","kind":"Pod","metadata":{}}"#)
}

pub(crate) fn review_of(name: &str, object: &str) -> Bytes {
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"uid-{name}",
        "kind":{{"group":"","version":"v1","kind":"Pod"}},"resource":{{"group":"","version":"v1","resource":"pods"}},
        "name":"{name}","namespace":"shop","operation":"CREATE","userInfo":{{"username":"me"}},"object":{object}}}}}"#
    )
    .into()
}

/// The `response` of a good answer to [`review`]`(name)`.
pub(crate) fn response(name: &str, reply: &Reply) -> Value {
    assert_eq!(reply.http_status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let review: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(review["response"]["uid"], format!("uid-{name}"));
    review["response"].clone()
}

/// Clients that post until they are told to stop, on connections that they keep for a while.
pub(crate) struct Traffic {
    stop: Arc<std::sync::atomic::AtomicBool>,
    clients: Vec<JoinHandle<Result<Vec<Value>, ClientError>>>,
}

impl Traffic {
    /// `client` is asked for each new connection, so that it may trust something new.
    pub(crate) fn start(
        clients: usize,
        name: &'static str,
        client: impl Fn() -> Client + Send + Sync + 'static,
    ) -> Self {
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let client = Arc::new(client);
        let run = |_| {
            let (stop, client) = (stop.clone(), client.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let mut session = client().connect().await?;
                    for _ in 0..20 {
                        let reply = session.post(Endpoint::Validate, review(name), TIMEOUT).await?;
                        answers.push(response(name, &reply));
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        if session.is_closed() || stop.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                }
                Ok(answers)
            })
        };
        let clients = (0..clients).map(run).collect();
        Traffic { stop, clients }
    }

    /// All answers; a single failed review fails the test.
    pub(crate) async fn stop(self) -> Vec<Value> {
        self.stop.store(true, Ordering::Relaxed);
        let mut answers = Vec::new();
        for client in self.clients {
            answers.extend(client.await.unwrap().expect("no review fails"));
        }
        answers
    }
}

/// Waits for something that happens soon.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
