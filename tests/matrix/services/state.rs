//! What an account is like, as one text: the same before and after a request that changed nothing.

use super::cast::query;
use super::recipes::{Ask, Stage};
use crate::support::Answer;
use serde_json::json;

/// The account, and in full what a request is about.
pub fn of(stage: &Stage<'_>, ask: &Ask) -> String {
    let mut state = of_account(stage);
    for (_, arn) in &ask.on {
        let resource = arn.rsplit(':').next().unwrap_or_default();
        let name = resource.rsplit('/').next().unwrap_or_default();
        match resource.split('/').next().unwrap_or_default() {
            "user" => {
                state.push(ask_iam(stage, "ListAccessKeys", &[("UserName", name)]));
                state.push(ask_iam(stage, "ListMFADevices", &[("UserName", name)]));
            }
            "mfa" => state.push(ask_iam(stage, "ListMFADeviceTags", &[("SerialNumber", arn)])),
            "oidc-provider" => {
                state.push(ask_iam(stage, "GetOpenIDConnectProvider", &[("OpenIDConnectProviderArn", arn)]));
            }
            "key" => state.extend(of_key(stage, arn)),
            _ => {}
        }
    }
    state.join("\n")
}

/// Everything that the account lists.
pub fn of_account(stage: &Stage<'_>) -> Vec<String> {
    let details = ask_iam(stage, "GetAccountAuthorizationDetails", &[("MaxItems", "1000")]);
    assert!(details.contains("<IsTruncated>false</IsTruncated>"), "the account is too large to be compared");
    let mut state = vec![
        details,
        ask_iam(stage, "ListVirtualMFADevices", &[("MaxItems", "1000")]),
        ask_iam(stage, "ListOpenIDConnectProviders", &[]),
        ask_iam(stage, "ListAccountAliases", &[]),
    ];
    for (operation, most) in [("ListKeys", 1000), ("ListAliases", 100)] {
        state.push(ask_kms(stage, operation, &json!({"Limit": most})));
    }
    state
}

fn of_key(stage: &Stage<'_>, arn: &str) -> Vec<String> {
    let operations =
        ["DescribeKey", "GetKeyPolicy", "ListGrants", "GetKeyRotationStatus", "ListKeyRotations", "ListResourceTags"];
    operations.iter().map(|operation| ask_kms(stage, operation, &json!({"KeyId": arn}))).collect()
}

fn ask_iam(stage: &Stage<'_>, action: &str, parameters: &[(&str, &str)]) -> String {
    plain(&query(&stage.house.root, "iam", action, parameters))
}

fn ask_kms(stage: &Stage<'_>, operation: &str, input: &serde_json::Value) -> String {
    plain(&stage.maker.of("kms").call(&format!("TrentService.{operation}"), input))
}

/// An answer without what differs each time: its id, and when roles and keys were used last.
fn plain(answer: &Answer) -> String {
    let mut text = answer.text();
    for name in ["RequestId", "RoleLastUsed"] {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        while let Some(from) = text.find(&open) {
            let Some(length) = text[from..].find(&close) else { break };
            text.replace_range(from..from + length + close.len(), "");
        }
    }
    text
}
