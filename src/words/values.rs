//! Reading condition values: numbers, instants, booleans, base64, address ranges.
//!
//! None of these functions allocates. Source: IAM User Guide, "IAM JSON policy elements: Condition
//! operators".

use base64::Engine;
use chrono::{NaiveDate, NaiveTime};
use ipnetwork::IpNetwork;
use std::cmp::Ordering;
use std::net::IpAddr;

/// An exact decimal number of any length, borrowed from its text: sign, digits, optional fraction.
/// There is no exponent form; comparison never rounds.
#[derive(Clone, Copy, Debug)]
pub struct Number<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Number<'a> {
    /// Reads a number; `None` where the text is none.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (digits, ""),
        };
        let digits_only = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        Some(Self { negative: negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction })
    }

    /// The number as an `i64`, where it is a whole number that fits: the form compared first.
    #[must_use]
    pub fn small(&self) -> Option<i64> {
        if !self.fraction.is_empty() || self.whole.len() > 18 {
            return None;
        }
        let size = self.whole.bytes().fold(0_i64, |n, b| n * 10 + i64::from(b - b'0'));
        Some(if self.negative { -size } else { size })
    }
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number<'_> {}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |a: &Self, b: &Self| {
            let whole = a.whole.len().cmp(&b.whole.len()).then_with(|| a.whole.cmp(b.whole));
            // Fractions without trailing zeros compare like text: .25 < .5, .5 < .51.
            whole.then_with(|| a.fraction.cmp(b.fraction))
        };
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

/// A point in time: seconds since 1970-01-01T00:00:00Z and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    /// Whole seconds, rounded towards the past.
    pub seconds: i64,
    /// Nanoseconds on top, below 1,000,000,000.
    pub nanos: u32,
}

impl Instant {
    /// A whole second.
    #[must_use]
    pub fn from_epoch(seconds: i64) -> Self {
        Self { seconds, nanos: 0 }
    }
}

/// Reads a date: `YYYY`, `YYYY-MM`, `YYYY-MM-DD` (midnight UTC), `YYYY-MM-DDThh:mm[:ss[.f…]]` with `Z` or an
/// offset, or epoch seconds as an integer (four digits are a year).
#[must_use]
pub fn parse_instant(text: &str) -> Option<Instant> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.len() != 4 && !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Instant::from_epoch);
    }
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let day = parse_day(date)?;
    let (time, offset) = match time {
        Some(_) if date.len() != 10 => return None,
        Some(time) => parse_time(time)?,
        None => (NaiveTime::MIN, 0),
    };
    let at = day.and_time(time).and_utc();
    Some(Instant { seconds: at.timestamp() - i64::from(offset), nanos: at.timestamp_subsec_nanos() })
}

fn parse_day(date: &str) -> Option<NaiveDate> {
    let year = digits(date.get(..4)?)?;
    let month = match date.len() {
        4 => 1,
        7 | 10 => digits(date.get(4..7)?.strip_prefix('-')?)?,
        _ => return None,
    };
    let day = if date.len() == 10 { digits(date.get(7..10)?.strip_prefix('-')?)? } else { 1 };
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// Time of day and the offset from UTC in seconds.
fn parse_time(text: &str) -> Option<(NaiveTime, i32)> {
    let zone_at = text.find(['Z', '+', '-'])?;
    let (clock, zone) = text.split_at(zone_at);
    let hour = digits(clock.get(..2)?)?;
    let minute = digits(clock.get(2..5)?.strip_prefix(':')?)?;
    let (second, nanos) = match clock.get(5..)? {
        "" => (0, 0),
        rest => {
            let rest = rest.strip_prefix(':')?;
            let second = digits(rest.get(..2)?)?;
            (second, rest.get(2..).map_or(Some(0), parse_fraction)?)
        }
    };
    Some((NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?, parse_zone(zone)?))
}

fn parse_fraction(text: &str) -> Option<u32> {
    if text.is_empty() {
        return Some(0);
    }
    let fraction = text.strip_prefix('.').filter(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()))?;
    // Beyond nanoseconds nothing is compared.
    let nanos = fraction.get(..fraction.len().min(9))?;
    let scale = 10_u32.pow(9 - u32::try_from(nanos.len()).ok()?);
    Some(digits(nanos)? * scale)
}

fn parse_zone(zone: &str) -> Option<i32> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let hours = digits(zone.get(1..3)?)?;
    let minutes = zone.get(3..)?;
    let minutes = digits(minutes.strip_prefix(':').unwrap_or(minutes)).filter(|_| matches!(zone.len(), 5 | 6))?;
    (hours < 24 && minutes < 60).then(|| sign * i32::try_from(hours * 3600 + minutes * 60).unwrap_or_default())
}

fn digits(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Reads `true` or `false` in any case.
#[must_use]
pub fn parse_bool(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Whether the text is base64 in the standard alphabet with padding. Only one text encodes given
/// bytes, so equal texts and equal bytes are the same thing.
#[must_use]
pub fn parse_base64(text: &str) -> Option<()> {
    let mut block = [0; 192];
    for chunk in text.as_bytes().chunks(256) {
        let last = chunk.len() < 256 || text.len().is_multiple_of(256);
        if !last && chunk.contains(&b'=') {
            return None;
        }
        base64::engine::general_purpose::STANDARD.decode_slice(chunk, &mut block).ok()?;
    }
    Some(())
}

/// A range of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRange {
    base: u128,
    mask: u128,
    v4: bool,
    prefix: u8,
}

impl IpRange {
    /// Whether the address is of the same family and in the range. An IPv4-mapped IPv6 address is IPv6.
    #[must_use]
    #[inline]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (bits, v4) = bits(address);
        v4 == self.v4 && bits & self.mask == self.base
    }

    /// The length of the prefix in bits.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether it is a range of IPv4.
    #[must_use]
    pub fn is_v4(&self) -> bool {
        self.v4
    }

    /// Whether it lies in RFC 1918's or RFC 4193's private ranges.
    #[must_use]
    pub fn is_private(&self) -> bool {
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"].into_iter().filter_map(parse_range).any(
            |private| {
                private.v4 == self.v4 && private.prefix <= self.prefix && self.base & private.mask == private.base
            },
        )
    }

    /// The first address, for examples in explanations.
    #[must_use]
    pub fn first_host(&self) -> IpAddr {
        let host = if self.mask == u128::MAX || self.v4 && self.prefix == 32 { self.base } else { self.base + 1 };
        if self.v4 { IpAddr::V4(u32::try_from(host).unwrap_or_default().into()) } else { IpAddr::V6(host.into()) }
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), true),
        IpAddr::V6(v6) => (u128::from(v6), false),
    }
}

/// Reads a CIDR range or a bare address; host bits are masked away.
#[must_use]
pub fn parse_range(text: &str) -> Option<IpRange> {
    // A netmask in place of the prefix is not CIDR.
    if text.split_once('/').is_some_and(|(_, prefix)| digits(prefix).is_none()) {
        return None;
    }
    let network: IpNetwork = text.parse().ok()?;
    let (base, v4) = bits(network.network());
    let (mask, _) = bits(network.mask());
    Some(IpRange { base, mask, v4, prefix: network.prefix() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_exactly() {
        let cmp = |a, b| Number::parse(a).expect("a number").cmp(&Number::parse(b).expect("a number"));
        for (a, b, want) in [
            ("1", "1.0", Ordering::Equal),
            ("-0", "0", Ordering::Equal),
            ("007", "7", Ordering::Equal),
            ("9", "10", Ordering::Less),
            ("-9", "-10", Ordering::Greater),
            ("0.1", "0.10", Ordering::Equal),
            ("0.25", "0.5", Ordering::Less),
            ("-1", "1", Ordering::Less),
            ("+3", "3", Ordering::Equal),
            ("18446744073709551616", "18446744073709551615", Ordering::Greater),
            ("9007199254740993", "9007199254740992", Ordering::Greater),
            ("0.30000000000000000001", "0.3", Ordering::Greater),
        ] {
            assert_eq!(cmp(a, b), want, "{a} {b}");
        }
        for bad in ["", "-", "abc", "5abc", "1e3", "1.", ".5", "0x10", " 1", "1,000", "--1", "NaN"] {
            assert!(Number::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(Number::parse("-42.0").and_then(|n| n.small()), Some(-42));
    }

    #[test]
    fn dates_are_instants() {
        let at = |text| parse_instant(text).map(|i| (i.seconds, i.nanos));
        assert_eq!(at("2026-11-22T10:00:00Z"), Some((1_795_341_600, 0)));
        assert_eq!(at("2026-11-22T10:00Z"), at("1795341600"));
        assert_eq!(at("2026-11-22T12:00:00+02:00"), at("2026-11-22T10:00:00Z"));
        assert_eq!(at("2026-11-22T05:30:00-0430"), at("2026-11-22T10:00:00Z"));
        assert_eq!(at("2026-11-22T10:00:00.5Z"), Some((1_795_341_600, 500_000_000)));
        assert_eq!(at("2026-11-22"), at("2026-11-22T00:00:00Z"));
        assert_eq!(at("2026"), at("2026-01-01"));
        assert_eq!(at("-1"), Some((-1, 0)));
        for bad in [
            "",
            "-",
            "abc",
            "2026-13-01",
            "2026-02-30",
            "2026-11-22T10:00:00",
            "2026-11-22 10:00:00Z",
            "2026-1-1",
            "2026-11-22T25:00Z",
            "2026-11-22T10Z",
            "2026-11-22T10:00:00.Z",
            "2026-11T10:00Z",
            "2026-11-22T10:00+2",
            "é026-11-22",
            "1.5",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn ranges() {
        let range = parse_range("203.0.113.77/24").expect("masked");
        assert!(range.contains("203.0.113.1".parse().expect("an address")));
        assert!(!range.contains("::ffff:203.0.113.1".parse().expect("an address")));
        assert!(parse_range("::/0").is_some_and(|r| r.contains("2001:db8::1".parse().expect("an address"))));
        assert!(parse_range("10.0.0.0/8").is_some_and(|r| r.is_private()));
        for bad in ["", "203.0.113.0/33", "203.0.113", "10.0.0.0/255.0.0.0", "a/8", "10.0.0.0/", "010.0.0.1"] {
            assert_eq!(parse_range(bad), None, "{bad}");
        }
    }

    #[test]
    fn base64_is_checked_in_blocks() {
        for good in ["", "QmluYXJ5", "QQ==", &"QUFB".repeat(500)] {
            assert!(parse_base64(good).is_some(), "{good}");
        }
        for bad in ["Q", "QQ", "QR==", "Q Q=", "é", &("QUFB".repeat(63) + "QQ==" + "QUFB")] {
            assert!(parse_base64(bad).is_none(), "{bad}");
        }
    }
}
