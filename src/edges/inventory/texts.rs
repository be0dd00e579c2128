//! The texts of policies that stand in larger files.

use crate::compiled::CompiledPolicy;
use crate::policy::{LoadOptions, PolicyDocument};
use crate::simulate::reader::Findings;
use crate::simulate::world::parse_tree;
use crate::words::codes::Code;
use crate::words::json::Node;
use crate::words::problem::Span;
use std::collections::HashMap;
use std::sync::Arc;

/// The files that were read again.
#[derive(Default)]
pub struct Texts {
    /// Every node of a file by its place.
    trees: HashMap<Arc<str>, HashMap<Span, Node>>,
}

impl Texts {
    /// The document alone: as it was written where that is JSON, else printed.
    #[must_use]
    pub fn of(&mut self, policy: &CompiledPolicy) -> String {
        let source = policy.source();
        let as_written = policy.document().of(&source.text);
        let options = LoadOptions::new(policy.kind());
        if PolicyDocument::parse("policy", as_written, &options).is_ok() {
            return as_written.to_owned();
        }
        let tree = self.trees.entry(source.text.clone()).or_insert_with(|| {
            let mut nodes = HashMap::new();
            let mut findings = Findings::new(source.clone(), Code::WorldShape);
            if let Some(root) = parse_tree(source, &mut findings) {
                collect(&root, &mut nodes);
            }
            nodes
        });
        let node = tree.get(&policy.document());
        let document = node.and_then(|node| PolicyDocument::from_node(source.clone(), node, &options).ok());
        document.map(|document| document.print()).unwrap_or_default()
    }
}

fn collect(node: &Node, nodes: &mut HashMap<Span, Node>) {
    for member in node.members().unwrap_or_default() {
        collect(&member.value, nodes);
    }
    for item in node.items().unwrap_or_default() {
        collect(item, nodes);
    }
    nodes.insert(node.span, node.clone());
}
