//! The `portcullis` program.
#![forbid(unsafe_code)]

#[cfg(feature = "server")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    portcullis::edges::cli::run()
}
