//! What operators count: requests, decisions, durations, bytes, connections.
//!
//! Labels come from fixed tables only, so that no request can make a new time series.

use super::trail::Trail;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Operation and status class.
type RequestLabels = [(&'static str, &'static str); 2];

/// The counters of one server. Recording takes no lock that anything slow holds, and allocates only for the first
/// request of an operation.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Arc<Durations>,
    allowed: Counter,
    denied: Counter,
    bytes_in: Counter,
    bytes_out: Counter,
    connections: Gauge,
    read_only: Gauge,
    trail_lost: Gauge,
    trail_refused: Gauge,
    trail_unwritable: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("portcullis");
        let requests = Family::<RequestLabels, Counter>::default();
        registry.register("requests", "Requests answered, by operation and class of status", requests.clone());
        let decisions = Family::<[(&'static str, &'static str); 1], Counter>::default();
        let allowed = decisions.get_or_create_owned(&[("decision", "allow")]);
        let denied = decisions.get_or_create_owned(&[("decision", "deny")]);
        registry.register("decisions", "Authorization decisions", decisions);
        let durations = Arc::new(Durations::default());
        registry.register_collector(Box::new(Arc::clone(&durations)));
        let (bytes_in, bytes_out) = (Counter::default(), Counter::default());
        registry.register_with_unit("received", "Bodies of requests", Unit::Bytes, bytes_in.clone());
        registry.register_with_unit("sent", "Bodies of answers", Unit::Bytes, bytes_out.clone());
        let (connections, read_only) = (Gauge::default(), Gauge::default());
        let (trail_lost, trail_refused, trail_unwritable) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("trail_events_lost", "Events that a best-effort trail had to drop", trail_lost.clone());
        registry.register("trail_events_refused", "Events that could not be written: refused", trail_refused.clone());
        registry.register("trail_unwritable", "1 where the trail refuses requests", trail_unwritable.clone());
        registry.register("connections", "Open connections", connections.clone());
        registry.register("storage_read_only", "1 where storage takes no writes", read_only.clone());
        Self {
            registry,
            requests,
            durations,
            allowed,
            denied,
            bytes_in,
            bytes_out,
            connections,
            read_only,
            trail_lost,
            trail_refused,
            trail_unwritable,
        }
    }
}

impl Metrics {
    /// One request was answered. `operation` is a name of the table of operations, never a client's text.
    pub fn request(&self, operation: &'static str, status: http::StatusCode, elapsed: Duration) {
        let class = match status.as_u16() / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        self.requests.get_or_create(&[("operation", operation), ("status", class)]).inc();
        self.durations.observe(elapsed);
    }

    /// One decision was made.
    pub fn decision(&self, allowed: bool) {
        if allowed { &self.allowed } else { &self.denied }.inc();
    }

    /// Bytes of a request's body came in.
    pub fn bytes_in(&self, bytes: u64) {
        self.bytes_in.inc_by(bytes);
    }

    /// Bytes of an answer's body went out.
    pub fn bytes_out(&self, bytes: u64) {
        self.bytes_out.inc_by(bytes);
    }

    /// A connection was accepted.
    pub fn connection_opened(&self) {
        self.connections.inc();
    }

    /// A connection ended.
    pub fn connection_closed(&self) {
        self.connections.dec();
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> i64 {
        self.connections.get()
    }

    /// How the trail of decisions fares: what it lost and what it refused since the start, and whether it can be
    /// written.
    pub fn set_trail(&self, trail: &Trail) {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.trail_lost.set(count(trail.lost()));
        self.trail_refused.set(count(trail.refused()));
        self.trail_unwritable.set(i64::from(trail.health().is_err()));
    }

    /// Does storage refuse writes?
    pub fn set_read_only(&self, read_only: bool) {
        self.read_only.set(i64::from(read_only));
    }

    /// Everything in the text form of `OpenMetrics`, see [`CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        match text::encode(&mut out, &self.registry) {
            Ok(()) => out,
            Err(std::fmt::Error) => String::new(),
        }
    }
}

/// Upper bounds of the duration histogram, in microseconds.
const BOUNDS: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000, 30_000_000,
];

/// A histogram of atomics. PERF: the library's own takes one lock for all threads.
#[derive(Debug, Default)]
struct Durations {
    /// Those up to each bound, and above the one before it; last, those above all.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

impl Durations {
    fn observe(&self, elapsed: Duration) {
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let at = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Collector for Durations {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let seconds = |micros: u64| Duration::from_micros(micros).as_secs_f64();
        let bounds = BOUNDS.iter().map(|bound| seconds(*bound)).chain([f64::MAX]);
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = seconds(self.sum_micros.load(Ordering::Relaxed));
        let help = "Time from a request's head to its answer's";
        let mut metric =
            encoder.encode_descriptor("request_duration", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        metric.encode_histogram::<[(&str, &str); 0]>(sum, count, &buckets, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn what_is_recorded_is_rendered() {
        let metrics = Metrics::default();
        metrics.request("GetObject", StatusCode::OK, Duration::from_micros(300));
        metrics.request("GetObject", StatusCode::PARTIAL_CONTENT, Duration::from_millis(3));
        metrics.request("PutObject", StatusCode::FORBIDDEN, Duration::from_mins(1));
        metrics.decision(true);
        metrics.decision(true);
        metrics.decision(false);
        metrics.bytes_in(7);
        metrics.bytes_out(9);
        metrics.connection_opened();
        metrics.connection_opened();
        metrics.connection_closed();
        metrics.set_read_only(true);
        let text = metrics.render();
        for line in [
            r#"portcullis_requests_total{operation="GetObject",status="2xx"} 2"#,
            r#"portcullis_requests_total{operation="PutObject",status="4xx"} 1"#,
            r#"portcullis_decisions_total{decision="allow"} 2"#,
            r#"portcullis_decisions_total{decision="deny"} 1"#,
            "portcullis_received_bytes_total 7",
            "portcullis_sent_bytes_total 9",
            "portcullis_connections 1",
            "portcullis_storage_read_only 1",
            r#"portcullis_request_duration_seconds_bucket{le="0.00025"} 0"#,
            r#"portcullis_request_duration_seconds_bucket{le="0.0005"} 1"#,
            r#"portcullis_request_duration_seconds_bucket{le="0.005"} 2"#,
            r#"portcullis_request_duration_seconds_bucket{le="30.0"} 2"#,
            r#"portcullis_request_duration_seconds_bucket{le="+Inf"} 3"#,
            "portcullis_request_duration_seconds_count 3",
            "portcullis_request_duration_seconds_sum 60.0033",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\nin\n{text}");
        }
    }
}
