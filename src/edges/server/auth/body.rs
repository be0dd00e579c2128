//! A request body that ends cleanly only when everything that was declared of it is true.

use super::chunked::{Decoder, bad_trailer, incomplete};
use super::plan::Payload;
use super::{Algorithm, BodyPlan, Checksum, Hasher, S3Error, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use md5::{Digest as _, Md5};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What the caller wants computed beyond what must be verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// MD5, for the `ETag`.
    pub md5: bool,
    /// A checksum to keep beside the object.
    pub checksum: Option<Algorithm>,
}

/// What was found out of a body that ended cleanly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyOutcome {
    /// Bytes of the content.
    pub length: u64,
    /// MD5, where it was wanted or declared.
    pub md5: Option<[u8; 16]>,
    /// The checksums that were wanted or declared.
    pub checksums: Vec<Checksum>,
    /// The checksum that the sender declared, which is right.
    pub declared: Option<Checksum>,
}

impl BodyOutcome {
    /// The computed checksum of an algorithm.
    #[must_use]
    pub fn checksum(&self, algorithm: Algorithm) -> Option<&Checksum> {
        self.checksums.iter().find(|checksum| checksum.algorithm() == algorithm)
    }
}

/// A stream of the content, decoded and hashed on its way. Where anything mismatches, an error takes the place of
/// the end; so content counts only after `None`, and [`VerifiedBody::outcome`] is there only then.
pub struct VerifiedBody<S> {
    source: S,
    plan: BodyPlan,
    decoder: Option<Decoder>,
    input: Bytes,
    received: u64,
    md5: Option<Md5>,
    hashers: Vec<Hasher>,
    ended: bool,
    outcome: Option<BodyOutcome>,
}

impl<S> VerifiedBody<S> {
    /// A body that must be as `plan` says.
    #[must_use]
    pub fn new(source: S, plan: BodyPlan, want: Want) -> Self {
        let signed = matches!(plan.payload, Payload::Sha256(_)).then_some(Algorithm::Sha256);
        let mut hashers: Vec<Hasher> = Vec::new();
        // One hasher for each algorithm, however many ask for it.
        for algorithm in [signed, plan.algorithm(), want.checksum].into_iter().flatten() {
            if !hashers.iter().any(|hasher| hasher.algorithm() == algorithm) {
                hashers.push(Hasher::new(algorithm));
            }
        }
        Self {
            source,
            decoder: Decoder::new(&plan.payload),
            input: Bytes::new(),
            received: 0,
            md5: (want.md5 || plan.md5.is_some()).then(Md5::new),
            hashers,
            ended: false,
            outcome: None,
            plan,
        }
    }

    /// What was found out; `None` before the clean end.
    #[must_use]
    pub fn outcome(&self) -> Option<&BodyOutcome> {
        self.outcome.as_ref()
    }

    /// The content's declared length in bytes.
    #[must_use]
    pub fn declared_length(&self) -> Option<u64> {
        self.plan.length
    }

    fn absorb(&mut self, data: &Bytes) -> Result<(), S3Error> {
        self.received += data.len() as u64;
        if self.plan.length.is_some_and(|length| self.received > length) {
            return Err(incomplete());
        }
        if let Some(md5) = &mut self.md5 {
            md5.update(data);
        }
        self.hashers.iter_mut().for_each(|hasher| hasher.update(data));
        Ok(())
    }

    fn finish(&mut self) -> Result<BodyOutcome, S3Error> {
        let trailers = self.decoder.take().map(Decoder::finish).transpose()?.unwrap_or_default();
        if self.plan.length.is_some_and(|length| self.received != length) {
            return Err(incomplete());
        }
        let declared = match self.plan.trailer {
            Some(algorithm) => Some(trailing_checksum(algorithm, &trailers)?),
            None if trailers.is_empty() => self.plan.checksum,
            None => return Err(bad_trailer()),
        };
        let md5 = self.md5.take().map(|md5| md5.finalize().into());
        check_md5(self.plan.md5, md5)?;
        let outcome = BodyOutcome {
            length: self.received,
            md5,
            checksums: std::mem::take(&mut self.hashers).into_iter().map(Hasher::finish).collect(),
            declared,
        };
        if let Payload::Sha256(expected) = &self.plan.payload {
            check_sha256(expected, outcome.checksum(Algorithm::Sha256))?;
        }
        if let Some(declared) = &outcome.declared
            && outcome.checksum(declared.algorithm()) != Some(declared)
        {
            let name = declared.algorithm().name();
            let message = format!("The {name} you specified did not match the calculated checksum.");
            return Err(S3Error::new("BadDigest", message));
        }
        Ok(outcome)
    }
}

fn trailing_checksum(algorithm: Algorithm, trailers: &[(String, String)]) -> Result<Checksum, S3Error> {
    let [(name, value)] = trailers else { return Err(bad_trailer()) };
    if name != algorithm.header() {
        return Err(bad_trailer());
    }
    Checksum::parse(algorithm, value)
        .ok_or_else(|| S3Error::new("InvalidRequest", format!("Value for {name} trailing header is invalid.")))
}

fn check_md5(declared: Option<[u8; 16]>, computed: Option<[u8; 16]>) -> Result<(), S3Error> {
    match (declared, computed) {
        (Some(declared), Some(computed)) if declared != computed => {
            let message = "The Content-MD5 you specified did not match what we received.";
            Err(S3Error::new("BadDigest", message)
                .with("ExpectedDigest", STANDARD.encode(declared))
                .with("CalculatedDigest", STANDARD.encode(computed)))
        }
        _ => Ok(()),
    }
}

fn check_sha256(declared: &[u8; 32], computed: Option<&Checksum>) -> Result<(), S3Error> {
    let computed = computed.map(Checksum::raw).unwrap_or_default();
    if declared.as_slice() == computed {
        return Ok(());
    }
    let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    Err(S3Error::new("XAmzContentSHA256Mismatch", message)
        .with("ClientComputedContentSHA256", digest::hex(declared))
        .with("S3ComputedContentSHA256", digest::hex(computed)))
}

impl<S: Stream<Item = Result<Bytes, S3Error>> + Unpin> VerifiedBody<S> {
    /// The next piece, or what takes its place.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        loop {
            if let Some(decoder) = &mut self.decoder
                && !self.input.is_empty()
                && let Some(data) = decoder.next(&mut self.input).transpose()
            {
                return Poll::Ready(Some(data));
            }
            match std::task::ready!(self.source.poll_next_unpin(cx)) {
                Some(Ok(bytes)) if self.decoder.is_some() => self.input = bytes,
                Some(Ok(bytes)) if bytes.is_empty() => {}
                other => return Poll::Ready(other),
            }
        }
    }
}

impl<S: Stream<Item = Result<Bytes, S3Error>> + Unpin> Stream for VerifiedBody<S> {
    type Item = Result<Bytes, S3Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let body = self.get_mut();
        if body.ended {
            return Poll::Ready(None);
        }
        let piece = match std::task::ready!(body.poll_piece(cx)) {
            Some(piece) => piece.and_then(|data| body.absorb(&data).map(|()| data)),
            None => match body.finish() {
                Ok(outcome) => {
                    body.ended = true;
                    body.outcome = Some(outcome);
                    return Poll::Ready(None);
                }
                Err(error) => Err(error),
            },
        };
        body.ended = piece.is_err();
        Poll::Ready(Some(piece))
    }
}

/// The data frames of an HTTP body, as a stream.
pub struct Frames<B>(pub B);

impl<B> Stream for Frames<B>
where
    B: http_body::Body<Data = Bytes, Error: Into<S3Error>> + Unpin,
{
    type Item = Result<Bytes, S3Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let body = &mut self.get_mut().0;
        loop {
            match std::task::ready!(Pin::new(&mut *body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
            }
        }
    }
}

/// Reads a small body whole.
///
/// # Errors
/// `MaxMessageLengthExceeded` beyond `limit` bytes, before they are kept; what the body itself is refused for.
pub async fn collect<S>(body: &mut VerifiedBody<S>, limit: u64) -> Result<Bytes, S3Error>
where
    S: Stream<Item = Result<Bytes, S3Error>> + Unpin,
{
    let too_long = || {
        S3Error::new("MaxMessageLengthExceeded", "Your request was too big.")
            .with("MaxMessageLengthBytes", limit.to_string())
    };
    if body.declared_length().is_some_and(|length| length > limit) {
        return Err(too_long());
    }
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    while let Some(piece) = body.next().await.transpose()? {
        if body.received > limit {
            return Err(too_long());
        }
        if first.is_empty() {
            first = piece;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&piece);
        }
    }
    Ok(if more.is_empty() { first } else { more.freeze() })
}
