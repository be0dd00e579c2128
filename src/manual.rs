//! The manual: how decisions are made, where this engine differs from AWS, and why it is built as it is.
//!
//! | chapter | answers |
//! |---|---|
//! | [`evaluation`] | how layers become a decision: order, accounts, reach, custody, S3's rules, unknown layers |
//! | [`divergences`] | where AWS is undocumented or disputed, which reading was taken and why; what is not modelled |
//! | [`pitfalls`] | mistakes of other engines, and the type or test that prevents each |
//! | [`formats`] | what is read and written: policies, scenarios, tests, worlds, answers |
//! | [`architecture`] | floors, the path of a policy and of a request, the index, the trace |
//! | [`store`] | running the object store, a request's path through it, what is on disk, choices |
//! | [`doors`] | the other doors to a bucket: CloudFront, its viewers and its cache |
//! | [`cloudfront_api`] | CloudFront's management: what is taken, what is refused |
//! | [`kms`] | the key service, SSE-KMS, root keys |
//! | [`identities`] | users, roles, policies and sessions of the object store: IAM and STS |
//! | [`client`] | `portcullis cp`: what is certain, interrupted uploads, encryption on the client's side |
//! | [`codes`] | one page for every code; `portcullis explain CODE` prints it |
#![allow(clippy::doc_markdown, reason = "the chapters are prose; names of products and settings stand as they are")]

#[doc = include_str!("manual/architecture.md")]
pub mod architecture {}

#[cfg(feature = "server")]
#[doc = include_str!("manual/client.md")]
pub mod client {}

#[cfg(feature = "server")]
#[doc = include_str!("manual/cloudfront_api.md")]
pub mod cloudfront_api {}

#[doc = include_str!("manual/codes.md")]
pub mod codes {}

#[doc = include_str!("manual/divergences.md")]
pub mod divergences {}

#[cfg(feature = "server")]
#[doc = include_str!("manual/doors.md")]
pub mod doors {}

#[doc = include_str!("manual/evaluation.md")]
pub mod evaluation {}

#[doc = include_str!("manual/formats.md")]
pub mod formats {}

#[doc = include_str!("manual/pitfalls.md")]
pub mod pitfalls {}

#[cfg(feature = "server")]
#[doc = include_str!("manual/identities.md")]
pub mod identities {}

#[cfg(feature = "server")]
#[doc = include_str!("manual/kms.md")]
pub mod kms {}

#[cfg(feature = "server")]
#[doc = include_str!("manual/store.md")]
pub mod store {}
