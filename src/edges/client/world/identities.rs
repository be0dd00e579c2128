//! IAM's part: read.

use super::Reading;
use crate::edges::client::query::Parameters;
use crate::edges::client::xml::Element;
use crate::edges::client::{Client, ClientError};
use crate::edges::inventory::{Holder, Inventory, Policy};
use crate::edges::server::identities::model::Kind;
use crate::simulate::world::OidcProvider;
use crate::words::percent;

/// Parameters of a call.
pub(super) fn parameters<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Parameters {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Client {
    /// Users, groups, roles and managed policies.
    pub(super) async fn read_identities(&self, reading: &mut Reading) -> Result<(), ClientError> {
        let wanted = ["User", "Group", "Role", "LocalManagedPolicy"];
        let names: Vec<String> = (1..=wanted.len()).map(|number| format!("Filter.member.{number}")).collect();
        let filter = names.iter().map(String::as_str).zip(wanted);
        let pages = self.pages("GetAccountAuthorizationDetails", &parameters(filter)).await?;
        for page in &pages {
            for kind in [Kind::User, Kind::Group, Kind::Role] {
                for entry in page.members(&format!("{}DetailList", kind.title())) {
                    let name = entry.wanted(&format!("{}Name", kind.title()))?;
                    reading.inventory.holders.insert((kind, name), holder(kind, entry));
                }
            }
            for entry in page.members("Policies") {
                reading.inventory.policies.insert(entry.wanted("PolicyName")?, policy(entry)?);
            }
        }
        self.read_details(reading).await;
        Ok(())
    }

    /// What the dump does not say: roles' longest sessions and descriptions, policies' descriptions and tags.
    async fn read_details(&self, reading: &mut Reading) {
        let pages = self.pages("ListRoles", &Parameters::new()).await;
        for page in reading.take("the roles' longest sessions", pages).unwrap_or_default() {
            for role in page.members("Roles") {
                let Some(holder) = reading.inventory.holders.get_mut(&(Kind::Role, role.text("RoleName"))) else {
                    continue;
                };
                holder.max_session = role.text("MaxSessionDuration").parse().ok();
                holder.description = role.some("Description");
            }
        }
        let account = reading.inventory.account.clone();
        let names: Vec<String> = reading.inventory.policies.keys().cloned().collect();
        for name in names {
            let Some(policy) = reading.inventory.policies.get(&name) else { continue };
            let arn = crate::edges::inventory::native::policy_arn(&account, &name, policy);
            let answer = self.ask_iam("GetPolicy", &parameters([("PolicyArn", arn.as_str())])).await;
            let Some(answer) = reading.take(&format!("the tags of policy {name}"), answer) else { continue };
            let found = answer.take("Policy");
            if let Some(policy) = reading.inventory.policies.get_mut(&name) {
                policy.description = found.some("Description");
                policy.tags = tags(&found);
            }
        }
    }

    /// Identity providers.
    pub(super) async fn read_providers(&self, reading: &mut Reading) {
        let list = self.ask_iam("ListOpenIDConnectProviders", &Parameters::new()).await;
        let Some(list) = reading.take("identity providers", list) else { return };
        for entry in list.members("OpenIDConnectProviderList") {
            let arn = entry.text("Arn");
            let parameters = parameters([("OpenIDConnectProviderArn", arn.as_str())]);
            let answer = self.ask_iam("GetOpenIDConnectProvider", &parameters).await;
            let Some(found) = reading.take(&format!("identity provider {arn}"), answer) else { continue };
            let url = found.text("Url");
            let strings = |name: &str| found.members(name).map(|e| e.own().to_owned()).collect();
            let provider = OidcProvider {
                client_ids: strings("ClientIDList"),
                thumbprints: strings("ThumbprintList"),
                tags: tags(&found),
            };
            reading.inventory.providers.insert(url.strip_prefix("https://").unwrap_or(&url).to_owned(), provider);
        }
    }

    /// All pages of a list.
    async fn pages(&self, action: &str, parameters: &Parameters) -> Result<Vec<Element>, ClientError> {
        let mut pages = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let mut parameters = parameters.clone();
            parameters.push(("MaxItems".to_owned(), "1000".to_owned()));
            parameters.extend(marker.clone().map(|marker| ("Marker".to_owned(), marker)));
            let page = self.ask_iam(action, &parameters).await?;
            let next = (page.text("IsTruncated") == "true").then(|| page.wanted("Marker")).transpose()?;
            pages.push(page);
            if next.is_none() {
                return Ok(pages);
            }
            if next == marker {
                return Err(ClientError::Answer("its next page is the same again".to_owned()));
            }
            marker = next;
        }
    }
}

/// A document as IAM sends it.
fn document(element: &Element, name: &str) -> String {
    percent::decoded(&element.text(name))
}

fn tags(element: &Element) -> Vec<(String, String)> {
    element.members("Tags").map(|tag| (tag.text("Key"), tag.text("Value"))).collect()
}

fn holder(kind: Kind, entry: &Element) -> Holder {
    let title = kind.title();
    let path = entry.text("Path");
    let inline = format!("{title}PolicyList");
    let inline = entry.members(&inline).map(|e| (e.text("PolicyName"), document(e, "PolicyDocument")));
    let boundary = entry.all("PermissionsBoundary").next().map(|b| b.text("PermissionsBoundaryArn"));
    Holder {
        id: entry.some(&format!("{title}Id")),
        tags: tags(entry),
        inline: inline.collect(),
        attached: entry.members("AttachedManagedPolicies").map(|e| e.text("PolicyArn")).collect(),
        boundary,
        groups: entry.members("GroupList").map(|e| e.own().to_owned()).collect(),
        trust: (kind == Kind::Role).then(|| document(entry, "AssumeRolePolicyDocument")),
        service_linked: path.starts_with(Inventory::SERVICE_ROLES),
        path,
        ..Holder::default()
    }
}

fn policy(entry: &Element) -> Result<Policy, ClientError> {
    let number = |id: &str| {
        let number = id.strip_prefix('v').and_then(|digits| digits.parse().ok());
        number.ok_or_else(|| ClientError::Answer(format!("`{id}` is no version of a policy")))
    };
    let mut versions = std::collections::BTreeMap::new();
    for version in entry.members("PolicyVersionList") {
        versions.insert(number(&version.text("VersionId"))?, document(version, "Document"));
    }
    let default = number(&entry.text("DefaultVersionId"))?;
    Ok(Policy { path: entry.text("Path"), versions, default, ..Policy::default() })
}
