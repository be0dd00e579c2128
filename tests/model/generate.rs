//! Random scenarios from small pools, so that names, keys and values meet often.
//!
//! Every choice is one call of `rng(n)`, a number below `n`, and 0 is always the plainest choice: a
//! recorded sequence of choices can drive it again, and a sequence of zeros gives the smallest scenario.
//!
//! Policies are such as AWS would store in their place: no principal in identity policies, service
//! control policies in their historic syntax, bucket policies within their bucket, and so on. Points
//! on which the reference is silent are left out; where the code does so, it says which.

use serde_json::{Map, Value, json};

const OWNER: &str = "111122223333";
const OTHER: &str = "444455556666";
const OWNER_CANONICAL: &str = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
const OTHER_CANONICAL: &str = "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2";
const OAI_CANONICAL: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";
const OAI_ARN: &str = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE1OAI";
const KEY_ARN: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const TARGET_ROLE: &str = "arn:aws:iam::111122223333:role/target";
const TOPIC_ARN: &str = "arn:aws:sns:us-east-1:111122223333:t";
const BUCKET_ARN: &str = "arn:aws:s3:::amzn-demo-bucket";

const OBJECT_ACTIONS: &[&str] = &[
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:GetObjectAcl",
    "s3:PutObjectAcl",
    "s3:DeleteObjectVersion",
];
const BUCKET_ACTIONS: &[&str] = &["s3:ListBucket", "s3:GetBucketAcl", "s3:GetBucketPolicy", "s3:PutBucketPolicy"];
const OBJECT_KEYS: &[&str] =
    &["k.txt", "pub/x", "home/alice/x", "home/*/x", "a?b", "a*b", "ab", "home/pub/x", "home//x", "home/red/x"];

/// Makes one scenario in the documented format, without `expect`; `rng(n)` gives a number below `n`.
pub fn arbitrary_scenario(rng: &mut impl FnMut(u32) -> u32) -> Value {
    let mut maker = Maker { rng, focus: Focus::Everything, context: Map::new() };
    maker.scenario()
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Bucket,
    Key,
    Role,
    /// A service whose actions no resource control policy binds.
    Topic,
}

/// Where a policy stands, which decides what AWS would store there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Identity policies, boundaries and session policies.
    Identity,
    Scp,
    Rcp,
    Endpoint,
    BucketPolicy,
    KeyPolicy,
    TrustPolicy,
}

/// What a scenario dwells on; the rest of it is kept plain, so that this decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Focus {
    /// Nothing: all layers meet.
    Everything,
    Conditions,
    /// Actions, resources and variables.
    Matching,
    /// Whom a resource policy names, and which layers that bypasses.
    Principals,
    /// ACLs and ownership.
    Acls,
    /// S3's definition of a public policy.
    Public,
}

/// The type of a condition key, and with it the operators that suit it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Number,
    Date,
    Bool,
    Binary,
    Address,
    Arn,
}

struct Key {
    name: &'static str,
    of: Type,
    /// Lists of values that a request may have; an element `|a|b` stands for several values.
    values: &'static [&'static str],
}

const fn key(name: &'static str, of: Type, values: &'static [&'static str]) -> Key {
    Key { name, of, values }
}

/// Keys that fit every policy.
const KEYS: &[Key] = &[
    key("aws:PrincipalTag/dir", Type::Text, &["alice", "*", "?", "", "pub", "|alice|pub"]),
    key("aws:SourceIp", Type::Address, &["203.0.113.7", "198.51.100.1", "2001:db8::1", "x", "::ffff:203.0.113.7"]),
    key("aws:SecureTransport", Type::Bool, &["true", "false", "TRUE", "yes"]),
    key("aws:MultiFactorAuthAge", Type::Number, &["900", "3600", "3600.50", "-1", "-5", "3600.4", "abc", "1e3"]),
    key("aws:CurrentTime", Type::Date, &["2026-11-22T09:00:00Z", "2026-11-22", "1795338000", "soon"]),
    key(
        "aws:TokenIssueTime",
        Type::Date,
        &["2026-11-22T08:59:59.5Z", "2026-11-22T10:00:00+01:00", "2026", "2026-12-01"],
    ),
    key(
        "aws:SourceArn",
        Type::Arn,
        &[TOPIC_ARN, BUCKET_ARN, "not-an-arn", "arn:aws:sns:us-east-1:111122223333:t:more"],
    ),
    key("aws:SourceVpce", Type::Text, &["vpce-1", "vpce-2", "VPCE-1"]),
    key("aws:SourceAccount", Type::Text, &[OWNER, OTHER]),
    key("aws:TagKeys", Type::Text, &["|red|blue", "red", "Red", "|red|red", ""]),
    key("aws:PrincipalArn", Type::Arn, &["arn:aws:iam::111122223333:user/alice", "not-an-arn"]),
    key("aws:username", Type::Text, &["alice", "Alice"]),
    key("aws:userid", Type::Text, &["AIDACKCEVSQ6C2EXAMPLE", "AROADBQP57FF2AEXAMPLE:s1"]),
    key("aws:PrincipalAccount", Type::Text, &[OWNER, OTHER]),
    key("aws:PrincipalType", Type::Text, &["User", "AssumedRole"]),
    key("aws:ResourceAccount", Type::Text, &[OWNER, OTHER]),
    key("aws:PrincipalTag/blob", Type::Binary, &["QUJD", "QUJE", "no base64!", "QQ=="]),
    key("aws:MultiFactorAuthPresent", Type::Bool, &["true", "false"]),
    key("aws:PrincipalOrgID", Type::Text, &["o-abc1234567", "o-other12345"]),
    key("aws:CalledVia", Type::Text, &["|athena.amazonaws.com|cloudformation.amazonaws.com", "athena.amazonaws.com"]),
    key("aws:UserAgent", Type::Text, &["curl", "Curl/8", "café"]),
];

/// The keys that may keep a policy from being public, and some that may not.
const PUBLIC_KEYS: &[&str] = &[
    "aws:SourceIp",
    "aws:SourceVpce",
    "aws:SourceArn",
    "aws:SourceAccount",
    "aws:PrincipalArn",
    "aws:PrincipalAccount",
    "aws:PrincipalOrgID",
    "aws:userid",
    "aws:UserAgent",
    "aws:username",
];

/// Keys of S3, for identity policies.
const S3_KEYS: &[Key] = &[
    key("s3:prefix", Type::Text, &["home/", "", "home/alice/"]),
    key("s3:max-keys", Type::Number, &["10", "1000", "09"]),
    key("s3:x-amz-acl", Type::Text, &["private", "public-read", "bucket-owner-full-control"]),
    key("s3:x-amz-grant-read", Type::Text, &["id=\"x\"", "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\""]),
    key("s3:RequestObjectTagKeys", Type::Text, &["|red|blue", "red"]),
    key("s3:ResourceAccount", Type::Text, &[OWNER, OTHER]),
    key("s3:ExistingObjectTag/k", Type::Text, &["v", "w"]),
];

/// Keys of S3 that every action of a bucket policy here supports.
const BUCKET_POLICY_KEYS: &[Key] = &[
    key("s3:authType", Type::Text, &["REST-HEADER", "REST-QUERY-STRING", "POST"]),
    key("s3:signatureversion", Type::Text, &["AWS4-HMAC-SHA256", "AWS"]),
    key("s3:x-amz-content-sha256", Type::Text, &["UNSIGNED-PAYLOAD"]),
];

const ENCRYPTION_KEYS: &[Key] = &[
    key("kms:EncryptionContext:dept", Type::Text, &["finance", "hr"]),
    key("kms:EncryptionContext:stage", Type::Text, &["prod"]),
];

const EXTERNAL_ID: Key = key("sts:ExternalId", Type::Text, &["secret", "other"]);

struct Maker<'a, R> {
    rng: &'a mut R,
    focus: Focus,
    context: Map<String, Value>,
}

impl<R: FnMut(u32) -> u32> Maker<'_, R> {
    // -----------------------------------------------------------------------------------------
    // Choices

    fn below(&mut self, n: usize) -> usize {
        let n = u32::try_from(n).expect("pools are small");
        usize::try_from((self.rng)(n)).expect("a number below n")
    }

    /// True once in `n`; 0 is false.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn pick<T: Copy>(&mut self, pool: &[T]) -> T {
        pool[self.below(pool.len())]
    }

    /// One to three elements of the pool.
    fn some(&mut self, pool: &[&str]) -> Vec<String> {
        let count = 1 + self.pick(&[0, 0, 1, 2]);
        (0..count).map(|_| self.pick(pool).to_owned()).collect()
    }

    /// A single value as itself or as an array, several as an array.
    fn single_or_list(&mut self, mut values: Vec<Value>) -> Value {
        if values.len() == 1 && !self.once_in(3) { values.remove(0) } else { Value::Array(values) }
    }

    fn texts(&mut self, values: Vec<String>) -> Value {
        self.single_or_list(values.into_iter().map(Value::String).collect())
    }

    // -----------------------------------------------------------------------------------------
    // The scenario

    fn scenario(&mut self) -> Value {
        use Focus::{Acls, Conditions, Everything, Matching, Principals, Public};
        self.focus = match self.below(12) {
            0..=2 => Everything,
            3..=6 => Conditions,
            7 => Matching,
            8 => Principals,
            9 | 10 => Acls,
            _ => Public,
        };
        let subject = match self.focus {
            Acls | Public => Subject::Bucket,
            Everything | Conditions | Matching | Principals => match self.below(10) {
                0..=5 => Subject::Bucket,
                6 | 7 => Subject::Key,
                8 => Subject::Role,
                _ => Subject::Topic,
            },
        };
        let principal = self.principal(subject);
        let kind = principal["kind"].as_str().expect("every principal has a kind").to_owned();
        let (action, resource) = self.action_and_resource(subject, &principal);
        self.fill_context(subject);
        let mut layers = match self.focus {
            Everything => self.layers(subject, &principal),
            Conditions | Matching => self.one_policy(subject, &principal),
            Principals => self.naming_policy(subject, &principal),
            Acls => self.few_policies(&principal),
            Public => self.public_policy(&principal),
        };
        if subject == Subject::Bucket && (self.focus != Everything || !self.once_in(12)) {
            self.bucket(&mut layers, &action, &resource);
        }
        if ![Everything, Principals].contains(&self.focus) && kind == "federated" && !self.once_in(4) {
            // Without a session policy it has no permissions of its own.
            layers["session"] = json!([allow_all()]);
        }
        self.forget_layers(&mut layers, subject, &kind);
        let mut request = json!({
            "principal": principal,
            "action": action,
            "resource": resource,
            "context": self.context,
        });
        // What follows from these kinds of principal is not documented; nor is whose the resource is
        // when neither bucket nor ARN says so.
        let unclear = ["service", "oai", "canonical"].contains(&kind.as_str())
            || subject == Subject::Bucket && layers["bucket"].is_null();
        if unclear || self.once_in(3) {
            request["derive_context"] = json!(false);
        }
        json!({ "id": "random", "why": "generated", "layers": layers, "request": request })
    }

    fn principal(&mut self, subject: Subject) -> Value {
        let user = |name: &str, id: &str, account: &str, canonical: &str| {
            json!({"kind": "user", "arn": format!("arn:aws:iam::{account}:user/{name}"),
                "account": account, "id": id, "canonical": canonical})
        };
        let session = |role: &str, session: &str, account: &str, canonical: &str| {
            let name = role.rsplit('/').next().expect("split gives a part");
            json!({"kind": "role-session",
                "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
                "role_arn": format!("arn:aws:iam::{account}:role/{role}"),
                "account": account, "canonical": canonical})
        };
        let root = |account: &str, canonical: &str| {
            json!({"kind": "root", "arn": format!("arn:aws:iam::{account}:root"),
                "account": account, "canonical": canonical})
        };
        // Only S3 knows anonymous requests, OAIs and canonical users.
        let kinds = if subject == Subject::Bucket { 17 } else { 12 };
        match self.below(kinds) {
            0 | 1 => user("alice", "AIDACKCEVSQ6C2EXAMPLE", OWNER, OWNER_CANONICAL),
            2 => user("team/bob", "AIDAJQABLZS4A3QDU576Q", OWNER, OWNER_CANONICAL),
            3 | 4 => user("carol", "AIDAIOSFODNN7EXAMPLE2", OTHER, OTHER_CANONICAL),
            5 => {
                let mut principal = session("app", "s1", OWNER, OWNER_CANONICAL);
                principal["id"] = json!("AROADBQP57FF2AEXAMPLE");
                principal
            }
            6 => {
                let name = self.pick(&["s1", "s2"]);
                session("service/deploy", name, OWNER, OWNER_CANONICAL)
            }
            7 => session("ext", "s1", OTHER, OTHER_CANONICAL),
            8 => {
                let role = "aws-service-role/x.amazonaws.com/AWSServiceRoleForX";
                let mut principal = session(role, "x", OWNER, OWNER_CANONICAL);
                principal["service_linked"] = json!(true);
                principal
            }
            9 => root(OWNER, OWNER_CANONICAL),
            10 => root(OTHER, OTHER_CANONICAL),
            11 => {
                let account = self.pick(&[OWNER, OTHER]);
                let (user, canonical) =
                    if account == OWNER { ("alice", OWNER_CANONICAL) } else { ("carol", OTHER_CANONICAL) };
                json!({"kind": "federated",
                    "arn": format!("arn:aws:sts::{account}:federated-user/fed"),
                    "issuer_arn": format!("arn:aws:iam::{account}:user/{user}"),
                    "account": account, "canonical": canonical})
            }
            12 | 13 => json!({"kind": "anonymous"}),
            14 => json!({"kind": "service", "arn": "cloudfront.amazonaws.com"}),
            15 => json!({"kind": "oai", "arn": OAI_ARN, "account": "cloudfront",
                "canonical": OAI_CANONICAL}),
            _ => {
                let owner = self.below(2) == 0;
                json!({"kind": "canonical",
                    "account": if owner { OWNER } else { OTHER },
                    "canonical": if owner { OWNER_CANONICAL } else { OTHER_CANONICAL }})
            }
        }
    }

    fn action_and_resource(&mut self, subject: Subject, principal: &Value) -> (String, String) {
        let (action, resource) = match subject {
            Subject::Key => ("kms:Decrypt", KEY_ARN.to_owned()),
            Subject::Role => ("sts:AssumeRole", TARGET_ROLE.to_owned()),
            Subject::Topic => ("sns:Publish", TOPIC_ARN.to_owned()),
            // Whether a canonical user may repair a bucket policy as root may is not documented.
            Subject::Bucket if self.once_in(4) => {
                let count = if principal["kind"] == "canonical" { 2 } else { BUCKET_ACTIONS.len() };
                (self.pick(&BUCKET_ACTIONS[..count]), BUCKET_ARN.to_owned())
            }
            Subject::Bucket => {
                let key = self.pick(OBJECT_KEYS);
                (self.pick(OBJECT_ACTIONS), format!("{BUCKET_ARN}/{key}"))
            }
        };
        (action.to_owned(), resource)
    }

    /// A few keys with a value, several values, or none.
    fn fill_context(&mut self, subject: Subject) {
        let count = if self.focus == Focus::Conditions { 1 + self.below(3) } else { self.below(6) };
        for _ in 0..count {
            let key = self.key(subject, None);
            let values: Vec<&str> = match self.pick(key.values) {
                _ if self.once_in(16) => Vec::new(),
                several if several.starts_with('|') => several[1..].split('|').collect(),
                single => vec![single],
            };
            let values = match values.as_slice() {
                [single] if self.once_in(2) => json!(single),
                _ => json!(values),
            };
            self.context.insert(key.name.to_owned(), values);
        }
        if subject == Subject::Key && self.once_in(2) {
            for key in &ENCRYPTION_KEYS[..self.pick(&[1, 1, 2])] {
                self.context.insert(key.name.to_owned(), json!(key.values[0]));
            }
        }
    }

    fn key(&mut self, subject: Subject, place: Option<Place>) -> &'static Key {
        if self.focus == Focus::Public {
            let name = self.pick(PUBLIC_KEYS);
            return KEYS.iter().find(|key| key.name == name).expect("every public key is a key");
        }
        if self.focus == Focus::Conditions && self.once_in(6) {
            return KEYS.iter().find(|key| key.name == "aws:TagKeys").expect("a key");
        }
        let own: &'static [Key] = match (subject, place) {
            (Subject::Bucket, None) if self.once_in(2) => BUCKET_POLICY_KEYS,
            (Subject::Bucket, None | Some(Place::Identity)) => S3_KEYS,
            (Subject::Bucket, Some(Place::BucketPolicy)) => BUCKET_POLICY_KEYS,
            (Subject::Key, None | Some(Place::Identity | Place::KeyPolicy)) => ENCRYPTION_KEYS,
            (Subject::Role, None | Some(Place::Identity | Place::TrustPolicy)) => std::slice::from_ref(&EXTERNAL_ID),
            _ => &[],
        };
        let pool = if !own.is_empty() && self.once_in(4) { own } else { KEYS };
        &pool[self.below(pool.len())]
    }

    // -----------------------------------------------------------------------------------------
    // Layers

    fn layers(&mut self, subject: Subject, principal: &Value) -> Value {
        let kind = principal["kind"].as_str().expect("every principal has a kind");
        let mut layers = json!({});
        // Root and canonical users carry no policies; what a policy given for them means is unclear.
        if !["root", "canonical"].contains(&kind) {
            if self.below(4) != 3 {
                layers["identity"] = self.policies(subject, Place::Identity, 2);
            }
            if self.once_in(5) {
                layers["boundary"] = self.policy(subject, Place::Identity);
            }
            if ["role-session", "federated"].contains(&kind) && self.once_in(3) {
                layers["session"] = self.policies(subject, Place::Identity, 2);
            }
        }
        if self.once_in(5) {
            layers["scp"] = self.levels(subject, Place::Scp);
        }
        if self.once_in(5) {
            layers["rcp"] = self.levels(subject, Place::Rcp);
        }
        if self.once_in(8) {
            layers["vpce"] = self.policy(subject, Place::Endpoint);
        }
        if let Some(place) = resource_place(subject)
            && self.below(4) != 0
        {
            layers["resource"] = self.policy(subject, place);
        }
        if subject == Subject::Key && self.once_in(2) {
            let count = 1 + self.below(2);
            layers["grants"] = (0..count).map(|_| self.kms_grant()).collect();
        }
        layers
    }

    /// One policy of one statement that decides, and what else the request needs.
    fn one_policy(&mut self, subject: Subject, principal: &Value) -> Value {
        let mut layers = json!({});
        let place = resource_place(subject);
        if carries_policies(principal) && (place.is_none() || self.below(4) != 3) {
            let policy = self.policy(subject, Place::Identity);
            let deny = policy.to_string().contains("Deny");
            layers["identity"] = if deny { json!([allow_all(), policy]) } else { json!([policy]) };
            if let Some(place) = place {
                let accounts = json!({"AWS": [OWNER, OTHER]});
                layers["resource"] = json!({"Statement": [allow_whole(place, &accounts)]});
            }
        } else if let Some(place) = place {
            let mut policy = self.policy(subject, place);
            let deny = policy.to_string().contains("Deny");
            if deny {
                let denial = policy["Statement"].take();
                let denial = if denial.is_array() { denial[0].clone() } else { denial };
                policy["Statement"] = json!([denial, allow_whole(place, &json!("*"))]);
            }
            layers["resource"] = policy;
            if carries_policies(principal) && (deny || principal["account"] == OTHER) {
                layers["identity"] = json!([allow_all()]);
            }
        }
        layers
    }

    /// A resource policy of one statement, and layers that allow everything or nothing.
    fn naming_policy(&mut self, subject: Subject, principal: &Value) -> Value {
        let mut layers = json!({});
        let nothing = json!({"Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}});
        if carries_policies(principal) {
            for layer in ["identity", "boundary", "session"] {
                let policy = match self.below(3) {
                    0 => continue,
                    1 => allow_all(),
                    _ => nothing.clone(),
                };
                match layer {
                    "boundary" => layers[layer] = policy,
                    "session" if principal["kind"] == "user" => {}
                    _ => layers[layer] = json!([policy]),
                }
            }
        }
        if let Some(place) = resource_place(subject) {
            let excepts = place != Place::TrustPolicy && self.once_in(3);
            let mut statement = allow_whole(place, &json!("*"));
            let principals = self.principals(place, excepts);
            let mut statements = Vec::new();
            if self.once_in(3) {
                statements.push(statement.clone());
                statement["Effect"] = json!("Deny");
            }
            statement.as_object_mut().expect("a statement is an object").remove("Principal");
            statement[if excepts { "NotPrincipal" } else { "Principal" }] = principals;
            statements.push(statement);
            layers["resource"] = json!({"Version": "2012-10-17", "Statement": statements});
        }
        layers
    }

    fn few_policies(&mut self, principal: &Value) -> Value {
        let mut layers = json!({});
        if carries_policies(principal) {
            match self.below(3) {
                0 => {}
                1 => layers["identity"] = json!([allow_all()]),
                _ => layers["identity"] = self.policies(Subject::Bucket, Place::Identity, 1),
            }
        }
        if self.once_in(4) {
            layers["resource"] = self.policy(Subject::Bucket, Place::BucketPolicy);
        }
        layers
    }

    fn public_policy(&mut self, principal: &Value) -> Value {
        let mut layers = json!({"resource": self.policy(Subject::Bucket, Place::BucketPolicy)});
        if carries_policies(principal) {
            layers["identity"] = json!([allow_all()]);
        }
        layers
    }

    fn policies(&mut self, subject: Subject, place: Place, most: usize) -> Value {
        let count = 1 + self.below(most);
        (0..count).map(|_| self.policy(subject, place)).collect()
    }

    /// Levels of service or resource control policies; the last level may have nothing attached.
    fn levels(&mut self, subject: Subject, place: Place) -> Value {
        let full = match place {
            Place::Rcp => json!({"Version": "2012-10-17", "Statement":
                [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}),
            _ => json!({"Version": "2012-10-17", "Statement":
                [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}),
        };
        let count = 1 + self.below(2);
        let mut levels: Vec<Value> = Vec::new();
        for _ in 0..count {
            levels.push(match self.below(8) {
                0 => json!([full]),
                1..=4 => json!([full, self.policy(subject, place)]),
                5 | 6 => self.policies(subject, place, 2),
                _ => json!([]),
            });
        }
        Value::Array(levels)
    }

    /// Some layers become unknown, and what was made for them is dropped.
    fn forget_layers(&mut self, layers: &mut Value, subject: Subject, kind: &str) {
        if !self.once_in(10) {
            return;
        }
        let mut pool = vec!["scp", "rcp", "resource", "vpce"];
        if !["root", "canonical"].contains(&kind) {
            pool.push("identity");
            // Whether an unknown boundary counts as carried for NotPrincipal is not documented.
            if !layers["resource"].to_string().contains("NotPrincipal") {
                pool.push("boundary");
            }
        }
        if ["role-session", "federated"].contains(&kind) {
            pool.push("session");
        }
        if subject == Subject::Topic {
            pool.retain(|layer| *layer != "resource");
        }
        let mut unknown = vec![self.pick(&pool)];
        if self.once_in(3) {
            let second = self.pick(&pool);
            if !unknown.contains(&second) {
                unknown.push(second);
            }
        }
        for layer in &unknown {
            layers.as_object_mut().expect("layers are an object").remove(*layer);
        }
        layers["unknown"] = json!(unknown);
    }

    fn bucket(&mut self, layers: &mut Value, action: &str, resource: &str) {
        let mut bucket = json!({"name": "amzn-demo-bucket", "owner_account": OWNER,
            "owner_canonical": OWNER_CANONICAL});
        let acls = self.focus == Focus::Acls;
        let ownership = match self.below(5) {
            3 => Some("BucketOwnerPreferred"),
            4 => Some("BucketOwnerEnforced"),
            0 if !acls => None,
            _ => Some("ObjectWriter"),
        };
        if let Some(ownership) = ownership {
            bucket["object_ownership"] = json!(ownership);
            if acls || self.once_in(2) {
                bucket["acl"] = self.acl();
            }
        }
        if resource.contains('/') && self.once_in(2) {
            let mut object = json!({});
            if let Some(owner) = self.pick(&[Some(OWNER_CANONICAL), Some(OTHER_CANONICAL), None]) {
                object["owner_canonical"] = json!(owner);
            }
            if self.once_in(2) {
                object["tags"] = json!({"k": "v"});
            }
            if self.below(3) != 0 {
                object["acl"] = self.acl();
            }
            layers["object"] = object;
        }
        for setting in ["block_public_access", "account_block_public_access"] {
            if self.once_in(4) {
                let mut flags = json!({});
                for flag in ["RestrictPublicBuckets", "IgnorePublicAcls", "BlockPublicAcls", "BlockPublicPolicy"] {
                    // A scenario cannot show the policy that PutBucketPolicy would store.
                    let shown = flag != "BlockPublicPolicy" || action != "s3:PutBucketPolicy";
                    flags[flag] = json!(self.once_in(2) && shown);
                }
                bucket[setting] = flags;
            }
        }
        if self.focus == Focus::Public {
            let setting = self.pick(&["block_public_access", "account_block_public_access"]);
            bucket[setting] = json!({"RestrictPublicBuckets": true});
        }
        layers["bucket"] = bucket;
    }

    fn acl(&mut self) -> Value {
        let mut grants = Vec::new();
        if self.below(3) != 2 {
            let owner = self.pick(&[OWNER_CANONICAL, OWNER_CANONICAL, OTHER_CANONICAL]);
            grants.push(json!({"grantee": {"type": "CanonicalUser", "id": owner},
                "permission": "FULL_CONTROL"}));
        }
        for _ in 0..self.below(3) {
            let group = |name: &str| {
                let id = format!("http://acs.amazonaws.com/groups/{name}");
                json!({"type": "Group", "id": id})
            };
            let grantee = match self.below(7) {
                0 | 1 => json!({"type": "CanonicalUser", "id": OTHER_CANONICAL}),
                2 => json!({"type": "CanonicalUser", "id": OWNER_CANONICAL}),
                3 => json!({"type": "CanonicalUser", "id": OAI_CANONICAL}),
                4 => group("global/AllUsers"),
                5 => group("global/AuthenticatedUsers"),
                _ => group("s3/LogDelivery"),
            };
            let permission = self.pick(&["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"]);
            grants.push(json!({"grantee": grantee, "permission": permission}));
        }
        Value::Array(grants)
    }

    fn kms_grant(&mut self) -> Value {
        // An account as grantee is left out: whether it delegates is not documented.
        let grantee = self.pick(&[
            "arn:aws:iam::111122223333:user/alice",
            "arn:aws:iam::444455556666:user/carol",
            "arn:aws:iam::111122223333:role/app",
            "arn:aws:sts::111122223333:assumed-role/deploy/s1",
            "arn:aws:iam::444455556666:role/ext",
        ]);
        let operations = self.pick(&[&["Decrypt"][..], &["Encrypt", "Decrypt"], &["Encrypt"]]);
        let constraints = match self.below(5) {
            0 | 1 => json!({}),
            2 => json!({"EncryptionContextSubset": {"dept": "finance"}}),
            3 => json!({"EncryptionContextEquals": {"dept": "finance"}}),
            _ => json!({"EncryptionContextEquals": {"dept": "finance", "stage": "prod"}}),
        };
        json!({"grantee": grantee, "operations": operations, "constraints": constraints})
    }

    // -----------------------------------------------------------------------------------------
    // Policies

    fn policy(&mut self, subject: Subject, place: Place) -> Value {
        let version = match place {
            Place::Scp | Place::Rcp => Some("2012-10-17"),
            _ => match self.below(12) {
                10 => Some("2008-10-17"),
                11 => None,
                _ => Some("2012-10-17"),
            },
        };
        let current = version == Some("2012-10-17");
        let count = match self.focus {
            Focus::Conditions | Focus::Matching => 1,
            _ => 1 + self.pick(&[0, 0, 1, 2]),
        };
        let mut statements: Vec<Value> = (0..count).map(|_| self.statement(subject, place, current)).collect();
        if self.once_in(8) {
            for (index, statement) in statements.iter_mut().enumerate() {
                statement["Sid"] = json!(format!("Statement{index}"));
            }
        }
        let mut policy = json!({});
        if let Some(version) = version {
            policy["Version"] = json!(version);
        }
        policy["Statement"] =
            if statements.len() == 1 && self.once_in(8) { statements.remove(0) } else { Value::Array(statements) };
        policy
    }

    /// `current`: the policy's version knows variables.
    fn statement(&mut self, subject: Subject, place: Place, current: bool) -> Value {
        let deny = match place {
            // Only AWS's own RCPFullAWSAccess allows.
            Place::Rcp => true,
            Place::Scp => self.once_in(2),
            _ if matches!(self.focus, Focus::Conditions | Focus::Matching) => self.once_in(2),
            _ => self.once_in(5),
        };
        let mut statement = json!({"Effect": if deny { "Deny" } else { "Allow" }});
        match place {
            Place::Identity | Place::Scp => {}
            Place::Rcp => statement["Principal"] = json!("*"),
            Place::Endpoint => {
                statement["Principal"] = match self.below(6) {
                    0..=3 => json!("*"),
                    4 => json!({"AWS": "*"}),
                    _ => json!({"AWS": "arn:aws:iam::111122223333:root"}),
                };
            }
            Place::BucketPolicy | Place::KeyPolicy | Place::TrustPolicy => {
                let excepts = place != Place::TrustPolicy && self.once_in(8);
                let element = if excepts { "NotPrincipal" } else { "Principal" };
                let everyone = match self.focus {
                    Focus::Conditions | Focus::Matching => true,
                    Focus::Public => self.below(4) != 3,
                    _ => false,
                };
                if everyone {
                    statement["Principal"] = json!("*");
                } else {
                    statement[element] = self.principals(place, excepts);
                }
            }
        }
        self.actions_and_resources(&mut statement, subject, place, deny, current);
        // An SCP's Allow had no conditions.
        let plain_allow = place == Place::Scp && !deny;
        let conditional = match self.focus {
            Focus::Conditions | Focus::Public => true,
            Focus::Matching => false,
            _ => self.once_in(if deny { 2 } else { 3 }),
        };
        if !plain_allow && conditional {
            let conditions = self.conditions(&statement, subject, place, deny, current);
            statement["Condition"] = conditions;
        }
        statement
    }

    fn principals(&mut self, place: Place, excepts: bool) -> Value {
        if !excepts && self.below(3) == 0 {
            return self.pick(&[json!("*"), json!({"AWS": "*"})].each_ref()).clone();
        }
        let aws = [
            "arn:aws:iam::111122223333:user/alice",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::444455556666:root",
            "arn:aws:iam::444455556666:user/carol",
            "arn:aws:iam::111122223333:role/app",
            "arn:aws:sts::111122223333:assumed-role/app/s1",
            "arn:aws:iam::111122223333:user/team/bob",
            "arn:aws:iam::111122223333:role/service/deploy",
            "arn:aws:sts::111122223333:assumed-role/deploy/s1",
            "arn:aws:iam::444455556666:role/ext",
            "arn:aws:sts::444455556666:assumed-role/ext/s1",
            "arn:aws:sts::111122223333:federated-user/fed",
            "arn:aws:sts::444455556666:federated-user/fed",
            "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
            OWNER,
            OTHER,
            "AIDACKCEVSQ6C2EXAMPLE",
            "AROADBQP57FF2AEXAMPLE",
        ];
        // A NotPrincipal list is often the whole chain of a requester.
        let chains: [&[&str]; 4] =
            [&[aws[0], aws[1]], &[aws[4], aws[5], OWNER], &[aws[3], OTHER], &[aws[11], aws[0], aws[1]]];
        let mut principals = Map::new();
        let named = if excepts && self.below(2) == 0 {
            self.pick(&chains).iter().map(|name| (*name).to_owned()).collect()
        } else if place == Place::BucketPolicy {
            let mut pool = aws.to_vec();
            pool.push(OAI_ARN);
            self.some(&pool)
        } else {
            self.some(&aws)
        };
        let named = self.texts(named);
        let services = ["cloudfront.amazonaws.com", "ec2.amazonaws.com"];
        match self.below(8) {
            6 => {
                let service = self.some(&services);
                let service = self.texts(service);
                principals.insert("Service".to_owned(), service);
                if self.once_in(2) {
                    principals.insert("AWS".to_owned(), named);
                }
            }
            7 if place == Place::BucketPolicy => {
                let canonical = self.some(&[OWNER_CANONICAL, OTHER_CANONICAL, OAI_CANONICAL]);
                let canonical = self.texts(canonical);
                principals.insert("CanonicalUser".to_owned(), canonical);
            }
            _ => {
                principals.insert("AWS".to_owned(), named);
            }
        }
        Value::Object(principals)
    }

    // -----------------------------------------------------------------------------------------
    // Actions and resources

    fn actions_and_resources(
        &mut self,
        statement: &mut Value,
        subject: Subject,
        place: Place,
        deny: bool,
        current: bool,
    ) {
        match place {
            Place::Identity if self.focus == Focus::Conditions => {
                statement["Action"] = json!("*");
                statement["Resource"] = json!("*");
            }
            Place::BucketPolicy if self.focus == Focus::Conditions => {
                statement["Action"] = json!([OBJECT_ACTIONS, BUCKET_ACTIONS].concat());
                statement["Resource"] = json!([BUCKET_ARN, format!("{BUCKET_ARN}/*")]);
            }
            Place::TrustPolicy => {
                let actions =
                    self.pick(&[&["sts:AssumeRole"][..], &["sts:AssumeRole", "sts:TagSession"], &["sts:TagSession"]]);
                statement["Action"] = self.texts(actions.iter().map(ToString::to_string).collect());
            }
            Place::KeyPolicy => {
                let not = self.once_in(8);
                let actions = self.some(&["kms:Decrypt", "kms:*", "kms:Encrypt", "kms:De*", "KMS:decrypt"]);
                statement[if not { "NotAction" } else { "Action" }] = self.texts(actions);
                statement["Resource"] = json!("*");
            }
            Place::BucketPolicy => self.within_the_bucket(statement, current),
            Place::Scp | Place::Rcp => {
                // Rcp: no NotAction. Scp: no NotResource, and an Allow has all resources.
                let not = place == Place::Scp && deny && self.once_in(6);
                let actions = self.some(&["*", "s3:*", "s3:Get*", "kms:*", "sts:*", "s3:PutObject"]);
                statement[if not { "NotAction" } else { "Action" }] = self.texts(actions);
                statement["Resource"] = json!("*");
                if deny && self.once_in(3) {
                    let not = place == Place::Rcp && self.once_in(4);
                    let resources = self.resources(subject, current);
                    statement[if not { "NotResource" } else { "Resource" }] = resources;
                    if not {
                        statement.as_object_mut().expect("an object").remove("Resource");
                    }
                }
            }
            Place::Identity | Place::Endpoint => {
                let mut pool = vec!["*"];
                pool.extend_from_slice(match subject {
                    Subject::Bucket => &[
                        "s3:*",
                        "s3:GetObject",
                        "s3:*Object*",
                        "s3:?etObject",
                        "S3:getobject",
                        "s3:ListBucket",
                        "s3:Put*",
                        "s3:*Acl",
                        "s3:DeleteObject",
                        "s3:NoSuchAction",
                        "s3:Get*t",
                    ],
                    Subject::Key => &["kms:*", "kms:Decrypt", "kms:De*", "kms:Encrypt"],
                    Subject::Role => &["sts:*", "sts:AssumeRole", "sts:Assume*", "sts:TagSession"],
                    Subject::Topic => &["sns:*", "sns:Publish", "sns:Get*"],
                });
                let not = self.once_in(8);
                let actions = self.some(&pool);
                statement[if not { "NotAction" } else { "Action" }] = self.texts(actions);
                let not = self.once_in(8);
                let mut resources = if self.below(3) == 0 { json!("*") } else { self.resources(subject, current) };
                if place == Place::Identity
                    && self.once_in(10)
                    && let Some(arn) = resources.as_str()
                {
                    // Only identity policies may leave the partition open.
                    resources = json!(arn.replace("arn:aws:", "arn:*:"));
                }
                statement[if not { "NotResource" } else { "Resource" }] = resources;
                if place == Place::Identity && self.once_in(40) {
                    // Accepted, and matches nothing.
                    let element = if statement.get("Action").is_some() { "Action" } else { "Resource" };
                    if statement.get(element).is_some() {
                        statement[element] = json!([]);
                    }
                }
            }
        }
    }

    fn resources(&mut self, subject: Subject, current: bool) -> Value {
        let pool: &[&str] = match subject {
            Subject::Bucket => {
                let count = if current { 19 } else { 14 };
                &[
                    "arn:aws:s3:::amzn-demo-bucket/*",
                    "arn:aws:s3:::amzn-demo-bucket",
                    "arn:aws:s3:::amzn-demo-bucket*",
                    "arn:aws:s3:::*",
                    "arn:aws:s3:::amzn-demo-bucket/pub/*",
                    "arn:aws:s3:::amzn-demo-bucket/home/*/x",
                    "arn:aws:s3:::amzn-demo-bucket/?.txt",
                    "arn:aws:s3:::amzn-demo-bucket/a?b",
                    "arn:aws:s3:::other/*",
                    "arn:aws:s3:::amzn-????-bucket/k*",
                    "arn:aws:s3:::AMZN-demo-bucket/*",
                    "arn:aws:s3:::amzn-demo-bucket/home/${aws:username}/*",
                    "arn:aws:s3:::amzn-demo-bucket/home/${aws:PrincipalTag/dir}/*",
                    "arn:aws:s3:::amzn-demo-bucket/a${*}b",
                    // Defaults hold a space and quotes, which the older version may not take.
                    "arn:aws:s3:::amzn-demo-bucket/home/${aws:PrincipalTag/dir, 'pub'}/*",
                    "arn:aws:s3:::amzn-demo-bucket/home/${AWS:principaltag/DIR}/x",
                    "arn:aws:s3:::amzn-demo-bucket/a${?}b",
                    "arn:aws:s3:::amzn-demo-bucket/home/${aws:TagKeys}/*",
                    "arn:aws:s3:::amzn-demo-bucket/${$}*",
                ][..count]
            }
            Subject::Key => &[
                KEY_ARN,
                "arn:aws:kms:*:111122223333:key/*",
                "arn:aws:kms:us-east-1:444455556666:key/*",
                "arn:aws:kms:us-east-1:111122223333:alias/reports",
            ],
            Subject::Role => &[
                TARGET_ROLE,
                "arn:aws:iam::111122223333:role/*",
                "arn:aws:iam::*:role/target",
                "arn:aws:iam::111122223333:role/${aws:username}",
            ],
            Subject::Topic => &[TOPIC_ARN, "arn:aws:sns:*:*:t", "arn:aws:sns:us-east-1:444455556666:*"],
        };
        let resources = self.some(pool);
        self.texts(resources)
    }

    /// S3 stores a bucket policy only if every action applies to some resource of the statement.
    fn within_the_bucket(&mut self, statement: &mut Value, current: bool) {
        let mut objects = vec![
            "arn:aws:s3:::amzn-demo-bucket/*",
            "arn:aws:s3:::amzn-demo-bucket/pub/*",
            "arn:aws:s3:::amzn-demo-bucket/home/*",
            "arn:aws:s3:::amzn-demo-bucket/a?b",
            "arn:aws:s3:::amzn-demo-bucket/k.txt",
        ];
        if current {
            objects.push("arn:aws:s3:::amzn-demo-bucket/home/${aws:username}/*");
            objects.push("arn:aws:s3:::amzn-demo-bucket/home/${aws:PrincipalTag/dir}/*");
        }
        let mut resources = self.some(&objects);
        let shape = self.below(6);
        let actions = match shape {
            0 | 1 => self.some(OBJECT_ACTIONS),
            2 => self.some(&["s3:Get*", "s3:GetObject*", "s3:*Object", "s3:putobject"]),
            3 => {
                resources = vec![BUCKET_ARN.to_owned()];
                self.some(BUCKET_ACTIONS)
            }
            _ => {
                resources.push(BUCKET_ARN.to_owned());
                let pool = [OBJECT_ACTIONS, BUCKET_ACTIONS].concat();
                if self.once_in(2) { self.some(&pool) } else { vec!["s3:*".to_owned()] }
            }
        };
        // All actions but some fit only a statement with bucket and objects.
        let not = shape == 5 && self.once_in(3);
        statement[if not { "NotAction" } else { "Action" }] = self.texts(actions);
        let not = shape != 3 && self.once_in(10);
        statement[if not { "NotResource" } else { "Resource" }] = self.texts(resources);
    }

    // -----------------------------------------------------------------------------------------
    // Conditions

    fn conditions(&mut self, statement: &Value, subject: Subject, place: Place, deny: bool, current: bool) -> Value {
        let mut conditions = Map::new();
        for _ in 0..self.pick(&[1, 1, 1, 2, 0]) {
            let mut key = self.key(subject, Some(place));
            // Often a key that the request has.
            let present: Vec<&Key> = KEYS.iter().filter(|key| self.context.contains_key(key.name)).collect();
            let often = if self.focus == Focus::Conditions { 4 } else { 2 };
            if self.focus != Focus::Public && !present.is_empty() && self.below(often) != 0 {
                key = self.pick(&present);
            }
            // In a bucket policy every action named must support a key of S3.
            let explicit = statement.get("NotAction").is_none() && !statement["Action"].to_string().contains('*');
            if place == Place::BucketPolicy && key.name.starts_with("s3:") && !explicit {
                key = &KEYS[0];
            }
            let (operator, operands) = self.condition(key, place, deny, current);
            let keys = conditions.entry(operator).or_insert_with(|| json!({}));
            // The case of a key's name does not matter, but no two may differ by it alone.
            let shout = place == Place::Identity && self.once_in(8) && keys.get(key.name).is_none();
            let name = if shout { key.name.to_uppercase() } else { key.name.to_owned() };
            let twin = |known: &String| known.eq_ignore_ascii_case(&name) && *known != name;
            if !keys.as_object().expect("made above").keys().any(twin) {
                keys[name] = operands;
            }
        }
        Value::Object(conditions)
    }

    fn condition(&mut self, key: &Key, place: Place, deny: bool, current: bool) -> (String, Value) {
        if self.once_in(10) {
            let operand = self.pick(&[json!("true"), json!("false"), json!(true)].each_ref()).clone();
            return ("Null".to_owned(), operand);
        }
        let types = [Type::Text, Type::Number, Type::Date, Type::Bool, Type::Binary, Type::Address, Type::Arn];
        // Operators that do not suit the key, but not where S3 or its definition of public looks.
        let mut of = if place == Place::Identity && self.once_in(6) { self.pick(&types) } else { key.of };
        if key.of == Type::Number && of == Type::Date {
            // Whether an epoch may have a sign or a fraction is not documented.
            of = Type::Number;
        }
        let operator = self.pick(operators(of));
        let negated = operator.contains("Not");
        let mut qualifier = self.pick(&["", "", "", "", "ForAllValues:", "ForAnyValue:"]);
        // A key for several values that has none, under a plain operator, is not documented.
        if self.context.get(key.name) == Some(&json!([])) && key.values[0].starts_with('|') {
            qualifier = "ForAllValues:";
        }
        let suffix = self.pick(&["", "", "IfExists"]);

        // What an unreadable or missing operand means is documented only for a key with a value; and
        // beside readable operands only for operators that are not negated.
        let has_value = self.context.get(key.name).is_some_and(|value| {
            value.as_str().is_some_and(|text| !text.is_empty())
                || value.as_array().is_some_and(|list| !list.is_empty() && *list != [json!("")])
        });
        // S3 reads address ranges when it stores a bucket policy; malformed ARNs likewise stay out.
        let strict = place != Place::Identity && matches!(of, Type::Address | Type::Arn);
        let mut operands = self.some(operand_pool(of, key.name, current));
        if has_value && !strict && self.once_in(8) {
            let malformed = self.some(malformed_operands(of));
            if !malformed[0].is_empty() {
                if negated {
                    operands = malformed;
                } else {
                    operands.extend(malformed);
                }
            }
        }
        // An empty list in an Allow of a bucket policy: whether that is public is not documented.
        if has_value && (deny || place == Place::Identity) && self.once_in(20) {
            operands.clear();
        }
        let operands = operands.into_iter().map(|operand| self.spell(operand)).collect();
        (format!("{qualifier}{operator}{suffix}"), self.single_or_list(operands))
    }

    /// Whole numbers and booleans may stand in a policy as such.
    fn spell(&mut self, operand: String) -> Value {
        let native = operand.parse::<u32>().is_ok_and(|number| number.to_string() == operand)
            || operand == "true"
            || operand == "false";
        if native && self.once_in(3) {
            serde_json::from_str(&operand).expect("whole numbers and booleans are JSON")
        } else {
            Value::String(operand)
        }
    }
}

fn resource_place(subject: Subject) -> Option<Place> {
    match subject {
        Subject::Bucket => Some(Place::BucketPolicy),
        Subject::Key => Some(Place::KeyPolicy),
        Subject::Role => Some(Place::TrustPolicy),
        Subject::Topic => None,
    }
}

/// Root and canonical users carry no policies, and the rest has no identity side at all.
fn carries_policies(principal: &Value) -> bool {
    ["user", "role-session", "federated"].iter().any(|kind| principal["kind"] == *kind)
}

fn allow_all() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
}

/// Allows everything that a resource policy of this place can.
fn allow_whole(place: Place, principal: &Value) -> Value {
    match place {
        Place::BucketPolicy => json!({"Effect": "Allow", "Principal": principal, "Action": "s3:*",
            "Resource": [BUCKET_ARN, format!("{BUCKET_ARN}/*")]}),
        Place::KeyPolicy => {
            json!({"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"})
        }
        _ => json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}),
    }
}

fn operators(of: Type) -> &'static [&'static str] {
    match of {
        Type::Text => &[
            "StringEquals",
            "StringNotEquals",
            "StringLike",
            "StringNotLike",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
        ],
        Type::Number => &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        Type::Date => &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        Type::Bool => &["Bool"],
        Type::Binary => &["BinaryEquals"],
        Type::Address => &["IpAddress", "NotIpAddress"],
        Type::Arn => &["ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"],
    }
}

/// Operands that can be read; those with variables come last and only where `current` knows them.
fn operand_pool(of: Type, key: &str, current: bool) -> &'static [&'static str] {
    match of {
        Type::Text => match key {
            "aws:PrincipalAccount" | "aws:SourceAccount" | "aws:ResourceAccount" => &[OWNER, OTHER, "1111*"],
            "s3:ResourceAccount" if current => &[OWNER, OTHER, "${aws:PrincipalAccount}"],
            "aws:SourceVpce" => &["vpce-1", "vpce-2", "vpce-*", "VPCE-1"],
            "aws:TagKeys" | "s3:RequestObjectTagKeys" => &["red", "blue", "r*", "RED", "green"],
            "aws:PrincipalOrgID" => &["o-abc1234567", "o-*"],
            "aws:CalledVia" => &["athena.amazonaws.com", "*.amazonaws.com", "x"],
            "aws:userid" => &["AIDACKCEVSQ6C2EXAMPLE", "AROADBQP57FF2AEXAMPLE:*", "111122223333:fed", OWNER],
            "aws:PrincipalType" => &["User", "AssumedRole", "Account", "Anonymous", "FederatedUser"],
            "s3:authType" => &["REST-HEADER", "REST-*", "POST"],
            "s3:signatureversion" => &["AWS4-HMAC-SHA256", "AWS"],
            "s3:x-amz-content-sha256" => &["UNSIGNED-PAYLOAD"],
            "s3:x-amz-acl" => &["private", "public-*"],
            "s3:prefix" => &["home/", "", "home/*"],
            "s3:ExistingObjectTag/k" => &["v", "w", "?"],
            "sts:ExternalId" => &["secret", "sec?et"],
            "aws:UserAgent" => &["curl", "curl*", "caf?"],
            _ if key.starts_with("kms:") => &["finance", "prod", "f*"],
            _ if current => &[
                "alice",
                "Alice",
                "a*",
                "*",
                "",
                "pub",
                "al?ce",
                "${aws:username}",
                "${aws:PrincipalTag/dir}",
                "${*}",
                "${?}",
                "${aws:PrincipalTag/team, 'alice'}",
                "${aws:PrincipalTag/none}",
                "${aws:TagKeys}",
            ],
            _ => &["alice", "Alice", "a*", "*", "", "pub", "al?ce", "${aws:username}"],
        },
        Type::Number => &["3600", "900", "0", "3600.5", "-1", "-2", "+900", "0900.0", "10"],
        Type::Date => &[
            "2026-11-22T09:00:00Z",
            "2026-11-22",
            "2026-11-22T10:00+01:00",
            "1795338000",
            "2026",
            "2027",
            "2026-12",
            "2026-11-22T08:59:59.500Z",
            "2026-11-22T08:59:59Z",
        ],
        Type::Bool => &["true", "false", "True"],
        Type::Binary => &["QUJD", "QUJE", "QQ=="],
        Type::Address => &[
            "203.0.113.0/24",
            "203.0.113.7",
            "10.0.0.0/8",
            "2001:db8::/32",
            "0.0.0.0/0",
            "203.0.113.77/24",
            "2001:DB8:0::1",
            "::/0",
            "192.0.0.0/7",
            "fd00::/16",
            "::ffff:203.0.113.0/120",
        ],
        Type::Arn if current => &[
            "arn:aws:iam::111122223333:user/alice",
            "arn:aws:iam::111122223333:role/*",
            "arn:aws:iam::*:user/*",
            TOPIC_ARN,
            "arn:aws:sns:*:*:*",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::444455556666:role/ext",
            "arn:aws:s3:::amzn-????-bucket",
            "arn:aws:iam::111122223333:user/${aws:username}",
            "arn:aws:iam::${aws:PrincipalAccount}:user/alice",
            "arn:aws:iam::111122223333:user/${aws:PrincipalTag/dir}",
            "arn:aws:iam::111122223333:user/${aws:PrincipalTag/none, 'alice'}",
        ],
        Type::Arn => &[
            "arn:aws:iam::111122223333:user/alice",
            "arn:aws:iam::111122223333:role/*",
            TOPIC_ARN,
            "arn:aws:sns:*:*:*",
        ],
    }
}

/// Operands that are stored although they can never match; an empty text stands for none.
fn malformed_operands(of: Type) -> &'static [&'static str] {
    match of {
        Type::Text => &[""],
        Type::Number => &["abc", "1e3", "12a"],
        Type::Date => &["yesterday", "2026-13-01", "2026-11-22T25:00:00Z"],
        Type::Bool => &["yes", "1"],
        Type::Binary => &["no base64!", "QUJ"],
        Type::Address => &["203.0.113.0/33", "banana"],
        Type::Arn => &["not-an-arn", "alice"],
    }
}
