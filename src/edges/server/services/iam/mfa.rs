//! Virtual MFA devices. Source: IAM API Reference; RFC 6238.

use super::check::{self, Page, conflict, limit, no_identity};
use super::shapes;
use crate::edges::server::identities::draft::Draft;
use crate::edges::server::identities::model::Kind;
use crate::edges::server::identities::state::AccountState;
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, Named, QueryCall, Xml, invalid};
use crate::edges::server::totp;
use crate::gate::services::{ServiceOperation, iam};
use crate::storage::store::KeptDevice;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;

/// Devices of one user.
const MOST: usize = 8;

fn no_device(serial: &str) -> ServiceError {
    check::no_such(format!("VirtualMFADevice with serial number {serial} doesn't exist."))
}

fn serial(query: &QueryCall<'_>) -> Result<String, ServiceError> {
    let serial = query.params.need("SerialNumber")?;
    let fits = (9..=256).contains(&serial.len())
        && serial.chars().all(|c| c.is_ascii_alphanumeric() || "_+=/:,.@-".contains(c));
    if fits {
        return Ok(serial.to_owned());
    }
    Err(invalid(serial, "SerialNumber", "Member must satisfy regular expression pattern: [\\w+=/:,.@-]+"))
}

fn named_device(account: &AccountState, serial: &str) -> Named {
    let tags = account.devices.get(serial).map(|device| device.tags.clone()).unwrap_or_default();
    Named::new("mfa", serial).tagged("iam", &tags)
}

/// The owner of a device as it is kept: the root user, or a user by unique id.
fn owner_of(query: &QueryCall<'_>, user: Option<&str>) -> Result<String, ServiceError> {
    match user {
        None => Ok("root".to_owned()),
        Some(name) => Ok(query.holder(Kind::User, name)?.document.id.clone()),
    }
}

pub(super) async fn create(query: &QueryCall<'_>) -> Answer {
    let params = &query.params;
    let name = check::name(params, "VirtualMFADeviceName", 226)?;
    let (path, tags) = (check::path(params, "Path")?, check::tags(params)?);
    let serial = format!("arn:aws:iam::{}:mfa{path}{name}", query.account_id());
    let mut named = vec![Named::new("mfa", serial.clone()).tagging(&tags)];
    if !tags.is_empty() {
        named.push(Named::new("tagged", serial.clone()).tagging(&tags));
    }
    let grant = query.allow::<iam::CreateVirtualMFADevice>(&named).await?;
    let secret = totp::new_secret().ok_or_else(ServiceError::internal)?;
    let device = KeptDevice {
        serial: serial.clone(),
        account: query.account_id().to_owned(),
        owner: String::new(),
        secret: query.call.server.store().seal_text(&secret, query.call.now_ms)?,
        last_step: None,
        enabled: None,
        tags,
    };
    let work = move |draft: &mut Draft<'_, '_>| {
        if draft.device(&device.serial)?.is_some() {
            return Err(conflict("EntityAlreadyExists", "MFADevice entity at the same path and name already exists."));
        }
        draft.put_device(&device);
        Ok(())
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    let uri = format!("otpauth://totp/Portcullis:{name}@{}?secret={secret}&issuer=Portcullis", query.account_id());
    Ok(Xml::of(|xml| {
        xml.inside("VirtualMFADevice", |xml| {
            xml.text("SerialNumber", &serial);
            xml.text("Base32StringSeed", STANDARD.encode(&secret));
            xml.some("QRCodePNG", super::qr::png(&uri).map(|png| STANDARD.encode(png)));
        });
    }))
}

pub(super) async fn delete(query: &QueryCall<'_>) -> Answer {
    let serial = serial(query)?;
    let grant = query.allow::<iam::DeleteVirtualMFADevice>(&[named_device(&*query.account()?, &serial)]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let device = draft.device(&serial)?.ok_or_else(|| no_device(&serial))?;
        if !device.owner.is_empty() {
            return Err(conflict("DeleteConflict", "Cannot delete entity, must deactivate the MFA device first."));
        }
        draft.delete_device(&serial);
        Ok(())
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn list_virtual(query: &QueryCall<'_>) -> Answer {
    let page = Page::of(&query.params)?;
    let status = query.params.get("AssignmentStatus").unwrap_or("Any");
    query.allow::<iam::ListVirtualMFADevices>(&[]).await?;
    let account = query.account()?;
    let identities = query.call.server.identities();
    let snapshot = identities.snapshot();
    let wanted = |device: &KeptDevice| match status {
        "Assigned" => !device.owner.is_empty(),
        "Unassigned" => device.owner.is_empty(),
        _ => true,
    };
    let devices = account.devices.values().filter(|device| wanted(device));
    let part = page.part(devices.map(|device| (device.serial.clone(), device.clone())));
    Ok(Xml::of(|xml| {
        xml.members("VirtualMFADevices", &part.items, |xml, device| {
            xml.text("SerialNumber", &device.serial);
            if let Some(user) = shapes::device_user(&account, device) {
                xml.inside("User", |xml| shapes::identity(xml, user, &snapshot, identities, true));
            } else if device.owner == "root" {
                xml.inside("User", |xml| {
                    xml.text("Path", "/");
                    xml.text("UserId", &account.facts.id);
                    xml.text("Arn", format!("arn:aws:iam::{}:root", account.facts.id));
                    xml.moment("CreateDate", 0);
                });
            }
            if let Some(enabled) = device.enabled {
                xml.moment("EnableDate", enabled);
            }
        });
        shapes::truncation(xml, part.marker);
    }))
}

/// The step of the second of two codes in a row.
fn two_codes(query: &QueryCall<'_>, device: &KeptDevice) -> Result<u64, ServiceError> {
    let wrong = || {
        let message = "Authentication code for device is not valid.";
        ServiceError::new(StatusCode::FORBIDDEN, "InvalidAuthenticationCode", message)
    };
    let (first, second) = (query.params.need("AuthenticationCode1")?, query.params.need("AuthenticationCode2")?);
    let secret = query.call.server.store().open_sealed(&device.secret)?;
    let step = totp::pair(&secret, first, second, query.now(), device.last_step);
    step.ok_or_else(wrong)
}

/// `EnableMFADevice` gives a device to a user, `ResyncMFADevice` only moves its clock.
pub(super) async fn enable<O: ServiceOperation>(query: &QueryCall<'_>, resync: bool) -> Answer {
    let (user, serial) = (query.user_meant()?, serial(query)?);
    let grant = query.allow::<O>(&[query.named_user(user.as_deref())?]).await?;
    let owner = owner_of(query, user.as_deref())?;
    let account = query.account()?;
    let device = account.devices.get(serial.as_str()).ok_or_else(|| no_device(&serial))?;
    let step = two_codes(query, device)?;
    let (now, secret) = (query.now(), device.secret.clone());
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut device = draft.device(&serial)?.filter(|d| d.secret == secret).ok_or_else(|| no_device(&serial))?;
        let names = user.as_deref().is_some_and(|name| device.owner == name);
        let own = device.owner == owner || names;
        match (resync, device.owner.is_empty()) {
            (true, _) if !own => return Err(no_device(&serial)),
            (false, false) => {
                return Err(conflict("EntityAlreadyExists", "MFA Device is already in use."));
            }
            (true, _) => {}
            (false, true) => {
                if draft.devices()?.iter().filter(|d| d.owner == owner).count() >= MOST {
                    return Err(limit(format!("Cannot exceed quota for MFADevicesPerUser: {MOST}")));
                }
                if let Some(name) = &user {
                    let there = draft.identity(Kind::User, name)?.filter(|user| user.id == owner);
                    there.ok_or_else(|| no_identity(Kind::User, name))?;
                }
                device.owner.clone_from(&owner);
                device.enabled = Some(now);
            }
        }
        device.last_step = Some(step);
        draft.put_device(&device);
        Ok(())
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn deactivate(query: &QueryCall<'_>) -> Answer {
    let (user, serial) = (query.user_meant()?, serial(query)?);
    let grant = query.allow::<iam::DeactivateMFADevice>(&[query.named_user(user.as_deref())?]).await?;
    let owner = owner_of(query, user.as_deref())?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let own = |d: &KeptDevice| d.owner == owner || user.as_ref().is_some_and(|name| d.owner == *name);
        let mut device = draft.device(&serial)?.filter(own).ok_or_else(|| no_device(&serial))?;
        device.owner.clear();
        device.enabled = None;
        draft.put_device(&device);
        Ok(())
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn list(query: &QueryCall<'_>) -> Answer {
    let (user, page) = (query.user_meant()?, Page::of(&query.params)?);
    query.allow::<iam::ListMFADevices>(&[query.named_user(user.as_deref())?]).await?;
    let owner = owner_of(query, user.as_deref())?;
    let account = query.account()?;
    let own = |d: &&std::sync::Arc<KeptDevice>| {
        d.owner == owner || user.as_ref().is_some_and(|name| d.owner == *name && name != "root")
    };
    let devices = account.devices.values().filter(own).map(|device| (device.serial.clone(), device.clone()));
    let part = page.part(devices);
    Ok(Xml::of(|xml| {
        xml.members("MFADevices", part.items, |xml, device| {
            xml.text("UserName", user.as_deref().unwrap_or("root"));
            xml.text("SerialNumber", &device.serial);
            xml.moment("EnableDate", device.enabled.unwrap_or_default());
        });
        shapes::truncation(xml, part.marker);
    }))
}

pub(super) async fn get(query: &QueryCall<'_>) -> Answer {
    let serial = serial(query)?;
    let account = query.account()?;
    let device = account.devices.get(serial.as_str()).filter(|device| !device.owner.is_empty());
    let user = device.and_then(|device| shapes::device_user(&account, device));
    let asked = query.user_meant()?;
    let name = user.map(|user| user.document.name.clone()).or(asked);
    query.allow::<iam::GetMFADevice>(&[query.named_user(name.as_deref())?]).await?;
    let device = device.ok_or_else(|| no_device(&serial))?;
    Ok(Xml::of(|xml| {
        xml.some("UserName", user.map(|user| &user.document.name));
        xml.text("SerialNumber", &device.serial);
        xml.moment("EnableDate", device.enabled.unwrap_or_default());
    }))
}

/// Changes the tags of a device.
pub(super) async fn retag<O: ServiceOperation>(query: &QueryCall<'_>, set: bool) -> Answer {
    let serial = serial(query)?;
    let change = super::tags::Change::of(query, set)?;
    let grant = query.allow::<O>(&[change.over(named_device(&*query.account()?, &serial))]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut device = draft.device(&serial)?.ok_or_else(|| no_device(&serial))?;
        change.apply(&mut device.tags)?;
        draft.put_device(&device);
        Ok(())
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn tags(query: &QueryCall<'_>) -> Answer {
    let (serial, page) = (serial(query)?, Page::of(&query.params)?);
    let account = query.account()?;
    query.allow::<iam::ListMFADeviceTags>(&[named_device(&account, &serial)]).await?;
    let device = account.devices.get(serial.as_str()).ok_or_else(|| no_device(&serial))?;
    Ok(super::tags::listed(&device.tags, &page))
}
