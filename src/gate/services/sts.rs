//! The table of STS's operations.
//!
//! Source: STS API Reference, version 2011-06-15; Service Authorization Reference, "AWS Security Token Service".

use super::{Route::Name, may, need};

super::service_table! {
    Sts StsOperation:

    AssumeRole: reads Name, [
        need("sts:AssumeRole", "role"),
        may("sts:TagSession", "tagged"),
        may("sts:SetSourceIdentity", "sourced")
    ];
    AssumeRoleWithWebIdentity: reads Name, [
        need("sts:AssumeRoleWithWebIdentity", "role"),
        may("sts:TagSession", "tagged"),
        may("sts:SetSourceIdentity", "sourced")
    ];
    GetFederationToken: reads Name, [need("sts:GetFederationToken", "federated"), may("sts:TagSession", "tagged")];
    DecodeAuthorizationMessage: reads Name, [need("sts:DecodeAuthorizationMessage", "*")];
    GetAccessKeyInfo: reads Name, [need("sts:GetAccessKeyInfo", "*")];
    // AWS: whoever has credentials may ask who they are, and may show a device's code; no policy speaks of it.
    // Source: STS API Reference, `GetCallerIdentity`; IAM User Guide, "Permissions for GetSessionToken".
    GetCallerIdentity: reads Name, [];
    GetSessionToken: reads Name, [];
}
