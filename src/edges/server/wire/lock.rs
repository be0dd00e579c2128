//! Object lock: a bucket's default, retention and legal hold of objects. Times in milliseconds since 1970.
//!
//! Source: S3 User Guide, "Locking objects with Object Lock"; S3 API Reference, `PutObjectLockConfiguration`,
//! `PutObjectRetention`, `PutObjectLegalHold`.

use super::{dates, headers, xml};
use crate::edges::server::error::S3Error;
use crate::storage::store::{DefaultRetention, LockMode, LockPeriod, Retention};
use http::HeaderMap;
use s3s::dto;

const MODE: &str = "x-amz-object-lock-mode";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";
const HOLD: &str = "x-amz-object-lock-legal-hold";
/// S3's longest default, 100 years.
const MAX_DAYS: i32 = 36_500;
const MAX_YEARS: i32 = 100;

/// Reads `GOVERNANCE` or `COMPLIANCE`.
#[must_use]
pub fn parse_mode(text: &str) -> Option<LockMode> {
    match text {
        "GOVERNANCE" => Some(LockMode::Governance),
        "COMPLIANCE" => Some(LockMode::Compliance),
        _ => None,
    }
}

/// The name of a mode as S3 writes it.
#[must_use]
pub fn mode_name(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Governance => "GOVERNANCE",
        LockMode::Compliance => "COMPLIANCE",
    }
}

/// Reads an `ObjectLockConfiguration`.
///
/// # Errors
/// `MalformedXML`, `InvalidRetentionPeriod`.
pub fn parse_configuration(body: &[u8]) -> Result<Option<DefaultRetention>, S3Error> {
    let sent: dto::ObjectLockConfiguration = xml::parse(body)?;
    if sent.object_lock_enabled.as_ref().map(dto::ObjectLockEnabled::as_str) != Some("Enabled") {
        return Err(S3Error::malformed_xml("ObjectLockEnabled must be Enabled"));
    }
    let Some(rule) = sent.rule else { return Ok(None) };
    let Some(default) = rule.default_retention else {
        return Err(S3Error::malformed_xml("the Rule has no DefaultRetention"));
    };
    let mode = mode(default.mode.as_ref())?.ok_or_else(|| S3Error::malformed_xml("DefaultRetention has no Mode"))?;
    let within = |n: i32, max: i32, unit: &str| match u32::try_from(n) {
        Ok(good) if (1..=max).contains(&n) => Ok(good),
        Ok(1..) => Err(S3Error::new(
            "InvalidRetentionPeriod",
            format!("Default retention period too large. It must be at most {max} {unit}"),
        )),
        _ => Err(S3Error::new("InvalidRetentionPeriod", "Default retention period must be a positive integer value")),
    };
    let period = match (default.days, default.years) {
        (Some(days), None) => LockPeriod::Days(within(days, MAX_DAYS, "days")?),
        (None, Some(years)) => LockPeriod::Years(within(years, MAX_YEARS, "years")?),
        _ => return Err(S3Error::malformed_xml("DefaultRetention must have either Days or Years")),
    };
    Ok(Some(DefaultRetention { mode, period }))
}

/// The `ObjectLockConfiguration` of an answer.
#[must_use]
pub fn configuration(default: Option<DefaultRetention>) -> dto::ObjectLockConfiguration {
    let number = |n: u32| i32::try_from(n).ok();
    let rule = default.map(|DefaultRetention { mode, period }| {
        let (days, years) = match period {
            LockPeriod::Days(n) => (number(n), None),
            LockPeriod::Years(n) => (None, number(n)),
        };
        let mode = Some(dto::ObjectLockRetentionMode::from_static(mode_name(mode)));
        dto::ObjectLockRule { default_retention: Some(dto::DefaultRetention { days, mode, years }) }
    });
    dto::ObjectLockConfiguration { object_lock_enabled: Some(dto::ObjectLockEnabled::from_static("Enabled")), rule }
}

fn mode(sent: Option<&dto::ObjectLockRetentionMode>) -> Result<Option<LockMode>, S3Error> {
    let Some(text) = sent.map(dto::ObjectLockRetentionMode::as_str) else { return Ok(None) };
    let mode = parse_mode(text).ok_or_else(|| S3Error::malformed_xml(&format!("{text} is no Mode")))?;
    Ok(Some(mode))
}

fn in_future(until_ms: i64, now_ms: i64) -> Result<(), S3Error> {
    if until_ms > now_ms {
        return Ok(());
    }
    let message = "The retain until date must be in the future!";
    Err(S3Error::invalid_argument(UNTIL, &dates::iso8601(until_ms), message))
}

/// Reads a `Retention`; an empty one (`None`) takes the retention away.
///
/// # Errors
/// `MalformedXML`; `InvalidArgument` for a date that is not after `now_ms`.
pub fn parse_retention(body: &[u8], now_ms: i64) -> Result<Option<Retention>, S3Error> {
    let sent: dto::ObjectLockRetention = xml::parse(body)?;
    match (mode(sent.mode.as_ref())?, sent.retain_until_date) {
        (None, None) => Ok(None),
        (Some(mode), Some(until)) => {
            let until_ms = dates::milliseconds(&until);
            in_future(until_ms, now_ms)?;
            Ok(Some(Retention { mode, until_ms }))
        }
        _ => Err(S3Error::malformed_xml("Retention must have both Mode and RetainUntilDate")),
    }
}

/// The `Retention` of an answer.
#[must_use]
pub fn retention(retention: Retention) -> dto::ObjectLockRetention {
    dto::ObjectLockRetention {
        mode: Some(dto::ObjectLockRetentionMode::from_static(mode_name(retention.mode))),
        retain_until_date: Some(dates::timestamp(retention.until_ms)),
    }
}

/// Reads a `LegalHold`: whether it is on.
///
/// # Errors
/// `MalformedXML`.
pub fn parse_legal_hold(body: &[u8]) -> Result<bool, S3Error> {
    let sent: dto::ObjectLockLegalHold = xml::parse(body)?;
    match sent.status.as_ref().map(dto::ObjectLockLegalHoldStatus::as_str) {
        Some("ON") => Ok(true),
        Some("OFF") => Ok(false),
        Some(other) => Err(S3Error::malformed_xml(&format!("{other} is no Status"))),
        None => Err(S3Error::malformed_xml("LegalHold has no Status")),
    }
}

/// The `LegalHold` of an answer.
#[must_use]
pub fn legal_hold(on: bool) -> dto::ObjectLockLegalHold {
    let status = dto::ObjectLockLegalHoldStatus::from_static(if on { "ON" } else { "OFF" });
    dto::ObjectLockLegalHold { status: Some(status) }
}

/// What the headers of a write say about the lock of the new object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockHeaders {
    /// `x-amz-object-lock-mode` and `x-amz-object-lock-retain-until-date`.
    pub retention: Option<Retention>,
    /// `x-amz-object-lock-legal-hold`
    pub legal_hold: Option<bool>,
}

impl LockHeaders {
    /// Reads them.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn of_request(headers: &HeaderMap, now_ms: i64) -> Result<Self, S3Error> {
        let retention = match (headers::one(headers, MODE)?, headers::one(headers, UNTIL)?) {
            (None, None) => None,
            (Some(mode), Some(until)) => {
                let mode = parse_mode(mode)
                    .ok_or_else(|| S3Error::invalid_argument(MODE, mode, "Unknown wormMode directive."))?;
                let until_ms = dates::parse_iso8601(until).ok_or_else(|| {
                    S3Error::invalid_argument(UNTIL, until, "The retain until date must be provided in ISO 8601 format")
                })?;
                in_future(until_ms, now_ms)?;
                Some(Retention { mode, until_ms })
            }
            (Some(_), None) => return Err(both_needed(UNTIL)),
            (None, Some(_)) => return Err(both_needed(MODE)),
        };
        let legal_hold = match headers::one(headers, HOLD)? {
            None => None,
            Some("ON") => Some(true),
            Some("OFF") => Some(false),
            Some(other) => {
                return Err(S3Error::invalid_argument(HOLD, other, "Legal Hold must be either of 'ON' or 'OFF'"));
            }
        };
        Ok(Self { retention, legal_hold })
    }

    /// Whether they ask for anything.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Writes them of an object into an answer's headers.
    pub fn write(self, out: &mut HeaderMap) {
        let retention = self.retention.map(|r| (mode_name(r.mode).to_owned(), dates::iso8601(r.until_ms)));
        let (mode, until) = retention.unzip();
        let hold = self.legal_hold.map(|on| if on { "ON" } else { "OFF" }.to_owned());
        for (name, value) in [(MODE, mode), (UNTIL, until), (HOLD, hold)] {
            if let Some(value) = value.and_then(|v| http::HeaderValue::try_from(v).ok()) {
                out.insert(name, value);
            }
        }
    }
}

fn both_needed(missing: &str) -> S3Error {
    let message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
    S3Error::invalid_argument(missing, "", message)
}

/// `x-amz-bucket-object-lock-enabled` of a new bucket.
///
/// # Errors
/// `InvalidArgument`.
pub fn locks_bucket(headers: &HeaderMap) -> Result<bool, S3Error> {
    headers::flag(headers, "x-amz-bucket-object-lock-enabled")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_398_796_238_000;

    fn default(mode: LockMode, period: LockPeriod) -> DefaultRetention {
        DefaultRetention { mode, period }
    }

    #[test]
    fn configurations() {
        for default in [
            None,
            Some(default(LockMode::Governance, LockPeriod::Days(1))),
            Some(default(LockMode::Compliance, LockPeriod::Years(100))),
        ] {
            assert_eq!(parse_configuration(&xml::body(&configuration(default))), Ok(default));
        }
        let rule = |inside: &str| {
            format!(
                "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                 {inside}</DefaultRetention></Rule></ObjectLockConfiguration>"
            )
        };
        let mode = "<Mode>GOVERNANCE</Mode>";
        for (body, code) in [
            (rule(&format!("{mode}<Days>0</Days>")), "InvalidRetentionPeriod"),
            (rule(&format!("{mode}<Days>36501</Days>")), "InvalidRetentionPeriod"),
            (rule(&format!("{mode}<Years>-1</Years>")), "InvalidRetentionPeriod"),
            (rule(&format!("{mode}<Days>1</Days><Years>1</Years>")), "MalformedXML"),
            (rule(mode), "MalformedXML"),
            (rule("<Days>1</Days>"), "MalformedXML"),
            (rule("<Mode>governance</Mode><Days>1</Days>"), "MalformedXML"),
            ("<ObjectLockConfiguration/>".to_owned(), "MalformedXML"),
            (
                "<ObjectLockConfiguration><ObjectLockEnabled>Disabled</ObjectLockEnabled></ObjectLockConfiguration>"
                    .to_owned(),
                "MalformedXML",
            ),
        ] {
            assert_eq!(parse_configuration(body.as_bytes()).map_or_else(|e| e.code, |_| ""), code, "{body}");
        }
    }

    #[test]
    fn retentions() {
        let some = Retention { mode: LockMode::Compliance, until_ms: NOW + 1500 };
        assert_eq!(parse_retention(&xml::body(&retention(some)), NOW), Ok(Some(some)));
        assert_eq!(parse_retention(b"<Retention/>", NOW), Ok(None));
        let until = dates::iso8601(NOW);
        for (inside, code) in [
            (format!("<Mode>GOVERNANCE</Mode><RetainUntilDate>{until}</RetainUntilDate>"), "InvalidArgument"),
            ("<Mode>x</Mode><RetainUntilDate>2999-01-01T00:00:00Z</RetainUntilDate>".to_owned(), "MalformedXML"),
            ("<Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate>".to_owned(), "MalformedXML"),
            ("<Mode>GOVERNANCE</Mode>".to_owned(), "MalformedXML"),
            ("<RetainUntilDate>2999-01-01T00:00:00Z</RetainUntilDate>".to_owned(), "MalformedXML"),
        ] {
            let body = format!("<Retention>{inside}</Retention>");
            assert_eq!(parse_retention(body.as_bytes(), NOW).map_or_else(|e| e.code, |_| ""), code, "{inside}");
        }
    }

    #[test]
    fn holds() {
        for on in [true, false] {
            assert_eq!(parse_legal_hold(&xml::body(&legal_hold(on))), Ok(on));
        }
        for body in ["<LegalHold/>", "<LegalHold><Status>on</Status></LegalHold>"] {
            assert_eq!(parse_legal_hold(body.as_bytes()).unwrap_err().code, "MalformedXML", "{body}");
        }
    }

    #[test]
    fn headers_of_writes() {
        let until = dates::iso8601(NOW + 1000);
        let full = headers::of(&[(MODE, "GOVERNANCE"), (UNTIL, &until), (HOLD, "ON")]);
        let read = LockHeaders::of_request(&full, NOW).unwrap();
        let retention = Retention { mode: LockMode::Governance, until_ms: NOW + 1000 };
        assert_eq!(read, LockHeaders { retention: Some(retention), legal_hold: Some(true) });
        let mut out = HeaderMap::new();
        read.write(&mut out);
        assert_eq!(out, full);
        assert!(LockHeaders::of_request(&HeaderMap::new(), NOW).unwrap().is_empty());
        for pairs in [
            &[(MODE, "GOVERNANCE")][..],
            &[(UNTIL, &until)],
            &[(MODE, "x"), (UNTIL, &until)],
            &[(MODE, "GOVERNANCE"), (UNTIL, "soon")],
            &[(MODE, "GOVERNANCE"), (UNTIL, "2014-04-29T18:30:38Z")],
            &[(HOLD, "on")],
        ] {
            let error = LockHeaders::of_request(&headers::of(pairs), NOW).unwrap_err();
            assert_eq!(error.code, "InvalidArgument", "{pairs:?}");
        }
        assert_eq!(
            locks_bucket(&headers::of(&[("x-amz-bucket-object-lock-enabled", "x")])).unwrap_err().code,
            "InvalidArgument"
        );
    }
}
