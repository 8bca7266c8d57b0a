//! A whole installation of Plimsoll: certificates and policies in volumes, replicas, the Service in front of them,
//! and the registration.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb};
use crate::fleet::{Replica, expose};
use crate::forwarder::Forwarder;
use crate::manifest::pod;
use crate::stage::Stage;
use crate::volume::Volume;

/// The names of the webhooks, as users read them in a denial.
pub(crate) const VALIDATING: &str = "validate.plimsoll.dev";
pub(crate) const MUTATING: &str = "mutate.plimsoll.dev";

const SERVICE: &str = "plimsoll";

const POLICIES_LOADED: &str = "plimsoll_policy_reloads_total{result=\"ok\"}";
const POLICIES_REFUSED: &str = "plimsoll_policy_reloads_total{result=\"error\"}";
const CERTIFICATES_LOADED: &str = "plimsoll_certificate_reloads_total{result=\"ok\"}";

/// What the API server asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Kinds that have a Pod template, and the custom resources of the tests.
    Workloads,
    /// All objects of namespaces.
    Everything,
}

/// What is installed.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'p> {
    pub(crate) replicas: usize,
    /// Policy files: name and text.
    pub(crate) policies: &'p [(&'p str, &'p str)],
    /// Also those that come with the binary.
    pub(crate) embedded: bool,
    pub(crate) scope: Scope,
    /// How long a replica goes on serving after SIGTERM.
    pub(crate) lame_duck: &'p str,
    /// Further flags of `plimsoll serve`.
    pub(crate) flags: &'p [&'p str],
}

impl<'p> Plan<'p> {
    /// One replica with these policies and no others.
    pub(crate) fn of(policies: &'p [(&'p str, &'p str)]) -> Self {
        Plan {
            replicas: 1,
            policies,
            embedded: false,
            scope: Scope::Workloads,
            lame_duck: "100ms",
            flags: &[],
        }
    }
}

/// What runs. The namespaces that [`Webhook::stage`] makes are judged by it, and no others.
pub(crate) struct Webhook {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) forwarder: Forwarder,
    pub(crate) policies: Volume,
    pub(crate) certificates: Certificates,
    pub(crate) home: Stage,
    flags: Vec<OsString>,
}

/// The serving certificate, and the authority that signs it.
pub(crate) struct Certificates {
    pub(crate) volume: Volume,
    pub(crate) ca: String,
    issuer: Issuer<'static, KeyPair>,
    name: String,
}

impl Certificates {
    fn new(volume: Volume, name: String) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new([]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = authority.self_signed(&key).unwrap().pem();
        let mut certificates = Certificates { volume, ca, issuer: Issuer::new(authority, key), name };
        certificates.rotate();
        certificates
    }

    /// A new key and certificate, as cert-manager would renew them; gives the certificate.
    pub(crate) fn rotate(&mut self) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let leaf =
            CertificateParams::new([self.name.clone()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        self.volume.publish(&[("tls.crt", leaf.pem()), ("tls.key", key.serialize_pem())]);
        leaf.der().clone()
    }

    /// The certificate that this address serves, as a client that trusts our authority sees it.
    async fn served_at(&self, address: SocketAddr) -> CertificateDer<'static> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(self.name.clone()).unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }
}

impl Webhook {
    /// Installs it and waits until every replica is ready.
    pub(crate) async fn launch(cluster: &Arc<Cluster>, plan: Plan<'_>) -> Self {
        let Plan { replicas, policies: files, embedded, scope, lame_duck, flags } = plan;
        let home = Stage::set(cluster, "plimsoll").await;
        let folder = cluster.folder().join(&home.namespace);
        let mut policies = Volume::mount(folder.join("policies"));
        policies.publish(files);
        let name = format!("{SERVICE}.{}.svc", home.namespace);
        let certificates = Certificates::new(Volume::mount(folder.join("tls")), name);

        let mut words: Vec<OsString> = vec!["--policies".into(), policies.path().into()];
        words.extend(["--tls-cert".into(), certificates.volume.file("tls.crt").into()]);
        words.extend(["--tls-key".into(), certificates.volume.file("tls.key").into()]);
        words.extend(["--kubeconfig".into(), cluster.kubeconfig.clone().into()]);
        words.extend((!embedded).then(|| "--no-embedded".into()));
        words.extend(
            ["--watch-policies", "--policy-interval=200ms", "--certificate-interval=200ms"].map(Into::into),
        );
        words.extend(["--lame-duck".into(), lame_duck.into()]);
        words.extend(flags.iter().map(Into::into));
        let forwarder = Forwarder::listen(&cluster.webhook_host).await;
        let mut webhook =
            Webhook { replicas: Vec::new(), forwarder, policies, certificates, home, flags: words };
        for _ in 0..replicas {
            webhook.add_replica();
        }
        webhook.all_ready().await;
        expose(&webhook.home, SERVICE, webhook.forwarder.port()).await;
        webhook.register(scope).await;
        webhook.await_calls().await;
        webhook
    }

    /// One more process behind the Service.
    pub(crate) fn add_replica(&mut self) {
        let replica = Replica::start(&self.home.cluster, &self.flags);
        self.forwarder.add(replica.traffic, replica.admin);
        self.replicas.push(replica);
    }

    /// Waits until every replica is ready and gets connections.
    pub(crate) async fn all_ready(&self) {
        for replica in &self.replicas {
            replica.ready().await;
        }
        eventually("the Service has all replicas", || async {
            (self.forwarder.ready() == self.replicas.len()).then_some(())
        })
        .await;
    }

    /// A namespace that this webhook judges.
    pub(crate) async fn stage(&self, name: &str) -> Stage {
        Stage::set_with(&self.home.cluster, name, json!({"e2e": self.home.namespace})).await
    }

    /// These namespaces, too. The API server learns of it by a watch, a little later.
    pub(crate) async fn judge_also(&self, namespaces: &BTreeSet<String>) {
        for name in namespaces {
            let labels = json!({"name": name, "labels": {"e2e": self.home.namespace}});
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": labels});
            self.home.accepts(Door::Kube, Verb::Apply, &namespace).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    /// Waits until the API server calls: it learns of a registration by a watch, a little later.
    async fn await_calls(&self) {
        let stage = self.stage("calls").await;
        eventually("the API server calls both webhooks", async || {
            stage.dry_run(Door::Kube, Verb::Create, &pod("probe", "nginx")).await;
            let mut counts = String::new();
            for replica in &self.replicas {
                counts += &replica.page("/metrics").await.1;
            }
            let called = |at: &str| counts.contains(&format!("plimsoll_reviews_total{{stage=\"{at}\""));
            (called("mutate") && called("validate")).then_some(())
        })
        .await;
        stage.strike().await;
    }

    /// Replaces the policies, and waits until every replica judges by them.
    pub(crate) async fn publish(&mut self, files: &[(&str, &str)]) {
        let before = self.counters(POLICIES_LOADED).await;
        self.policies.publish(files);
        self.await_more(POLICIES_LOADED, &before).await;
    }

    /// Replaces the policies by what does not load, and waits until every replica has seen that.
    pub(crate) async fn publish_broken(&mut self, files: &[(&str, &str)]) {
        let before = self.counters(POLICIES_REFUSED).await;
        self.policies.publish(files);
        self.await_more(POLICIES_REFUSED, &before).await;
    }

    /// Renews the certificate, and waits until every replica serves the new one.
    pub(crate) async fn rotate(&mut self) {
        let before = self.counters(CERTIFICATES_LOADED).await;
        let leaf = self.certificates.rotate();
        self.await_more(CERTIFICATES_LOADED, &before).await;
        for replica in &self.replicas {
            assert!(
                self.certificates.served_at(replica.traffic).await == leaf,
                "the new certificate is served"
            );
        }
    }

    /// What each replica has counted.
    async fn counters(&self, name: &str) -> Vec<u64> {
        let mut counts = Vec::new();
        for replica in &self.replicas {
            let (_, page) = replica.page("/metrics").await;
            let line = page.lines().find_map(|line| line.strip_prefix(name));
            counts.push(line.map_or(0, |value| value.trim().parse().unwrap()));
        }
        counts
    }

    async fn await_more(&self, name: &str, before: &[u64]) {
        eventually(&format!("every replica counts more {name}"), async || {
            let now = self.counters(name).await;
            now.iter().zip(before).all(|(now, before)| now > before).then_some(())
        })
        .await;
    }

    /// Tells the API server, by the entries that `plimsoll install` writes, for the namespaces of [`Webhook::stage`]
    /// and with all policies at one entry.
    async fn register(&self, scope: Scope) {
        let workloads = json!([
            {"apiGroups": [""], "apiVersions": ["v1"],
             "resources": ["pods", "pods/ephemeralcontainers", "pods/resize", "replicationcontrollers"],
             "operations": ["CREATE", "UPDATE"]},
            {"apiGroups": ["apps"], "apiVersions": ["v1"],
             "resources": ["deployments", "replicasets", "statefulsets", "daemonsets"],
             "operations": ["CREATE", "UPDATE"]},
            {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs", "cronjobs"],
             "operations": ["CREATE", "UPDATE"]},
            {"apiGroups": ["cache.example.com", "etcd.example.com"], "apiVersions": ["*"], "resources": ["*"],
             "operations": ["CREATE", "UPDATE", "DELETE"]},
        ]);
        let everything = json!([{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"],
                                 "scope": "Namespaced", "operations": ["CREATE", "UPDATE"]}]);
        let rules = if scope == Scope::Everything { everything } else { workloads };
        let installed = installed_entries(&self.home.namespace);
        for (kind, name, path) in [
            ("MutatingWebhookConfiguration", MUTATING, "/mutate"),
            ("ValidatingWebhookConfiguration", VALIDATING, "/validate"),
        ] {
            let mut webhook = installed[kind].clone();
            assert_eq!((&webhook["name"], &webhook["failurePolicy"]), (&json!(name), &json!("Fail")));
            webhook["namespaceSelector"] = json!({"matchLabels": {"e2e": self.home.namespace}});
            webhook["rules"] = rules.clone();
            webhook["clientConfig"]["caBundle"] =
                json!(base64::engine::general_purpose::STANDARD.encode(&self.certificates.ca));
            webhook["clientConfig"]["service"]["path"] = json!(path);
            webhook["clientConfig"]["service"]["port"] = json!(self.forwarder.port());
            let object = self.configuration(kind, Some(webhook));
            self.home.accepts(Door::Kube, Verb::Create, &object).await;
        }
    }

    fn configuration(&self, kind: &str, webhook: Option<Value>) -> Value {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
            "metadata": {"name": self.home.namespace},
            "webhooks": webhook.into_iter().collect::<Vec<_>>(),
        })
    }

    /// Takes registration and replicas away.
    pub(crate) async fn dismiss(self) {
        for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
            self.home.accepts(Door::Kube, Verb::Delete, &self.configuration(kind, None)).await;
        }
        self.home.strike().await;
    }
}

/// The first entry of each configuration that `plimsoll install` prints, by kind.
fn installed_entries(namespace: &str) -> BTreeMap<String, Value> {
    let printed = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["install", "--enforce", "--no-embedded", "--namespace", namespace])
        .output()
        .unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let text = String::from_utf8(printed.stdout).unwrap();
    let documents = text.split("---\n").skip(1).map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
    let entries = documents.filter(|object| object["webhooks"].is_array());
    entries.map(|mut o| (o["kind"].as_str().unwrap().to_owned(), o["webhooks"][0].take())).collect()
}
