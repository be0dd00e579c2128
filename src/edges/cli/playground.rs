//! `playground`: the page from the binary.

use super::UNASKED;
use super::args::PlaygroundArgs;
use anstream::eprintln;

#[cfg(feature = "playground")]
mod serve;

/// Serves until a signal ends it.
#[cfg(feature = "playground")]
pub(super) fn run(args: &PlaygroundArgs) -> u8 {
    match serve::run(args) {
        Ok(()) => super::YES,
        Err(message) => {
            eprintln!("{message}");
            UNASKED
        }
    }
}

/// Says how to get it.
#[cfg(not(feature = "playground"))]
pub(super) fn run(_: &PlaygroundArgs) -> u8 {
    eprintln!("error: this program was built without the playground");
    eprintln!(
        "hint: build the page and a program that holds it: `wasm/build && cargo install --path . --features playground`"
    );
    UNASKED
}
