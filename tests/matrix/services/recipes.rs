//! How each operation of a service is asked so that it succeeds for those who may, and would change something for
//! those who may not: what must be there before, the request, and what it is about.

use super::cast::{House, query};
use crate::support::{Answer, Client};
use portcullis::gate::services::{Service, ServiceNeed, ServiceRow};
use serde_json::{Value, json};

/// Texts by name.
pub type Parameters = Vec<(String, String)>;

/// What a request says.
#[derive(Clone, Debug)]
pub enum Input {
    Form(Parameters),
    Json(Value),
}

/// A request, before anybody signs it, and the resources that its row's needs are about.
#[derive(Clone, Debug)]
pub struct Ask {
    pub row: &'static ServiceRow,
    pub input: Input,
    /// ARNs by the name of the need.
    pub on: Vec<(&'static str, String)>,
}

/// A permission on exactly one resource.
pub type Grant = (&'static str, String);

impl Ask {
    /// Sends it.
    pub fn send(&self, client: &Client) -> Answer {
        match &self.input {
            Input::Form(parameters) => {
                let texts: Vec<(&str, &str)> = parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                query(client, self.row.service.prefix(), self.row.name, &texts)
            }
            Input::Json(body) => client.of(self.row.service.prefix()).call(&target(self.row), body),
        }
    }

    /// What the row lists for it.
    pub fn grants(&self, variant: &[&str]) -> Vec<Grant> {
        let asked = |need: &&ServiceNeed| need.always || variant.contains(&need.on);
        let mut grants: Vec<Grant> = Vec::new();
        for need in self.row.needs.iter().filter(asked) {
            let of_need = self.on.iter().filter(|(on, _)| *on == need.on).map(|(_, arn)| arn.clone());
            let mut arns: Vec<String> = of_need.collect();
            if arns.is_empty() {
                assert!(matches!(need.on, "*" | "tags"), "{}: the recipe names no `{}`", self.row.name, need.on);
                arns.push("*".to_owned());
            }
            for arn in arns {
                if !grants.contains(&(need.action, arn.clone())) {
                    grants.push((need.action, arn));
                }
            }
        }
        grants
    }
}

/// The header that names an operation of the JSON protocol.
pub fn target(row: &ServiceRow) -> String {
    let prefix = match row.service {
        Service::CloudTrail => "CloudTrail_20131101",
        _ => "TrentService",
    };
    format!("{prefix}.{}", row.name)
}

/// The forms in which an operation's permissions differ: plain, and with each thing that only some requests name.
pub fn variants(row: &ServiceRow) -> Vec<Vec<&'static str>> {
    let some = row.needs.iter().filter(|need| !need.always).map(|need| vec![need.on]);
    std::iter::once(Vec::new()).chain(some).collect()
}

/// Where a request is made ready.
pub struct Stage<'h> {
    pub house: &'h House<'h>,
    /// The name of everything that is made for it.
    pub name: String,
    /// Whether anything is made; otherwise the request names what is not there.
    pub real: bool,
    /// Who makes keys and what belongs to them.
    pub maker: Client,
    /// The policy of keys; `None`: the account's own.
    pub key_policy: Option<Value>,
}

impl<'h> Stage<'h> {
    /// A stage of a row; `part` sets apart those of one row.
    pub fn new(house: &'h House<'h>, row: &ServiceRow, part: &str) -> Self {
        let name = format!("{}-{part}", row.name.to_lowercase());
        Self { house, name, real: true, maker: house.root.clone(), key_policy: None }
    }

    /// The request of a row, ready to be sent.
    ///
    /// # Panics
    /// Where there is no recipe for the row.
    pub fn ask(&self, row: &'static ServiceRow, variant: &[&str]) -> Ask {
        match row.service {
            Service::Iam => self.iam(row, variant),
            Service::Sts => self.sts(row, variant),
            Service::Kms => self.kms(row, variant),
            Service::CloudTrail => Ask { row, input: Input::Json(json!({})), on: Vec::new() },
            Service::S3 | Service::CloudFront => panic!("{} has recipes elsewhere", row.service.prefix()),
        }
    }

    /// The root user makes something ready.
    fn make(&self, action: &str, parameters: &Parameters) -> Option<Answer> {
        if !self.real {
            return None;
        }
        let texts: Vec<(&str, &str)> = parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = query(&self.house.root, "iam", action, &texts);
        assert_eq!(answer.status, 200, "{action} {parameters:?}: {}", answer.text());
        Some(answer)
    }

    /// The same with JSON, by who makes keys.
    fn make_key_thing(&self, operation: &str, input: &Value) -> Option<Value> {
        if !self.real {
            return None;
        }
        let answer = self.maker.of("kms").call(&format!("TrentService.{operation}"), input);
        assert_eq!(answer.status, 200, "{operation} {input}: {}", answer.text());
        Some(serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }
}

/// The rows whose requests these recipes make.
pub fn rows() -> impl Iterator<Item = &'static ServiceRow> {
    [Service::Iam, Service::Sts, Service::Kms, Service::CloudTrail].into_iter().flat_map(Service::table)
}

mod iam;
mod kms;

pub use kms::GRANTABLE;
