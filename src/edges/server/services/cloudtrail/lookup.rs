//! `LookupEvents`: events of the caller's account, newest first.

use super::ServiceError;
use crate::edges::trail_files::{Backwards, Place};
use crate::gate::Authorized;
use crate::gate::services::cloudtrail::LookupEvents;
use crate::simulate::recorded::{EventResource, TrailEvent, UserIdentity};
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;
use std::path::Path;

/// How many bytes of the trail one request may read; it is answered with what was found and a token then.
const MOST_READ: usize = 64 << 20;
/// Events are in the order in which they were decided, and bear the time at which their request came: so much later
/// can that be. A request's head, and the body that a decision reads, come within minutes.
const SLACK_SECONDS: f64 = 3600.0;

/// The request.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "CloudTrail's names")]
pub(super) struct Lookup {
    lookup_attributes: Vec<LookupAttribute>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    event_category: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// What events are looked up by.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct LookupAttribute {
    attribute_key: String,
    attribute_value: String,
}

/// The answer.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Found {
    events: Vec<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "CloudTrail's names")]
struct Event {
    event_id: String,
    event_name: String,
    read_only: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    event_time: i64,
    event_source: String,
    username: String,
    resources: Vec<Resource>,
    cloud_trail_event: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    resource_type: String,
    resource_name: String,
}

/// Which events are wanted.
#[derive(Debug)]
pub(super) struct Sought {
    account: String,
    attribute: Option<(Attribute, String)>,
    from: f64,
    until: f64,
    most: usize,
    before: Option<Place>,
    insight: bool,
    /// What a token must have been made for.
    fingerprint: String,
}

/// CloudTrail's lookup attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    EventId,
    EventName,
    ReadOnly,
    Username,
    ResourceType,
    ResourceName,
    EventSource,
    AccessKeyId,
}

impl Attribute {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "EventId" => Self::EventId,
            "EventName" => Self::EventName,
            "ReadOnly" => Self::ReadOnly,
            "Username" => Self::Username,
            "ResourceType" => Self::ResourceType,
            "ResourceName" => Self::ResourceName,
            "EventSource" => Self::EventSource,
            "AccessKeyId" => Self::AccessKeyId,
            _ => return None,
        })
    }
}

impl Sought {
    /// What a request asks for.
    ///
    /// # Errors
    /// CloudTrail's own.
    pub(super) fn of(request: &Lookup, account: &str) -> Result<Self, ServiceError> {
        let attribute = match request.lookup_attributes.as_slice() {
            [] => None,
            [one] => Some(attribute(one)?),
            _ => return Err(invalid("InvalidLookupAttributesException", "You can only specify one lookup attribute.")),
        };
        let (from, until) = (request.start_time.unwrap_or(0.0), request.end_time.unwrap_or(f64::INFINITY));
        if from > until {
            return Err(invalid("InvalidTimeRangeException", "StartTime is later than EndTime."));
        }
        let most = request.max_results.unwrap_or(50);
        let most = usize::try_from(most).ok().filter(|most| (1..=50).contains(most)).ok_or_else(|| {
            ServiceError::bad("InvalidMaxResultsException", format!("MaxResults is {most}; it must be 1 to 50."))
        })?;
        let insight = match request.event_category.as_deref() {
            None => false,
            Some("insight") => true,
            Some(other) => {
                let message = format!("`{other}` is not an event category; `insight` is the only one.");
                return Err(ServiceError::bad("InvalidEventCategoryException", message));
            }
        };
        let fingerprint = fingerprint(request, account);
        let before = request.next_token.as_deref().map(|token| place_of(token, &fingerprint)).transpose()?;
        Ok(Self { account: account.to_owned(), attribute, from, until, most, before, insight, fingerprint })
    }

    /// Reads the trail backwards.
    pub(super) fn search(&self, _grant: &Authorized<LookupEvents>, folder: &Path) -> io::Result<Found> {
        let mut found = Found::default();
        if self.insight || !folder.is_dir() {
            return Ok(found);
        }
        let mut lines = Backwards::new(folder, self.before)?;
        let mut read = 0;
        while let Some((line, place)) = lines.older()? {
            read += line.len();
            let Some(event) = self.candidate(&line) else { continue };
            let time = seconds(&event.event_time).unwrap_or_default();
            #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
            let precise = time as f64;
            if precise < self.from - SLACK_SECONDS {
                return Ok(found);
            }
            if precise >= self.from && precise <= self.until && self.is_meant(&event) {
                found.events.push(self.shown(&event, time, &line));
            }
            if found.events.len() == self.most || read >= MOST_READ {
                found.next_token = Some(format!("{}.{}.{}", place.number, place.offset, self.fingerprint));
                return Ok(found);
            }
        }
        Ok(found)
    }

    /// The event of a line, if it is one of the account.
    fn candidate<'l>(&self, line: &'l [u8]) -> Option<Summary<'l>> {
        let text = std::str::from_utf8(line).ok()?;
        // PERF: most events of other accounts are passed over without being parsed.
        if !text.contains(&self.account) {
            return None;
        }
        let event: Summary<'l> = serde_json::from_str(text).ok()?;
        let own = |account: &Option<Cow<'_, str>>| account.as_deref() == Some(&*self.account);
        (own(&event.recipient_account_id) || own(&event.user_identity.account_id)).then_some(event)
    }

    fn is_meant(&self, event: &Summary<'_>) -> bool {
        let Some((attribute, value)) = &self.attribute else { return true };
        match attribute {
            Attribute::EventId => event.event_id == *value,
            Attribute::EventName => event.event_name == *value,
            Attribute::ReadOnly => value == if event.read_only { "true" } else { "false" },
            Attribute::Username => event.user_identity.name() == value,
            Attribute::ResourceType => event.resources.iter().any(|r| r.kind == *value),
            Attribute::ResourceName => event.resources.iter().any(|r| r.arn == *value || name_of(&r.arn) == value),
            Attribute::EventSource => event.event_source == *value,
            Attribute::AccessKeyId => event.user_identity.access_key_id.as_deref() == Some(value),
        }
    }

    fn shown(&self, event: &Summary<'_>, time: i64, line: &[u8]) -> Event {
        let resource = |r: &EventResource<'_>| Resource {
            resource_type: r.kind.to_string(),
            resource_name: name_of(&r.arn).to_owned(),
        };
        Event {
            event_id: event.event_id.to_string(),
            event_name: event.event_name.to_string(),
            read_only: if event.read_only { "true" } else { "false" },
            access_key_id: event.user_identity.access_key_id.as_deref().map(str::to_owned),
            event_time: time,
            event_source: event.event_source.to_string(),
            username: event.user_identity.name().to_owned(),
            resources: event.resources.iter().map(resource).collect(),
            cloud_trail_event: self.told(event, line),
        }
    }

    /// The event as the account may read it. Where another account is on the other side, neither learns of the
    /// other's policies: as in the answer to the request itself.
    fn told(&self, event: &Summary<'_>, line: &[u8]) -> String {
        let sides = [event.recipient_account_id.as_deref(), event.user_identity.account_id.as_deref()];
        let account = |side: &&str| side.len() == 12 && side.bytes().all(|b| b.is_ascii_digit());
        let text = String::from_utf8_lossy(line);
        if sides.iter().flatten().filter(|s| account(s)).all(|side| *side == self.account) {
            return text.into_owned();
        }
        let Ok(mut whole) = serde_json::from_str::<TrailEvent<'_>>(&text) else { return String::new() };
        whole.portcullis.decision = None;
        whole.portcullis.decided_by = None;
        whole.portcullis.context_keys.clear();
        whole.error_message = whole.error_message.map(|_| "Access Denied".into());
        serde_json::to_string(&whole).unwrap_or_default()
    }
}

/// What of an event is looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    #[serde(borrow)]
    user_identity: UserIdentity<'a>,
    event_time: Cow<'a, str>,
    event_source: Cow<'a, str>,
    event_name: Cow<'a, str>,
    #[serde(rename = "eventID")]
    event_id: Cow<'a, str>,
    read_only: bool,
    #[serde(default)]
    resources: Vec<EventResource<'a>>,
    #[serde(default)]
    recipient_account_id: Option<Cow<'a, str>>,
}

fn invalid(code: &'static str, message: &'static str) -> ServiceError {
    ServiceError::bad(code, message)
}

fn attribute(given: &LookupAttribute) -> Result<(Attribute, String), ServiceError> {
    let refused = |message| ServiceError::bad("InvalidLookupAttributesException", message);
    let attribute = Attribute::parse(&given.attribute_key)
        .ok_or_else(|| refused(format!("`{}` is not a lookup attribute.", given.attribute_key)))?;
    let value = &given.attribute_value;
    if value.is_empty() || value.len() > 2000 {
        return Err(refused("An attribute's value has 1 to 2000 characters.".to_owned()));
    }
    if attribute == Attribute::ReadOnly && value != "true" && value != "false" {
        return Err(refused(format!("ReadOnly is `true` or `false`, not `{value}`.")));
    }
    Ok((attribute, value.clone()))
}

/// What tells one look-up from another: a token goes on with the one it was given for.
fn fingerprint(request: &Lookup, account: &str) -> String {
    let attributes: Vec<_> =
        request.lookup_attributes.iter().map(|a| (a.attribute_key.as_str(), a.attribute_value.as_str())).collect();
    let text = format!("{account:?} {attributes:?} {:?} {:?}", request.start_time, request.end_time);
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    crate::edges::server::auth::hex(digest.as_ref().get(..8).unwrap_or_default())
}

fn place_of(token: &str, fingerprint: &str) -> Result<Place, ServiceError> {
    let parsed = || {
        let mut parts = token.splitn(3, '.');
        let place = Place { number: parts.next()?.parse().ok()?, offset: parts.next()?.parse().ok()? };
        (parts.next()? == fingerprint).then_some(place)
    };
    parsed().ok_or_else(|| {
        invalid("InvalidNextTokenException", "The token is not one that this look-up was answered with.")
    })
}

/// What CloudTrail shows as a resource's name: a bucket's name, an object's bucket and key, otherwise the ARN.
fn name_of(arn: &str) -> &str {
    arn.strip_prefix("arn:aws:s3:::").unwrap_or(arn)
}

/// Seconds since 1970.
fn seconds(time: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(time).ok().map(|at| at.timestamp())
}
