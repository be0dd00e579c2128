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
                    self.ask_kms(operation, &input).await?;
                }
                Ok(())
            }
        }
    }
}
