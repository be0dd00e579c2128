//! Percent-encoding.

/// The text behind `%XX`, as IAM's API encodes documents; what is no pair of digits stays, and so does `+`.
#[must_use]
pub fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let decoded = (byte == b'%').then(|| {
            let digits = [bytes.clone().next()?, bytes.clone().nth(1)?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()
        });
        match decoded.flatten() {
            Some(value) => {
                out.push(value);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_the_rest_stays() {
        assert_eq!(decoded("%7B%22a%22+%zz%C3%A9%7"), "{\"a\"+%zzé%7");
    }
}
