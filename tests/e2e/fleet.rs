//! Processes of `plimsoll serve`, and the Service in front of them.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb};
use crate::forwarder::get;
use crate::stage::Stage;

/// One `plimsoll serve`. It is killed when dropped.
pub(crate) struct Replica {
    child: Mutex<Child>,
    pub(crate) traffic: SocketAddr,
    pub(crate) admin: SocketAddr,
    log: PathBuf,
}

impl Replica {
    /// Starts the binary under test with these flags and addresses of our choice.
    pub(crate) fn start<I: AsRef<OsStr>>(cluster: &Cluster, flags: impl IntoIterator<Item = I>) -> Self {
        let (traffic, admin) = free_addresses();
        let log = cluster.folder().join(format!("{}.log", cluster.unique("serve")));
        let output = File::create(&log).unwrap();
        // `timeout --foreground` passes SIGTERM (once; else also to its group) and the exit status on, and bounds what is left of a run that was killed
        let child = Command::new("timeout")
            .args(["--foreground", "--kill-after=30", "2400", env!("CARGO_BIN_EXE_plimsoll"), "serve"])
            .args(["--bind", &traffic.to_string(), "--admin-bind", &admin.to_string()])
            .args(flags)
            .env_remove("KUBECONFIG")
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Replica { child: Mutex::new(child), traffic, admin, log }
    }

    /// Waits for `/readyz`.
    pub(crate) async fn ready(&self) {
        eventually(&format!("{} is ready; its log: {}", self.admin, self.log.display()), async || {
            if let Some(status) = self.status() {
                panic!("plimsoll serve ended with {status}: {}", self.log());
            }
            get(self.admin, "/readyz").await.filter(|(status, _)| *status == 200)
        })
        .await;
    }

    /// How it ended, if it has.
    fn status(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap().try_wait().unwrap()
    }

    /// The text of a page of the admin port.
    pub(crate) async fn page(&self, path: &str) -> (u16, String) {
        get(self.admin, path).await.unwrap_or_else(|| panic!("{} does not answer {path}", self.admin))
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let status = Command::new("kill").arg(self.child.lock().unwrap().id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&self, within: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.status() {
                return status;
            }
            assert!(
                began.elapsed() < within,
                "still there after {within:?}; its log is {}",
                self.log.display()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if self.status().is_some() {
            return;
        }
        self.terminate();
        let began = Instant::now();
        while self.status().is_none() && began.elapsed() < Duration::from_secs(8) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Two addresses of 127.0.0.1 that are free now. They lie below the ports that the kernel gives to outgoing connections, or
/// one of those would take them now and then before a replica listens.
pub(crate) fn free_addresses() -> (SocketAddr, SocketAddr) {
    const PORTS: std::ops::Range<u32> = 20_000..32_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let free = || {
        let tries = PORTS.len() as u32;
        let mut ports = (0..tries).map(|_| {
            PORTS.start + std::process::id().wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % tries
        });
        let listener = ports.find_map(|port| TcpListener::bind(("127.0.0.1", port as u16)).ok());
        listener.expect("a port is free").local_addr().unwrap()
    };
    (free(), free())
}

/// Puts a Service of this name in front of a port of this machine. There is no kube-proxy, so it is one of type
/// ExternalName: the API server then calls that host, and still checks the certificate for `NAME.NAMESPACE.svc`.
pub(crate) async fn expose(stage: &Stage, name: &str, port: u16) {
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "type": "ExternalName",
            "externalName": stage.cluster.webhook_host,
            // named, so that installing again may put its own port beside it
            "ports": [{"name": "forwarder", "port": port, "protocol": "TCP"}],
        },
    });
    stage.accepts(Door::Kube, Verb::Apply, &service).await;
}
