//! The paths to more privileges that IAM, STS and KMS are known for. Each begins with somebody who cannot do a thing. It
//! is refused while every other permission is there, with nothing changed; with its own permission alone it leads to
//! the thing, also when that permission is gone again. And what no permission opens.

use super::cast::{House, Town, Who, policy, query};
use super::recipes::Stage;
use super::{Outcome, allowing, state};
use crate::support::{Answer, Client};
use portcullis::gate::services::Service;
use serde_json::{Value, json};
use std::cell::RefCell;

/// What a path opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opens {
    /// The attacker reads the account's object.
    Object,
    /// Whoever has another user's key does, which the attacker knows from before.
    WithKnownKey,
    /// Whoever has the key that the path answered does.
    WithAnsweredKey,
    /// A session of the role that the attacker asks for does.
    AsRole,
    /// The session that the path answered does.
    InSession,
    /// Whoever has a token of the provider for another application does.
    WithToken,
    /// The attacker opens a ciphertext.
    Secret,
    /// Somebody else, who could, opens it no more.
    Lost,
}

/// Texts by name.
type Texts = Vec<(&'static str, String)>;

/// A path: what it is called, the permission that it needs, what it opens, what the attacker may do already, and the
/// request, for which everything is made ready.
type Path = (&'static str, &'static str, Opens, fn(&Scene<'_>) -> (Vec<Value>, Texts));

/// Where one path is tried: an attacker and whatever it is about, of their own.
struct Scene<'h> {
    house: &'h House<'h>,
    name: String,
    attacker: Client,
    /// What the attacker or a victim has from before.
    known: RefCell<Option<Client>>,
    /// The key that the secret is sealed under, and the secret.
    sealed: RefCell<Option<(String, Value)>>,
}

fn statement(effect: &str, action: &str) -> Value {
    json!({"Effect": effect, "Action": action, "Resource": "*"})
}

fn reading() -> Value {
    statement("Allow", "s3:GetObject")
}

fn text(effect: &str, action: &str) -> String {
    policy(effect, &json!(action), &json!("*")).to_string()
}

fn done(answer: Answer) -> Answer {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

impl<'h> Scene<'h> {
    fn new(house: &'h House<'h>, name: &str) -> Self {
        let name = format!("path-{name}");
        done(query(&house.root, "iam", "CreateUser", &[("UserName", &name)]));
        let made = done(query(&house.root, "iam", "CreateAccessKey", &[("UserName", &name)]));
        let attacker = house.town.server.client(&made.element("AccessKeyId"), &made.element("SecretAccessKey"));
        Self { house, name, attacker, known: RefCell::default(), sealed: RefCell::default() }
    }

    fn root(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        done(query(&self.house.root, "iam", action, parameters))
    }

    fn key_service(&self, operation: &str, input: &Value) -> Value {
        let answer = self.house.root.of("kms").call(&format!("TrentService.{operation}"), input);
        serde_json::from_slice(&done(answer).body).unwrap_or(Value::Null)
    }

    fn arn(&self, kind: &str) -> String {
        self.house.arn(&format!("{kind}/{}", self.name))
    }

    /// What names the attacker, the group, the role.
    fn me(&self) -> (&'static str, String) {
        ("UserName", self.name.clone())
    }

    fn group(&self) -> (&'static str, String) {
        ("GroupName", self.name.clone())
    }

    fn role(&self) -> (&'static str, String) {
        ("RoleName", self.name.clone())
    }

    /// A managed policy.
    fn managed(&self, effect: &str, action: &str) -> String {
        let name = [("PolicyName", self.name.as_str()), ("PolicyDocument", &text(effect, action))];
        self.root("CreatePolicy", &name).element("Arn")
    }

    /// A group with a policy, the attacker in it or not.
    fn make_group(&self, document: Option<&str>, joined: bool) {
        let group = ("GroupName", self.name.as_str());
        self.root("CreateGroup", &[group]);
        if let Some(document) = document {
            self.root("PutGroupPolicy", &[group, ("PolicyName", "of-group"), ("PolicyDocument", document)]);
        }
        if joined {
            self.root("AddUserToGroup", &[group, ("UserName", &self.name)]);
        }
    }

    /// A role that trusts the attacker or an administrator, with these policies.
    fn make_role(&self, trusted: bool, documents: &[&str]) {
        let whom = if trusted { self.arn("user") } else { self.house.arn("user/admin") };
        let trust = trusting(&whom);
        self.root("CreateRole", &[("RoleName", &self.name), ("AssumeRolePolicyDocument", &trust)]);
        for (at, document) in documents.iter().enumerate() {
            let named = [("RoleName", self.name.as_str()), ("PolicyName", &format!("p{at}"))];
            self.root("PutRolePolicy", &[named[0], named[1], ("PolicyDocument", document)]);
        }
    }

    /// A user who may read, with a key.
    fn make_reader(&self) -> (String, String, String) {
        let name = format!("{}-reader", self.name);
        let user = ("UserName", name.as_str());
        self.root("CreateUser", &[user]);
        let document = text("Allow", "s3:GetObject");
        self.root("PutUserPolicy", &[user, ("PolicyName", "p"), ("PolicyDocument", &document)]);
        let made = self.root("CreateAccessKey", &[user]);
        let (id, secret) = (made.element("AccessKeyId"), made.element("SecretAccessKey"));
        *self.known.borrow_mut() = Some(self.house.town.server.client(&id, &secret));
        (name, id, secret)
    }

    /// A key with something sealed under it.
    fn make_key(&self) -> String {
        let key = self.key_service("CreateKey", &json!({}))["KeyMetadata"]["Arn"].as_str().expect("an ARN").to_owned();
        let blob = self.key_service("Encrypt", &json!({"KeyId": key, "Plaintext": "YQ=="}))["CiphertextBlob"].clone();
        *self.sealed.borrow_mut() = Some((key.clone(), blob));
        key
    }

    /// A key that somebody else opens secrets with, by a grant; the key and the grant's id.
    fn make_granted_key(&self) -> (String, String) {
        let (name, ..) = self.make_reader();
        let key = self.make_key();
        let grantee = self.house.arn(&format!("user/{name}"));
        let input = json!({"KeyId": key, "GranteePrincipal": grantee, "Operations": ["Decrypt"]});
        let grant = self.key_service("CreateGrant", &input)["GrantId"].as_str().expect("an id").to_owned();
        (key, grant)
    }

    /// What the attacker may do, beside what groups and roles give.
    fn holds(&self, statements: &[Value]) {
        self.house.give(&self.name, statements);
    }

    fn send(&self, action: &str, texts: &Texts) -> Answer {
        let (service, operation) = action.split_once(':').expect("an action");
        let service = Service::from_scope(service).expect("a service");
        if service == Service::Kms {
            let list = |name: &str| matches!(name, "Operations" | "Tags");
            let value = |(name, text): &(&str, String)| {
                let value = if list(name) { serde_json::from_str(text).expect("JSON") } else { json!(text) };
                ((*name).to_owned(), value)
            };
            let input: serde_json::Map<String, Value> = texts.iter().map(value).collect();
            return self.attacker.of("kms").call(&format!("TrentService.{operation}"), &Value::Object(input));
        }
        let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
        query(&self.attacker, service.prefix(), operation, &texts)
    }

    fn reads(&self, client: &Client) -> bool {
        client.of("s3").get(&format!("/loot-{}/k", self.house.account)).status == 200
    }

    fn decrypts(&self, client: &Client) -> bool {
        let blob = self.sealed.borrow().as_ref().map(|(_, blob)| blob.clone());
        client.of("kms").call("TrentService.Decrypt", &json!({"CiphertextBlob": blob})).status == 200
    }

    /// Somebody with the credentials of an answer.
    fn session(&self, answer: &Answer) -> Client {
        let (id, secret) = (answer.element("AccessKeyId"), answer.element("SecretAccessKey"));
        let mut client = self.house.town.server.client(&id, &secret);
        if !answer.element("SessionToken").is_empty() {
            client.headers.push(("x-amz-security-token".to_owned(), answer.element("SessionToken")));
        }
        client
    }

    /// Whether what a path opens is open.
    fn is_open(&self, opens: Opens, answer: Option<&Answer>) -> bool {
        let known = self.known.borrow().clone();
        let role = self.arn("role");
        let in_session = |answer: &Answer| answer.status == 200 && self.reads(&self.session(answer));
        let mut session = vec![("RoleArn", role.as_str()), ("RoleSessionName", "attacker")];
        match opens {
            Opens::Object => self.reads(&self.attacker),
            Opens::WithKnownKey => known.is_some_and(|client| self.reads(&client)),
            Opens::WithAnsweredKey | Opens::InSession => answer.is_some_and(in_session),
            Opens::AsRole => in_session(&query(&self.attacker, "sts", "AssumeRole", &session)),
            Opens::WithToken => {
                let claims = json!({"iss": "https://id.test", "aud": self.name, "sub": "attacker",
                    "exp": crate::support::now() + 600});
                let token = self.house.town.issuer.token(&claims);
                session.push(("WebIdentityToken", &token));
                let nobody = self.house.client(Who::Nobody);
                in_session(&query(&nobody, "sts", "AssumeRoleWithWebIdentity", &session))
            }
            Opens::Secret => self.decrypts(&self.attacker),
            Opens::Lost => known.is_some_and(|client| !self.decrypts(&client)),
        }
    }
}

fn trusting(arn: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": arn},
        "Action": "sts:AssumeRole"}]})
    .to_string()
}

fn named(name: &str) -> (&'static str, String) {
    ("PolicyName", name.to_owned())
}

fn with(document: &str) -> (&'static str, String) {
    ("PolicyDocument", document.to_owned())
}

fn reads() -> String {
    text("Allow", "s3:GetObject")
}

/// Reading, under a condition on a tag of the one who asks.
fn reading_if(test: &str, key: &str, value: &str) -> Value {
    json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {test: {key: value}}})
}

fn tag(key: &str, value: &str) -> Texts {
    vec![("Tags.member.1.Key", key.to_owned()), ("Tags.member.1.Value", value.to_owned())]
}

/// What the attacker has, and its own permissions.
const OF_ONESELF: [Path; 17] = [
    ("write an inline policy of oneself", "iam:PutUserPolicy", Opens::Object, |s| {
        (vec![], vec![s.me(), named("gained"), with(&reads())])
    }),
    ("attach a policy to oneself", "iam:AttachUserPolicy", Opens::Object, |s| {
        (vec![], vec![s.me(), ("PolicyArn", s.managed("Allow", "s3:GetObject"))])
    }),
    ("write an inline policy of one's group", "iam:PutGroupPolicy", Opens::Object, |s| {
        s.make_group(None, true);
        (vec![], vec![s.group(), named("gained"), with(&reads())])
    }),
    ("attach a policy to one's group", "iam:AttachGroupPolicy", Opens::Object, |s| {
        s.make_group(None, true);
        (vec![], vec![s.group(), ("PolicyArn", s.managed("Allow", "s3:GetObject"))])
    }),
    ("join a group", "iam:AddUserToGroup", Opens::Object, |s| {
        s.make_group(Some(&reads()), false);
        (vec![], vec![s.group(), s.me()])
    }),
    ("make a new version of one's policy the default", "iam:CreatePolicyVersion", Opens::Object, |s| {
        let arn = s.managed("Allow", "s3:ListBucket");
        s.root("AttachUserPolicy", &[("UserName", &s.name), ("PolicyArn", &arn)]);
        (vec![], vec![("PolicyArn", arn), with(&reads()), ("SetAsDefault", "true".to_owned())])
    }),
    ("make another version of one's policy the default", "iam:SetDefaultPolicyVersion", Opens::Object, |s| {
        let arn = s.managed("Allow", "s3:ListBucket");
        s.root("AttachUserPolicy", &[("UserName", &s.name), ("PolicyArn", &arn)]);
        s.root("CreatePolicyVersion", &[("PolicyArn", &arn), ("PolicyDocument", &reads())]);
        (vec![], vec![("PolicyArn", arn), ("VersionId", "v2".to_owned())])
    }),
    ("remove one's boundary", "iam:DeleteUserPermissionsBoundary", Opens::Object, |s| {
        let arn = s.managed("Allow", "iam:*");
        s.root("PutUserPermissionsBoundary", &[("UserName", &s.name), ("PermissionsBoundary", &arn)]);
        (vec![reading()], vec![s.me()])
    }),
    ("replace one's boundary", "iam:PutUserPermissionsBoundary", Opens::Object, |s| {
        let arn = s.managed("Allow", "iam:*");
        s.root("PutUserPermissionsBoundary", &[("UserName", &s.name), ("PermissionsBoundary", &arn)]);
        let wide = "arn:aws:iam::aws:policy/AdministratorAccess".to_owned();
        (vec![reading()], vec![s.me(), ("PermissionsBoundary", wide)])
    }),
    ("delete a policy that denies one something", "iam:DeleteUserPolicy", Opens::Object, |s| {
        let bar = text("Deny", "s3:GetObject");
        let named_bar = [("UserName", s.name.as_str()), ("PolicyName", "bar"), ("PolicyDocument", &bar)];
        s.root("PutUserPolicy", &named_bar);
        (vec![reading()], vec![s.me(), named("bar")])
    }),
    ("detach a policy that denies one something", "iam:DetachUserPolicy", Opens::Object, |s| {
        let arn = s.managed("Deny", "s3:GetObject");
        s.root("AttachUserPolicy", &[("UserName", &s.name), ("PolicyArn", &arn)]);
        (vec![reading()], vec![s.me(), ("PolicyArn", arn)])
    }),
    ("leave a group that denies one something", "iam:RemoveUserFromGroup", Opens::Object, |s| {
        s.make_group(Some(&text("Deny", "s3:GetObject")), true);
        (vec![reading()], vec![s.group(), s.me()])
    }),
    ("delete a group's policy that denies one something", "iam:DeleteGroupPolicy", Opens::Object, |s| {
        s.make_group(Some(&text("Deny", "s3:GetObject")), true);
        (vec![reading()], vec![s.group(), named("of-group")])
    }),
    ("detach a group's policy that denies one something", "iam:DetachGroupPolicy", Opens::Object, |s| {
        s.make_group(None, true);
        let arn = s.managed("Deny", "s3:GetObject");
        s.root("AttachGroupPolicy", &[("GroupName", &s.name), ("PolicyArn", &arn)]);
        (vec![reading()], vec![s.group(), ("PolicyArn", arn)])
    }),
    ("tag oneself", "iam:TagUser", Opens::Object, |s| {
        let held = reading_if("StringEquals", "aws:PrincipalTag/team", "red");
        (vec![held], [vec![s.me()], tag("team", "red")].concat())
    }),
    ("take a tag from oneself", "iam:UntagUser", Opens::Object, |s| {
        s.root("TagUser", &[("UserName", &s.name), ("Tags.member.1.Key", "barred"), ("Tags.member.1.Value", "x")]);
        let held = reading_if("Null", "aws:PrincipalTag/barred", "true");
        (vec![held], vec![s.me(), ("TagKeys.member.1", "barred".to_owned())])
    }),
    ("assume a role", "sts:AssumeRole", Opens::InSession, |s| {
        let trust = trusting(s.house.account);
        s.root("CreateRole", &[("RoleName", &s.name), ("AssumeRolePolicyDocument", &trust)]);
        s.root("PutRolePolicy", &[("RoleName", &s.name), ("PolicyName", "p"), ("PolicyDocument", &reads())]);
        (vec![], vec![("RoleArn", s.arn("role")), ("RoleSessionName", "attacker".to_owned())])
    }),
];

/// What others have: their keys, and roles.
const OF_OTHERS: [Path; 11] = [
    ("make an access key of another user", "iam:CreateAccessKey", Opens::WithAnsweredKey, |s| {
        (vec![], vec![("UserName", s.make_reader().0)])
    }),
    ("enable an access key of another user", "iam:UpdateAccessKey", Opens::WithKnownKey, |s| {
        let (name, id, _) = s.make_reader();
        s.root("UpdateAccessKey", &[("UserName", &name), ("AccessKeyId", &id), ("Status", "Inactive")]);
        (vec![], vec![("UserName", name), ("AccessKeyId", id), ("Status", "Active".to_owned())])
    }),
    ("change whom a role trusts", "iam:UpdateAssumeRolePolicy", Opens::AsRole, |s| {
        s.make_role(false, &[&reads()]);
        (vec![statement("Allow", "sts:AssumeRole")], vec![s.role(), with(&trusting(&s.arn("user")))])
    }),
    ("write an inline policy of a role", "iam:PutRolePolicy", Opens::AsRole, |s| {
        s.make_role(true, &[]);
        (vec![], vec![s.role(), named("gained"), with(&reads())])
    }),
    ("attach a policy to a role", "iam:AttachRolePolicy", Opens::AsRole, |s| {
        s.make_role(true, &[]);
        (vec![], vec![s.role(), ("PolicyArn", s.managed("Allow", "s3:GetObject"))])
    }),
    ("remove a role's boundary", "iam:DeleteRolePermissionsBoundary", Opens::AsRole, |s| {
        s.make_role(true, &[&reads()]);
        let arn = s.managed("Allow", "iam:*");
        s.root("PutRolePermissionsBoundary", &[("RoleName", &s.name), ("PermissionsBoundary", &arn)]);
        (vec![], vec![s.role()])
    }),
    ("replace a role's boundary", "iam:PutRolePermissionsBoundary", Opens::AsRole, |s| {
        s.make_role(true, &[&reads()]);
        let arn = s.managed("Allow", "iam:*");
        s.root("PutRolePermissionsBoundary", &[("RoleName", &s.name), ("PermissionsBoundary", &arn)]);
        (vec![], vec![s.role(), ("PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess".to_owned())])
    }),
    ("delete a role's policy that denies it something", "iam:DeleteRolePolicy", Opens::AsRole, |s| {
        s.make_role(true, &[&reads(), &text("Deny", "s3:GetObject")]);
        (vec![], vec![s.role(), named("p1")])
    }),
    ("detach a role's policy that denies it something", "iam:DetachRolePolicy", Opens::AsRole, |s| {
        s.make_role(true, &[&reads()]);
        let arn = s.managed("Deny", "s3:GetObject");
        s.root("AttachRolePolicy", &[("RoleName", &s.name), ("PolicyArn", &arn)]);
        (vec![], vec![s.role(), ("PolicyArn", arn)])
    }),
    ("tag a role", "iam:TagRole", Opens::AsRole, |s| {
        let held = reading_if("StringEquals", "aws:PrincipalTag/team", "red");
        s.make_role(true, &[&json!({"Version": "2012-10-17", "Statement": [held]}).to_string()]);
        (vec![], [vec![s.role()], tag("team", "red")].concat())
    }),
    (
        "make a provider vouch for another application",
        "iam:AddClientIDToOpenIDConnectProvider",
        Opens::WithToken,
        |s| {
            let row = portcullis::gate::services::sts::StsOperation::AssumeRoleWithWebIdentity.row();
            let stage = Stage { name: s.name.clone(), ..Stage::new(s.house, row, "") };
            stage.trusting_the_web(&["sts:AssumeRoleWithWebIdentity"]);
            s.root("PutRolePolicy", &[("RoleName", &s.name), ("PolicyName", "p"), ("PolicyDocument", &reads())]);
            let provider = s.house.arn("oidc-provider/id.test");
            (vec![], vec![("OpenIDConnectProviderArn", provider), ("ClientID", s.name.clone())])
        },
    ),
];

/// What keys are for.
const OF_KEYS: [Path; 9] = [
    ("grant oneself a key", "kms:CreateGrant", Opens::Secret, |s| {
        let key = s.make_key();
        (
            vec![],
            vec![("KeyId", key), ("GranteePrincipal", s.arn("user")), ("Operations", json!(["Decrypt"]).to_string())],
        )
    }),
    ("put a key policy", "kms:PutKeyPolicy", Opens::Secret, |s| {
        let key = s.make_key();
        let mut policy = policy("Allow", &json!("kms:*"), &json!("*"));
        policy["Statement"][0]["Principal"] = json!({"AWS": s.arn("user")});
        (vec![], vec![("KeyId", key), ("Policy", policy.to_string())])
    }),
    ("tag a key", "kms:TagResource", Opens::Secret, |s| {
        let held = json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/open": "yes"}}});
        let tags = json!([{"TagKey": "open", "TagValue": "yes"}]);
        (vec![held], vec![("KeyId", s.make_key()), ("Tags", tags.to_string())])
    }),
    ("give a key an alias", "kms:CreateAlias", Opens::Secret, |s| {
        let alias = format!("alias/{}", s.name);
        (vec![by_alias(&alias)], vec![("TargetKeyId", s.make_key()), ("AliasName", alias)])
    }),
    ("point an alias at a key", "kms:UpdateAlias", Opens::Secret, |s| {
        let alias = format!("alias/{}", s.name);
        let other = s.make_key();
        s.key_service("CreateAlias", &json!({"AliasName": alias, "TargetKeyId": other}));
        (vec![by_alias(&alias)], vec![("TargetKeyId", s.make_key()), ("AliasName", alias)])
    }),
    ("enable a key", "kms:EnableKey", Opens::Secret, |s| {
        let key = s.make_key();
        s.key_service("DisableKey", &json!({"KeyId": key}));
        (vec![statement("Allow", "kms:Decrypt")], vec![("KeyId", key)])
    }),
    ("disable a key that others use", "kms:DisableKey", Opens::Lost, |s| {
        (vec![], vec![("KeyId", s.make_granted_key().0)])
    }),
    ("schedule the deletion of a key that others use", "kms:ScheduleKeyDeletion", Opens::Lost, |s| {
        (vec![], vec![("KeyId", s.make_granted_key().0)])
    }),
    ("revoke another's grant", "kms:RevokeGrant", Opens::Lost, |s| {
        let (key, grant) = s.make_granted_key();
        (vec![], vec![("KeyId", key), ("GrantId", grant)])
    }),
];

/// Opening secrets of keys that have an alias.
fn by_alias(alias: &str) -> Value {
    json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
        "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}})
}

fn walk(house: &House<'_>, number: usize, (title, action, opens, ready): &Path) -> Vec<String> {
    let scene = Scene::new(house, &number.to_string());
    let (held, request) = ready(&scene);
    let row = portcullis::gate::services::iam::IamOperation::ListUsers.row();
    let stage = Stage::new(house, row, "");
    let state = || {
        let key = scene.sealed.borrow().as_ref().map(|(key, _)| ("key", key.clone()));
        let on = key.into_iter().chain([("user", scene.arn("user"))]).collect();
        state::of(&stage, &super::recipes::Ask { on, ..stage.ask(row, &[]) })
    };
    let mut wrong = Vec::new();
    scene.holds(&held);
    if scene.is_open(*opens, None) {
        wrong.push(format!("{title}: open from the beginning"));
    }
    let others = json!({"Effect": "Allow", "NotAction": action, "Resource": "*"});
    scene.holds(&[held.clone(), vec![others]].concat());
    let before = state();
    let refused = Outcome::of(&scene.send(action, &request));
    if !refused.is_denied() || !refused.message.contains(action) || before != state() {
        wrong.push(format!("{title}, with every other permission: {refused:?}"));
    }
    scene.holds(&[held.clone(), allowing(&[(*action, "*".to_owned())])].concat());
    let answer = scene.send(action, &request);
    if answer.status != 200 {
        wrong.push(format!("{title}, with its permission: {}", answer.text()));
    }
    scene.holds(&held);
    if !scene.is_open(*opens, Some(&answer)) {
        wrong.push(format!("{title}: leads nowhere"));
    }
    wrong
}

#[test]
fn each_path_to_more_privileges_needs_its_own_permission() {
    let town = Town::new();
    let paths: Vec<&Path> = OF_ONESELF.iter().chain(&OF_OTHERS).chain(&OF_KEYS).collect();
    let house = town.house(0);
    let wrong: Vec<String> = paths.iter().enumerate().flat_map(|(at, path)| walk(&house, at, path)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What somebody who may do everything still cannot do, or gains nothing by.
#[test]
fn what_no_permission_opens() {
    let town = Town::new();
    let house = town.house(1);
    let everything = || json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let all = text("Allow", "*");

    // A role that trusts somebody else is not to be had, and passing it on is not assuming it.
    let scene = Scene::new(&house, "trust");
    scene.make_role(false, &[&reads()]);
    scene.holds(&[everything()]);
    assert!(!scene.is_open(Opens::AsRole, None));
    let scene = Scene::new(&house, "pass");
    scene.root("CreateRole", &[("RoleName", &scene.name), ("AssumeRolePolicyDocument", &trusting(house.account))]);
    scene.root("PutRolePolicy", &[("RoleName", &scene.name), ("PolicyName", "p"), ("PolicyDocument", &reads())]);
    scene.holds(&[statement("Allow", "iam:PassRole")]);
    assert!(!scene.is_open(Opens::AsRole, None));

    // A session policy takes away and never gives.
    let scene = Scene::new(&house, "narrow");
    scene.make_role(true, &[&text("Allow", "s3:ListBucket")]);
    let role = scene.arn("role");
    let wide = [("RoleArn", role.as_str()), ("RoleSessionName", "attacker"), ("Policy", all.as_str())];
    let session = scene.session(&done(query(&scene.attacker, "sts", "AssumeRole", &wide)));
    assert!(!scene.reads(&session));
    scene.holds(&[statement("Allow", "sts:GetFederationToken")]);
    let federated = done(query(&scene.attacker, "sts", "GetFederationToken", &[("Name", "fed"), ("Policy", &all)]));
    assert!(!scene.reads(&scene.session(&federated)));

    // A federated user has nothing without a session policy, and no business with IAM or STS.
    scene.holds(&[everything()]);
    let federated = scene.session(&done(query(&scene.attacker, "sts", "GetFederationToken", &[("Name", "fed")])));
    assert!(!scene.reads(&federated));
    let federated = done(query(&scene.attacker, "sts", "GetFederationToken", &[("Name", "fed"), ("Policy", &all)]));
    let federated = scene.session(&federated);
    assert!(scene.reads(&federated));
    assert_eq!(query(&federated, "iam", "ListUsers", &[]).code(), "InvalidClientTokenId");
    assert_eq!(query(&federated, "sts", "AssumeRole", &wide[..2]).code(), "AccessDenied");
    // A session of one's own without a device's code neither.
    let own = scene.session(&done(query(&scene.attacker, "sts", "GetSessionToken", &[])));
    assert_eq!(query(&own, "iam", "ListUsers", &[]).code(), "InvalidClientTokenId");
    assert_eq!(query(&own, "sts", "GetSessionToken", &[]).code(), "AccessDenied");

    // Sessions of a chain last an hour, whatever the role allows.
    let administrator = house.client(Who::Session);
    let next = house.arn(&format!("role/{}", super::cast::ROLE));
    let mut chained = vec![("RoleArn", next.as_str()), ("RoleSessionName", "next"), ("DurationSeconds", "3601")];
    assert_eq!(query(&administrator, "sts", "AssumeRole", &chained).code(), "ValidationError");
    chained[2].1 = "3600";
    done(query(&administrator, "sts", "AssumeRole", &chained));

    // Whoever is within a boundary or under an SCP writes policies in vain.
    let bounded = Scene::new(&house, "bounded");
    let arn = bounded.managed("Allow", "iam:*");
    bounded.root("PutUserPermissionsBoundary", &[("UserName", &bounded.name), ("PermissionsBoundary", &arn)]);
    bounded.holds(&[statement("Allow", "iam:*")]);
    let gained = vec![bounded.me(), named("gained"), with(&all)];
    done(bounded.send("iam:PutUserPolicy", &gained));
    assert!(!bounded.reads(&bounded.attacker));
}
