//! What identities and keys cost: a GET by a role's session with everything that can be between it and an object, and
//! the data keys that the key service makes.

use crate::client::Connection;
use crate::pattern::Pattern;
use crate::report::Table;
use crate::server::{BUCKET, Server};
use crate::sign::{Credentials, KEY_ID, SECRET, Signer};
use crate::work::{self, CONNECTIONS, Until, Work};
use crate::{Fault, alternate};
use serde_json::{Value, json};
use std::path::Path;

/// The bucket whose objects lie under a key of the key service.
const SEALED: &str = "sealed";
const ACCOUNT: &str = "111122223333";
const ROOT: [&str; 2] = ["AKIAROOTROOTROOTROOT", "root/secret+of-the-load-comparison"];
/// Enough at once that a durable trail does not wait for the disk with each of them.
const MANY: usize = 128;

/// A way: its name, its work, over so many connections, the heads of its requests.
type Way<'w> = (&'static str, Work, usize, &'w (dyn Fn(&str) -> String + Sync));

/// Compares, for one kind of trail.
pub fn compare(
    program: &Path,
    folder: &Path,
    pattern: &Pattern,
    trail: &'static str,
    rounds: usize,
    until: &dyn Fn(Work) -> Until,
) -> Result<(), Fault> {
    let server = Server::of_world("keys", trail, program, folder, &world())?;
    let root = Credentials::of(ROOT[0], ROOT[1]);
    let address = server.address.clone();
    work::prepare(&server, pattern, false)?;
    let key = new_key(&address, &root)?;
    fill(&address, &root, pattern, &key)?;
    let session = session(&address)?;
    let (as_root, as_role) = (Signer::of(&address, "s3", &root), Signer::of(&address, "s3", &session));
    let plain = |key: &str| as_root.with_headers("GET", &format!("/{BUCKET}/{key}"), 0);
    let sealed = |key: &str| as_role.with_headers("GET", &format!("/{SEALED}/{key}"), 0);
    let kms = Signer::of(&address, "kms", &root);
    let body = json!({"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": {"purpose": "load"}}).to_string();
    let data_key = |_: &str| kms.whole(&target("GenerateDataKey"), &body);
    let (get, make) = (Work::SmallGetHeader, Work::DataKey);
    let ways: [Way<'_>; 4] = [
        ("GET as root, SSE-S3", get, CONNECTIONS, &plain),
        ("GET as role session, SSE-KMS", get, CONNECTIONS, &sealed),
        ("GenerateDataKey", make, CONNECTIONS, &data_key),
        ("GenerateDataKey, 128 at once", make, MANY, &data_key),
    ];
    let mut table = Table::of(get, ways.iter().map(|(name, ..)| *name).collect());
    alternate(rounds, ways.len(), |number, round| {
        let (name, work, connections, head) = ways[number];
        let measured = work::run_as(work, &server, &address, head, pattern, (until(work), connections), round);
        table.add(number, &measured.map_err(|e| format!("{name}: {e}"))?);
        Ok(())
    })?;
    match until(get) {
        Until::Count(_) => println!("identities and keys, {trail} trail: every answer is right"),
        Until::Time(_) => table.print_keys(trail),
    }
    Ok(())
}

fn target(operation: &str) -> [(&'static str, &'static str); 2] {
    let name = match operation {
        "CreateKey" => "TrentService.CreateKey",
        _ => "TrentService.GenerateDataKey",
    };
    [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", name)]
}

fn new_key(address: &str, root: &Credentials) -> Result<String, Fault> {
    let mut connection = Connection::open(address)?;
    connection.send(Signer::of(address, "kms", root).whole(&target("CreateKey"), "{}").as_bytes())?;
    let answer: Value = serde_json::from_str(&connection.text()?)?;
    let arn = answer["KeyMetadata"]["Arn"].as_str();
    Ok(arn.ok_or("CreateKey gave no ARN")?.to_owned())
}

/// Puts the objects that are read, under the key, with a bucket key.
fn fill(address: &str, root: &Credentials, pattern: &Pattern, key: &str) -> Result<(), Fault> {
    const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
    let (signer, mut connection) = (Signer::of(address, "s3", root), Connection::open(address)?);
    for name in work::small_keys() {
        let headers = [
            ("x-amz-content-sha256", UNSIGNED),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", key),
            ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
        ];
        let (start, length) = (Pattern::start_of(&name), work::size_of(&name));
        let head = signer.with("PUT", &format!("/{SEALED}/{name}"), &headers, UNSIGNED, length);
        connection.send(head.as_bytes())?;
        connection.send_body(pattern, start, length)?;
        connection.text()?;
    }
    Ok(())
}

/// A session of the role, with a session policy.
fn session(address: &str) -> Result<Credentials, Fault> {
    let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action\
                  %22%3A%5B%22s3%3AGetObject%22%2C%22kms%3ADecrypt%22%5D%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";
    let body = format!(
        "Action=AssumeRole&Version=2011-06-15&RoleSessionName=load&Policy={policy}\
         &RoleArn=arn%3Aaws%3Aiam%3A%3A{ACCOUNT}%3Arole%2Freader"
    );
    let signer = Signer::of(address, "sts", &Credentials::of(KEY_ID, SECRET));
    let mut connection = Connection::open(address)?;
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    connection.send(signer.whole(&headers, &body).as_bytes())?;
    let answer = connection.text()?;
    let of = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>")).ok_or_else(|| format!("AssumeRole gave no {name}"))?;
        Ok::<_, Fault>(rest.split('<').next().unwrap_or_default().to_owned())
    };
    Ok(Credentials { id: of("AccessKeyId")?, secret: of("SecretAccessKey")?, token: Some(of("SessionToken")?) })
}

fn world() -> String {
    let allow = |actions: Value, resource: Value| json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}]});
    let everything = || allow(json!("*"), json!("*"));
    let fence = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": ["organizations:LeaveOrganization", "s3:DeleteBucket"], "Resource": "*"},
        {"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*",
         "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "eu-central-1"]}}}]});
    let mut trust = allow(json!("sts:AssumeRole"), json!("*"));
    let statement = &mut trust["Statement"][0];
    statement["Principal"] = json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:root")});
    statement.as_object_mut().map(|s| s.remove("Resource"));
    let objects = json!([format!("arn:aws:s3:::{SEALED}/*"), format!("arn:aws:s3:::{BUCKET}/*")]);
    let loader = json!({"name": "loader", "access_keys": [{"id": KEY_ID, "secret": SECRET}], "inline": [
        {"name": "work", "document": allow(json!(["s3:GetObject", "s3:PutObject", "sts:AssumeRole"]), json!("*"))}]});
    let reader = json!({"name": "reader", "trust": trust, "inline": [
        {"name": "read", "document": allow(json!(["s3:GetObject", "s3:ListBucket"]), objects)},
        {"name": "open", "document": allow(json!(["kms:Decrypt"]), json!(format!("arn:aws:kms:*:{ACCOUNT}:key/*")))}]});
    json!({"version": 1,
        "organization": {"id": "o-load", "management_account": "444455556666",
            "root": {"scp": [everything()], "accounts": [],
                "units": [{"name": "work", "scp": [everything(), fence], "accounts": [ACCOUNT], "units": []}]}},
        "accounts": [{"id": ACCOUNT, "name": "load", "root": {"access_keys": [{"id": ROOT[0], "secret": ROOT[1]}]},
            "users": [loader], "roles": [reader], "buckets": [{"name": BUCKET}, {"name": SEALED}]},
            {"id": "444455556666", "name": "payer"}]})
    .to_string()
}
