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
    /// What a request to another service names; see [`super::services`].
    Entities(Vec<Entity>),
}

/// A resource that a request to another service than S3 names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entity {
    /// The name of the need it stands for.
    pub on: &'static str,
    /// Its ARN.
    pub arn: String,
}

impl Target {
    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> Option<&str> {
        match self {
            Self::Service | Self::Entities(_) => None,
            Self::Bucket { bucket } | Self::Object { bucket, .. } => Some(bucket),
        }
    }

    /// The object's key.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Object { key, .. } => Some(key),
            Self::Service | Self::Bucket { .. } | Self::Entities(_) => None,
        }
    }

    /// The ARN of a resource of another service, by the name of the need it stands for.
    #[must_use]
    pub fn entity(&self, on: &str) -> Option<&str> {
        match self {
            Self::Entities(entities) => entities.iter().find(|entity| entity.on == on).map(|e| e.arn.as_str()),
            Self::Service | Self::Bucket { .. } | Self::Object { .. } => None,
        }
    }
}
