//! The grammar of where root keys are, for every verb that opens a data directory.

use crate::edges::server::root_keys::RootKeySettings;
use clap::Args;
use std::fmt;
use zeroize::Zeroizing;

/// Where the root keys of a data directory are; the same for everything that opens it.
#[derive(Debug, Default, Args)]
pub struct RootKeyArgs {
    /// Where the root keys are: file (DIR/keys/root.json, the default), env (`PORTCULLIS_ROOT_KEY`), or wrapped in
    /// DIR/keys/wrapped.json by an AES key of a PKCS#11 token,
    /// `pkcs11:token=NAME;object=KEY?module-path=FILE&pin-source=file:FILE`, or by a key of an external KMS, kms:KEY
    #[arg(id = "root_key_source", long = "root-key-source", value_name = "SOURCE", env = "PORTCULLIS_ROOT_KEY_SOURCE", hide_env_values = true,
          value_parser = parse_root_key_source)]
    source: Option<RootKeySource>,
    /// What wrapped the root keys before, pkcs11:… or kms:KEY; it opens them until `keys reseal`; repeatable
    #[arg(id = "root_key_former", long = "root-key-former", value_name = "SOURCE", env = "PORTCULLIS_ROOT_KEY_FORMER", hide_env_values = true,
          value_parser = parse_root_key_source)]
    former: Vec<RootKeySource>,
    /// Where the KMS of kms:KEY is; without it as `AWS_ENDPOINT_URL_KMS` or `AWS_ENDPOINT_URL` say, or AWS's own
    #[arg(
        id = "root_key_endpoint_url",
        long = "root-key-endpoint-url",
        value_name = "URL",
        env = "PORTCULLIS_ROOT_KEY_ENDPOINT_URL"
    )]
    endpoint_url: Option<String>,
}

impl RootKeyArgs {
    /// The settings, which are judged when the data directory is opened.
    #[must_use]
    pub fn settings(&self) -> RootKeySettings {
        RootKeySettings {
            source: self.source.as_ref().map(|source| source.0.clone()),
            former: self.former.iter().map(|source| source.0.clone()).collect(),
            endpoint_url: self.endpoint_url.clone(),
        }
    }
}

/// A text that may hold a PIN.
#[derive(Clone)]
struct RootKeySource(Zeroizing<String>);

impl fmt::Debug for RootKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKeySource(…)")
    }
}

/// Takes everything: what the command line's parser refuses, it repeats, and there may be a PIN in it.
#[expect(clippy::unnecessary_wraps, reason = "the form of a value parser")]
fn parse_root_key_source(text: &str) -> Result<RootKeySource, std::convert::Infallible> {
    Ok(RootKeySource(Zeroizing::new(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Verb {
        #[command(flatten)]
        args: RootKeyArgs,
    }

    #[test]
    fn what_may_hold_a_pin_is_neither_judged_nor_shown() {
        let words = ["verb", "--root-key-source", "pkcs11:?pin-value=1234", "--root-key-former", "pin 1234"];
        let verb = Verb::try_parse_from(words).expect("everything is taken");
        assert!(!format!("{verb:?} {:?}", verb.args.settings()).contains("1234"));
        assert_eq!(verb.args.settings().source.as_ref().map(|s| s.as_str()), Some("pkcs11:?pin-value=1234"));
        assert_eq!(verb.args.settings().former.len(), 1);
    }
}
