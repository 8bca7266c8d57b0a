//! The plain port for the kubelet and Prometheus: `/healthz`, `/readyz`, `/metrics`.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use super::metrics::Metrics;
use super::reload::Board;

/// The routes.
pub fn routes(board: Board) -> Router {
    Router::new()
        // alive as long as it answers: whatever is not ready now may be later, and a restart mends nothing
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(board)
}

async fn readyz(State(board): State<Board>) -> impl IntoResponse {
    let ready = board.readiness.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, board.readiness.text())
}

async fn metrics(State(board): State<Board>) -> impl IntoResponse {
    let metrics: &Arc<Metrics> = &board.metrics;
    metrics.set_ready(board.readiness.is_ready());
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.text())
}

/// Serves until dropped. It outlives the drain, so that a probe sees *not ready* rather than nothing.
///
/// # Errors
/// None: where the listener fails, `axum::serve` tries again.
pub async fn serve(listener: TcpListener, board: Board) -> io::Result<()> {
    axum::serve(listener, routes(board)).await
}

/// Serves on a thread of its own until the process ends: the kubelet must not take a webhook for dead whose other
/// threads are all judging.
///
/// # Errors
/// When there is no thread, or the listener cannot be moved to it.
pub fn spawn(listener: TcpListener, board: Board) -> io::Result<()> {
    let listener = listener.into_std()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serve = async move { serve(TcpListener::from_std(listener)?, board).await };
    let thread = std::thread::Builder::new().name("plimsoll-admin".to_owned());
    thread.spawn(move || {
        if let Err(error) = runtime.block_on(serve) {
            tracing::error!(%error, "the admin port is not served any more");
        }
    })?;
    Ok(())
}
