//! Whom an identity provider vouches for: tokens signed with RS256 and ES256, and those that are none.

use super::{ACCOUNT, FORM, Scene, allow, done, form, session};
use crate::support::{Answer, Client, TempDir, now};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair,
};
use aws_lc_rs::{hmac, rsa};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

const ISSUER: &str = "https://id.test";

/// What signs tokens.
enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl Pair {
    fn rsa() -> Self {
        Self::Rsa(rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key"))
    }

    fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("signed");
                signature
            }
            Self::Ec(pair) => pair.sign(&SystemRandom::new(), message).expect("signed").as_ref().to_vec(),
        }
    }

    /// Its public half as the provider publishes it. Source: RFC 7517, RFC 7518 section 6.
    fn published(&self, id: &str) -> Value {
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(pair) => {
                let (modulus, exponent) = integers(pair.public_key().as_ref());
                json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": id, "n": part(modulus), "e": part(exponent)})
            }
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": id, "x": part(&point[1..33]), "y": part(&point[33..65])})
            }
        }
    }
}

/// Modulus and exponent of an `RSAPublicKey` of 2048 bits. Source: RFC 8017, appendix A.1.1.
fn integers(der: &[u8]) -> (&[u8], &[u8]) {
    // A sequence; the modulus: 257 bytes, the first of them zero; the exponent: three bytes.
    assert_eq!(der[..9], [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00]);
    assert_eq!(der[265..267], [0x02, 0x03]);
    (&der[9..265], &der[267..270])
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with this header; the signature is what `sign` makes of the rest.
fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn signed(pair: &Pair, id: &str, claims: &Value) -> String {
    let header = json!({"alg": pair.algorithm(), "kid": id, "typ": "JWT"});
    token(&header, claims, |message| pair.sign(message))
}

/// A server whose account trusts `ada` of the provider, and the provider's keys.
struct Provider {
    scene: Scene,
    anonymous: Client,
    _files: TempDir,
}

impl Provider {
    fn new(keys: &[Value]) -> Self {
        let files = TempDir::new();
        let file = files.path().join("keys.json");
        std::fs::write(&file, json!({"keys": keys}).to_string()).expect("writable");
        let scene = Scene::new(&["--oidc-keys", &format!("{ISSUER}={}", file.display())]);
        let root = scene.root();
        done(&root, "CreateOpenIDConnectProvider", &[("Url", ISSUER), ("ClientIDList.member.1", "app")]);
        let trusting = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/id.test")},
            "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"id.test:sub": "ada"}}}]})
        .to_string();
        done(&root, "CreateRole", &[("RoleName", "web"), ("AssumeRolePolicyDocument", &trusting)]);
        let read = allow(&json!("s3:GetObject"), "*");
        done(&root, "PutRolePolicy", &[("RoleName", "web"), ("PolicyName", "p"), ("PolicyDocument", &read)]);
        let anonymous = scene.server.anonymous();
        Self { scene, anonymous, _files: files }
    }

    fn ask(&self, token: &str) -> Answer {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/web");
        let parameters = [("RoleArn", role.as_str()), ("RoleSessionName", "ada"), ("WebIdentityToken", token)];
        self.anonymous.send("POST", "/", &FORM, form("AssumeRoleWithWebIdentity", &parameters).as_bytes())
    }

    fn refuses(&self, token: &str, code: &str, why: &str) {
        let answer = self.ask(token);
        assert_eq!(answer.code(), code, "{why}: {}", answer.text());
        assert!(!answer.text().contains("SecretAccessKey"), "{why}");
    }
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "app", "sub": "ada", "exp": now() + 600, "iat": now()})
}

#[test]
fn whom_an_identity_provider_vouches_for() {
    let pairs = [("r", Pair::rsa()), ("e", Pair::ec())];
    let provider = Provider::new(&pairs.each_ref().map(|(id, pair)| pair.published(id)));
    for (id, pair) in &pairs {
        let answer = provider.ask(&signed(pair, id, &claims()));
        assert_eq!(answer.status, 200, "{}: {}", pair.algorithm(), answer.text());
        assert_eq!(answer.element("SubjectFromWebIdentityToken"), "ada");
        assert_eq!(answer.element("Audience"), "app");
        assert_eq!(session(&provider.scene, &answer).get("/data/k").status, 200);
        // Which of the provider's keys it is need not be said.
        let unnamed = token(&json!({"alg": pair.algorithm()}), &claims(), |message| pair.sign(message));
        assert_eq!(provider.ask(&unnamed).status, 200);
        for (field, value, code) in [
            ("sub", json!("eve"), "AccessDenied"),
            ("sub", json!(null), "InvalidIdentityToken"),
            ("aud", json!("other"), "InvalidIdentityToken"),
            ("aud", json!(["other", "another"]), "InvalidIdentityToken"),
            ("aud", json!(null), "InvalidIdentityToken"),
            ("iss", json!("https://other.test"), "InvalidIdentityToken"),
            ("iss", json!("https://id.test.other.test"), "InvalidIdentityToken"),
            ("exp", json!(now() - 1), "ExpiredTokenException"),
            ("exp", json!(null), "InvalidIdentityToken"),
            ("nbf", json!(now() + 3600), "InvalidIdentityToken"),
            ("iat", json!(now() + 3600), "InvalidIdentityToken"),
        ] {
            let mut other = claims();
            other[field] = value;
            provider.refuses(&signed(pair, id, &other), code, &format!("{} {other}", pair.algorithm()));
        }
        let mut several = claims();
        several["aud"] = json!(["other", "app"]);
        assert_eq!(provider.ask(&signed(pair, id, &several)).status, 200);
    }
}

#[test]
fn a_token_that_the_provider_did_not_sign_opens_nothing() {
    let (mine, other) = (Pair::rsa(), Pair::ec());
    let provider = Provider::new(&[mine.published("r"), other.published("e")]);
    let good = signed(&mine, "r", &claims());
    assert_eq!(provider.ask(&good).status, 200);
    let invalid = "InvalidIdentityToken";
    for algorithm in ["none", "None", ""] {
        let header = json!({"alg": algorithm, "kid": "r"});
        provider.refuses(&token(&header, &claims(), |_| Vec::new()), invalid, "no signature");
        provider.refuses(&token(&header, &claims(), |message| mine.sign(message)), invalid, "no algorithm");
    }
    // The public key, in each form it is published in, as the secret of a code that anybody can make.
    let Pair::Rsa(pair) = &mine else { panic!("an RSA pair") };
    let der = pair.public_key().as_ref();
    let pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", STANDARD.encode(der));
    let published = mine.published("r").to_string();
    for secret in [der, integers(der).0, pem.as_bytes(), published.as_bytes()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let coded = |message: &[u8]| hmac::sign(&key, message).as_ref().to_vec();
        for algorithm in ["HS256", "RS256"] {
            let header = json!({"alg": algorithm, "kid": "r", "typ": "JWT"});
            provider.refuses(&token(&header, &claims(), coded), invalid, "a code by the public key");
        }
    }
    // Another key under the same name; the right key under the other's name or algorithm.
    provider.refuses(&signed(&Pair::rsa(), "r", &claims()), invalid, "another RSA key");
    provider.refuses(&signed(&Pair::ec(), "e", &claims()), invalid, "another EC key");
    provider.refuses(&signed(&mine, "e", &claims()), invalid, "the name of another key");
    provider.refuses(&signed(&mine, "x", &claims()), invalid, "a name that no key has");
    let header = json!({"alg": "ES256", "kid": "r"});
    provider.refuses(&token(&header, &claims(), |message| mine.sign(message)), invalid, "another algorithm's name");
    let with_sha512 = |message: &[u8]| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA512, &SystemRandom::new(), message, &mut signature).expect("signed");
        signature
    };
    for algorithm in ["RS256", "RS512"] {
        let header = json!({"alg": algorithm, "kid": "r"});
        provider.refuses(&token(&header, &claims(), with_sha512), invalid, "another hash");
    }
    // A good signature over something else.
    let (head, rest) = good.split_once('.').expect("a token");
    let (_, signature) = rest.split_once('.').expect("a token");
    let mut longer = claims();
    longer["exp"] = json!(now() + 60_000);
    provider.refuses(&format!("{head}.{}.{signature}", part(&longer)), invalid, "other claims");
    for nonsense in ["a", "a.b", "a.b.c", "..", &format!("{good}.x"), &format!("{good}=")] {
        provider.refuses(nonsense, invalid, nonsense);
    }
}
