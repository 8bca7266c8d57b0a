//! Every limit and every time that the server keeps, in one place so that tests can set them.

use std::time::Duration;

use crate::limits;

/// How the server behaves. The defaults are for production.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest body. The API server sends 3 MB each for object and oldObject, and protobuf grows as JSON.
    pub max_body: usize,
    /// All bodies share this many bytes; an eighth is kept for small ones, so that large ones do not stop them.
    pub body_budget: usize,
    /// From here on a body is judged off the I/O threads.
    pub large_body: usize,
    /// Open connections; at the cap one makes room: first one that has asked nothing yet, then the longest idle one of a
    /// peer that has more than its share, then the longest idle one.
    pub max_connections: usize,
    /// What one peer address may have of them before its idle ones make room first.
    pub peer_share: usize,
    /// Connections of one peer address that have asked nothing yet; one more closes the oldest of them.
    pub silent_per_peer: usize,
    /// Bytes that a connection may buffer of a request's head.
    pub head_bytes: usize,
    /// From accept to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// From the first byte of a request to the end of its head.
    pub header_timeout: Duration,
    /// Between requests. Longer than the 90 s after which the API server closes idle connections itself: were we
    /// first, a review sent at that moment would be lost, for Go does not repeat a POST.
    pub idle_timeout: Duration,
    /// A request that takes longer than this, from its head to our answer, has its connection cut.
    pub request_timeout: Duration,
    /// The longest `?timeout` that is granted.
    pub max_timeout: Duration,
    /// Where a call has no `?timeout`: the API server's own default.
    pub default_timeout: Duration,
    /// Evaluations at one time on the I/O threads; quick ones run there, which saves two thread switches. As many as
    /// there are such threads: a thread that may not evaluate reads all requests that it finds, and what is read and
    /// waits costs memory, where in the kernel it costs none.
    pub inline_evaluations: usize,
    /// While evaluations run for longer than this on (moving) average, all run on the pool.
    pub slow_evaluation: Duration,
    /// Evaluations at one time on the pool. They are CPU work: more threads than a few per core only cost memory.
    pub pooled_evaluations: usize,
    /// After SIGTERM, how long the server is not ready and still serves: until every kube-proxy knows.
    pub lame_duck: Duration,
    /// After that, how long running requests may take to end.
    pub drain_timeout: Duration,
    /// How often connections are looked over.
    pub tick: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Settings {
            max_body: limits::BODY_BYTES,
            body_budget: limits::BODIES_BYTES,
            large_body: 128 << 10,
            max_connections: limits::CONNECTIONS,
            peer_share: limits::CONNECTIONS / limits::PEER_SHARE,
            silent_per_peer: limits::CONNECTIONS / limits::SILENT_SHARE,
            head_bytes: limits::HEAD_BYTES,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            request_timeout: Duration::from_secs(60),
            max_timeout: limits::TIMEOUT,
            default_timeout: limits::DEFAULT_TIMEOUT,
            inline_evaluations: cores + 1,
            slow_evaluation: Duration::from_millis(5),
            pooled_evaluations: (4 * cores).max(8),
            lame_duck: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(20),
            tick: Duration::from_millis(250),
        }
    }
}

impl Settings {
    /// With so many open connections, and a peer's shares of them.
    #[must_use]
    pub fn with_connections(self, max_connections: usize) -> Self {
        let share = |part: usize| (max_connections / part).max(1);
        let (peer_share, silent_per_peer) = (share(limits::PEER_SHARE), share(limits::SILENT_SHARE));
        Settings { max_connections, peer_share, silent_per_peer, ..self }
    }

    /// Threads for the runtime: one more than there are cores, so that one that is held up leaves no core idle.
    #[must_use]
    pub fn worker_threads(&self) -> usize {
        self.inline_evaluations.max(1)
    }

    /// Threads for what blocks: those of the pool, and some for what else a runtime has to do. Without a limit there are as many
    /// as evaluations ended at one time, and each has memory of its own.
    #[must_use]
    pub fn blocking_threads(&self) -> usize {
        self.pooled_evaluations + 16
    }
}
