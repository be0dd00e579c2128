//! Codes of MFA devices. Source: RFC 6238 (and RFC 4226) with SHA-1, six digits and steps of 30 seconds, which
//! is what every authenticator application and AWS's virtual devices speak.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use totp_rs::{Algorithm, Builder, Secret, Totp};

/// Seconds of a step.
const STEP: u64 = 30;

/// Bytes of a new secret; RFC 4226 section 4 recommends 160 bits.
const SECRET_BYTES: usize = 20;

/// Is this the device's code at this time (seconds since 1970), one step (30 s) before, or one after? The matched
/// step, which the caller must store and give as `last_used_step` the next time: a code of that step or an earlier one
/// is refused, so that each is good once.
///
/// A secret that is not base32 or shorter than 128 bits matches nothing.
#[must_use]
pub fn verify(secret_base32: &str, code: &str, now: i64, last_used_step: Option<u64>) -> Option<u64> {
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let device = device(secret_base32)?;
    let current = u64::try_from(now).ok()? / STEP;
    let mut matched = None;
    // Each step is computed and compared, wherever the match is: the time taken tells nothing about it.
    for step in current.saturating_sub(1)..=current + 1 {
        let expected = device.generate(step * STEP).to_string();
        let same = verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok();
        if same && last_used_step.is_none_or(|last| step > last) {
            matched = Some(step);
        }
    }
    matched
}

/// Are these two codes in a row of the device, the first from at most two steps (60 s) before this time (seconds since
/// 1970)? The step of the second, which must be later than the last one used.
#[must_use]
pub fn pair(secret_base32: &str, first: &str, second: &str, now: i64, last_used_step: Option<u64>) -> Option<u64> {
    let current = u64::try_from(now).ok()? / STEP;
    let is = |given: &str, step: u64| {
        let expected = i64::try_from(step * STEP).ok().and_then(|at| code(secret_base32, at));
        expected.is_some_and(|expected| verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok())
    };
    (current.saturating_sub(2)..=current + 1)
        .filter(|step| is(first, *step) && is(second, step + 1))
        .map(|step| step + 1)
        .find(|second| last_used_step.is_none_or(|last| *second > last))
}

/// The code of a device at a time (seconds since 1970); `None` for an unusable secret.
#[must_use]
pub fn code(secret_base32: &str, now: i64) -> Option<String> {
    Some(device(secret_base32)?.generate(u64::try_from(now).ok()?).to_string())
}

/// A new secret in base32: 160 random bits; `None` where the system gives no randomness.
#[must_use]
pub fn new_secret() -> Option<String> {
    let mut bytes = zeroize::Zeroizing::new([0_u8; SECRET_BYTES]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice()).ok()?;
    Some(Secret::from(*bytes).to_base32())
}

fn device(secret_base32: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret_base32).ok()?;
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(STEP);
    builder.with_secret(secret).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `12345678901234567890`, the secret of RFC 6238, appendix B.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    /// RFC 6238, appendix B, SHA-1: the last six of its eight digits.
    const VECTORS: [(i64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    #[test]
    fn vectors_of_the_rfc() {
        for (time, expected) in VECTORS {
            assert_eq!(code(SECRET, time).as_deref(), Some(expected));
            let step = u64::try_from(time).expect("positive") / 30;
            assert_eq!(verify(SECRET, expected, time, None), Some(step));
        }
    }

    #[test]
    fn one_step_of_skew_and_no_more() {
        // The code of 30..59 is step 1.
        for (now, want) in
            [(0, Some(1)), (29, Some(1)), (30, Some(1)), (89, Some(1)), (90, None), (120, None), (-1, None)]
        {
            assert_eq!(verify(SECRET, "287082", now, None), want, "at {now}");
        }
        assert_eq!(verify(SECRET, "287082", i64::MAX, None), None);
    }

    #[test]
    fn a_code_is_good_once() {
        assert_eq!(verify(SECRET, "287082", 59, Some(0)), Some(1));
        assert_eq!(verify(SECRET, "287082", 59, Some(1)), None);
        assert_eq!(verify(SECRET, "287082", 59, Some(2)), None);
        let next = code(SECRET, 60).expect("a code");
        assert_eq!(verify(SECRET, &next, 59, Some(1)), Some(2));
    }

    #[test]
    fn only_six_digits() {
        for wrong in
            ["", "28708", "2870820", " 287082", "287082 ", "287 082", "+87082", "28708２", "94287082", "287083"]
        {
            assert_eq!(verify(SECRET, wrong, 59, None), None, "{wrong:?}");
        }
    }

    #[test]
    fn unusable_secrets_match_nothing() {
        for secret in ["", "not base32!", "GEZDGNBVGY3TQOJQ"] {
            assert_eq!(verify(secret, "287082", 59, None), None, "{secret}");
            assert_eq!(code(secret, 59), None);
        }
    }

    #[test]
    fn new_secrets_work_and_differ() {
        let (a, b) = (new_secret().expect("random"), new_secret().expect("random"));
        assert_ne!(a, b);
        assert_eq!(a.len(), 32);
        assert_eq!(verify(&a, &code(&a, 59).expect("a code"), 59, None), Some(1));
    }
}
