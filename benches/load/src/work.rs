//! What is asked of a server: sixteen connections, each with its requests signed before the clock runs.

use crate::Fault;
use crate::client::{Connection, Wanted};
use crate::pattern::Pattern;
use crate::server::{BUCKET, Server};
use crate::sign::Signer;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

pub const CONNECTIONS: usize = 16;
const SMALL: usize = 1024;
const LARGE: usize = 8 * 1024 * 1024;
/// Objects that are read.
const SMALL_KEYS: usize = 1000;
const LARGE_KEYS: usize = CONNECTIONS;
/// Writes of one connection in one round end here, so that the disk's use is bounded.
const MOST_WRITES: usize = 3000;
const MOST_LARGE_WRITES: usize = 400;

/// The length of an object, by its key.
pub fn size_of(key: &str) -> usize {
    if key.starts_with("large") { LARGE } else { SMALL }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    SmallGet,
    SmallGetHeader,
    SmallPut,
    LargeGet,
    LargePut,
    /// A data key of the key service.
    DataKey,
}

/// The keys of the small objects.
pub fn small_keys() -> impl Iterator<Item = String> {
    (0..SMALL_KEYS).map(|n| format!("small-{n}"))
}

impl Work {
    pub const ALL: [Self; 5] = [Self::SmallGet, Self::SmallGetHeader, Self::SmallPut, Self::LargeGet, Self::LargePut];

    pub fn name(self) -> &'static str {
        match self {
            Self::SmallGet => "1 KB GET, presigned",
            Self::SmallGetHeader => "1 KB GET, signed header",
            Self::SmallPut => "1 KB PUT",
            Self::LargeGet => "8 MB GET",
            Self::LargePut => "8 MB PUT",
            Self::DataKey => "GenerateDataKey",
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::SmallGet => "get1k",
            Self::SmallGetHeader => "get1k-header",
            Self::SmallPut => "put1k",
            Self::LargeGet => "get8m",
            Self::LargePut => "put8m",
            Self::DataKey => "data-key",
        }
    }

    /// How many times the requests per second of `s3s-fs` there must be.
    pub fn goal(self) -> Option<f64> {
        match self {
            Self::SmallGet | Self::SmallGetHeader => Some(2.5),
            Self::SmallPut => Some(1.5),
            Self::LargeGet => Some(2.0),
            Self::LargePut => Some(0.7),
            // The others have no key service.
            Self::DataKey => None,
        }
    }

    /// What part of the requests per second without a trail this one leaves at least; `None`: nothing is wanted.
    pub fn share_of_trail(self, trail: &str) -> Option<f64> {
        match (self, trail) {
            (Self::SmallGet | Self::SmallGetHeader, "best-effort") => Some(0.9),
            (Self::SmallGet | Self::SmallGetHeader, "durable") => Some(0.7),
            (Self::LargeGet, "best-effort" | "durable") => Some(0.95),
            _ => None,
        }
    }

    fn writes(self) -> bool {
        matches!(self, Self::SmallPut | Self::LargePut)
    }

    /// The keys of one connection, in order; a list that is read begins anew at its end.
    fn keys(self, connection: usize, round: usize) -> Vec<String> {
        match self {
            Self::DataKey => vec!["small-0".to_owned()],
            Self::SmallGet | Self::SmallGetHeader => {
                let first = connection * SMALL_KEYS / CONNECTIONS;
                (0..SMALL_KEYS).map(|n| format!("small-{}", (first + n) % SMALL_KEYS)).collect()
            }
            Self::LargeGet => (0..LARGE_KEYS).map(|n| format!("large-{}", (connection + n) % LARGE_KEYS)).collect(),
            Self::SmallPut => (0..MOST_WRITES).map(|n| format!("new-{round}-{connection}-{n}")).collect(),
            // Written over, so that the disk holds two of them for each connection.
            Self::LargePut => (0..MOST_LARGE_WRITES).map(|n| format!("large-new-{connection}-{}", n % 2)).collect(),
        }
    }

    pub fn head(self, signer: &Signer, key: &str) -> String {
        let path = format!("/{BUCKET}/{key}");
        match self {
            Self::SmallGet | Self::LargeGet => signer.presigned("GET", &path),
            Self::SmallGetHeader | Self::DataKey => signer.with_headers("GET", &path, 0),
            Self::SmallPut | Self::LargePut => signer.with_headers("PUT", &path, size_of(key)),
        }
    }
}

/// When a connection has done enough.
#[derive(Clone, Copy)]
pub enum Until {
    /// After this time.
    Time(Duration),
    /// After this many requests; every byte is compared.
    Count(usize),
}

/// What was measured.
pub struct Measured {
    pub requests: usize,
    pub seconds: f64,
    /// Processor seconds of the server.
    pub cpu: f64,
}

/// The bucket and the objects that are read.
pub fn prepare(server: &Server, pattern: &Pattern, create: bool) -> Result<(), Fault> {
    let signer = Signer::new(&server.address);
    let mut connection = Connection::open(&server.address)?;
    if create {
        connection.send(signer.with_headers("PUT", &format!("/{BUCKET}"), 0).as_bytes())?;
        connection.answer(Wanted::Anything)?;
    }
    for key in small_keys().chain((0..LARGE_KEYS).map(|n| format!("large-{n}"))) {
        put(&mut connection, &signer, pattern, &key)?;
    }
    Ok(())
}

fn put(connection: &mut Connection, signer: &Signer, pattern: &Pattern, key: &str) -> Result<(), Fault> {
    connection.send(Work::SmallPut.head(signer, key).as_bytes())?;
    connection.send_body(pattern, Pattern::start_of(key), size_of(key))?;
    connection.answer(Wanted::Anything)
}

/// One round of one work at one server.
pub fn run(work: Work, server: &Server, pattern: &Pattern, until: Until, round: usize) -> Result<Measured, Fault> {
    let signer = Signer::new(&server.address);
    let until = (until, CONNECTIONS);
    run_as(work, server, &server.address, &|key| work.head(&signer, key), pattern, until, round)
}

/// As [`run`], at another address of the server, with other heads of requests and over so many connections.
pub fn run_as(
    work: Work,
    server: &Server,
    address: &str,
    head: &(dyn Fn(&str) -> String + Sync),
    pattern: &Pattern,
    (until, connections): (Until, usize),
    round: usize,
) -> Result<Measured, Fault> {
    let ready = Barrier::new(connections + 1);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|number| {
                let ready = &ready;
                scope.spawn(move || {
                    // All of them come to the barrier, whatever happens.
                    let requests = requests(work, head, pattern, number, round);
                    let connection = Connection::open(address);
                    ready.wait();
                    drive(work, &mut connection?, pattern, &requests, until)
                })
            })
            .collect();
        ready.wait();
        let (began, cpu) = (Instant::now(), server.cpu());
        let mut requests = 0;
        for worker in workers {
            requests += worker.join().map_err(|_| "a connection's thread panicked")??;
        }
        let seconds = began.elapsed().as_secs_f64();
        let cpu = server.cpu()? - cpu?;
        if let (true, Until::Count(count)) = (work.writes(), until) {
            read_back(work, server, pattern, count, round)?;
        }
        Ok(Measured { requests, seconds, cpu })
    })
}

/// A request ready to be sent.
struct Ready {
    key: String,
    /// The head; with a small body behind it, so that it is one write.
    bytes: Vec<u8>,
}

fn requests(
    work: Work,
    head: &(dyn Fn(&str) -> String + Sync),
    pattern: &Pattern,
    connection: usize,
    round: usize,
) -> Vec<Ready> {
    let ready = |key: String| {
        let mut bytes = head(&key).into_bytes();
        if work == Work::SmallPut {
            bytes.extend_from_slice(pattern.piece(Pattern::start_of(&key), SMALL));
        }
        Ready { key, bytes }
    };
    work.keys(connection, round).into_iter().map(ready).collect()
}

fn drive(
    work: Work,
    connection: &mut Connection,
    pattern: &Pattern,
    requests: &[Ready],
    until: Until,
) -> Result<usize, Fault> {
    let (most, end) = match until {
        Until::Time(time) => (if work.writes() { requests.len() } else { usize::MAX }, Some(Instant::now() + time)),
        Until::Count(count) => (count, None),
    };
    let mut done = 0;
    for request in requests.iter().cycle() {
        if done == most || end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
        let (start, size) = (Pattern::start_of(&request.key), size_of(&request.key));
        connection.send(&request.bytes)?;
        if work == Work::LargePut {
            connection.send_body(pattern, start, size)?;
        }
        let wanted = match until {
            _ if work.writes() || work == Work::DataKey => Wanted::Anything,
            Until::Time(_) => Wanted::Length(size),
            Until::Count(_) => Wanted::Bytes(size, pattern, start),
        };
        connection.answer(wanted).map_err(|e| format!("{}: {e}", request.key))?;
        done += 1;
    }
    Ok(done)
}

/// What was written is there, byte for byte.
fn read_back(work: Work, server: &Server, pattern: &Pattern, count: usize, round: usize) -> Result<(), Fault> {
    let signer = Signer::new(&server.address);
    let mut connection = Connection::open(&server.address)?;
    for number in 0..CONNECTIONS {
        for key in work.keys(number, round).into_iter().take(count) {
            connection.send(signer.presigned("GET", &format!("/{BUCKET}/{key}")).as_bytes())?;
            let wanted = Wanted::Bytes(size_of(&key), pattern, Pattern::start_of(&key));
            connection.answer(wanted).map_err(|e| format!("{key}, read back: {e}"))?;
        }
    }
    Ok(())
}

/// Sixteen transfers at once of objects of this many bytes: put, or got and compared.
pub fn transfer(server: &Server, pattern: &Pattern, bytes: usize, upload: bool) -> Result<(), Fault> {
    let signer = Signer::new(&server.address);
    thread::scope(|scope| {
        let one = |number: usize| -> Result<(), Fault> {
            let key = format!("huge-{number}");
            let (path, start) = (format!("/{BUCKET}/{key}"), Pattern::start_of(&key));
            let mut connection = Connection::open(&server.address)?;
            if upload {
                connection.send(signer.with_headers("PUT", &path, bytes).as_bytes())?;
                connection.send_body(pattern, start, bytes)?;
                return connection.answer(Wanted::Anything);
            }
            connection.send(signer.presigned("GET", &path).as_bytes())?;
            connection.answer(Wanted::Bytes(bytes, pattern, start))
        };
        let workers: Vec<_> = (0..CONNECTIONS).map(|number| scope.spawn(move || one(number))).collect();
        for worker in workers {
            worker.join().map_err(|_| "a connection's thread panicked")??;
        }
        Ok(())
    })
}
