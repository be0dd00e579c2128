//! `AssumeRoleWithWebIdentity`: somebody whom a configured identity provider vouches for.
//!
//! Source: STS API Reference; RFC 7515, 7517, 7518 and 7519; `OpenID` Connect Core 1.0, section 3.1.3.7.

use super::assume::{Role, SESSION, assumed};
use super::issue::{Issued, Wanted, claims, duration, session_name};
use crate::edges::server::identities::model::Provider;
use crate::edges::server::identities::sessions::{Claims, holder_of};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, QueryCall, Xml};
use crate::gate::services::sts as ops;
use crate::gate::{Caller, SessionKind};
use crate::simulate::scenario::OwnedPrincipal;
use crate::simulate::world::ContextKeys;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// How far the provider's clock may be ahead, in seconds.
const SKEW: i64 = 300;
/// The most characters of a token.
const LONGEST_TOKEN: usize = 20_000;
/// The claim that carries session tags. Source: IAM User Guide, "Passing session tags in AWS STS".
const TAGS_CLAIM: &str = "https://aws.amazon.com/tags";
/// The claim that carries the source identity.
const SOURCE_IDENTITY_CLAIM: &str = "https://aws.amazon.com/source_identity";

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
}

/// A set of keys. Source: RFC 7517.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

fn invalid_token(what: impl Into<String>) -> ServiceError {
    ServiceError::bad("InvalidIdentityToken", what.into())
}

fn decoded(part: &str) -> Result<Vec<u8>, ServiceError> {
    let malformed = |_| invalid_token("The ID Token provided is not a valid JWT.");
    URL_SAFE_NO_PAD.decode(part).map_err(malformed)
}

impl Key {
    /// Whether it signed this.
    fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        match (algorithm, self.kty.as_str()) {
            ("RS256", "RSA") => {
                let key = PublicKeyComponents { n: bytes(&self.n), e: bytes(&self.e) };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            ("ES256", "EC") if self.crv == "P-256" => {
                let point = [&[4_u8][..], &bytes(&self.x), &bytes(&self.y)].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// A token whose signature was checked.
struct Vouched {
    issuer: String,
    subject: String,
    audiences: Vec<String>,
    claims: Value,
}

impl Vouched {
    /// Checks a token against the keys of its issuer.
    async fn read(query: &QueryCall<'_>, token: &str) -> Result<Self, ServiceError> {
        let not_jwt = || invalid_token("The ID Token provided is not a valid JWT.");
        let (message, signature) =
            token.rsplit_once('.').filter(|_| token.len() <= LONGEST_TOKEN).ok_or_else(not_jwt)?;
        let (header, payload) = message.split_once('.').ok_or_else(not_jwt)?;
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| not_jwt())?;
        let claims: Value = serde_json::from_slice(&decoded(payload)?).map_err(|_| not_jwt())?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let missing = |name: &str| invalid_token(format!("Missing a required claim: {name}"));
        let issuer = text("iss").ok_or_else(|| missing("iss"))?;
        let keys = keys_of(query, &issuer).await?;
        let signature = decoded(signature)?;
        let named = |key: &&Key| header.kid.is_none() || key.kid.is_none() || key.kid == header.kid;
        let good = keys.keys.iter().filter(named).any(|k| k.verifies(&header.alg, message.as_bytes(), &signature));
        if !good {
            return Err(invalid_token(
                "Couldn't retrieve verification key from your identity provider, or the signature is wrong.",
            ));
        }
        let number = |name: &str| claims.get(name).and_then(Value::as_i64);
        let expires = number("exp").ok_or_else(|| missing("exp"))?;
        if expires <= query.now() {
            let message = format!(
                "Token expired: current date/time {} must be before the expiration date/time {expires}",
                query.now()
            );
            return Err(ServiceError::bad("ExpiredTokenException", message));
        }
        if [number("nbf"), number("iat")].into_iter().flatten().any(|from| from > query.now() + SKEW) {
            return Err(invalid_token("The ID Token provided is not yet valid."));
        }
        let audiences = match claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => return Err(missing("aud")),
        };
        let subject = text("sub").ok_or_else(|| missing("sub"))?;
        Ok(Self { issuer, subject, audiences, claims })
    }

    /// The provider's URL as ARNs and condition keys have it.
    fn url(&self) -> &str {
        self.issuer.strip_prefix("https://").unwrap_or(&self.issuer).trim_end_matches('/')
    }

    /// The audience that the provider knows. `azp` is the one where there are several.
    fn audience(&self, provider: &Provider) -> Option<String> {
        let party = self.claims.get("azp").and_then(Value::as_str).map(str::to_owned);
        let known = |audience: &&String| provider.client_ids.contains(audience);
        party.iter().chain(&self.audiences).find(known).cloned()
    }

    /// The condition keys of its claims.
    fn keys(&self, audience: &str) -> ContextKeys {
        let url = self.url();
        let mut keys =
            vec![(format!("{url}:aud"), vec![audience.to_owned()]), (format!("{url}:sub"), vec![self.subject.clone()])];
        for (name, value) in self.claims.as_object().into_iter().flatten() {
            let values: Vec<String> = match value {
                Value::String(one) => vec![one.clone()],
                Value::Array(many) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => continue,
            };
            if name == "amr" || (!matches!(name.as_str(), "aud" | "sub" | "iss") && !name.contains(':')) {
                keys.push((format!("{url}:{name}"), values));
            }
        }
        keys
    }

    /// Session tags and source identity.
    fn wanted(&self, query: &QueryCall<'_>) -> Result<Wanted, ServiceError> {
        let mut wanted = Wanted { tags: Vec::new(), transitive: Vec::new(), ..Wanted::of(query)? };
        wanted.source_identity = self.claims.get(SOURCE_IDENTITY_CLAIM).and_then(Value::as_str).map(str::to_owned);
        let tags = self.claims.get(TAGS_CLAIM);
        let principal = tags.and_then(|tags| tags.get("principal_tags")).and_then(Value::as_object);
        for (key, values) in principal.into_iter().flatten() {
            let value = values.as_array().and_then(|list| list.first()).unwrap_or(values);
            let value = value.as_str().ok_or_else(|| invalid_token("The tags of the ID Token are not texts."))?;
            wanted.tags.push((key.clone(), value.to_owned()));
        }
        let keys = tags.and_then(|tags| tags.get("transitive_tag_keys")).and_then(Value::as_array);
        wanted.transitive.extend(keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        Ok(wanted)
    }
}

/// The keys of an issuer, from the operator's file: read each time, so that a new file holds at once.
async fn keys_of(query: &QueryCall<'_>, issuer: &str) -> Result<KeySet, ServiceError> {
    let wanted = issuer.trim_end_matches('/');
    let configured = &query.call.server.settings().oidc_keys;
    let file = configured.iter().find(|(known, _)| known.trim_end_matches('/') == wanted).map(|(_, file)| file);
    let file = file.ok_or_else(|| invalid_token("No OpenIDConnect provider found in your account for this issuer."))?;
    let unreadable = |error: String| {
        tracing::error!(file = %file.display(), %error, "the keys of an identity provider cannot be read");
        ServiceError::bad("IDPCommunicationError", "The keys of the identity provider cannot be read.")
    };
    let text = tokio::fs::read(file).await.map_err(|e| unreadable(e.to_string()))?;
    serde_json::from_slice(&text).map_err(|e| unreadable(e.to_string()))
}

pub(super) async fn assume_role(query: &QueryCall<'_>) -> Answer {
    let params = &query.params;
    let role = Role::of(query)?;
    let name = session_name(params.need("RoleSessionName")?, "RoleSessionName", 64)?.to_owned();
    let seconds = duration(params, 3600, SESSION)?;
    let vouched = Vouched::read(query, params.need("WebIdentityToken")?).await?;
    let no_provider = || invalid_token("No OpenIDConnect provider found in your account for this issuer.");
    // The account's provider vouches also where there is no such role: it trusts nobody, as one that is there may.
    let account = role.account.clone();
    let provider = account.as_ref().and_then(|account| account.providers.get(vouched.url()));
    let provider = provider.ok_or_else(no_provider)?.clone();
    let audience = vouched.audience(&provider).ok_or_else(|| invalid_token("Incorrect token audience"))?;
    let wanted = vouched.wanted(query)?;
    let provider_arn = provider.arn(account.as_ref().map(|account| account.facts.id.as_str()).unwrap_or_default());
    let caller = Arc::new(Caller {
        principal: OwnedPrincipal {
            kind: "federated".to_owned(),
            arn: Some(provider_arn.clone()),
            ..OwnedPrincipal::default()
        },
        ..Caller::anonymous()
    });
    let keys = vouched.keys(&audience);
    let mut named = role.named(query).with("sts:RoleSessionName", Some(&name));
    named.context.extend(keys.iter().cloned());
    named = named.with("aws:FederatedProvider", Some(&provider_arn));
    let refused = |error: ServiceError| match error.status {
        StatusCode::FORBIDDEN => ServiceError::access_denied("Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        _ => error,
    };
    query.allow_as::<ops::AssumeRoleWithWebIdentity>(&caller, &wanted.named(&named)).await.map_err(refused)?;
    let Some((account, holder)) = role.found else { return Err(ServiceError::internal()) };
    let longest = holder.document.role().map_or(3600, |settings| i64::from(settings.max_session));
    if seconds > longest {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(ServiceError::bad("ValidationError", message));
    }
    wanted.check(&account)?;
    let of = claims(SessionKind::Role, &account.facts.id, &name, wanted);
    let mut context = keys;
    context.push(("aws:FederatedProvider".to_owned(), vec![provider_arn]));
    let issued = Issued::new(query, Claims { holder: Some(holder_of(&holder)), context, ..of }, seconds)?;
    Ok(Xml::of(|xml| {
        issued.write(xml);
        xml.text("SubjectFromWebIdentityToken", &vouched.subject);
        assumed(xml, &account, &holder, &name);
        xml.text("Provider", &vouched.issuer);
        xml.text("Audience", &audience);
        xml.some("SourceIdentity", issued.claims.source_identity.as_ref());
    }))
}
