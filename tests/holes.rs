//! The known holes of object stores, each asked for over HTTP: refused, or answered as S3 answers. And bad input:
//! its code, its sentence, what it may cost, and that nothing stored changes.
#![cfg(feature = "server")]
#![allow(clippy::format_push_string, clippy::format_collect, reason = "requests are short, and read better so")]

mod support;

mod holes {
    mod bodies;
    mod copies;
    mod damage;
    mod failures;
    mod forms;
    mod ground;
    mod keys;
    mod limits;
    mod malformed;
    mod policies;
    mod refusals;
    mod signatures;
    mod sigv2;
    mod wire;
}
