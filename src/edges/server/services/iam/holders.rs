//! Users, groups and roles: made, shown, renamed, deleted.

use super::check::{self, Page, conflict, identity_name, limit, no_identity};
use super::shapes;
use crate::edges::server::identities::draft::Draft;
use crate::edges::server::identities::ids::unique_id;
use crate::edges::server::identities::model::{Identity, Kind, Own, RoleSettings};
use crate::edges::server::identities::seed::USUAL_SESSION;
use crate::edges::server::identities::state::Holder;
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, Named, QueryCall, Xml, invalid, named_holder};
use crate::gate::services::{ServiceOperation, iam};
use std::sync::Arc;

/// The longest session that a role may allow, in seconds.
const LONGEST_SESSION: i64 = 43_200;
/// Identities of a kind in an account: users, groups, roles.
const fn most(kind: Kind) -> usize {
    match kind {
        Kind::User => 5000,
        Kind::Group => 300,
        Kind::Role => 1000,
    }
}

impl QueryCall<'_> {
    /// An identity as the resource of a request: also one that is not there, whose path nobody knows.
    pub(super) fn named(&self, kind: Kind, name: &str) -> Result<Named, ServiceError> {
        Ok(match self.account()?.identity(kind, name) {
            Some(holder) => named_holder(holder),
            None => Named::new(kind.word(), format!("arn:aws:iam::{}:{}/{name}", self.account_id(), kind.word())),
        })
    }

    /// An identity that must be there.
    pub(super) fn holder(&self, kind: Kind, name: &str) -> Result<Arc<Holder>, ServiceError> {
        self.account()?.identity(kind, name).cloned().ok_or_else(|| no_identity(kind, name))
    }

    /// The user that a request is about: the one it names, or the caller. `None`: the root user.
    pub(super) fn user_meant(&self) -> Result<Option<String>, ServiceError> {
        if self.params.get("UserName").is_some() {
            return identity_name(&self.params, Kind::User).map(|name| Some(name.to_owned()));
        }
        let principal = &self.caller().principal;
        match principal.kind.as_str() {
            "root" => Ok(None),
            "user" => Ok(principal.arn.as_deref().and_then(|arn| arn.rsplit('/').next()).map(str::to_owned)),
            _ => Err(ServiceError::bad(
                "ValidationError",
                "Must specify userName when calling with non-User credentials",
            )),
        }
    }

    /// The root user, or a user, as the resource of a request.
    pub(super) fn named_user(&self, name: Option<&str>) -> Result<Named, ServiceError> {
        match name {
            Some(name) => self.named(Kind::User, name),
            None => Ok(Named::new("user", format!("arn:aws:iam::{}:root", self.account_id()))),
        }
    }
}

pub(super) async fn create<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let params = &query.params;
    let (name, path) = (identity_name(params, kind)?.to_owned(), check::path(params, "Path")?);
    let tags = if kind == Kind::Group { Vec::new() } else { check::tags(params)? };
    let boundary = params.get("PermissionsBoundary").filter(|_| kind != Kind::Group).map(str::to_owned);
    let arn = format!("arn:aws:iam::{}:{}{path}{name}", query.account_id(), kind.word());
    let mut named =
        vec![Named::new(kind.word(), arn.clone()).tagging(&tags).with("iam:PermissionsBoundary", boundary.as_deref())];
    if !tags.is_empty() {
        named.push(Named::new("tagged", arn).tagging(&tags));
    }
    let grant = query.allow::<O>(&named).await?;
    let own = match kind {
        Kind::User => Own::User { groups: Vec::new(), keys: Vec::new() },
        Kind::Group => Own::Group,
        Kind::Role => Own::Role(new_role(query)?),
    };
    if let Some(boundary) = &boundary {
        super::attach::must_exist(query, boundary)?;
    }
    let identity = Identity {
        name: name.clone(),
        path,
        id: unique_id(kind.id_prefix())?,
        created: query.now(),
        inline: Vec::new(),
        attached: Vec::new(),
        boundary,
        tags,
        own,
    };
    let work = move |draft: &mut Draft<'_, '_>| {
        if draft.identity(kind, &identity.name)?.is_some() {
            let message = format!("{} with name {} already exists.", kind.title(), identity.name);
            return Err(conflict("EntityAlreadyExists", message));
        }
        if draft.identities()?.iter().filter(|i| i.kind() == kind).count() >= most(kind) {
            return Err(limit(format!("Cannot exceed quota for {}sPerAccount: {}", kind.title(), most(kind))));
        }
        Ok(draft.put_identity(&identity)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    shown(query, kind, &name)
}

fn new_role(query: &QueryCall<'_>) -> Result<RoleSettings, ServiceError> {
    let trust = query.params.need("AssumeRolePolicyDocument")?.to_owned();
    let trusted = check::trust(query, &trust)?;
    let path = query.params.get("Path").unwrap_or("/");
    if path.starts_with("/aws-service-role/") {
        return Err(ServiceError::bad("ValidationError", "Role path may not begin with /aws-service-role/."));
    }
    Ok(RoleSettings {
        trust,
        trusted,
        description: description(query)?,
        max_session: max_session(query)?.unwrap_or(USUAL_SESSION),
        service_linked: false,
    })
}

fn description(query: &QueryCall<'_>) -> Result<Option<String>, ServiceError> {
    let text = query.params.get("Description");
    if let Some(text) = text.filter(|text| text.chars().count() > 1000) {
        return Err(invalid(text, "Description", "Member must have length less than or equal to 1000"));
    }
    Ok(text.map(str::to_owned))
}

fn max_session(query: &QueryCall<'_>) -> Result<Option<u32>, ServiceError> {
    let Some(seconds) = query.params.number("MaxSessionDuration")? else { return Ok(None) };
    let fits = (i64::from(USUAL_SESSION)..=LONGEST_SESSION).contains(&seconds);
    let seconds = u32::try_from(seconds).ok().filter(|_| fits);
    let constraint = format!("Member must have value between {USUAL_SESSION} and {LONGEST_SESSION}");
    seconds.map(Some).ok_or_else(|| {
        invalid(query.params.get("MaxSessionDuration").unwrap_or_default(), "MaxSessionDuration", &constraint)
    })
}

/// `User`, `Group` or `Role` as it is now.
fn shown(query: &QueryCall<'_>, kind: Kind, name: &str) -> Answer {
    let holder = query.holder(kind, name)?;
    let identities = query.call.server.identities();
    let snapshot = identities.snapshot();
    Ok(Xml::of(|xml| xml.inside(kind.title(), |xml| shapes::identity(xml, &holder, &snapshot, identities, false))))
}

pub(super) async fn get_user(query: &QueryCall<'_>) -> Answer {
    let name = query.user_meant()?;
    query.allow::<iam::GetUser>(&[query.named_user(name.as_deref())?]).await?;
    match name {
        Some(name) => shown(query, Kind::User, &name),
        None => Ok(Xml::of(|xml| {
            xml.inside("User", |xml| {
                xml.text("Path", "/");
                xml.text("UserId", query.account_id());
                xml.text("Arn", format!("arn:aws:iam::{}:root", query.account_id()));
                xml.moment("CreateDate", 0);
            });
        })),
    }
}

pub(super) async fn get_role(query: &QueryCall<'_>) -> Answer {
    let name = identity_name(&query.params, Kind::Role)?;
    query.allow::<iam::GetRole>(&[query.named(Kind::Role, name)?]).await?;
    shown(query, Kind::Role, name)
}

pub(super) async fn get_group(query: &QueryCall<'_>) -> Answer {
    let name = identity_name(&query.params, Kind::Group)?;
    query.allow::<iam::GetGroup>(&[query.named(Kind::Group, name)?]).await?;
    let (group, account, page) = (query.holder(Kind::Group, name)?, query.account()?, Page::of(&query.params)?);
    let identities = query.call.server.identities();
    let snapshot = identities.snapshot();
    let is_member = |user: &&Arc<Holder>| user.document.groups().iter().any(|g| g.eq_ignore_ascii_case(name));
    let members = account.of_kind(Kind::User).filter(is_member);
    let part = page.part(members.map(|user| (user.document.key(), user.clone())));
    Ok(Xml::of(|xml| {
        xml.inside("Group", |xml| shapes::identity(xml, &group, &snapshot, identities, false));
        xml.members("Users", &part.items, |xml, user| shapes::identity(xml, user, &snapshot, identities, true));
        shapes::truncation(xml, part.marker);
    }))
}

pub(super) async fn list<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let prefix = check::path_prefix(&query.params)?;
    let page = Page::of(&query.params)?;
    query.allow::<O>(&[]).await?;
    let account = query.account()?;
    let identities = query.call.server.identities();
    let snapshot = identities.snapshot();
    let found = account.of_kind(kind).filter(|holder| holder.document.path.starts_with(prefix));
    let part = page.part(found.map(|holder| (holder.document.key(), holder.clone())));
    Ok(Xml::of(|xml| {
        xml.members(&format!("{}s", kind.title()), &part.items, |xml, holder| {
            shapes::identity(xml, holder, &snapshot, identities, true);
        });
        shapes::truncation(xml, part.marker);
    }))
}

pub(super) async fn list_groups_for_user(query: &QueryCall<'_>) -> Answer {
    let name = identity_name(&query.params, Kind::User)?;
    let page = Page::of(&query.params)?;
    query.allow::<iam::ListGroupsForUser>(&[query.named(Kind::User, name)?]).await?;
    let (user, account) = (query.holder(Kind::User, name)?, query.account()?);
    let identities = query.call.server.identities();
    let snapshot = identities.snapshot();
    let mut groups: Vec<_> =
        user.document.groups().iter().filter_map(|group| account.identity(Kind::Group, group)).collect();
    groups.sort_by_key(|group| group.document.key());
    let part = page.part(groups.into_iter().map(|group| (group.document.key(), group.clone())));
    Ok(Xml::of(|xml| {
        xml.members("Groups", &part.items, |xml, group| shapes::identity(xml, group, &snapshot, identities, true));
        shapes::truncation(xml, part.marker);
    }))
}

/// Renames a user or group, or moves it to another path.
pub(super) async fn update<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let params = &query.params;
    let old = identity_name(params, kind)?.to_owned();
    let field = format!("New{}Name", kind.title());
    let new = params.get(&field).map(|new| check::checked_name(new, &field, check::longest_name(kind))).transpose()?;
    let new = new.unwrap_or(&old).to_owned();
    let path = params.get("NewPath").map(|_| check::path(params, "NewPath")).transpose()?;
    let mut named = vec![query.named(kind, &old)?];
    if new != old || path.is_some() {
        let there = query.account()?;
        let kept = there.identity(kind, &old).map(|holder| holder.document.path.as_str());
        let path = path.as_deref().or(kept).unwrap_or("/");
        named.push(Named::new(kind.word(), format!("arn:aws:iam::{}:{}{path}{new}", query.account_id(), kind.word())));
    }
    let grant = query.allow::<O>(&named).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut identity = draft.identity(kind, &old)?.ok_or_else(|| no_identity(kind, &old))?;
        let moved = !new.eq_ignore_ascii_case(&old);
        if moved && draft.identity(kind, &new)?.is_some() {
            let message = format!("{} with name {new} already exists.", kind.title());
            return Err(conflict("EntityAlreadyExists", message));
        }
        if moved {
            draft.delete_identity(kind, &old);
        }
        let before = std::mem::replace(&mut identity.name, new.clone());
        if let Some(path) = &path {
            identity.path.clone_from(path);
        }
        draft.put_identity(&identity)?;
        if kind == Kind::Group && before != new {
            for mut user in draft.identities()? {
                let Own::User { groups, .. } = &mut user.own else { continue };
                let Some(group) = groups.iter_mut().find(|group| group.eq_ignore_ascii_case(&before)) else { continue };
                group.clone_from(&new);
                draft.put_identity(&user)?;
            }
        }
        Ok(())
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn delete<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let name = identity_name(&query.params, kind)?.to_owned();
    let grant = query.allow::<O>(&[query.named(kind, &name)?]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let identity = draft.identity(kind, &name)?.ok_or_else(|| no_identity(kind, &name))?;
        in_use(draft, &identity)?;
        draft.delete_identity(kind, &name);
        Ok(())
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

/// What must be gone before an identity can go.
fn in_use(draft: &Draft<'_, '_>, identity: &Identity) -> Result<(), ServiceError> {
    let refused = |what: &str| Err(conflict("DeleteConflict", format!("Cannot delete entity, {what} first.")));
    if identity.role().is_some_and(|role| role.service_linked) {
        let message = format!("Cannot perform the operation on the protected role '{}'", identity.name);
        return Err(ServiceError::bad("UnmodifiableEntity", message));
    }
    if !identity.attached.is_empty() {
        return refused("must detach all policies");
    }
    if !identity.inline.is_empty() {
        return refused("must delete policies");
    }
    match &identity.own {
        Own::User { groups, .. } if !groups.is_empty() => refused("must remove users from group"),
        Own::User { keys, .. } if !keys.is_empty() => refused("must delete access keys"),
        Own::User { .. } => {
            let owns = |owner: &str| owner == identity.id || owner == identity.name;
            if draft.devices()?.iter().any(|device| owns(&device.owner)) {
                return refused("must delete MFA device");
            }
            Ok(())
        }
        Own::Group => {
            let is_member = |user: &Identity| user.groups().iter().any(|g| g.eq_ignore_ascii_case(&identity.name));
            if draft.identities()?.iter().any(is_member) { refused("must remove users from group") } else { Ok(()) }
        }
        Own::Role(_) => Ok(()),
    }
}

/// Puts a user into a group, or takes one out of it.
pub(super) async fn member<O: ServiceOperation>(query: &QueryCall<'_>, add: bool) -> Answer {
    let group = identity_name(&query.params, Kind::Group)?.to_owned();
    let user = identity_name(&query.params, Kind::User)?.to_owned();
    let grant = query.allow::<O>(&[query.named(Kind::Group, &group)?]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let found = draft.identity(Kind::Group, &group)?.ok_or_else(|| no_identity(Kind::Group, &group))?;
        let mut member = draft.identity(Kind::User, &user)?.ok_or_else(|| no_identity(Kind::User, &user))?;
        let Own::User { groups, .. } = &mut member.own else { return Err(no_identity(Kind::User, &user)) };
        let there = groups.iter().position(|g| g.eq_ignore_ascii_case(&group));
        match (add, there) {
            (true, Some(_)) => return Ok(()),
            (true, None) if groups.len() >= 10 => return Err(limit("Cannot exceed quota for GroupsPerUser: 10")),
            (true, None) => groups.push(found.name),
            (false, None) => {
                return Err(check::no_such(format!("User {user} is not in group {group}.")));
            }
            (false, Some(at)) => drop(groups.remove(at)),
        }
        Ok(draft.put_identity(&member)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

/// `UpdateRole`, `UpdateRoleDescription` and `UpdateAssumeRolePolicy`.
pub(super) async fn update_role<O: ServiceOperation>(query: &QueryCall<'_>, show: bool) -> Answer {
    let name = identity_name(&query.params, Kind::Role)?.to_owned();
    let (description, max_session) = (description(query)?, max_session(query)?);
    let trust = if O::ROW.name == "UpdateAssumeRolePolicy" {
        Some(query.params.need("PolicyDocument")?.to_owned())
    } else {
        None
    };
    let grant = query.allow::<O>(&[query.named(Kind::Role, &name)?]).await?;
    let trust = match trust {
        Some(text) => Some((check::trust(query, &text)?, text)),
        None => None,
    };
    let role_name = name.clone();
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut role = draft.identity(Kind::Role, &role_name)?.ok_or_else(|| no_identity(Kind::Role, &role_name))?;
        let Own::Role(settings) = &mut role.own else { return Err(no_identity(Kind::Role, &role_name)) };
        if settings.service_linked {
            let message = format!("Cannot perform the operation on the protected role '{role_name}'");
            return Err(ServiceError::bad("UnmodifiableEntity", message));
        }
        match &trust {
            Some((trusted, text)) => {
                settings.trust.clone_from(text);
                settings.trusted.clone_from(trusted);
            }
            None => {
                if description.is_some() {
                    settings.description.clone_from(&description);
                }
                settings.max_session = max_session.unwrap_or(settings.max_session);
            }
        }
        Ok(draft.put_identity(&role)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    if show { shown(query, Kind::Role, &name) } else { Ok(Xml::new()) }
}
