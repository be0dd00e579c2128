//! A naive model of the decision, used only by tests to check the engine against.
//!
//! It answers a scenario straight from its JSON, reading every policy statement by statement as the
//! reference tells it: nothing is compiled, indexed, shared or remembered. It is slow on purpose and
//! takes nothing from the engine, so that a mistake would have to be made twice to go unseen.
//!
//! Policies are taken to be well-formed; anything else panics with the reason.
//! [`generate`] makes random scenarios for it.

pub mod generate;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

/// The expected answer to a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something grants the request and nothing stands against it.
    Allow,
    /// A Deny statement, or a refusal of S3's Block Public Access, stands against the request.
    ExplicitDeny,
    /// Nothing grants the request, a guardrail lacks an Allow, or an unknown layer would decide.
    ImplicitDeny,
}

impl Outcome {
    /// The outcome as the `expect` field of a scenario spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::ExplicitDeny => "explicit-deny",
            Self::ImplicitDeny => "implicit-deny",
        }
    }
}

/// Answers one scenario (an element of a scenario file).
///
/// # Panics
/// When the scenario is not of the documented shape.
#[must_use]
pub fn model(scenario: &Value) -> Outcome {
    let question = Question::read(scenario);
    // Every unknown layer doubles or triples the cases; they must all end alike.
    let mut cases = vec![question.findings()];
    for layer in &question.unknown {
        cases = cases.iter().flat_map(|case| question.possibilities(layer, case)).collect();
    }
    let outcomes: Vec<Outcome> = cases.iter().map(|case| question.combine(case)).collect();
    if outcomes.iter().all(|outcome| *outcome == outcomes[0]) { outcomes[0] } else { Outcome::ImplicitDeny }
}

// ---------------------------------------------------------------------------------------------
// The question

/// Services whose actions resource control policies bind (`rcp` of the service authorization data).
const RCP_SERVICES: &str = "\
    aoss appconfig appstream autoscaling autoscaling-plans budgets clouddirectory cloudfront \
    cloudsearch cloudtrail-data codeartifact codebuild codecommit codepipeline cognito-identity \
    cognito-idp comprehend comprehendmedical compute-optimizer cost-optimization-hub dax dsql \
    dynamodb ecr ecr-public events firehose fis fms gamelift health inspector-scan kendra \
    kinesisvideo kms logs memorydb networkmonitor notifications opensearch pca-connector-ad \
    personalize polly pricing resource-groups rolesanywhere s3 secretsmanager servicediscovery \
    signin sqs sts support swf textract timestream-influxdb transcribe transfer translate wafv2 \
    workspaces xray";

/// Condition keys that hold a set of values, in lower case.
const MULTIVALUED_KEYS: &[&str] = &[
    "aws:tagkeys",
    "aws:principalorgpaths",
    "aws:resourceorgpaths",
    "aws:sourceorgpaths",
    "aws:calledvia",
    "aws:principalservicenameslist",
    "s3:requestobjecttagkeys",
    "kms:encryptioncontextkeys",
    "kms:resourcealiases",
];

/// Actions on an object that stay with the bucket's owner when another account owns the object.
const BUCKET_OWNER_KEEPS: &[&str] = &[
    "s3:deleteobject",
    "s3:deleteobjectversion",
    "s3:putobject",
    "s3:abortmultipartupload",
    "s3:listmultipartuploadparts",
    "s3:restoreobject",
    "s3:replicateobject",
    "s3:replicatedelete",
    "s3:replicatetags",
];

/// Actions for which S3 sets `s3:ExistingObjectTag`.
const TAG_AWARE_ACTIONS: &[&str] = &[
    "s3:getobject",
    "s3:getobjectversion",
    "s3:getobjectacl",
    "s3:getobjectversionacl",
    "s3:putobjectacl",
    "s3:putobjectversionacl",
    "s3:getobjecttagging",
    "s3:getobjectversiontagging",
    "s3:putobjecttagging",
    "s3:putobjectversiontagging",
    "s3:deleteobjecttagging",
    "s3:deleteobjectversiontagging",
];

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

/// Whom a resource-side Allow reached, weakest first: it decides which layers the Allow bypasses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Nobody: there is no Allow.
    Nobody,
    /// The requester's account: its identity policies must still allow.
    Account,
    /// The role or issuing user behind a session: bypasses identity policies only.
    Behind,
    /// The very requester, or everyone: bypasses identity policies, boundary and session policies.
    Requester,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    User,
    RoleSession,
    Root,
    Anonymous,
    Service,
    Oai,
    FederatedUser,
    /// A SAML or web identity before it has assumed a role.
    ExternalIdentity,
    Canonical,
}

/// One identity of the requester's chain (session, role, account, …) and the names it goes by.
struct Link {
    /// Pairs of a principal type (`AWS`, `Service`, …) and a value.
    names: Vec<(&'static str, String)>,
    reach: Reach,
}

/// What one policy says about the request.
#[derive(Clone, Copy)]
struct Verdict {
    denied: bool,
    allowed: Reach,
}

/// What all layers say; the input of [`Question::combine`].
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "one answer for each layer")]
struct Findings {
    explicit_deny: bool,
    /// Every SCP level and the endpoint policy allow.
    guards: bool,
    identity: bool,
    boundary: bool,
    session: bool,
    /// Resource policy, KMS grants and ACLs together.
    resource: Reach,
}

struct Question<'a> {
    layers: &'a Value,
    unknown: Vec<String>,
    kind: Kind,
    canonical: Option<String>,
    account: Option<String>,
    resource_account: Option<String>,
    service_linked: bool,
    chain: Vec<Link>,
    /// In lower case.
    action: String,
    resource: String,
    /// Keys in lower case.
    context: BTreeMap<String, Vec<String>>,
}

impl<'a> Question<'a> {
    fn read(scenario: &'a Value) -> Self {
        let layers = &scenario["layers"];
        let request = &scenario["request"];
        let principal = &request["principal"];
        let bucket = &layers["bucket"];
        let arn = text(&principal["arn"]);
        let kind = match principal["kind"].as_str().expect("a principal has a kind") {
            "user" => Kind::User,
            "role-session" => Kind::RoleSession,
            "root" => Kind::Root,
            "anonymous" => Kind::Anonymous,
            "service" => Kind::Service,
            "oai" => Kind::Oai,
            "federated" if arn.as_deref().is_some_and(|arn| arn.contains(":federated-user/")) => Kind::FederatedUser,
            "federated" => Kind::ExternalIdentity,
            "canonical" => Kind::Canonical,
            other => panic!("unknown kind of principal: {other}"),
        };
        let owner_canonical = text(&bucket["owner_canonical"]);
        let owner_account = text(&bucket["owner_account"]);
        let mut canonical = text(&principal["canonical"]);
        let mut account = text(&principal["account"]);
        if account.is_none() && canonical.is_some() && canonical == owner_canonical {
            account.clone_from(&owner_account);
        }
        if canonical.is_none() && account.is_some() && account == owner_account {
            canonical.clone_from(&owner_canonical);
        }
        let resource = text(&request["resource"]).expect("a request has a resource");
        let resource_account = owner_account
            .or_else(|| arn_part(&resource, 4).filter(|part| !part.is_empty()))
            .or_else(|| account.clone());
        let mut question = Self {
            layers,
            unknown: strings(&layers["unknown"]),
            kind,
            canonical,
            account,
            resource_account,
            service_linked: principal["service_linked"] == true,
            chain: Vec::new(),
            action: text(&request["action"]).expect("a request has an action").to_lowercase(),
            resource,
            context: BTreeMap::new(),
        };
        question.chain = question.chain_of(principal);
        if let Some(given) = request["context"].as_object() {
            for (key, values) in given {
                question.context.insert(key.to_lowercase(), strings(values));
            }
        }
        if request["derive_context"] != false {
            question.derive_context(principal);
        }
        question
    }

    /// Every identity the requester acts as, strongest first.
    fn chain_of(&self, principal: &Value) -> Vec<Link> {
        let name = |field: &str, family: &'static str| {
            text(&principal[field]).map(|value| (family, value)).into_iter().collect::<Vec<_>>()
        };
        let link = |names: Vec<Vec<(&'static str, String)>>, reach| Link { names: names.concat(), reach };
        let mut chain = match self.kind {
            Kind::Anonymous => return Vec::new(),
            Kind::Service => return vec![link(vec![name("arn", "Service")], Reach::Requester)],
            Kind::ExternalIdentity => {
                return vec![link(vec![name("arn", "Federated")], Reach::Requester)];
            }
            Kind::Oai => {
                let names = vec![name("arn", "AWS"), name("canonical", "CanonicalUser")];
                return vec![link(names, Reach::Requester)];
            }
            Kind::Root | Kind::Canonical => Vec::new(),
            Kind::User => {
                vec![link(vec![name("arn", "AWS"), name("id", "AWS")], Reach::Requester)]
            }
            Kind::RoleSession => vec![
                link(vec![name("arn", "AWS")], Reach::Requester),
                link(vec![name("role_arn", "AWS"), name("id", "AWS")], Reach::Behind),
            ],
            Kind::FederatedUser => vec![
                link(vec![name("arn", "AWS")], Reach::Requester),
                link(vec![name("issuer_arn", "AWS")], Reach::Behind),
            ],
        };
        let mut names = Vec::new();
        if let Some(account) = &self.account {
            let partition = text(&principal["arn"]).and_then(|arn| arn_part(&arn, 1));
            let partition = partition.unwrap_or_else(|| "aws".to_owned());
            names.push(("AWS", account.clone()));
            names.push(("AWS", format!("arn:{partition}:iam::{account}:root")));
        }
        if let Some(canonical) = &self.canonical {
            names.push(("CanonicalUser", canonical.clone()));
        }
        chain.push(Link { names, reach: Reach::Account });
        chain
    }

    /// Adds the keys that follow from principal and resource, where the context does not give them.
    fn derive_context(&mut self, principal: &Value) {
        let arn = text(&principal["arn"]);
        let last = |arn: &Option<String>| arn.as_deref().and_then(|arn| arn.rsplit('/').next()).map(str::to_owned);
        let id = text(&principal["id"]);
        let account = self.account.clone();
        let root_arn = account.as_ref().map(|account| format!("arn:aws:iam::{account}:root"));
        let (principal_arn, kind_name, user_name, user_id) = match self.kind {
            Kind::User => (arn.clone(), Some("User"), last(&arn), id),
            Kind::RoleSession => {
                let session = last(&arn).unwrap_or_default();
                let user_id = id.map(|id| if id.contains(':') { id } else { format!("{id}:{session}") });
                (text(&principal["role_arn"]), Some("AssumedRole"), None, user_id)
            }
            Kind::FederatedUser => {
                let name = last(&arn).unwrap_or_default();
                let user_id = account.as_ref().map(|account| format!("{account}:{name}"));
                (arn.clone(), Some("FederatedUser"), None, user_id)
            }
            Kind::Root | Kind::Canonical => (root_arn, Some("Account"), None, account.clone()),
            Kind::Anonymous => (None, Some("Anonymous"), None, None),
            Kind::Service | Kind::Oai | Kind::ExternalIdentity => (None, None, None, None),
        };
        let principal_account = if self.has_identity_side() { account } else { None };
        let s3 = self.action.starts_with("s3:");
        let derived = [
            ("aws:principalarn", principal_arn),
            ("aws:principalaccount", principal_account),
            ("aws:principaltype", kind_name.map(str::to_owned)),
            ("aws:username", user_name),
            ("aws:userid", user_id),
            ("aws:resourceaccount", self.resource_account.clone()),
            ("s3:resourceaccount", self.resource_account.clone().filter(|_| s3)),
        ];
        let tags = self.layers["object"]["tags"].as_object().into_iter().flatten();
        let tags = tags.filter(|_| TAG_AWARE_ACTIONS.contains(&self.action.as_str()));
        let tags: Vec<(String, Option<String>)> =
            tags.map(|(tag, value)| (format!("s3:existingobjecttag/{tag}").to_lowercase(), text(value))).collect();
        let derived = derived.into_iter().map(|(key, value)| (key.to_owned(), value));
        for (key, value) in derived.chain(tags) {
            if let Some(value) = value {
                self.context.entry(key).or_insert_with(|| vec![value]);
            }
        }
    }

    // -----------------------------------------------------------------------------------------
    // Facts about the request

    /// Anonymous requests, service principals, OAIs and outside identities have no identity policies.
    fn has_identity_side(&self) -> bool {
        !matches!(self.kind, Kind::Anonymous | Kind::Service | Kind::Oai | Kind::ExternalIdentity)
    }

    fn acts_as_root(&self) -> bool {
        matches!(self.kind, Kind::Root | Kind::Canonical)
    }

    fn same_account(&self) -> bool {
        self.account == self.resource_account
    }

    fn bound_by_scp(&self) -> bool {
        self.has_identity_side() && !self.service_linked
    }

    fn bound_by_rcp(&self) -> bool {
        let service = self.action.split(':').next().expect("split gives a first part");
        RCP_SERVICES.split_whitespace().any(|bound| bound == service) && !self.service_linked
    }

    fn carries_boundary(&self) -> bool {
        let unknown = self.unknown.iter().any(|layer| layer == "boundary");
        self.has_identity_side() && (unknown || !self.layers["boundary"].is_null())
    }

    /// Roles are assumed through their trust policy.
    fn is_role_assumption(&self) -> bool {
        self.action.starts_with("sts:")
            && arn_part(&self.resource, 2).as_deref() == Some("iam")
            && arn_part(&self.resource, 5).is_some_and(|part| part.starts_with("role/"))
    }

    /// A key, or an alias in its place; managing an alias is a matter of identity policies.
    fn is_kms_key(&self) -> bool {
        let manages = ["kms:createalias", "kms:updatealias", "kms:deletealias"].contains(&self.action.as_str());
        let alias = self.action.starts_with("kms:") && !manages;
        arn_part(&self.resource, 2).as_deref() == Some("kms")
            && arn_part(&self.resource, 5)
                .is_some_and(|part| part.starts_with("key/") || alias && part.starts_with("alias/"))
    }

    /// KMS keys and roles: identity policies count only after the resource side.
    fn resource_side_must_allow(&self) -> bool {
        self.is_role_assumption() || self.is_kms_key()
    }

    /// Root of the bucket's account, where that is stated, may always repair the bucket policy.
    fn is_policy_repair(&self) -> bool {
        let repairs = ["s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"];
        let owner = &self.layers["bucket"]["owner_account"];
        self.kind == Kind::Root && text(owner) == self.account && repairs.contains(&self.action.as_str())
    }

    // -----------------------------------------------------------------------------------------
    // The layers

    fn findings(&self) -> Findings {
        let mut findings = Findings {
            explicit_deny: self.refused_by_public_access_block(),
            guards: true,
            identity: self.acts_as_root(),
            boundary: true,
            session: true,
            resource: Reach::Nobody,
        };
        if self.bound_by_scp() {
            for level in array(&self.layers["scp"]) {
                let verdict = self.union(array(level));
                findings.explicit_deny |= verdict.denied;
                findings.guards &= verdict.allowed > Reach::Nobody;
            }
        }
        if self.bound_by_rcp() {
            for level in array(&self.layers["rcp"]) {
                findings.explicit_deny |= self.union(array(level)).denied;
            }
        }
        if !self.layers["vpce"].is_null() {
            let verdict = self.judge(&self.layers["vpce"]);
            findings.explicit_deny |= verdict.denied;
            findings.guards &= verdict.allowed > Reach::Nobody;
        }
        if self.has_identity_side() {
            let verdict = self.union(array(&self.layers["identity"]));
            findings.explicit_deny |= verdict.denied;
            findings.identity |= verdict.allowed > Reach::Nobody;
            if !self.layers["boundary"].is_null() {
                let verdict = self.judge(&self.layers["boundary"]);
                findings.explicit_deny |= verdict.denied;
                findings.boundary = verdict.allowed > Reach::Nobody;
            }
            let session = array(&self.layers["session"]);
            if !session.is_empty() {
                let verdict = self.union(session);
                findings.explicit_deny |= verdict.denied;
                findings.session = verdict.allowed > Reach::Nobody;
            } else if self.kind == Kind::FederatedUser {
                // GetFederationToken without a session policy gives no identity permissions.
                findings.session = false;
            }
        }
        let verdict = if self.layers["resource"].is_null() {
            Verdict { denied: false, allowed: Reach::Nobody }
        } else {
            self.judge(&self.layers["resource"])
        };
        findings.explicit_deny |= verdict.denied && !self.is_policy_repair();
        if !self.beyond_the_bucket_owner() {
            findings.resource = verdict.allowed;
        }
        findings.resource = findings.resource.max(self.kms_grants()).max(self.acls());
        findings
    }

    /// The decision, once every layer has spoken.
    fn combine(&self, findings: &Findings) -> Outcome {
        if findings.explicit_deny {
            return Outcome::ExplicitDeny;
        }
        let resource = findings.resource;
        let limits = findings.boundary && findings.session;
        let granted = if !self.has_identity_side() {
            resource > Reach::Nobody
        } else if !self.same_account() || self.beyond_the_bucket_owner() {
            // An object of another account is that account's resource, whoever owns the bucket.
            resource > Reach::Nobody && findings.identity && limits
        } else {
            match resource {
                Reach::Requester => true,
                Reach::Behind => limits,
                Reach::Account => findings.identity && limits,
                Reach::Nobody => findings.identity && limits && !self.resource_side_must_allow(),
            }
        };
        if findings.guards && granted { Outcome::Allow } else { Outcome::ImplicitDeny }
    }

    /// What the findings could be if an unknown layer were known: no match, allow, deny.
    fn possibilities(&self, layer: &str, known: &Findings) -> Vec<Findings> {
        let change = |edit: fn(&mut Findings)| {
            let mut changed = known.clone();
            edit(&mut changed);
            changed
        };
        let deny = change(|findings| findings.explicit_deny = true);
        let mut cases = vec![known.clone()];
        match layer {
            "scp" if self.bound_by_scp() => {
                cases.push(change(|findings| findings.guards = false));
                cases.push(deny);
            }
            "rcp" if self.bound_by_rcp() => cases.push(deny),
            "vpce" => {
                cases.push(change(|findings| findings.guards = false));
                cases.push(deny);
            }
            "identity" if self.has_identity_side() => {
                cases.push(change(|findings| findings.identity = true));
                cases.push(deny);
            }
            "boundary" if self.has_identity_side() => {
                cases.push(change(|findings| findings.boundary = false));
                cases.push(deny);
            }
            "session" if self.has_identity_side() => {
                cases.push(change(|findings| findings.session = false));
                cases.push(change(|findings| findings.session = true));
                cases.push(deny);
            }
            "resource" => {
                cases.push(change(|findings| findings.resource = Reach::Requester));
                if !self.is_policy_repair() {
                    cases.push(deny);
                }
            }
            "grants" | "acl" => {
                cases.push(change(|findings| findings.resource = Reach::Requester));
            }
            "bucket" | "object" => {
                cases.push(change(|findings| findings.resource = Reach::Nobody));
                cases.push(change(|findings| findings.resource = Reach::Requester));
                cases.push(deny);
            }
            "scp" | "rcp" | "identity" | "boundary" | "session" => {}
            other => panic!("unknown name of an unknown layer: {other}"),
        }
        cases
    }

    // -----------------------------------------------------------------------------------------
    // Policies

    fn union(&self, policies: &[Value]) -> Verdict {
        let mut sum = Verdict { denied: false, allowed: Reach::Nobody };
        for policy in policies {
            let verdict = self.judge(policy);
            sum.denied |= verdict.denied;
            sum.allowed = sum.allowed.max(verdict.allowed);
        }
        sum
    }

    fn judge(&self, policy: &Value) -> Verdict {
        let variables = policy["Version"] == "2012-10-17";
        let mut verdict = Verdict { denied: false, allowed: Reach::Nobody };
        for statement in one_or_many(&policy["Statement"]) {
            let deny = match statement["Effect"].as_str().expect("a statement has an effect") {
                "Allow" => false,
                "Deny" => true,
                other => panic!("unknown effect: {other}"),
            };
            let reach = self.principal_reach(statement, deny);
            if reach > Reach::Nobody
                && self.action_matches(statement)
                && self.resource_matches(statement, deny, variables)
                && self.conditions_met(statement, deny, variables)
            {
                verdict.denied |= deny;
                if !deny {
                    verdict.allowed = verdict.allowed.max(reach);
                }
            }
        }
        verdict
    }

    /// Whom of the requester's chain the statement reaches; identity policies reach their bearer.
    fn principal_reach(&self, statement: &Value, deny: bool) -> Reach {
        if let Some(principal) = statement.get("Principal") {
            if names_everyone(principal) {
                let nobody = self.kind == Kind::Anonymous && self.is_role_assumption();
                return if nobody { Reach::Nobody } else { Reach::Requester };
            }
            let listed = self.chain.iter().filter(|link| lists(principal, link));
            return listed.map(|link| link.reach).max().unwrap_or(Reach::Nobody);
        }
        if let Some(excepted) = statement.get("NotPrincipal") {
            let everyone = names_everyone(excepted);
            let listed = self.chain.iter().filter(|link| lists(excepted, link)).count();
            let spared = if deny {
                let all = !self.chain.is_empty() && listed == self.chain.len();
                (everyone || all) && !self.carries_boundary()
            } else {
                everyone || listed > 0
            };
            return if spared { Reach::Nobody } else { Reach::Requester };
        }
        Reach::Requester
    }

    fn action_matches(&self, statement: &Value) -> bool {
        let matches = |pattern: &String| {
            let pattern = tokens(&pattern.to_lowercase());
            glob(&pattern, &characters(&self.action))
        };
        match (statement.get("Action"), statement.get("NotAction")) {
            (Some(patterns), None) => strings(patterns).iter().any(matches),
            (None, Some(patterns)) => !strings(patterns).iter().any(matches),
            _ => panic!("a statement has either Action or NotAction"),
        }
    }

    fn resource_matches(&self, statement: &Value, deny: bool, variables: bool) -> bool {
        // `None`: the pattern holds a variable without a value.
        let matches = |pattern: &String| -> Option<bool> {
            let pattern = self.resource_pattern(pattern, variables)?;
            Some(resource_glob(&pattern, &characters(&self.resource)))
        };
        match (statement.get("Resource"), statement.get("NotResource")) {
            (Some(patterns), None) => strings(patterns).iter().any(|pattern| matches(pattern) == Some(true)),
            (None, Some(patterns)) => {
                let results: Vec<_> = strings(patterns).iter().map(matches).collect();
                if results.contains(&Some(true)) {
                    false
                } else if results.contains(&None) {
                    deny
                } else {
                    true
                }
            }
            // Trust policies have neither.
            (None, None) => true,
            _ => panic!("a statement has either Resource or NotResource"),
        }
    }

    /// Variables stand only after the fifth colon of a resource.
    fn resource_pattern(&self, pattern: &str, variables: bool) -> Option<Vec<Token>> {
        let fifth = pattern.match_indices(':').nth(4).map(|(at, _)| at + 1);
        match fifth {
            Some(at) if variables => {
                let mut parsed = tokens(&pattern[..at]);
                parsed.extend(self.expand(&pattern[at..])?);
                Some(parsed)
            }
            _ => Some(tokens(pattern)),
        }
    }

    /// Parses text with wildcards, `${key}`, `${key, 'default'}` and the escapes `${*}` `${?}` `${$}`.
    /// Substituted values are literal. `None`: a variable has no value.
    fn expand(&self, mut text: &str) -> Option<Vec<Token>> {
        let mut parsed = Vec::new();
        while let Some((before, rest)) = text.split_once("${") {
            let (inside, after) = rest.split_once('}').expect("a variable is closed");
            parsed.extend(tokens(before));
            let value = match inside {
                "*" | "?" | "$" => inside.to_owned(),
                _ => self.variable(inside)?,
            };
            parsed.extend(value.chars().map(Token::Literal));
            text = after;
        }
        parsed.extend(tokens(text));
        Some(parsed)
    }

    fn variable(&self, inside: &str) -> Option<String> {
        let (key, default) = match inside.split_once(',') {
            Some((key, default)) => (key.trim(), Some(default.trim())),
            None => (inside, None),
        };
        let key = key.to_lowercase();
        match self.context.get(&key).map(Vec::as_slice) {
            None => default.map(|default| default.trim_matches('\'').to_owned()),
            Some([value]) if !MULTIVALUED_KEYS.contains(&key.as_str()) => Some(value.clone()),
            Some(_) => None,
        }
    }

    // -----------------------------------------------------------------------------------------
    // Conditions

    fn conditions_met(&self, statement: &Value, deny: bool, variables: bool) -> bool {
        let Some(operators) = statement.get("Condition") else { return true };
        let operators = operators.as_object().expect("Condition is an object");
        operators.iter().all(|(operator, keys)| {
            let keys = keys.as_object().expect("a condition operator holds an object");
            keys.iter().all(|(key, operands)| self.condition_met(operator, key, &strings(operands), deny, variables))
        })
    }

    /// One operator on one key.
    fn condition_met(&self, operator: &str, key: &str, operands: &[String], deny: bool, variables: bool) -> bool {
        let key = key.to_lowercase();
        let values = self.context.get(&key);
        let (for_all, operator) = strip_prefix(operator, "ForAllValues:");
        let (for_any, operator) = strip_prefix(operator, "ForAnyValue:");
        if operator == "Null" {
            return operands.iter().any(|operand| boolean(operand) == Some(values.is_none()));
        }
        let (if_exists, operator) = match operator.strip_suffix("IfExists") {
            Some(operator) => (true, operator),
            None => (false, operator),
        };
        let negated = operator.contains("Not");
        let operator = operator.replace("Not", "");
        let Some(values) = values else {
            return if for_all {
                true
            } else if for_any {
                if_exists
            } else {
                if_exists || negated
            };
        };
        let one = |value: &String| match self.equals_any(&operator, value, operands, variables) {
            Some(equal) => equal != negated,
            // Nothing can be said: a negated operator fails closed by effect.
            None => negated && deny,
        };
        let none = values.is_empty() || values == &[""];
        if for_all {
            none || values.iter().all(one)
        } else if for_any {
            !none && values.iter().any(one)
        } else if values.len() > 1 || MULTIVALUED_KEYS.contains(&key.as_str()) {
            negated && deny
        } else {
            values.first().map_or(negated, one)
        }
    }

    /// Whether the value equals (is below, lies in, …) one of the operands. `None`: it equals none,
    /// and the value or an operand is not readable as the operator's type, or there is no operand.
    fn equals_any(&self, operator: &str, value: &str, operands: &[String], variables: bool) -> Option<bool> {
        let expand = |text: &str| if variables { self.expand(text) } else { Some(tokens(text)) };
        let results: Vec<_> =
            operands.iter().map(|operand| compare(operator, value, operand, variables, &expand)).collect();
        if results.contains(&Some(true)) {
            Some(true)
        } else if results.is_empty() || results.contains(&None) {
            None
        } else {
            Some(false)
        }
    }

    // -----------------------------------------------------------------------------------------
    // KMS grants, ACLs, Block Public Access

    fn kms_grants(&self) -> Reach {
        let Some(operation) = self.action.strip_prefix("kms:") else { return Reach::Nobody };
        let mut reach = Reach::Nobody;
        for grant in array(&self.layers["grants"]) {
            let mut operations = strings(&grant["operations"]).into_iter();
            let covers = operations.any(|named| named.to_lowercase() == operation);
            // Constraints bind only the operations that take an encryption context.
            let bound =
                ["decrypt", "encrypt", "generatedata", "reencrypt"].iter().any(|start| operation.starts_with(start));
            if covers && (!bound || self.grant_constraints_hold(&grant["constraints"])) {
                let grantee = serde_json::json!({ "AWS": grant["grantee"] });
                let links = self.chain.iter().filter(|link| lists(&grantee, link));
                reach = reach.max(links.map(|link| link.reach).max().unwrap_or(Reach::Nobody));
            }
        }
        reach
    }

    fn grant_constraints_hold(&self, constraints: &Value) -> bool {
        let prefix = "kms:encryptioncontext:";
        let pairs = |constraint: &Value| -> BTreeMap<String, Vec<String>> {
            let pairs = constraint.as_object().expect("a constraint is an object");
            pairs.iter().map(|(key, value)| (key.to_lowercase(), strings(value))).collect()
        };
        let sent = self
            .context
            .iter()
            .filter_map(|(key, values)| Some((key.strip_prefix(prefix)?.to_owned(), values.clone())));
        let sent: BTreeMap<_, _> = sent.collect();
        let subset = &constraints["EncryptionContextSubset"];
        let equals = &constraints["EncryptionContextEquals"];
        (subset.is_null() || pairs(subset).iter().all(|(key, value)| sent.get(key) == Some(value)))
            && (equals.is_null() || pairs(equals) == sent)
    }

    fn acls_enabled(&self) -> bool {
        let ownership = &self.layers["bucket"]["object_ownership"];
        !ownership.is_null() && ownership != "BucketOwnerEnforced"
    }

    fn is_object_request(&self) -> bool {
        self.action.starts_with("s3:") && arn_part(&self.resource, 5).is_some_and(|part| part.contains('/'))
    }

    fn object_owner(&self) -> Option<String> {
        let owner = text(&self.layers["object"]["owner_canonical"]);
        owner.or_else(|| text(&self.layers["bucket"]["owner_canonical"]))
    }

    fn owns_object(&self) -> bool {
        self.canonical.is_some() && self.canonical == self.object_owner()
    }

    /// Another account owns the object, and the action is none that the bucket's owner keeps:
    /// neither the bucket policy's Allow nor the bucket owner's identity policies reach it.
    fn beyond_the_bucket_owner(&self) -> bool {
        self.acls_enabled()
            && self.is_object_request()
            && self.object_owner() != text(&self.layers["bucket"]["owner_canonical"])
            && !BUCKET_OWNER_KEEPS.contains(&self.action.as_str())
    }

    fn acls(&self) -> Reach {
        if !self.acls_enabled() {
            return Reach::Nobody;
        }
        let bucket = &self.layers["bucket"];
        let owns_bucket = self.canonical.is_some() && self.canonical == text(&bucket["owner_canonical"]);
        let mut reach = self.acl(&bucket["acl"], owns_bucket, bucket_permission);
        reach = reach.max(self.bucket_write());
        if self.is_object_request() {
            let acl = &self.layers["object"]["acl"];
            reach = reach.max(self.acl(acl, self.owns_object(), object_permission));
            // The owner always keeps READ_ACP and WRITE_ACP.
            let acp = matches!(object_permission(&self.action), "READ_ACP" | "WRITE_ACP");
            if acp && self.owns_object() {
                reach = reach.max(Reach::Account);
            }
        }
        reach
    }

    /// What one ACL grants for the permission that the action needs. A missing ACL is the default:
    /// full control for the owner. `owner`: the requester belongs to the owner's account.
    fn acl(&self, acl: &Value, owner: bool, needs: fn(&str) -> &'static str) -> Reach {
        let needed = needs(&self.action);
        if needed.is_empty() || self.acl_is_ignored(acl) {
            return Reach::Nobody;
        }
        if acl.is_null() {
            return if owner { Reach::Account } else { Reach::Nobody };
        }
        let gives = |grant: &&Value| grant["permission"] == needed || grant["permission"] == "FULL_CONTROL";
        let reaches = array(acl).iter().filter(gives).map(|grant| self.grantee_reach(grant));
        reaches.max().unwrap_or(Reach::Nobody)
    }

    fn acl_is_ignored(&self, acl: &Value) -> bool {
        let public = |grant: &Value| {
            let id = &grant["grantee"]["id"];
            grant["grantee"]["type"] == "Group" && (id == ALL_USERS || id == AUTHENTICATED_USERS)
        };
        self.public_access_block("IgnorePublicAcls") && array(acl).iter().any(public)
    }

    fn grantee_reach(&self, grant: &Value) -> Reach {
        let id = text(&grant["grantee"]["id"]);
        let reached = match grant["grantee"]["type"].as_str().expect("a grantee has a type") {
            "CanonicalUser" => {
                let same = id.is_some() && id == self.canonical;
                // An OAI is the very grantee; for an account the grant is delegation.
                return match (same, self.kind) {
                    (true, Kind::Oai) => Reach::Requester,
                    (true, _) => Reach::Account,
                    (false, _) => Reach::Nobody,
                };
            }
            "Group" => match id.as_deref() {
                Some(ALL_USERS) => true,
                Some(AUTHENTICATED_USERS) => self.has_identity_side(),
                _ => false,
            },
            "Email" => false,
            other => panic!("unknown type of grantee: {other}"),
        };
        if reached { Reach::Requester } else { Reach::Nobody }
    }

    /// WRITE on the bucket: new keys and one's own objects; the bucket's owner also the others.
    fn bucket_write(&self) -> Reach {
        let acl = &self.layers["bucket"]["acl"];
        if self.acl_is_ignored(acl) {
            return Reach::Nobody;
        }
        let object = &self.layers["object"];
        let own = self.owns_object();
        let others = match self.action.as_str() {
            "s3:putobject" => object.is_null() || own,
            "s3:deleteobject" => !object.is_null() && own,
            _ => false,
        };
        let owners = ["s3:putobject", "s3:deleteobject", "s3:deleteobjectversion"];
        let mut reach = Reach::Nobody;
        for grant in array(acl) {
            if grant["permission"] == "WRITE" || grant["permission"] == "FULL_CONTROL" {
                let owner = grant["grantee"]["type"] == "CanonicalUser"
                    && grant["grantee"]["id"] == self.layers["bucket"]["owner_canonical"];
                if others || owner && owners.contains(&self.action.as_str()) {
                    reach = reach.max(self.grantee_reach(grant));
                }
            }
        }
        reach
    }

    /// The stricter of the bucket's and the account's setting.
    fn public_access_block(&self, flag: &str) -> bool {
        let bucket = &self.layers["bucket"];
        bucket["block_public_access"][flag] == true || bucket["account_block_public_access"][flag] == true
    }

    fn refused_by_public_access_block(&self) -> bool {
        if !self.action.starts_with("s3:") {
            return false;
        }
        let insider = self.kind == Kind::Service || self.has_identity_side() && self.same_account();
        let restricted = self.public_access_block("RestrictPublicBuckets")
            && !insider
            && !self.layers["resource"].is_null()
            && is_public(&self.layers["resource"]);
        let sets_acl =
            ["s3:putobject", "s3:putobjectacl", "s3:putobjectversionacl", "s3:putbucketacl", "s3:createbucket"];
        let blocked = self.public_access_block("BlockPublicAcls")
            && sets_acl.contains(&self.action.as_str())
            && self.sends_public_acl();
        restricted || blocked
    }

    fn sends_public_acl(&self) -> bool {
        self.context.iter().any(|(key, values)| {
            values.iter().any(|value| match key.as_str() {
                "s3:x-amz-acl" => ["public-read", "public-read-write", "authenticated-read"].contains(&value.as_str()),
                key if key.starts_with("s3:x-amz-grant-") => {
                    value.contains(ALL_USERS) || value.contains(AUTHENTICATED_USERS)
                }
                _ => false,
            })
        })
    }
}

fn bucket_permission(action: &str) -> &'static str {
    match action {
        "s3:listbucket" | "s3:listbucketversions" | "s3:listbucketmultipartuploads" => "READ",
        "s3:getbucketacl" => "READ_ACP",
        "s3:putbucketacl" => "WRITE_ACP",
        _ => "",
    }
}

fn object_permission(action: &str) -> &'static str {
    match action {
        "s3:getobject" | "s3:getobjectversion" => "READ",
        "s3:getobjectacl" | "s3:getobjectversionacl" => "READ_ACP",
        "s3:putobjectacl" | "s3:putobjectversionacl" => "WRITE_ACP",
        _ => "",
    }
}

// ---------------------------------------------------------------------------------------------
// Principals

fn names_everyone(principal: &Value) -> bool {
    principal == "*" || strings(&principal["AWS"]).iter().any(|value| value == "*")
}

fn lists(principal: &Value, link: &Link) -> bool {
    link.names.iter().any(|(family, name)| strings(&principal[*family]).contains(name))
}

// ---------------------------------------------------------------------------------------------
// S3's definition of a public policy

fn is_public(policy: &Value) -> bool {
    one_or_many(&policy["Statement"]).iter().any(|statement| {
        let allows = statement["Effect"] == "Allow";
        let principal = &statement["Principal"];
        let open = statement.get("NotPrincipal").is_some()
            || names_everyone(principal)
            || principal.get("Federated").is_some();
        allows && open && !is_narrowed(statement)
    })
}

/// Whether some condition limits the statement to fixed values of a key that S3 accepts for it.
fn is_narrowed(statement: &Value) -> bool {
    let Some(operators) = statement["Condition"].as_object() else { return false };
    operators.iter().any(|(operator, keys)| {
        let keys = keys.as_object().expect("a condition operator holds an object");
        keys.iter().any(|(key, operands)| {
            let operands = strings(operands);
            let key = key.to_lowercase();
            !operands.is_empty() && operands.iter().all(|value| narrows(operator, &key, value))
        })
    })
}

fn narrows(operator: &str, key: &str, value: &str) -> bool {
    if key == "aws:sourceip" {
        return operator == "IpAddress" && is_narrow_range(value);
    }
    let exact = ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"];
    let fixed = !value.contains(['*', '?']) && !value.contains("${");
    exact.contains(&operator)
        && match key {
            "aws:sourcearn"
            | "aws:sourcevpc"
            | "aws:sourcevpce"
            | "aws:sourceowner"
            | "aws:sourceaccount"
            | "aws:principalorgid"
            | "aws:principalaccount"
            | "aws:principalarn"
            | "s3:x-amz-server-side-encryption-aws-kms-key-id"
            | "s3:dataaccesspointaccount" => fixed,
            // "Outside the pattern `AROLEID:*`": the session of a role does not count.
            "aws:userid" => fixed && !(value.starts_with("ARO") && value.contains(':')),
            // The access point's name may be a wildcard.
            "s3:dataaccesspointarn" => match value.split_once(":accesspoint/") {
                Some((before, name)) => !before.contains(['*', '?', '$']) && !name.contains("${"),
                None => fixed,
            },
            _ => false,
        }
}

/// At least /8 (IPv4) or /32 (IPv6) long, or private.
fn is_narrow_range(value: &str) -> bool {
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
    match network(value) {
        Some((address, prefix)) => {
            let enough = if address.is_ipv4() { 8 } else { 32 };
            prefix >= enough
                || private.iter().any(|range| {
                    let (_, least) = network(range).expect("the private ranges are well-formed");
                    prefix >= least && contains(range, address)
                })
        }
        None => false,
    }
}

// ---------------------------------------------------------------------------------------------
// Operators

/// One value against one operand. `None`: one of them is not readable as the operator's type.
fn compare(
    operator: &str,
    value: &str,
    operand: &str,
    variables: bool,
    expand: &dyn Fn(&str) -> Option<Vec<Token>>,
) -> Option<bool> {
    match operator {
        "StringEquals" => Some(expand(operand).is_some_and(|parsed| spelled(&parsed) == value)),
        "StringEqualsIgnoreCase" => {
            let same = |parsed: Vec<Token>| spelled(&parsed).to_lowercase() == value.to_lowercase();
            Some(expand(operand).is_some_and(same))
        }
        "StringLike" => Some(expand(operand).is_some_and(|parsed| glob(&parsed, &characters(value)))),
        "ArnEquals" | "ArnLike" => {
            let values = arn_segments(value, false)?;
            let operands = arn_segments(operand, variables)?;
            Some(
                values
                    .iter()
                    .zip(&operands)
                    .all(|(value, operand)| expand(operand).is_some_and(|parsed| glob(&parsed, &characters(value)))),
            )
        }
        "Bool" => Some(boolean(value)? == boolean(operand)?),
        "BinaryEquals" => Some(base64(value)? == base64(operand)?),
        "IpAddress" => {
            let value: IpAddr = value.parse().ok()?;
            network(operand)?;
            Some(contains(operand, value))
        }
        _ => {
            let (order, relation) = if let Some(relation) = operator.strip_prefix("Numeric") {
                (compare_decimals(&decimal(value)?, &decimal(operand)?), relation)
            } else if let Some(relation) = operator.strip_prefix("Date") {
                (instant(value)?.cmp(&instant(operand)?), relation)
            } else {
                panic!("unknown condition operator: {operator}");
            };
            Some(match relation {
                "Equals" => order == Ordering::Equal,
                "LessThan" => order == Ordering::Less,
                "LessThanEquals" => order != Ordering::Greater,
                "GreaterThan" => order == Ordering::Greater,
                "GreaterThanEquals" => order != Ordering::Less,
                _ => panic!("unknown condition operator: {operator}"),
            })
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Optional sign, digits, optional fraction: whether negative, digits before and after the point,
/// without the zeros that say nothing.
fn decimal(text: &str) -> Option<(bool, String, String)> {
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (digits, ""),
    };
    let all_digits = |part: &str| part.chars().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0').to_owned();
    let fraction = fraction.trim_end_matches('0').to_owned();
    let zero = whole.is_empty() && fraction.is_empty();
    Some((sign == "-" && !zero, whole, fraction))
}

fn compare_decimals(a: &(bool, String, String), b: &(bool, String, String)) -> Ordering {
    let size = |a: &(bool, String, String), b: &(bool, String, String)| {
        a.1.len().cmp(&b.1.len()).then_with(|| a.1.cmp(&b.1)).then_with(|| a.2.cmp(&b.2))
    };
    match (a.0, b.0) {
        (false, false) => size(a, b),
        (true, true) => size(b, a),
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
    }
}

/// A date, a date with time and offset, or epoch seconds, as seconds and nanoseconds.
fn instant(text: &str) -> Option<(i64, u32)> {
    if text.len() != 4 && text.strip_prefix('-').unwrap_or(text).chars().all(|c| c.is_ascii_digit()) {
        return Some((text.parse().ok()?, 0));
    }
    let complete = match text.split_once('T') {
        Some((date, time)) => {
            let zone = time.find(['Z', '+', '-'])?;
            let (clock, zone) = time.split_at(zone);
            let seconds = if clock.len() == 5 { ":00" } else { "" };
            format!("{date}T{clock}{seconds}{zone}")
        }
        None => match text.len() {
            4 => format!("{text}-01-01T00:00:00Z"),
            7 => format!("{text}-01T00:00:00Z"),
            _ => format!("{text}T00:00:00Z"),
        },
    };
    let parsed = chrono::DateTime::parse_from_rfc3339(&complete).ok()?;
    Some((parsed.timestamp(), parsed.timestamp_subsec_nanos()))
}

/// A CIDR range, or a single address.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let Some((address, prefix)) = text.split_once('/') else {
        let address: IpAddr = text.parse().ok()?;
        return Some((address, if address.is_ipv4() { 32 } else { 128 }));
    };
    let address: IpAddr = address.parse().ok()?;
    let prefix = prefix.parse().ok()?;
    (prefix <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, prefix))
}

fn contains(range: &str, address: IpAddr) -> bool {
    let bits = |address: IpAddr| -> String {
        match address {
            IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
            IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
        }
    };
    let (start, prefix) = network(range).expect("the caller read the range");
    let prefix = usize::try_from(prefix).expect("a prefix is at most 128");
    start.is_ipv4() == address.is_ipv4() && bits(start)[..prefix] == bits(address)[..prefix]
}

/// Standard base64 with its padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let six_bits = |digit| alphabet.find(digit).map(|value| format!("{value:06b}"));
    let bits: String = digits.chars().map(six_bits).collect::<Option<_>>()?;
    let whole_bytes = bits.len() / 8;
    let byte = |at: usize| u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).ok();
    (0..whole_bytes).map(byte).collect()
}

// ---------------------------------------------------------------------------------------------
// Text

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// `?`: exactly one character.
    One,
    /// `*`: any characters, or none.
    Many,
}

fn tokens(text: &str) -> Vec<Token> {
    let token = |character| match character {
        '?' => Token::One,
        '*' => Token::Many,
        other => Token::Literal(other),
    };
    text.chars().map(token).collect()
}

/// The text of a pattern for an operator that knows no wildcards.
fn spelled(pattern: &[Token]) -> String {
    let character = |token: &Token| match token {
        Token::Literal(character) => *character,
        Token::One => '?',
        Token::Many => '*',
    };
    pattern.iter().map(character).collect()
}

fn characters(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn glob(pattern: &[Token], text: &[char]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(Token::Many), _) => glob(&pattern[1..], text) || !text.is_empty() && glob(pattern, &text[1..]),
        (Some(Token::One), Some(_)) => glob(&pattern[1..], &text[1..]),
        (Some(Token::Literal(a)), Some(b)) => a == b && glob(&pattern[1..], &text[1..]),
        _ => false,
    }
}

/// `arn`, partition and service part by part, the rest as one text in which `*` crosses anything.
fn resource_glob(pattern: &[Token], text: &[char]) -> bool {
    if pattern == [Token::Many] {
        return true;
    }
    let (mut pattern, mut text) = (pattern, text);
    for _ in 0..3 {
        let in_pattern = pattern.iter().position(|token| *token == Token::Literal(':'));
        let in_text = text.iter().position(|character| *character == ':');
        let (Some(in_pattern), Some(in_text)) = (in_pattern, in_text) else { return false };
        if !glob(&pattern[..in_pattern], &text[..in_text]) {
            return false;
        }
        pattern = &pattern[in_pattern + 1..];
        text = &text[in_text + 1..];
    }
    glob(pattern, text)
}

/// The six segments of an ARN; the last may hold colons. Colons inside `${…}` do not count.
fn arn_segments(text: &str, variables: bool) -> Option<Vec<String>> {
    let mut segments = vec![String::new()];
    let mut inside = false;
    let mut previous = ' ';
    for character in text.chars() {
        inside = match (previous, character) {
            ('$', '{') => variables,
            (_, '}') => false,
            _ => inside,
        };
        previous = character;
        if character == ':' && !inside && segments.len() < 6 {
            segments.push(String::new());
        } else {
            segments.last_mut().expect("there is a first segment").push(character);
        }
    }
    (segments.len() == 6 && segments[0] == "arn").then_some(segments)
}

fn arn_part(arn: &str, index: usize) -> Option<String> {
    arn.splitn(6, ':').nth(index).map(str::to_owned)
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> (bool, &'a str) {
    match text.strip_prefix(prefix) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

// ---------------------------------------------------------------------------------------------
// JSON

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The elements of an array; absent and `null` are empty.
fn array(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(values) => values,
        other => panic!("expected an array, found {other}"),
    }
}

/// A single value, or the elements of an array; absent and `null` are empty.
fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(values) => values,
        single => std::slice::from_ref(single),
    }
}

/// A single value or an array as text; numbers and booleans as they are spelled.
fn strings(value: &Value) -> Vec<String> {
    let spell = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        other => panic!("expected a string, number or boolean, found {other}"),
    };
    one_or_many(value).iter().map(spell).collect()
}
