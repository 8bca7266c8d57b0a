//! The TLS port: accept loop, routes, and what becomes of a request before it is a review.
//!
//! hyper is driven directly: there are two routes, and the limits (deadline, body, `Connection: close`) belong to the
//! connection as much as to the request.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use crate::policy::FailurePolicy;

use super::callers::Callers;
use super::certificate::{Slot, server_config};
use super::connection::{Connection, Connections, Order};
use super::exchange::serve;
use super::gate::{Deadlines, Gate};
use super::goduration;
use super::metrics::Metrics;
use super::reload::{Board, Policies};
use super::settings::Settings;
use crate::review::{Answer, Endpoint, Failure, Observer, Refusal, Reply, ReviewRequest, RuleDecision};

/// The server, before and while it runs.
pub struct Server {
    shared: Arc<Shared>,
    certificate: Arc<Slot>,
    callers: Option<Arc<Callers>>,
}

/// What all connections share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    policies: Arc<Policies>,
    pub(super) metrics: Arc<Metrics>,
    gate: Arc<Gate>,
    pub(super) connections: Arc<Connections>,
    bodies: Bodies,
    draining: AtomicBool,
}

/// How a request is refused before it is read as a review. The API server treats each as a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Rejection {
    #[error("not found; reviews are posted to /validate and /mutate")]
    NotFound,
    #[error("method not allowed; reviews are posted")]
    NotPost,
    #[error("unsupported media type; expected application/json")]
    NotJson,
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not come in time")]
    BodyTooSlow,
    #[error("the body broke off")]
    BodyBroken,
    #[error("too many large requests at one time")]
    NoRoom,
    #[error("no policies are loaded yet")]
    NoPolicies,
}

impl Rejection {
    fn status(self) -> StatusCode {
        match self {
            Rejection::NotFound => StatusCode::NOT_FOUND,
            Rejection::NotPost => StatusCode::METHOD_NOT_ALLOWED,
            Rejection::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Rejection::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Rejection::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Rejection::BodyBroken => StatusCode::BAD_REQUEST,
            Rejection::NoRoom | Rejection::NoPolicies => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Rejection::NotFound => "not_found",
            Rejection::NotPost => "not_post",
            Rejection::NotJson => "not_json",
            Rejection::TooLarge(_) => "too_large",
            Rejection::BodyTooSlow => "body_too_slow",
            Rejection::BodyBroken => "body_broken",
            Rejection::NoRoom => "no_room",
            Rejection::NoPolicies => "no_policies",
        }
    }

    /// Whether the body is left unread, so that the connection cannot be used again.
    fn ends_connection(self) -> bool {
        !matches!(self, Rejection::NoPolicies)
    }
}

impl Server {
    /// With policies and certificate that others keep fresh.
    #[must_use]
    pub fn new(settings: Settings, policies: Arc<Policies>, certificate: Arc<Slot>, board: &Board) -> Self {
        let shared = Arc::new(Shared {
            gate: Arc::new(Gate::new(&settings)),
            connections: Arc::new(Connections::new()),
            bodies: Bodies::new(&settings),
            draining: AtomicBool::new(false),
            metrics: board.metrics.clone(),
            policies,
            settings,
        });
        Server { shared, certificate, callers: None }
    }

    /// Only these may ask.
    #[must_use]
    pub fn asked_by(self, callers: Option<Arc<Callers>>) -> Self {
        Server { callers, ..self }
    }

    /// Accepts until `stop` ends, then drains: running requests are answered, idle connections closed.
    ///
    /// `drain` ends first: from then on every answer says `Connection: close`, and new connections are still
    /// accepted, for load balancers learn late that this replica is going.
    pub async fn run(
        self,
        listener: TcpListener,
        drain: impl Future<Output = ()>,
        stop: impl Future<Output = ()>,
    ) {
        let Self { shared, certificate, callers } = self;
        let acceptor = TlsAcceptor::from(server_config(certificate, callers));
        let sweeper = tokio::spawn(sweep(shared.clone()));
        let (mut drain, mut stop) = (pin!(drain), pin!(stop));
        loop {
            let draining = shared.draining.load(Ordering::Relaxed);
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = &mut drain, if !draining => shared.draining.store(true, Ordering::Relaxed),
                accepted = listener.accept() => take(&shared, &acceptor, accepted).await,
            }
        }
        shared.draining.store(true, Ordering::Relaxed);
        // what the kernel has accepted already would be reset with the listener
        while let Ok(accepted) = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await {
            if accepted.is_err() {
                break;
            }
            take(&shared, &acceptor, accepted).await;
        }
        // every answer says `Connection: close`, and the sweeper closes what nobody asks any more
        drop(listener);
        if tokio::time::timeout(shared.settings.drain_timeout, shared.connections.all_closed()).await.is_err()
        {
            tracing::warn!(
                open = shared.connections.len(),
                "connections cut at the end of the drain timeout"
            );
            shared.connections.tell_all(Order::Close);
        }
        sweeper.abort();
    }
}

async fn sweep(shared: Arc<Shared>) {
    let Shared { settings, metrics, connections, draining, .. } = &*shared;
    loop {
        tokio::time::sleep(settings.tick).await;
        connections.sweep(settings, metrics, draining.load(Ordering::Relaxed));
    }
}

/// Takes up an accepted connection, or waits a little when accepting fails (no file descriptors, mostly).
async fn take(shared: &Arc<Shared>, acceptor: &TlsAcceptor, accepted: io::Result<(TcpStream, SocketAddr)>) {
    let (tcp, peer) = match accepted {
        Ok((tcp, peer)) => (tcp, peer.ip()),
        Err(error) => {
            shared.metrics.accept_error();
            if !is_peers(&error) {
                tracing::warn!(%error, "cannot accept a connection");
                shared.connections.evict(shared.settings.peer_share, &shared.metrics);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            return;
        }
    };
    let Some(guard) = shared.connections.open(peer, &shared.settings, &shared.metrics) else {
        return shared.metrics.closed("no_place");
    };
    shared.metrics.accepted.inc();
    tokio::spawn(serve(shared.clone(), acceptor.clone(), tcp, guard));
}

/// The peer went away before it was accepted; nothing to wait for.
fn is_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The stage, and the policies where the call is about a part of them.
fn route(path: &str) -> Option<(Endpoint, Option<FailurePolicy>)> {
    Some(match path {
        "/validate" => (Endpoint::Validate, None),
        "/validate/fail" => (Endpoint::Validate, Some(FailurePolicy::Fail)),
        "/validate/ignore" => (Endpoint::Validate, Some(FailurePolicy::Ignore)),
        "/mutate" => (Endpoint::Mutate, None),
        "/mutate/fail" => (Endpoint::Mutate, Some(FailurePolicy::Fail)),
        "/mutate/ignore" => (Endpoint::Mutate, Some(FailurePolicy::Ignore)),
        _ => return None,
    })
}

impl Shared {
    /// Answers a request, of which the connection is told whether it was read to its end.
    pub(super) async fn respond(
        &self,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let (mut response, close) = match self.review(request, started).await {
            Ok(reply) => {
                connection.exchange.answered();
                let content_type = HeaderValue::from_static(reply.content_type());
                let status =
                    StatusCode::from_u16(reply.http_status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut response = Response::new(Full::new(Bytes::from(reply.body)));
                *response.status_mut() = status;
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                (response, false)
            }
            Err(rejection) => {
                self.metrics.refused(rejection.label());
                // counted; a line each would let anybody who reaches the port fill the log
                tracing::debug!(reason = rejection.label(), "request refused");
                let mut response = Response::new(Full::new(Bytes::from(format!("{rejection}\n"))));
                *response.status_mut() = rejection.status();
                let text = HeaderValue::from_static("text/plain; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, text);
                if rejection == Rejection::NotPost {
                    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
                }
                (response, rejection.ends_connection())
            }
        };
        if close || self.draining.load(Ordering::Relaxed) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn review(&self, request: Request<Incoming>, started: Instant) -> Result<Reply, Rejection> {
        let (stage, part) = route(request.uri().path()).ok_or(Rejection::NotFound)?;
        if request.method() != Method::POST {
            return Err(Rejection::NotPost);
        }
        if !request.headers().get(CONTENT_TYPE).is_none_or(is_json) {
            return Err(Rejection::NotJson);
        }
        let timeout = request.uri().query().and_then(goduration::timeout_of).filter(|asked| !asked.is_zero());
        let timeout = timeout.unwrap_or(self.settings.default_timeout).min(self.settings.max_timeout);
        let deadlines = Deadlines::new(started, timeout);
        let (body, _room) = self.body(request.into_body(), deadlines).await?;
        let whole = self.policies.judge().ok_or(Rejection::NoPolicies)?;
        let judge = part.and_then(|part| whole.part(part)).unwrap_or(whole);
        let observer = Arc::new(Seen { metrics: self.metrics.clone(), started });
        Ok(self.gate.answer(judge, stage, body, deadlines, &self.metrics, observer).await)
    }

    /// The body, and its share of the budget.
    async fn body(
        &self,
        body: Incoming,
        deadlines: Deadlines,
    ) -> Result<(Bytes, OwnedSemaphorePermit), Rejection> {
        let evaluate = tokio::time::Instant::from_std(deadlines.evaluate);
        match body.size_hint().exact() {
            // as nearly all: small and announced, mostly one frame that is there already
            Some(length) if length <= self.settings.large_body as u64 => {
                let room = in_time(evaluate, Rejection::NoRoom, self.bodies.small(length)).await?;
                let reading = read(body, self.settings.large_body);
                Ok((in_time(evaluate, Rejection::BodyTooSlow, reading).await?, room))
            }
            announced => Box::pin(self.large_body(body, announced, evaluate)).await,
        }
    }

    async fn large_body(
        &self,
        body: Incoming,
        announced: Option<u64>,
        evaluate: tokio::time::Instant,
    ) -> Result<(Bytes, OwnedSemaphorePermit), Rejection> {
        let max = self.settings.max_body;
        if announced.is_some_and(|length| length > max as u64) {
            return self.too_large(body, evaluate).await;
        }
        let room = self.bodies.large(announced.unwrap_or(max as u64));
        let room = tokio::time::timeout_at(evaluate, room).await.unwrap_or(Err(Rejection::NoRoom))?;
        let reading = tokio::time::timeout_at(evaluate, read(body, max)).await;
        Ok((reading.unwrap_or(Err(Rejection::BodyTooSlow))?, room))
    }

    /// Reads on for a while without keeping anything: were the connection closed under a caller that still writes,
    /// it would see a reset instead of the answer.
    async fn too_large<T>(&self, mut body: Incoming, until: tokio::time::Instant) -> Result<T, Rejection> {
        let max = self.settings.max_body;
        let skim = async {
            let mut skimmed = 0;
            while let Some(Ok(frame)) = body.frame().await {
                skimmed += frame.data_ref().map_or(0, Bytes::len);
                if skimmed > 4 * max {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout_at(until, skim).await;
        Err(Rejection::TooLarge(max))
    }
}

/// The memory that bodies share, in KiB. An eighth is kept for small ones.
struct Bodies {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    /// What a body takes at most: in a small container one that fills the whole budget is read alone.
    most: usize,
}

impl Bodies {
    fn new(settings: &Settings) -> Self {
        let all = (settings.body_budget >> 10).clamp(16, Semaphore::MAX_PERMITS);
        let small = (all / 8).max((settings.large_body >> 10) + 1);
        let most = all.saturating_sub(small).max(1);
        Bodies { small: Arc::new(Semaphore::new(small)), large: Arc::new(Semaphore::new(most)), most }
    }

    async fn small(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Rejection> {
        take_of(&self.small, self.most, bytes).await
    }

    async fn large(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Rejection> {
        take_of(&self.large, self.most, bytes).await
    }
}

async fn take_of(room: &Arc<Semaphore>, most: usize, bytes: u64) -> Result<OwnedSemaphorePermit, Rejection> {
    let share = usize::try_from(bytes.div_ceil(1024)).unwrap_or(most).min(most);
    let share = u32::try_from(share).unwrap_or(u32::MAX);
    room.clone().acquire_many_owned(share).await.map_err(|_| Rejection::NoRoom)
}

/// A body in one piece. The one frame of a small body is passed on as it is.
async fn read(mut body: Incoming, max: usize) -> Result<Bytes, Rejection> {
    let mut whole = Bytes::new();
    let mut joined: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Rejection::BodyBroken)?;
        let Ok(data) = frame.into_data() else { continue };
        if joined.as_ref().map_or(whole.len(), BytesMut::len) + data.len() > max {
            return Err(Rejection::TooLarge(max));
        }
        match &mut joined {
            Some(buffer) => buffer.extend_from_slice(&data),
            None if whole.is_empty() => whole = data,
            None => {
                // sized by what came, not by what was announced
                let more = body.size_hint().lower().min(1 << 20) as usize;
                let mut buffer = BytesMut::with_capacity(whole.len() + data.len() + more);
                buffer.extend_from_slice(&whole);
                buffer.extend_from_slice(&data);
                whole = Bytes::new();
                joined = Some(buffer);
            }
        }
    }
    Ok(joined.map_or(whole, BytesMut::freeze))
}

/// Runs until the deadline, without a timer when it is done at once.
async fn in_time<T>(
    deadline: tokio::time::Instant,
    late: Rejection,
    run: impl Future<Output = Result<T, Rejection>>,
) -> Result<T, Rejection> {
    let mut run = pin!(run);
    match futures::poll!(run.as_mut()) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => {
            Box::pin(tokio::time::timeout_at(deadline, run)).await.unwrap_or(Err(late))
        }
    }
}

/// `application/json`, with or without parameters.
fn is_json(value: &HeaderValue) -> bool {
    let essence = value.as_bytes().split(|b| *b == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Counts every review and logs every deny: who, what, by which policy, how long. Never a body or a message: messages
/// may quote the object.
struct Seen {
    metrics: Arc<Metrics>,
    started: Instant,
}

impl Observer for Seen {
    fn answered(
        &self,
        stage: Endpoint,
        review: &ReviewRequest<'_>,
        answer: &Answer,
        failure: Option<&Failure>,
    ) {
        let took = self.started.elapsed();
        self.metrics.answered(stage, review, answer, failure, took);
        if answer.allowed() && failure.is_none() {
            return;
        }
        tracing::info!(
            uid = &*review.uid,
            stage = stage.name(),
            operation = review.operation.name(),
            policy = denying(answer.outcomes()),
            user = &*review.user_info.username,
            kind = &*review.kind.kind,
            namespace = &*review.namespace,
            name = &*review.name,
            dry_run = review.dry_run,
            failure = failure.map(Failure::label),
            latency_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "{}",
            if answer.allowed() { "allowed unjudged" } else { "denied" },
        );
    }

    fn refused(&self, stage: Endpoint, refusal: &Refusal) {
        self.metrics.refused(refusal.label());
        tracing::warn!(stage = stage.name(), reason = refusal.label(), "review refused");
    }
}

/// `policy/rule` of all that denied, in order, each once.
fn denying(outcomes: &[RuleDecision]) -> String {
    let mut names: Vec<String> = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| matches!(outcome.decision, "deny" | "error")) {
        let (policy, rule) = outcome.names();
        let name = format!("{policy}/{rule}");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(",")
}
