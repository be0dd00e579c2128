//! CloudFront's documents, written.

use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::error_body::escaped;
use http::StatusCode;
use http::header::{CONTENT_TYPE, ETAG, HeaderValue, LOCATION};
use std::fmt::Display;

/// A document on its way.
#[derive(Debug, Default)]
pub struct Xml {
    out: String,
}

impl Xml {
    /// A whole document with this root.
    #[must_use]
    pub fn document(root: &str, write: impl FnOnce(&mut Self)) -> String {
        let mut xml = Self { out: String::with_capacity(2048) };
        xml.out.push_str("<?xml version=\"1.0\"?>\n<");
        xml.out.push_str(root);
        xml.out.push_str(" xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\">");
        write(&mut xml);
        xml.close(root);
        xml.out
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// An element with further ones.
    pub fn element(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
        write(self);
        self.close(name);
    }

    /// An element with text.
    pub fn text(&mut self, name: &str, value: impl Display) {
        self.element(name, |xml| xml.out.push_str(&escaped(&value.to_string())));
    }

    /// `Quantity` and, where there are any, `Items`.
    pub fn items<I: IntoIterator>(&mut self, items: I, mut write: impl FnMut(&mut Self, I::Item))
    where
        I::IntoIter: ExactSizeIterator,
    {
        let items = items.into_iter();
        self.text("Quantity", items.len());
        if items.len() > 0 {
            self.element("Items", |xml| items.for_each(|item| write(xml, item)));
        }
    }

    /// A list of texts: `Quantity` and `Items`.
    pub fn texts(&mut self, name: &str, item: &str, texts: &[impl AsRef<str>]) {
        self.element(name, |xml| xml.items(texts, |xml, text| xml.text(item, text.as_ref())));
    }
}

/// An answer with a document.
#[must_use]
pub fn reply(status: StatusCode, document: String) -> Reply {
    let mut reply = reply::with_body(status, document.into_bytes().into());
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    reply
}

/// The answer with the `ETag` of what it shows.
#[must_use]
pub fn tagged(mut reply: Reply, etag: &str) -> Reply {
    if let Ok(value) = HeaderValue::from_str(etag) {
        reply.headers_mut().insert(ETAG, value);
    }
    reply
}

/// The answer with the place of what was made.
#[must_use]
pub fn located(mut reply: Reply, path: &str) -> Reply {
    if let Ok(value) = HeaderValue::from_str(&format!("https://cloudfront.amazonaws.com{path}")) {
        reply.headers_mut().insert(LOCATION, value);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document() {
        let document = Xml::document("A", |xml| {
            xml.text("B", "<&>");
            xml.texts("C", "D", &["x"]);
            xml.texts("E", "D", &[] as &[&str]);
        });
        let expected = "<?xml version=\"1.0\"?>\n<A xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\">\
                        <B>&lt;&amp;&gt;</B><C><Quantity>1</Quantity><Items><D>x</D></Items></C>\
                        <E><Quantity>0</Quantity></E></A>";
        assert_eq!(document, expected);
    }
}
