//! What a request addresses.

/// The service itself, a bucket, or an object of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The service: `/`.
    Service,
    /// A bucket.
    Bucket {
        /// Its name.
        bucket: String,
    },
    /// An object.
    Object {
        /// Its bucket's name.
        bucket: String,
        /// Its key, decoded, never normalised: `a//b`, `../` and a leading slash stay as they are.
        key: String,
    },
}

impl Target {
    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> Option<&str> {
        match self {
            Self::Service => None,
            Self::Bucket { bucket } | Self::Object { bucket, .. } => Some(bucket),
        }
    }

    /// The object's key.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Object { key, .. } => Some(key),
            Self::Service | Self::Bucket { .. } => None,
        }
    }
}
