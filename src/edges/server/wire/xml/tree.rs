//! An XML body as a tree of elements, for documents that are read strictly, member by member.

use super::scan;
use crate::edges::server::error::S3Error;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// An element: with further elements, or with text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name, without a prefix.
    pub name: String,
    /// Its text; blank where it has further elements.
    pub text: String,
    /// The elements in it, in order.
    pub children: Vec<Self>,
}

/// Reads a body. Namespaces do not matter; other attributes are refused.
///
/// # Errors
/// `MissingRequestBodyError` for an empty body, `MalformedXML` for what is no XML or mixes text and elements.
pub fn tree(body: &[u8]) -> Result<Element, S3Error> {
    let text = scan::prepare(body)?;
    let mut reader = Reader::from_str(&text);
    // The elements that are open, from the outermost; the first stands for the document.
    let mut open = vec![Element::default()];
    loop {
        let event =
            reader.read_event().map_err(|_| S3Error::malformed_xml("an element is not closed as it was opened"))?;
        match event {
            Event::Start(start) => open.push(opened(&start)?),
            Event::Empty(start) => {
                let element = opened(&start)?;
                close(&mut open, element)?;
            }
            Event::End(_) => {
                let element = open.pop().unwrap_or_default();
                close(&mut open, element)?;
            }
            Event::Text(part) => push(&mut open, &part.decode().map_err(|_| not_text())?),
            Event::GeneralRef(name) => push(&mut open, referred(&name.decode().map_err(|_| not_text())?)),
            Event::Eof => break,
            // Declarations and comments say nothing; `scan` has refused document types.
            _ => {}
        }
    }
    let document = open.pop().unwrap_or_default();
    document.children.into_iter().next().ok_or_else(|| S3Error::malformed_xml("there must be one root element"))
}

fn not_text() -> S3Error {
    S3Error::malformed_xml("it is not UTF-8")
}

fn opened(start: &BytesStart<'_>) -> Result<Element, S3Error> {
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| S3Error::malformed_xml("an attribute is not valid"))?;
        let key = attribute.key.as_ref();
        if key != b"xmlns" && !key.starts_with(b"xmlns:") && !key.starts_with(b"xsi:") {
            return Err(S3Error::malformed_xml("an element has an attribute, and there are none here"));
        }
    }
    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
    Ok(Element { name, ..Element::default() })
}

fn push(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn close(open: &mut [Element], mut element: Element) -> Result<(), S3Error> {
    if !element.children.is_empty() {
        if !element.text.trim_ascii().is_empty() {
            return Err(S3Error::malformed_xml("text stands beside elements"));
        }
        element.text.clear();
    }
    if let Some(parent) = open.last_mut() {
        parent.children.push(element);
    }
    Ok(())
}

/// The five entities that `scan` lets through.
fn referred(name: &str) -> &'static str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        _ => "'",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_with_text_and_elements() {
        let read = tree(b"<?xml version='1.0'?><a xmlns='urn:x'>\n <b>1 &lt;&#50;</b><c/><d><![CDATA[x & y]]></d></a>")
            .unwrap();
        let names: Vec<(&str, &str)> = read.children.iter().map(|c| (c.name.as_str(), c.text.as_str())).collect();
        assert_eq!((read.name.as_str(), read.text.as_str()), ("a", ""));
        assert_eq!(names, [("b", "1 <2"), ("c", ""), ("d", "x & y")]);
    }

    #[test]
    fn what_is_refused() {
        for body in ["", "x", "<a>", "<a></b>", "<a>x<b/></a>", "<a href='x'/>", "<!DOCTYPE a><a/>", "<a/><b/>"] {
            assert!(tree(body.as_bytes()).is_err(), "{body}");
        }
    }

    proptest::proptest! {
        /// Whatever comes, there is an answer.
        #[test]
        fn no_body_panics(body in "[<>/&;#x!a\\[\\]CDT\"'?= -]{0,60}", bytes: Vec<u8>) {
            let wrapped = format!("<a>{body}</a>");
            for text in [body.as_bytes(), wrapped.as_bytes(), &bytes] {
                let _ = tree(text);
            }
        }
    }
}
