//! A connection's stream with time-outs: waiting for a head, waiting idly, a reader that takes nothing.
//!
//! PERF: hyper's own header time-out makes and registers a timer for every request. Here one timer serves a
//! connection, and the clock is read only where a read or a write had to wait.

use super::limits::Limits;
use crate::edges::server::metrics::Metrics;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What a connection's stream, bodies and driver know of each other.
#[derive(Debug)]
pub(super) struct ConnectionState {
    /// Even: waiting for a request; odd: answering one. Each step is one more, so that none is missed.
    epoch: AtomicU32,
    /// A request's body was given up before its end.
    unread: AtomicBool,
    pub(super) metrics: Arc<Metrics>,
}

impl ConnectionState {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { epoch: AtomicU32::new(0), unread: AtomicBool::new(false), metrics }
    }

    pub(super) fn request_began(&self) {
        self.unread.store(false, Ordering::Relaxed);
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn response_ended(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn body_given_up(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_unread_body(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }
}

/// The stream. INVARIANT: while a deadline is set, the timer is registered to fire at or before it.
pub(super) struct Guarded<T> {
    stream: T,
    state: Arc<ConnectionState>,
    limits: Limits,
    epoch: u32,
    /// Bytes of the awaited head have come.
    head_began: bool,
    head_deadline: Option<Instant>,
    write_deadline: Option<Instant>,
    flush_deadline: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl<T> Guarded<T> {
    pub(super) fn new(stream: T, state: Arc<ConnectionState>, limits: Limits) -> Self {
        // Who connects means to ask: the first head has no idle time.
        let deadline = Instant::now() + limits.header_read;
        Self {
            stream,
            state,
            limits,
            epoch: 0,
            head_began: true,
            head_deadline: Some(deadline),
            write_deadline: None,
            flush_deadline: None,
            timer: Box::pin(tokio::time::sleep_until(deadline)),
        }
    }

    pub(super) fn into_inner(self) -> T {
        self.stream
    }

    fn notice_epoch(&mut self) {
        let epoch = self.state.epoch.load(Ordering::Relaxed);
        if epoch != self.epoch {
            self.epoch = epoch;
            self.head_began = false;
            self.head_deadline = None;
        }
    }

    fn waits_for_head(&self) -> bool {
        self.epoch.is_multiple_of(2)
    }

    /// Is the deadline over? If not, this task is woken when the next one is.
    fn check(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Result<(), io::Error> {
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.notice_epoch();
        let next = [self.head_deadline, self.write_deadline, self.flush_deadline].into_iter().flatten().min();
        let next = next.unwrap_or(deadline);
        if self.timer.deadline() > next {
            self.timer.as_mut().reset(next);
        }
        // It may stand at an earlier time than any deadline that is left: then it is set anew.
        while self.timer.as_mut().poll(cx).is_ready() {
            self.timer.as_mut().reset(next);
            if Instant::now() >= next {
                cx.waker().wake_by_ref();
                break;
            }
        }
        Ok(())
    }

    fn head_waits(&mut self, cx: &mut Context<'_>) -> Result<(), io::Error> {
        let allowed = if self.head_began { self.limits.header_read } else { self.limits.idle };
        let deadline = *self.head_deadline.get_or_insert_with(|| Instant::now() + allowed);
        self.check(deadline, cx)
    }

    fn write_waits(&mut self, cx: &mut Context<'_>) -> Result<(), io::Error> {
        let deadline = *self.write_deadline.get_or_insert_with(|| Instant::now() + self.limits.write_stall);
        self.check(deadline, cx)
    }

    fn write_went_on(&mut self) {
        self.write_deadline = None;
        self.flush_deadline = None;
        // A long answer that is still being taken is not idleness.
        if !self.head_began {
            self.head_deadline = None;
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.notice_epoch();
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(result) => {
                if this.waits_for_head() && !this.head_began && buf.filled().len() > before {
                    // The deadline is set when the rest of the head lets us wait; most heads come at once.
                    this.head_began = true;
                    this.head_deadline = None;
                }
                Poll::Ready(result)
            }
            Poll::Pending if this.waits_for_head() => match this.head_waits(cx) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.after_write(written, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.after_write(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_flush(cx) {
            Poll::Ready(result) => {
                this.flush_deadline = None;
                this.notice_epoch();
                if this.waits_for_head() && !this.head_began {
                    // Where hyper was told before that there is nothing to read, it does not ask again when the
                    // answer is out: idle time begins here. When it is over, the read says so.
                    let _ = this.head_waits(cx);
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                let deadline = *this.flush_deadline.get_or_insert_with(|| Instant::now() + this.limits.write_stall);
                match this.check(deadline, cx) {
                    Ok(()) => Poll::Pending,
                    Err(error) => Poll::Ready(Err(error)),
                }
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_shutdown(cx) {
            Poll::Ready(result) => Poll::Ready(result),
            // TLS says goodbye in bytes, which a client may refuse to take.
            Poll::Pending => match this.write_waits(cx) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        }
    }
}

impl<T> Guarded<T> {
    fn after_write(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(result) => {
                self.write_went_on();
                Poll::Ready(result)
            }
            Poll::Pending => match self.write_waits(cx) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        }
    }
}
