//! One request of a viewer who is let in: from the cache where the origin would still give the answer, from the origin
//! otherwise.
//!
//! INVARIANT: nothing that was kept is shown before the gate has allowed the origin request again, at this moment and
//! in the name of the origin's identity: [`OriginPermits`]. A refusal drops what was kept, and the origin says no.

use super::answers::{self, Shown, Viewer, XCache};
use super::cache::{Cache, Entry, Flight, Turn};
use super::errors::DoorError;
use super::model::CustomError;
use super::origin::OriginAsk;
use super::ttl;
use crate::edges::server::app::{OriginPermits, Sender, Server};
use crate::edges::server::http::{ConnectionFacts, RequestBody, ResponseBody};
use crate::edges::server::reply::Reply;
use bytes::Bytes;
use http::header::ETAG;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use std::sync::Arc;

/// One exchange with an origin.
#[derive(Clone, Copy)]
pub struct Exchange<'x> {
    /// The server behind the door.
    pub server: &'x Server,
    /// What is kept.
    pub cache: &'x Cache,
    /// What is asked.
    pub ask: &'x OriginAsk<'x>,
    /// The viewer's request.
    pub viewer: Viewer<'x>,
    /// The distribution's id.
    pub distribution: &'x str,
    /// How long errors are kept.
    pub errors: &'x [CustomError],
    /// The viewer's connection.
    pub connection: ConnectionFacts,
}

impl Exchange<'_> {
    /// The answer.
    ///
    /// # Errors
    /// [`DoorError::UnknownOrigin`], [`DoorError::OriginBroke`].
    pub async fn answer(&self, body: RequestBody) -> Result<Shown, DoorError> {
        let method = self.viewer.method;
        let reads = matches!(*method, Method::GET | Method::HEAD);
        if !(reads && self.ask.shareable && self.cache.is_on()) {
            return Ok(Shown::passed(self.origin(self.ask.request(method, body)?).await));
        }
        drop(body);
        let mut waited = false;
        loop {
            let kept = self.cache.get(&self.ask.key);
            if let Some(shown) = self.still_shown(kept.as_ref()).await? {
                return Ok(shown);
            }
            if *method == Method::HEAD {
                return Ok(Shown::passed(self.origin(self.ask.request(method, RequestBody::empty())?).await));
            }
            let flight = match self.cache.turn(&self.ask.key) {
                Turn::First(flight) => Some(flight),
                Turn::Another(running) if !waited => {
                    // It is closed, never opened: this only waits.
                    let _ = running.acquire().await;
                    waited = true;
                    continue;
                }
                // What the other one got was not to be kept: waiting once more would make a queue.
                Turn::Another(_) => None,
            };
            return self.fetched(kept, flight).await;
        }
    }

    /// What is kept, where it is fresh and the origin would still give it.
    async fn still_shown(&self, kept: Option<&Arc<Entry>>) -> Result<Option<Shown>, DoorError> {
        let now_ms = self.server.now_ms();
        let Some(entry) = kept.filter(|entry| entry.is_fresh(now_ms)) else { return Ok(None) };
        let again = self.ask.whole(self.viewer.method, None)?;
        let absent = entry.status == StatusCode::NOT_FOUND;
        match Box::pin(self.server.still_permits(again, self.ask.sender.clone(), absent)).await {
            Some(permits) => Ok(Some(Shown::kept(entry, XCache::Hit, &self.viewer, &permits, now_ms))),
            None => {
                self.cache.remove(&self.ask.key);
                Ok(None)
            }
        }
    }

    async fn origin(&self, request: Request<RequestBody>) -> Reply {
        // Boxed: answering S3's requests takes much room, and a viewer's request holds it up to three times.
        Box::pin(self.server.respond(request, self.connection, Sender::Origin(self.ask.sender.clone()))).await
    }

    /// Asks the origin for the whole, and keeps it where it may be kept.
    async fn fetched(&self, kept: Option<Arc<Entry>>, flight: Option<Flight>) -> Result<Shown, DoorError> {
        let stale = kept.filter(|entry| entry.status == StatusCode::OK && entry.headers.contains_key(ETAG));
        let epoch = self.cache.epoch();
        let request = self.ask.whole(&Method::GET, stale.as_ref().and_then(|entry| entry.headers.get(ETAG)))?;
        let reply = self.origin(request).await;
        let shown = match (reply.status(), stale) {
            (StatusCode::NOT_MODIFIED, Some(stale)) => self.refreshed(&stale, &reply, epoch),
            (StatusCode::OK, _) => return self.kept_or_streamed(reply, epoch, flight).await,
            (status, _) if status.is_client_error() || status.is_server_error() => self.failed(reply, epoch).await?,
            _ => Shown::passed(reply),
        };
        drop(flight);
        Ok(shown)
    }

    fn seconds(&self, headers: &HeaderMap, now_ms: i64) -> i64 {
        let seconds = ttl::of_answer(self.ask.rules.ttls, headers, now_ms.div_euclid(1000));
        i64::try_from(seconds).unwrap_or(i64::MAX / 2000)
    }

    fn entry(&self, reply: &Reply, headers: HeaderMap, body: Bytes, seconds: i64, now_ms: i64) -> Arc<Entry> {
        Arc::new(Entry {
            status: reply.status(),
            headers,
            body,
            stored_ms: now_ms,
            fresh_until_ms: now_ms.saturating_add(seconds.saturating_mul(1000)),
            distribution: self.distribution.to_owned(),
            path: self.ask.place.clone(),
        })
    }

    /// The origin says that what is kept is still so.
    fn refreshed(&self, stale: &Entry, reply: &Reply, epoch: u64) -> Shown {
        let now_ms = self.server.now_ms();
        let seconds = self.seconds(&stale.headers, now_ms);
        let fresh_until_ms = now_ms.saturating_add(seconds.saturating_mul(1000));
        let entry = Arc::new(Entry { stored_ms: now_ms, fresh_until_ms, ..stale.clone() });
        self.cache.insert(&self.ask.key, &entry, epoch);
        Shown::kept(&entry, XCache::RefreshHit, &self.viewer, &OriginPermits::of_answer(reply), now_ms)
    }

    async fn kept_or_streamed(&self, reply: Reply, epoch: u64, flight: Option<Flight>) -> Result<Shown, DoorError> {
        let now_ms = self.server.now_ms();
        let seconds = self.seconds(reply.headers(), now_ms);
        // What a key of a customer's or of the key service opened is not kept: a hit asks neither key again.
        let encryption = reply.headers().get("x-amz-server-side-encryption");
        let secret = reply.headers().contains_key("x-amz-server-side-encryption-customer-algorithm")
            || encryption.is_some_and(|how| how.as_bytes().starts_with(b"aws:kms"));
        let length = answers::announced(&reply).filter(|_| seconds > 0 && !secret);
        let Some(room) = length.and_then(|length| self.cache.room(length)) else {
            self.cache.remove(&self.ask.key);
            drop(flight);
            if answers::is_plain(self.viewer.headers) {
                return Ok(Shown::passed(reply));
            }
            drop(reply);
            let request = self.ask.request(self.viewer.method, RequestBody::empty())?;
            return Ok(Shown::passed(self.origin(request).await));
        };
        let (head, body) = reply.into_parts();
        let bytes = collected(body, room.length()).await?;
        let reply = Reply::from_parts(head, ResponseBody::empty());
        let entry = self.entry(&reply, reply.headers().clone(), room.filled(bytes), seconds, now_ms);
        self.cache.insert(&self.ask.key, &entry, epoch);
        drop(flight);
        Ok(Shown::kept(&entry, XCache::Miss, &self.viewer, &OriginPermits::of_answer(&reply), now_ms))
    }

    /// An error: what was kept is no more, and the error itself is kept for a moment.
    async fn failed(&self, reply: Reply, epoch: u64) -> Result<Shown, DoorError> {
        self.cache.remove(&self.ask.key);
        let status = reply.status();
        let configured = self.errors.iter().find(|error| error.status == status.as_u16());
        let seconds = ttl::of_error(status, configured, reply.headers());
        let length = answers::announced(&reply).filter(|_| seconds > 0);
        let Some(room) = length.and_then(|length| self.cache.room(length)) else { return Ok(Shown::passed(reply)) };
        let now_ms = self.server.now_ms();
        let (head, body) = reply.into_parts();
        let bytes = collected(body, room.length()).await?;
        let reply = Reply::from_parts(head, ResponseBody::empty());
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX / 2000);
        let entry = self.entry(&reply, reply.headers().clone(), room.filled(bytes), seconds, now_ms);
        self.cache.insert(&self.ask.key, &entry, epoch);
        Ok(Shown::kept(&entry, XCache::Miss, &self.viewer, &OriginPermits::of_answer(&reply), now_ms))
    }
}

/// A body of exactly this length.
async fn collected(mut body: ResponseBody, length: usize) -> Result<Vec<u8>, DoorError> {
    let mut bytes = Vec::with_capacity(length);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            tracing::error!(%error, "an origin's answer ended early");
            DoorError::OriginBroke
        })?;
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    if bytes.len() == length { Ok(bytes) } else { Err(DoorError::OriginBroke) }
}
