//! Lists, page by page: `Marker`, `MaxItems`, `NextMarker`.

use super::error;
use super::writing::Xml;
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::edges::server::wire::query::Query;

/// The most items of a page, and as many as there are without `MaxItems`.
const MOST: usize = 100;

/// The parameters of a request.
///
/// # Errors
/// `InvalidArgument` where the query cannot be read.
pub fn query(call: &ServiceCall) -> Result<Query, ServiceError> {
    Query::parse(call.parts.uri.query().unwrap_or_default()).map_err(|e| error("InvalidArgument", e.message))
}

/// A page of a list.
pub struct Page<'k, T> {
    marker: String,
    most: usize,
    items: &'k [T],
    next: Option<&'k str>,
}

/// The page that a request asks for; `id` is what markers name.
///
/// # Errors
/// `InvalidArgument` for a `MaxItems` that is no number above 0, or a marker that is in no list.
pub fn page<'k, T>(
    call: &ServiceCall,
    all: &'k [T],
    id: impl Fn(&'k T) -> &'k str,
) -> Result<Page<'k, T>, ServiceError> {
    let query = query(call)?;
    let most = match query.get("MaxItems").filter(|text| !text.is_empty()) {
        None => MOST,
        Some(text) => {
            text.parse().ok().filter(|n| *n > 0 && text.bytes().all(|b| b.is_ascii_digit())).ok_or_else(|| {
                error("InvalidArgument", format!("MaxItems is `{text}`, wanted a number from 1 to {MOST}"))
            })?
        }
    };
    let most = most.min(MOST);
    let marker = query.get("Marker").unwrap_or_default().to_owned();
    let start = match marker.as_str() {
        "" => 0,
        marker => match all.iter().position(|item| id(item) == marker) {
            Some(at) => at + 1,
            None => return Err(error("InvalidArgument", format!("The marker `{marker}` is in no list"))),
        },
    };
    let rest = all.get(start..).unwrap_or_default();
    let items = rest.get(..most).unwrap_or(rest);
    let next = items.last().filter(|_| items.len() < rest.len()).map(id);
    Ok(Page { marker, most, items, next })
}

impl<'k, T> Page<'k, T> {
    /// Writes it; some lists say in words whether they go on.
    pub fn write(&self, xml: &mut Xml, says_truncated: bool, write: impl FnMut(&mut Xml, &'k T)) {
        if says_truncated {
            xml.text("Marker", &self.marker);
        }
        if let Some(next) = self.next {
            xml.text("NextMarker", next);
        }
        xml.text("MaxItems", self.most);
        if says_truncated {
            xml.text("IsTruncated", self.next.is_some());
        }
        xml.items(self.items, write);
    }
}
