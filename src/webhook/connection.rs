//! What each open connection is doing and since when, and the one task that closes those that do nothing.
//!
//! ```text
//! accept ─▶ Handshake ─▶ Idle ◀─────────────▶ Busy
//!              │           │  └─▶ Head ─────────┘   (first byte of a request read, its head not complete)
//!        10 s  ▼    120 s  ▼  10 s ▼        60 s ▼   closed by `Connections::sweep`
//! ```
//!
//! One sweep over plain numbers instead of a timer for each phase of each connection: 10,000 idle connections cost
//! nothing, and a request sets no timer. hyper's own header timeout also runs between requests, where a short one
//! would close connections that the API server is about to use.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::sync::Notify;

use super::metrics::Metrics;
use super::settings::Settings;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Between accept and the end of the handshake.
    Handshake,
    /// Between requests.
    Idle,
    /// Between a request's first byte and the end of its head.
    Head,
    /// Between a request's head and our answer.
    Busy,
}

impl Phase {
    fn from_u8(value: u8) -> Self {
        match value {
            0 => Phase::Handshake,
            1 => Phase::Idle,
            2 => Phase::Head,
            _ => Phase::Busy,
        }
    }
}

/// What a connection's task is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Order {
    /// Close when the running request, if any, is answered.
    Finish = 1,
    /// Close now.
    Close = 2,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    id: u64,
    phase: AtomicU8,
    /// Milliseconds after the start of the [`Connections`].
    since: AtomicU64,
    order: AtomicU8,
    told: Notify,
    epoch: Instant,
}

impl Connection {
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.since.store(self.now(), Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn phase(&self) -> Phase {
        Phase::from_u8(self.phase.load(Ordering::Relaxed))
    }

    fn bytes_came(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    fn tell(&self, order: Order) {
        if self.order.fetch_max(order as u8, Ordering::Relaxed) < order as u8 {
            self.told.notify_one();
        }
    }

    /// Waits for an order stronger than `heard`.
    pub(super) async fn order(&self, heard: Option<Order>) -> Order {
        loop {
            let order = match self.order.load(Ordering::Relaxed) {
                0 => None,
                1 => Some(Order::Finish),
                _ => Some(Order::Close),
            };
            match order {
                Some(order) if Some(order) > heard => return order,
                _ => self.told.notified().await,
            }
        }
    }
}

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    open: Mutex<HashMap<u64, Arc<Connection>>>,
    next: AtomicU64,
    epoch: Instant,
    /// Signalled whenever one closes.
    closed: Notify,
}

impl Connections {
    pub(super) fn new() -> Self {
        let (open, next) = (Mutex::default(), AtomicU64::new(0));
        Connections { open, next, epoch: Instant::now(), closed: Notify::new() }
    }

    /// Takes up a connection, which counts until the guard is dropped.
    pub(super) fn open(self: &Arc<Self>, metrics: &Arc<Metrics>) -> Guard {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection {
            id,
            phase: AtomicU8::new(Phase::Handshake as u8),
            since: AtomicU64::new(0),
            order: AtomicU8::new(0),
            told: Notify::new(),
            epoch: self.epoch,
        });
        connection.enter(Phase::Handshake);
        self.lock().insert(id, connection.clone());
        metrics.connections.inc();
        Guard { connection, all: self.clone(), metrics: metrics.clone() }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Closes what has been in one phase for too long. While draining, idle ones have one second.
    pub(super) fn sweep(&self, settings: &Settings, metrics: &Metrics, draining: bool) {
        let now = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        for connection in self.lock().values() {
            let idle = if draining { Duration::from_secs(1) } else { settings.idle_timeout };
            let (limit, order, reason) = match connection.phase() {
                Phase::Handshake => (settings.handshake_timeout, Order::Close, "handshake_timeout"),
                Phase::Idle if draining => (idle, Order::Close, "drained"),
                Phase::Idle => (idle, Order::Finish, "idle"),
                Phase::Head => (settings.header_timeout, Order::Close, "header_timeout"),
                Phase::Busy => (settings.request_timeout, Order::Close, "request_timeout"),
            };
            let since = connection.since.load(Ordering::Relaxed);
            if u128::from(now.saturating_sub(since)) >= limit.as_millis()
                && connection.order.load(Ordering::Relaxed) < order as u8
            {
                metrics.closed(reason);
                connection.tell(order);
            }
        }
    }

    /// Asks the connection that was idle for longest to make room. Those that are told already do not count.
    pub(super) fn evict(&self, metrics: &Metrics) -> bool {
        let open = self.lock();
        let idle = open.values().filter(|c| c.phase() == Phase::Idle && c.order.load(Ordering::Relaxed) == 0);
        match idle.min_by_key(|c| (c.since.load(Ordering::Relaxed), c.id)) {
            Some(connection) => {
                metrics.closed("evicted");
                // an idle connection closes at once; one that has just got a request answers it first
                connection.tell(Order::Finish);
                true
            }
            None => false,
        }
    }

    /// Tells all.
    pub(super) fn tell_all(&self, order: Order) {
        self.lock().values().for_each(|connection| connection.tell(order));
    }

    /// Waits until none is open.
    pub(super) async fn all_closed(&self) {
        loop {
            let closed = self.closed.notified();
            if self.len() == 0 {
                return;
            }
            closed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds a connection's place among the open ones.
pub(super) struct Guard {
    pub(super) connection: Arc<Connection>,
    all: Arc<Connections>,
    metrics: Arc<Metrics>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.all.lock().remove(&self.connection.id);
        self.metrics.connections.dec();
        self.all.closed.notify_waiters();
    }
}

/// A stream that notes when the first byte of a request comes.
pub(super) struct Watched<I> {
    pub(super) inner: I,
    pub(super) connection: Arc<Connection>,
}

impl<I: Read + Unpin> Read for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.connection.bytes_came();
        }
        polled
    }
}

impl<I: Write + Unpin> Write for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn sweep_knows_each_phase() {
        let all = Arc::new(Connections::new());
        let metrics = Arc::new(Metrics::default());
        let ms = Duration::from_millis;
        let settings = Settings {
            handshake_timeout: ms(0),
            idle_timeout: ms(60_000),
            header_timeout: ms(0),
            request_timeout: ms(60_000),
            ..Settings::default()
        };
        let guards: Vec<_> = (0..4).map(|_| all.open(&metrics)).collect();
        for (guard, phase) in guards.iter().zip([Phase::Handshake, Phase::Idle, Phase::Idle, Phase::Busy]) {
            guard.connection.enter(phase);
        }
        guards[2].connection.bytes_came();
        guards[3].connection.bytes_came();
        all.sweep(&settings, &metrics, false);
        let orders: Vec<u8> = guards.iter().map(|g| g.connection.order.load(Ordering::Relaxed)).collect();
        assert_eq!(orders, [Order::Close as u8, 0, Order::Close as u8, 0]);
        assert!(all.evict(&metrics), "the idle one makes room");
        assert!(!all.evict(&metrics), "once");
        drop(guards);
        assert_eq!(all.len(), 0);
    }
}
