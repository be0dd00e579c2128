//! The `portcullis` program.

fn main() -> std::process::ExitCode {
    portcullis::edges::cli::run()
}
