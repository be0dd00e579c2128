//! Root keys wrapped by an AES key of a PKCS#11 token, with AES-GCM inside the token. Source: OASIS, "PKCS #11
//! Specification Version 3.1".

use super::PIN_VARIABLE;
use super::pkcs11_uri::{Pin, TokenUri};
use crate::edges::server::auth::hex;
use crate::storage::sealing::{Binding, RootKeyBytes, WrappedKey, WrappingError, WrappingKey, read_private};
use aws_lc_rs::rand;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// Bytes of AES-GCM's nonce and tag, which stand before and behind what is sealed.
const NONCE: usize = 12;
const TAG_BITS: u64 = 128;

/// The modules that were loaded. They stay: not every module survives being unloaded. The lock is held while one is
/// used, since a module knows one application in a process.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// An AES key of a token. Each use has a session of its own, so that a token may go and come back meanwhile.
#[derive(Debug)]
pub(super) struct TokenKey {
    uri: TokenUri,
}

/// A key in an open session.
struct Opened<'a> {
    session: &'a Session,
    key: ObjectHandle,
}

impl TokenKey {
    pub(super) fn new(uri: TokenUri) -> Self {
        Self { uri }
    }

    fn with_key<T>(&self, work: impl FnOnce(&Opened<'_>) -> Result<T, WrappingError>) -> Result<T, WrappingError> {
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        let path = &self.uri.module;
        let module = match modules.get(path) {
            Some(module) => module.clone(),
            None => {
                let module = Pkcs11::new(path).map_err(|e| {
                    refused("NoSuchModule", format!("the module `{}` cannot be loaded: {e}", path.display()))
                })?;
                modules.insert(path.clone(), module.clone());
                module
            }
        };
        let ours = match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) => true,
            // A program that this library is part of may use the module as well.
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => false,
            Err(error) => return Err(failed(error)),
        };
        let done = self.in_module(&module, work);
        if ours {
            // Nothing is left to lose.
            let _ = module.finalize();
        }
        done
    }

    fn in_module<T>(
        &self,
        module: &Pkcs11,
        work: impl FnOnce(&Opened<'_>) -> Result<T, WrappingError>,
    ) -> Result<T, WrappingError> {
        let (slot, token) = self.slot(module)?;
        let session = module.open_ro_session(slot).map_err(failed)?;
        self.log_in(&session, &token)?;
        let key = self.key(&session)?;
        let done = work(&Opened { session: &session, key });
        // Closing the session would do it too.
        let _ = session.logout();
        done
    }

    fn slot(&self, module: &Pkcs11) -> Result<(Slot, TokenInfo), WrappingError> {
        let slots = module.get_slots_with_token().map_err(failed)?;
        // A token that cannot say what it is, is not the one.
        let tokens = slots.into_iter().filter_map(|slot| Some((slot, module.get_token_info(slot).ok()?)));
        let tokens: Vec<(Slot, TokenInfo)> = tokens.filter(|(_, token)| token.token_initialized()).collect();
        let mut fitting = tokens.iter().filter(|(_, token)| self.fits(token));
        match (fitting.next(), fitting.next()) {
            (Some(found), None) => Ok(found.clone()),
            (Some(_), Some(_)) => {
                Err(refused("AmbiguousToken", "more than one token fits: add serial= to the URI".into()))
            }
            (None, _) => {
                let labels: Vec<&str> = tokens.iter().map(|(_, token)| token.label()).collect();
                let there = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
                Err(refused("NoSuchToken", format!("the token is not there; there are: {there}")))
            }
        }
    }

    fn fits(&self, token: &TokenInfo) -> bool {
        let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        same(&self.uri.token, token.label())
            && same(&self.uri.serial, token.serial_number())
            && same(&self.uri.manufacturer, token.manufacturer_id())
            && same(&self.uri.model, token.model())
    }

    /// One try: tokens lock themselves after a few wrong PINs, and a server may be started again and again.
    fn log_in(&self, session: &Session, token: &TokenInfo) -> Result<(), WrappingError> {
        if !token.login_required() {
            return Ok(());
        }
        if token.user_pin_locked() {
            return Err(refused("CKR_PIN_LOCKED", "the token's PIN is locked after too many wrong ones".to_owned()));
        }
        if token.user_pin_final_try() {
            let reason = "a wrong PIN now would lock the token: log in once with the token's own tool";
            return Err(refused("FinalTry", reason.to_owned()));
        }
        let pin = self.pin()?;
        if pin.is_none() && !token.protected_authentication_path() {
            let reason = format!("the token wants a PIN: give pin-source=file:PATH in the URI, or set {PIN_VARIABLE}");
            return Err(refused("NoPin", reason));
        }
        session.login(UserType::User, pin.as_ref()).map_err(failed)
    }

    fn pin(&self) -> Result<Option<AuthPin>, WrappingError> {
        // An empty one would be a wrong one, and the token counts those.
        let secret = |text: &str| match text {
            "" => Err(refused("NoPin", "the PIN that is given is empty".to_owned())),
            text => Ok(Some(AuthPin::new(text.to_owned().into_boxed_str()))),
        };
        match &self.uri.pin {
            Pin::None => Ok(None),
            Pin::Value(pin) => secret(pin),
            Pin::File(path) => {
                let unusable = |reason: String| refused("NoPin", reason);
                let text = read_private(path).map_err(|e| unusable(e.to_string()))?;
                let text = std::str::from_utf8(&text);
                let text = text.map_err(|_| unusable(format!("the file `{}` holds no text", path.display())))?;
                secret(text.trim_end_matches(['\r', '\n']))
            }
        }
    }

    fn key(&self, session: &Session) -> Result<ObjectHandle, WrappingError> {
        let mut template =
            vec![Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES), Attribute::Token(true)];
        template.extend(self.uri.object.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
        template.extend(self.uri.id.clone().map(Attribute::Id));
        let found = session.find_objects(&template).map_err(failed)?;
        match found.as_slice() {
            [key] => {
                let extractable = session.get_attributes(*key, &[AttributeType::Extractable]).map_err(failed)?;
                if extractable == [Attribute::Extractable(true)] {
                    tracing::warn!(key = self.uri.name(), "the token would let this key out: it is extractable");
                }
                Ok(*key)
            }
            [] => Err(refused("NoSuchKey", self.how_to_make_it())),
            [..] => {
                let reason = "more than one AES key fits: name it by object= and id= together";
                Err(refused("AmbiguousKey", reason.to_owned()))
            }
        }
    }

    fn how_to_make_it(&self) -> String {
        let token = self.uri.token.as_ref().map_or_else(String::new, |token| format!(" --token-label '{token}'"));
        let label = self.uri.object.as_ref().map_or_else(String::new, |label| format!(" --label '{label}'"));
        let id = self.uri.id.as_ref().map_or_else(String::new, |id| format!(" --id {}", hex(id)));
        format!(
            "the token has no such AES key; to make it: pkcs11-tool --module '{}'{token} --login --keygen --key-type AES:32{label}{id} --sensitive",
            self.uri.module.display()
        )
    }
}

impl Opened<'_> {
    fn wrap(&self, binding: &Binding, key: &RootKeyBytes) -> Result<Vec<u8>, WrappingError> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce).map_err(|_| refused("NoRandom", "the system gave no random bytes".to_owned()))?;
        let additional = binding.additional_data();
        let sealed = {
            let parameters = GcmParams::new(&mut nonce, &additional, TAG_BITS.into()).map_err(failed)?;
            self.session.encrypt(&Mechanism::AesGcm(parameters), self.key, key.as_slice()).map_err(failed)?
        };
        // The nonce is read after the token used it: some tokens choose their own.
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, binding: &Binding, wrapped: &WrappedKey) -> Result<RootKeyBytes, WrappingError> {
        let damaged = |code: &str| WrappingError::DoesNotOpen {
            version: binding.version,
            reason: format!("{code}: it was changed, or wrapped by another key; it says by {}", wrapped.by),
        };
        let (nonce, sealed) = wrapped.ciphertext.split_at_checked(NONCE).ok_or_else(|| damaged("TooShort"))?;
        let mut nonce = nonce.to_vec();
        let additional = binding.additional_data();
        let parameters = GcmParams::new(&mut nonce, &additional, TAG_BITS.into()).map_err(failed)?;
        let opened = self.session.decrypt(&Mechanism::AesGcm(parameters), self.key, sealed);
        let opened = opened.map(Zeroizing::new).map_err(|error| match error {
            // Tokens differ in what they call a tag that is wrong.
            Error::Pkcs11(
                code @ (RvError::EncryptedDataInvalid
                | RvError::EncryptedDataLenRange
                | RvError::DataInvalid
                | RvError::GeneralError
                | RvError::FunctionFailed),
                Function::Decrypt,
            ) => damaged(&code_name(code)),
            error => failed(error),
        })?;
        let key = opened.as_slice().try_into().map_err(|_| damaged("WrongLength"))?;
        Ok(Zeroizing::new(key))
    }
}

impl WrappingKey for TokenKey {
    fn method(&self) -> &'static str {
        "pkcs11-aes-gcm"
    }

    fn name(&self) -> String {
        self.uri.name()
    }

    fn wrap(&self, keys: &[(Binding, RootKeyBytes)]) -> Result<Vec<WrappedKey>, WrappingError> {
        self.with_key(|opened| {
            let wrapped = keys
                .iter()
                .map(|(binding, key)| Ok(WrappedKey { by: self.name(), ciphertext: opened.wrap(binding, key)? }));
            wrapped.collect()
        })
    }

    fn open(&self, keys: &[(Binding, WrappedKey)]) -> Result<Vec<RootKeyBytes>, WrappingError> {
        self.with_key(|opened| keys.iter().map(|(binding, wrapped)| opened.open(binding, wrapped)).collect())
    }
}

fn refused(code: &str, reason: String) -> WrappingError {
    WrappingError::Refused { code: code.to_owned(), reason }
}

/// The crate's own sentences quote the specification at length; the names say it.
fn failed(error: Error) -> WrappingError {
    match error {
        Error::Pkcs11(code, function) => {
            let reason = match code {
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => "the PIN is wrong".to_owned(),
                RvError::PinLocked => "the token's PIN is locked after too many wrong ones".to_owned(),
                RvError::MechanismInvalid => "the token or its key does not do CKM_AES_GCM".to_owned(),
                RvError::KeyFunctionNotPermitted => "the key may not encrypt and decrypt".to_owned(),
                _ => format!("the token refused in C_{function:?}"),
            };
            refused(&code_name(code), reason)
        }
        error => refused("InvalidModule", error.to_string()),
    }
}

/// As the specification writes it: `PinIncorrect` is `CKR_PIN_INCORRECT`.
fn code_name(code: RvError) -> String {
    let mut name = "CKR".to_owned();
    for c in format!("{code:?}").chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}
