//! Who asks: the identities of the table, and the world that they live in.

use super::recipes::{KEY, OWNER, SOURCE, Variant, copies};
use super::senders::Way;
use crate::support::{Client, Server};
use portcullis::gate::OperationId as Id;
use portcullis::gate::operations::{On, Permission, Place, Row, TABLE, When};
use serde_json::{Value, json};

const OTHER: &str = "444455556666";
const THIRD: &str = "777788889999";

/// One column of the table.
#[derive(Clone, Copy)]
pub struct Column {
    pub title: &'static str,
    pub who: Option<&'static str>,
    pub way: Way,
}

const fn column(title: &'static str, who: Option<&'static str>, way: Way) -> Column {
    Column { title, who, way }
}

/// The columns in order.
pub const COLUMNS: [Column; 9] = [
    column("owner's root user", Some("root"), Way::Header),
    column("a user of the owner's account who is allowed everything", Some("allowed"), Way::Header),
    column("a user who is allowed everything and denied everything", Some("denied"), Way::Header),
    column("a user without permissions", Some("nobody"), Way::Header),
    column("a user of another account who is allowed everything there", Some("other"), Way::Header),
    column("anonymous", None, Way::Header),
    column("presigned by the allowed user (PostObject: the form's policy)", Some("allowed"), Way::Presigned),
    column("presigned by the denied user", Some("denied"), Way::Presigned),
    column("presigned by the allowed user, expired", Some("allowed"), Way::Expired),
];

/// The client of an identity; its key and its secret are made of its name.
pub fn client(server: &Server, who: Option<&str>) -> Client {
    who.map_or_else(|| server.anonymous(), |who| server.client(&key_id(who), &secret(who)))
}

fn key_id(who: &str) -> String {
    format!("AKIA{}", who.to_uppercase().replace('-', "0"))
}

fn secret(who: &str) -> String {
    format!("secret-of-{who}")
}

fn keys(who: &str) -> Value {
    json!([{"id": key_id(who), "secret": secret(who)}])
}

fn user(name: &str, statements: &[Value]) -> Value {
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    let inline = if statements.is_empty() { json!([]) } else { json!([{"name": "own", "document": document}]) };
    json!({"name": name, "access_keys": keys(name), "inline": inline})
}

fn statement(effect: &str, action: &str, resource: &str) -> Value {
    json!({"Effect": effect, "Action": action, "Resource": resource})
}

/// The bucket of an operation; `part` sets apart those that are made or deleted on the way.
pub fn bucket_of(row: &Row, part: &str) -> String {
    let name = row.name.to_lowercase();
    if is_made(row) { format!("{name}-{part}") } else { name }
}

/// Whether each request has a bucket of its own, which is made on the way.
fn is_made(row: &Row) -> bool {
    matches!(row.id, Id::CreateBucket | Id::DeleteBucket)
}

/// The world of the table, with further users of the owner's account and further buckets.
pub fn world(users: &[Value], buckets: &[Value]) -> String {
    let everything = || statement("Allow", "s3:*", "*");
    let mut all = vec![
        user("allowed", &[everything()]),
        user("denied", &[everything(), statement("Deny", "s3:*", "*")]),
        user("nobody", &[]),
    ];
    all.extend(users.iter().cloned());
    let own = TABLE.iter().filter(|row| !is_made(row) && matches!(row.place, Place::Bucket | Place::Object));
    let buckets: Vec<Value> =
        own.map(|row| json!({"name": bucket_of(row, "")})).chain(buckets.iter().cloned()).collect();
    let world = json!({"version": 1, "accounts": [
        {"id": OWNER, "name": "owner", "root": {"access_keys": keys("root")}, "users": all, "buckets": buckets},
        {"id": OTHER, "name": "other", "users": [user("other", &[everything()])]},
        {"id": THIRD, "name": "third", "users": [user("third", &[everything()])]},
    ]});
    world.to_string()
}

/// A user of the special cases.
pub fn user_with(name: &str, allowed: &[(&str, &str)]) -> Value {
    let statements: Vec<Value> = allowed.iter().map(|(action, on)| statement("Allow", action, on)).collect();
    user(name, &statements)
}

/// One request by a user who has exactly what a row lists, or all of it but one.
#[derive(Clone, Debug)]
pub struct Trial {
    pub row: &'static Row,
    pub variant: Variant,
    pub who: String,
    pub bucket: String,
    /// The permission that the user lacks.
    pub without: Option<Grant>,
}

/// A permission on exactly one resource.
pub type Grant = (&'static str, String);

/// The forms in which an operation's permissions differ: plain, with each condition of its row alone, with all of
/// them, and with a version.
fn variants(row: &Row) -> Vec<Variant> {
    let mut whens: Vec<When> = Vec::new();
    for need in row.needs {
        if need.when != When::Always && !whens.contains(&need.when) {
            whens.push(need.when);
        }
    }
    let mut sets = vec![vec![]];
    sets.extend(whens.iter().map(|when| vec![*when]));
    // Tags are either sent or copied.
    let compatible = |when: &When| *when != When::SetsTags || !whens.contains(&When::CopiesTags);
    let together: Vec<When> = whens.iter().copied().filter(compatible).collect();
    if together.len() > 1 {
        sets.push(together);
    }
    let versioned = row.needs.iter().any(|need| need.versioned.is_some());
    let versions: &[bool] = if versioned { &[false, true] } else { &[false] };
    let of_set = |whens: &Vec<When>| {
        let whens = whens.clone();
        versions.iter().map(move |version| Variant { whens: whens.clone(), version: *version })
    };
    sets.iter().flat_map(of_set).collect()
}

/// What a row lists for a request of this form, on its resources in this bucket.
fn grants(row: &Row, variant: &Variant, bucket: &str) -> Vec<Grant> {
    let mut grants = Vec::new();
    for need in row.needs.iter().filter(|n| n.when == When::Always || variant.whens.contains(&n.when)) {
        // The version is the source's in copies, and the addressed object's in all others.
        let named = variant.version && (!copies(row) || need.on == On::Source);
        let action = need.versioned.filter(|_| named).unwrap_or(need.action);
        let resource = match need.on {
            On::Service => "*".to_owned(),
            On::Bucket => format!("arn:aws:s3:::{bucket}"),
            On::Object | On::Listed => format!("arn:aws:s3:::{bucket}/{KEY}"),
            On::Source => format!("arn:aws:s3:::{bucket}/{SOURCE}"),
        };
        if !grants.contains(&(action, resource.clone())) {
            grants.push((action, resource));
        }
    }
    grants
}

/// What a row lists, as the golden table shows it: a permission that goes missing there is seen.
pub fn needs(row: &Row) -> String {
    let shown = |need: &Permission| {
        let version = need.versioned.map(|action| format!("/{}", action.trim_start_matches("s3:"))).unwrap_or_default();
        let when = if need.when == When::Always { String::new() } else { format!("{:?}: ", need.when) };
        format!("{when}{}{version} on {:?}", need.action, need.on)
    };
    row.needs.iter().map(shown).collect::<Vec<_>>().join("; ")
}

/// Every trial of the table, and the users who make them.
pub fn trials() -> (Vec<Trial>, Vec<Value>) {
    let (mut trials, mut users) = (Vec::new(), Vec::new());
    for row in TABLE {
        for variant in variants(row) {
            let count = grants(row, &variant, "").len();
            for lacking in std::iter::once(None).chain((0..count).map(Some)) {
                let who = format!("trial{:04}", trials.len());
                let bucket = bucket_of(row, &who);
                let mut held = grants(row, &variant, &bucket);
                let without = lacking.map(|at| held.remove(at));
                let statements: Vec<Value> =
                    held.iter().map(|(action, resource)| statement("Allow", action, resource)).collect();
                users.push(user(&who, &statements));
                trials.push(Trial { row, variant: variant.clone(), who, bucket, without });
            }
        }
    }
    (trials, users)
}
