//! Steps of a plan: done.

use super::Step;
use super::plan::Request;
use crate::edges::client::{Client, ClientError};
use serde_json::{Value, json};

impl Client {
    /// Does one step.
    ///
    /// # Errors
    /// What the service refuses; no answer.
    pub async fn apply(&self, step: &Step) -> Result<(), ClientError> {
        match &step.request {
            Request::Iam(action, parameters) => self.ask_iam(action, parameters).await.map(drop),
            Request::S3(call) => self.send(call).await.map(drop),
            Request::Kms(operation, input) => self.ask_kms(operation, input).await.map(drop),
            Request::NewKey { input, then } => {
                let made = self.ask_kms("CreateKey", input).await?;
                let id = made.get("KeyMetadata").and_then(|m| m.get("KeyId")).and_then(Value::as_str);
                let id = id.ok_or_else(|| ClientError::Answer("it has no KeyId".to_owned()))?;
                for (operation, member, input) in then {
                    let mut input = input.clone();
                    if let Some(members) = input.as_object_mut() {
                        members.insert((*member).to_owned(), json!(id));
                    }
                    let then = self.ask_kms(operation, &input).await;
                    then.map_err(|error| unfinished(id, operation, error))?;
                }
                Ok(())
            }
        }
    }
}

/// A key that was made and did not get all that it should: without an alias a further import makes another.
fn unfinished(id: &str, operation: &str, error: ClientError) -> ClientError {
    let hint = "finish or delete it before the next import";
    ClientError::Partly { done: format!("key {id} was made, {hint}; {operation}"), source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::{ClientError, unfinished};

    #[test]
    fn a_key_that_was_made_is_named() {
        let (code, message, request_id) = ("AccessDenied".to_owned(), "no".to_owned(), String::new());
        let error = unfinished("1234", "CreateAlias", ClientError::Refused { status: 400, code, message, request_id });
        assert_eq!(error.code(), Some("AccessDenied"));
        assert!(error.to_string().starts_with("key 1234 was made"), "{error}");
        assert!(error.to_string().ends_with("CreateAlias: AccessDenied: no"), "{error}");
    }
}
