//! Every limit and every time that the server keeps, in one place so that tests can set them.

use std::time::Duration;

/// How the server behaves. The defaults are for production.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest body. The API server sends 3 MB each for object and oldObject, and protobuf grows as JSON.
    pub max_body: usize,
    /// Bodies above [`large_body`](Self::large_body) share this many bytes.
    pub body_budget: usize,
    /// From here on a body counts against the budget and is judged off the I/O threads.
    pub large_body: usize,
    /// Open connections; at the cap the longest idle one makes room.
    pub max_connections: usize,
    /// From accept to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// From the first byte of a request to the end of its head.
    pub header_timeout: Duration,
    /// Between requests. Longer than the 90 s after which the API server closes idle connections itself: were we
    /// first, a review sent at that moment would be lost, for Go does not repeat a POST.
    pub idle_timeout: Duration,
    /// A request that takes longer than this, from its head to our answer, has its connection cut.
    pub request_timeout: Duration,
    /// Where a call has no `?timeout`: the API server's own default.
    pub default_timeout: Duration,
    /// Evaluations at one time on the I/O threads; quick ones run there, which saves two thread switches. As many as
    /// there are such threads: a thread that may not evaluate reads all requests that it finds, and what is read and
    /// waits costs memory, where in the kernel it costs none.
    pub inline_evaluations: usize,
    /// While evaluations take longer than this on (moving) average, all run on the pool.
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
            max_body: 16 << 20,
            body_budget: 128 << 20,
            large_body: 128 << 10,
            max_connections: 4096,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            request_timeout: Duration::from_secs(60),
            default_timeout: Duration::from_secs(10),
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
    /// Threads for the runtime: one more than there are cores, so that one that is held up leaves no core idle.
    #[must_use]
    pub fn worker_threads(&self) -> usize {
        self.inline_evaluations.max(1)
    }
}
