//! Listeners: plain and TLS, time-outs, bounded connections, draining.
