//! Moments as text, in UTC.
//!
//! PERF: written digit by digit. A format string is read anew each time it is used, which costs several times what
//! writing does; every signed request has four moments written.

use chrono::{DateTime, Datelike, Timelike, Utc};
use std::fmt::Write as _;

/// Seconds since 1970 as ISO 8601 has them: `2024-05-04T03:02:01Z`. `None`: beyond what a calendar holds.
#[must_use]
pub fn extended(seconds: i64) -> Option<String> {
    let at = DateTime::from_timestamp(seconds, 0)?;
    Some(written(&at, ["-", ":"]))
}

/// Seconds since 1970 in ISO 8601's basic form: `20240504T030201Z`. `None`: beyond what a calendar holds.
#[must_use]
pub fn basic(seconds: i64) -> Option<String> {
    let at = DateTime::from_timestamp(seconds, 0)?;
    Some(written(&at, ["", ""]))
}

/// Milliseconds since 1970 in ISO 8601: `2024-05-04T03:02:01.250Z`. `None`: beyond what a calendar holds.
#[must_use]
pub fn extended_millis(ms: i64) -> Option<String> {
    let mut text = extended(ms.div_euclid(1000))?;
    text.pop();
    let _ = write!(text, ".{:03}Z", ms.rem_euclid(1000));
    Some(text)
}

fn written(at: &DateTime<Utc>, [between_days, between_hours]: [&str; 2]) -> String {
    let mut text = String::with_capacity(20);
    match u32::try_from(at.year()).ok().filter(|year| *year < 10_000) {
        Some(year) => {
            two_digits(&mut text, year / 100);
            two_digits(&mut text, year % 100);
        }
        // A year that has not four digits has a sign (ISO 8601).
        None => {
            let _ = write!(text, "{:+05}", at.year());
        }
    }
    text.push_str(between_days);
    two_digits(&mut text, at.month());
    text.push_str(between_days);
    two_digits(&mut text, at.day());
    text.push('T');
    two_digits(&mut text, at.hour());
    text.push_str(between_hours);
    two_digits(&mut text, at.minute());
    text.push_str(between_hours);
    two_digits(&mut text, at.second());
    text.push('Z');
    text
}

fn two_digits(text: &mut String, number: u32) {
    for digit in [number / 10 % 10, number % 10] {
        text.extend(char::from_digit(digit, 10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn moments_are_written_as_a_format_string_writes_them(
            seconds in prop_oneof![any::<i64>(), -70_000_000_000..260_000_000_000_i64]
        ) {
            let at = DateTime::from_timestamp(seconds, 0);
            prop_assert_eq!(extended(seconds), at.map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string()));
            let millis = DateTime::from_timestamp_millis(seconds);
            let by_format = millis.map(|at| at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
            prop_assert_eq!(extended_millis(seconds), by_format);
            prop_assert_eq!(basic(seconds), at.map(|at| at.format("%Y%m%dT%H%M%SZ").to_string()));
        }
    }

    #[test]
    fn years_at_the_edges_of_four_digits() {
        assert_eq!(extended(-62_167_219_200).as_deref(), Some("0000-01-01T00:00:00Z"));
        assert_eq!(extended(253_402_300_799).as_deref(), Some("9999-12-31T23:59:59Z"));
        assert_eq!(basic(253_402_300_800).as_deref(), Some("+100000101T000000Z"));
        assert_eq!(basic(i64::MAX), None);
    }
}
