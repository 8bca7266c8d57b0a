//! Where the API server comes from, and what a test may ask of the cluster as a whole.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

/// Nothing that a test waits for takes longer, a CronJob's minute included.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Where the API server comes from.
pub(crate) enum Source {
    /// Our own control plane: its binary.
    ControlPlane(PathBuf),
    /// Somebody's cluster, and the host name by which it reaches this machine.
    Kubeconfig { path: PathBuf, webhook_host: String },
}

impl Source {
    /// Finds the cluster as the module of this crate says, or the reason why there is none.
    pub(crate) fn find() -> Result<Self, String> {
        if let Some(binary) = std::env::var_os("PLIMSOLL_CONTROL_PLANE") {
            let binary = PathBuf::from(binary);
            return match binary.is_file() {
                true => Ok(Source::ControlPlane(binary)),
                false => Err(format!("PLIMSOLL_CONTROL_PLANE is {}, which is no file", binary.display())),
            };
        }
        if let Some(path) = std::env::var_os("KUBECONFIG").filter(|path| !path.is_empty()) {
            return Self::from_kubeconfig(PathBuf::from(path));
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/control-plane/build.sh");
        match Command::new(script).arg("--cached").output() {
            Ok(output) if output.status.success() => {
                Ok(Source::ControlPlane(String::from_utf8_lossy(&output.stdout).trim().into()))
            }
            _ => Err(
                "there is no cluster: build one once with tests/control-plane/build.sh, or set KUBECONFIG"
                    .to_owned(),
            ),
        }
    }

    fn from_kubeconfig(path: PathBuf) -> Result<Self, String> {
        if let Ok(webhook_host) = std::env::var("PLIMSOLL_E2E_WEBHOOK_HOST") {
            return Ok(Source::Kubeconfig { path, webhook_host });
        }
        let server = Kubeconfig::read_from(&path)
            .ok()
            .and_then(|config| {
                let current = config.current_context?;
                let context = config.contexts.into_iter().find(|context| context.name == current)?.context?;
                let cluster = config.clusters.into_iter().find(|cluster| cluster.name == context.cluster)?;
                cluster.cluster?.server
            })
            .ok_or_else(|| format!("KUBECONFIG is {}, which names no server", path.display()))?;
        let loopback = server.parse::<hyper::Uri>().is_ok_and(|uri| {
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        });
        if loopback {
            return Ok(Source::Kubeconfig { path, webhook_host: "localhost".to_owned() });
        }
        Err(format!(
            "KUBECONFIG leads to {server}, which is not this machine: set PLIMSOLL_E2E_WEBHOOK_HOST to the name by \
             which that cluster reaches this machine, if test webhooks may be registered there"
        ))
    }
}

/// A cluster that answers.
pub(crate) struct Cluster {
    pub(crate) client: kube::Client,
    pub(crate) kubeconfig: PathBuf,
    /// The words that start kubectl: our control plane brings the one of its own version, else it is on the PATH.
    pub(crate) kubectl: Vec<OsString>,
    /// The host name by which the API server reaches a port of this machine.
    pub(crate) webhook_host: String,
    folder: tempfile::TempDir,
    /// Our own control plane ends when the pipe to its standard input is closed.
    process: Mutex<Option<Child>>,
    audit_log: Option<PathBuf>,
    names: AtomicU32,
}

impl Cluster {
    /// Starts our control plane, or connects to the cluster that was given.
    pub(crate) async fn start(source: &Source) -> Self {
        Self::start_with(source, &[]).await
    }

    /// One more control plane of ours beside this one, whose API server has these flags; whoever starts it
    /// [stops](Self::stop) it.
    pub(crate) async fn another(&self, api_server_flags: &[String]) -> Self {
        assert!(self.ours(), "our own control plane");
        let flags: Vec<String> =
            api_server_flags.iter().map(|flag| format!("--kube-apiserver-flag={flag}")).collect();
        Self::start_with(&Source::ControlPlane(self.kubectl[0].clone().into()), &flags).await
    }

    /// Likewise, with these flags of `up` where the control plane is our own.
    pub(crate) async fn start_with(source: &Source, flags: &[String]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::Builder::new().prefix("plimsoll-e2e-").tempdir().unwrap();
        let (process, kubeconfig, audit_log, webhook_host) = match source {
            Source::ControlPlane(binary) => {
                let home = folder.path().join("control-plane");
                let began = Instant::now();
                let process = start_control_plane(binary, &home, flags);
                eprintln!(
                    "end-to-end tests: control plane ready after {:.1} s",
                    began.elapsed().as_secs_f32()
                );
                (Some(process), home.join("kubeconfig"), Some(home.join("audit.log")), "localhost".to_owned())
            }
            Source::Kubeconfig { path, webhook_host } => (None, path.clone(), None, webhook_host.clone()),
        };
        let kubectl = match source {
            Source::ControlPlane(binary) => vec![binary.into(), "kubectl".into()],
            Source::Kubeconfig { .. } => vec!["kubectl".into()],
        };
        let parsed = Kubeconfig::read_from(&kubeconfig).unwrap();
        let config =
            kube::Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await.unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let process = Mutex::new(process);
        Cluster {
            client,
            kubeconfig,
            kubectl,
            webhook_host,
            folder,
            process,
            audit_log,
            names: AtomicU32::new(0),
        }
    }

    /// Whether it is the control plane of this run, in which nobody else has anything.
    pub(crate) fn ours(&self) -> bool {
        self.audit_log.is_some()
    }

    /// A folder of this run, for files of tests.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A name that nothing else in this cluster has.
    pub(crate) fn unique(&self, what: &str) -> String {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        format!("{what}-{}-{number}", std::process::id())
    }

    /// Ends the API server and waits until another serves the same data at the same port.
    ///
    /// # Panics
    /// When it does not become ready, and in a cluster that is not [ours](Self::ours).
    pub(crate) async fn restart_api_server(&self) {
        let count = self.folder.path().join("control-plane/restarts");
        let restarts = || std::fs::read_to_string(&count).unwrap_or_default();
        let before = restarts();
        let pid = self.process.lock().unwrap().as_ref().expect("our own control plane").id();
        let signalled = Command::new("kill").args(["-USR1", &pid.to_string()]).status().unwrap();
        assert!(signalled.success());
        eventually("the API server is ready again", async || (restarts() != before).then_some(())).await;
    }

    /// The audit events that this closure wants, oldest first; `None` where the cluster does not show us its log.
    pub(crate) fn audit(&self, wanted: impl Fn(&Value) -> bool) -> Option<Vec<Value>> {
        let text = std::fs::read_to_string(self.audit_log.as_ref()?).unwrap();
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Some(events.filter(|event| wanted(event)).collect())
    }

    /// Ends our control plane and waits for it; keeps the logs when a test has failed.
    pub(crate) fn stop(&self, failed: bool) {
        let Some(mut child) = self.process.lock().unwrap().take() else { return };
        drop(child.stdin.take());
        child.wait().unwrap();
        if failed {
            let kept = concat!(env!("CARGO_TARGET_TMPDIR"), "/e2e-failed");
            let _ = std::fs::remove_dir_all(kept);
            if std::fs::rename(self.folder.path(), kept).is_ok()
                || Command::new("cp")
                    .arg("-a")
                    .arg(self.folder.path())
                    .arg(kept)
                    .status()
                    .is_ok_and(|s| s.success())
            {
                eprintln!("end-to-end tests: logs are in {kept}");
            }
        }
        let _ = std::fs::remove_dir_all(self.folder.path());
    }
}

fn start_control_plane(binary: &Path, home: &Path, flags: &[String]) -> Child {
    let mut child = Command::new(binary)
        .args(["up", "--start-timeout=90s", "--lifetime=40m", "--dir"])
        .arg(home)
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if !line.starts_with("ready") {
        let status = child.wait();
        panic!("the control plane did not start: {status:?}; its standard error says why");
    }
    child
}

/// Asks again until there is an answer.
///
/// # Panics
/// After [`PATIENCE`], with what was waited for.
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
