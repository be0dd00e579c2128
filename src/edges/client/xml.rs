//! S3's XML answers as trees.

use super::ClientError;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

/// S3's deepest answer has five levels.
const DEEPEST: usize = 16;

/// An element.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name without a prefix.
    pub(super) name: String,
    own_text: String,
    children: Vec<Element>,
}

impl Element {
    /// Reads a document.
    ///
    /// # Errors
    /// [`ClientError::Answer`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ClientError> {
        let broken = |why: &str| ClientError::Answer(format!("its XML is broken: {why}"));
        let mut reader = Reader::from_reader(bytes);
        let mut open: Vec<Self> = vec![Self::default()];
        loop {
            let event = reader.read_event().map_err(|e| broken(&e.to_string()))?;
            let depth = open.len();
            let here = open.last_mut().ok_or_else(|| broken("an element is closed twice"))?;
            match event {
                Event::Start(tag) if depth <= DEEPEST => open.push(Self::named(tag.local_name().as_ref())),
                Event::Start(_) => return Err(broken("it is too deep")),
                Event::Empty(tag) => here.children.push(Self::named(tag.local_name().as_ref())),
                Event::End(_) => {
                    let closed = open.pop().ok_or_else(|| broken("an element is closed twice"))?;
                    open.last_mut().ok_or_else(|| broken("an element is closed twice"))?.children.push(closed);
                }
                Event::Text(text) => here.own_text.push_str(&String::from_utf8_lossy(&text)),
                Event::CData(text) => here.own_text.push_str(&String::from_utf8_lossy(&text)),
                Event::GeneralRef(reference) => {
                    let named = String::from_utf8_lossy(&reference).into_owned();
                    match (reference.resolve_char_ref(), resolve_xml_entity(&named)) {
                        (Ok(Some(character)), _) => here.own_text.push(character),
                        (_, Some(text)) => here.own_text.push_str(text),
                        _ => return Err(broken("it has an entity of its own")),
                    }
                }
                Event::DocType(_) => return Err(broken("it has a document type")),
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        match (open.pop(), open.is_empty()) {
            (Some(mut document), true) if document.children.len() == 1 => {
                document.children.pop().ok_or_else(|| broken("it is empty"))
            }
            _ => Err(broken("there is not one root element, closed")),
        }
    }

    fn named(name: &[u8]) -> Self {
        Self { name: String::from_utf8_lossy(name).into_owned(), ..Self::default() }
    }

    /// The children of this name.
    pub(super) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of this name, alone; an empty element where there is none.
    pub(super) fn take(self, name: &str) -> Self {
        self.children.into_iter().find(|child| child.name == name).unwrap_or_default()
    }

    /// Its own text.
    pub(super) fn own(&self) -> &str {
        &self.own_text
    }

    /// The entries of a list of the query protocol: the children `member` of the first child of this name.
    pub(super) fn members<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.all(name).next().into_iter().flat_map(|list| list.all("member"))
    }

    /// As [`Self::text`]; `None` where there is none.
    pub(super) fn some(&self, name: &str) -> Option<String> {
        self.all(name).next().map(|child| child.own_text.clone())
    }

    /// The text of the first child of this name; empty where there is none.
    pub(super) fn text(&self, name: &str) -> String {
        self.all(name).next().map(|child| child.own_text.clone()).unwrap_or_default()
    }

    /// The text of a child that must be there.
    pub(super) fn wanted(&self, name: &str) -> Result<String, ClientError> {
        Some(self.text(name))
            .filter(|text| !text.is_empty())
            .ok_or_else(|| ClientError::Answer(format!("its {} has no {name}", self.name)))
    }

    /// The number in a child that must be there.
    pub(super) fn number(&self, name: &str) -> Result<u64, ClientError> {
        let text = self.wanted(name)?;
        text.parse().map_err(|_| ClientError::Answer(format!("its {name} is `{text}`, which is no number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_broken_ones_refused() {
        let text =
            "<?xml version=\"1.0\"?>\n<R xmlns=\"u\"><A>a&amp;&#x41;&lt;b</A><B/><C><A>1</A></C><C><A>2</A></C></R>";
        let document = Element::parse(text.as_bytes()).expect("well formed");
        assert_eq!(document.name, "R");
        assert_eq!(document.text("A"), "a&A<b");
        assert_eq!(document.text("B"), "");
        let numbers: Vec<u64> = document.all("C").map(|c| c.number("A").expect("a number")).collect();
        assert_eq!(numbers, [1, 2]);
        assert!(document.wanted("B").is_err() && document.number("A").is_err());
        let deep = "<a>".repeat(100) + &"</a>".repeat(100);
        for broken in ["", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&own;</a>", "<!DOCTYPE a><a/>", &deep] {
            assert!(Element::parse(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
