//! The texts a world was loaded from, all in one: what a server keeps of its seed.

use super::{LoadContext, World, parse_tree};
use crate::simulate::reader::Findings;
use crate::words::codes::Code;
use crate::words::json::{self, Kind, Node};
use crate::words::problem::{Problems, Source};
use serde::{Deserialize, Serialize};

/// World files with the documents they refer to. Holds secrets where the files do.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Bundle {
    sources: Vec<Text>,
    #[serde(default)]
    documents: Vec<Document>,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle").field("sources", &self.sources.len()).finish_non_exhaustive()
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Text {
    name: String,
    text: String,
}

/// A document that the file `from` refers to by `path`.
#[derive(Clone, Serialize, Deserialize)]
struct Document {
    from: String,
    path: String,
    content: Text,
}

impl Text {
    fn of(source: &Source) -> Self {
        Self { name: source.name.to_string(), text: source.text.to_string() }
    }

    /// What was loaded can be read again; what can not be read holds nothing.
    fn open(&self) -> Self {
        let source = self.source();
        let mut text = String::new();
        if let Some(root) = parse_tree(&source, &mut Findings::new(source.clone(), Code::WorldShape)) {
            print_open(&root, &source.text, &mut text, &|node, out| node.print(&source.text, out));
        }
        Self { name: self.name.clone(), text }
    }

    fn source(&self) -> Source {
        Source::new(self.name.as_str(), self.text.as_str())
    }
}

/// A native world's credentials stand in these members, AWS's dumps have none.
const SECRETS: [&str; 2] = ["access_keys", "mfa"];

/// JSON without [`SECRETS`]; what is neither an object nor an array is written by `leaf`.
fn print_open(node: &Node, source: &str, out: &mut String, leaf: &dyn Fn(&Node, &mut String)) {
    match &node.kind {
        Kind::Object(members) => {
            let is_open = |m: &&json::Member| !m.name.as_str(source).is_some_and(|name| SECRETS.contains(&name));
            out.push('{');
            for (number, member) in members.iter().filter(is_open).enumerate() {
                out.push_str(if number > 0 { "," } else { "" });
                member.name.print(source, out);
                out.push(':');
                print_open(&member.value, source, out, leaf);
            }
            out.push('}');
        }
        Kind::Array(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                out.push_str(if number > 0 { "," } else { "" });
                print_open(item, source, out, leaf);
            }
            out.push(']');
        }
        _ => leaf(node, out),
    }
}

impl Bundle {
    /// One file that refers to no other.
    #[must_use]
    pub fn of_text(name: &str, text: &str) -> Self {
        Self { sources: vec![Text { name: name.to_owned(), text: text.to_owned() }], documents: Vec::new() }
    }

    /// Loads a world and keeps what it was loaded from.
    ///
    /// # Errors
    /// As [`World::load_all`].
    pub fn load(sources: &[Source], context: &mut LoadContext<'_>) -> Result<(World, Self), Vec<Problems>> {
        let mut bundle = Self { sources: sources.iter().map(Text::of).collect(), documents: Vec::new() };
        let mut world = World::default();
        let mut read = |from: &Source, path: &str| {
            let found = (context.read)(from, path)?;
            let content = Text::of(&found);
            bundle.documents.push(Document { from: from.name.to_string(), path: path.to_owned(), content });
            Ok(found)
        };
        world.load_all(sources, &mut LoadContext { read: &mut read, strict: context.strict })?;
        Ok((world, bundle))
    }

    /// The bundle for others to read: every file as JSON, without access keys and secrets of MFA devices.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let documents = self.documents.iter().map(|d| Document { content: d.content.open(), ..d.clone() });
        Self { sources: self.sources.iter().map(Text::open).collect(), documents: documents.collect() }
    }

    /// The text of the organization, with the documents that it refers to in their places; `None`: no file has one.
    #[must_use]
    pub fn organization(&self) -> Option<String> {
        self.sources.iter().rev().find_map(|text| {
            let source = text.source();
            let root = parse_tree(&source, &mut Findings::new(source.clone(), Code::WorldShape))?;
            let node = root.get(&source.text, "organization")?;
            let mut out = String::new();
            print_open(node, &source.text, &mut out, &|leaf, out| {
                let path = leaf.as_str(&source.text);
                match path.and_then(|p| self.documents.iter().find(|d| d.from == text.name && d.path == p)) {
                    Some(document) => out.push_str(&document.content.open().text),
                    None => leaf.print(&source.text, out),
                }
            });
            Some(out)
        })
    }

    /// Reads a bundle as it is serialized; `None` where the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let root = json::parse(text, &mut Vec::new())?;
        let string = |node: &Node, name: &str| node.get(text, name)?.as_str(text).map(str::to_owned);
        let content = |node: &Node| Some(Text { name: string(node, "name")?, text: string(node, "text")? });
        let document = |node: &Node| {
            let content = content(node.get(text, "content")?)?;
            Some(Document { from: string(node, "from")?, path: string(node, "path")?, content })
        };
        let documents = root.get(text, "documents").and_then(Node::items).unwrap_or_default();
        Some(Self {
            sources: root.get(text, "sources")?.items()?.iter().map(content).collect::<Option<_>>()?,
            documents: documents.iter().map(document).collect::<Option<_>>()?,
        })
    }

    /// The world again.
    ///
    /// # Errors
    /// As [`World::load_all`]; a later version may refuse what an earlier one took.
    pub fn world(&self) -> Result<World, Vec<Problems>> {
        let mut read = |from: &Source, path: &str| {
            let found = self.documents.iter().find(|d| d.from == *from.name && d.path == path);
            found.map(|d| d.content.source()).ok_or_else(|| "it is not among the seed files".to_owned())
        };
        let sources: Vec<Source> = self.sources.iter().map(Text::source).collect();
        let mut world = World::default();
        world.load_all(&sources, &mut LoadContext { read: &mut read, strict: false })?;
        Ok(world)
    }
}
