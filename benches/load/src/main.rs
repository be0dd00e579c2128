//! Portcullis and other S3 servers under the same load, in one run on one machine: one after another, in rounds that
//! alternate. Only ratios of one run travel between machines.

mod client;
mod keys;
mod pattern;
mod peers;
mod report;
mod server;
mod sign;
mod work;

use pattern::Pattern;
use report::Table;
use server::Server;
use sign::Signer;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use work::{CONNECTIONS, Until, Work};

/// Why a run ended early.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

const HELP: &str = "\
usage: cargo run --release -- [--portcullis PATH] [--data DIR] [--rounds N] [--seconds S] [--only WORK,…] [--quick]
                              [--trail | --doors | --keys | --memory [--megabytes N]]

Asks portcullis, s3s-fs and a server that stores nothing for the same, over 16 connections, and prints requests per
second and ratios as tables in Markdown. Where it is held against others, which keep no trail that is synced, portcullis
has the best-effort one.

  --portcullis PATH  the program under test; ../../target/release/portcullis where it is not given
  --data DIR         where the servers keep their data, and where it is deleted afterwards; the system's place for
                     temporary files where it is not given
  --rounds N         rounds of every work at every server; 5
  --seconds S        time of one round; 3
  --only WORK,…      of get1k, get1k-header, put1k, get8m, put8m
  --quick            a few hundred requests, every byte compared, nothing judged
  --trail            what the trail of decisions costs: portcullis without it, best-effort, and durable
  --doors            1 KB GETs through CloudFront's door: cache hits, and cache hits by signed URL
  --keys             1 KB GETs of objects under a key of the key service by a role's session, and data keys
  --memory           the peak memory of portcullis under 16 uploads at once, and 16 downloads
  --megabytes N      the size of each of them; 512";

struct Arguments {
    portcullis: PathBuf,
    data: PathBuf,
    rounds: usize,
    seconds: u64,
    only: Vec<String>,
    quick: bool,
    trail: bool,
    doors: bool,
    keys: bool,
    memory: bool,
    megabytes: usize,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve-files", root] => peers::files(Path::new(root)),
        ["serve-nothing"] => peers::nothing(),
        ["--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => parse(words).and_then(|arguments| start(&arguments)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn parse(words: Vec<String>) -> Result<Arguments, Fault> {
    let mut arguments = Arguments {
        portcullis: "../../target/release/portcullis".into(),
        data: std::env::temp_dir(),
        rounds: 5,
        seconds: 3,
        only: Vec::new(),
        quick: false,
        trail: false,
        doors: false,
        keys: false,
        memory: false,
        megabytes: 512,
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value\n\n{HELP}"));
        match word.as_str() {
            "--portcullis" => arguments.portcullis = value()?.into(),
            "--data" => arguments.data = value()?.into(),
            "--rounds" => arguments.rounds = value()?.parse()?,
            "--seconds" => arguments.seconds = value()?.parse()?,
            "--only" => arguments.only = value()?.split(',').map(str::to_owned).collect(),
            "--quick" => arguments.quick = true,
            "--trail" => arguments.trail = true,
            "--doors" => arguments.doors = true,
            "--keys" => arguments.keys = true,
            "--memory" => arguments.memory = true,
            "--megabytes" => arguments.megabytes = value()?.parse()?,
            _ => return Err(format!("what is {word}?\n\n{HELP}").into()),
        }
    }
    match arguments.only.iter().find(|word| !Work::ALL.iter().any(|work| work.word() == *word)) {
        Some(unknown) => Err(format!("there is no work {unknown}\n\n{HELP}").into()),
        None => Ok(arguments),
    }
}

fn start(arguments: &Arguments) -> Result<(), Fault> {
    let folder = Folder::new(&arguments.data)?;
    let pattern = Pattern::new();
    let portcullis = |name, trail| Server::portcullis(name, trail, &arguments.portcullis, &folder.0);
    if arguments.memory {
        return memory(&portcullis("portcullis", "best-effort")?, &pattern, arguments.megabytes);
    }
    if arguments.doors {
        return doors(arguments, &folder.0, &pattern);
    }
    if arguments.keys {
        let rounds = rounds(arguments);
        for trail in ["best-effort", "durable"] {
            let until = |work| until(arguments, work);
            keys::compare(&arguments.portcullis, &folder.0, &pattern, trail, rounds, &until)?;
        }
        return Ok(());
    }
    let servers = if arguments.trail {
        [portcullis("off", "off")?, portcullis("best-effort", "best-effort")?, portcullis("durable", "durable")?]
    } else {
        [portcullis("portcullis", "best-effort")?, Server::files(&folder.0)?, Server::nothing(&folder.0)?]
    };
    for server in &servers {
        let make = !arguments.trail && server.name != "portcullis";
        work::prepare(server, &pattern, make).map_err(|e| format!("{}: {e}", server.name))?;
    }
    let chosen = |work: &Work| arguments.only.is_empty() || arguments.only.iter().any(|w| w == work.word());
    for work in Work::ALL.into_iter().filter(chosen) {
        let mut table = Table::new(work, &servers);
        alternate(rounds(arguments), servers.len(), |number, round| {
            let (server, until) = (&servers[number], until(arguments, work));
            // What another server left for the disk to do is not this one's.
            let _ = Command::new("sync").arg("-f").arg(&folder.0).status();
            let measured = work::run(work, server, &pattern, until, round);
            table.add(number, &measured.map_err(|e| format!("{}, {}: {e}", server.name, work.name()))?);
            Ok(())
        })?;
        if arguments.quick {
            println!("{}: every answer is right", work.name());
        } else if arguments.trail {
            table.print_costs();
        } else {
            table.print();
        }
    }
    Ok(())
}

/// Plain GETs, cache hits, and cache hits by signed URL, of the same objects at the same server.
fn doors(arguments: &Arguments, folder: &Path, pattern: &Pattern) -> Result<(), Fault> {
    let (server, door) = Server::with_door(&arguments.portcullis, folder)?;
    work::prepare(&server, pattern, false)?;
    let query = server::viewer_query(&arguments.portcullis)?;
    let (work, address) = (Work::SmallGet, server.address.clone());
    let direct = |key: &str| work.head(&Signer::new(&address), key);
    let open = |key: &str| format!("GET /{key} HTTP/1.1\r\nhost: {}\r\n\r\n", server::OPEN_HOST);
    let signed = |key: &str| format!("GET /{key}?{query} HTTP/1.1\r\nhost: {}\r\n\r\n", server::SIGNED_HOST);
    let ways: [(&str, &str, &(dyn Fn(&str) -> String + Sync)); 3] = [
        ("direct, presigned", &server.address, &direct),
        ("cache hit", &door, &open),
        ("cache hit by signed URL", &door, &signed),
    ];
    let mut table = Table::of(work, ways.iter().map(|(name, ..)| *name).collect());
    for (_, address, head) in ways {
        // The first time fills the cache.
        work::run_as(work, &server, address, head, pattern, (Until::Count(1000), CONNECTIONS), 0)?;
    }
    alternate(rounds(arguments), ways.len(), |number, round| {
        let (name, address, head) = ways[number];
        let until = (until(arguments, work), CONNECTIONS);
        let measured = work::run_as(work, &server, address, head, pattern, until, round);
        table.add(number, &measured.map_err(|e| format!("{name}: {e}"))?);
        Ok(())
    })?;
    if arguments.quick {
        println!("{}, through CloudFront's door: every answer is right", work.name());
    } else {
        table.print_doors();
    }
    Ok(())
}

fn rounds(arguments: &Arguments) -> usize {
    if arguments.quick { 1 } else { arguments.rounds }
}

/// Runs so many ways by turns; who begins changes from round to round.
pub fn alternate(
    rounds: usize,
    ways: usize,
    mut run: impl FnMut(usize, usize) -> Result<(), Fault>,
) -> Result<(), Fault> {
    for round in 0..rounds {
        for turn in 0..ways {
            run((turn + round) % ways, round)?;
        }
    }
    Ok(())
}

fn until(arguments: &Arguments, work: Work) -> Until {
    match (arguments.quick, work) {
        (false, _) => Until::Time(Duration::from_secs(arguments.seconds)),
        (true, Work::LargeGet | Work::LargePut) => Until::Count(2),
        (true, _) => Until::Count(25),
    }
}

fn memory(server: &Server, pattern: &Pattern, megabytes: usize) -> Result<(), Fault> {
    println!("| {CONNECTIONS} at once, {megabytes} MB each | peak resident memory |");
    println!("|---|---|");
    for (name, upload) in [("uploads", true), ("downloads, every byte compared", false)] {
        server.forget_peak()?;
        work::transfer(server, pattern, megabytes * 1024 * 1024, upload)?;
        println!("| {name} | {} MB |", server.peak()? / (1024 * 1024));
    }
    Ok(())
}

/// A directory that goes away with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new(parent: &Path) -> Result<Self, Fault> {
        let path = parent.join(format!("portcullis-load-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
