//! The texts a world was loaded from, all in one: what a server keeps of its seed.

use super::{LoadContext, World};
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

    fn source(&self) -> Source {
        Source::new(self.name.as_str(), self.text.as_str())
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
