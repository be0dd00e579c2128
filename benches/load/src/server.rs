//! The servers as processes: started, watched, ended.

use crate::Fault;
use crate::sign::{KEY_ID, SECRET};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Kernel ticks in a second, as Linux tells them to programs on every architecture in use (`USER_HZ`).
const TICKS: f64 = 100.0;

/// The bucket of the load.
pub const BUCKET: &str = "load";

/// The hosts of two distributions before the bucket: one for everybody, one for those who have a signed URL.
pub const OPEN_HOST: &str = "dopen.cloudfront.net";
pub const SIGNED_HOST: &str = "dsigned.cloudfront.net";
const KEY_PAIR: &str = "KLOADLOADLOAD1";
const PUBLIC_KEY: &str = include_str!("../../../tests/data/viewer/rsa.public.pem");
const PRIVATE_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/viewer/rsa.pkcs8.pem");

pub struct Server {
    pub name: &'static str,
    pub address: String,
    child: Child,
    data: PathBuf,
}

impl Server {
    /// The server under test, with a world in which a user may read and write by a policy, and with this trail.
    pub fn portcullis(name: &'static str, trail: &str, program: &Path, folder: &Path) -> Result<Self, Fault> {
        Self::of_world(name, trail, program, folder, &world_text())
    }

    /// The server under test, with this world and this trail.
    pub fn of_world(name: &'static str, trail: &str, program: &Path, folder: &Path, text: &str) -> Result<Self, Fault> {
        let data = fresh(folder, name)?;
        let world = data.join("world.json");
        fs::write(&world, text)?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.join("data")).arg("-w").arg(&world);
        command.args(["--trail", trail]);
        Self::start(name, command, data)
    }

    /// As [`Self::portcullis`], with CloudFront's door at the address that is given back.
    pub fn with_door(program: &Path, folder: &Path) -> Result<(Self, String), Fault> {
        let data = fresh(folder, "door")?;
        let world = data.join("world.json");
        fs::write(&world, with_distributions(&world_text())?)?;
        let door = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.join("data")).arg("-w").arg(&world);
        command.args(["--trail", "best-effort", "--cloudfront", &door]);
        Ok((Self::start("door", command, data)?, door))
    }

    pub fn files(folder: &Path) -> Result<Self, Fault> {
        let data = fresh(folder, "s3s-fs")?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve-files").arg(&data);
        Self::start("s3s-fs", command, data)
    }

    pub fn nothing(folder: &Path) -> Result<Self, Fault> {
        let data = fresh(folder, "nothing")?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve-nothing");
        Self::start("stores nothing", command, data)
    }

    fn start(name: &'static str, mut command: Command, data: PathBuf) -> Result<Self, Fault> {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|e| format!("{name}: {e}"))?;
        let mut line = String::new();
        let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        // From here its end is seen to.
        let mut server = Self { name, address: String::new(), child, data };
        read.transpose()?;
        let address = line.trim().strip_prefix("ready http://");
        address.ok_or_else(|| format!("{name} did not get ready: {line:?}"))?.clone_into(&mut server.address);
        Ok(server)
    }

    /// Seconds of processor time so far, in the program and in the kernel for it.
    pub fn cpu(&self) -> Result<f64, Fault> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Source: proc_pid_stat(5); the name in parentheses may hold anything, fields 14 and 15 follow it.
        let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks =
            |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok()).ok_or("no such field in /proc/PID/stat");
        Ok((ticks(11)? + ticks(12)?) / TICKS)
    }

    /// The largest resident set since the start or [`Self::forget_peak`], in bytes.
    pub fn peak(&self) -> Result<u64, Fault> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }

    /// Source: proc_pid_clear_refs(5).
    pub fn forget_peak(&self) -> Result<(), Fault> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.data);
    }
}

/// The query that lets its bearer see everything of the distribution that wants signatures.
pub fn viewer_query(program: &Path) -> Result<String, Fault> {
    let url = format!("http://{SIGNED_HOST}/x");
    let signed = Command::new(program)
        .args(["sign-url", &url, "--key-pair-id", KEY_PAIR, "--private-key", PRIVATE_KEY, "--expires-in", "1h"])
        .args(["--resource", &format!("http://{SIGNED_HOST}/*")])
        .output()?;
    let text = String::from_utf8(signed.stdout)?;
    let query = text.trim().split_once('?').map(|(_, query)| query.to_owned());
    query.ok_or_else(|| format!("sign-url said: {}", String::from_utf8_lossy(&signed.stderr)).into())
}

/// The world with two distributions before its bucket, whose identity may read.
fn with_distributions(world: &str) -> Result<String, Fault> {
    let mut world: serde_json::Value = serde_json::from_str(world)?;
    let account = &mut world["accounts"][0];
    let distribution = |id: &str, host: &str, more: serde_json::Value| {
        let mut behavior = serde_json::json!({"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"});
        for (name, value) in more.as_object().into_iter().flatten() {
            behavior[name] = value.clone();
        }
        serde_json::json!({"id": id, "domain_name": host, "config": {"Enabled": true, "Origins": {"Items": [{"Id": "o",
            "DomainName": format!("{BUCKET}.s3.amazonaws.com"), "S3OriginConfig":
            {"OriginAccessIdentity": "origin-access-identity/cloudfront/ELOADLOADLOAD1"}}]},
            "DefaultCacheBehavior": behavior}})
    };
    account["origin_access_identities"] =
        serde_json::json!([{"id": "ELOADLOADLOAD1", "canonical_user": "ab".repeat(32)}]);
    account["public_keys"] = serde_json::json!([{"id": KEY_PAIR, "name": "load", "pem": PUBLIC_KEY}]);
    account["key_groups"] = serde_json::json!([{"id": "load", "name": "load", "keys": [KEY_PAIR]}]);
    let groups = serde_json::json!({"TrustedKeyGroups": {"Enabled": true, "Quantity": 1, "Items": ["load"]}});
    account["distributions"] = serde_json::json!([
        distribution("EOPENOPENOPEN1", OPEN_HOST, serde_json::json!({})),
        distribution("ESIGNEDSIGNED1", SIGNED_HOST, groups),
    ]);
    let statements = account["buckets"][0]["policy"]["Statement"].as_array_mut().ok_or("no statements")?;
    // An origin request has no address, which the first statement of the bucket's policy refuses.
    statements.remove(0);
    statements.push(serde_json::json!({"Effect": "Allow", "Action": "s3:GetObject",
        "Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity ELOADLOADLOAD1"},
        "Resource": format!("arn:aws:s3:::{BUCKET}/*")}));
    Ok(world.to_string())
}

fn fresh(folder: &Path, name: &str) -> Result<PathBuf, Fault> {
    let path = folder.join(name);
    fs::create_dir_all(&path)?;
    Ok(path)
}

fn world_text() -> String {
    let world = r#"{"version": 1, "accounts": [{"id": "111122223333", "name": "load", "users": [{"name": "loader",
        "access_keys": [{"id": "KEY_ID", "secret": "SECRET"}], "inline": [{"name": "work", "document":
        {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::BUCKET"},
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::BUCKET/*"}]}}]}],
        "buckets": [{"name": "BUCKET", "policy": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::BUCKET/*",
             "Condition": {"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8", "10.0.0.0/8"]}}},
            {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::BUCKET/*",
             "Condition": {"Null": {"s3:x-amz-server-side-encryption": "false"},
              "StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}}]}}]}]}"#;
    world.replace("KEY_ID", KEY_ID).replace("SECRET", SECRET).replace("BUCKET", BUCKET)
}
