//! KMS's documents: strict reading, limits, pages, answers.
//!
//! Source: AWS KMS API Reference; "AWS JSON 1.1 protocol" (Smithy).

use crate::edges::server::reply::{self, Reply};
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::gate::services::kms::EncryptionContext;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;
use zeroize::Zeroizing;

/// Reads an operation's input. A member that is not known is refused: it might have meant a restriction.
pub fn input<T: DeserializeOwned>(call: &ServiceCall) -> Result<T, ServiceError> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => invalid(error.to_string()),
        _ => ServiceError::bad("SerializationException", format!("The body is no JSON document: {error}")),
    })
}

/// `ValidationException`
pub fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::bad("ValidationException", message.into())
}

/// `UnsupportedOperationException`, which names what is not there.
pub fn unsupported(what: &str) -> ServiceError {
    ServiceError::bad("UnsupportedOperationException", format!("{what} is not supported."))
}

/// `LimitExceededException`
pub fn limit(message: impl Into<String>) -> ServiceError {
    ServiceError::bad("LimitExceededException", message.into())
}

/// An answer.
pub fn answer(document: &Value) -> Reply {
    let mut reply = reply::with_body(StatusCode::OK, document.to_string().into_bytes().into());
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    reply
}

/// The answer of operations that answer nothing.
pub fn nothing() -> Reply {
    let mut reply = reply::empty(StatusCode::OK);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    reply
}

/// A time as the protocol writes it: seconds since 1970, with milliseconds.
#[expect(clippy::cast_precision_loss, reason = "times of any century are exact")]
pub fn time(ms: i64) -> Value {
    Value::from(ms as f64 / 1000.0)
}

/// Bytes in base64.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes that came in base64. They may be a secret: they are wiped, and no error repeats them.
pub struct Blob(pub Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text =
            Zeroizing::new(String::deserialize(deserializer).map_err(|_| D::Error::custom("a blob is not a text"))?);
        let bytes = STANDARD.decode(text.as_bytes()).map_err(|_| D::Error::custom("a blob is not valid base64"))?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

impl Blob {
    /// Its bytes, from 1 to `most`.
    pub fn within(&self, name: &str, most: usize) -> Result<&[u8], ServiceError> {
        let length = self.0.len();
        if (1..=most).contains(&length) {
            return Ok(&self.0);
        }
        Err(invalid(format!("'{name}' has {length} bytes; it must have from 1 to {most}.")))
    }
}

/// An encryption context as it came, each key once.
#[derive(Default)]
pub struct SentContext(pub EncryptionContext);

impl<'de> Deserialize<'de> for SentContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pairs).map(Self)
    }
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = EncryptionContext;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EncryptionContext, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry::<String, String>()? {
            pairs.push(pair);
        }
        EncryptionContext::new(pairs).map_err(|key| {
            A::Error::custom(format!(
                "the encryption context has the key `{key}` twice (keys differ in more than case)"
            ))
        })
    }
}

/// A tag.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tag {
    /// Its key.
    pub tag_key: String,
    /// Its value.
    pub tag_value: String,
}

/// Grant tokens that came: each must name a grant there is. They change nothing beside: grants hold at once.
pub fn check_tokens(call: &ServiceCall, tokens: &[String]) -> Result<(), ServiceError> {
    if tokens.len() > 10 {
        return Err(invalid("'grantTokens' has more than 10 tokens."));
    }
    match tokens.iter().find(|token| call.server.keys().by_token(token).is_none()) {
        None => Ok(()),
        Some(_) => Err(ServiceError::bad("InvalidGrantTokenException", "A grant token names no grant that there is.")),
    }
}

/// Refuses what only attested enclaves send.
pub fn no_recipient(recipient: Option<&Value>) -> Result<(), ServiceError> {
    recipient.map_or(Ok(()), |_| Err(unsupported("Recipient (attestation of Nitro enclaves)")))
}

/// A page of a list whose entries are told apart and ordered by a text.
pub struct Page {
    after: Option<String>,
    most: usize,
}

impl Page {
    /// The page that a request asks for.
    pub fn new(limit: Option<u64>, marker: Option<&str>, usual: usize, most: usize) -> Result<Self, ServiceError> {
        let asked = limit.map_or(Some(usual), |limit| usize::try_from(limit).ok());
        let size = asked.filter(|size| (1..=1000).contains(size));
        let size = size.ok_or_else(|| invalid("'limit' must be from 1 to 1000."))?;
        let wrong =
            || ServiceError::bad("InvalidMarkerException", "The marker is none that was given by this operation.");
        let after = marker.map(|text| {
            let bytes = STANDARD.decode(text).map_err(|_| wrong())?;
            String::from_utf8(bytes).map_err(|_| wrong())
        });
        Ok(Self { after: after.transpose()?, most: size.min(most) })
    }

    /// The entries of the page, and the answer's members that lead to the next. `entries` are in order.
    pub fn cut<T>(
        &self,
        entries: impl Iterator<Item = T>,
        name: impl Fn(&T) -> String,
        list: &str,
        show: impl Fn(&T) -> Value,
    ) -> Value {
        let mut rest = entries.filter(|entry| self.after.as_ref().is_none_or(|after| name(entry) > *after));
        let page: Vec<T> = rest.by_ref().take(self.most).collect();
        let more = rest.next().is_some();
        let mut answer = serde_json::json!({list: page.iter().map(&show).collect::<Vec<_>>(), "Truncated": more});
        if let (true, Some(last), Some(members)) = (more, page.last(), answer.as_object_mut()) {
            members.insert("NextMarker".to_owned(), Value::from(base64(name(last).as_bytes())));
        }
        answer
    }
}
