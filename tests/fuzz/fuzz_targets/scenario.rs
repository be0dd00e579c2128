//! Any text as a scenario file: no panic; what is read decides and explains alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::simulate::scenario;
use portcullis::words::problem::Source;

fuzz_target!(|text: &str| {
    if let Ok(scenarios) = scenario::read(&Source::new("fuzz", text)) {
        for s in scenarios {
            let explained = s.explained(|e| e.decision);
            assert_eq!(s.authorizer().decide(&s.request()), explained);
        }
    }
});
