//! JSON for people.

use crate::words::json::{self, Kind, Node};
use std::borrow::Cow;

/// A line holds a list of plain values up to this many bytes.
const LINE: usize = 100;

/// The text of JSON in lines, two blanks a level, names and numbers as they are; what is no JSON stays as it is.
#[must_use]
pub fn pretty(text: &str) -> Cow<'_, str> {
    let Some(root) = json::parse(text, &mut Vec::new()) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() * 2);
    print(&root, text, 0, &mut out);
    Cow::Owned(out)
}

fn print(node: &Node, source: &str, depth: usize, out: &mut String) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match &node.kind {
        Kind::Object(members) if !members.is_empty() => {
            out.push('{');
            for (number, member) in members.iter().enumerate() {
                out.push_str(if number > 0 { "," } else { "" });
                line(out, depth + 1);
                member.name.print(source, out);
                out.push_str(": ");
                print(&member.value, source, depth + 1, out);
            }
            line(out, depth);
            out.push('}');
        }
        Kind::Array(items) if !items.is_empty() && !is_plain(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                out.push_str(if number > 0 { "," } else { "" });
                line(out, depth + 1);
                print(item, source, depth + 1, out);
            }
            line(out, depth);
            out.push(']');
        }
        Kind::Array(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                item.print(source, out);
            }
            out.push(']');
        }
        _ => node.print(source, out),
    }
}

fn is_plain(items: &[Node]) -> bool {
    let plain = |node: &Node| !matches!(node.kind, Kind::Object(_) | Kind::Array(_));
    items.iter().all(plain) && items.iter().map(|node| node.span.range().len() + 2).sum::<usize>() <= LINE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_set_in_lines() {
        let text = r#"{"b":[1.50,"x"],"a":{"c":[{"d":null}],"e":{},"f":[]}}"#;
        let shown = pretty(text);
        assert_eq!(
            shown,
            "{\n  \"b\": [1.50, \"x\"],\n  \"a\": {\n    \"c\": [\n      {\n        \"d\": null\n      }\n    ],\n    \"e\": {},\n    \"f\": []\n  }\n}"
        );
        assert_eq!(pretty(&shown), shown);
        assert_eq!(pretty("{"), "{");
    }
}
