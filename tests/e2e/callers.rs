//! Who may ask: `--client-ca`, and an API server that was told to show a certificate, by the recipe of `docs/cluster.md`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb};
use crate::forwarder::Forwarder;
use crate::installed::{Installed, install_with, may_install};
use crate::manifest::pod;
use crate::policies::PROBES;
use crate::stage::Stage;
use crate::volume::Volume;
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![test("callers::only_who_shows_a_certificate_is_answered", only_who_shows_a_certificate_is_answered)]
}

/// The namespace that the recipe names.
const NAMESPACE: &str = "plimsoll-system";
/// The folder of the API server's host that the recipe names.
const FOLDER: &str = "/etc/kubernetes/plimsoll";
const RECIPE: &str = include_str!("../../docs/cluster.md");

/// The block of the recipe with this line.
fn block(line: &str) -> &'static str {
    let mut blocks = RECIPE.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
    let is_it = |block: &&str| block.lines().any(|own| own == line);
    blocks.find(is_it).unwrap_or_else(|| panic!("docs/cluster.md has no block with {line:?}"))
}

/// A CA, and a client's certificate and key of it, as files.
struct Authority {
    ca: PathBuf,
}

impl Authority {
    fn make(folder: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new([]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = authority.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(authority, key);
        let key = KeyPair::generate().unwrap();
        let mut client = CertificateParams::new([]).unwrap();
        client.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = client.signed_by(&key, &issuer).unwrap().pem();
        for (name, text) in
            [("ca.crt", &ca), ("client.crt", &certificate), ("client.key", &key.serialize_pem())]
        {
            std::fs::write(folder.join(name), text).unwrap();
        }
        Self { ca: folder.join("ca.crt") }
    }
}

/// The recipe word for word, but for the folder: with the user of the kubeconfig file reviews are answered; an API server
/// that has been started without it is refused, and so the policy fails closed.
async fn only_who_shows_a_certificate_is_answered(shared: Arc<Cluster>) {
    if !may_install(&shared) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let authority = Authority::make(folder.path());
    // of the Service's own port the recipe's name has no need to say it; not everybody may listen there
    let (forwarder, name) = match Forwarder::listen_at(&shared.webhook_host, 443).await {
        Ok(forwarder) => (forwarder, String::new()),
        Err(_) => {
            let forwarder = Forwarder::listen(&shared.webhook_host).await;
            let port = forwarder.port();
            (forwarder, format!(".svc:{port}"))
        }
    };
    let here = |text: &str| text.replace(FOLDER, path);
    let configuration = folder.path().join("admission.yaml");
    std::fs::write(&configuration, here(block("kind: AdmissionConfiguration"))).unwrap();
    let kubeconfig = folder.path().join("webhooks.kubeconfig");
    let mut users = here(block("kind: Config"));
    assert!(users.contains(&format!("name: plimsoll.{NAMESPACE}.svc\n")));
    if !name.is_empty() {
        users = users.replace(".svc", &name);
    }
    std::fs::write(&kubeconfig, &users).unwrap();

    let flag = format!("--admission-control-config-file={}", configuration.display());
    let cluster = Arc::new(shared.another(&[flag]).await);
    let ca = authority.ca.to_str().unwrap();
    install_with(&cluster, NAMESPACE, &["--enforce", "--client-ca", ca]);
    let home = Stage { cluster: cluster.clone(), namespace: NAMESPACE.to_owned() };
    let mut policies = Volume::mount(cluster.folder().join("policies"));
    policies.publish(&[PROBES]);
    let installed = Installed::serve_behind(forwarder, home, policies, &["--client-ca", ca]).await;

    let stage = Stage::set(&cluster, "callers").await;
    let without = pod("without-probes", "nginx");
    let refused = async || stage.dry_run(Door::Kube, Verb::Create, &without).await.answer.err();
    eventually("the API server shows its certificate, and is answered", async || {
        refused().await.filter(|said| said.contains("probes/both"))
    })
    .await;
    let closed = async || {
        let mut count = 0.0;
        for replica in &installed.replicas {
            let (_, page) = replica.page("/metrics").await;
            let name = "plimsoll_connections_closed_total{reason=\"handshake_failed\"} ";
            let value = page.lines().find_map(|line| line.strip_prefix(name));
            count += value.map_or(0.0, |value| value.trim().parse::<f64>().unwrap());
        }
        count
    };
    assert!(closed().await < 1.0, "nobody was refused");

    // an API server that nobody has told which certificate to show
    std::fs::write(&kubeconfig, "apiVersion: v1\nkind: Config\nusers: []\n").unwrap();
    cluster.restart_api_server().await;
    eventually("the API server shows none, and is not answered", async || {
        refused().await.filter(|said| said.contains("failed calling webhook") && said.contains("certificate"))
    })
    .await;
    assert!(closed().await > 0.0, "the handshake ends");

    std::fs::write(&kubeconfig, &users).unwrap();
    cluster.restart_api_server().await;
    eventually("it shows it again", async || refused().await.filter(|said| said.contains("probes/both")))
        .await;
    drop(installed);
    cluster.stop(false);
}
