//! Access control lists in headers and XML.
//!
//! Source: S3 User Guide, "Access control list (ACL) overview"; S3 API Reference, `PutBucketAcl`, `PutObjectAcl`.

use super::{headers, xml};
use crate::edges::server::error::S3Error;
use crate::policy::acl::{ALL_USERS, AUTHENTICATED_USERS, Acl, Grant, Grantee, LOG_DELIVERY, Permission};
use http::HeaderMap;
use s3s::dto;

/// The most grants of a list.
pub const MAX_GRANTS: usize = 100;

const CANNED: [&str; 8] = [
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "log-delivery-write",
];

const GRANTS: [(&str, Permission); 5] = [
    ("x-amz-grant-full-control", Permission::FullControl),
    ("x-amz-grant-read", Permission::Read),
    ("x-amz-grant-read-acp", Permission::ReadAcp),
    ("x-amz-grant-write", Permission::Write),
    ("x-amz-grant-write-acp", Permission::WriteAcp),
];

/// What the headers of a request say about the ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AclHeaders {
    /// `x-amz-acl`
    Canned(&'static str),
    /// `x-amz-grant-*`: these grants and no others.
    Grants(Vec<Grant>),
}

impl AclHeaders {
    /// Reads them; `None` if there are none.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown canned ACL, kind of grantee or group; `InvalidRequest` for a canned ACL
    /// beside grants and for more than 100 grants.
    pub fn of_request(headers: &HeaderMap) -> Result<Option<Self>, S3Error> {
        let canned = headers::one(headers, "x-amz-acl")?.map(canned).transpose()?;
        let mut grants = Vec::new();
        let mut has_grants = false;
        for (name, permission) in GRANTS {
            if let Some(value) = headers::joined(headers, name)? {
                has_grants = true;
                grants.extend(grantees(name, &value)?.into_iter().map(|grantee| Grant { grantee, permission }));
            }
        }
        match (canned, has_grants) {
            (Some(_), true) => {
                Err(S3Error::invalid_request("Specifying both Canned ACLs and Header Grants is not allowed"))
            }
            (Some(name), false) => Ok(Some(Self::Canned(name))),
            (None, true) => {
                check_count(grants.len())?;
                Ok(Some(Self::Grants(grants)))
            }
            (None, false) => Ok(None),
        }
    }

    /// The list they mean, for what `owner` owns in a bucket of `bucket_owner`; both are canonical ids.
    #[must_use]
    pub fn acl(&self, owner: &str, bucket_owner: &str) -> Acl {
        match self {
            Self::Canned(name) => Acl::canned(name, owner, bucket_owner).unwrap_or_else(|| Acl::private(owner)),
            Self::Grants(grants) => Acl { grants: grants.clone() },
        }
    }
}

/// The name of a canned ACL.
///
/// # Errors
/// `InvalidArgument`.
pub fn canned(value: &str) -> Result<&'static str, S3Error> {
    let known = CANNED.iter().find(|name| **name == value);
    known.copied().ok_or_else(|| S3Error::invalid_argument("x-amz-acl", value, "The canned ACL is not known"))
}

/// Reads `id="…", uri="…", emailAddress="…"`.
fn grantees(name: &str, value: &str) -> Result<Vec<Grantee>, S3Error> {
    let refused = |message: &'static str| S3Error::invalid_argument(name, value, message);
    let mut found = Vec::new();
    for part in outside_quotes(value) {
        let (kind, text) = part.split_once('=').ok_or_else(|| refused("Argument format not recognized"))?;
        let text = text.trim_ascii();
        let text = text.strip_prefix('"').map_or(Some(text), |rest| rest.strip_suffix('"'));
        let text = text.filter(|t| !t.is_empty() && !t.contains('"'));
        let text = text.ok_or_else(|| refused("Argument format not recognized"))?;
        found.push(match kind.trim_ascii() {
            k if k.eq_ignore_ascii_case("id") => Grantee::Canonical(text.to_owned()),
            k if k.eq_ignore_ascii_case("uri") => group(text)?,
            k if k.eq_ignore_ascii_case("emailAddress") => Grantee::Email(text.to_owned()),
            _ => return Err(refused("Argument format not recognized")),
        });
    }
    Ok(found)
}

/// Splits at commas that stand outside of quotes; empty parts are left out.
fn outside_quotes(value: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    value
        .split(move |c| {
            quoted ^= c == '"';
            c == ',' && !quoted
        })
        .map(str::trim_ascii)
        .filter(|part| !part.is_empty())
}

fn group(uri: &str) -> Result<Grantee, S3Error> {
    Grantee::group(uri).ok_or_else(|| S3Error::invalid_argument("uri", uri, "Invalid group uri"))
}

fn check_count(grants: usize) -> Result<(), S3Error> {
    if grants > MAX_GRANTS {
        let message = format!("The request has {grants} grants, and at most {MAX_GRANTS} are allowed");
        return Err(S3Error::invalid_request(message));
    }
    Ok(())
}

/// An `AccessControlPolicy` as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentAcl {
    /// The owner's canonical id as the document has it; the caller compares it with the true one.
    pub owner: String,
    /// The grants; grantees by e-mail are still to be found (`UnresolvableGrantByEmailAddress`).
    pub acl: Acl,
}

/// Reads an `AccessControlPolicy`.
///
/// # Errors
/// `MalformedXML`, `MalformedACLError` for what is no ACL; `InvalidArgument` for an unknown group;
/// `InvalidRequest` for more than 100 grants.
pub fn parse_xml(body: &[u8]) -> Result<SentAcl, S3Error> {
    let policy: dto::AccessControlPolicy = xml::parse(body)?;
    let owner =
        policy.owner.and_then(|o| o.id).filter(|id| !id.is_empty()).ok_or_else(|| malformed("Owner has no ID"))?;
    let grants = policy.grants.ok_or_else(|| malformed("there is no AccessControlList"))?;
    check_count(grants.len())?;
    let grants = grants.into_iter().map(grant).collect::<Result<_, _>>()?;
    Ok(SentAcl { owner, acl: Acl { grants } })
}

fn malformed(what: &str) -> S3Error {
    let sentence = S3Error::of("MalformedACLError").message;
    S3Error::new("MalformedACLError", format!("{sentence}: {what}"))
}

fn grant(sent: dto::Grant) -> Result<Grant, S3Error> {
    let grantee = sent.grantee.ok_or_else(|| malformed("a Grant has no Grantee"))?;
    let permission = sent.permission.ok_or_else(|| malformed("a Grant has no Permission"))?;
    let permission = Permission::parse(permission.as_str())
        .ok_or_else(|| malformed(&format!("{} is no Permission", permission.as_str())))?;
    let given = |text: Option<String>, what| text.filter(|t| !t.is_empty()).ok_or_else(|| malformed(what));
    let grantee = match grantee.type_.as_str() {
        "CanonicalUser" => Grantee::Canonical(given(grantee.id, "a CanonicalUser has no ID")?),
        "Group" => group(&given(grantee.uri, "a Group has no URI")?)?,
        "AmazonCustomerByEmail" => Grantee::Email(given(grantee.email_address, "a Grantee has no EmailAddress")?),
        other => return Err(malformed(&format!("{other} is no type of Grantee"))),
    };
    Ok(Grant { grantee, permission })
}

/// Whose names an answer shows beside canonical ids; since 2025 S3 shows none.
pub type DisplayName<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The `AccessControlPolicy` of an answer, for buckets; [`object_acl`] is the same for objects.
#[must_use]
pub fn bucket_acl(owner: &str, acl: &Acl, name: DisplayName<'_>) -> dto::GetBucketAclOutput {
    dto::GetBucketAclOutput { grants: Some(grants(acl, name)), owner: Some(self::owner(owner, name)) }
}

/// The `AccessControlPolicy` of an answer, for objects.
#[must_use]
pub fn object_acl(owner: &str, acl: &Acl, name: DisplayName<'_>) -> dto::GetObjectAclOutput {
    dto::GetObjectAclOutput {
        grants: Some(grants(acl, name)),
        owner: Some(self::owner(owner, name)),
        ..dto::GetObjectAclOutput::default()
    }
}

fn owner(id: &str, name: DisplayName<'_>) -> dto::Owner {
    dto::Owner { display_name: name(id), id: Some(id.to_owned()) }
}

fn grants(acl: &Acl, name: DisplayName<'_>) -> dto::Grants {
    let one = |grant: &Grant| dto::Grant {
        grantee: Some(grantee(&grant.grantee, name)),
        permission: Some(dto::Permission::from_static(grant.permission.name())),
    };
    acl.grants.iter().map(one).collect()
}

fn grantee(grantee: &Grantee, name: DisplayName<'_>) -> dto::Grantee {
    let blank = |kind| dto::Grantee {
        display_name: None,
        email_address: None,
        id: None,
        type_: dto::Type::from_static(kind),
        uri: None,
    };
    let group = |uri: &str| dto::Grantee { uri: Some(uri.to_owned()), ..blank("Group") };
    match grantee {
        Grantee::Canonical(id) => {
            dto::Grantee { display_name: name(id), id: Some(id.clone()), ..blank("CanonicalUser") }
        }
        Grantee::AllUsers => group(ALL_USERS),
        Grantee::AuthenticatedUsers => group(AUTHENTICATED_USERS),
        Grantee::LogDelivery => group(LOG_DELIVERY),
        Grantee::Email(address) => {
            dto::Grantee { email_address: Some(address.clone()), ..blank("AmazonCustomerByEmail") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(pairs: &[(&str, &str)]) -> Result<Option<AclHeaders>, &'static str> {
        AclHeaders::of_request(&headers::of(pairs)).map_err(|e| e.code)
    }

    #[test]
    fn canned_headers() {
        assert_eq!(sent(&[]), Ok(None));
        for name in CANNED {
            assert_eq!(sent(&[("x-amz-acl", name)]), Ok(Some(AclHeaders::Canned(name))));
            assert!(Acl::canned(name, "o", "b").is_some(), "{name} is known below");
        }
        for bad in ["", "Private", "nonsense"] {
            assert_eq!(sent(&[("x-amz-acl", bad)]), Err("InvalidArgument"), "{bad}");
        }
        assert_eq!(sent(&[("x-amz-acl", "private"), ("x-amz-grant-read", "id=a")]), Err("InvalidRequest"));
        let acl = AclHeaders::Canned("public-read").acl("o", "b");
        assert_eq!(acl.grants.len(), 2);
    }

    #[test]
    fn grant_headers() {
        let one = |value: &str| sent(&[("x-amz-grant-read", value)]);
        let read = |grantees: &[Grantee]| {
            let grant = |g: &Grantee| Grant { grantee: g.clone(), permission: Permission::Read };
            Ok(Some(AclHeaders::Grants(grantees.iter().map(grant).collect())))
        };
        let id = |text: &str| Grantee::Canonical(text.to_owned());
        assert_eq!(one("id=\"a\""), read(&[id("a")]));
        assert_eq!(one("id=a, id=b"), read(&[id("a"), id("b")]));
        assert_eq!(one("id=\"a,b\""), read(&[id("a,b")]));
        assert_eq!(one(&format!("uri=\"{ALL_USERS}\"")), read(&[Grantee::AllUsers]));
        assert_eq!(one("emailAddress=\"a@b.c\""), read(&[Grantee::Email("a@b.c".to_owned())]));
        for bad in ["a", "id=", "id=\"a", "id=\"\"", "name=\"a\"", "uri=\"http://acs.amazonaws.com/groups/x\""] {
            assert_eq!(one(bad), Err("InvalidArgument"), "{bad}");
        }
        let many = |n: usize| one(&vec!["id=a"; n].join(","));
        assert!(many(100).is_ok());
        assert_eq!(many(101), Err("InvalidRequest"));
        let all: Vec<_> = GRANTS.iter().map(|(name, _)| (*name, "id=a")).collect();
        let Ok(Some(AclHeaders::Grants(grants))) = sent(&all) else { panic!("five grants") };
        assert_eq!(grants.len(), 5);
    }

    #[test]
    fn documents_there_and_back() {
        let acl = Acl {
            grants: [
                Grantee::Canonical("o".to_owned()),
                Grantee::AllUsers,
                Grantee::AuthenticatedUsers,
                Grantee::LogDelivery,
                Grantee::Email("a@b.c".to_owned()),
            ]
            .into_iter()
            .map(|grantee| Grant { grantee, permission: Permission::WriteAcp })
            .collect(),
        };
        let name = |id: &str| (id == "o").then(|| "Olga".to_owned());
        for body in [xml::body(&bucket_acl("o", &acl, &name)), xml::body(&object_acl("o", &acl, &name))] {
            let text = std::str::from_utf8(&body).unwrap();
            assert!(text.contains("<Owner><DisplayName>Olga</DisplayName><ID>o</ID></Owner>"), "{text}");
            assert!(text.contains("xsi:type=\"CanonicalUser\"") && text.contains("xsi:type=\"Group\""), "{text}");
            assert_eq!(parse_xml(&body), Ok(SentAcl { owner: "o".to_owned(), acl: acl.clone() }));
        }
    }

    #[test]
    fn documents_refused() {
        let xsi = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
        let grantee = |kind: &str, inside: &str| format!("<Grantee {xsi} xsi:type=\"{kind}\">{inside}</Grantee>");
        let document = |grantee: &str, permission: &str| {
            format!(
                "<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList><Grant>{grantee}\
                 <Permission>{permission}</Permission></Grant></AccessControlList></AccessControlPolicy>"
            )
        };
        let user = grantee("CanonicalUser", "<ID>a</ID>");
        for (body, code) in [
            (document(&user, "READ"), ""),
            (document(&user, "read"), "MalformedACLError"),
            (document("", "READ"), "MalformedACLError"),
            (document(&grantee("CanonicalUser", ""), "READ"), "MalformedACLError"),
            (document(&grantee("Nonsense", "<ID>a</ID>"), "READ"), "MalformedACLError"),
            (document(&grantee("Group", "<URI>x</URI>"), "READ"), "InvalidArgument"),
            ("<AccessControlPolicy><AccessControlList/></AccessControlPolicy>".to_owned(), "MalformedACLError"),
            ("<AccessControlPolicy><Owner><ID>o</ID></Owner></AccessControlPolicy>".to_owned(), "MalformedACLError"),
            ("<Nonsense/>".to_owned(), "MalformedXML"),
            (String::new(), "MissingRequestBodyError"),
        ] {
            assert_eq!(parse_xml(body.as_bytes()).map_or_else(|e| e.code, |_| ""), code, "{body}");
        }
    }
}
