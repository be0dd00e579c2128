//! IAM and STS.

use super::super::cast::{Who, policy, query};
use super::{Ask, Input, Parameters, Stage};
use crate::support::issuer::Issuer;
use crate::support::now;
use portcullis::edges::server::totp;
use portcullis::gate::services::ServiceRow;
use serde_json::{Value, json};

/// A device's codes at these seconds from now.
fn codes(seed: &str, first: i64, second: i64) -> Parameters {
    let code = |at: i64| totp::code(seed, now() + at).unwrap_or_else(|| "000000".to_owned());
    pairs(&[("AuthenticationCode1", &code(first)), ("AuthenticationCode2", &code(second))])
}

fn pairs(texts: &[(&str, &str)]) -> Parameters {
    texts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn tags() -> Parameters {
    pairs(&[("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "red")])
}

/// A policy that allows nothing that a row asks for.
fn document() -> String {
    policy("Allow", &json!("s3:GetObject"), &json!("arn:aws:s3:::elsewhere/*")).to_string()
}

/// A trust policy that hands over to the account.
fn trust(account: &str) -> String {
    let actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": account},
        "Action": actions}]})
    .to_string()
}

impl Stage<'_> {
    fn user(&self) -> Parameters {
        let user = pairs(&[("UserName", &self.name)]);
        self.make("CreateUser", &[user.clone(), tags()].concat());
        user
    }

    fn group(&self) -> Parameters {
        let group = pairs(&[("GroupName", &self.name)]);
        self.make("CreateGroup", &group);
        group
    }

    fn role(&self) -> Parameters {
        let role = pairs(&[("RoleName", &self.name)]);
        let trust = pairs(&[("AssumeRolePolicyDocument", &trust(self.house.account))]);
        self.make("CreateRole", &[role.clone(), trust, tags()].concat());
        role
    }

    fn managed(&self) -> Parameters {
        let named = pairs(&[("PolicyName", &self.name), ("PolicyDocument", &document())]);
        self.make("CreatePolicy", &[named, tags()].concat());
        pairs(&[("PolicyArn", &self.arn("policy"))])
    }

    fn second_version(&self) -> Parameters {
        let named = self.managed();
        let other = policy("Deny", &json!("s3:GetObject"), &json!("*")).to_string();
        self.make("CreatePolicyVersion", &[named.clone(), pairs(&[("PolicyDocument", &other)])].concat());
        [named, pairs(&[("VersionId", "v2")])].concat()
    }

    fn access_key(&self) -> Parameters {
        let user = self.user();
        let id = self.make("CreateAccessKey", &user).map(|answer| answer.element("AccessKeyId"));
        [user, pairs(&[("AccessKeyId", &id.unwrap_or_else(|| "AKIANOBODYHASTHISKEY".to_owned()))])].concat()
    }

    /// A device and its secret.
    fn device(&self) -> (Parameters, String) {
        let made =
            self.make("CreateVirtualMFADevice", &[pairs(&[("VirtualMFADeviceName", &self.name)]), tags()].concat());
        let seed = made.map(|answer| answer.element("Base32StringSeed")).unwrap_or_default();
        let seed = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, seed).expect("base64");
        (pairs(&[("SerialNumber", &self.arn("mfa"))]), String::from_utf8(seed).expect("base32"))
    }

    /// A device in use, and its secret.
    fn device_in_use(&self) -> (Parameters, String) {
        let (device, seed) = self.device();
        let named = [self.user(), device].concat();
        self.make("EnableMFADevice", &[named.clone(), codes(&seed, -60, -30)].concat());
        (named, seed)
    }

    fn provider(&self) -> Parameters {
        let new = [("Url", format!("https://{}.test", self.name)), ("ClientIDList.member.1", "app".to_owned())];
        let new: Parameters = new.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.make("CreateOpenIDConnectProvider", &[new, tags()].concat());
        pairs(&[("OpenIDConnectProviderArn", &self.arn("provider"))])
    }

    fn arn(&self, on: &str) -> String {
        let name = &self.name;
        self.house.arn(&match on {
            "provider" => format!("oidc-provider/{name}.test"),
            "source" => format!("user/{name}"),
            other => format!("{other}/{name}"),
        })
    }

    /// An inline policy of what these parameters name.
    fn inline(&self, kind: &str, of: &Parameters, put: bool) -> Parameters {
        let named = [of.clone(), pairs(&[("PolicyName", "p")])].concat();
        let whole = [named.clone(), pairs(&[("PolicyDocument", &document())])].concat();
        if put {
            self.make(&format!("Put{kind}Policy"), &whole);
            return named;
        }
        whole
    }

    /// A managed policy, attached to what these parameters name or not yet.
    fn attachment(&self, kind: &str, of: &Parameters, attach: bool) -> Parameters {
        let both = [of.clone(), self.managed()].concat();
        if attach {
            self.make(&format!("Attach{kind}Policy"), &both);
        }
        both
    }

    fn boundary(&self, kind: &str, of: &Parameters, put: bool) -> Parameters {
        self.managed();
        let both = [of.clone(), pairs(&[("PermissionsBoundary", &self.arn("policy"))])].concat();
        if put {
            self.make(&format!("Put{kind}PermissionsBoundary"), &both);
            return of.clone();
        }
        both
    }

    /// The parameters of an operation on users, groups or roles and their policies, if it is one.
    fn of_holder(&self, operation: &str) -> Option<Parameters> {
        let kinds = ["User", "Group", "Role"];
        let kind = kinds.into_iter().find(|kind| operation.replace("ForUser", "").contains(kind))?;
        let holder = || match kind {
            "User" => self.user(),
            "Group" => self.group(),
            _ => self.role(),
        };
        Some(match operation.replacen(kind, "", 1).as_str() {
            "PutPolicy" => self.inline(kind, &holder(), false),
            "GetPolicy" | "DeletePolicy" => self.inline(kind, &holder(), true),
            "ListPolicies" => {
                let holder = holder();
                self.inline(kind, &holder, true);
                holder
            }
            "AttachPolicy" => self.attachment(kind, &holder(), false),
            "DetachPolicy" => self.attachment(kind, &holder(), true),
            "ListAttachedPolicies" => {
                let holder = holder();
                self.attachment(kind, &holder, true);
                holder
            }
            "PutPermissionsBoundary" => self.boundary(kind, &holder(), false),
            "DeletePermissionsBoundary" => self.boundary(kind, &holder(), true),
            "Tag" => [holder(), pairs(&[("Tags.member.1.Key", "new"), ("Tags.member.1.Value", "x")])].concat(),
            "Untag" => [holder(), pairs(&[("TagKeys.member.1", "team")])].concat(),
            "Get" | "Delete" | "ListTags" => holder(),
            _ => return None,
        })
    }

    pub(super) fn iam(&self, row: &'static ServiceRow, variant: &[&str]) -> Ask {
        let first = row.needs.first().map_or("*", |need| need.on);
        let mut on = vec![(first, if first == "*" { "*".to_owned() } else { self.arn(first) })];
        let mut parameters = match self.of_holder(row.name) {
            Some(parameters) => parameters,
            None => self.of_iam(row.name, &mut on),
        };
        if variant.contains(&"tagged") {
            parameters.extend(tags());
            on.push(("tagged", self.arn(first)));
        }
        Ask { row, input: Input::Form(parameters), on }
    }

    fn of_iam(&self, operation: &str, on: &mut Vec<(&'static str, String)>) -> Parameters {
        let moved = |kind: &str| self.house.arn(&format!("{kind}/moved/{}", self.name));
        let path = pairs(&[("NewPath", "/moved/")]);
        match operation {
            "CreateUser" => pairs(&[("UserName", &self.name)]),
            "CreateGroup" => pairs(&[("GroupName", &self.name)]),
            "CreateRole" => {
                pairs(&[("RoleName", &self.name), ("AssumeRolePolicyDocument", &trust(self.house.account))])
            }
            "UpdateUser" => {
                on.push(("user", moved("user")));
                [self.user(), path].concat()
            }
            "UpdateGroup" => {
                on.push(("group", moved("group")));
                [self.group(), path].concat()
            }
            "UpdateRole" | "UpdateRoleDescription" => [self.role(), pairs(&[("Description", "new")])].concat(),
            "UpdateAssumeRolePolicy" => {
                let root = json!({"AWS": self.house.arn("root")});
                let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": root,
                    "Action": "sts:AssumeRole"}]});
                [self.role(), pairs(&[("PolicyDocument", &trust.to_string())])].concat()
            }
            "AddUserToGroup" => [self.group(), self.user()].concat(),
            "RemoveUserFromGroup" | "ListGroupsForUser" => {
                let both = [self.group(), self.user()].concat();
                self.make("AddUserToGroup", &both);
                if operation == "ListGroupsForUser" { pairs(&[("UserName", &self.name)]) } else { both }
            }
            "CreateAccessKey" | "ListAccessKeys" | "ListMFADevices" => self.user(),
            "UpdateAccessKey" => [self.access_key(), pairs(&[("Status", "Inactive")])].concat(),
            "DeleteAccessKey" => self.access_key(),
            "GetAccessKeyLastUsed" => self.access_key().split_off(1),
            "CreateOpenIDConnectProvider" => {
                let url = format!("https://{}.test", self.name);
                pairs(&[("Url", &url), ("ClientIDList.member.1", "app")])
            }
            "CreateAccountAlias" => pairs(&[("AccountAlias", &self.name)]),
            "DeleteAccountAlias" => {
                let alias = pairs(&[("AccountAlias", &self.name)]);
                self.make("CreateAccountAlias", &alias);
                alias
            }
            "ListUsers"
            | "ListGroups"
            | "ListRoles"
            | "ListPolicies"
            | "ListVirtualMFADevices"
            | "ListOpenIDConnectProviders"
            | "ListAccountAliases"
            | "GetAccountSummary"
            | "GetAccountAuthorizationDetails" => Vec::new(),
            other => self
                .of_policy(other)
                .or_else(|| self.of_device(other))
                .or_else(|| self.of_provider(other))
                .unwrap_or_else(|| self.of_simulator(other)),
        }
    }

    fn of_policy(&self, operation: &str) -> Option<Parameters> {
        let text = || pairs(&[("PolicyDocument", &document())]);
        Some(match operation {
            "CreatePolicy" => [pairs(&[("PolicyName", &self.name)]), text()].concat(),
            "GetPolicy" | "DeletePolicy" | "ListPolicyVersions" | "ListEntitiesForPolicy" | "ListPolicyTags" => {
                self.managed()
            }
            "CreatePolicyVersion" => [self.managed(), text(), pairs(&[("SetAsDefault", "true")])].concat(),
            "GetPolicyVersion" | "SetDefaultPolicyVersion" | "DeletePolicyVersion" => self.second_version(),
            "TagPolicy" => {
                [self.managed(), pairs(&[("Tags.member.1.Key", "new"), ("Tags.member.1.Value", "x")])].concat()
            }
            "UntagPolicy" => [self.managed(), pairs(&[("TagKeys.member.1", "team")])].concat(),
            _ => return None,
        })
    }

    fn of_device(&self, operation: &str) -> Option<Parameters> {
        Some(match operation {
            "CreateVirtualMFADevice" => pairs(&[("VirtualMFADeviceName", &self.name)]),
            "DeleteVirtualMFADevice" | "ListMFADeviceTags" => self.device().0,
            "EnableMFADevice" => {
                let (device, seed) = self.device();
                [self.user(), device, codes(&seed, -60, -30)].concat()
            }
            "DeactivateMFADevice" | "GetMFADevice" => self.device_in_use().0,
            "ResyncMFADevice" => {
                let (named, seed) = self.device_in_use();
                [named, codes(&seed, -30, 0)].concat()
            }
            "TagMFADevice" => {
                [self.device().0, pairs(&[("Tags.member.1.Key", "new"), ("Tags.member.1.Value", "x")])].concat()
            }
            "UntagMFADevice" => [self.device().0, pairs(&[("TagKeys.member.1", "team")])].concat(),
            _ => return None,
        })
    }

    fn of_provider(&self, operation: &str) -> Option<Parameters> {
        let more = match operation {
            "GetOpenIDConnectProvider" | "DeleteOpenIDConnectProvider" | "ListOpenIDConnectProviderTags" => Vec::new(),
            "AddClientIDToOpenIDConnectProvider" => pairs(&[("ClientID", "another")]),
            "RemoveClientIDFromOpenIDConnectProvider" => pairs(&[("ClientID", "app")]),
            "UpdateOpenIDConnectProviderThumbprint" => pairs(&[("ThumbprintList.member.1", &"ab".repeat(20))]),
            "TagOpenIDConnectProvider" => pairs(&[("Tags.member.1.Key", "new"), ("Tags.member.1.Value", "x")]),
            "UntagOpenIDConnectProvider" => pairs(&[("TagKeys.member.1", "team")]),
            _ => return None,
        };
        Some([self.provider(), more].concat())
    }

    fn of_simulator(&self, operation: &str) -> Parameters {
        let texts = || pairs(&[("PolicyInputList.member.1", &document())]);
        let source = || {
            self.user();
            pairs(&[("PolicySourceArn", &self.arn("user"))])
        };
        let actions = pairs(&[("ActionNames.member.1", "s3:GetObject")]);
        match operation {
            "SimulateCustomPolicy" => [texts(), actions].concat(),
            "SimulatePrincipalPolicy" => [source(), actions].concat(),
            "GetContextKeysForCustomPolicy" => texts(),
            "GetContextKeysForPrincipalPolicy" => source(),
            other => panic!("{other} has no recipe: say here how it is asked"),
        }
    }

    pub(super) fn sts(&self, row: &'static ServiceRow, variant: &[&str]) -> Ask {
        let session = || pairs(&[("RoleArn", &self.arn("role")), ("RoleSessionName", "somebody")]);
        let (mut parameters, arn) = match row.name {
            "AssumeRole" => {
                self.role();
                (session(), self.arn("role"))
            }
            "AssumeRoleWithWebIdentity" => {
                self.trusting_the_web(&["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]);
                ([session(), pairs(&[("WebIdentityToken", &self.token(variant))])].concat(), self.arn("role"))
            }
            "GetFederationToken" => {
                let arn = format!("arn:aws:sts::{}:federated-user/somebody", self.house.account);
                (pairs(&[("Name", "somebody")]), arn)
            }
            "DecodeAuthorizationMessage" => {
                let refused = query(&self.house.client(Who::User("nobody")), "iam", "ListUsers", &[]);
                (pairs(&[("EncodedMessage", &refused.element("EncodedMessage"))]), "*".to_owned())
            }
            "GetAccessKeyInfo" => {
                let (id, _) = self.house.client(Who::User("admin")).keys.expect("a user's client");
                (pairs(&[("AccessKeyId", &id)]), "*".to_owned())
            }
            "GetCallerIdentity" | "GetSessionToken" => (Vec::new(), "*".to_owned()),
            other => panic!("{other} has no recipe: say here how it is asked"),
        };
        let on = row.needs.iter().map(|need| (need.on, arn.clone())).collect();
        let by_token = row.name == "AssumeRoleWithWebIdentity";
        if variant.contains(&"tagged") && !by_token {
            parameters.extend(tags());
        }
        if variant.contains(&"sourced") && !by_token {
            parameters.extend(pairs(&[("SourceIdentity", "somebody")]));
        }
        Ask { row, input: Input::Form(parameters), on }
    }

    /// A role of this name that whoever the issuer vouches for may use so.
    pub fn trusting_the_web(&self, actions: &[&str]) {
        let provider = pairs(&[("Url", Issuer::URL), ("ClientIDList.member.1", "app")]);
        let texts: Vec<(&str, &str)> = provider.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let there = query(&self.house.root, "iam", "CreateOpenIDConnectProvider", &texts);
        assert!(there.status == 200 || there.code() == "EntityAlreadyExists", "{}", there.text());
        let trust: Value = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions,
            "Principal": {"Federated": self.house.arn("oidc-provider/id.test")}}]});
        let role = [("RoleName", self.name.as_str()), ("AssumeRolePolicyDocument", &trust.to_string())];
        self.make("CreateRole", &pairs(&role));
    }

    /// A token of the issuer, with tags or a source identity in it.
    pub fn token(&self, variant: &[&str]) -> String {
        let mut claims = json!({"iss": Issuer::URL, "aud": "app", "sub": "ada", "exp": now() + 600, "iat": now()});
        if variant.contains(&"tagged") {
            claims["https://aws.amazon.com/tags"] = json!({"principal_tags": {"team": ["red"]}});
        }
        if variant.contains(&"sourced") {
            claims["https://aws.amazon.com/source_identity"] = json!("ada");
        }
        self.house.town.issuer.token(&claims)
    }
}
