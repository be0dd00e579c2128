//! The layers of an authorizer as they stand in an event, rendered once for each.

use super::digest;
use crate::compiled::CompiledPolicy;
use crate::decision::{Authorizer, Layers};
use crate::simulate::recorded::{RecordedLayers, document_text};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// More authorizers than this are not remembered.
const REMEMBERED: usize = 1024;

/// Layers in bytes, and the policies they name.
#[derive(Debug)]
pub(super) struct LayersText {
    /// [`RecordedLayers`] in JSON.
    pub json: Box<[u8]>,
    /// Digests and policies; the texts are in the policies.
    pub policies: Vec<(Arc<str>, Arc<CompiledPolicy>)>,
}

impl LayersText {
    /// Renders layers.
    pub(super) fn of(layers: &Layers) -> Self {
        let mut policies = Vec::new();
        let recorded = RecordedLayers::of(layers, |policy| {
            let hex = digest(&document_text(policy));
            let name = format!("sha256:{hex}");
            policies.push((Arc::from(hex), policy.clone()));
            name
        });
        let json = serde_json::to_vec(&recorded).map_or_else(|_| Box::from(*b"null"), Vec::into_boxed_slice);
        Self { json, policies }
    }
}

/// What was rendered.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    // PERF: what applies changes rarely; its part of an event is rendered once for each authorizer. An entry keeps
    // its authorizer alive, so that its address means the same layers for as long as the entry stands.
    known: RwLock<HashMap<usize, (Authorizer, Arc<LayersText>)>>,
}

impl Rendered {
    /// The layers of an authorizer.
    pub(super) fn of(&self, authorizer: &Authorizer) -> Arc<LayersText> {
        let address = std::ptr::from_ref(authorizer.layers()) as usize;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = known.get(&address) {
            return text.clone();
        }
        drop(known);
        let text = Arc::new(LayersText::of(authorizer.layers()));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(address, (authorizer.clone(), text.clone()));
        text
    }
}
