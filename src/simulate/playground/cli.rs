//! A question in the words of `portcullis can`: a world in a file, and a line.

use super::export::{Answered, heredoc, list};
use super::question::{PolicyState, PolicyText, QuestionLayers};
use crate::decision::{Authorizer, Decision};
use crate::simulate::question::{Circumstances, Question as Asking};
use crate::simulate::world::{LoadContext, World};
use crate::words::arn::Arn;
use crate::words::ids::AccountId;
use crate::words::json::print_string;
use crate::words::problem::Source;
use crate::words::values;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The snippet, if asking it gives the same answer; `None` where the command line has no words for the question.
pub(super) fn snippet(answered: &Answered<'_>) -> Option<String> {
    let (asking, world) = (asking(answered)?, world_text(answered)?);
    if decision(&asking, &world)? != (answered.decision.word(), answered.decision.basis().code) {
        return None;
    }
    let world = super::pretty(&world);
    Some(format!("{}portcullis can {} -w world.json\n", heredoc("world.json", &world), asking.line()))
}

fn decision(asking: &Asking, world: &str) -> Option<(&'static str, crate::words::codes::Code)> {
    let mut loaded = World::default();
    let mut read = |_: &Source, _: &str| Err("there are no other files".to_owned());
    loaded.load(&Source::new("world.json", world), &mut LoadContext { read: &mut read, strict: false }).ok()?;
    let asked = loaded.ask(asking, None).ok()?;
    let authorizer = Authorizer::new(asked.layers);
    let request = asked.request.as_request(authorizer.layers()).ok()?;
    let decision: Decision = authorizer.decide(&request);
    Some((decision.word(), decision.basis().code))
}

/// Principal, action, resource and circumstances as one types them.
fn asking(answered: &Answered<'_>) -> Option<Asking> {
    let request = &answered.question.request;
    if !clock_is_given(answered) {
        return None;
    }
    let principal = &request.principal;
    let arn = principal.arn.clone();
    let who = match principal.kind.as_str() {
        "anonymous" => "anyone".to_owned(),
        "root" => format!("root@{}", principal.account.as_deref()?),
        "user" | "role-session" | "service" | "oai" => arn?,
        _ => return None,
    };
    Some(Asking {
        principal: who,
        action: request.action.clone(),
        resource: request.resource.clone(),
        circumstances: circumstances(&request.context)?,
    })
}

/// The command line puts its own clock where the question has no time: then no policy may look at it.
fn clock_is_given(answered: &Answered<'_>) -> bool {
    let is_time = |key: &str| key.eq_ignore_ascii_case("aws:CurrentTime") || key.eq_ignore_ascii_case("aws:EpochTime");
    let given = answered.question.request.context.keys().any(|key| is_time(key));
    given || !answered.layers.policies().any(|policy| policy.keys_read().any(is_time))
}

fn circumstances(context: &BTreeMap<String, Vec<String>>) -> Option<Circumstances> {
    let single =
        |key: &str| context.iter().find(|(k, v)| k.eq_ignore_ascii_case(key) && v.len() == 1).map(|(_, v)| v.first());
    let single = |key: &str| single(key).flatten().cloned();
    let mut c = Circumstances { vpce: single("aws:SourceVpce"), ..Circumstances::default() };
    let mut said = vec!["aws:sourcevpce"];
    if c.vpce.is_none() && single("aws:SourceIp").is_some_and(|a| a.parse::<std::net::IpAddr>().is_ok()) {
        c.from = single("aws:SourceIp");
        said.push("aws:sourceip");
    }
    c.https = single("aws:SecureTransport").and_then(|tls| tls.parse().ok());
    said.extend(c.https.map(|_| "aws:securetransport"));
    if single("aws:MultiFactorAuthPresent").as_deref() == Some("true") {
        let age = single("aws:MultiFactorAuthAge").filter(|age| age.parse::<u64>().is_ok());
        said.push("aws:multifactorauthpresent");
        said.extend(age.as_ref().map(|_| "aws:multifactorauthage"));
        c.mfa = Some(age);
    }
    if let Some(at) = single("aws:CurrentTime").and_then(|at| Some((values::parse_instant(&at)?.seconds, at)))
        && single("aws:EpochTime").is_none_or(|epoch| epoch == at.0.to_string())
    {
        c.at = Some(at.1);
        said.extend(["aws:currenttime", "aws:epochtime"]);
    }
    for (key, values) in context.iter().filter(|(key, _)| !said.contains(&key.to_ascii_lowercase().as_str())) {
        // A key without values has no words.
        if values.is_empty() || !key.contains(':') || key.contains('=') {
            return None;
        }
        c.context.extend(values.iter().map(|value| format!("{key}={value}")));
    }
    Some(c)
}

/// Parts of accounts, by account.
type Accounts = BTreeMap<String, BTreeMap<&'static str, String>>;

/// The world that the question's layers make; unknown layers and KMS grants' kin have no place in it.
fn world_text(answered: &Answered<'_>) -> Option<String> {
    let (l, request) = (&answered.question.layers, &answered.question.request);
    let unsaid = l.session.is_some() || l.unknown.iter().flatten().next().is_some() || has_unknown(l);
    if unsaid || answered.decision.is_undecided() {
        return None;
    }
    let principal = &request.principal;
    // Identities of CloudFront have no account of their own.
    let own = principal.account.clone().filter(|id| AccountId::parse(id).is_some()).unwrap_or_default();
    let mut accounts = Accounts::new();
    let mut put = |account: &str, part: &'static str, text: String| {
        accounts.entry(account.to_owned()).or_default().insert(part, text);
    };
    if !own.is_empty() {
        put(&own, "canonical_id", quoted(principal.canonical.as_deref()).unwrap_or_default());
    }
    match principal.kind.as_str() {
        "user" => put(&own, "users", format!("[{}]", identity(answered, principal.arn.as_deref()?, "user/")?)),
        "role-session" => {
            put(&own, "roles", format!("[{}]", identity(answered, principal.role_arn.as_deref()?, "role/")?));
        }
        _ => {}
    }
    if let Some(boundary) = on(l.boundary.as_ref()) {
        put(&own, "policies", format!("[{{\"name\":\"boundary\",\"document\":{boundary}}}]"));
    }
    let resource = Arn::parse(&request.resource);
    let mut owner = own.clone();
    if let Some(bucket) = &l.bucket {
        owner.clone_from(&bucket.owner_account);
        put(&owner, "buckets", format!("[{}]", bucket_text(l, &request.resource)?));
        if let Some(block) = &bucket.account_block_public_access {
            put(&owner, "public_access_block", serde_json::to_string(block).ok()?);
        }
        if let Some(canonical) = quoted(bucket.owner_canonical.as_deref()) {
            put(&owner, "canonical_id", canonical);
        }
    } else if let Some(arn) = resource.as_ref().filter(|arn| arn.service == "kms") {
        arn.account.clone_into(&mut owner);
        put(&owner, "keys", format!("[{}]", key_text(l, arn)?));
    } else if l.resource.is_some() || l.object.is_some() || l.grants.is_some() {
        // A role's trust policy stands with the role's own policies, which a question does not have.
        return None;
    }
    if let Some(id) = request.context.get("aws:SourceVpce").and_then(|v| v.first()) {
        let policy = l.vpce.as_ref().map(|p| format!(",\"policy\":{}", p.text.trim())).unwrap_or_default();
        put(
            if own.is_empty() { &owner } else { &own },
            "vpc_endpoints",
            format!("[{{\"id\":{}{policy}}}]", quoted(Some(id))?),
        );
    } else if l.vpce.is_some() {
        return None;
    }
    let organization = organization(l, &own, &owner)?;
    Some(format!(r#"{{"version":1{organization},"accounts":[{}]}}"#, printed(accounts)))
}

fn printed(accounts: Accounts) -> String {
    let account = |(id, parts): (String, BTreeMap<&'static str, String>)| {
        let mut text = format!("{{\"id\":\"{id}\"");
        for (name, value) in parts.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(text, ",\"{name}\":{value}");
        }
        text + "}"
    };
    accounts.into_iter().filter(|(id, _)| !id.is_empty()).map(account).collect::<Vec<_>>().join(",")
}

fn has_unknown(l: &QuestionLayers) -> bool {
    let lists = l.identity.iter().chain(l.scp.iter().flatten()).chain(l.rcp.iter().flatten()).flatten();
    lists.chain(&l.boundary).chain(&l.resource).chain(&l.vpce).any(|p| p.state == PolicyState::Unknown)
}

fn quoted(text: Option<&str>) -> Option<String> {
    let mut out = String::new();
    print_string(text?, &mut out);
    Some(out)
}

fn on(policy: Option<&PolicyText>) -> Option<&str> {
    policy.filter(|p| p.state == PolicyState::On).map(|p| p.text.trim())
}

/// A user or role with its policies.
fn identity(answered: &Answered<'_>, arn: &str, prefix: &str) -> Option<String> {
    let (l, principal) = (&answered.question.layers, &answered.question.request.principal);
    let path = Arn::parse(arn)?.resource.strip_prefix(prefix)?;
    let name = path.rsplit('/').next()?;
    let folder = path.strip_suffix(name)?;
    let mut text = format!("{{\"name\":{},\"path\":{}", quoted(Some(name))?, quoted(Some(&format!("/{folder}")))?);
    let id = principal.id.as_deref().map(|id| id.split(':').next().unwrap_or(id));
    if let Some(id) = quoted(id) {
        let _ = write!(text, ",\"id\":{id}");
    }
    if principal.service_linked == Some(true) {
        text.push_str(",\"service_linked\":true");
    }
    let policies = l.identity.iter().flatten().filter(|p| p.state == PolicyState::On);
    let inline: Option<Vec<String>> = policies
        .enumerate()
        .map(|(i, p)| {
            let name = if p.name.is_empty() { format!("policy {}", i + 1) } else { p.name.clone() };
            Some(format!("{{\"name\":{},\"document\":{}}}", quoted(Some(&name))?, p.text.trim()))
        })
        .collect();
    let _ = write!(text, ",\"inline\":[{}]", inline?.join(","));
    if on(l.boundary.as_ref()).is_some() {
        text.push_str(",\"boundary\":\"boundary\"");
    }
    Some(text + "}")
}

fn bucket_text(l: &QuestionLayers, resource: &str) -> Option<String> {
    let bucket = l.bucket.as_ref()?;
    let mut text = format!("{{\"name\":{}", quoted(Some(&bucket.name))?);
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, ",\"{name}\":{value}");
        }
    };
    put("region", quoted(bucket.region.as_deref()));
    put("policy", on(l.resource.as_ref()).map(str::to_owned));
    put("acl", bucket.acl.as_ref().and_then(|acl| serde_json::to_string(acl).ok()));
    put("object_ownership", quoted(bucket.object_ownership.as_deref()));
    // A world's bucket has all of it on where nothing is said.
    let block = bucket.block_public_access.unwrap_or_default();
    put("public_access_block", serde_json::to_string(&block).ok());
    if let Some(object) = &l.object {
        let key = resource.split_once(":::")?.1.split_once('/').map(|(_, key)| key)?;
        let mut entry = format!("{{\"key\":{}", quoted(Some(key))?);
        if let Some(owner) = quoted(object.owner_canonical.as_deref()) {
            let _ = write!(entry, ",\"owner\":{owner}");
        }
        if let Some(acl) = &object.acl {
            let _ = write!(entry, ",\"acl\":{}", serde_json::to_string(acl).ok()?);
        }
        if let Some(tags) = &object.tags {
            let _ = write!(entry, ",\"tags\":{}", serde_json::to_string(tags).ok()?);
        }
        put("objects", Some(format!("[{entry}}}]")));
    }
    Some(text + "}")
}

fn key_text(l: &QuestionLayers, arn: &Arn<'_>) -> Option<String> {
    let id = arn.resource.strip_prefix("key/")?;
    let mut text = format!("{{\"id\":{},\"region\":{}", quoted(Some(id))?, quoted(Some(arn.region))?);
    if let Some(policy) = on(l.resource.as_ref()) {
        let _ = write!(text, ",\"policy\":{policy}");
    }
    if let Some(grants) = &l.grants {
        let _ = write!(text, ",\"grants\":{}", serde_json::to_string(grants).ok()?);
    }
    Some(text + "}")
}

/// An organization whose levels are the question's: a root, a unit in a unit, and the account's own policies.
fn organization(l: &QuestionLayers, own: &str, owner: &str) -> Option<String> {
    if l.scp.is_none() && l.rcp.is_none() {
        return Some(String::new());
    }
    // The account of the requester has the service control policies, that of the resource the others: one tree can
    // say both where it is one account, or where one of the two is not asked for.
    let member = if l.scp.is_some() { own } else { owner };
    if member.is_empty() || (l.scp.is_some() && l.rcp.is_some() && own != owner) {
        return None;
    }
    let of = |levels: &Option<Vec<Vec<PolicyText>>>| -> Vec<String> {
        levels.iter().flatten().map(|level| list(level)).collect()
    };
    let (scp, rcp) = (of(&l.scp), of(&l.rcp));
    let depth = scp.len().max(rcp.len());
    if depth == 0 || off_somewhere(l) {
        return None;
    }
    let policies = |level: usize| {
        let mut text = String::new();
        for (name, levels) in [("scp", &scp), ("rcp", &rcp)] {
            // Without the question's own policies a level lets everything through.
            if let Some(list) = levels.get(level) {
                let _ = write!(text, ",\"{name}\":{list}");
            }
        }
        text
    };
    let mut inner = format!(",\"accounts\":[\"{member}\"]");
    for level in (1..depth).rev() {
        inner = format!(",\"units\":[{{\"name\":\"level-{}\"{}{inner}}}]", level + 1, policies(level));
    }
    let management = if member == "999999999999" { "999999999998" } else { "999999999999" };
    let root = format!("{{\"name\":\"root\"{}{inner}}}", policies(0));
    Some(format!(r#","organization":{{"id":"o-exampleorgid","management_account":"{management}","root":{root}}}"#))
}

fn off_somewhere(l: &QuestionLayers) -> bool {
    l.scp.iter().chain(&l.rcp).flatten().flatten().any(|p| p.state == PolicyState::Off)
}
