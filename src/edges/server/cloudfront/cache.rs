//! Answers of origins, kept in memory within a bound of bytes.
//!
//! What a viewer may see is not decided here: see [`super::door`], which asks for every request anew. INVARIANT: an
//! answer that was asked for before an invalidation is never kept after it.

use bytes::Bytes;
use dashmap::DashMap;
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use quick_cache::sync::{Cache as Kept, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Entries are counted in units of this many bytes where memory is reserved.
const UNIT: u64 = 1024;
/// The largest answer that is kept is this part of the whole.
const LARGEST: u64 = 8;
/// What an entry costs beside its body and headers, in bytes.
const OVERHEAD: u64 = 512;

/// An answer of an origin.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, as the origin sent them.
    pub headers: HeaderMap,
    /// Its whole body.
    pub body: Bytes,
    /// When it came, or when the origin last said that it is still so; in milliseconds since 1970.
    pub stored_ms: i64,
    /// Until when it is shown without asking again.
    pub fresh_until_ms: i64,
    /// The distribution's id.
    pub distribution: String,
    /// The path, and after a `?` the query that tells answers apart, as invalidations name it.
    pub path: String,
}

impl Entry {
    /// Whether it may be shown without asking the origin for it.
    #[must_use]
    pub fn is_fresh(&self, now_ms: i64) -> bool {
        now_ms < self.fresh_until_ms
    }
}

#[derive(Clone, Debug)]
struct Bytewise;

impl Weighter<String, Arc<Entry>> for Bytewise {
    fn weight(&self, key: &String, entry: &Arc<Entry>) -> u64 {
        let headers: usize = entry.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let texts = key.len() + entry.path.len() + entry.distribution.len() + headers;
        OVERHEAD + (texts + entry.body.len()) as u64
    }
}

/// The cache.
#[derive(Debug)]
pub struct Cache {
    kept: Option<Kept<String, Arc<Entry>, Bytewise>>,
    largest: u64,
    /// Counts invalidations; writing it excludes insertions.
    epoch: RwLock<u64>,
    /// Memory for bodies: those that are kept, and those that were dropped while viewers still read them.
    memory: Arc<Semaphore>,
    flights: Arc<DashMap<String, Arc<Semaphore>>>,
}

/// Room for a body.
#[derive(Debug)]
pub struct Room {
    permit: OwnedSemaphorePermit,
    length: usize,
}

/// Bytes that give their room back when the last reader has done.
struct Held {
    bytes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Room {
    /// How many bytes it is for.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The body that was made room for.
    #[must_use]
    pub fn filled(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held { bytes, _permit: self.permit })
    }
}

/// Whose turn it is to ask the origin for what several ask for at once.
#[derive(Debug)]
pub enum Turn {
    /// This one's; the others wait until it is dropped.
    First(Flight),
    /// Another's; closed when that one has done.
    Another(Arc<Semaphore>),
}

/// A request to the origin that others wait for.
#[derive(Debug)]
pub struct Flight {
    key: String,
    flights: Arc<DashMap<String, Arc<Semaphore>>>,
    done: Arc<Semaphore>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.remove(&self.key);
        self.done.close();
    }
}

impl Cache {
    /// A cache of at most this many bytes, 0 for none. While viewers read answers that were dropped, at most as many
    /// again are in use.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(usize::try_from(bytes / (16 * UNIT)).unwrap_or(usize::MAX).max(32))
            .weight_capacity(bytes)
            // Four, so that the largest entry fits into one.
            .shards(4)
            .build();
        let kept = options.ok().filter(|_| bytes > 0).map(|options| {
            Kept::with_options(options, Bytewise, DefaultHashBuilder::default(), DefaultLifecycle::default())
        });
        let units = usize::try_from(2 * (bytes / UNIT)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            kept,
            largest: bytes / LARGEST,
            epoch: RwLock::new(0),
            memory: Arc::new(Semaphore::new(units)),
            flights: Arc::default(),
        }
    }

    /// Whether anything is ever kept.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.kept.is_some()
    }

    /// What is kept under a key, fresh or not.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.kept.as_ref()?.get(key)
    }

    /// Drops what is kept under a key.
    pub fn remove(&self, key: &str) {
        if let Some(kept) = &self.kept {
            kept.remove(key);
        }
    }

    /// The count of invalidations, to be taken before the origin is asked.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        *self.epoch.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an answer that was asked for at this count of invalidations; a later one makes it stale.
    pub fn insert(&self, key: &str, entry: &Arc<Entry>, epoch: u64) {
        let now = self.epoch.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = self.kept.as_ref().filter(|_| *now == epoch) {
            kept.insert(key.to_owned(), Arc::clone(entry));
        }
    }

    /// Room for a body of this length; `None` where it is too large to be kept, or readers hold too much.
    #[must_use]
    pub fn room(&self, length: u64) -> Option<Room> {
        if length > self.largest {
            return None;
        }
        let units = u32::try_from(length.div_ceil(UNIT)).ok()?;
        let permit = Arc::clone(&self.memory).try_acquire_many_owned(units).ok()?;
        Some(Room { permit, length: usize::try_from(length).ok()? })
    }

    /// Joins those who ask for a key.
    #[must_use]
    pub fn turn(&self, key: &str) -> Turn {
        let mut first = None;
        let done = self.flights.entry(key.to_owned()).or_insert_with(|| {
            let done = Arc::new(Semaphore::new(0));
            first = Some(Arc::clone(&done));
            done
        });
        let running = Arc::clone(done.value());
        drop(done);
        match first {
            Some(done) => Turn::First(Flight { key: key.to_owned(), flights: Arc::clone(&self.flights), done }),
            None => Turn::Another(running),
        }
    }

    /// Drops the answers of a distribution whose paths fit one of these, each with at most one `*`, at its end.
    pub fn invalidate(&self, distribution: &str, paths: &[String]) {
        let mut epoch = self.epoch.write().unwrap_or_else(PoisonError::into_inner);
        *epoch += 1;
        if let Some(kept) = &self.kept {
            kept.retain(|_, entry| {
                entry.distribution != distribution || !paths.iter().any(|path| names(path, &entry.path))
            });
        }
    }
}

/// Whether an invalidation's path names a kept one; spellings do not matter.
fn names(invalidated: &str, kept: &str) -> bool {
    let plain = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let (wanted, kept) = (["/", invalidated.trim_start_matches('/')].concat(), plain(kept));
    match wanted.strip_suffix('*') {
        Some(prefix) => kept.starts_with(&plain(prefix)),
        None => kept == plain(&wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(distribution: &str, path: &str, body: Bytes) -> Arc<Entry> {
        Arc::new(Entry {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body,
            stored_ms: 0,
            fresh_until_ms: 10,
            distribution: distribution.to_owned(),
            path: path.to_owned(),
        })
    }

    #[test]
    fn entries_come_and_go() {
        let cache = Cache::new(1 << 20);
        let kept = entry("E1", "/a", Bytes::from_static(b"x"));
        cache.insert("k", &kept, cache.epoch());
        assert_eq!(cache.get("k").expect("kept").body, "x");
        assert!(kept.is_fresh(9) && !kept.is_fresh(10));
        cache.remove("k");
        assert!(cache.get("k").is_none());
        let off = Cache::new(0);
        off.insert("k", &kept, off.epoch());
        assert!(!off.is_on() && off.get("k").is_none() && off.room(1).is_none());
    }

    #[test]
    fn the_bound_holds() {
        let cache = Cache::new(256 * 1024);
        for n in 0..200 {
            if let Some(room) = cache.room(8 * 1024) {
                let body = room.filled(vec![0; 8 * 1024]);
                cache.insert(&format!("k{n}"), &entry("E1", "/a", body), cache.epoch());
            }
        }
        let kept = (0..200).filter_map(|n| cache.get(&format!("k{n}"))).map(|e| e.body.len()).sum::<usize>();
        assert!((8 * 1024..=256 * 1024).contains(&kept), "{kept}");
        assert!(cache.room(32 * 1024 + 1).is_none(), "larger than an eighth");
    }

    #[test]
    fn readers_count() {
        let cache = Cache::new(64 * 1024);
        let bodies: Vec<Bytes> =
            std::iter::from_fn(|| cache.room(8 * 1024)).map(|room| room.filled(vec![0; 8 * 1024])).collect();
        assert_eq!(bodies.len(), 16, "twice the bound");
        drop(bodies);
        assert!(cache.room(8 * 1024).is_some());
    }

    #[test]
    fn invalidations() {
        for (invalidated, kept, expected) in [
            ("/a", "/a", true),
            ("a", "/a", true),
            ("/a", "/ab", false),
            ("/a*", "/ab/c", true),
            ("/*", "/x?y=1", true),
            ("/a", "/a?x=1", false),
            ("/a?x=1", "/a?x=1", true),
            ("/a%20b", "/a%20b", true),
            ("/caf%C3%A9*", "/caf%c3%a9/x", true),
            ("/A", "/a", false),
            ("/a*b", "/axb", false),
        ] {
            assert_eq!(names(invalidated, kept), expected, "{invalidated} {kept}");
        }
        let cache = Cache::new(1 << 20);
        let before = cache.epoch();
        for (key, distribution, path) in [("1", "E1", "/a/x"), ("2", "E1", "/b"), ("3", "E2", "/a/x")] {
            cache.insert(key, &entry(distribution, path, Bytes::new()), before);
        }
        cache.invalidate("E1", &["/a/*".to_owned()]);
        assert_eq!(["1", "2", "3"].map(|key| cache.get(key).is_some()), [false, true, true]);
        cache.insert("1", &entry("E1", "/a/x", Bytes::new()), before);
        assert!(cache.get("1").is_none(), "it was asked for before the invalidation");
    }

    #[test]
    fn one_asks_and_the_others_wait() {
        let cache = Cache::new(1 << 20);
        let Turn::First(flight) = cache.turn("k") else { panic!("nobody asks yet") };
        let Turn::Another(waiting) = cache.turn("k") else { panic!("somebody asks") };
        assert!(matches!(cache.turn("other"), Turn::First(_)));
        assert!(!waiting.is_closed());
        drop(flight);
        assert!(waiting.is_closed());
        assert!(matches!(cache.turn("k"), Turn::First(_)));
    }
}
