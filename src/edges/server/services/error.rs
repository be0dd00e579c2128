//! What a refused request to a service is told, in the protocol of that service.
//!
//! Source: AWS General Reference, "Common errors"; Smithy's `restXml`, `awsQuery` and `awsJson1_1` protocols.

use crate::edges::server::auth::S3Error;
use crate::edges::server::reply::{self, Reply};
use crate::gate::services::Service;
use crate::storage::store::StoreError;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use std::borrow::Cow;

/// How a service writes requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Paths and XML documents: CloudFront.
    RestXml,
    /// `X-Amz-Target` and JSON documents: CloudTrail, KMS.
    Json,
    /// Forms and XML documents: IAM and STS.
    Query(&'static str),
}

/// An error as the service's clients read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The service's code, such as `NoSuchDistribution`.
    pub code: Cow<'static, str>,
    /// The HTTP status that belongs to it.
    pub status: StatusCode,
    /// The sentence.
    pub message: Cow<'static, str>,
    /// Why the gate said no, for `DecodeAuthorizationMessage`.
    pub encoded: Option<String>,
}

impl ServiceError {
    /// An error.
    #[must_use]
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), status, message: message.into(), encoded: None }
    }

    /// 400: the request is at fault.
    #[must_use]
    pub fn bad(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 403: the gate said no.
    #[must_use]
    pub fn access_denied(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    /// 503: it cannot be done at the moment.
    #[must_use]
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
    }

    /// 500: the server is at fault; what happened stands in its log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", "The request failed; nothing was changed.")
    }

    /// What the store refused: its own trouble, since what a request may not do is said by the service itself.
    #[must_use]
    pub fn of_store(error: &StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        let why = match error {
            StoreError::Full => "The disk is full; nothing was changed.",
            StoreError::ReadOnly => "The store takes no changes at the moment; nothing was changed.",
            StoreError::Conflict => "Others keep changing the same thing; nothing was changed.",
            StoreError::Closed => "The server is closing.",
            _ => return Self::internal(),
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", why)
    }

    /// A refusal of authentication, in the words of the services that are not S3.
    #[must_use]
    pub fn of_authentication(error: S3Error, protocol: Protocol) -> Self {
        let json = protocol == Protocol::Json;
        let code = match error.code {
            "InvalidAccessKeyId" if json => "UnrecognizedClientException",
            "InvalidAccessKeyId" | "InvalidToken" => "InvalidClientTokenId",
            "SignatureDoesNotMatch" | "RequestTimeTooSkewed" | "XAmzContentSHA256Mismatch" if json => {
                "InvalidSignatureException"
            }
            "SignatureDoesNotMatch" | "RequestTimeTooSkewed" | "XAmzContentSHA256Mismatch" => "SignatureDoesNotMatch",
            "ExpiredToken" if json => "ExpiredTokenException",
            "MissingAuthenticationToken" if json => "MissingAuthenticationTokenException",
            "AuthorizationHeaderMalformed" => "IncompleteSignature",
            other => other,
        };
        let status = match code {
            "MaxMessageLengthExceeded" | "IncompleteSignature" | "InvalidArgument" => StatusCode::BAD_REQUEST,
            _ if json => StatusCode::BAD_REQUEST,
            _ => StatusCode::FORBIDDEN,
        };
        let message = match code {
            "UnrecognizedClientException" | "InvalidClientTokenId" => {
                Cow::Borrowed("The security token included in the request is invalid.")
            }
            _ => error.message,
        };
        Self { code: code.into(), status, message, encoded: None }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::of_store(&error)
    }
}

impl Protocol {
    /// The protocol of a service.
    #[must_use]
    pub fn of(service: Service) -> Self {
        match service {
            Service::CloudTrail | Service::Kms => Self::Json,
            Service::Iam => Self::Query(super::IAM_NAMESPACE),
            Service::Sts => Self::Query(super::STS_NAMESPACE),
            Service::S3 | Service::CloudFront => Self::RestXml,
        }
    }

    /// The answer with what every answer has; errors become the protocol's documents.
    #[must_use]
    pub fn finished(self, answer: Result<Reply, ServiceError>, request_id: &str) -> Reply {
        let mut reply = answer.unwrap_or_else(|error| self.refusal(&error, request_id));
        reply::set(&mut reply, "x-amzn-requestid", request_id);
        reply::set(&mut reply, "server", "Portcullis");
        reply
    }

    fn refusal(self, error: &ServiceError, request_id: &str) -> Reply {
        let (document, content_type) = match self {
            Self::RestXml => (xml(error, "http://cloudfront.amazonaws.com/doc/2020-05-31/", request_id), "text/xml"),
            Self::Query(namespace) => (xml(error, namespace, request_id), "text/xml"),
            Self::Json => (json(error), "application/x-amz-json-1.1"),
        };
        let status = match self {
            // AWS: errors of this protocol are told by their code; those of the sender are all 400, refusals too.
            Self::Json if error.status.is_client_error() => StatusCode::BAD_REQUEST,
            _ => error.status,
        };
        let mut reply = reply::with_body(status, document.into_bytes().into());
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        reply
    }
}

fn xml(error: &ServiceError, namespace: &str, request_id: &str) -> String {
    let kind = if error.status.is_server_error() { "Receiver" } else { "Sender" };
    let text = crate::edges::server::wire::error_body::escaped;
    let encoded = error.encoded.as_ref().map_or_else(String::new, |e| format!("<EncodedMessage>{e}</EncodedMessage>"));
    format!(
        "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"{namespace}\"><Error>\
         <Type>{kind}</Type><Code>{}</Code><Message>{}</Message>{encoded}</Error><RequestId>{}</RequestId></ErrorResponse>",
        text(&error.code),
        text(&error.message),
        text(request_id)
    )
}

fn json(error: &ServiceError) -> String {
    // Services of this protocol say `AccessDeniedException`.
    let code = if error.code == "AccessDenied" { "AccessDeniedException" } else { &*error.code };
    serde_json::json!({"__type": code, "message": error.message}).to_string()
}
