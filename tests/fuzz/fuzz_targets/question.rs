//! Any line as a question: what is read prints back to the same question.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::simulate::question::Question;

fuzz_target!(|line: &str| {
    if let Ok(question) = Question::parse(line) {
        let printed = question.line();
        // A single quote inside a word has no spelling inside single quotes.
        if !format!("{question:?}").contains('\'') {
            assert_eq!(Question::parse(&printed), Ok(question), "{printed}");
        }
    }
});
