//! The query protocol: IAM and STS.

use super::wire::{Call, Service};
use super::xml::Element;
use super::{Client, ClientError};
use http::{HeaderMap, Method};
use std::fmt::Write as _;

/// Parameters of a call, in their order.
pub type Parameters = Vec<(String, String)>;

impl Client {
    /// Calls an operation of IAM: what stands in its result, empty where it has none.
    pub(super) async fn ask_iam(&self, action: &str, parameters: &Parameters) -> Result<Element, ClientError> {
        self.ask_query(Service::Iam, "2010-05-08", action, parameters).await
    }

    /// The account of whoever signs.
    ///
    /// # Errors
    /// What the service refuses; no answer.
    pub async fn own_account(&self) -> Result<String, ClientError> {
        let answer = self.ask_query(Service::Sts, "2011-06-15", "GetCallerIdentity", &Vec::new()).await?;
        answer.wanted("Account")
    }

    async fn ask_query(
        &self,
        service: Service,
        version: &str,
        action: &str,
        parameters: &Parameters,
    ) -> Result<Element, ClientError> {
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            let _ = write!(body, "&{name}={}", super::objects::queried(value));
        }
        let call = Call {
            service,
            method: Method::POST,
            target: "/".to_owned(),
            headers: HeaderMap::new(),
            body: body.into(),
        };
        let call = call.header("content-type", "application/x-www-form-urlencoded; charset=utf-8")?;
        let answer = self.send(&call).await?.xml()?;
        Ok(answer.take(&format!("{action}Result")))
    }
}
