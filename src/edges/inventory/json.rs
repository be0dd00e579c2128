//! JSON for people to read: indented, members in the order in which they were written.

use crate::words::json::{self, Kind, Node, print_string};

/// A value that is printed.
#[derive(Clone, Debug)]
pub(super) enum Json {
    /// A string.
    Text(String),
    /// What is printed as it is: a number, `true`, `false`, `null`.
    Plain(String),
    /// An array.
    List(Vec<Self>),
    /// An object; members that are `None` are left out.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number or a boolean.
    pub(super) fn plain(value: impl std::fmt::Display + Copy) -> Self {
        Self::Plain(value.to_string())
    }

    /// An object of these members.
    pub(super) fn object<'m>(members: impl IntoIterator<Item = (&'m str, Self)>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A list.
    pub(super) fn list<T>(items: impl IntoIterator<Item = T>, of: impl FnMut(T) -> Self) -> Self {
        Self::List(items.into_iter().map(of).collect())
    }

    /// Tags and the like, as an object.
    pub(super) fn pairs(pairs: &[(String, String)]) -> Self {
        Self::Object(pairs.iter().map(|(name, value)| (name.clone(), Self::text(value))).collect())
    }

    /// A policy in place; what is no JSON, which no store holds, as a string.
    pub(super) fn document(text: &str) -> Self {
        json::parse(text, &mut Vec::new()).map_or_else(|| Self::text(text), |root| Self::of(&root, text))
    }

    fn of(node: &Node, source: &str) -> Self {
        match &node.kind {
            Kind::Object(members) => {
                let name = |node: &Node| node.as_str(source).unwrap_or_default().to_owned();
                Self::Object(members.iter().map(|m| (name(&m.name), Self::of(&m.value, source))).collect())
            }
            Kind::Array(items) => Self::list(items, |item| Self::of(item, source)),
            Kind::String(_) => Self::text(node.as_str(source).unwrap_or_default()),
            Kind::Null | Kind::Bool(_) | Kind::Number => {
                let mut text = String::new();
                node.print(source, &mut text);
                Self::Plain(text)
            }
        }
    }

    /// Without members that hold nothing: empty lists and objects at this level.
    pub(super) fn without_empty(self) -> Self {
        let is_full = |value: &Self| match value {
            Self::List(items) => !items.is_empty(),
            Self::Object(members) => !members.is_empty(),
            Self::Text(_) | Self::Plain(_) => true,
        };
        match self {
            Self::Object(members) => Self::Object(members.into_iter().filter(|(_, value)| is_full(value)).collect()),
            other => other,
        }
    }

    /// The text, with a line break at its end.
    pub(super) fn print(&self) -> String {
        let mut out = String::new();
        self.write(0, &mut out);
        out.push('\n');
        out
    }

    fn write(&self, depth: usize, out: &mut String) {
        match self {
            Self::Text(text) => print_string(text, out),
            Self::Plain(text) => out.push_str(text),
            Self::List(items) if items.is_empty() => out.push_str("[]"),
            Self::Object(members) if members.is_empty() => out.push_str("{}"),
            Self::List(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    line(number, depth + 1, out);
                    item.write(depth + 1, out);
                }
                line(0, depth, out);
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (number, (name, value)) in members.iter().enumerate() {
                    line(number, depth + 1, out);
                    print_string(name, out);
                    out.push_str(": ");
                    value.write(depth + 1, out);
                }
                line(0, depth, out);
                out.push('}');
            }
        }
    }
}

fn line(number: usize, depth: usize, out: &mut String) {
    out.push_str(if number > 0 { ",\n" } else { "\n" });
    out.extend(std::iter::repeat_n("  ", depth));
}
