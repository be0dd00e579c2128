//! The `portcullis` program.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    portcullis::edges::cli::run()
}
