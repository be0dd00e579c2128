//! What viewers are told where the door itself refuses.
//!
//! Source: CloudFront Developer Guide, "Troubleshooting error response status codes in CloudFront", and CloudFront's own
//! pages as its users quote them. Refusals of signed URLs and cookies are documents in XML, see [`super::viewer`];
//! errors of the origin are S3's own.

use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::error_body::escaped;
use http::StatusCode;

/// A refusal of the door itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorError {
    /// The host is no distribution's, or its distribution is disabled: 403.
    NoDistribution,
    /// No host is named, or several: 400.
    NoHost,
    /// The behaviour does not let the method through: 403.
    Method {
        /// GET and HEAD, and perhaps OPTIONS, are all it lets through.
        cachable_only: bool,
    },
    /// A request of a method that has no body has one: 403.
    UnwantedBody,
    /// The behaviour is for HTTPS only: 403.
    HttpsOnly,
    /// The URL is longer than 8,192 bytes, or the whole head longer than 32,768: 413.
    TooLong,
    /// A header of a trusted proxy cannot be read: 400.
    Malformed,
    /// The origin's host is no bucket of this server: 502.
    UnknownOrigin,
    /// The origin, or who sent the request, is the door itself: 403.
    Loop,
    /// The origin's answer ended before its end: 502.
    OriginBroke,
    /// That the viewer was let in, or not, cannot be written down: 503.
    Unkept,
    /// The answer that gives nothing away, where what should hold does not: 500.
    Internal,
}

impl DoorError {
    /// Its status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::NoDistribution | Self::Method { .. } | Self::UnwantedBody | Self::HttpsOnly | Self::Loop => {
                StatusCode::FORBIDDEN
            }
            Self::NoHost | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownOrigin | Self::OriginBroke => StatusCode::BAD_GATEWAY,
            Self::Unkept => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The word for it in events.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoDistribution => "NoSuchDistribution",
            Self::NoHost => "MissingHost",
            Self::Method { .. } => "MethodNotAllowed",
            Self::UnwantedBody => "UnexpectedContent",
            Self::HttpsOnly => "HttpsRequired",
            Self::TooLong => "RequestTooLarge",
            Self::Malformed => "InvalidRequest",
            Self::UnknownOrigin => "NoSuchOrigin",
            Self::Loop => "LoopDetected",
            Self::OriginBroke => "OriginConnectError",
            Self::Unkept => "ServiceUnavailable",
            Self::Internal => "InternalError",
        }
    }

    /// Its sentence.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoDistribution => {
                "Bad request. We can't connect to the server for this app or website at this time. There might be \
                 too much traffic or a configuration error."
            }
            Self::NoHost => "Bad request. A request names exactly one host.",
            Self::Method { cachable_only: true } => {
                "This distribution is not configured to allow the HTTP request method that was used for this \
                 request. The distribution supports only cachable requests."
            }
            Self::Method { cachable_only: false } => {
                "This distribution is not configured to allow the HTTP request method that was used for this request."
            }
            Self::UnwantedBody => "Bad request. A GET or HEAD request has no body.",
            Self::HttpsOnly => "Bad request. This distribution is for HTTPS only.",
            Self::TooLong => "Bad request. The URL or the headers are too long.",
            Self::Malformed => "Bad request. A header that says where the request came from cannot be read.",
            Self::UnknownOrigin => "CloudFront wasn't able to resolve the origin domain name.",
            Self::Loop => "Bad request. The request would come back to where it came from.",
            Self::OriginBroke => "CloudFront wasn't able to connect to the origin.",
            Self::Unkept => "The trail of decisions cannot be written, so that nothing may be decided.",
            Self::Internal => "The request failed. Please try again.",
        }
    }

    /// The page.
    #[must_use]
    pub fn page(self, request_id: &str) -> Reply {
        let (status, sentence) = (self.status().as_u16(), escaped(self.sentence()));
        let page = format!(
            "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>ERROR: The request could not be \
             satisfied</title></head><body>\n<h1>{status} ERROR</h1>\n<h2>The request could not be satisfied.</h2>\n\
             <hr>\n<p>{sentence}</p>\n<hr>\n<pre>\nGenerated by cloudfront (CloudFront)\nRequest ID: {}\n</pre>\n\
             </body></html>\n",
            escaped(request_id)
        );
        let mut reply = reply::with_body(self.status(), page.into_bytes().into());
        reply::set(&mut reply, "content-type", "text/html");
        reply::set(&mut reply, "server", "CloudFront");
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_status_and_request() {
        let reply = DoorError::NoDistribution.page("id<");
        assert_eq!(reply.status(), 403);
        let crate::edges::server::http::ResponseBody::Full(page) = reply.into_body() else { panic!("in one piece") };
        let page = String::from_utf8(page.to_vec()).expect("text");
        assert!(page.contains("<h1>403 ERROR</h1>") && page.contains("Request ID: id&lt;"), "{page}");
        assert!(page.contains("connect to the server for this app or website at this time"), "{page}");
    }
}
