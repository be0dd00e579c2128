//! The XML document of an error.
//!
//! Source: S3 API Reference, "REST error responses".

use crate::edges::server::error::S3Error;
use bytes::Bytes;

/// The error document: code, sentence, the error's details, what was addressed, and the request's ids.
/// A 304 and an answer to HEAD have no body; the caller leaves it out there.
#[must_use]
pub fn error_body(error: &S3Error, resource: &str, request_id: &str, host_id: &str) -> Bytes {
    let mut out = String::with_capacity(320 + error.message.len() + resource.len());
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    element(&mut out, "Code", error.code);
    element(&mut out, "Message", &error.message);
    for (name, value) in &error.details {
        element(&mut out, name, value);
    }
    if !resource.is_empty() {
        element(&mut out, "Resource", resource);
    }
    element(&mut out, "RequestId", request_id);
    element(&mut out, "HostId", host_id);
    out.push_str("</Error>");
    Bytes::from(out)
}

/// A text as it stands in a document; see [`error_body`].
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape(&mut out, text);
    out
}

fn element(out: &mut String, name: &str, text: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    escape(out, text);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Text that any XML 1.0 reader takes: markup escaped, and what XML cannot carry replaced by U+FFFD, so that an
/// error can always be read, whatever bytes provoked it.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_in_full() {
        let error = S3Error::no_such_key("a<&>\u{1}\r\"b");
        let body = error_body(&error, "/bucket/a", "ID1", "HOST");
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>\
             <Message>The specified key does not exist.</Message>\
             <Key>a&lt;&amp;&gt;\u{fffd}&#13;&quot;b</Key><Resource>/bucket/a</Resource>\
             <RequestId>ID1</RequestId><HostId>HOST</HostId></Error>"
        );
    }

    #[test]
    fn no_resource_no_element() {
        let body = error_body(&S3Error::access_denied(), "", "r", "h");
        assert!(!std::str::from_utf8(&body).unwrap().contains("Resource"));
    }
}
