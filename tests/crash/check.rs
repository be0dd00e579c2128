//! After a restart: what a writer was told is there, what it was not told is there wholly or not at all.

use super::model::{BUCKETS, Version, Versions};
use super::read::{self, Seen, etag_of};
use super::support::Client;
use super::writer::{Pending, Place, Writer, complete_again, path};
use std::collections::{BTreeMap, BTreeSet};

impl Writer {
    /// Compares everything this writer did with what the server has; reads the bytes of what changed, or of
    /// `everything`.
    pub fn check(&mut self, client: &Client, everything: bool) {
        let pending = self.pending.take();
        for (bucket, (name, _)) in BUCKETS.iter().enumerate() {
            let seen = read::versions(client, name, &self.prefix(), 100);
            self.check_bucket(client, bucket, &seen, pending.as_ref());
            if everything {
                // One to a page, so that markers stand among the versions.
                let ids = read::versions(client, name, &self.prefix(), 1).into_iter().map(|s| (s.key, Some(s.id)));
                let of_bucket = self.known.iter().filter(|(place, _)| place.0 == bucket);
                let known = of_bucket.flat_map(|(p, all)| all.iter().map(|v| (p.1.clone(), v.id.clone())));
                assert_eq!(ids.collect::<Vec<_>>(), known.collect::<Vec<_>>(), "the order of versions");
            }
        }
        self.check_uploads(client, pending.as_ref());
        if let Some(Pending::Complete(id, list, place, after)) = pending {
            self.complete_after_all(client, &id, &list, place, after);
        }
        let all: Vec<Place> = self.known.keys().cloned().collect();
        for place in all {
            if everything || self.dirty.contains(&place) {
                self.read_all(client, &place);
            }
        }
        self.dirty.clear();
        self.check_current(client);
    }

    fn check_bucket(&mut self, client: &Client, bucket: usize, seen: &[Seen], pending: Option<&Pending>) {
        let mut by_key: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
        for one in seen {
            by_key.entry(&one.key).or_default().push(one);
        }
        let mut places: BTreeSet<Place> = self.known.keys().filter(|p| p.0 == bucket).cloned().collect();
        places.extend(by_key.keys().map(|key| (bucket, (*key).to_owned())));
        for place in places {
            let found = by_key.get(place.1.as_str()).map_or(&[][..], |v| v);
            let old = self.versions(&place);
            let new = match pending {
                Some(Pending::Key(of, after) | Pending::Complete(_, _, of, after)) if *of == place => Some(after),
                _ => None,
            };
            let Some(new) = new else {
                let fits = fits(client, &place, &old, &old, found, false);
                assert!(fits.is_some(), "{place:?}: acknowledged {old:#?}\nfound {found:#?}");
                continue;
            };
            self.dirty.insert(place.clone());
            if let Some(became) = fits(client, &place, new, &old, found, true) {
                self.known.insert(place, became);
                self.resolved.1 += 1;
            } else {
                let fits = fits(client, &place, &old, &old, found, true);
                assert!(fits.is_some(), "{place:?}: acknowledged {old:#?}\nasked {new:#?}\nfound {found:#?}");
                self.resolved.0 += 1;
            }
        }
    }

    /// Uploads are there with their parts; one that was being made may be, one that was being ended may not.
    fn check_uploads(&mut self, client: &Client, pending: Option<&Pending>) {
        let mut found = BTreeMap::new();
        for (bucket, (name, _)) in BUCKETS.iter().enumerate() {
            for (key, id) in read::uploads(client, name, &self.prefix()) {
                found.insert(id, (bucket, key));
            }
        }
        let mut kept = Vec::new();
        for mut upload in std::mem::take(&mut self.uploads) {
            let ending = match pending {
                Some(Pending::Abort(id)) => *id == upload.id,
                Some(Pending::Complete(id, _, place, after)) if *id == upload.id => {
                    // The object is there exactly if the upload is not.
                    let completed = self.versions(place).len() == after.len()
                        && self.versions(place).first().and_then(|v| v.body.as_ref())
                            == after.first().and_then(|v| v.body.as_ref());
                    assert_eq!(found.contains_key(id), !completed, "{upload:?}: half completed");
                    completed
                }
                _ => false,
            };
            let parts = read::parts(client, BUCKETS[upload.place.0].0, &upload.place.1, &upload.id);
            assert_eq!(found.remove(&upload.id).is_some(), parts.is_some(), "{upload:?}: listed or not");
            let Some(parts) = parts else {
                assert!(ending, "{upload:?} is gone");
                continue;
            };
            let lines = |parts: &BTreeMap<u32, super::model::Piece>| {
                parts.iter().map(|(n, p)| (*n, p.etag(), p.len)).collect::<Vec<_>>()
            };
            if lines(&upload.parts) != parts {
                if let Some(Pending::Part(id, number, piece)) = pending
                    && *id == upload.id
                {
                    upload.parts.insert(*number, *piece);
                }
                assert_eq!(lines(&upload.parts), parts, "{upload:?}");
            }
            kept.push(upload);
        }
        self.uploads = kept;
        for (id, place) in found {
            let made = matches!(pending, Some(Pending::Create(of)) if *of == place);
            assert!(made, "an upload {id} at {place:?} that nobody began, or one that was ended");
            self.uploads.push(super::writer::Upload { place, id, parts: BTreeMap::new() });
        }
    }

    /// A client that had no answer completes again: that is good whether or not it was done.
    fn complete_after_all(&mut self, client: &Client, id: &str, list: &str, place: Place, mut after: Versions) {
        let body = after[0].body.clone().expect("bytes");
        let version = complete_again(client, &place, id, list, &body).expect("the server answers");
        after[0].id = Some(version);
        self.uploads.retain(|u| u.id != id);
        let seen = read::versions(client, BUCKETS[place.0].0, &place.1, 100);
        let found: Vec<&Seen> = seen.iter().filter(|s| s.key == place.1).collect();
        let fits = fits(client, &place, &after, &after, &found, true);
        assert!(fits.is_some(), "{place:?}: completed again {after:#?}\nfound {found:#?}");
        self.settle(place, after);
    }

    /// Reads every version of a key, and the key.
    fn read_all(&self, client: &Client, place: &Place) {
        for version in self.versions(place) {
            let id = version.id.as_deref().expect("known");
            let path = format!("{}?versionId={id}", path(place));
            let got = client.get(&path);
            let Some(body) = &version.body else {
                assert_eq!(got.status, 405, "GET {path}, a delete marker: {}", got.text());
                continue;
            };
            assert_eq!(got.status, 200, "GET {path}: {}", got.text());
            assert_eq!(got.header("content-length"), body.len().to_string(), "GET {path}");
            assert!(got.body == body.bytes(), "GET {path} gives other bytes");
            assert_eq!(etag_of(&got), body.etag(), "GET {path}");
            assert_eq!(read::tag(client, BUCKETS[place.0].0, &place.1, id), version.tag, "tags of {path}");
        }
        let got = client.get(&path(place));
        match self.versions(place).first().and_then(|v| v.body.clone()) {
            Some(body) => assert!(got.status == 200 && got.body == body.bytes(), "GET {place:?}: {}", got.status),
            None => assert_eq!(got.status, 404, "GET {place:?}: {}", got.text()),
        }
    }

    /// The plain listing has the keys whose latest version has bytes, and no others.
    fn check_current(&self, client: &Client) {
        for (bucket, (name, _)) in BUCKETS.iter().enumerate() {
            let of_bucket = self.known.iter().filter(|(place, _)| place.0 == bucket);
            let line = |(place, versions): (&Place, &Versions)| {
                let body = versions.first()?.body.as_ref()?;
                Some((place.1.clone(), body.etag().to_owned(), body.len()))
            };
            let expected: Vec<_> = of_bucket.filter_map(line).collect();
            assert_eq!(read::keys(client, name, &self.prefix()), expected, "the listing of {name}");
        }
    }
}

/// These versions with their ids, if they are what was found; a version of unknown id must be none of the `old`.
/// A page of a listing has markers and versions apart, each in order.
fn fits(
    client: &Client,
    place: &Place,
    wanted: &Versions,
    old: &Versions,
    found: &[&Seen],
    with_tags: bool,
) -> Option<Versions> {
    let mut became = wanted.clone();
    for marker in [true, false] {
        let seen: Vec<_> = found.iter().filter(|s| s.marker == marker).collect();
        let mut versions: Vec<(usize, &mut Version)> =
            became.iter_mut().enumerate().filter(|(_, v)| v.body.is_none() == marker).collect();
        if seen.len() != versions.len() {
            return None;
        }
        for ((at, version), seen) in versions.iter_mut().zip(seen) {
            let same_id = match &version.id {
                Some(id) => *id == seen.id,
                None => old.iter().all(|v| v.id.as_deref() != Some(seen.id.as_str())),
            };
            if !same_id || !same_bytes(version, seen) || seen.latest != (*at == 0) {
                return None;
            }
            version.id = Some(seen.id.clone());
            if with_tags && !marker && read::tag(client, BUCKETS[place.0].0, &place.1, &seen.id) != version.tag {
                return None;
            }
        }
    }
    Some(became)
}

fn same_bytes(version: &Version, seen: &Seen) -> bool {
    match &version.body {
        None => seen.marker,
        Some(body) => !seen.marker && seen.size == body.len() && seen.etag == body.etag(),
    }
}
