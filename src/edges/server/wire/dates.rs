//! Times as HTTP headers and XML write them. Seconds or milliseconds since 1970, in UTC.
//!
//! Source: RFC 9110 section 5.6.7 (HTTP dates), ISO 8601.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};
use s3s::dto::{Timestamp, TimestampFormat};
use std::time::{Duration, SystemTime};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// 9999-12-31T23:59:59.999Z: the last moment whose year has four digits.
const LAST_MS: i64 = 253_402_300_799_999;

fn moment(ms: i64) -> NaiveDateTime {
    DateTime::from_timestamp_millis(ms.clamp(0, LAST_MS)).unwrap_or_default().naive_utc()
}

/// A time as headers have it, such as `Tue, 29 Apr 2014 18:30:38 GMT`; times outside of 1970–9999 become the
/// nearest inside.
///
/// # Panics
/// Never: there are seven days and twelve months.
#[must_use]
pub fn http_date(seconds: i64) -> String {
    let at = moment(seconds.saturating_mul(1000));
    let day = DAYS.get(at.weekday().num_days_from_monday() as usize).expect("seven days");
    let month = MONTHS.get(at.month0() as usize).expect("twelve months");
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{day}, {:02} {month} {:04} {hour:02}:{minute:02}:{second:02} GMT", at.day(), at.year())
}

/// Seconds of an HTTP date in any of its three forms; `None` if it is none.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<i64> {
    let text = text.trim_ascii();
    let forms = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(|at| at.and_utc().timestamp())
}

/// A time as XML has it, such as `2014-04-29T18:30:38.000Z`.
#[must_use]
pub fn iso8601(ms: i64) -> String {
    crate::words::moment::extended_millis(ms.clamp(0, LAST_MS)).unwrap_or_default()
}

/// Milliseconds of an ISO 8601 time with an offset or `Z`; `None` if it is none.
#[must_use]
pub fn parse_iso8601(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text.trim_ascii()).ok().map(|at| at.timestamp_millis())
}

/// The wire type of a time in milliseconds since 1970.
#[must_use]
pub fn timestamp(ms: i64) -> Timestamp {
    let ms = u64::try_from(ms.clamp(0, LAST_MS)).unwrap_or_default();
    Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_millis(ms))
}

/// Milliseconds since 1970 of a wire time.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a year of four digits has 15 digits of milliseconds")]
pub fn milliseconds(at: &Timestamp) -> i64 {
    let mut text = Vec::with_capacity(24);
    // The type of `s3s` opens itself only as text, and its ISO form ignores offsets. Doubles keep milliseconds
    // exactly until long after the year 9999.
    let seconds: Option<f64> = at
        .format(TimestampFormat::EpochSeconds, &mut text)
        .ok()
        .and_then(|()| std::str::from_utf8(&text).ok()?.parse().ok());
    (seconds.unwrap_or_default() * 1000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_398_796_238, "Tue, 29 Apr 2014 18:30:38 GMT"),
        ] {
            assert_eq!(http_date(seconds), text);
            assert_eq!(parse_http_date(text), Some(seconds));
        }
        assert_eq!(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(parse_http_date("Sun Nov  6 08:49:37 1994"), Some(784_111_777));
        for bad in
            ["", "yesterday", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37", "1994-11-06T08:49:37Z"]
        {
            assert_eq!(parse_http_date(bad), None, "{bad}");
        }
        assert_eq!(http_date(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(http_date(-5), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn iso_dates() {
        assert_eq!(iso8601(1_398_796_238_007), "2014-04-29T18:30:38.007Z");
        for (text, ms) in [
            ("2014-04-29T18:30:38.007Z", Some(1_398_796_238_007)),
            ("2014-04-29T20:30:38.007+02:00", Some(1_398_796_238_007)),
            ("2014-04-29T18:30:38Z", Some(1_398_796_238_000)),
            ("2014-04-29", None),
            ("2014-04-29T18:30:38", None),
            ("", None),
        ] {
            assert_eq!(parse_iso8601(text), ms, "{text}");
        }
    }

    #[test]
    fn wire_times_keep_their_milliseconds() {
        for ms in [0, 1, 1_398_796_238_007, LAST_MS] {
            assert_eq!(milliseconds(&timestamp(ms)), ms);
        }
        let offset = Timestamp::parse(TimestampFormat::DateTime, "2014-04-29T20:30:38.007+02:00").unwrap();
        assert_eq!(milliseconds(&offset), 1_398_796_238_007);
    }
}
