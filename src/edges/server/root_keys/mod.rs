//! Where the root keys of a data directory are, as an operator names it. Everything that opens a data directory asks
//! here.

mod kms;
#[cfg(feature = "pkcs11")]
mod pkcs11;
#[cfg(feature = "pkcs11")]
mod pkcs11_uri;

use crate::storage::sealing::{ROOT_KEY_VARIABLE, RootKeyPlace, WrappingKey};
use crate::storage::store::StoreSettings;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The variable with the PIN of a PKCS#11 token.
pub const PIN_VARIABLE: &str = "PORTCULLIS_PKCS11_PIN";

/// Where the root keys are, as it is named on the command line.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RootKeySettings {
    /// `file`, `env`, `pkcs11:…` (RFC 7512, perhaps with a PIN) or `kms:KEY`. Without one: the environment, where
    /// [`ROOT_KEY_VARIABLE`] is set, else the key file.
    pub source: Option<Zeroizing<String>>,
    /// What wrapped them before, `pkcs11:…` or `kms:KEY`: these still open what they wrapped.
    pub former: Vec<Zeroizing<String>>,
    /// Where the external key service of `kms:KEY` is; without one as `AWS_ENDPOINT_URL_KMS` or `AWS_ENDPOINT_URL`
    /// say, or AWS's own.
    pub endpoint_url: Option<String>,
}

impl fmt::Debug for RootKeySettings {
    /// The kind of source only: a PKCS#11 URI may hold a PIN, and what is no source may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known =
            |text: &str| ["file", "env", "pkcs11", "kms"].into_iter().find(|kind| text.split(':').next() == Some(kind));
        let kind = self.source.as_ref().map(|text| known(text).unwrap_or("…"));
        f.debug_struct("RootKeySettings")
            .field("source", &kind)
            .field("former", &self.former.len())
            .field("endpoint_url", &self.endpoint_url.as_ref().map(|_| "…"))
            .finish()
    }
}

impl RootKeySettings {
    /// The usual settings of a store with these root keys, as this process's environment completes them.
    ///
    /// # Errors
    /// A sentence about what cannot be used. It never holds a PIN or a key.
    pub fn store_settings(&self) -> Result<StoreSettings, String> {
        Ok(StoreSettings { root_keys: self.place(&|name| std::env::var(name).ok())?, ..StoreSettings::default() })
    }

    fn place(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<RootKeyPlace, String> {
        let variable = &|name: &str| variable(name).filter(|value| !value.is_empty());
        let environment = variable(ROOT_KEY_VARIABLE).map(Zeroizing::new);
        let source = self.source.as_ref().map(|text| text.as_str());
        if self.endpoint_url.is_some() && !source.is_some_and(|text| text.starts_with("kms:")) {
            return Err("--root-key-endpoint-url goes with --root-key-source kms:KEY only".to_owned());
        }
        let wrapped = source.is_some_and(|text| !["file", "env"].contains(&text));
        if !self.former.is_empty() && !wrapped {
            return Err("--root-key-former goes with --root-key-source pkcs11:… or kms:KEY only".to_owned());
        }
        match (source, environment) {
            (None | Some("env"), Some(text)) => Ok(RootKeyPlace::Environment(text)),
            (None | Some("file"), None) => Ok(RootKeyPlace::File),
            (Some("env"), None) => Err(format!("--root-key-source env: {ROOT_KEY_VARIABLE} is not set")),
            (Some("file"), Some(_)) => Err(format!("--root-key-source file: {ROOT_KEY_VARIABLE} is set as well")),
            (Some(text), environment) => {
                let named = |option: &'static str| move |reason: String| format!("{option}: {reason}");
                let key = self.wrapping_key(text, variable).map_err(named("--root-key-source"))?;
                // The variable's PIN is the present token's.
                let without_pin = |name: &str| variable(name).filter(|_| name != PIN_VARIABLE);
                let former = self.former.iter().map(|text| self.wrapping_key(text, &without_pin));
                let former = former.collect::<Result<_, _>>().map_err(named("--root-key-former"))?;
                Ok(RootKeyPlace::Wrapped { key, former, environment })
            }
        }
    }

    fn wrapping_key(
        &self,
        text: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Arc<dyn WrappingKey>, String> {
        if let Some(key) = text.strip_prefix("kms:") {
            let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
            let key = kms::KmsKey::new(key, region.as_deref(), self.endpoint_url.clone())?;
            Ok(Arc::new(key))
        } else if text.starts_with("pkcs11:") {
            pkcs11_key(text, variable(PIN_VARIABLE).map(Zeroizing::new))
        } else {
            // What stands here may be a key: it is not repeated.
            Err("wanted file, env, pkcs11:… or kms:KEY".to_owned())
        }
    }
}

#[cfg(feature = "pkcs11")]
fn pkcs11_key(text: &str, pin: Option<Zeroizing<String>>) -> Result<Arc<dyn WrappingKey>, String> {
    let uri = pkcs11_uri::TokenUri::parse(text, pin)?;
    Ok(Arc::new(pkcs11::TokenKey::new(uri)))
}

#[cfg(not(feature = "pkcs11"))]
fn pkcs11_key(_: &str, _: Option<Zeroizing<String>>) -> Result<Arc<dyn WrappingKey>, String> {
    Err("this program was built without the feature `pkcs11`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(source: Option<&str>) -> RootKeySettings {
        RootKeySettings { source: source.map(|s| Zeroizing::new(s.to_owned())), ..RootKeySettings::default() }
    }

    fn place(source: Option<&str>, variables: &[(&str, &str)]) -> Result<String, String> {
        let get = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        settings(source).place(&get).map(|place| match place {
            RootKeyPlace::File => "file".to_owned(),
            RootKeyPlace::Environment(text) => format!("environment {}", *text),
            RootKeyPlace::Wrapped { key, environment, .. } => format!("{} {}", key.name(), environment.is_some()),
        })
    }

    const KEYS: (&str, &str) = (ROOT_KEY_VARIABLE, "x");
    const REGION: (&str, &str) = ("AWS_REGION", "us-east-1");

    #[test]
    fn a_source_is_chosen_in_one_place() {
        for (source, variables, want) in [
            (None, vec![], Ok("file")),
            (None, vec![KEYS], Ok("environment x")),
            (Some("file"), vec![], Ok("file")),
            (Some("file"), vec![KEYS], Err("PORTCULLIS_ROOT_KEY is set as well")),
            (Some("env"), vec![KEYS], Ok("environment x")),
            (Some("env"), vec![], Err("PORTCULLIS_ROOT_KEY is not set")),
            (Some("kms:alias/root"), vec![REGION], Ok("kms:alias/root false")),
            (Some("kms:alias/root"), vec![REGION, KEYS], Ok("kms:alias/root true")),
            (Some("kms:alias/root"), vec![], Err("AWS_REGION")),
            (Some("kms:"), vec![REGION], Err("KEY")),
            (Some("secret"), vec![], Err("wanted file, env, pkcs11:… or kms:KEY")),
        ] {
            match (place(source, &variables), want) {
                (Ok(found), Ok(want)) => assert_eq!(found, want),
                (Err(error), Err(want)) => assert!(error.contains(want) && !error.contains("secret"), "{error}"),
                (found, want) => panic!("{source:?}: {found:?}, wanted {want:?}"),
            }
        }
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        for (source, want) in [
            ("pkcs11:token=t?pin-value=1234", "Some(\"pkcs11\")"),
            ("kms:alias/x", "Some(\"kms\")"),
            ("secret", "Some(\"…\")"),
        ] {
            let shown = format!("{:?}", settings(Some(source)));
            assert!(shown.contains(want) && !shown.contains("1234") && !shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn an_address_without_a_service_is_refused() {
        let settings = RootKeySettings { endpoint_url: Some("http://x".to_owned()), ..settings(Some("file")) };
        let refused = settings.place(&|_| None).expect_err("refused");
        assert!(refused.contains("--root-key-endpoint-url"), "{refused}");
    }

    #[test]
    fn former_sources_are_wrapping_keys() {
        let place = |source: &str, former: &str| {
            let former = vec![Zeroizing::new(former.to_owned())];
            let settings = RootKeySettings { former, ..settings(Some(source)) };
            settings.place(&|name| (name == "AWS_REGION").then(|| "us-east-1".to_owned()))
        };
        let found = place("kms:alias/new", "kms:alias/old").expect("a place");
        assert!(matches!(found, RootKeyPlace::Wrapped { former, .. } if former[0].name() == "kms:alias/old"));
        for (source, former) in [("kms:alias/new", "file"), ("kms:alias/new", "1234"), ("file", "kms:alias/old")] {
            let error = place(source, former).expect_err("refused");
            assert!(error.contains("--root-key-former") && !error.contains("1234"), "{error}");
        }
    }
}
