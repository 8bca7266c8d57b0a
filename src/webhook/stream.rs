//! The stream of a connection, and when HTTP may let go of it.
//!
//! hyper keeps some 25 KB of buffers for a connection as long as it has it, and the API server keeps hundreds of connections
//! open on which it rarely asks. So hyper has a stream only from the first byte of a request until its answer is sent, and
//! between requests a connection costs what TLS costs.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

use super::connection::Connection;

/// How far the request that came last is answered.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    step: AtomicU8,
    /// Whether hyper found nothing to read when it looked last.
    blocked: AtomicBool,
}

/// The request or its answer are not complete.
const OPEN: u8 = 0;
/// The request is read to its end, and its answer is made.
const ANSWERED: u8 = 1;
/// hyper has written a part of the answer, or tried to.
const WRITING: u8 = 2;
/// hyper has written all that it had, and the stream has sent it.
const SENT: u8 = 3;

impl Exchange {
    /// A request begins.
    pub(super) fn begin(&self) {
        self.step.store(OPEN, Ordering::Relaxed);
    }

    /// The request is read to its end, and its answer is made.
    pub(super) fn answered(&self) {
        self.step.store(ANSWERED, Ordering::Relaxed);
    }

    fn writing(&self) {
        if self.step.load(Ordering::Relaxed) != OPEN {
            self.step.store(WRITING, Ordering::Relaxed);
        }
    }

    fn flushed(&self) {
        if self.step.load(Ordering::Relaxed) == WRITING {
            self.step.store(SENT, Ordering::Relaxed);
        }
    }

    /// Whether nothing of it is left to read or to write, and hyper only waits for the next. To be asked when hyper has just
    /// been polled: what it holds to be written, it tries to write each time.
    pub(super) fn is_over(&self) -> bool {
        self.step.load(Ordering::Relaxed) == SENT && self.blocked.load(Ordering::Relaxed)
    }
}

/// A stream that notes what becomes of the requests on it.
pub(super) struct Watched<I> {
    inner: I,
    connection: Arc<Connection>,
    /// What of a request was read before hyper was given the stream.
    ahead: Bytes,
}

impl<I: Read + Write + Unpin> Watched<I> {
    pub(super) fn new(inner: I, connection: Arc<Connection>) -> Self {
        Watched { inner, connection, ahead: Bytes::new() }
    }

    /// Gives back what hyper had read ahead: the start of a request that was sent before the last was answered.
    pub(super) fn put_back(&mut self, ahead: Bytes) {
        // what is empty holds on to the buffer that it was cut from
        self.ahead = if ahead.is_empty() { Bytes::new() } else { ahead };
    }

    /// Waits for a request; false where the peer sends none any more.
    pub(super) async fn request(&mut self) -> io::Result<bool> {
        std::future::poll_fn(|cx| self.poll_request(cx)).await
    }

    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.ahead.is_empty() {
            // one byte tells, and leaves the others to the buffer that hyper reads them into
            let mut first = [0];
            let mut buffer = ReadBuf::new(&mut first);
            ready!(Pin::new(&mut self.inner).poll_read(cx, buffer.unfilled()))?;
            self.ahead = Bytes::copy_from_slice(buffer.filled());
        }
        Poll::Ready(Ok(!self.ahead.is_empty()))
    }

    /// Tells the peer that nothing more comes.
    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| Pin::new(&mut self.inner).poll_shutdown(cx)).await
    }
}

impl<I: Read + Unpin> Read for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let ahead = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead[..ahead]);
        self.ahead.advance(ahead);
        let polled = match Pin::new(&mut self.inner).poll_read(cx, buf) {
            Poll::Pending if ahead > 0 => Poll::Ready(Ok(())),
            polled => polled,
        };
        self.connection.exchange.blocked.store(polled.is_pending(), Ordering::Relaxed);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.connection.bytes_came();
        }
        polled
    }
}

impl<I: Read + Write + Unpin> Write for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.connection.exchange.writing();
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.connection.exchange.flushed();
        }
        polled
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
        self.connection.exchange.writing();
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_over_when_its_answer_is_sent_and_nothing_more_has_come() {
        type Event = fn(&Exchange);
        let blocked: Event = |exchange| exchange.blocked.store(true, Ordering::Relaxed);
        let came: Event = |exchange| exchange.blocked.store(false, Ordering::Relaxed);
        let (answered, writing): (Event, Event) = (Exchange::answered, Exchange::writing);
        let (flushed, begin): (Event, Event) = (Exchange::flushed, Exchange::begin);
        for (what, events, is_over) in [
            ("answered, sent, nothing more", vec![came, answered, writing, flushed, blocked], true),
            ("nothing more, before it was sent", vec![blocked, answered, writing, flushed], true),
            ("not all is sent", vec![answered, writing, flushed, writing, blocked], false),
            ("nothing is written", vec![answered, flushed, blocked], false),
            ("a part of the body is not read", vec![writing, flushed, blocked], false),
            ("something came behind it", vec![answered, writing, flushed, blocked, came], false),
            ("the next has begun", vec![answered, writing, flushed, begin, blocked], false),
        ] {
            let exchange = Exchange::default();
            events.iter().for_each(|event| event(&exchange));
            assert_eq!(exchange.is_over(), is_over, "{what}");
        }
    }
}
