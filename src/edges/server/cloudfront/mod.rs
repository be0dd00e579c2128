//! CloudFront: distributions before buckets. What is kept of them, who may see what they serve, and the door itself.
//!
//! A viewer's request: listener → distribution by host → behaviour by path → the viewer's right (signed URL or
//! cookies) → the cache → the origin request, which goes through S3's ordinary path and the same gate in the name of
//! the origin's identity. Absent here: decisions about buckets.

pub mod answers;
pub mod behaviors;
pub mod cache;
pub mod door;
pub mod errors;
pub mod exchange;
pub mod forwarding;
pub mod hosts;
pub mod model;
pub mod origin;
pub mod origin_bucket;
pub mod policies;
pub mod state;
pub mod ttl;
pub mod viewer;
