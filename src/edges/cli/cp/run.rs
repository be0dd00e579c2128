//! The copies, side by side.

use super::args::CpArgs;
use super::keyrings;
use super::places::Place;
use super::plan::{Copy, Plan};
use crate::edges::cli::say;
use crate::edges::client::encryption::{EncryptionError, Envelope, check_context};
use crate::edges::client::objects::{Attributes, ObjectHead};
use crate::edges::client::transfer::{
    Decryption, Encryption, Identity, ObjectReader, Source, Target, Transfers, Uploads, download, spool, upload,
};
use crate::edges::client::{Client, ClientError};
use anstream::eprintln;
use futures_util::stream::{self, StreamExt as _};
use indicatif::ProgressBar;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// How things are copied.
pub struct Way {
    encryption: Option<Encryption>,
    decryption: Decryption,
    part_size: u64,
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
    uploads: Option<Uploads>,
    /// Whether standard output is for the data.
    silent: bool,
    parallel: usize,
}

/// How many copies were made and how many were not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// Made.
    pub copied: u64,
    /// Not made; each was said.
    pub failed: u64,
}

impl Way {
    /// Of the command line.
    ///
    /// # Errors
    /// A sentence about a key or a name that cannot be used.
    pub fn new(args: &CpArgs, client: &Client) -> Result<Self, String> {
        let context: BTreeMap<String, String> = args.encryption_context.iter().cloned().collect();
        if !context.is_empty() && args.encrypt_with.is_none() && args.decrypt_with.is_none() {
            return Err("--encryption-context goes with --encrypt-with or --decrypt-with".to_owned());
        }
        check_context(&context).map_err(|e| e.to_string())?;
        let to_store = matches!(args.target, Place::Stored { .. });
        if !to_store && args.encrypt_with.is_some() {
            return Err("--encrypt-with is for what goes to a store".to_owned());
        }
        if !to_store && (args.content_type.is_some() || !args.metadata.is_empty()) {
            return Err("--content-type and --metadata are for what goes to a store".to_owned());
        }
        if args.decrypt_with.is_some() && !matches!(args.source, Place::Stored { .. }) {
            return Err("--decrypt-with is for what comes from a store".to_owned());
        }
        let metadata: BTreeMap<String, String> =
            args.metadata.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        if let Some(name) = metadata.keys().find(|name| name.starts_with("x-amz-")) {
            return Err(format!("--metadata {name}: names with x-amz- are those of encryption"));
        }
        let open = |text: &String| keyrings::open(text, &context, client);
        let keyring = args.encrypt_with.as_ref().map(open).transpose()?;
        Ok(Self {
            encryption: keyring.map(|keyring| Encryption { keyring, context: context.clone() }),
            decryption: Decryption {
                keyring: args.decrypt_with.as_ref().map(open).transpose()?,
                policy: args.commitment_policy.into(),
                raw: args.raw,
            },
            part_size: args.part_size,
            content_type: args.content_type.clone(),
            metadata,
            uploads: if args.no_resume { None } else { state_directory().map(Uploads::in_directory) },
            silent: args.target == Place::Stream,
            parallel: usize::from(args.parallel),
        })
    }

    /// What a new object carries.
    fn attributes(&self, mut own: Attributes, name: &str) -> Attributes {
        own.metadata.extend(self.metadata.clone());
        let guessed = || mime_guess::from_path(name).first_raw().map(str::to_owned);
        let kind = self.content_type.clone().or_else(|| own.headers.get("content-type").cloned()).or_else(guessed);
        own.headers.extend(kind.map(|kind| ("content-type".to_owned(), kind)));
        own
    }
}

/// Where programs keep their state. Source: XDG Base Directory Specification.
fn state_directory() -> Option<PathBuf> {
    let given = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = given("XDG_STATE_HOME").or_else(|| Some(given("HOME")?.join(".local/state")))?;
    Some(state.join("portcullis/uploads"))
}

/// Makes all copies. One that fails does not keep the others.
pub async fn all(transfers: &Transfers, way: &Way, plan: Plan, bar: &ProgressBar) -> Done {
    let copies = plan.copies.into_iter().map(|copy| async move {
        let result = one(transfers, way, &copy).await;
        (copy, result)
    });
    let mut finished = stream::iter(copies).buffer_unordered(way.parallel);
    let mut done = Done::default();
    while let Some((copy, result)) = finished.next().await {
        match result {
            Ok(()) => {
                done.copied += 1;
                if !way.silent {
                    bar.suspend(|| say(&format!("copied {} to {}\n", copy.source, copy.target)));
                }
            }
            Err(error) => {
                done.failed += 1;
                bar.suspend(|| {
                    eprintln!("error: {}: {error}", copy.source);
                    if let Some(hint) = hint(&error) {
                        eprintln!("hint: {hint}");
                    }
                });
            }
        }
        bar.set_message(format!("{} done", done.copied));
    }
    done
}

fn hint(error: &ClientError) -> Option<&'static str> {
    match error {
        ClientError::Encryption(EncryptionError::KeyWanted) => {
            Some("--decrypt-with names its key; --raw copies the bytes as they are")
        }
        ClientError::Encryption(EncryptionError::NotCommitting) => {
            Some("--commitment-policy require-encrypt-allow-decrypt reads it")
        }
        ClientError::Encryption(EncryptionError::NotEncrypted) => Some("without --decrypt-with it is copied as it is"),
        ClientError::Encryption(EncryptionError::OtherContext) => Some("--encryption-context NAME=VALUE gives it"),
        _ => None,
    }
}

async fn one(transfers: &Transfers, way: &Way, copy: &Copy) -> Result<(), ClientError> {
    match (&copy.source, &copy.target) {
        (Place::Stored { bucket, key }, target) => {
            let head = transfers.client.head_object(bucket, key).await?;
            match target {
                Place::Stored { .. } => across(transfers, way, (bucket, key), &head, target).await,
                Place::Stream => spool(transfers, (bucket, key), &head, &way.decryption, &mut std::io::stdout()).await,
                Place::Local(path) => {
                    if let Some(parent) = path.parent() {
                        std::fs::create_dir_all(parent)
                            .map_err(|source| ClientError::File { path: parent.to_owned(), source })?;
                    }
                    download(transfers, (bucket, key), &head, &way.decryption, path).await
                }
            }
        }
        (Place::Local(path), target) => from_file(transfers, way, path, copy.size, target).await,
        (Place::Stream, target) => {
            let source = Source::local(std::io::stdin(), PathBuf::from("-"));
            put(transfers, way, source, Attributes::default(), None, None, target).await
        }
    }
}

async fn from_file(
    transfers: &Transfers,
    way: &Way,
    path: &Path,
    size: Option<u64>,
    target: &Place,
) -> Result<(), ClientError> {
    let failed = |source| ClientError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // What changes from here on is noticed.
    let identity = size.map(|_| Identity::of(path, &file)).transpose()?;
    let source = Source::local(file, path.to_owned());
    let size = identity.as_ref().map(|identity| identity.size);
    put(transfers, way, source, Attributes::default(), size, identity.as_ref(), target).await
}

/// From one store to another, or to the same, through here.
async fn across(
    transfers: &Transfers,
    way: &Way,
    (bucket, key): (&str, &str),
    head: &ObjectHead,
    target: &Place,
) -> Result<(), ClientError> {
    let reader = ObjectReader::new(transfers, bucket, key, head, &way.decryption).await?;
    let mut attributes = head.attributes.clone();
    let mut size = Some(head.size);
    if reader.is_encrypted() {
        let envelope = Envelope::read(&attributes.metadata)?.metadata();
        attributes.metadata.retain(|name, _| !envelope.contains_key(name));
        size = None;
    }
    put(transfers, way, Source::object(reader), attributes, size, None, target).await
}

async fn put(
    transfers: &Transfers,
    way: &Way,
    source: Source,
    own: Attributes,
    size: Option<u64>,
    identity: Option<&Identity>,
    target: &Place,
) -> Result<(), ClientError> {
    let Place::Stored { bucket, key } = target else {
        return Err(ClientError::Setting(format!("{target} is in no store")));
    };
    let name = identity.map_or(key.as_str(), |identity| identity.path.to_str().unwrap_or(key));
    let target = Target {
        bucket,
        key,
        attributes: way.attributes(own, name),
        encryption: way.encryption.as_ref(),
        part_size: way.part_size,
        size,
        resume: identity.zip(way.uploads.as_ref()),
    };
    upload(transfers, source, target).await
}
