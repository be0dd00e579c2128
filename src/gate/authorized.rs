//! The proof that a request passed the gate.

use super::caller::Caller;
use super::target::Target;
use std::marker::PhantomData;
use std::sync::Arc;

/// The object that a copy reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its version, where one is named.
    pub version: Option<String>,
}

/// A request that was allowed to do `O`, and on what. Only [`super::authorize`] makes one; what storage
/// touches is what stands in it, so that nothing can be authorized on one object and done to another.
#[derive(Debug)]
pub struct Authorized<O> {
    target: Target,
    version: Option<String>,
    source: Option<Source>,
    caller: Arc<Caller>,
    time: i64,
    operation: PhantomData<fn() -> O>,
}

impl<O> Authorized<O> {
    /// INVARIANT: called where every decision that the operation needs was an Allow, and nowhere else.
    pub(super) fn proven(
        target: Target,
        version: Option<String>,
        source: Option<Source>,
        caller: Arc<Caller>,
        time: i64,
    ) -> Self {
        Self { target, version, source, caller, time, operation: PhantomData }
    }

    /// A grant without a decision, for the tests of storage.
    #[cfg(test)]
    pub(crate) fn for_test(target: Target, version: Option<&str>, caller: Arc<Caller>, time: i64) -> Self {
        Self::proven(target, version.map(str::to_owned), None, caller, time)
    }

    /// As [`Self::for_test`], of a copy.
    #[cfg(test)]
    pub(crate) fn for_test_from(target: Target, source: Source, caller: Arc<Caller>, time: i64) -> Self {
        Self::proven(target, None, Some(source), caller, time)
    }

    /// What may be touched.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The bucket's name; empty for operations on the service.
    #[must_use]
    pub fn bucket(&self) -> &str {
        self.target.bucket().unwrap_or_default()
    }

    /// The object's key; empty for operations on buckets.
    #[must_use]
    pub fn key(&self) -> &str {
        self.target.key().unwrap_or_default()
    }

    /// The ARN of a resource of a service beside S3, by the name of the need it stands for.
    #[must_use]
    pub fn entity(&self, on: &str) -> Option<&str> {
        self.target.entity(on)
    }

    /// The version that the request names.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The object that may be read for a copy.
    #[must_use]
    pub fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// Who was allowed.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// When, in seconds since 1970.
    #[must_use]
    pub fn time(&self) -> i64 {
        self.time
    }
}
