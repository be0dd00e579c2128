//! A browser's form: `POST` of `multipart/form-data` to a bucket.
//!
//! Source: S3 API Reference, "POST Object", "Browser-based uploads using POST".

use super::get::quoted;
use super::multipart::location;
use super::put::{Described, MAX_PUT, checksum_algorithm, checksum_of, etag_of, show_written};
use crate::edges::server::auth::{self, FormFile, PostRequest, VerifiedBody, Want};
use crate::edges::server::call::{Call, seen};
use crate::edges::server::error::S3Error;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::{lists, names, tags, xml};
use crate::gate::operations::PostObject;
use crate::gate::{self, Asked, POSTED_KEY};
use crate::storage::store::{Finish, NewObject, WriteConditions, Written};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// The fields of a form in the place of headers, for decisions and for what is kept with the object.
struct Fields {
    headers: HeaderMap,
    key: String,
}

impl Asked for Fields {
    fn query(&self, _: &str) -> Option<&str> {
        None
    }

    fn header(&self, name: &str) -> Option<&str> {
        if name == POSTED_KEY {
            return Some(&self.key);
        }
        self.headers.get(name).and_then(|v| std::str::from_utf8(v.as_bytes()).ok())
    }
}

/// The key that a form names, without which it is no form for S3.
fn key_of(fields: &[(String, String)]) -> Result<&str, S3Error> {
    let key = fields.iter().find(|(name, value)| name == "key" && !value.is_empty()).ok_or_else(|| {
        S3Error::invalid_argument(
            "key",
            "",
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
        )
    })?;
    names::check_key(&key.1)?;
    Ok(&key.1)
}

impl Fields {
    fn of(call: &Call, fields: &[(String, String)]) -> Result<Self, S3Error> {
        let key = key_of(fields)?;
        let mut headers = HeaderMap::new();
        // What the browser itself says of the request stays what it is.
        for name in ["user-agent", "referer", "x-amz-expected-bucket-owner"] {
            if let Some(value) = call.parts.headers.get(name) {
                headers.insert(HeaderName::from_static(name), value.clone());
            }
        }
        for (name, value) in fields {
            let name = match name.as_str() {
                "acl" => "x-amz-acl",
                // Not the request's: a form's tags are a document, and these are read by nobody else.
                "tagging" | "key" | "policy" => continue,
                name => name,
            };
            let named = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) =
                (named, HeaderValue::from_str(value).or_else(|_| HeaderValue::from_bytes(value.as_bytes())))
            {
                headers.insert(name, value);
            }
        }
        Ok(Self { headers, key: key.to_owned() })
    }
}

/// `POST` of a form.
pub(super) async fn object(call: &mut Call) -> Result<Reply, S3Error> {
    let content_type = call.header("content-type")?.unwrap_or_default().to_owned();
    let body = call.body.take().ok_or_else(|| S3Error::of("InternalError"))?;
    let form = auth::read_form(auth::Frames(body), &content_type).await?;
    key_of(&form.fields)?;
    let raw = call.parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
    let request =
        PostRequest { parts: &call.parts, raw_path_and_query: &raw, bucket: call.bucket(), now_ms: call.now_ms };
    let directory = call.server.directory();
    let post = auth::authenticate_post(request, &form.fields, call.server.auth(), &*directory)?;
    call.auth = post.authenticated;
    let fields = Fields::of(call, &form.fields)?;
    let mut described = Described::of(&fields.headers, call.now_ms)?;
    if let Some(text) = form.field("tagging") {
        described.tags = tags::parse_xml(text.as_bytes(), tags::MAX_OBJECT_TAGS)?;
    }
    let facts_of_body = described.facts();
    let (bucket, scene) = call.scene(call.bucket())?;
    let sighting = call.sight(call.bucket(), &fields.key, None)?;
    let grant = {
        let facts = call.facts_of(&fields);
        let ask = call.ask(&facts, &scene, seen(&sighting), &facts_of_body);
        gate::authorize::<PostObject>(&ask).map_err(|refusal| call.refused(&refusal))?
    };
    drop(sighting);
    let (meta, sse) = described.meta(call, &bucket)?;
    let sse = call.seal_object(&grant, &fields.key, sse).await?;
    let stored = sse.stored();
    let new = NewObject { meta, sse, now_ms: call.now_ms };
    let mut writer = call.server.store().begin_write(&grant, new).map_err(|e| call.failed(e))?;
    let mut file: FormFile = form.file;
    file.limit(Some(post.length_range.map_or((0, MAX_PUT), |(least, most)| (least, most.min(MAX_PUT)))));
    let want = Want { md5: true, checksum: Some(checksum_algorithm(call)) };
    let mut body = VerifiedBody::new(file, call.auth.body.clone(), want);
    while let Some(piece) = body.next().await {
        writer.write(piece?).await.map_err(|e| call.failed(e))?;
    }
    let outcome = body.outcome().cloned().ok_or_else(|| S3Error::of("IncompleteBody"))?;
    let finish = Finish {
        etag: etag_of(&stored, &outcome)?,
        checksum: checksum_of(call, &outcome),
        conditions: WriteConditions::default(),
        now_ms: call.server.now_ms(),
    };
    let written = writer.commit(finish).await.map_err(|e| call.failed(e))?;
    let field = |name: &str| form.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let mut reply = answer(call, &fields.key, &written, &field);
    show_written(&written, &stored, &mut reply);
    Ok(reply)
}

/// What the form asks to be answered: a redirect, or 200, 201 with a document, or 204.
fn answer<'f>(call: &Call, key: &str, written: &Written, field: &dyn Fn(&str) -> Option<&'f str>) -> Reply {
    let address = format!("{}{}", location(call), lists::url_encoded(key));
    let redirect = field("success_action_redirect").or_else(|| field("redirect")).and_then(|url| {
        let joint = if url.contains('?') { '&' } else { '?' };
        let etag = lists::url_encoded(&quoted(&written.etag));
        let (bucket, key) = (call.bucket(), lists::url_encoded(key));
        // A text that is no address is ignored, as S3 does.
        url.parse::<http::Uri>().ok().filter(|uri| uri.host().is_some())?;
        Some(format!("{url}{joint}bucket={bucket}&key={key}&etag={etag}"))
    });
    if let Some(to) = redirect {
        let mut reply = reply::empty(StatusCode::SEE_OTHER);
        reply::set(&mut reply, "location", to);
        return reply;
    }
    let mut reply = match field("success_action_status") {
        Some("200") => reply::empty(StatusCode::OK),
        Some("201") => {
            let mut reply = reply::xml_bytes(xml::post_response(&address, call.bucket(), key, &quoted(&written.etag)));
            *reply.status_mut() = StatusCode::CREATED;
            reply
        }
        _ => reply::empty(StatusCode::NO_CONTENT),
    };
    reply::set(&mut reply, "location", address);
    reply
}
