//! One of the writers of the kill loop: it alone writes its keys, and remembers what it was told of them.

use super::model::{BUCKETS, Body, Mode, Piece, Rng, Version, Versions};
use super::read::{attempt, completion, etag_of, tagging};
use super::support::Client;
use std::collections::{BTreeMap, BTreeSet};

/// A bucket, by its place in [`BUCKETS`], and a key.
pub type Place = (usize, String);

/// A multipart upload under way.
#[derive(Clone, Debug)]
pub struct Upload {
    pub place: Place,
    pub id: String,
    pub parts: BTreeMap<u32, Piece>,
}

/// A request that had no answer when the server went away.
#[derive(Clone, Debug)]
pub enum Pending {
    /// The versions of a key are to become these.
    Key(Place, Versions),
    Create(Place),
    Part(String, u32, Piece),
    /// Upload, the list, and what the key's versions are to become.
    Complete(String, String, Place, Versions),
    Abort(String),
}

pub struct Writer {
    pub number: usize,
    pub rng: Rng,
    pub known: BTreeMap<Place, Versions>,
    pub uploads: Vec<Upload>,
    pub pending: Option<Pending>,
    /// Keys that changed since they were last read whole.
    pub dirty: BTreeSet<Place>,
    pub acknowledged: u64,
    /// What became of requests without an answer: nothing, or everything.
    pub resolved: (u64, u64),
}

impl Writer {
    pub fn new(number: usize, seed: u64) -> Self {
        Self {
            number,
            rng: Rng(seed),
            known: BTreeMap::new(),
            uploads: Vec::new(),
            pending: None,
            dirty: BTreeSet::new(),
            acknowledged: 0,
            resolved: (0, 0),
        }
    }

    pub fn prefix(&self) -> String {
        format!("w{}/", self.number)
    }

    /// Versions in the bucket whose versioning is suspended later.
    pub fn prepare(&mut self, client: &Client) {
        for key in 0..3 {
            for _ in 0..2 {
                let place = (2, format!("{}k{key}", self.prefix()));
                self.put(client, place, Mode::Versioned).expect("the server answers");
            }
        }
    }

    pub fn versions(&self, place: &Place) -> Versions {
        self.known.get(place).cloned().unwrap_or_default()
    }

    pub fn settle(&mut self, place: Place, versions: Versions) {
        self.dirty.insert(place.clone());
        self.known.insert(place, versions);
        self.pending = None;
        self.acknowledged += 1;
    }

    fn place(&mut self) -> Place {
        let bucket = usize::try_from(self.rng.below(BUCKETS.len() as u64)).expect("small");
        (bucket, format!("{}k{}", self.prefix(), self.rng.below(5)))
    }

    fn piece(&mut self) -> Piece {
        Piece { seed: self.rng.next(), len: self.rng.length() }
    }

    /// One request or two; nothing once the server is gone.
    pub fn step(&mut self, client: &Client) -> Option<()> {
        let place = self.place();
        let mode = BUCKETS[place.0].1;
        let many = self.versions(&place).len() > 6;
        match self.rng.below(100) {
            0..=49 if !many => self.put(client, place, mode),
            50..=57 if !many => self.delete(client, place, mode),
            58..=65 => self.tag(client, place),
            66..=73 if self.uploads.len() < 4 => self.create(client, place),
            66..=84 => self.part(client),
            85..=91 => self.complete(client),
            92..=93 => self.abort(client),
            _ => self.delete_version(client, place, mode),
        }
    }

    fn put(&mut self, client: &Client, place: Place, mode: Mode) -> Option<()> {
        let body = Body::of(self.piece());
        let tag = if self.rng.chance(20) { format!("p{}", self.rng.below(1000)) } else { String::new() };
        let version = Version { id: mode.fixed_id(), body: Some(body.clone()), tag: tag.clone() };
        let mut after = mode.put(&self.versions(&place), version);
        self.pending = Some(Pending::Key(place.clone(), after.clone()));
        let path = path(&place);
        let tagging = format!("t={tag}");
        let headers: &[(&str, &str)] = if tag.is_empty() { &[] } else { &[("x-amz-tagging", &tagging)] };
        let answer = attempt(client, "PUT", &path, headers, &body.bytes())?;
        assert_eq!(answer.status, 200, "PUT {path}: {}", answer.text());
        assert_eq!(etag_of(&answer), body.etag(), "PUT {path}");
        after[0].id = Some(id_of(answer.header("x-amz-version-id")));
        self.settle(place, after);
        if self.rng.chance(25) {
            // What was acknowledged is read.
            let got = attempt(client, "GET", &path, &[], b"")?;
            assert_eq!(got.status, 200, "GET {path} after its PUT: {}", got.text());
            assert!(got.body == body.bytes(), "GET {path} after its PUT gave other bytes");
        }
        Some(())
    }

    fn delete(&mut self, client: &Client, place: Place, mode: Mode) -> Option<()> {
        let mut after = mode.delete(&self.versions(&place));
        self.pending = Some(Pending::Key(place.clone(), after.clone()));
        let answer = attempt(client, "DELETE", &path(&place), &[], b"")?;
        assert_eq!(answer.status, 204, "DELETE {place:?}: {}", answer.text());
        if let Some(marker) = after.first_mut().filter(|_| mode != Mode::Flat) {
            marker.id = Some(id_of(answer.header("x-amz-version-id")));
        }
        self.settle(place, after);
        Some(())
    }

    fn delete_version(&mut self, client: &Client, place: Place, mode: Mode) -> Option<()> {
        let mut after = self.versions(&place);
        if mode == Mode::Flat || after.is_empty() {
            return Some(());
        }
        let at = usize::try_from(self.rng.below(after.len() as u64)).expect("small");
        let id = after.remove(at).id.expect("known");
        self.pending = Some(Pending::Key(place.clone(), after.clone()));
        let answer = attempt(client, "DELETE", &format!("{}?versionId={id}", path(&place)), &[], b"")?;
        assert_eq!(answer.status, 204, "DELETE {place:?} {id}: {}", answer.text());
        self.settle(place, after);
        Some(())
    }

    fn tag(&mut self, client: &Client, place: Place) -> Option<()> {
        let mut after = self.versions(&place);
        let bodies: Vec<usize> = (0..after.len()).filter(|at| after[*at].body.is_some()).collect();
        let Some(at) = self.rng.pick(&bodies).copied() else { return Some(()) };
        after[at].tag = format!("t{}", self.rng.below(1_000_000));
        self.pending = Some(Pending::Key(place.clone(), after.clone()));
        let path = format!("{}?tagging&versionId={}", path(&place), after[at].id.as_deref().expect("known"));
        let answer = attempt(client, "PUT", &path, &[], tagging(&after[at].tag).as_bytes())?;
        assert_eq!(answer.status, 200, "PUT {path}: {}", answer.text());
        self.settle(place, after);
        Some(())
    }

    fn create(&mut self, client: &Client, place: Place) -> Option<()> {
        self.pending = Some(Pending::Create(place.clone()));
        let answer = attempt(client, "POST", &format!("{}?uploads", path(&place)), &[], b"")?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.uploads.push(Upload { place, id: answer.element("UploadId"), parts: BTreeMap::new() });
        self.pending = None;
        self.acknowledged += 1;
        Some(())
    }

    /// Uploads part 1, or one behind it where that is long enough not to be the last.
    fn part(&mut self, client: &Client) -> Option<()> {
        let chosen = usize::try_from(self.rng.below(self.uploads.len().max(1) as u64)).expect("small");
        let mut piece = self.piece();
        piece.len = piece.len.max(1);
        let first_is_long = self.rng.chance(15);
        let Some(upload) = self.uploads.get_mut(chosen) else { return Some(()) };
        let long = upload.parts.get(&1).is_some_and(|p| p.len >= 5 << 20);
        let number = if long { 2 } else { 1 };
        if number == 1 && first_is_long {
            piece.len = (5 << 20) + piece.len % 1000;
        }
        let (id, path) = (upload.id.clone(), path(&upload.place));
        self.pending = Some(Pending::Part(id.clone(), number, piece));
        let path = format!("{path}?partNumber={number}&uploadId={id}");
        let answer = attempt(client, "PUT", &path, &[], &piece.bytes())?;
        assert_eq!(answer.status, 200, "PUT {path}: {}", answer.text());
        assert_eq!(etag_of(&answer), piece.etag());
        upload.parts.insert(number, piece);
        self.pending = None;
        self.acknowledged += 1;
        Some(())
    }

    fn complete(&mut self, client: &Client) -> Option<()> {
        let ready = |u: &&Upload| !u.parts.is_empty() && self.versions(&u.place).len() <= 8;
        let Some(upload) = self.uploads.iter().find(ready).cloned() else { return Some(()) };
        let mut parts = upload.parts.clone();
        if parts.len() == 2 && self.rng.chance(30) {
            // A part that is not listed goes.
            parts.remove(&2);
        }
        let etags: Vec<(u32, String)> = parts.iter().map(|(n, p)| (*n, p.etag())).collect();
        let list = completion(etags.iter().map(|(n, e)| (*n, e.as_str())));
        let mode = BUCKETS[upload.place.0].1;
        let body = Body::of_parts(parts.into_values().collect());
        let version = Version { id: mode.fixed_id(), body: Some(body.clone()), tag: String::new() };
        let mut after = mode.put(&self.versions(&upload.place), version);
        let place = upload.place.clone();
        self.pending = Some(Pending::Complete(upload.id.clone(), list.clone(), place.clone(), after.clone()));
        let id = complete_again(client, &place, &upload.id, &list, &body)?;
        after[0].id = Some(id.clone());
        self.uploads.retain(|u| u.id != upload.id);
        self.settle(place.clone(), after);
        if self.rng.chance(20) {
            let again = complete_again(client, &place, &upload.id, &list, &body)?;
            assert_eq!(again, id, "completing again made something else");
        }
        Some(())
    }

    fn abort(&mut self, client: &Client) -> Option<()> {
        let Some(upload) = self.uploads.last().cloned() else { return Some(()) };
        self.pending = Some(Pending::Abort(upload.id.clone()));
        let path = format!("{}?uploadId={}", path(&upload.place), upload.id);
        let answer = attempt(client, "DELETE", &path, &[], b"")?;
        assert_eq!(answer.status, 204, "DELETE {path}: {}", answer.text());
        self.uploads.pop();
        self.pending = None;
        self.acknowledged += 1;
        Some(())
    }
}

/// Completes an upload and gives the version's id.
pub fn complete_again(client: &Client, place: &Place, id: &str, list: &str, body: &Body) -> Option<String> {
    let path = format!("{}?uploadId={id}", path(place));
    let answer = attempt(client, "POST", &path, &[], list.as_bytes())?;
    assert_eq!(answer.status, 200, "POST {path}: {}", answer.text());
    assert!(answer.text().contains(body.etag()), "POST {path}: {}", answer.text());
    Some(id_of(answer.header("x-amz-version-id")))
}

pub fn path(place: &Place) -> String {
    format!("/{}/{}", BUCKETS[place.0].0, place.1)
}

fn id_of(header: &str) -> String {
    if header.is_empty() { "null".to_owned() } else { header.to_owned() }
}
