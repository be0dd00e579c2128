//! `can` and `why` of an HTTP request: `METHOD URL --as WHO`.
//!
//! What the request needs is read from the gate's table, as the server reads it; each permission is then a
//! question to the world like any other.

mod sent;

use super::args::Ask;
use super::ask::{self, Answered, AwsResponse, Form, json, misunderstood, refused};
use super::{NO, UNDECIDED, YES, now, say};
use crate::decision::Context;
use crate::gate::needs::Need;
use crate::gate::operations::{On, OperationId, Permission, Row, When, find};
use crate::gate::{self, Asked as _, BodyFacts, RequestFacts, SignatureFacts, Source};
use crate::simulate::question::{Circumstances, Question};
use crate::simulate::render::{self, clean};
use crate::simulate::wire;
use crate::simulate::world::World;
use crate::words::values;
use sent::{Sent, copy_source, pairs};
use std::fmt::Write as _;

/// What World's own options say; the others are taken from the request.
const SAID_BY_OPTIONS: [&str; 4] = ["aws:CurrentTime", "aws:EpochTime", "aws:SourceIp", "aws:SecureTransport"];

/// Answers a request: every permission that it needs, and all of them together.
pub(super) fn can(ask: &Ask, sender: &str, world: &World, long: bool) -> u8 {
    let request = match Request::read(ask, sender, world) {
        Ok(request) => request,
        Err(message) => return misunderstood(&message),
    };
    let questions = match request.questions() {
        Ok(questions) => questions,
        Err(message) => return misunderstood(&message),
    };
    let mut answers = Vec::with_capacity(questions.len());
    for question in &questions {
        match ask::asked(ask, world, question, long) {
            Ok(answered) => answers.push(answered),
            Err(error) => return refused(&error),
        }
    }
    let refusal = match request.refusal(world) {
        Ok(refusal) => refusal,
        Err(error) => return refused(&error),
    };
    let overall = Overall::of(&answers, refusal);
    show(ask, &request, &questions, answers, &overall);
    match overall.word {
        "undecided" => UNDECIDED,
        word if ask::expected(ask).met_by(word) => YES,
        _ => NO,
    }
}

/// A request with what decisions read of it.
struct Request<'a> {
    sender: &'a str,
    url: &'a str,
    sent: Sent,
    row: &'static Row,
    body: BodyFacts,
    source: Option<Source>,
    circumstances: Circumstances,
    time: i64,
}

impl<'a> Request<'a> {
    fn read(ask: &'a Ask, sender: &'a str, world: &World) -> Result<Self, String> {
        let (Some(method), Some(url), None) = (&ask.principal, &ask.action, &ask.resource) else {
            return Err("with --as the question is `METHOD URL`".to_owned());
        };
        let sent = Sent::read(method, url, &ask.header, &ask.host_suffix)?;
        let row = find(sent.method, &sent.target, sent.account, &sent)
            .ok_or_else(|| format!("S3 has no operation for `{method} {url}` (405 MethodNotAllowed)"))?;
        let source = sent.header("x-amz-copy-source").map(copy_source).transpose()?;
        let mut circumstances = ask.circumstances.given();
        circumstances.https = circumstances.https.or(Some(sent.https));
        // A time that cannot be read is refused by the world.
        let time = circumstances.at.as_deref().and_then(values::parse_instant).map(|at| at.seconds).or_else(now);
        let body = body_facts(&sent, source.as_ref(), world)?;
        Ok(Self { sender, url, sent, row, body, source, circumstances, time: time.unwrap_or_default() })
    }

    fn facts(&self) -> RequestFacts<'_> {
        let anonymous = matches!(self.sender, "anyone" | "anonymous");
        let by_url = self.sent.query("X-Amz-Algorithm").is_some();
        let auth_type = if by_url { "REST-QUERY-STRING" } else { "REST-HEADER" };
        RequestFacts {
            method: self.sent.method,
            target: &self.sent.target,
            asked: &self.sent,
            source_ip: None,
            secure: None,
            tls_version: None,
            time: self.time,
            signature: SignatureFacts {
                auth_type: (!anonymous).then_some(auth_type),
                version: (!anonymous).then_some("AWS4-HMAC-SHA256"),
                age_ms: None,
                content_sha256: self.sent.header("x-amz-content-sha256"),
            },
        }
    }

    /// A question for each permission.
    fn questions(&self) -> Result<Vec<Question>, String> {
        let facts = self.facts();
        gate::needed(self.row, &facts, &self.body).map(|permission| self.question(permission, &facts)).collect()
    }

    fn question(&self, permission: &'static Permission, facts: &RequestFacts<'_>) -> Result<Question, String> {
        let (bucket, key) = (self.sent.target.bucket(), self.sent.target.key());
        let (bucket, key, version) = match permission.on {
            On::Service => (None, None, None),
            On::Bucket => (bucket, None, None),
            On::Object if key.is_none() => {
                let name = self.row.name;
                return Err(format!("{name} names its object in the form; ask `PUT` of the object's own URL"));
            }
            On::Object => (bucket, key, gate::version_of(self.row, facts)),
            On::Source => {
                let source = self.source.as_ref().ok_or("the copy names no source")?;
                (Some(source.bucket.as_str()), Some(source.key.as_str()), source.version.as_deref())
            }
            On::Listed => {
                let name = self.row.name;
                return Err(format!("{name} names its objects in the body; ask `DELETE` of each object's own URL"));
            }
        };
        let arn = gate::arn(bucket, key);
        let need = Need { row: self.row, permission, arn: &arn, version, object: None };
        let mut circumstances = with_keys(self.circumstances.clone(), &need.context(facts, &self.body))?;
        circumstances.new_bucket = self.row.id == OperationId::CreateBucket;
        circumstances.new_object = permission.on == On::Object && permission.when == When::SetsAcl;
        let resource = match (bucket, key) {
            (None, _) => "*".to_owned(),
            (Some(bucket), None) => format!("s3://{bucket}"),
            (Some(bucket), Some(key)) => format!("s3://{bucket}/{key}"),
        };
        Ok(Question { principal: self.sender.to_owned(), action: need.action().to_owned(), resource, circumstances })
    }

    /// What refuses the request although everything is permitted; see [`gate::Refusal`].
    fn refusal(&self, world: &World) -> Result<Option<&'static str>, crate::simulate::world::AskError> {
        let account = world.party(self.sender)?.principal.account;
        let owner = |bucket: Option<&str>| match self.row.id {
            // A new bucket is its creator's.
            OperationId::CreateBucket => account.as_deref(),
            _ => bucket.and_then(|name| world.bucket(name)).map(|(account, _)| &*account.id),
        };
        let expects = |header: &str, bucket: Option<&str>| match (self.sent.header(header), owner(bucket)) {
            (Some(expected), Some(owner)) => expected.trim() == owner,
            _ => true,
        };
        let bucket = self.sent.target.bucket();
        let source = self.source.as_ref().map(|source| source.bucket.as_str());
        if !expects("x-amz-expected-bucket-owner", bucket) || !expects("x-amz-source-expected-bucket-owner", source) {
            return Ok(Some("the bucket belongs to another account than the one expected: 403 AccessDenied"));
        }
        let owner = owner(bucket);
        if gate::is_owners_alone(self.row) && owner.is_some() && account.as_deref() != owner {
            return Ok(Some("a bucket's policy is for its owner's account alone: 405 MethodNotAllowed"));
        }
        Ok(None)
    }
}

/// What headers say of the object that is sent; what only a body says is not known here.
fn body_facts(sent: &Sent, source: Option<&Source>, world: &World) -> Result<BodyFacts, String> {
    let text = |name: &str| sent.header(name).map(str::to_owned);
    let until = text("x-amz-object-lock-retain-until-date").map(|until| {
        let at = values::parse_instant(&until);
        at.map(|at| (until.clone(), at.seconds)).ok_or_else(|| format!("`{until}` is not a time in ISO 8601"))
    });
    let replaces = text("x-amz-tagging-directive").is_some_and(|directive| directive.eq_ignore_ascii_case("REPLACE"));
    // A copy takes the source's tags unless it says otherwise; those of the header are then not used.
    let tags = sent.header("x-amz-tagging").filter(|_| source.is_none() || replaces);
    let object = source.and_then(|source| world.bucket(&source.bucket)?.1.objects.get(&source.key));
    Ok(BodyFacts {
        tags: tags.map(|tags| pairs("the header x-amz-tagging", tags)).transpose()?,
        lock_mode: text("x-amz-object-lock-mode"),
        retain_until: until.transpose()?,
        legal_hold: text("x-amz-object-lock-legal-hold"),
        locks_bucket: text("x-amz-bucket-object-lock-enabled").is_some_and(|on| on.eq_ignore_ascii_case("true")),
        copies_tags: !replaces && object.is_some_and(|object| !object.tags.is_empty()),
        ..BodyFacts::default()
    })
}

/// Adds the keys that a request brings; what an option said stays.
fn with_keys(mut circumstances: Circumstances, context: &Context<'_>) -> Result<Circumstances, String> {
    let key_of = |pair: &str| pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
    let own: Vec<String> = circumstances.context.iter().map(|pair| key_of(pair)).collect();
    for entry in context.entries() {
        let name = entry.name();
        let said = SAID_BY_OPTIONS.iter().any(|known| known.eq_ignore_ascii_case(name));
        if said || own.contains(&name.to_ascii_lowercase()) {
            continue;
        }
        if name.contains('=') {
            return Err(format!("the condition key `{name}` has a `=` in its name and cannot be asked"));
        }
        circumstances.context.extend(entry.values().iter().map(|value| format!("{name}={}", value.as_str())));
    }
    Ok(circumstances)
}

/// The answer to a request.
struct Overall {
    /// `allow`, `explicit-deny`, `implicit-deny` or `undecided`.
    word: &'static str,
    refusal: Option<&'static str>,
}

impl Overall {
    /// Denied where one permission is; the first denial tells how.
    fn of(answers: &[Answered], refusal: Option<&'static str>) -> Self {
        let denied = || answers.iter().map(|a| a.decision).filter(|d| !d.is_allowed());
        let denial = denied().find(|d| !d.is_undecided()).map(|d| d.word());
        let word = match (denial, refusal) {
            (Some(word), _) => word,
            (None, Some(_)) => "implicit-deny",
            (None, None) if denied().next().is_some() => "undecided",
            (None, None) => "allow",
        };
        Self { word, refusal }
    }
}

/// The answers of a request in JSON.
#[derive(serde::Serialize)]
struct RequestAnswers {
    version: u32,
    operation: &'static str,
    decision: &'static str,
    undecided: bool,
    refusal: Option<&'static str>,
    answers: Vec<wire::Answer>,
}

fn show(ask: &Ask, request: &Request<'_>, questions: &[Question], answers: Vec<Answered>, overall: &Overall) {
    let mut out = headline(request, questions, &answers, overall);
    let mut shown = Vec::new();
    let mut results = Vec::new();
    for answered in answers {
        match answered.form {
            Form::Human(text) => {
                let _ = write!(out, "\n{text}");
            }
            Form::Json(answer) => shown.push(*answer),
            Form::Aws(result) => results.push(result),
        }
    }
    let undecided = overall.word == "undecided";
    match ask.format {
        super::args::Format::Human => say(&out),
        super::args::Format::Json => json(&RequestAnswers {
            version: wire::VERSION,
            operation: request.row.name,
            decision: if undecided { "implicit-deny" } else { overall.word },
            undecided,
            refusal: overall.refusal,
            answers: shown,
        }),
        super::args::Format::Aws => json(&AwsResponse::new(results)),
    }
}

fn headline(request: &Request<'_>, questions: &[Question], answers: &[Answered], overall: &Overall) -> String {
    let (glyph, word, colour) = match overall.word {
        "allow" => ("✓", "ALLOWED", render::GREEN),
        "undecided" => ("?", "UNDECIDED", render::YELLOW),
        _ => ("✗", "DENIED", render::RED),
    };
    let allowed = answers.iter().filter(|a| a.decision.is_allowed()).count();
    let needs: Vec<&str> = questions.iter().map(|q| q.action.as_str()).collect();
    let mut out = format!(
        "{colour}{glyph} {word}{}  {}  {} {}  {} needs {}: {allowed} of {} allowed\n",
        render::OFF,
        clean(request.sender),
        request.sent.method.name(),
        clean(request.url),
        request.row.name,
        needs.join(", "),
        needs.len(),
    );
    if let Some(refusal) = overall.refusal {
        let _ = writeln!(out, "{refusal}");
    }
    if !request.row.supported {
        let _ = writeln!(out, "note: where it is allowed, this store answers 501 NotImplemented");
    }
    out
}
