//! From SIGTERM to exit.
//!
//! ```text
//! first signal ─▶ not ready, Connection: close ── lame duck (5 s) ──▶ stop accepting, drain ─▶ exit 0
//! second signal ─▶ exit at once
//! ```

use std::time::Duration;

use tokio::sync::watch;

/// How far the shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShutdownPhase {
    /// Not asked to stop.
    Running,
    /// Still serving, not ready.
    LameDuck,
    /// No longer accepting.
    Stopping,
}

/// Tells those who serve how far the shutdown has come.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Sender<ShutdownPhase>);

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown(watch::Sender::new(ShutdownPhase::Running))
    }
}

impl Shutdown {
    /// Begins the lame duck period; the stop follows after `lame_duck`. Returns when it has ended.
    pub async fn begin(&self, lame_duck: Duration) {
        self.0.send_replace(ShutdownPhase::LameDuck);
        tokio::time::sleep(lame_duck).await;
        self.0.send_replace(ShutdownPhase::Stopping);
    }

    /// Ends when `stage` has been reached.
    pub fn reached(&self, stage: ShutdownPhase) -> impl Future<Output = ()> + Send + 'static {
        let mut watching = self.0.subscribe();
        async move {
            // an error means that nobody is left to stop us; then nothing is ever reached
            if watching.wait_for(|now| *now >= stage).await.is_err() {
                std::future::pending().await
            }
        }
    }
}

/// SIGTERM and SIGINT as one stream of requests to stop; on Windows, Ctrl-Break and Ctrl-C.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    int: tokio::signal::unix::Signal,
    #[cfg(windows)]
    term: tokio::signal::windows::CtrlBreak,
    #[cfg(windows)]
    int: tokio::signal::windows::CtrlC,
}

impl Signals {
    /// Takes over both signals from here on.
    ///
    /// # Errors
    /// When the system does not let the process take them over.
    #[cfg(unix)]
    pub fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// Takes over both signals from here on.
    ///
    /// # Errors
    /// When the system does not let the process take them over.
    #[cfg(windows)]
    pub fn new() -> std::io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c};
        Ok(Signals { term: ctrl_break()?, int: ctrl_c()? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
