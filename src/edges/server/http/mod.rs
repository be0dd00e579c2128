//! Listeners: plain and TLS, time-outs, bounded connections, draining.
//!
//! HTTP/1.1 only, as S3 speaks it. What is absent: any notion of S3; the [`App`] answers.

mod body;
mod drain;
mod guard;
mod limits;
mod listen;
pub mod proxy;
#[cfg(test)]
mod tests;
pub mod tls;

pub use body::{BodyError, RequestBody, ResponseBody};
pub use drain::{Drain, Draining};
pub use limits::Limits;
pub use listen::Listener;
#[cfg(test)]
pub(super) use tests::Toy;

use super::metrics::Metrics;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the socket tells about a request, whatever its headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// The other end; an IPv4 address that came in over IPv6 stands as IPv4.
    pub peer: SocketAddr,
    /// How our own TLS listener protected it; `None` over plain TCP.
    pub tls: Option<TlsFacts>,
}

/// A TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `1.2` or `1.3`, as `s3:TlsVersion` has it.
    pub version: &'static str,
}

/// What stands behind a listener.
pub trait App: Send + Sync + 'static {
    /// Answers one request. A panic is answered with 500, and the connection goes on.
    fn call(
        &self,
        request: http::Request<RequestBody>,
        facts: ConnectionFacts,
    ) -> impl Future<Output = http::Response<ResponseBody>> + Send;

    /// Can it do its whole work? The reason, for operators, where it cannot, such as a read-only storage.
    ///
    /// # Errors
    /// Why not.
    fn ready(&self) -> Result<(), String>;

    /// Where connections and bytes are counted.
    fn metrics(&self) -> &Arc<Metrics>;
}
