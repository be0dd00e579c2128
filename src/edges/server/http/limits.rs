//! What a client may cost before it has proven anything.

use std::time::Duration;

/// Bounds of one listener. A bound that is reached ends the connection (or makes accept wait); none waits for
/// the client's good will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the first byte of a request's head (from accept, for a connection's first) to its last.
    pub header_read: Duration,
    /// How long a connection may stay open between two requests.
    pub idle: Duration,
    /// How long a request's body may send nothing; then reading it fails with [`super::BodyError::TimedOut`].
    pub body_stall: Duration,
    /// How long a client may take nothing of a response.
    pub write_stall: Duration,
    /// The whole TLS handshake.
    pub handshake: Duration,
    /// How long the rest of a refused request is read and thrown away, so that the client sees the answer
    /// and not a reset.
    pub linger: Duration,
    /// Connections at the same time; further ones wait in the kernel's queue.
    pub connections: u32,
    /// Request line and headers, in bytes; above it 431.
    pub header_bytes: usize,
    /// Buffer of a connection for reading, and for writing, in bytes; at least 8192.
    pub buffer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_read: Duration::from_secs(10),
            idle: Duration::from_mins(1),
            body_stall: Duration::from_mins(1),
            write_stall: Duration::from_mins(1),
            handshake: Duration::from_secs(10),
            linger: Duration::from_secs(5),
            connections: 1024,
            header_bytes: 64 * 1024,
            buffer_bytes: 128 * 1024,
        }
    }
}
