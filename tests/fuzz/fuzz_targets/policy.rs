//! Any bytes as a policy of every kind: no panic, and what is accepted prints back to an equal document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::compiled::CompiledPolicy;
use portcullis::policy::{Acceptance, LoadOptions, PolicyDocument, PolicyKind};

fuzz_target!(|data: &[u8]| {
    for word in ["identity", "scp", "rcp", "bucket", "key", "trust", "vpce"] {
        let kind = PolicyKind::from_word(word).expect("a kind");
        for acceptance in [Acceptance::Stored, Acceptance::Evaluable] {
            let options = LoadOptions { acceptance, ..LoadOptions::new(kind) };
            let Ok(document) = PolicyDocument::parse_bytes("fuzz", data, &options) else { continue };
            let printed = document.print();
            let again = PolicyDocument::parse("again", &printed, &options).expect("what it prints it reads");
            assert_eq!(again.print(), printed);
            let ours: serde_json::Value = serde_json::from_str(&printed).expect("it prints JSON");
            let theirs: serde_json::Value = serde_json::from_slice(data).expect("it accepts JSON only");
            assert_eq!(ours, theirs);
            let policy = CompiledPolicy::compile("fuzz", &document);
            assert_eq!(policy.statements().len(), document.statements().len());
        }
    }
});
