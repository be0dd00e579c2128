//! Who asks the services beside S3: the callers of the table, and the accounts that they live in.

use crate::support::issuer::Issuer;
use crate::support::{Answer, Client, Server, TempDir, form, now};
use portcullis::edges::server::identities::model::{Kind, key_of};
use portcullis::edges::server::identities::sessions::Claims;
use portcullis::gate::SessionKind;
use portcullis::storage::store::{Store, StoreSettings};
use serde_json::{Value, json};

/// Accounts with the same people. Rows of the table are asked in all of them side by side: what is made for one row
/// is not in the way of another, and whoever compares an account before and after is alone in it.
pub const ACCOUNTS: [&str; 4] = ["100000000001", "100000000002", "100000000003", "100000000004"];
/// The account of the strangers.
const STRANGE: &str = "444455556666";
const MANAGEMENT: &str = "999999999999";
pub const REGION: &str = "us-east-1";

/// The role that sessions are of, whose unique id the world fixes.
pub const ROLE: &str = "administrator";

/// How somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Without a signature.
    Nobody,
    /// With an access key that nobody has.
    UnknownKey,
    /// With an administrator's key and another secret.
    WrongSignature,
    /// The account's root user.
    Root,
    /// A user of the account.
    User(&'static str),
    /// A session of the administrators' role.
    Session,
    /// The same with a session policy that allows something else.
    Narrowed,
    /// The same, a second after its end.
    Expired,
    /// The root user of another account.
    StrangeRoot,
    /// A user of another account who may do everything there.
    Stranger,
}

/// What is meant to become of a caller's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant {
    /// They are done.
    Done,
    /// They are done where these patterns cover what is needed.
    Covered(&'static [&'static str]),
    /// They are refused by a decision.
    Denied,
    /// Nobody is there to decide about: refused before.
    Unknown,
    /// Nothing of the account is told or changed; what they do is in their own.
    Elsewhere,
}

/// One column of the table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub title: &'static str,
    pub who: Who,
    pub meant: Meant,
}

const fn column(title: &'static str, who: Who, meant: Meant) -> Column {
    Column { title, who, meant }
}

/// What the reader of the table may do.
const READING: &[&str] = &["iam:Get*", "iam:List*", "kms:Describe*", "kms:Get*", "kms:List*", "sts:GetAccessKeyInfo"];

/// The columns of every service.
pub const COLUMNS: [Column; 16] = [
    column("nobody: no signature", Who::Nobody, Meant::Unknown),
    column("an access key that is not known", Who::UnknownKey, Meant::Unknown),
    column("a wrong signature", Who::WrongSignature, Meant::Unknown),
    column("the account's root user", Who::Root, Meant::Done),
    column("a user who may do everything", Who::User("admin"), Meant::Done),
    column("a user without any policy", Who::User("nobody"), Meant::Denied),
    column("a user with exactly what the row lists, on exactly that resource", Who::User("exact"), Meant::Done),
    column("a user who may do everything, but is denied what the row lists", Who::User("allbut"), Meant::Denied),
    column("a user who may do everything, within a boundary that has it not", Who::User("bounded"), Meant::Denied),
    column("a user who may do everything, whom an SCP denies it", Who::User("governed"), Meant::Denied),
    column("a session of a role that may do everything", Who::Session, Meant::Done),
    column("the same with a session policy that has it not", Who::Narrowed, Meant::Denied),
    column("the same, expired", Who::Expired, Meant::Unknown),
    column("another account's root user", Who::StrangeRoot, Meant::Elsewhere),
    column("another account's user who may do everything there", Who::Stranger, Meant::Elsewhere),
    column("a user who may only read", Who::User("reader"), Meant::Covered(READING)),
];

fn key_id(who: &str, account: &str) -> String {
    format!("AKIA{}{account}", who.to_uppercase())
}

fn keys(who: &str, account: &str) -> Value {
    json!([{"id": key_id(who, account), "secret": format!("secret-of-{who}")}])
}

/// A policy of one statement.
pub fn policy(effect: &str, actions: &Value, resource: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": actions, "Resource": resource}]})
}

fn user(name: &str, account: &str, document: Option<Value>) -> Value {
    let inline: Vec<Value> = document.map(|d| json!({"name": "own", "document": d})).into_iter().collect();
    json!({"name": name, "access_keys": keys(name, account), "inline": inline})
}

fn session_role_id(account: &str) -> String {
    format!("AROA{account}ADMIN")
}

fn account(id: &str) -> Value {
    let all = || Some(policy("Allow", &json!("*"), &json!("*")));
    let mut bounded = user("bounded", id, all());
    bounded["boundary"] = json!("elsewhere");
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": id}, "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}]});
    json!({
        "id": id, "name": format!("account-{id}"),
        "root": {"access_keys": keys("root", id)},
        "policies": [{"name": "elsewhere", "document": policy("Allow", &json!("s3:*"), &json!("*"))}],
        "users": [
            user("admin", id, all()), user("nobody", id, None), user("exact", id, None), user("allbut", id, None),
            bounded, user("governed", id, all()), user("keyed", id, None), user("grantee", id, None),
            user("keeper", id, all()), user("reader", id, Some(policy("Allow", &json!(READING), &json!("*")))),
        ],
        "roles": [{"name": ROLE, "id": session_role_id(id), "trust": trust, "max_session_seconds": 7200,
            "inline": [{"name": "own", "document": all()}]}],
        "buckets": [{"name": format!("loot-{id}"), "objects": [{"key": "k"}]}],
    })
}

/// Everybody's world.
fn world() -> String {
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Resource": "*",
        "Action": ["iam:*", "sts:*", "kms:*", "cloudtrail:*"],
        "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/governed"}}}]});
    let all = || policy("Allow", &json!("*"), &json!("*"));
    let mut accounts: Vec<Value> = ACCOUNTS.iter().map(|id| account(id)).collect();
    accounts.push(json!({"id": STRANGE, "root": {"access_keys": keys("root", STRANGE)},
        "users": [user("stranger", STRANGE, Some(all()))]}));
    accounts.push(json!({"id": MANAGEMENT}));
    json!({"version": 1, "region": REGION, "accounts": accounts, "organization": {
        "id": "o-matrix", "management_account": MANAGEMENT,
        "root": {"scp": [all(), deny], "accounts": ACCOUNTS}}})
    .to_string()
}

/// A session as a token has it: the keys that go with it, and itself.
#[derive(Clone, Debug)]
struct Session {
    id: String,
    secret: String,
    token: String,
}

/// The server with everybody's accounts.
pub struct Town {
    pub server: Server,
    pub issuer: Issuer,
    expired: Vec<Session>,
    _directory: TempDir,
}

impl Town {
    pub fn new() -> Self {
        let directory = TempDir::new();
        let data = directory.path().join("data");
        let expired = expired_sessions(&data);
        let issuer = Issuer::new(directory.path());
        let server = Server::of_world(&directory, &world(), &["--oidc-keys", &issuer.setting()]);
        Self { server, issuer, expired, _directory: directory }
    }

    /// One of the accounts.
    pub fn house(&self, at: usize) -> House<'_> {
        let account = ACCOUNTS[at];
        let root = self.server.client(&key_id("root", account), "secret-of-root");
        let mut house =
            House { town: self, account, root, session: None, narrowed: None, expired: self.expired[at].clone() };
        house.session = Some(house.assumed(None));
        house.narrowed = Some(house.assumed(Some(&policy("Allow", &json!("s3:*"), &json!("*")))));
        house
    }
}

/// Sessions of the accounts' roles that ended a second ago: tokens of the server that will be started there.
fn expired_sessions(data: &std::path::Path) -> Vec<Session> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let store = runtime.block_on(Store::open(data, StoreSettings::default(), now())).expect("a new data directory");
    let session = |account: &&str| {
        let claims = Claims {
            key_id: format!("ASIAEXPIRED{account}"),
            secret: "secret-of-old".to_owned(),
            kind: SessionKind::Role,
            account: (*account).to_owned(),
            holder: Some((session_role_id(account), key_of(Kind::Role, ROLE))),
            name: "late".to_owned(),
            issued: now() - 3601,
            expires: now() - 1,
            mfa_at: None,
            tags: Vec::new(),
            transitive: Vec::new(),
            source_identity: None,
            policies: Vec::new(),
            policy_arns: Vec::new(),
            context: Vec::new(),
        };
        let token = claims.sealed(&store).expect("a token");
        Session { id: claims.key_id, secret: claims.secret, token }
    };
    let sessions = ACCOUNTS.iter().map(session).collect();
    store.close();
    sessions
}

/// One account, and its people's clients.
pub struct House<'t> {
    pub town: &'t Town,
    pub account: &'static str,
    pub root: Client,
    session: Option<Session>,
    narrowed: Option<Session>,
    expired: Session,
}

impl House<'_> {
    /// The client of a caller.
    pub fn client(&self, who: Who) -> Client {
        let server = &self.town.server;
        let of = |session: &Session| {
            let mut client = server.client(&session.id, &session.secret);
            client.headers.push(("x-amz-security-token".to_owned(), session.token.clone()));
            client
        };
        match who {
            Who::Nobody => server.anonymous(),
            Who::UnknownKey => server.client("AKIANOBODYHASTHISKEY", "secret"),
            Who::WrongSignature => server.client(&key_id("admin", self.account), "another secret"),
            Who::Root => self.root.clone(),
            Who::User(name) => server.client(&key_id(name, self.account), &format!("secret-of-{name}")),
            Who::Session => of(self.session.as_ref().expect("given when the house was made")),
            Who::Narrowed => of(self.narrowed.as_ref().expect("given when the house was made")),
            Who::Expired => of(&self.expired),
            Who::StrangeRoot => server.client(&key_id("root", STRANGE), "secret-of-root"),
            Who::Stranger => server.client(&key_id("stranger", STRANGE), "secret-of-stranger"),
        }
    }

    fn assumed(&self, narrow: Option<&Value>) -> Session {
        let arn = self.arn(&format!("role/{ROLE}"));
        let policy = narrow.map(ToString::to_string);
        let mut parameters = vec![("RoleArn", arn.as_str()), ("RoleSessionName", "somebody")];
        parameters.extend(policy.as_deref().map(|policy| ("Policy", policy)));
        let answer = query(&self.client(Who::User("admin")), "sts", "AssumeRole", &parameters);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let of = |name: &str| answer.element(name);
        Session { id: of("AccessKeyId"), secret: of("SecretAccessKey"), token: of("SessionToken") }
    }

    /// An ARN of IAM in this account.
    pub fn arn(&self, resource: &str) -> String {
        format!("arn:aws:iam::{}:{resource}", self.account)
    }

    /// Gives a user these statements, and nothing else.
    pub fn give(&self, user: &str, statements: &[Value]) {
        let own = [("UserName", user), ("PolicyName", "own")];
        if statements.is_empty() {
            let answer = query(&self.root, "iam", "DeleteUserPolicy", &own);
            assert!(answer.status == 200 || answer.code() == "NoSuchEntity", "{}", answer.text());
            return;
        }
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let answer = query(&self.root, "iam", "PutUserPolicy", &[own[0], own[1], ("PolicyDocument", &document)]);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// Calls an operation of the query protocol.
pub fn query(client: &Client, service: &'static str, action: &str, parameters: &[(&str, &str)]) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    client.of(service).send("POST", "/", &headers, form(action, parameters).as_bytes())
}
