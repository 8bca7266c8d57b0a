//! Stands for the Service in front of the replicas: a TCP forwarder that follows each replica's `/readyz`.
//!
//! Like kube-proxy it chooses a replica for each new connection among those that are ready, and lets a connection
//! be that was made before: a replica that is not ready any more has to end those itself.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How often a replica is asked. A kubelet asks every few seconds; a test has less time.
const INTERVAL: Duration = Duration::from_millis(100);

/// One replica behind the Service.
struct Backend {
    traffic: SocketAddr,
    ready: Arc<AtomicBool>,
    watch: AbortHandle,
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// The Service. Dropping it refuses new connections.
pub(crate) struct Forwarder {
    port: u16,
    backends: Arc<Mutex<Vec<Backend>>>,
    accept: AbortHandle,
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

impl Forwarder {
    /// Listens on a free port of 127.0.0.1, or of all addresses for a cluster that is elsewhere.
    pub(crate) async fn listen(webhook_host: &str) -> Self {
        Self::listen_at(webhook_host, 0).await.unwrap()
    }

    /// Likewise, at this port, if it can be had.
    pub(crate) async fn listen_at(webhook_host: &str, port: u16) -> io::Result<Self> {
        let host = if webhook_host == "localhost" { "127.0.0.1" } else { "0.0.0.0" };
        let listener = TcpListener::bind((host, port)).await?;
        let port = listener.local_addr()?.port();
        let backends = Arc::default();
        let accept = tokio::spawn(accept(listener, Arc::clone(&backends))).abort_handle();
        Ok(Forwarder { port, backends, accept })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Puts a replica behind the Service; it gets connections once its `/readyz` at `admin` says so.
    pub(crate) fn add(&self, traffic: SocketAddr, admin: SocketAddr) {
        let ready = Arc::new(AtomicBool::new(false));
        let watch = tokio::spawn(follow(admin, ready.clone())).abort_handle();
        self.backends.lock().unwrap().push(Backend { traffic, ready, watch });
    }

    /// Takes a replica away.
    pub(crate) fn remove(&self, traffic: SocketAddr) {
        self.backends.lock().unwrap().retain(|backend| backend.traffic != traffic);
    }

    /// How many replicas get connections.
    pub(crate) fn ready(&self) -> usize {
        let backends = self.backends.lock().unwrap();
        backends.iter().filter(|backend| backend.ready.load(Ordering::Relaxed)).count()
    }
}

async fn accept(listener: TcpListener, backends: Arc<Mutex<Vec<Backend>>>) {
    let turn = AtomicUsize::new(0);
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let chosen = {
            let backends = backends.lock().unwrap();
            let ready: Vec<_> =
                backends.iter().filter(|backend| backend.ready.load(Ordering::Relaxed)).collect();
            let turn = turn.fetch_add(1, Ordering::Relaxed);
            (!ready.is_empty()).then(|| ready[turn % ready.len()].traffic)
        };
        // nobody is ready: the connection is dropped, as a Service without endpoints refuses it
        let Some(chosen) = chosen else { continue };
        tokio::spawn(async move {
            let mut client = client;
            if let Ok(mut server) = TcpStream::connect(chosen).await {
                let _ = client.set_nodelay(true);
                let _ = server.set_nodelay(true);
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}

async fn follow(admin: SocketAddr, ready: Arc<AtomicBool>) {
    loop {
        let status = get(admin, "/readyz").await.map(|(status, _)| status);
        ready.store(status == Some(200), Ordering::Relaxed);
        tokio::time::sleep(INTERVAL).await;
    }
}

/// A plain HTTP GET: status and body, or `None` when nobody answers within a second.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    };
    timeout(Duration::from_secs(1), exchange).await.ok().flatten()
}
