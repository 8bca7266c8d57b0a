//! A connection from accept to close: the handshake, then one request and its answer after the other.
//!
//! ```text
//! accept ─▶ handshake ─▶ Watched::request ─ first byte ─▶ exchange: hyper reads, asks, writes ─┐
//!                              ▲  nothing but the TLS session                                  │
//!                              └──────────────── answer sent, nothing more came ───────────────┘
//! ```

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use hyper::server::conn::http1::Parts;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::connection::{Connection, Guard, Order, Phase};
use super::server::Shared;
use super::stream::Watched;

/// hyper takes no smaller buffer.
const LEAST_HEAD: usize = 8 << 10;

/// One connection from accept to close.
pub(super) async fn serve(shared: Arc<Shared>, acceptor: TlsAcceptor, tcp: TcpStream, guard: Guard) {
    let connection = guard.connection.clone();
    // an answer is one write; without it, a delay is ours to lose
    let _ = tcp.set_nodelay(true);
    let tls = tokio::select! {
        biased;
        accepted = Box::pin(acceptor.accept(tcp)) => match accepted {
            Ok(tls) => tls,
            Err(error) => {
                shared.metrics.closed("handshake_failed");
                tracing::debug!(%error, "TLS handshake failed");
                return;
            }
        },
        _ = connection.order(Some(Order::Finish)) => return,
    };
    connection.enter(Phase::Idle);
    // boxed: it goes to hyper and comes back with each request
    let mut stream = Watched::new(TokioIo::new(Box::new(tls)), connection.clone());
    loop {
        let asked = tokio::select! {
            biased;
            asked = stream.request() => asked,
            order = connection.order(None) => match order {
                Order::Finish => Ok(false),
                Order::Close => return,
            },
        };
        let ended = match asked {
            // boxed, as the handshake: its state would otherwise lie in every connection
            Ok(true) => Box::pin(exchange(&shared, &connection, stream)).await,
            Ok(false) => tokio::select! {
                biased;
                closed = stream.shutdown() => closed.map(|()| None).map_err(Into::into),
                _ = connection.order(Some(Order::Finish)) => return,
            },
            Err(error) => Err(error.into()),
        };
        stream = match ended {
            Ok(Some(stream)) => stream,
            Ok(None) => return,
            Err(error) => return tracing::debug!(%error, "connection ended"),
        };
    }
}

type Tls = TokioIo<Box<tokio_rustls::server::TlsStream<TcpStream>>>;

/// A request and its answer, and what comes close behind it. `None` where the connection ends with it.
async fn exchange(
    shared: &Arc<Shared>,
    connection: &Arc<Connection>,
    stream: Watched<Tls>,
) -> Result<Option<Watched<Tls>>, Box<dyn std::error::Error + Send + Sync>> {
    let service = service_fn(|request| {
        shared.connections.asked(connection);
        connection.enter(Phase::Busy);
        connection.exchange.begin();
        Box::pin(async {
            let response = shared.respond(request, connection).await;
            connection.enter(Phase::Idle);
            Ok::<_, Infallible>(response)
        })
    });
    connection.exchange.begin();
    let mut http = hyper::server::conn::http1::Builder::new()
        // see `connection` for the timeouts
        .header_read_timeout(None)
        .max_buf_size(shared.settings.head_bytes.max(LEAST_HEAD))
        .serve_connection(stream, service);
    let mut heard = None;
    loop {
        let polled = poll_fn(|cx| match Pin::new(&mut http).poll(cx) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if connection.exchange.is_over() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        tokio::select! {
            biased;
            ended = polled => return match ended {
                Some(ended) => Ok(ended.map(|()| None)?),
                None => {
                    let Parts { io: mut stream, read_buf, .. } = http.into_parts();
                    stream.put_back(read_buf);
                    Ok(Some(stream))
                }
            },
            order = connection.order(heard) => match order {
                Order::Finish => Pin::new(&mut http).graceful_shutdown(),
                Order::Close => return Ok(None),
            },
        }
        heard = Some(Order::Finish);
    }
}
