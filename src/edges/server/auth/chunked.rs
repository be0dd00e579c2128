//! `aws-chunked`, taken apart as it arrives.
//!
//! The data of a chunk is passed on before its signature is verified, which stands in front of it but is over
//! all of it; a wrong one ends the stream with an error, and nothing is kept of a body without a clean end. So a
//! chunk may have any size and nothing is buffered but the lines of the framing.
//!
//! Source: S3 API Reference, "Transferring Payload in Multiple Chunks (Chunked Upload)" and "… with trailing headers".

use super::plan::{Chain, Payload};
use super::verify::is_signature;
use super::{S3Error, digest};
use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;

/// A line of the framing is no longer: the size, a signature and an extension, or a trailer.
const MAX_LINE: usize = 1024;
/// As many trailers are read.
const MAX_TRAILERS: usize = 8;
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

enum State {
    /// The size of a chunk comes, in its line.
    Size,
    /// That many bytes of data come.
    Data(u64),
    /// The end of the line behind data comes.
    DataEnd,
    /// Trailers come, up to an empty line.
    Trailers,
    /// Nothing may come.
    Done,
}

/// The signatures of the chunks.
struct Signatures {
    chain: Chain,
    /// The signature of what came before.
    previous: String,
    /// The one that the current chunk claims.
    claimed: String,
    data: Context,
}

/// A decoder of one body.
pub(super) struct Decoder {
    state: State,
    signatures: Option<Signatures>,
    trailer: bool,
    line: Vec<u8>,
    left: u64,
    trailers: Vec<(String, String)>,
    trailer_signature: Option<String>,
}

impl Decoder {
    /// The decoder of a payload; `None` where it has no framing.
    pub(super) fn new(payload: &Payload) -> Option<Self> {
        let (signatures, trailer, decoded_length) = match payload {
            Payload::SignedChunks { chain, trailer, decoded_length } => {
                let signatures = Signatures {
                    previous: chain.seed.clone(),
                    chain: chain.clone(),
                    claimed: String::new(),
                    data: Context::new(&SHA256),
                };
                (Some(signatures), *trailer, *decoded_length)
            }
            Payload::UnsignedTrailer { decoded_length } => (None, true, *decoded_length),
            Payload::Empty | Payload::Unsigned | Payload::Sha256(_) => return None,
        };
        Some(Self {
            state: State::Size,
            signatures,
            trailer,
            line: Vec::new(),
            left: decoded_length,
            trailers: Vec::new(),
            trailer_signature: None,
        })
    }

    /// Takes from `input` up to the next piece of data, which it gives; `None` where `input` is used up.
    pub(super) fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, S3Error> {
        while !input.is_empty() {
            match self.state {
                State::Size => {
                    if let Some(line) = self.take_line(input)? {
                        self.state = self.start_chunk(&line)?;
                    }
                }
                State::Data(left) => return Ok(Some(self.take_data(left, input))),
                State::DataEnd => {
                    if let Some(line) = self.take_line(input)? {
                        if !line.is_empty() {
                            return Err(malformed("a chunk is longer than its size says"));
                        }
                        self.check_chunk()?;
                        self.state = State::Size;
                    }
                }
                State::Trailers => {
                    if let Some(line) = self.take_line(input)? {
                        self.read_trailer(&line)?;
                    }
                }
                State::Done => return Err(malformed("there are bytes behind its end")),
            }
        }
        Ok(None)
    }

    /// The trailers of a body that is complete.
    pub(super) fn finish(self) -> Result<Vec<(String, String)>, S3Error> {
        match self.state {
            State::Done => Ok(self.trailers),
            _ => Err(incomplete()),
        }
    }

    /// A line without its end, once it is there.
    fn take_line(&mut self, input: &mut Bytes) -> Result<Option<String>, S3Error> {
        let end = input.iter().take(MAX_LINE + 2).position(|byte| *byte == b'\n');
        let length = end.map_or(input.len(), |end| end + 1);
        if self.line.len() + length > MAX_LINE {
            return Err(malformed("a line of its framing is too long"));
        }
        self.line.extend_from_slice(&input.split_to(length));
        if end.is_none() {
            return Ok(None);
        }
        let line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok());
        text.map(|text| Some(text.to_owned())).ok_or_else(|| malformed("a line of its framing does not end in CRLF"))
    }

    fn start_chunk(&mut self, line: &str) -> Result<State, S3Error> {
        let (size, extension) = line.split_once(';').map_or((line, None), |(size, rest)| (size, Some(rest)));
        let digits = matches!(size.len(), 1..=16) && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = digits.then(|| u64::from_str_radix(size, 16).ok()).flatten();
        let size = size.ok_or_else(|| malformed("the size of a chunk is not a hexadecimal number"))?;
        match (&mut self.signatures, extension) {
            (Some(signatures), Some(extension)) => {
                let signature = extension.strip_prefix("chunk-signature=").filter(|s| is_signature(s));
                let signature = signature.ok_or_else(|| malformed("the signature of a chunk is not one"))?;
                signature.clone_into(&mut signatures.claimed);
            }
            (Some(_), None) => return Err(malformed("a chunk has no signature")),
            (None, Some(_)) => return Err(malformed("a chunk has an extension that was not announced")),
            (None, None) => {}
        }
        // More than was announced, and less at the end, is S3's IncompleteBody.
        self.left = self.left.checked_sub(size).ok_or_else(incomplete)?;
        if size > 0 {
            return Ok(State::Data(size));
        }
        if self.left > 0 {
            return Err(incomplete());
        }
        self.check_chunk()?;
        Ok(State::Trailers)
    }

    fn take_data(&mut self, left: u64, input: &mut Bytes) -> Bytes {
        let length = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        let data = input.split_to(length);
        if let Some(signatures) = &mut self.signatures {
            signatures.data.update(&data);
        }
        let left = left - length as u64;
        self.state = if left > 0 { State::Data(left) } else { State::DataEnd };
        data
    }

    /// Verifies the signature of the chunk whose data is complete.
    fn check_chunk(&mut self) -> Result<(), S3Error> {
        let Some(signatures) = &mut self.signatures else { return Ok(()) };
        let data = std::mem::replace(&mut signatures.data, Context::new(&SHA256)).finish();
        let Chain { amz_date, scope, key, .. } = &signatures.chain;
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{amz_date}\n{scope}\n{}\n{EMPTY_SHA256}\n{}",
            signatures.previous,
            digest::hex(data.as_ref())
        );
        if !digest::equal(&key.sign(&text), &signatures.claimed) {
            return Err(mismatch(&text, &signatures.claimed));
        }
        signatures.previous = std::mem::take(&mut signatures.claimed);
        Ok(())
    }

    fn read_trailer(&mut self, line: &str) -> Result<(), S3Error> {
        if line.is_empty() {
            self.state = State::Done;
            return self.check_trailers();
        }
        let (name, value) = line.split_once(':').ok_or_else(bad_trailer)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        let full = self.trailers.len() >= MAX_TRAILERS;
        if !self.trailer || full || name.is_empty() || self.trailer_signature.is_some() {
            return Err(bad_trailer());
        }
        if name == "x-amz-trailer-signature" {
            if self.signatures.is_none() {
                return Err(bad_trailer());
            }
            self.trailer_signature = Some(value);
        } else {
            self.trailers.push((name, value));
        }
        Ok(())
    }

    /// Verifies the signature of the trailers.
    fn check_trailers(&self) -> Result<(), S3Error> {
        let Some(signatures) = self.signatures.as_ref().filter(|_| self.trailer) else { return Ok(()) };
        let claimed = self.trailer_signature.as_deref().ok_or_else(bad_trailer)?;
        let canonical: String = self.trailers.iter().flat_map(|(n, v)| [n.as_str(), ":", v.as_str(), "\n"]).collect();
        let Chain { amz_date, scope, key, .. } = &signatures.chain;
        let text = format!(
            "AWS4-HMAC-SHA256-TRAILER\n{amz_date}\n{scope}\n{}\n{}",
            signatures.previous,
            digest::hex(&digest::sha256(canonical.as_bytes()))
        );
        if digest::equal(&key.sign(&text), claimed) { Ok(()) } else { Err(mismatch(&text, claimed)) }
    }
}

/// What a body that ends too early, or is longer than it says, is answered.
pub(super) fn incomplete() -> S3Error {
    let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
    S3Error::new("IncompleteBody", message)
}

/// What trailers that are not the announced ones are answered.
pub(super) fn bad_trailer() -> S3Error {
    let message = "The request contained trailing data that was not well-formed or did not conform to our published \
                   schema.";
    S3Error::new("MalformedTrailerError", message)
}

fn malformed(what: &str) -> S3Error {
    S3Error::new("InvalidRequest", format!("The aws-chunked body is not well formed: {what}."))
}

fn mismatch(string_to_sign: &str, given: &str) -> S3Error {
    let message = "The request signature we calculated does not match the signature you provided. Check your key \
                   and signing method.";
    S3Error::new("SignatureDoesNotMatch", message).with("StringToSign", string_to_sign).with("SignatureProvided", given)
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("left", &self.left).finish_non_exhaustive()
    }
}
