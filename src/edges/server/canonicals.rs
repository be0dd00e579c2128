//! Whom canonical user ids name: accounts, and origin access identities as they are at this moment.

use super::cloudfront::state::CloudFront;
use super::directory::Directory;
use std::sync::Arc;

/// What ACLs and bucket policies may name by a canonical user id.
#[derive(Clone, Debug)]
pub struct Canonicals {
    /// The accounts.
    pub directory: Arc<Directory>,
    /// The origin access identities.
    pub cloudfront: Arc<CloudFront>,
}

impl Canonicals {
    /// Whether an ACL can name it: an account, an origin access identity, or one of those that S3 itself defines.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        self.cloudfront.canonicals.contains_key(id) || self.directory.knows_canonical(id)
    }
}
