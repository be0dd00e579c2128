//! Tests of blobs on a real directory.

use super::*;
use crate::storage::sealing::{CHUNK_SIZE, CustomerKey, Envelope, TAG_LEN};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};

const CHUNK: usize = CHUNK_SIZE as usize;

struct Bench {
    blobs: Blobs,
    root: PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.root).ok();
    }
}

/// A blob that was written, with what opens it.
struct Written {
    id: BlobId,
    envelope: Envelope,
    len: u64,
}

impl Written {
    fn key(&self) -> DataKey {
        CustomerKey::new([1; 32]).open_key(self.id, &self.envelope).expect("the right key")
    }
}

impl Bench {
    fn new(options: BlobOptions) -> Self {
        let root = std::env::temp_dir().join(format!("portcullis-blobs-{}", new_id()));
        Self { blobs: Blobs::open(&root, options).expect("opened"), root }
    }

    fn start(&self) -> (BlobWriter, Written) {
        let id = new_id();
        let (key, envelope) = CustomerKey::new([1; 32]).seal_new(id).expect("sealed");
        (self.blobs.create(id, key), Written { id, envelope, len: 0 })
    }

    async fn put(&self, text: &[u8], portion: usize) -> Result<Written, BlobError> {
        let (mut writer, mut written) = self.start();
        for part in text.chunks(portion) {
            writer.write(Bytes::copy_from_slice(part)).await?;
        }
        let info = writer.finish().await?;
        assert_eq!(info.plain_len, text.len() as u64);
        assert_eq!(self.blobs.sealed_len(written.id).await.expect("asked"), Some(info.sealed_len));
        written.len = info.plain_len;
        Ok(written)
    }

    async fn get(&self, blob: &Written, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
        let reader = self.blobs.read(blob.id, blob.key(), blob.len, range).await?;
        let parts: Vec<Bytes> = reader.try_collect().await?;
        assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= CHUNK));
        Ok(parts.concat())
    }

    fn file(&self, blob: &Written) -> PathBuf {
        self.blobs.shared.path(blob.id)
    }

    /// Every file below the directory.
    fn files(&self) -> Vec<String> {
        let shards = std::fs::read_dir(&self.root).expect("listed").map(|shard| shard.expect("a shard").path());
        let files = shards.flat_map(|shard| std::fs::read_dir(shard).expect("listed"));
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect()
    }

    /// Waits for what happens in the background.
    async fn until_empty(&self) {
        for _ in 0..2000 {
            if self.files().is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("left behind: {:?}", self.files());
    }
}

fn new_id() -> BlobId {
    BlobId::generate(1_700_000_000_000).expect("random")
}

fn plain(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from((i * 31 + i / 251) % 256).expect("below 256")).collect()
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test);
}

#[test]
fn every_size_and_range_comes_back() {
    run(async {
        let bench = Bench::new(BlobOptions::default());
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 8 * CHUNK, 16 * CHUNK, 16 * CHUNK + 1, 33 * CHUNK + 5] {
            let text = plain(len);
            let blob = bench.put(&text, 100_000).await.expect("written");
            bench.blobs.verify(blob.id, blob.key(), blob.len).await.expect("whole");
            let places = [0, 1, CHUNK - 1, CHUNK, 8 * CHUNK - 1, 8 * CHUNK + 1, 20 * CHUNK, len / 2, len];
            for start in places.into_iter().filter(|place| *place <= len) {
                for end in places.into_iter().filter(|place| (start..=len).contains(place)) {
                    let got = bench.get(&blob, start as u64..end as u64).await.expect("read");
                    assert!(got == text[start..end], "{start}..{end} of {len}");
                }
            }
            let outside = bench.get(&blob, 0..blob.len + 1).await;
            assert!(matches!(outside, Err(BlobError::Seal(_))), "{outside:?}");
        }
        assert!(bench.files().iter().all(|name| BlobId::parse(name).is_some()), "{:?}", bench.files());
    });
}

#[test]
fn odd_portions_of_a_long_blob_come_back() {
    run(async {
        let bench = Bench::new(BlobOptions::default());
        let text = plain(20 << 20);
        for portion in [8_191, 1_048_577, 20 << 20] {
            let blob = bench.put(&text, portion).await.expect("written");
            assert!(bench.get(&blob, 0..blob.len).await.expect("read") == text, "{portion}");
        }
    });
}

#[test]
fn damage_is_an_error_and_never_other_bytes() {
    run(async {
        let bench = Bench::new(BlobOptions::default());
        let text = plain(10 * CHUNK + 100);
        let blob = bench.put(&text, CHUNK).await.expect("written");
        let good = std::fs::read(bench.file(&blob)).expect("read");
        let sealed_chunk = CHUNK + TAG_LEN;
        for place in [0, CHUNK, sealed_chunk, 9 * sealed_chunk + 17, good.len() - 1] {
            let mut bad = good.clone();
            bad[place] ^= 0x10;
            std::fs::write(bench.file(&blob), &bad).expect("written");
            let damaged = u32::try_from(place / sealed_chunk).expect("few");
            let mut reader = match bench.blobs.read(blob.id, blob.key(), blob.len, 0..blob.len).await {
                Ok(reader) => reader,
                Err(error) => {
                    assert!(matches!(error, BlobError::Tampered { chunk, .. } if chunk == damaged), "{error}");
                    continue;
                }
            };
            let (mut got, mut failed) = (Vec::new(), None);
            while let Some(part) = reader.next().await {
                match part {
                    Ok(part) => got.extend_from_slice(&part),
                    Err(error) => failed = Some(error),
                }
            }
            assert!(matches!(failed, Some(BlobError::Tampered { chunk, .. }) if chunk == damaged), "{failed:?}");
            assert!(text.starts_with(&got), "what came before the error is right");
            let verified = bench.blobs.verify(blob.id, blob.key(), blob.len).await;
            assert!(verified.is_err_and(|e| e.is_damage()));
            // A range of other chunks is whole.
            let other = if damaged == 5 { 1 } else { 5 * CHUNK as u64 };
            assert_eq!(bench.get(&blob, other..other + 1).await.expect("untouched").len(), 1);
        }
        for changed in [&good[..good.len() - 1], &good[..sealed_chunk], &[][..], &[&good[..], &[0][..]].concat()] {
            std::fs::write(bench.file(&blob), changed).expect("written");
            let refused = bench.get(&blob, 0..1).await;
            assert!(matches!(refused, Err(BlobError::Length { .. })), "{refused:?}");
        }
    });
}

#[test]
fn exchanged_blobs_are_refused() {
    run(async {
        let bench = Bench::new(BlobOptions::default());
        let (one, two) = (bench.put(b"one", 3).await.expect("written"), bench.put(b"two", 3).await.expect("written"));
        std::fs::copy(bench.file(&two), bench.file(&one)).expect("copied");
        assert!(matches!(bench.get(&one, 0..3).await, Err(BlobError::Tampered { chunk: 0, .. })));
        let key = two.key();
        let refused = bench.blobs.read(one.id, key, 3, 0..3).await.err();
        assert!(matches!(refused, Some(BlobError::Tampered { .. })), "{refused:?}");
        assert_eq!(bench.get(&two, 0..3).await.expect("untouched"), b"two");
    });
}

#[test]
fn deleting_under_readers_does_no_harm() {
    run(async {
        let bench = Bench::new(BlobOptions::default());
        let text = plain(5 << 20);
        let blob = bench.put(&text, 1 << 20).await.expect("written");
        let mut readers = Vec::new();
        for _ in 0..8 {
            readers.push(bench.blobs.read(blob.id, blob.key(), blob.len, 0..blob.len).await.expect("opened"));
        }
        bench.blobs.delete(blob.id).await.expect("deleted");
        bench.blobs.delete(blob.id).await.expect("once more");
        let gone = bench.get(&blob, 0..1).await;
        assert!(matches!(gone, Err(BlobError::NotFound { blob: id }) if id == blob.id), "{gone:?}");
        assert_eq!(bench.blobs.sealed_len(blob.id).await.expect("asked"), None);
        for task in readers.into_iter().map(|reader| tokio::spawn(reader.try_collect::<Vec<Bytes>>())) {
            assert!(task.await.expect("ended").expect("read").concat() == text);
        }
    });
}

#[test]
fn writers_that_give_up_leave_nothing() {
    run(async {
        let bench = Bench::new(BlobOptions::default());
        for len in [0, 10, 5 << 20] {
            let (mut writer, _) = bench.start();
            writer.write(Bytes::from(plain(len))).await.expect("taken");
            assert_eq!(bench.files().len(), usize::from(len > 1 << 20), "a long one is staged");
            writer.abort().await;
            assert!(bench.files().is_empty(), "aborted after {len}: {:?}", bench.files());
            let (mut writer, blob) = bench.start();
            writer.write(Bytes::from(plain(len))).await.expect("taken");
            assert!(matches!(bench.get(&blob, 0..0).await, Err(BlobError::NotFound { .. })), "not visible");
            drop(writer);
            bench.until_empty().await;
        }
        assert!(bench.blobs.shared.unfinished().is_empty());
    });
}

#[test]
fn staging_files_of_a_crash_are_removed_and_those_in_use_kept() {
    run(async {
        let bench = Bench::new(BlobOptions::default());
        let blob = bench.put(b"kept", 4).await.expect("written");
        let (mut writer, mut unfinished) = bench.start();
        writer.write(Bytes::from(plain(3 << 20))).await.expect("taken");
        for number in ["1", "2"] {
            let path = bench.blobs.shared.path(new_id());
            std::fs::write(format!("{}#{number}", path.display()), b"rubbish").expect("written");
        }
        assert_eq!(bench.blobs.remove_unfinished().await.expect("removed"), 2);
        unfinished.len = writer.finish().await.expect("its staging file is there").plain_len;
        assert_eq!(bench.get(&unfinished, 0..unfinished.len).await.expect("read"), plain(3 << 20));
        assert_eq!(bench.get(&blob, 0..4).await.expect("read"), b"kept");
        assert_eq!(bench.files().len(), 2);
    });
}

#[test]
fn listing_names_blobs_and_reports_what_is_none() {
    run(async {
        let bench = Bench::new(BlobOptions::default());
        let mut expected = Vec::new();
        for len in [0, 5, 100_000] {
            let blob = bench.put(&plain(len), CHUNK).await.expect("written");
            expected.push((blob.id, std::fs::metadata(bench.file(&blob)).expect("there").len()));
        }
        std::fs::write(bench.root.join("00/notes.txt"), b"hello").expect("written");
        let astray = BlobId::from_bytes([0xab; 16]);
        std::fs::write(bench.root.join(format!("00/{astray}")), b"in another shard").expect("written");
        let (mut found, mut foreign) = (Vec::new(), Vec::new());
        for entry in bench.blobs.list().collect::<Vec<_>>().await {
            match entry {
                Ok(entry) => found.push((entry.id, entry.sealed_len)),
                Err(BlobError::Foreign { path }) => foreign.push(path),
                Err(error) => panic!("{error}"),
            }
        }
        found.sort_unstable();
        expected.sort_unstable();
        foreign.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(foreign, [format!("00/{astray}"), "00/notes.txt".to_owned()]);
    });
}

#[test]
fn a_full_disk_is_refused_before_it_is_full() {
    run(async {
        let bench = Bench::new(BlobOptions { reserve: u64::MAX / 2, ..BlobOptions::default() });
        assert!(matches!(bench.put(b"small", 5).await, Err(BlobError::Full)));
        assert!(matches!(bench.put(&plain(3 << 20), 1 << 20).await, Err(BlobError::Full)));
        assert_eq!(bench.blobs.free().expect("asked"), 0);
        bench.until_empty().await;
    });
}

#[test]
fn a_fault_at_any_step_refuses_and_leaves_nothing() {
    run(async {
        for (step, error) in [
            ("blob.before_write", io::ErrorKind::Other),
            ("blob.before_write", io::ErrorKind::StorageFull),
            ("blob.before_finish", io::ErrorKind::Other),
            ("blob.after_finish", io::ErrorKind::QuotaExceeded),
        ] {
            for len in [10, 3 << 20] {
                let calls = Arc::new(AtomicUsize::new(0));
                let counted = Arc::clone(&calls);
                let faults: Faults = Arc::new(move |at| {
                    if at == step {
                        counted.fetch_add(1, Ordering::Relaxed);
                        return Err(error.into());
                    }
                    Ok(())
                });
                let bench = Bench::new(BlobOptions { faults: Some(faults), ..BlobOptions::default() });
                let refused = bench.put(&plain(len), 1 << 20).await.err();
                assert_eq!(matches!(refused, Some(BlobError::Full)), error != io::ErrorKind::Other, "{refused:?}");
                assert!(matches!(refused, Some(BlobError::Full | BlobError::Io { .. })), "{step}: {refused:?}");
                assert_eq!(calls.load(Ordering::Relaxed), 1, "{step} of {len}");
                bench.until_empty().await;
            }
        }
    });
}

#[test]
fn a_failed_write_cannot_be_finished() {
    run(async {
        let calls = AtomicUsize::new(0);
        let faults: Faults = Arc::new(move |at| match (at, calls.fetch_add(1, Ordering::Relaxed)) {
            ("blob.before_write", 1) => Err(io::Error::other("the disk is on strike")),
            _ => Ok(()),
        });
        let bench = Bench::new(BlobOptions { faults: Some(faults), ..BlobOptions::default() });
        let (mut writer, _) = bench.start();
        let failed = writer.write(Bytes::from(plain(5 << 20))).await;
        assert!(matches!(failed, Err(BlobError::Io { .. })), "{failed:?}");
        let later = writer.write(Bytes::from_static(b"more")).await;
        assert!(matches!(later, Err(BlobError::Broken { .. })), "{later:?}");
        assert!(matches!(writer.finish().await, Err(BlobError::Broken { .. })));
        bench.until_empty().await;
    });
}

#[test]
fn a_cancelled_write_cannot_be_finished() {
    use futures_util::FutureExt as _;
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let bench = Bench::new(BlobOptions::default());
        let (release, held) = std::sync::mpsc::channel::<()>();
        // The only thread for the disk is busy: the second piece waits for the first.
        let busy = tokio::task::spawn_blocking(move || held.recv().ok());
        let (mut writer, _) = bench.start();
        assert!(writer.write(Bytes::from(plain(5 << 20))).now_or_never().is_none(), "cancelled while it waits");
        drop(release);
        busy.await.expect("ended");
        assert!(matches!(writer.finish().await, Err(BlobError::Broken { .. })));
        bench.until_empty().await;
    });
}

#[test]
fn a_refused_delete_keeps_the_blob() {
    run(async {
        let faults: Faults = Arc::new(|at| match at {
            "blob.before_delete" => Err(io::Error::other("not now")),
            _ => Ok(()),
        });
        let bench = Bench::new(BlobOptions { faults: Some(faults), ..BlobOptions::default() });
        let blob = bench.put(b"kept", 4).await.expect("written");
        assert!(matches!(bench.blobs.delete(blob.id).await, Err(BlobError::Io { .. })));
        assert_eq!(bench.get(&blob, 0..4).await.expect("read"), b"kept");
    });
}
