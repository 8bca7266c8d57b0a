//! What each open connection is doing and since when, and the one task that closes those that do nothing.
//!
//! ```text
//! accept ─▶ Handshake ─▶ Idle ◀─────────────▶ Busy
//!              │           │  └─▶ Head ─────────┘   (first byte of a request read, its head not complete)
//!        10 s  ▼    120 s  ▼  10 s ▼        60 s ▼   closed by `Connections::sweep`
//! ```
//!
//! Where connections are short ([`Connections::open`]) one makes room at once, without anybody waiting for it to close:
//! first one on which nothing was asked yet, then the longest idle one of a peer that has more than its share, then the
//! longest idle one. So whoever opens many and asks nothing costs those that ask nothing.
//!
//! One sweep over plain numbers instead of a timer for each phase of each connection: 10,000 idle connections cost
//! nothing, and a request sets no timer. hyper's own header timeout also runs between requests, where a short one
//! would close connections that the API server is about to use.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::metrics::Metrics;
use super::settings::Settings;
use super::stream::Exchange;

/// So long nobody asked on a connection that is closed while the server drains. Whoever asks is told `Connection: close` and
/// goes; a connection that is closed from this side, just when somebody asks on it again, fails his request, for a client
/// does not repeat what it has posted. The longer it lay idle, the less likely is that.
const IDLE_IN_DRAIN: Duration = Duration::from_secs(5);

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
    /// Close at once, whatever is running.
    Close = 2,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    id: u64,
    peer: IpAddr,
    /// Whether a request came on it.
    asked: AtomicBool,
    /// Whether it has made room: it closes, and its place is another's.
    evicted: AtomicBool,
    phase: AtomicU8,
    /// Milliseconds after the start of the [`Connections`].
    since: AtomicU64,
    order: AtomicU8,
    told: Notify,
    epoch: Instant,
    /// How far the request that came last is answered.
    pub(super) exchange: Exchange,
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

    pub(super) fn bytes_came(&self) {
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
    open: Mutex<Open>,
    next: AtomicU64,
    epoch: Instant,
    /// Signalled whenever one closes.
    closed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    all: HashMap<u64, Arc<Connection>>,
    /// Of them, those that have made room and are about to close.
    evicted: usize,
    /// By peer, those on which nothing was asked yet; and all. Neither counts what was evicted.
    silent: HashMap<IpAddr, usize>,
    peers: HashMap<IpAddr, usize>,
}

fn less(counts: &mut HashMap<IpAddr, usize>, peer: IpAddr) {
    if let Some(count) = counts.get_mut(&peer) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&peer);
        }
    }
}

impl Open {
    fn add(&mut self, connection: Arc<Connection>) {
        *self.silent.entry(connection.peer).or_default() += 1;
        *self.peers.entry(connection.peer).or_default() += 1;
        self.all.insert(connection.id, connection);
    }

    /// Takes a connection out of what counts.
    fn discount(&mut self, connection: &Connection) {
        less(&mut self.peers, connection.peer);
        if !connection.asked.load(Ordering::Relaxed) {
            less(&mut self.silent, connection.peer);
        }
    }

    /// Has the one that is waiting for longest among the candidates make room.
    fn evict(
        &mut self,
        metrics: &Metrics,
        reason: &'static str,
        candidate: impl Fn(&Self, &Connection) -> bool,
    ) -> bool {
        let candidates =
            self.all.values().filter(|c| !c.evicted.load(Ordering::Relaxed) && candidate(self, c));
        let Some(victim) = candidates.min_by_key(|c| (c.since.load(Ordering::Relaxed), c.id)).cloned() else {
            return false;
        };
        victim.evicted.store(true, Ordering::Relaxed);
        self.evicted += 1;
        self.discount(&victim);
        metrics.closed(reason);
        metrics.connections.dec();
        // one that was idle answers first what it has just got; nobody waits for an answer on a silent one
        victim.tell(if victim.asked.load(Ordering::Relaxed) { Order::Finish } else { Order::Close });
        true
    }

    fn evict_silent(&mut self, metrics: &Metrics, peer: Option<IpAddr>) -> bool {
        let reason = if peer.is_some() { "peer_silent" } else { "evicted_silent" };
        self.evict(metrics, reason, |_, c| {
            !c.asked.load(Ordering::Relaxed) && peer.is_none_or(|peer| peer == c.peer)
        })
    }

    /// Whether one has made room.
    fn make_room(&mut self, peer_share: usize, metrics: &Metrics) -> bool {
        let idle = |c: &Connection| c.phase() == Phase::Idle;
        let above = |open: &Self, c: &Connection| open.peers.get(&c.peer).is_some_and(|n| *n > peer_share);
        self.evict_silent(metrics, None)
            || self.evict(metrics, "evicted", |open, c| idle(c) && above(open, c))
            || self.evict(metrics, "evicted", |_, c| idle(c))
    }
}

impl Connections {
    pub(super) fn new() -> Self {
        let (open, next) = (Mutex::default(), AtomicU64::new(0));
        Connections { open, next, epoch: Instant::now(), closed: Notify::new() }
    }

    /// Takes up a connection, which counts until the guard is dropped or it makes room for another. `None` where all are
    /// busy, or as many as there may be are still closing.
    pub(super) fn open(
        self: &Arc<Self>,
        peer: IpAddr,
        settings: &Settings,
        metrics: &Arc<Metrics>,
    ) -> Option<Guard> {
        let peer = peer.to_canonical();
        let mut open = self.lock();
        if open.evicted >= settings.max_connections {
            return None;
        }
        if open.silent.get(&peer).is_some_and(|count| *count >= settings.silent_per_peer) {
            open.evict_silent(metrics, Some(peer));
        }
        if open.all.len() - open.evicted >= settings.max_connections
            && !open.make_room(settings.peer_share, metrics)
        {
            return None;
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection {
            id,
            peer,
            asked: AtomicBool::new(false),
            evicted: AtomicBool::new(false),
            phase: AtomicU8::new(Phase::Handshake as u8),
            since: AtomicU64::new(0),
            order: AtomicU8::new(0),
            told: Notify::new(),
            epoch: self.epoch,
            exchange: Exchange::default(),
        });
        connection.enter(Phase::Handshake);
        open.add(connection.clone());
        metrics.connections.inc();
        Some(Guard { connection, all: self.clone(), metrics: metrics.clone() })
    }

    /// A request came on it.
    pub(super) fn asked(&self, connection: &Connection) {
        if !connection.asked.load(Ordering::Relaxed) {
            let mut open = self.lock();
            if !connection.asked.swap(true, Ordering::Relaxed) && !connection.evicted.load(Ordering::Relaxed)
            {
                less(&mut open.silent, connection.peer);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().all.len()
    }

    /// Closes what has been in one phase for too long. While draining, idle ones have [`IDLE_IN_DRAIN`].
    pub(super) fn sweep(&self, settings: &Settings, metrics: &Metrics, draining: bool) {
        let now = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        for connection in self.lock().all.values() {
            let idle = if draining { IDLE_IN_DRAIN } else { settings.idle_timeout };
            let (limit, order, reason) = match connection.phase() {
                Phase::Handshake => (settings.handshake_timeout, Order::Close, "handshake_timeout"),
                Phase::Idle if draining => (idle, Order::Finish, "drained"),
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

    /// Has one connection make room, where there are no file descriptors for more.
    pub(super) fn evict(&self, peer_share: usize, metrics: &Metrics) -> bool {
        self.lock().make_room(peer_share, metrics)
    }

    /// Gives every open connection the order.
    pub(super) fn tell_all(&self, order: Order) {
        self.lock().all.values().for_each(|connection| connection.tell(order));
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

    fn lock(&self) -> MutexGuard<'_, Open> {
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
        let mut open = self.all.lock();
        open.all.remove(&self.connection.id);
        if self.connection.evicted.load(Ordering::Relaxed) {
            open.evicted -= 1;
        } else {
            open.discount(&self.connection);
            self.metrics.connections.dec();
        }
        drop(open);
        self.all.closed.notify_waiters();
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
        let guards: Vec<_> = (0..4).map(|_| all.open(PEER, &settings, &metrics).unwrap()).collect();
        for (guard, phase) in guards.iter().zip([Phase::Handshake, Phase::Idle, Phase::Idle, Phase::Busy]) {
            guard.connection.enter(phase);
        }
        guards[2].connection.bytes_came();
        guards[3].connection.bytes_came();
        all.sweep(&settings, &metrics, false);
        let orders: Vec<u8> = guards.iter().map(|g| g.connection.order.load(Ordering::Relaxed)).collect();
        assert_eq!(orders, [Order::Close as u8, 0, Order::Close as u8, 0]);
        drop(guards);
        assert_eq!(all.len(), 0);
    }

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    /// Opened from `peer`, in a phase, after it had asked something or not.
    fn opened(all: &Arc<Connections>, peer: IpAddr, settings: &Settings, asked: bool, phase: Phase) -> Guard {
        let guard = all.open(peer, settings, &Arc::new(Metrics::default())).expect("a place");
        if asked {
            all.asked(&guard.connection);
        }
        guard.connection.enter(phase);
        guard
    }

    fn closing(guards: &[&Guard]) -> Vec<bool> {
        guards.iter().map(|guard| guard.connection.evicted.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn who_has_asked_nothing_makes_room_first_and_nobody_waits() {
        let settings =
            Settings { peer_share: 2, silent_per_peer: 4, max_connections: 5, ..Settings::default() };
        let all = Arc::new(Connections::new());
        let metrics = Arc::new(Metrics::default());
        let other = opened(&all, OTHER, &settings, true, Phase::Idle);
        let first = opened(&all, PEER, &settings, true, Phase::Idle);
        let second = opened(&all, PEER, &settings, true, Phase::Idle);
        let busy = opened(&all, PEER, &settings, true, Phase::Busy);
        let silent = opened(&all, OTHER, &settings, false, Phase::Idle);
        let guards = [&other, &first, &second, &busy, &silent];
        let sixth = opened(&all, OTHER, &settings, true, Phase::Busy);
        assert_eq!(
            closing(&guards),
            [false, false, false, false, true],
            "the silent one, though it came last"
        );
        assert_eq!(silent.connection.order.load(Ordering::Relaxed), Order::Close as u8);
        let seventh = opened(&all, OTHER, &settings, true, Phase::Busy);
        assert_eq!(
            closing(&guards),
            [false, true, false, false, true],
            "of the peer with more than its share"
        );
        assert_eq!(first.connection.order.load(Ordering::Relaxed), Order::Finish as u8);
        let eighth = opened(&all, PEER, &settings, true, Phase::Busy);
        let ninth = opened(&all, PEER, &settings, true, Phase::Busy);
        assert_eq!(closing(&guards), [true, true, true, false, true], "then whatever is idle");
        assert!(all.open(PEER, &settings, &metrics).is_none(), "all are busy");
        drop(busy);
        assert!(all.open(PEER, &settings, &metrics).is_some());
        drop((other, first, second, silent, sixth, seventh, eighth, ninth));
        assert_eq!(all.len(), 0);
        let open = all.lock();
        assert!(open.silent.is_empty() && open.peers.is_empty() && open.evicted == 0, "{open:?}");
    }

    #[test]
    fn a_peer_has_a_share_of_silent_connections() {
        let settings = Settings { silent_per_peer: 2, max_connections: 100, ..Settings::default() };
        let all = Arc::new(Connections::new());
        let other = opened(&all, OTHER, &settings, false, Phase::Handshake);
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        let silent: Vec<Guard> =
            [PEER, mapped, PEER, PEER].map(|peer| opened(&all, peer, &settings, false, Phase::Head)).into();
        assert_eq!(closing(&silent.iter().collect::<Vec<_>>()), [true, true, false, false], "the oldest go");
        let asking: Vec<Guard> = (0..5).map(|_| opened(&all, PEER, &settings, true, Phase::Busy)).collect();
        assert!(!closing(&asking.iter().collect::<Vec<_>>()).contains(&true), "who asks does not count");
        assert_eq!(closing(&[&other]), [false]);
    }
}
