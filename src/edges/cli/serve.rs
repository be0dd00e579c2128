//! `serve`.

use super::server_args::ServeArgs;
use super::{UNASKED, YES, say};
use crate::edges::server::http::App;
use crate::edges::server::run::{self, Apps, ServeError, Started};
use crate::edges::server::settings::{LogFormat, ServeSettings};
use anstream::eprintln;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

/// Serves what `prepare` makes, until a signal ends it. Exit status 0: it ended in order; 2: it could not serve.
pub fn run<A, D, P, F>(args: &ServeArgs, prepare: P) -> u8
where
    A: App,
    D: App,
    P: FnOnce(Arc<ServeSettings>) -> F,
    F: Future<Output = Result<Apps<A, D>, ServeError>>,
{
    let settings = Arc::new(args.settings());
    if let Err(reason) = start_logging(settings.log_format) {
        eprintln!("error: {reason}");
        return UNASKED;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime did not start: {error}");
            return UNASKED;
        }
    };
    let served = runtime.block_on(async {
        let stop = signals().map_err(|e| ServeError::Prepare(format!("signals cannot be watched: {e}")))?;
        run::run(Arc::clone(&settings), prepare, |started| announce(&settings, started), stop).await
    });
    match served {
        Ok(_) => YES,
        Err(error) => {
            eprintln!("error: {error}");
            if let ServeError::Bind { source, .. } = &error
                && source.kind() == std::io::ErrorKind::AddrInUse
            {
                eprintln!("hint: `--listen HOST:0` takes a free port");
            }
            UNASKED
        }
    }
}

/// A message for each SIGTERM and SIGINT.
fn signals() -> std::io::Result<mpsc::Receiver<()>> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (tell, told) = mpsc::channel(2);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            if tell.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(told)
}

/// Logs go to standard error; `PORTCULLIS_LOG` says which.
fn start_logging(format: LogFormat) -> Result<(), String> {
    const VARIABLE: &str = "PORTCULLIS_LOG";
    let filter = match std::env::var(VARIABLE) {
        Ok(text) => EnvFilter::builder().parse(text).map_err(|e| format!("{VARIABLE}: {e}"))?,
        Err(std::env::VarError::NotPresent) => EnvFilter::new("info"),
        Err(error) => return Err(format!("{VARIABLE}: {error}")),
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => {
            use std::io::IsTerminal as _;
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            logs.with_ansi(colour).try_init()
        }
        LogFormat::Json => logs.json().try_init(),
    };
    started.map_err(|e| e.to_string())
}

/// The one line that programs wait for, on standard output; on standard error what people want to know.
fn announce(settings: &ServeSettings, started: &Started) {
    for note in notes(settings, started) {
        match settings.log_format {
            LogFormat::Text => eprintln!("{note}"),
            // Every line of standard error is JSON then.
            LogFormat::Json => tracing::info!("{note}"),
        }
    }
    say(&ready(started));
}

fn ready(started: &Started) -> String {
    format!("ready http://{}\n", started.http)
}

fn notes(settings: &ServeSettings, started: &Started) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(address) = &started.tls {
        notes.push(format!("listening on https://{address}"));
    }
    let plain = started.cloudfront.iter().map(|address| ("http", address));
    for (scheme, address) in plain.chain(started.cloudfront_tls.iter().map(|address| ("https", address))) {
        notes.push(format!("CloudFront: {scheme}://{address}, with a distribution's domain or alias as host"));
    }
    if let Some(cert) = &started.certificate {
        notes.push(format!("clients must trust the self-made certificate in {}", cert.display()));
    }
    if !started.lacking.is_empty() {
        let names = started.lacking.join(", ");
        notes.push(format!("warning: that certificate was made without {names}; delete it to have a new one made"));
    }
    if let Some(address) = &started.admin {
        notes.push(format!("operators: http://{address}/readyz and /metrics"));
    }
    let credentials = settings.data.join("credentials");
    let mut command = String::new();
    if credentials.exists() {
        notes.push(format!("credentials: {}", credentials.display()));
        command = format!("AWS_SHARED_CREDENTIALS_FILE={} ", quoted(&credentials));
    }
    let (url, region) = (&started.http, &settings.region);
    notes.push(format!("try: {command}aws --endpoint-url http://{url} --region {region} s3 ls"));
    notes
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::server::settings::HostPort;
    use crate::edges::server::testing::TempDir;
    use clap::Parser;

    #[derive(Parser)]
    struct Serve {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn started() -> Started {
        let http = HostPort::parse("[::1]:4321").expect("an address");
        Started {
            http,
            tls: None,
            cloudfront: None,
            cloudfront_tls: None,
            admin: None,
            certificate: None,
            lacking: Vec::new(),
        }
    }

    #[test]
    fn the_ready_line_stands_alone() {
        assert_eq!(ready(&started()), "ready http://[::1]:4321\n");
    }

    #[test]
    fn where_distributions_are_found_is_said() {
        let settings = Serve::try_parse_from(["serve", "--data", "/none"]).expect("valid").args.settings();
        let door = HostPort::parse("127.0.0.1:8080").expect("an address");
        let with_door = Started { cloudfront: Some(door), ..started() };
        let said = "CloudFront: http://127.0.0.1:8080, with a distribution's domain or alias as host";
        assert!(notes(&settings, &with_door).iter().any(|note| note == said));
    }

    #[test]
    fn a_first_start_says_where_its_key_is_and_how_to_use_it() {
        let dir = TempDir::new();
        let data = dir.path().join("it's data");
        std::fs::create_dir(&data).expect("a folder");
        let parse = || Serve::try_parse_from(["serve".as_ref(), "--data".as_ref(), data.as_os_str()]).expect("valid");
        let settings = parse().args.settings();
        assert_eq!(
            notes(&settings, &started()),
            ["try: aws --endpoint-url http://[::1]:4321 --region us-east-1 s3 ls"]
        );
        std::fs::write(data.join("credentials"), "").expect("written");
        let shown = notes(&settings, &started());
        assert_eq!(shown[0], format!("credentials: {}/credentials", data.display()));
        let path = data.display().to_string().replace('\'', r"'\''");
        assert!(
            shown[1].starts_with(&format!("try: AWS_SHARED_CREDENTIALS_FILE='{path}/credentials' aws ")),
            "{}",
            shown[1]
        );
    }
}
