//! Random worlds: accounts, users, groups, boundaries, control policies, buckets of all kinds.
//!
//! Names, keys and values come from small pools, so that policies and requests meet often. Every policy is one that
//! AWS would store in its place.

use serde_json::{Map, Value, json};

pub const PROD: &str = "111122223333";
pub const DEV: &str = "444455556666";
pub const MANAGEMENT: &str = "999900001111";
pub const PROD_CANONICAL: &str = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
pub const DEV_CANONICAL: &str = "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2";
pub const MANAGEMENT_CANONICAL: &str = "c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3";

/// Every bucket with the account that owns it.
pub const BUCKETS: [(&str, &str); 3] = [("reports", PROD), ("media", PROD), ("shared", DEV)];
/// Keys of objects; which of them are there differs from bucket to bucket.
pub const KEYS: [&str; 12] = [
    "k.txt",
    "pub/x",
    "pub/y",
    "home/alice/x",
    "home/bob/x",
    "home//x",
    "home/carol/x",
    "ab",
    "a b",
    "logs/2024/1",
    "naïve+1",
    "logs/2024/2",
];

const OBJECT_READS: &[&str] = &["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectAcl"];
const OBJECT_WRITES: &[&str] = &["s3:PutObject"];
const OBJECTS: &[&str] = &[
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:GetObjectAcl",
    "s3:PutObjectAcl",
    "s3:GetObjectTagging",
    "s3:PutObjectTagging",
];
const LISTS: &[&str] = &["s3:ListBucket"];
const ON_BUCKET: &[&str] = &["s3:ListBucket", "s3:GetBucketAcl", "s3:GetBucketPolicy", "s3:PutBucketTagging"];

/// Operator, key and lists of operands.
type Condition = (&'static str, &'static str, &'static [&'static [&'static str]]);

/// Conditions that fit every policy.
const ANYWHERE: &[Condition] = &[
    ("IpAddress", "aws:SourceIp", &[&["127.0.0.0/8"], &["10.0.0.0/8", "127.0.0.1"], &["203.0.113.0/24"]]),
    ("NotIpAddress", "aws:SourceIp", &[&["127.0.0.1/32"], &["10.0.0.0/8"]]),
    ("Bool", "aws:SecureTransport", &[&["false"], &["true"]]),
    ("StringLike", "aws:UserAgent", &[&["curl/*"], &["*zilla*", "aws-?li"]]),
    ("StringNotLike", "aws:UserAgent", &[&["curl/*"], &["x"]]),
    ("StringLike", "aws:Referer", &[&["https://example.com/*"]]),
    ("StringNotEqualsIfExists", "aws:Referer", &[&["https://EXAMPLE.com/"]]),
    ("Null", "aws:Referer", &[&["true"], &["false"]]),
    ("Null", "aws:MultiFactorAuthPresent", &[&["true"]]),
    ("BoolIfExists", "aws:MultiFactorAuthPresent", &[&["false"], &["true"]]),
    ("Null", "aws:TokenIssueTime", &[&["true"], &["false"]]),
    ("Null", "aws:SourceVpce", &[&["true"]]),
    ("DateGreaterThan", "aws:CurrentTime", &[&["2020-01-01T00:00:00Z"], &["2100-01-01T00:00:00Z"]]),
    ("NumericLessThan", "aws:EpochTime", &[&["4102444800"], &["1"]]),
    ("StringEquals", "aws:PrincipalAccount", &[&[PROD], &[DEV, MANAGEMENT]]),
    ("StringEquals", "aws:ResourceAccount", &[&[PROD], &[DEV]]),
    ("StringNotEquals", "aws:ResourceAccount", &[&["${aws:PrincipalAccount}"], &[DEV]]),
    ("StringEquals", "aws:PrincipalOrgID", &[&["o-a1b2c3d4e5"], &["o-other12345"]]),
    ("StringNotEquals", "aws:ResourceOrgID", &[&["o-a1b2c3d4e5"], &["${aws:PrincipalOrgID}"]]),
    ("Null", "aws:ResourceOrgID", &[&["true"], &["false"]]),
    ("StringLike", "aws:username", &[&["al*"], &["?ob", "carol"]]),
    ("StringLike", "aws:userid", &[&["AIDA*"], &["111122223333"]]),
    ("StringEquals", "aws:PrincipalType", &[&["User"], &["Account"], &["Anonymous"]]),
    ("StringEquals", "aws:PrincipalTag/team", &[&["finance"], &["blue"]]),
    ("ForAnyValue:StringEquals", "aws:PrincipalTag/Dir", &[&["pub"]]),
    ("ArnLike", "aws:PrincipalArn", &[&["arn:aws:iam::*:user/*"], &["arn:aws:iam::111122223333:root"]]),
    ("StringEquals", "aws:RequestedRegion", &[&["us-east-1"], &["eu-west-1"]]),
    ("Bool", "aws:PrincipalIsAWSService", &[&["false"], &["true"]]),
    ("Bool", "aws:ViaAWSService", &[&["false"]]),
];
/// Keys of S3 that every action brings.
const ANY_S3: &[Condition] = &[
    ("StringEquals", "s3:authType", &[&["REST-HEADER"], &["REST-QUERY-STRING", "POST"]]),
    ("StringNotEquals", "s3:signatureversion", &[&["AWS4-HMAC-SHA256"], &["AWS"]]),
    ("NumericGreaterThan", "s3:signatureAge", &[&["600000"]]),
    ("Null", "s3:signatureAge", &[&["true"], &["false"]]),
    ("StringEquals", "s3:x-amz-content-sha256", &[&["UNSIGNED-PAYLOAD"]]),
    ("StringNotEquals", "s3:x-amz-content-sha256", &[&["UNSIGNED-PAYLOAD"]]),
    ("StringEquals", "s3:ResourceAccount", &[&[PROD], &[DEV]]),
    ("NumericLessThan", "s3:TlsVersion", &[&["1.3"]]),
];
const OF_LISTS: &[Condition] = &[
    ("StringLike", "s3:prefix", &[&["home/*"], &["", "pub/"], &["home/${aws:username}/*"]]),
    ("StringNotEquals", "s3:delimiter", &[&["/"]]),
    ("NumericLessThanEquals", "s3:max-keys", &[&["10"], &["1000"]]),
    ("Null", "s3:prefix", &[&["true"], &["false"]]),
];
const OF_WRITES: &[Condition] = &[
    ("StringEquals", "s3:x-amz-acl", &[&["bucket-owner-full-control"], &["private", "public-read"]]),
    ("StringNotEquals", "s3:x-amz-acl", &[&["bucket-owner-full-control"]]),
    ("StringEquals", "s3:x-amz-storage-class", &[&["STANDARD"], &["STANDARD_IA"]]),
    ("StringNotEquals", "s3:x-amz-server-side-encryption", &[&["AES256"]]),
    ("StringEquals", "s3:RequestObjectTag/env", &[&["dev"], &["prod"]]),
    ("ForAllValues:StringEquals", "s3:RequestObjectTagKeys", &[&["env"], &["env", "team"]]),
    ("ForAnyValue:StringEquals", "s3:RequestObjectTagKeys", &[&["team"]]),
    ("Null", "s3:x-amz-grant-read", &[&["true"], &["false"]]),
    ("Null", "s3:if-none-match", &[&["false"]]),
    ("Bool", "s3:ObjectCreationOperation", &[&["true"], &["false"]]),
    ("StringLike", "s3:x-amz-copy-source", &[&["/reports/*"], &["media/*", "shared/pub/*"]]),
    ("StringEquals", "s3:x-amz-metadata-directive", &[&["REPLACE"], &["COPY"]]),
];
const OF_READS: &[Condition] = &[
    ("StringEquals", "s3:ExistingObjectTag/env", &[&["dev"], &["prod", "dev"]]),
    ("StringNotEquals", "s3:ExistingObjectTag/env", &[&["dev"]]),
    ("Null", "s3:ExistingObjectTag/team", &[&["true"], &["false"]]),
];

/// Numbers that follow from a seed (`SplitMix64`).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).expect("31 bits") % n
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, pool: &[T]) -> T {
        pool[self.below(pool.len())]
    }

    /// One to three of the pool.
    fn some<'p>(&mut self, pool: &[&'p str]) -> Vec<&'p str> {
        let count = self.pick(&[1, 1, 2, 3]);
        (0..count).map(|_| self.pick(pool)).collect()
    }

    // ---- the world ----

    pub fn world(&mut self) -> Value {
        let mut world = json!({"version": 1, "region": "us-east-1", "accounts": [
            {"id": PROD, "name": "prod", "canonical_id": PROD_CANONICAL, "email": "prod@example.com",
             "root": keys("PRODROOT"),
             "policies": [{"name": "managed", "document": self.identity()}, {"name": "bound", "document": self.wide()}],
             "groups": [{"name": "analysts", "inline": [{"name": "of-group", "document": self.identity()}]}]},
            {"id": DEV, "name": "dev", "canonical_id": DEV_CANONICAL, "email": "dev@example.com",
             "root": keys("DEVROOT"), "policies": [{"name": "bound", "document": self.wide()}]},
            {"id": MANAGEMENT, "name": "payer", "canonical_id": MANAGEMENT_CANONICAL, "root": keys("PAYERROOT")},
        ]});
        world["accounts"][0]["users"] = json!([
            self.user(
                "alice",
                json!({"path": "/", "id": "AIDAALICE", "tags": {"team": "finance", "dir": "alice"},
                "groups": ["analysts"]})
            ),
            self.user(
                "bob",
                json!({"path": "/team/", "id": "AIDABOB", "tags": {"dir": "pub"}, "attached": ["managed"]})
            ),
        ]);
        world["accounts"][1]["users"] =
            json!([self.user("carol", json!({"id": "AIDACAROL", "tags": {"team": "blue"}}))]);
        world["accounts"][2]["users"] = json!([self.user("mia", json!({"id": "AIDAMIA"}))]);
        for (at, name) in [(0, "reports"), (0, "media"), (1, "shared")] {
            let bucket = self.bucket(name);
            let account = world["accounts"][at].as_object_mut().expect("an object");
            account.entry("buckets").or_insert_with(|| json!([])).as_array_mut().expect("a list").push(bucket);
        }
        for at in 0..2 {
            if self.one_in(4) {
                world["accounts"][at]["public_access_block"] = self.block();
            }
        }
        if !self.one_in(3) {
            world["organization"] = self.organization();
        }
        world
    }

    fn user(&mut self, name: &str, mut user: Value) -> Value {
        user["name"] = json!(name);
        user["access_keys"] = keys(&name.to_uppercase())["access_keys"].take();
        if !self.one_in(6) {
            user["inline"] = json!([{"name": format!("{name}-own"), "document": self.identity()}]);
        }
        if name != "mia" && self.one_in(4) {
            user["boundary"] = json!("bound");
        }
        user
    }

    fn organization(&mut self) -> Value {
        let accounts = if self.one_in(3) { json!([]) } else { json!([DEV]) };
        let mut root = json!({"accounts": accounts, "units": [{"name": "workloads", "accounts": [PROD]}]});
        if !self.one_in(3) {
            root["scp"] = json!([self.service_control()]);
        }
        if !self.one_in(3) {
            root["rcp"] = json!([full_resource_control(), self.resource_control()]);
        }
        if self.one_in(3) {
            root["units"][0]["scp"] = json!([self.service_control(), allow_all()]);
        }
        let mut organization = json!({"id": "o-a1b2c3d4e5", "management_account": MANAGEMENT, "root": root});
        if self.one_in(4) {
            organization["account_rcp"] = json!({PROD: [full_resource_control(), self.resource_control()]});
        }
        organization
    }

    fn block(&mut self) -> Value {
        let mut flags = json!({});
        for flag in ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"] {
            flags[flag] = json!(self.one_in(3));
        }
        flags
    }

    fn bucket(&mut self, name: &str) -> Value {
        let mut bucket = json!({"name": name});
        if !self.one_in(6) {
            bucket["public_access_block"] = if self.one_in(2) { json!({}) } else { self.block() };
        }
        let ownership = self.pick(&["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter", "ObjectWriter"]);
        bucket["object_ownership"] = json!(ownership);
        if ownership != "BucketOwnerEnforced" && !self.one_in(3) {
            bucket["acl"] = self.acl();
        }
        if !self.one_in(4) {
            bucket["policy"] = self.bucket_policy(name);
        }
        let mut objects = Vec::new();
        for key in KEYS {
            if self.one_in(4) {
                continue;
            }
            let mut object = json!({"key": key});
            if let Some(owner) = self.pick(&[None, None, Some(PROD_CANONICAL), Some(DEV_CANONICAL)]) {
                object["owner"] = json!(owner);
            }
            if self.one_in(3) {
                object["acl"] = self.acl();
            }
            object["tags"] =
                self.pick(&[&json!({}), &json!({"env": "dev"}), &json!({"env": "prod", "team": "finance"})]).clone();
            objects.push(object);
        }
        bucket["objects"] = json!(objects);
        bucket
    }

    fn acl(&mut self) -> Value {
        let group =
            |name: &str| json!({"type": "Group", "id": format!("http://acs.amazonaws.com/groups/global/{name}")});
        let account = |id: &str| json!({"type": "CanonicalUser", "id": id});
        let count = 1 + self.below(3);
        (0..count)
            .map(|_| {
                let grantee = match self.below(8) {
                    0 | 1 => account(PROD_CANONICAL),
                    2 | 3 => account(DEV_CANONICAL),
                    4 => account(MANAGEMENT_CANONICAL),
                    5 => group("AllUsers"),
                    6 => group("AuthenticatedUsers"),
                    _ => json!({"type": "Email", "id": self.pick(&["dev@example.com", "Prod@example.com"])}),
                };
                let permission = self.pick(&["READ", "READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"]);
                json!({"grantee": grantee, "permission": permission})
            })
            .collect()
    }

    // ---- policies ----

    /// An identity policy: mostly a wide Allow with exceptions.
    fn identity(&mut self) -> Value {
        let mut statements = Vec::new();
        if !self.one_in(5) {
            statements.push(json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}));
        }
        for _ in 0..=self.below(3) {
            statements.push(self.statement(true));
        }
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    /// Allows nearly everything: for boundaries.
    fn wide(&mut self) -> Value {
        let mut statements = vec![json!({"Effect": "Allow", "NotAction": "s3:GetBucketAcl", "Resource": "*"})];
        if self.one_in(2) {
            statements.push(self.statement(true));
        }
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    fn service_control(&mut self) -> Value {
        let mut statement = self.statement(false);
        statement["Effect"] = json!("Deny");
        let mut policy = allow_all();
        policy["Statement"].as_array_mut().expect("a list").push(statement);
        policy
    }

    fn resource_control(&mut self) -> Value {
        let mut statement =
            json!({"Effect": "Deny", "Principal": "*", "Resource": self.pick(&["*", "arn:aws:s3:::*/pub/*"])});
        statement["Action"] = json!(self.pick(&["s3:*", "s3:Get*", "s3:PutObject", "s3:ListAllMyBuckets"]));
        statement["Condition"] = self.conditions(&[ANYWHERE, ANY_S3], 1);
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }

    fn statement(&mut self, identity: bool) -> Value {
        let actions = [
            "s3:*",
            "s3:Get*",
            "s3:GetObject",
            "s3:*Object",
            "s3:List*",
            "s3:ListAllMyBuckets",
            "s3:Put*",
            "s3:PutObjectTagging",
            "s3:PutObjectAcl",
            "s3:*Acl",
            "s3:DeleteObject",
            "s3:CreateBucket",
            "*",
        ];
        let resources = [
            "*",
            "*",
            "arn:aws:s3:::*",
            "arn:aws:s3:::reports",
            "arn:aws:s3:::reports/*",
            "arn:aws:s3:::media*",
            "arn:aws:s3:::shared/*",
            "arn:aws:s3:::*/pub/*",
            "arn:aws:s3:::*/home/${aws:username}/*",
            "arn:aws:s3:::*/home/${aws:PrincipalTag/dir, 'carol'}/*",
            "arn:aws:s3:::*/a?b",
        ];
        let mut statement = json!({"Effect": self.pick(&["Allow", "Allow", "Deny"])});
        let not = self.one_in(8);
        statement[if not { "NotAction" } else { "Action" }] = json!(self.some(&actions));
        let not = identity && self.one_in(10);
        statement[if not { "NotResource" } else { "Resource" }] = json!(self.some(&resources));
        if statement["Effect"] == "Deny" || self.one_in(2) {
            let most = if self.one_in(3) { 2 } else { 1 };
            statement["Condition"] = self.conditions(&[ANYWHERE, ANY_S3, OF_LISTS, OF_WRITES, OF_READS], most);
        }
        statement
    }

    fn bucket_policy(&mut self, bucket: &str) -> Value {
        let count = 1 + self.below(3);
        let statements: Vec<Value> = (0..count).map(|_| self.bucket_statement(bucket)).collect();
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    /// Every action of a statement must apply to a resource of it, and support its keys.
    fn bucket_statement(&mut self, bucket: &str) -> Value {
        let own = format!("arn:aws:s3:::{bucket}");
        let some_objects = format!("{own}/{}", self.pick(&["*", "*", "pub/*", "home/${aws:username}/*", "a?b"]));
        let (pool, resources, families): (_, _, &[&[Condition]]) = match self.below(6) {
            0 => (LISTS, vec![own], &[ANYWHERE, ANY_S3, OF_LISTS]),
            1 => (ON_BUCKET, vec![own], &[ANYWHERE, ANY_S3]),
            2 => (OBJECT_READS, vec![some_objects], &[ANYWHERE, ANY_S3, OF_READS]),
            3 => (OBJECT_WRITES, vec![some_objects], &[ANYWHERE, ANY_S3, OF_WRITES]),
            4 => (OBJECTS, vec![some_objects], &[ANYWHERE, ANY_S3]),
            _ => (&["s3:*"][..], vec![own.clone(), format!("{own}/*")], &[ANYWHERE]),
        };
        let deny = self.one_in(4);
        let mut statement = json!({"Effect": if deny { "Deny" } else { "Allow" }, "Resource": resources});
        statement["Action"] = json!(self.some(pool));
        let excepts = deny && self.one_in(3);
        statement[if excepts { "NotPrincipal" } else { "Principal" }] = self.principals(excepts);
        if deny || self.one_in(2) {
            statement["Condition"] = self.conditions(families, 1);
        }
        statement
    }

    fn principals(&mut self, excepts: bool) -> Value {
        if !excepts && self.one_in(2) {
            return self.pick(&[&json!("*"), &json!({"AWS": "*"})]).clone();
        }
        if self.one_in(6) {
            return json!({"CanonicalUser": self.pick(&[PROD_CANONICAL, DEV_CANONICAL])});
        }
        let pool = [
            PROD,
            DEV,
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::444455556666:root",
            "arn:aws:iam::999900001111:root",
            "arn:aws:iam::111122223333:user/alice",
            "arn:aws:iam::111122223333:user/team/bob",
            "arn:aws:iam::444455556666:user/carol",
            "arn:aws:iam::999900001111:user/mia",
        ];
        json!({"AWS": self.some(&pool)})
    }

    fn conditions(&mut self, families: &[&[Condition]], most: usize) -> Value {
        let mut conditions = Map::new();
        for _ in 0..most {
            let family = self.pick(families);
            let (operator, key, operands) = self.pick(family);
            let operands = self.pick(operands);
            conditions.entry(operator).or_insert_with(|| json!({}))[key] = json!(operands);
        }
        Value::Object(conditions)
    }
}

fn keys(name: &str) -> Value {
    json!({"access_keys": [{"id": format!("AKIA{name}"), "secret": secret(name)}]})
}

/// The secret of the key `AKIA…` of this name.
pub fn secret(name: &str) -> String {
    format!("secret-of-{name}")
}

fn allow_all() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
}

fn full_resource_control() -> Value {
    json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})
}
