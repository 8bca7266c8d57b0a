//! What `plimsoll install` has installed: as the ServiceAccount that it makes, so with no more rights than that has.

use std::ffi::OsString;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::discovery::ApiResource;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::door::{Door, Verb, kubectl};
use crate::fleet::{Replica, expose};
use crate::forwarder::Forwarder;
use crate::stage::Stage;
use crate::volume::Volume;

pub(crate) const VALIDATING: &str = "ValidatingWebhookConfiguration";
pub(crate) const MUTATING: &str = "MutatingWebhookConfiguration";

/// Whether the cluster is ours alone: what is installed here judges all of it.
pub(crate) fn may_install(cluster: &Cluster) -> bool {
    if !cluster.ours() {
        eprintln!(
            "install: SKIPPED: it judges the whole cluster, which is done in our own control plane only"
        );
    }
    cluster.ours()
}

/// An installation, and the processes that stand for its Pods: there is no kubelet and no kube-proxy, so they run on
/// this machine, and the Service leads to them.
pub(crate) struct Installed {
    pub(crate) home: Stage,
    pub(crate) policies: Volume,
    pub(crate) forwarder: Forwarder,
    pub(crate) replicas: Vec<Replica>,
    flags: Vec<OsString>,
}

impl Installed {
    /// Installs into a new namespace, and serves these policies and no others from two replicas.
    pub(crate) async fn launch(cluster: &Arc<Cluster>, policies: &[(&str, &str)], further: &[&str]) -> Self {
        let namespace = cluster.unique("plimsoll-system");
        install(cluster, &namespace);
        let home = Stage { cluster: cluster.clone(), namespace };
        let mut volume = Volume::mount(cluster.folder().join(&home.namespace).join("policies"));
        volume.publish(policies);
        Self::serve(home, volume, further).await
    }

    /// Two replicas by the installed ServiceAccount.
    pub(crate) async fn serve(home: Stage, policies: Volume, further: &[&str]) -> Self {
        let forwarder = Forwarder::listen(&home.cluster.webhook_host).await;
        Self::serve_behind(forwarder, home, policies, further).await
    }

    /// Likewise, behind this Service.
    pub(crate) async fn serve_behind(
        forwarder: Forwarder,
        home: Stage,
        policies: Volume,
        further: &[&str],
    ) -> Self {
        reach(&home, forwarder.port()).await;
        let account = kubeconfig_of_account(&home.cluster, &home.namespace).await;
        let mut flags: Vec<OsString> = vec!["--kubeconfig".into(), account.into()];
        flags.extend(
            ["--register", "--service", "plimsoll", "--service-namespace", &home.namespace].map(Into::into),
        );
        flags.extend(
            ["--no-embedded", "--watch-policies", "--policy-interval=200ms", "--lame-duck=100ms"]
                .map(Into::into),
        );
        flags.extend(["--policies".into(), policies.path().into()]);
        flags.extend(further.iter().map(Into::into));
        let mut installed = Installed { home, policies, forwarder, replicas: Vec::new(), flags };
        installed.start().await;
        installed
    }

    /// Starts two replicas and waits until they get connections.
    pub(crate) async fn start(&mut self) {
        let first = self.replicas.len();
        for _ in 0..2 {
            self.replicas.push(Replica::start(&self.home.cluster, &self.flags));
        }
        for replica in &self.replicas[first..] {
            self.forwarder.add(replica.traffic, replica.admin);
            replica.ready().await;
        }
    }

    /// Ends all replicas.
    pub(crate) async fn stop(&mut self) {
        for replica in &self.replicas {
            replica.terminate();
        }
        for replica in self.replicas.drain(..) {
            assert!(replica.ended(Duration::from_secs(20)).await.success());
            self.forwarder.remove(replica.traffic);
        }
    }

    /// Leads the Service to the replicas again, after the installation was applied again.
    pub(crate) async fn reach(&self) {
        reach(&self.home, self.forwarder.port()).await;
    }

    /// Takes all of it away, the registration first.
    pub(crate) async fn remove(self) {
        unregister(&self.home.cluster).await;
        drop(self.replicas);
        self.home.strike().await;
    }
}

/// Takes the registration away.
pub(crate) async fn unregister(cluster: &Cluster) {
    for kind in [VALIDATING, MUTATING] {
        let resource = resource_of(kind);
        let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource);
        api.delete("plimsoll", &Default::default()).await.unwrap();
    }
}

/// Policies deny as they are written.
pub(crate) fn install(cluster: &Cluster, namespace: &str) {
    install_with(cluster, namespace, &["--enforce"]);
}

/// What it prints instead of applying it.
pub(crate) fn printed(namespace: &str, flags: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["install", "--no-embedded", "--namespace", namespace])
        .args(flags)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn install_with(cluster: &Cluster, namespace: &str, flags: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["install", "--apply", "--no-embedded", "--namespace", namespace, "--kubeconfig"])
        .arg(&cluster.kubeconfig)
        .args(flags)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The Service leads to this port of this machine, and is called by it.
async fn reach(home: &Stage, port: u16) {
    let cluster = &home.cluster;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "plimsoll"}});
    let _ = home.attempt(Door::Kube, Verb::Delete, &service).await;
    expose(home, "plimsoll", port).await;
    for (kind, names) in [
        (VALIDATING, ["validate.plimsoll.dev", "validate-ignore.plimsoll.dev"]),
        (MUTATING, ["mutate.plimsoll.dev", "mutate-ignore.plimsoll.dev"]),
    ] {
        let entry = |name: &str| {
            json!({"name": name, "clientConfig": {"service": {
                "name": "plimsoll", "namespace": home.namespace, "port": port}}})
        };
        apply(cluster, kind, json!({"webhooks": names.map(entry)})).await;
    }
}

/// As somebody else would.
pub(crate) async fn apply(cluster: &Cluster, kind: &str, mut object: Value) {
    object["apiVersion"] = json!("admissionregistration.k8s.io/v1");
    object["kind"] = json!(kind);
    object["metadata"] = json!({"name": "plimsoll"});
    let resource = resource_of(kind);
    let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource);
    let parameters = PatchParams::apply("somebody-else").force();
    api.patch("plimsoll", &parameters, &Patch::Apply(object)).await.unwrap();
}

pub(crate) async fn rules(cluster: &Cluster, kind: &str) -> [Value; 2] {
    let resource = resource_of(kind);
    let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource);
    let object = api.get("plimsoll").await.unwrap();
    [0, 1].map(|at| object.data["webhooks"][at].get("rules").cloned().unwrap_or(json!([])))
}

pub(crate) fn resource_of(kind: &str) -> ApiResource {
    ApiResource {
        group: "admissionregistration.k8s.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "admissionregistration.k8s.io/v1".to_owned(),
        kind: kind.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
    }
}

/// A kubeconfig with a token of the installed ServiceAccount.
pub(crate) async fn kubeconfig_of_account(cluster: &Cluster, namespace: &str) -> std::path::PathBuf {
    let output = kubectl(cluster, &["create", "token", "plimsoll", "-n", namespace], "").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let token = String::from_utf8(output.stdout).unwrap();
    let text = std::fs::read_to_string(&cluster.kubeconfig).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    config["users"][0]["user"] = json!({"token": token.trim()});
    let path = cluster.folder().join(format!("{namespace}.kubeconfig"));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}
