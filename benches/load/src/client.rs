//! One keep-alive connection. It blocks: two system calls for a small request, and nothing to be measured but them.

use crate::Fault;
use crate::pattern::Pattern;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Long enough for a disk that is flushed by sixteen at once; a server that says nothing at all ends the run.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of one read and of one write of a long body.
const STEP: usize = 256 * 1024;

pub struct Connection {
    stream: TcpStream,
    space: Vec<u8>,
}

/// What an answer's body must be.
#[derive(Clone, Copy)]
pub enum Wanted<'a> {
    /// Of this length.
    Length(usize),
    /// Of this length, and these bytes from a position on.
    Bytes(usize, &'a Pattern, usize),
    /// Whatever it is.
    Anything,
}

impl Connection {
    pub fn open(address: &str) -> Result<Self, Fault> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, space: vec![0; STEP] })
    }

    /// Sends what is in one piece.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Sends a body piece by piece.
    pub fn send_body(&mut self, pattern: &Pattern, start: usize, length: usize) -> Result<(), Fault> {
        let mut sent = 0;
        while sent < length {
            let piece = pattern.piece(start + sent, STEP.min(length - sent));
            self.stream.write_all(piece)?;
            sent += piece.len();
        }
        Ok(())
    }

    /// Reads an answer, which must have status 200, and gives its body.
    pub fn text(&mut self) -> Result<String, Fault> {
        let (head, filled, length) = self.head()?;
        let mut body = self.space[head..filled].to_vec();
        let known = body.len();
        body.resize(length.max(known), 0);
        self.stream.read_exact(&mut body[known..])?;
        Ok(String::from_utf8(body)?)
    }

    /// Reads an answer, which must have status 200 and the body that is wanted.
    pub fn answer(&mut self, wanted: Wanted<'_>) -> Result<(), Fault> {
        let (head, filled, length) = self.head()?;
        match wanted {
            Wanted::Length(want) | Wanted::Bytes(want, ..) if want != length => {
                return Err(format!("{length} bytes where {want} were expected").into());
            }
            _ => {}
        }
        let mut read = filled - head;
        check(wanted, 0, &self.space[head..filled])?;
        while read < length {
            let space = STEP.min(length - read);
            let more = self.stream.read(&mut self.space[..space])?;
            if more == 0 {
                return Err(format!("the answer ended after {read} of {length} bytes").into());
            }
            check(wanted, read, &self.space[..more])?;
            read += more;
        }
        if read > length { Err("more bytes than announced".into()) } else { Ok(()) }
    }

    /// Reads the head of an answer: its length, what has been read, and the length of the body.
    fn head(&mut self) -> Result<(usize, usize, usize), Fault> {
        let mut filled = 0;
        let head = loop {
            let read = self.stream.read(&mut self.space[filled..])?;
            if read == 0 {
                return Err("the server ended the connection".into());
            }
            // The end of the head may lie across two reads.
            let from = filled.saturating_sub(3);
            filled += read;
            if let Some(at) = self.space[from..filled].windows(4).position(|w| w == b"\r\n\r\n") {
                break from + at + 4;
            }
        };
        let text = std::str::from_utf8(&self.space[..head])?;
        let status = text.get(9..12).unwrap_or_default();
        let length = text.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        let length = length.ok_or_else(|| format!("an answer without a length: {text}"))??;
        if status != "200" {
            let body = String::from_utf8_lossy(&self.space[head..filled]);
            return Err(format!("status {status}: {text}{body}").into());
        }
        Ok((head, filled, length))
    }
}

fn check(wanted: Wanted<'_>, position: usize, bytes: &[u8]) -> Result<(), Fault> {
    let Wanted::Bytes(_, pattern, start) = wanted else { return Ok(()) };
    match pattern.difference(start + position, bytes) {
        None => Ok(()),
        Some(at) => Err(format!("byte {} is not what was put there", at - start).into()),
    }
}
