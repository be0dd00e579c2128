//! Settings of buckets: Object Ownership, Block Public Access, versioning, location.
//!
//! Source: S3 API Reference, `PutBucketOwnershipControls`, `PutPublicAccessBlock`, `PutBucketVersioning`,
//! `CreateBucket`.

use super::{headers, xml};
use crate::edges::server::error::S3Error;
use crate::policy::acl::{ObjectOwnership, PublicAccessBlock};
use crate::storage::store::Versioning;
use http::HeaderMap;
use s3s::dto;

/// Reads an `OwnershipControls` document; it has one rule.
///
/// # Errors
/// `MalformedXML`.
pub fn parse_ownership(body: &[u8]) -> Result<ObjectOwnership, S3Error> {
    let controls: dto::OwnershipControls = xml::parse(body)?;
    let [rule] = controls.rules.as_slice() else {
        return Err(S3Error::malformed_xml("there must be one Rule"));
    };
    let name = rule.object_ownership.as_str();
    ObjectOwnership::parse(name).ok_or_else(|| S3Error::malformed_xml(&format!("{name} is no ObjectOwnership")))
}

/// The `OwnershipControls` of an answer.
#[must_use]
pub fn ownership(setting: ObjectOwnership) -> dto::OwnershipControls {
    let object_ownership = dto::ObjectOwnership::from_static(setting.name());
    dto::OwnershipControls { rules: vec![dto::OwnershipControlsRule { object_ownership }] }
}

/// The header `x-amz-object-ownership` of a new bucket.
///
/// # Errors
/// `InvalidArgument`.
pub fn ownership_header(headers: &HeaderMap) -> Result<Option<ObjectOwnership>, S3Error> {
    const NAME: &str = "x-amz-object-ownership";
    let Some(value) = headers::one(headers, NAME)? else { return Ok(None) };
    let message = "Invalid x-amz-object-ownership header";
    ObjectOwnership::parse(value).map(Some).ok_or_else(|| S3Error::invalid_argument(NAME, value, message))
}

/// Reads a `PublicAccessBlockConfiguration`; flags left out are off.
///
/// # Errors
/// `MalformedXML`.
pub fn parse_public_access_block(body: &[u8]) -> Result<PublicAccessBlock, S3Error> {
    let sent: dto::PublicAccessBlockConfiguration = xml::parse(body)?;
    Ok(PublicAccessBlock {
        block_public_acls: sent.block_public_acls.unwrap_or(false),
        ignore_public_acls: sent.ignore_public_acls.unwrap_or(false),
        block_public_policy: sent.block_public_policy.unwrap_or(false),
        restrict_public_buckets: sent.restrict_public_buckets.unwrap_or(false),
    })
}

/// The `PublicAccessBlockConfiguration` of an answer.
#[must_use]
pub fn public_access_block(setting: PublicAccessBlock) -> dto::PublicAccessBlockConfiguration {
    dto::PublicAccessBlockConfiguration {
        block_public_acls: Some(setting.block_public_acls),
        ignore_public_acls: Some(setting.ignore_public_acls),
        block_public_policy: Some(setting.block_public_policy),
        restrict_public_buckets: Some(setting.restrict_public_buckets),
    }
}

/// A `VersioningConfiguration` as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersioningChange {
    /// The state wanted: enabled or suspended.
    pub status: Versioning,
    /// `MfaDelete`, if it was sent.
    pub mfa_delete: Option<bool>,
}

/// Reads a `VersioningConfiguration`.
///
/// # Errors
/// `MalformedXML`; `IllegalVersioningConfigurationException` where no state is named.
pub fn parse_versioning(body: &[u8]) -> Result<VersioningChange, S3Error> {
    let sent: dto::VersioningConfiguration = xml::parse(body)?;
    let status = match sent.status.as_ref().map(dto::BucketVersioningStatus::as_str) {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        Some(other) => return Err(S3Error::malformed_xml(&format!("{other} is no Status"))),
        None => {
            let message = "The Versioning element must be specified";
            return Err(S3Error::new("IllegalVersioningConfigurationException", message));
        }
    };
    let mfa_delete = match sent.mfa_delete.as_ref().map(dto::MFADelete::as_str) {
        None => None,
        Some("Enabled") => Some(true),
        Some("Disabled") => Some(false),
        Some(other) => return Err(S3Error::malformed_xml(&format!("{other} is no MfaDelete"))),
    };
    Ok(VersioningChange { status, mfa_delete })
}

/// The `VersioningConfiguration` of an answer: empty for a bucket that never had versions; `mfa_delete` is
/// `None` where it was never set.
#[must_use]
pub fn versioning(status: Versioning, mfa_delete: Option<bool>) -> dto::GetBucketVersioningOutput {
    let status = match status {
        Versioning::Off => None,
        Versioning::Enabled => Some(dto::BucketVersioningStatus::from_static("Enabled")),
        Versioning::Suspended => Some(dto::BucketVersioningStatus::from_static("Suspended")),
    };
    let mfa = |on| dto::MFADeleteStatus::from_static(if on { "Enabled" } else { "Disabled" });
    dto::GetBucketVersioningOutput { mfa_delete: mfa_delete.map(mfa), status }
}

/// The region that the body of `CreateBucket` names; the body may be empty.
///
/// # Errors
/// `MalformedXML`; `NotImplemented` for directory buckets.
pub fn parse_location(body: &[u8]) -> Result<Option<String>, S3Error> {
    if body.is_empty() {
        return Ok(None);
    }
    let sent: dto::CreateBucketConfiguration = xml::parse(body)?;
    if sent.bucket.is_some() || sent.location.is_some() {
        return Err(S3Error::not_implemented("a directory bucket"));
    }
    Ok(sent.location_constraint.map(|l| l.as_str().to_owned()).filter(|l| !l.is_empty()))
}

/// The `LocationConstraint` of an answer; S3's first region has none.
#[must_use]
pub fn location(region: &str) -> dto::GetBucketLocationOutput {
    let constraint = (region != "us-east-1").then(|| dto::BucketLocationConstraint::from(region.to_owned()));
    dto::GetBucketLocationOutput { location_constraint: constraint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<T: s3s::xml::Serialize>(value: &T) -> String {
        String::from_utf8(xml::body(value).to_vec()).unwrap()
    }

    #[test]
    fn ownership_there_and_back() {
        for setting in
            [ObjectOwnership::BucketOwnerEnforced, ObjectOwnership::BucketOwnerPreferred, ObjectOwnership::ObjectWriter]
        {
            assert_eq!(parse_ownership(&xml::body(&ownership(setting))), Ok(setting));
            let sent = headers::of(&[("x-amz-object-ownership", setting.name())]);
            assert_eq!(ownership_header(&sent), Ok(Some(setting)));
        }
        let rule = "<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>";
        for rules in ["", &rule.repeat(2), "<Rule><ObjectOwnership>x</ObjectOwnership></Rule>"] {
            let body = format!("<OwnershipControls>{rules}</OwnershipControls>");
            assert_eq!(parse_ownership(body.as_bytes()).unwrap_err().code, "MalformedXML", "{rules}");
        }
        let sent = headers::of(&[("x-amz-object-ownership", "x")]);
        assert_eq!(ownership_header(&sent).unwrap_err().code, "InvalidArgument");
        assert_eq!(ownership_header(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn public_access_there_and_back() {
        let some = PublicAccessBlock { block_public_acls: true, restrict_public_buckets: true, ..Default::default() };
        for setting in [PublicAccessBlock::ALL, PublicAccessBlock::default(), some] {
            assert_eq!(parse_public_access_block(&xml::body(&public_access_block(setting))), Ok(setting));
        }
        let empty = b"<PublicAccessBlockConfiguration/>";
        assert_eq!(parse_public_access_block(empty), Ok(PublicAccessBlock::default()));
        let body =
            b"<PublicAccessBlockConfiguration><BlockPublicAcls>x</BlockPublicAcls></PublicAccessBlockConfiguration>";
        assert_eq!(parse_public_access_block(body).unwrap_err().code, "MalformedXML");
    }

    #[test]
    fn versioning_configurations() {
        let read = |inside: &str| {
            let body = format!("<VersioningConfiguration>{inside}</VersioningConfiguration>");
            parse_versioning(body.as_bytes()).map(|c| (c.status, c.mfa_delete)).map_err(|e| e.code)
        };
        for (inside, expected) in [
            ("<Status>Enabled</Status>", Ok((Versioning::Enabled, None))),
            ("<Status>Suspended</Status><MfaDelete>Disabled</MfaDelete>", Ok((Versioning::Suspended, Some(false)))),
            ("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>", Ok((Versioning::Enabled, Some(true)))),
            ("<Status>enabled</Status>", Err("MalformedXML")),
            ("<Status>Enabled</Status><MfaDelete>x</MfaDelete>", Err("MalformedXML")),
            ("", Err("IllegalVersioningConfigurationException")),
        ] {
            assert_eq!(read(inside), expected, "{inside}");
        }
        let shown = text(&versioning(Versioning::Suspended, Some(true)));
        assert!(shown.contains("<Status>Suspended</Status>") && shown.contains("Enabled<"), "{shown}");
        let shown = text(&versioning(Versioning::Off, None));
        assert!(!shown.contains("Status") && !shown.contains("Mfa"), "{shown}");
    }

    #[test]
    fn locations() {
        let read = |inside: &str| {
            let body = format!("<CreateBucketConfiguration>{inside}</CreateBucketConfiguration>");
            parse_location(body.as_bytes()).map_err(|e| e.code)
        };
        let eu = "<LocationConstraint>eu-west-1</LocationConstraint>";
        assert_eq!(parse_location(b""), Ok(None));
        assert_eq!(read(""), Ok(None));
        assert_eq!(read(eu), Ok(Some("eu-west-1".to_owned())));
        assert_eq!(read("<Location><Name>a</Name><Type>AvailabilityZone</Type></Location>"), Err("NotImplemented"));
        assert!(text(&location("eu-west-1")).contains(">eu-west-1</LocationConstraint>"));
        assert!(!text(&location("us-east-1")).contains("us-east-1"));
    }
}
