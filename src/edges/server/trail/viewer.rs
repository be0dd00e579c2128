//! A viewer's admission by CloudFront, or its refusal: no decision by policies, but an event too.

use super::{Records, Trail};
use crate::gate::Service;
use crate::simulate::recorded::{
    Door, EVENT_VERSION, EventResource, OWN_VERSION, Own, TlsDetails, TrailEvent, UserIdentity, ViewerFacts,
    iso_seconds, without_secrets,
};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A viewer's request.
#[derive(Clone, Copy, Debug)]
pub struct ViewerEvent<'a> {
    /// Its id, as the answer names it.
    pub request_id: &'a str,
    /// When it came, in milliseconds since 1970.
    pub time_ms: i64,
    /// The distribution's ARN.
    pub distribution: &'a str,
    /// The account that owns the distribution.
    pub account: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The host it was sent to.
    pub host: &'a str,
    /// Path and query without what signs them: `Expires`, `Policy`, `Signature`, `Key-Pair-Id`, `Hash-Algorithm`.
    pub path: &'a str,
    /// The path pattern of the cache behaviour; `None`: the default one.
    pub behavior: Option<&'a str>,
    /// Where it came from.
    pub source_ip: IpAddr,
    /// The header `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// `1.2` or `1.3` where it came over our own TLS listener.
    pub tls_version: Option<&'static str>,
    /// What became of it.
    pub outcome: ViewerOutcome<'a>,
}

/// What became of a viewer's request.
#[derive(Clone, Copy, Debug)]
pub enum ViewerOutcome<'a> {
    /// It was let in.
    Admitted {
        /// `public`, `signed-url` or `signed-cookies`.
        by: &'static str,
        /// The id of the key that signed it.
        key_pair_id: Option<&'a str>,
    },
    /// It was refused.
    Refused {
        /// CloudFront's code, such as `MissingKey`.
        code: &'a str,
        /// The sentence.
        message: &'a str,
    },
}

impl Trail {
    /// Writes a viewer's admission or refusal down, as event `REQUEST.1`, and waits until it is kept. Nothing may
    /// follow from it before.
    ///
    /// # Errors
    /// A sentence, where it cannot be kept: the request is to be refused with 503.
    pub async fn viewer(&self, event: &ViewerEvent<'_>) -> Result<(), String> {
        if self.mode == super::Mode::Off {
            return Ok(());
        }
        let records = Records::default();
        let number = records.next();
        self.push(&records, &rendered(event, number), None, false);
        match records.kept() {
            Some(keeping) => keeping.await,
            None => Ok(()),
        }
    }
}

fn rendered<'a>(event: &ViewerEvent<'a>, number: u64) -> TrailEvent<'a> {
    let (outcome, by, key_pair_id, refusal) = match event.outcome {
        ViewerOutcome::Admitted { by, key_pair_id } => ("admitted", Some(by), key_pair_id, None),
        ViewerOutcome::Refused { code, message } => ("refused", None, None, Some((code, message))),
    };
    let distribution = event.distribution.rsplit('/').next().unwrap_or_default();
    TrailEvent {
        event_version: EVENT_VERSION.into(),
        user_identity: UserIdentity::nobody(),
        event_time: iso_seconds(event.time_ms).into(),
        event_source: Service::CloudFront.host().into(),
        event_name: "ViewerRequest".into(),
        // CloudFront is everywhere; its events stand where its API does.
        aws_region: "us-east-1".into(),
        source_ip_address: event.source_ip.to_string().into(),
        user_agent: event.user_agent.map(without_secrets),
        error_code: refusal.map(|(code, _)| code.into()),
        error_message: refusal.map(|(_, message)| message.into()),
        request_parameters: Some([("httpMethod".into(), event.method.into())].into()),
        additional_event_data: None,
        request_id: event.request_id.into(),
        event_id: format!("{}.{number}", event.request_id).into(),
        read_only: matches!(event.method, "GET" | "HEAD" | "OPTIONS"),
        resources: vec![EventResource {
            account_id: Some(event.account.into()),
            kind: "AWS::CloudFront::Distribution".into(),
            arn: event.distribution.into(),
        }],
        event_type: "AwsServiceEvent".into(),
        management_event: false,
        recipient_account_id: Some(event.account.into()),
        event_category: "Data".into(),
        tls_details: event.tls_version.map(|version| TlsDetails {
            tls_version: format!("TLSv{version}").into(),
            client_provided_host_header: Some(event.host.into()),
        }),
        portcullis: Own {
            version: OWN_VERSION,
            door: Door::Viewer,
            outcome: outcome.into(),
            decided_by: None,
            context_keys: BTreeMap::default(),
            took_ns: None,
            viewer: Some(ViewerFacts {
                distribution: distribution.into(),
                host: event.host.into(),
                path: without_secrets(event.path),
                behavior: event.behavior.map(Into::into),
                by: by.map(Into::into),
                key_pair_id: key_pair_id.map(Into::into),
            }),
            decision: None,
        },
    }
}
