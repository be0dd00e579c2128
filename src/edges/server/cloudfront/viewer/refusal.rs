//! Why a viewer is not let in, as CloudFront tells it.
//!
//! Source: CloudFront's own answers, as AWS's knowledge centre ("How do I troubleshoot issues related to a signed URL or
//! signed cookies") and its users quote them. They are few and short on purpose: who bends a URL learns nothing. What
//! was wrong in detail is in [`ViewerRefusal::detail`], for the owner's log alone.

use std::borrow::Cow;
use std::fmt;

/// Why a viewer is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewerRefusal {
    kind: RefusalKind,
    detail: Cow<'static, str>,
}

/// CloudFront's answers to viewers it does not let in. The status of all of them is 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// The request has nothing that names a key: neither a signed URL nor signed cookies, or only half of one.
    MissingKey,
    /// The key is none of the behaviour's key groups.
    UnknownKey,
    /// A key is named, but nothing is signed.
    MissingSignature,
    /// The policy is none, cannot be read, or says what no policy may say.
    MalformedPolicy,
    /// The signature is not CloudFront's base64.
    MalformedSignature,
    /// The signature is another's, or the policy does not allow this request: date, address, URL.
    AccessDenied,
}

impl RefusalKind {
    /// The code in the error document.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingKey => "MissingKey",
            Self::UnknownKey => "InvalidKey",
            Self::MissingSignature => "MissingSignature",
            Self::MalformedPolicy => "MalformedPolicy",
            Self::MalformedSignature => "MalformedSignature",
            Self::AccessDenied => "AccessDenied",
        }
    }

    /// CloudFront's sentence.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::MissingKey => "Missing Key-Pair-Id query parameter or cookie value",
            Self::UnknownKey => "Unknown Key",
            Self::MissingSignature => "Missing Signature query parameter or cookie value",
            Self::MalformedPolicy => "Malformed Policy",
            Self::MalformedSignature => "Could not unencode Signature",
            Self::AccessDenied => "Access denied",
        }
    }
}

impl ViewerRefusal {
    pub(super) fn new(kind: RefusalKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// Which of CloudFront's answers it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        self.kind
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> http::StatusCode {
        http::StatusCode::FORBIDDEN
    }

    /// The code in the error document.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// CloudFront's sentence, which the viewer is told.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        self.kind.message()
    }

    /// What was wrong, for the owner's log: it names what and where and never holds a signature or a policy.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The error document: CloudFront's, in the viewer's answer of the type `text/xml`.
    #[must_use]
    pub fn document(&self) -> String {
        // Codes and sentences are the constants above: nothing in them needs an escape.
        let (code, message) = (self.code(), self.message());
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        )
    }
}

impl fmt::Display for ViewerRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.detail)
    }
}

impl std::error::Error for ViewerRefusal {}
