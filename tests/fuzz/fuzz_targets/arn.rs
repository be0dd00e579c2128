//! Any text as an ARN: what is read spells the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::words::arn::{Arn, fifth_colon};

fuzz_target!(|text: &str| {
    if let Some(a) = Arn::parse(text) {
        let spelled = format!("arn:{}:{}:{}:{}:{}", a.partition, a.service, a.region, a.account, a.resource);
        assert_eq!(spelled, text);
        assert_eq!(fifth_colon(text).map(|at| &text[at + 1..]), Some(a.resource));
    }
});
