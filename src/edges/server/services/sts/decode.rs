//! Encoded authorization messages: why a request was refused, for those who may know.
//!
//! Source: STS API Reference, `DecodeAuthorizationMessage`.

use crate::decision::{Decision, Explanation};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, QueryCall, Xml};
use crate::gate::services::sts as ops;
use crate::simulate::wire;
use crate::storage::store::{SealedText, Store};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A message before it is sealed.
#[derive(Serialize, Deserialize)]
struct Message {
    /// The account whose principals may read it.
    account: String,
    /// The JSON document.
    text: String,
}

/// Why a request was refused, sealed; `None` where the caller has no account that could read it.
pub(in super::super) fn encoded(store: &Store, now_ms: i64, explanation: &Explanation<'_>) -> Option<String> {
    let request = explanation.request();
    let account = request.principal.account?.to_owned();
    let answer = wire::answer(explanation, &[], &[], Vec::new());
    let conditions: Vec<_> = answer
        .request
        .context
        .iter()
        .map(|key| {
            let values: Vec<_> = key.values.iter().map(|value| json!({"value": value})).collect();
            json!({"key": key.key, "values": {"items": values}})
        })
        .collect();
    let matched: Vec<_> = explanation
        .deciding()
        .iter()
        .map(|view| json!({"statementId": view.sid(), "policy": view.policy.name()}))
        .collect();
    let text = json!({
        "allowed": false,
        "explicitDeny": matches!(explanation.decision, Decision::ExplicitDeny(_)),
        "matchedStatements": {"items": matched},
        "failures": {"items": []},
        "context": {
            "principal": {"id": request.principal.id, "arn": request.principal.arn},
            "action": request.action.as_str(),
            "resource": request.resource.arn,
            "conditions": {"items": conditions},
        },
        "explanation": answer,
    });
    let message = Message { account, text: text.to_string() };
    let sealed = store.seal_text(&serde_json::to_string(&message).ok()?, now_ms).ok()?;
    Some(URL_SAFE_NO_PAD.encode(rmp_serde::to_vec(&sealed).ok()?))
}

fn opened(store: &Store, encoded: &str) -> Option<Message> {
    let sealed: SealedText = rmp_serde::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    serde_json::from_str(&store.open_sealed(&sealed).ok()?).ok()
}

pub(super) async fn decode(query: &QueryCall<'_>) -> Answer {
    let encoded = query.params.need("EncodedMessage")?;
    query.allow::<ops::DecodeAuthorizationMessage>(&[]).await?;
    let message = opened(query.call.server.store(), encoded).filter(|m| m.account == query.account_id());
    let invalid = || ServiceError::bad("InvalidAuthorizationMessageException", "Message is not valid");
    let text = message.ok_or_else(invalid)?.text;
    Ok(Xml::of(|xml| xml.text("DecodedMessage", text)))
}
