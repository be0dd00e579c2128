//! Bodies: a request's, which may not stall, and an answer's, in one piece or streamed.

use super::guard::ConnectionState;
use crate::edges::server::error::S3Error;
use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::fmt;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Why a request's body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client sent nothing for too long: `RequestTimeout`, 400.
    #[error("the body sent nothing for too long")]
    TimedOut,
    /// The connection broke or its framing is malformed: `IncompleteBody` or `InvalidRequest`, 400.
    #[error("the body is incomplete or malformed: {0}")]
    Broken(#[from] hyper::Error),
}

impl From<BodyError> for S3Error {
    fn from(error: BodyError) -> Self {
        Self::of(match error {
            BodyError::TimedOut => "RequestTimeout",
            BodyError::Broken(_) => "IncompleteBody",
        })
    }
}

/// A request's body. Reading it asks for `100 Continue` where the client waits for that; a body that sends
/// nothing for the listener's `body_stall` fails.
#[derive(Debug)]
pub struct RequestBody {
    /// `None`: there is nothing to read.
    arriving: Option<Arriving>,
}

#[derive(Debug)]
struct Arriving {
    inner: Incoming,
    connection: Arc<ConnectionState>,
    stall: Duration,
    /// INVARIANT: set while the last poll had to wait, and only then.
    deadline: Option<Instant>,
    /// Made at the first wait: small bodies come with their head.
    timer: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, connection: Arc<ConnectionState>, stall: Duration) -> Self {
        Self { arriving: Some(Arriving { inner, connection, stall, deadline: None, timer: None }) }
    }

    /// The body of a request that has none.
    #[must_use]
    pub fn empty() -> Self {
        Self { arriving: None }
    }
}

impl Arriving {
    fn stalled(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.stall);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        // PERF: a timer that was set for an earlier wait is moved only when it fires.
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            timer.as_mut().reset(deadline);
        }
        false
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(this) = &mut self.get_mut().arriving else { return Poll::Ready(None) };
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Pending if this.stalled(cx) => Poll::Ready(Some(Err(BodyError::TimedOut))),
            Poll::Pending => Poll::Pending,
            Poll::Ready(frame) => {
                this.deadline = None;
                if let Some(Ok(frame)) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    this.connection.metrics.bytes_in(data.len() as u64);
                }
                Poll::Ready(frame.map(|f| f.map_err(BodyError::Broken)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.arriving.as_ref().is_none_or(|arriving| arriving.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.arriving.as_ref().map_or_else(|| SizeHint::with_exact(0), |arriving| arriving.inner.size_hint())
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if !self.inner.is_end_stream() {
            self.connection.body_given_up();
        }
    }
}

/// An answer's body.
pub enum ResponseBody {
    /// In one piece, perhaps empty.
    Full(Bytes),
    /// Piece by piece. An error ends the connection before the announced length, so that the client sees
    /// that bytes are missing.
    Stream {
        /// The pieces.
        pieces: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
        /// Bytes still to come, where known: announced as `Content-Length`; otherwise the answer is chunked.
        left: Option<u64>,
    },
}

impl ResponseBody {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self::Full(Bytes::new())
    }

    /// A streamed body of this many bytes.
    #[must_use]
    pub fn stream(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static, length: Option<u64>) -> Self {
        Self::Stream { pieces: Box::pin(pieces), left: length }
    }
}

impl<T: Into<Bytes>> From<T> for ResponseBody {
    fn from(bytes: T) -> Self {
        Self::Full(bytes.into())
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(bytes) => f.debug_tuple("Full").field(&bytes.len()).finish(),
            Self::Stream { left, .. } => f.debug_struct("Stream").field("left", left).finish_non_exhaustive(),
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream { pieces, left } => match pieces.as_mut().poll_next(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(None) => match *left {
                    Some(missing) if missing > 0 => {
                        *left = Some(0);
                        Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())))
                    }
                    _ => Poll::Ready(None),
                },
                Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
                Poll::Ready(Some(Ok(bytes))) => {
                    if let Some(left) = left {
                        let Some(rest) = left.checked_sub(bytes.len() as u64) else {
                            return Poll::Ready(Some(Err(io::Error::other("more bytes than announced"))));
                        };
                        *left = rest;
                    }
                    Poll::Ready(Some(Ok(Frame::data(bytes))))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_empty(),
            Self::Stream { left, .. } => *left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream { left: Some(left), .. } => SizeHint::with_exact(*left),
            Self::Stream { left: None, .. } => SizeHint::default(),
        }
    }
}

/// An answer's body on its way: counts its bytes and tells the connection when it ended.
pub(super) struct Sent {
    pub(super) body: ResponseBody,
    pub(super) connection: Arc<ConnectionState>,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            this.connection.metrics.bytes_out(data.len() as u64);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.connection.response_ended();
    }
}
