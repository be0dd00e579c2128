//! CloudFront's documents, read strictly: what is not known is refused by its name, what is missing likewise.
//!
//! The same reader takes XML bodies and the JSON of the AWS CLI's dumps, in which lists are arrays.

use super::error;
use crate::edges::server::services::ServiceError;
use crate::edges::server::wire::xml::tree::{self, Element};
use serde_json::Value;
use std::str::FromStr;

/// The XML body of a request, whose root element must have this name.
///
/// # Errors
/// `MissingBody`, `MalformedXML`, `MalformedInput`.
pub fn body(bytes: &[u8], root: &str) -> Result<Element, ServiceError> {
    let element = tree::tree(bytes).map_err(|refused| match refused.code {
        "MissingRequestBodyError" => error(
            "MissingBody",
            "This operation requires a body. Ensure that the body is present and the Content-Type header is set.",
        ),
        code => error(code, refused.message),
    })?;
    if element.name == root {
        return Ok(element);
    }
    Err(error("MalformedInput", format!("the root element is `{}`, wanted `{root}`", element.name)))
}

/// A document of the AWS CLI, as a tree; elements of lists have no name.
#[must_use]
pub fn of_json(name: &str, value: &Value) -> Element {
    let named = |text: String| Element { name: name.to_owned(), text, children: Vec::new() };
    match value {
        Value::Null => named(String::new()),
        Value::Bool(flag) => named(flag.to_string()),
        Value::Number(number) => named(number.to_string()),
        Value::String(text) => named(text.clone()),
        Value::Array(items) => {
            Element { children: items.iter().map(|item| of_json("", item)).collect(), ..named(String::new()) }
        }
        Value::Object(members) => {
            let given = members.iter().filter(|(_, value)| !value.is_null());
            Element { children: given.map(|(name, value)| of_json(name, value)).collect(), ..named(String::new()) }
        }
    }
}

/// The members of an element, taken one by one; what is left at the end is refused.
pub struct Fields<'e> {
    path: String,
    rest: Vec<&'e Element>,
}

impl<'e> Fields<'e> {
    /// The members of a document's root.
    ///
    /// # Errors
    /// `MalformedInput` for text and for a member that stands twice.
    pub fn of(element: &'e Element) -> Result<Self, ServiceError> {
        Self::at(element, "")
    }

    fn at(element: &'e Element, above: &str) -> Result<Self, ServiceError> {
        let path = if above.is_empty() { element.name.clone() } else { format!("{above}/{}", element.name) };
        if !element.text.trim_ascii().is_empty() {
            return Err(error("MalformedInput", format!("`{path}` has text where elements are wanted")));
        }
        for (at, child) in element.children.iter().enumerate() {
            if element.children.iter().take(at).any(|earlier| earlier.name == child.name) {
                return Err(error("MalformedInput", format!("`{path}/{}` stands twice", child.name)));
            }
        }
        Ok(Self { path, rest: element.children.iter().collect() })
    }

    /// The path of a member, for sentences.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// A member that may be missing.
    pub fn take(&mut self, name: &str) -> Option<&'e Element> {
        let at = self.rest.iter().position(|element| element.name == name)?;
        Some(self.rest.swap_remove(at))
    }

    fn missing(&self, name: &str) -> ServiceError {
        error("MalformedInput", format!("`{}` is missing", self.path(name)))
    }

    /// The members of a member that may be missing.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn inner(&mut self, name: &str) -> Result<Option<Self>, ServiceError> {
        self.take(name).map(|element| Self::at(element, &self.path)).transpose()
    }

    /// The members of a member that must be there.
    ///
    /// # Errors
    /// As [`Self::of`]; `MalformedInput` where it is missing.
    pub fn need_inner(&mut self, name: &str) -> Result<Self, ServiceError> {
        self.inner(name)?.ok_or_else(|| self.missing(name))
    }

    /// A text that may be missing.
    ///
    /// # Errors
    /// `MalformedInput` where elements stand in its place.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, ServiceError> {
        self.take(name).map(|element| text_of(element, &self.path(name))).transpose()
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// `MalformedInput`.
    pub fn need_text(&mut self, name: &str) -> Result<String, ServiceError> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// A text of bounded length that may be missing; in Unicode characters.
    ///
    /// # Errors
    /// `MalformedInput`; `InvalidArgument` where it is too long.
    pub fn short(&mut self, name: &str, most: usize) -> Result<Option<String>, ServiceError> {
        let text = self.text(name)?;
        match text.as_ref().map(|text| text.chars().count()) {
            Some(length) if length > most => {
                let message = format!("`{}` has {length} characters; it may have {most}", self.path(name));
                Err(error("InvalidArgument", message))
            }
            _ => Ok(text),
        }
    }

    /// A text of bounded length that must be there and cannot be empty.
    ///
    /// # Errors
    /// `MalformedInput`, `InvalidArgument`.
    pub fn need_short(&mut self, name: &str, most: usize) -> Result<String, ServiceError> {
        let text = self.short(name, most)?.ok_or_else(|| self.missing(name))?;
        if text.is_empty() {
            return Err(error("InvalidArgument", format!("`{}` cannot be empty", self.path(name))));
        }
        Ok(text)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// `MalformedInput`.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, ServiceError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match text.trim_ascii() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            other => {
                let message = format!("`{}` is `{other}`, wanted `true` or `false`", self.path(name));
                Err(error("MalformedInput", message))
            }
        }
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// `MalformedInput`.
    pub fn number<N: FromStr>(&mut self, name: &str) -> Result<Option<N>, ServiceError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let text = text.trim_ascii();
        match text.parse() {
            Ok(number) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(number)),
            _ => Err(error("MalformedInput", format!("`{}` is `{text}`, which is no number for it", self.path(name)))),
        }
    }

    /// One of these words.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn word<W: Copy>(&mut self, name: &str, words: &[(W, &str)]) -> Result<Option<W>, ServiceError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match words.iter().find(|(_, word)| *word == text) {
            Some((value, _)) => Ok(Some(*value)),
            None => {
                let known: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
                let message = format!("`{}` is `{text}`; it can be `{}`", self.path(name), known.join("`, `"));
                Err(error("InvalidArgument", message))
            }
        }
    }

    /// The elements of a list `Quantity` and `Items`; what is missing is an empty list.
    ///
    /// # Errors
    /// `MalformedInput`, `InconsistentQuantities`.
    pub fn list(&mut self, name: &str, item: &str) -> Result<Vec<&'e Element>, ServiceError> {
        let Some(mut inner) = self.inner(name)? else { return Ok(Vec::new()) };
        let items = inner.items(item)?;
        inner.finish()?;
        Ok(items)
    }

    /// `Quantity` and `Items` of this element itself.
    ///
    /// # Errors
    /// `MalformedInput`, `InconsistentQuantities`.
    pub fn items(&mut self, item: &str) -> Result<Vec<&'e Element>, ServiceError> {
        let quantity: Option<usize> = self.number("Quantity")?;
        let items = self.bare_items(item)?;
        match quantity {
            Some(quantity) if quantity != items.len() => {
                let message = format!("`{}` is {quantity}, and there are {} items", self.path("Quantity"), items.len());
                Err(error("InconsistentQuantities", message))
            }
            _ => Ok(items),
        }
    }

    /// `Items` alone.
    ///
    /// # Errors
    /// `MalformedInput`.
    pub fn bare_items(&mut self, item: &str) -> Result<Vec<&'e Element>, ServiceError> {
        let Some(items) = self.take("Items") else { return Ok(Vec::new()) };
        match items.children.iter().find(|child| !child.name.is_empty() && child.name != item) {
            Some(stray) => {
                let message =
                    format!("`{}/{}` is not known; the items are called `{item}`", self.path("Items"), stray.name);
                Err(error("MalformedInput", message))
            }
            None => Ok(items.children.iter().collect()),
        }
    }

    /// The texts of such a list.
    ///
    /// # Errors
    /// `MalformedInput`, `InconsistentQuantities`.
    pub fn texts(&mut self, name: &str, item: &str) -> Result<Vec<String>, ServiceError> {
        let path = self.path(name);
        texts(&self.list(name, item)?, &path)
    }

    /// The members of an item of one of this element's lists.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn item(&self, list: &str, at: usize, element: &'e Element) -> Result<Self, ServiceError> {
        let mut fields = Self::at(element, "")?;
        fields.path = format!("{}[{}]", self.path(list), at + 1);
        Ok(fields)
    }

    /// Refuses a member that is there and not at its off value.
    ///
    /// # Errors
    /// This code.
    pub fn off(&mut self, name: &str, code: &'static str, is_off: fn(&Element) -> bool) -> Result<(), ServiceError> {
        match self.take(name) {
            Some(element) if !is_off(element) => {
                Err(error(code, format!("`{}` is not supported by this server; leave it out", self.path(name))))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what was not taken.
    ///
    /// # Errors
    /// `MalformedInput`, with the name of the first.
    pub fn finish(self) -> Result<(), ServiceError> {
        match self.rest.first() {
            Some(stray) => Err(error("MalformedInput", format!("`{}` is not known", self.path(&stray.name)))),
            None => Ok(()),
        }
    }
}

/// Off: an empty text.
#[must_use]
pub fn is_empty(element: &Element) -> bool {
    element.text.trim_ascii().is_empty() && element.children.is_empty()
}

/// Off: `false`, or nothing in it that is on: every text is empty, `false` or 0.
#[must_use]
pub fn is_false(element: &Element) -> bool {
    matches!(element.text.trim_ascii(), "" | "false" | "0") && element.children.iter().all(is_false)
}

/// The texts of a list's elements.
///
/// # Errors
/// `MalformedInput` where there are elements in one.
pub fn texts(items: &[&Element], path: &str) -> Result<Vec<String>, ServiceError> {
    items.iter().map(|element| text_of(element, path)).collect()
}

fn text_of(element: &Element, path: &str) -> Result<String, ServiceError> {
    if element.children.is_empty() {
        return Ok(element.text.clone());
    }
    Err(error("MalformedInput", format!("`{path}` has elements where text is wanted")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, Vec<String>, Option<bool>), ServiceError> {
        let element = body(text.as_bytes(), "A")?;
        let mut fields = Fields::of(&element)?;
        let found = (fields.need_text("Name")?, fields.texts("List", "One")?, fields.boolean("On")?);
        fields.finish()?;
        Ok(found)
    }

    #[test]
    fn members_are_read_and_the_rest_is_refused() {
        let good = "<A><Name>n</Name><List><Quantity>1</Quantity><Items><One>x</One></Items></List><On>true</On></A>";
        assert_eq!(read(good).unwrap(), ("n".to_owned(), vec!["x".to_owned()], Some(true)));
        for (text, code, part) in [
            ("", "MissingBody", "body"),
            ("<A>", "MalformedXML", "not closed"),
            ("<B/>", "MalformedInput", "`B`"),
            ("<A/>", "MalformedInput", "`A/Name` is missing"),
            ("<A><Name>n</Name><Nme>x</Nme></A>", "MalformedInput", "`A/Nme` is not known"),
            ("<A><Name>n</Name><Name>n</Name></A>", "MalformedInput", "stands twice"),
            ("<A><Name><X/></Name></A>", "MalformedInput", "text is wanted"),
            ("<A><Name>n</Name><On>yes</On></A>", "MalformedInput", "`true` or `false`"),
            ("<A><Name>n</Name><List><Quantity>2</Quantity></List></A>", "InconsistentQuantities", "0 items"),
            ("<A><Name>n</Name><List><Items><Two>x</Two></Items></List></A>", "MalformedInput", "`One`"),
        ] {
            let refused = read(text).unwrap_err();
            assert_eq!(refused.code, code, "{text}");
            assert!(refused.message.contains(part), "{text}: {}", refused.message);
        }
    }

    #[test]
    fn json_reads_as_xml_does() {
        let value = serde_json::json!({"Name": "n", "List": {"Quantity": 1, "Items": ["x"]}, "On": true, "Gone": null});
        let element = of_json("A", &value);
        let mut fields = Fields::of(&element).unwrap();
        assert_eq!(fields.need_text("Name").unwrap(), "n");
        assert_eq!(fields.texts("List", "One").unwrap(), ["x"]);
        assert_eq!(fields.boolean("On").unwrap(), Some(true));
        fields.finish().unwrap();
    }
}
