//! The URI of a key on a token. Source: RFC 7512, "The PKCS #11 URI Scheme".

use super::PIN_VARIABLE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// RFC 7512 section 2.3: what stands for itself in a path attribute, less the marks that few labels have.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where the PIN is.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) enum Pin {
    /// None was given: the token may want none, or asks at its own keypad.
    #[default]
    None,
    /// Here, from the URI or the environment.
    Value(Zeroizing<String>),
    /// In a file, its owner's alone.
    File(PathBuf),
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Value(_) => f.write_str("Value(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// A module, the token in it, the key on it, and the PIN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TokenUri {
    pub(super) module: PathBuf,
    pub(super) token: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    /// The key's label.
    pub(super) object: Option<String>,
    /// The key's id.
    pub(super) id: Option<Vec<u8>>,
    pub(super) pin: Pin,
}

/// The attributes of one part of a URI, each of which may stand once.
struct Attributes<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Attributes<'a> {
    fn of(part: &'a str, separator: char) -> Result<Self, String> {
        let mut found: Vec<(&str, &str)> = Vec::new();
        for attribute in part.split(separator).filter(|text| !text.is_empty()) {
            // The value may be a PIN, and so may what is no attribute: neither is repeated.
            let (name, value) = attribute.split_once('=').ok_or("a PKCS#11 URI has NAME=VALUE attributes")?;
            if found.iter().any(|(known, _)| *known == name) {
                return Err(format!("the attribute `{name}` stands twice in the PKCS#11 URI"));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    fn bytes(&mut self, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let place = self.0.iter().position(|(known, _)| *known == name)?;
        Some(Zeroizing::new(percent_decode_str(self.0.remove(place).1).collect()))
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        let text = self.bytes(name).map(|bytes| std::str::from_utf8(&bytes).map(str::to_owned));
        let text = text.transpose().map_err(|_| format!("the attribute `{name}` of the PKCS#11 URI is no text"))?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    fn nothing_left(&self) -> Result<(), String> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(format!("the attribute `{name}` of the PKCS#11 URI is not known here")),
        }
    }
}

impl TokenUri {
    /// Reads a URI. `pin` is the value of the variable for it.
    ///
    /// # Errors
    /// A sentence about what is wrong, which never holds a PIN.
    pub(super) fn parse(text: &str, pin: Option<Zeroizing<String>>) -> Result<Self, String> {
        let rest = text.strip_prefix("pkcs11:").ok_or("a PKCS#11 URI begins with `pkcs11:`")?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut path, mut query) = (Attributes::of(path, ';')?, Attributes::of(query, '&')?);
        let wanted_type = path.text("type")?;
        let uri = Self {
            module: query.text("module-path")?.map(PathBuf::from).unwrap_or_default(),
            token: path.text("token")?,
            serial: path.text("serial")?,
            manufacturer: path.text("manufacturer")?,
            model: path.text("model")?,
            object: path.text("object")?,
            id: path.bytes("id").map(|id| id.to_vec()).filter(|id| !id.is_empty()),
            pin: pin_of(&mut query, pin)?,
        };
        path.nothing_left()?;
        query.nothing_left()?;
        if wanted_type.is_some_and(|name| name != "secret-key") {
            return Err("the PKCS#11 URI is of another type than `secret-key`".to_owned());
        }
        if !uri.module.is_absolute() {
            return Err("the PKCS#11 URI wants module-path=, the absolute path of the token's module".to_owned());
        }
        if uri.token.is_none() && uri.serial.is_none() {
            return Err("the PKCS#11 URI wants token= or serial=".to_owned());
        }
        if uri.object.is_none() && uri.id.is_none() {
            return Err("the PKCS#11 URI wants object= or id=, the label or the id of an AES key".to_owned());
        }
        Ok(uri)
    }

    /// What names token and key: the URI without module and PIN.
    pub(super) fn name(&self) -> String {
        let texts = [
            ("token", &self.token),
            ("serial", &self.serial),
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
            ("object", &self.object),
        ];
        let encoded = texts.into_iter().filter_map(|(name, value)| {
            value.as_ref().map(|value| format!("{name}={}", utf8_percent_encode(value, ENCODED)))
        });
        let id = self.id.iter().map(|id| {
            id.iter().fold("id=".to_owned(), |mut text, byte| {
                let _ = write!(text, "%{byte:02X}");
                text
            })
        });
        format!("pkcs11:{}", encoded.chain(id).collect::<Vec<_>>().join(";"))
    }
}

/// One place at most: two could differ, and a wrong PIN counts against the token.
fn pin_of(query: &mut Attributes<'_>, variable: Option<Zeroizing<String>>) -> Result<Pin, String> {
    let value = query.text("pin-value")?.map(|text| Pin::Value(text.into()));
    let file = query.text("pin-source")?.map(|source| {
        let path = source.strip_prefix("file:").unwrap_or(&source);
        let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
        if path.is_absolute() {
            Ok(Pin::File(path))
        } else {
            Err("pin-source= wants the absolute path of a file".to_owned())
        }
    });
    let mut given = [value, file.transpose()?, variable.map(Pin::Value)].into_iter().flatten();
    let first = given.next().unwrap_or_default();
    match given.next() {
        None => Ok(first),
        Some(_) => Err(format!("the PIN is given twice: one of pin-source=, pin-value= and {PIN_VARIABLE} is enough")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = "module-path=/usr/lib/softhsm/libsofthsm2.so";

    fn parse(path: &str, query: &str) -> Result<TokenUri, String> {
        TokenUri::parse(&format!("pkcs11:{path}?{query}"), None)
    }

    #[test]
    fn what_a_uri_says() {
        let uri = parse(
            "token=My%20token;serial=7a;manufacturer=m;model=x;object=root;id=%01%ff;type=secret-key",
            &format!("{MODULE}&pin-source=file:/run/pin"),
        )
        .expect("a URI");
        assert_eq!(uri.token.as_deref(), Some("My token"));
        assert_eq!((uri.id.as_deref(), &uri.pin), (Some([1, 255].as_slice()), &Pin::File("/run/pin".into())));
        assert_eq!(uri.name(), "pkcs11:token=My%20token;serial=7a;manufacturer=m;model=x;object=root;id=%01%FF");
        for source in ["/run/pin", "file:/run/pin", "file:///run/pin", "file:%2Frun%2Fpin"] {
            let uri = parse("token=t;object=o", &format!("{MODULE}&pin-source={source}")).expect("a URI");
            assert_eq!(uri.pin, Pin::File("/run/pin".into()));
        }
    }

    #[test]
    fn a_pin_is_never_shown() {
        let uri = parse("token=t;object=o", &format!("{MODULE}&pin-value=12%334")).expect("a URI");
        assert_eq!(uri.pin, Pin::Value("1234".to_owned().into()));
        assert!(!format!("{uri:?} {}", uri.name()).contains("1234"));
        let from_variable =
            TokenUri::parse(&format!("pkcs11:token=t;object=o?{MODULE}"), Some("1234".to_owned().into()));
        assert_eq!(from_variable, Ok(uri));
    }

    #[test]
    fn what_is_missing_or_not_known_is_named() {
        for (path, query, named) in [
            ("token=t;object=o", "", "module-path"),
            ("token=t;object=o", "module-path=x.so", "module-path"),
            ("object=o", MODULE, "token="),
            ("token=t", MODULE, "object="),
            ("token=t;object=", MODULE, "object="),
            ("token=t;token=u;object=o", MODULE, "`token`"),
            ("token=t;object=o;slot-id=1", MODULE, "`slot-id`"),
            ("token=t;object=o;type=private", MODULE, "secret-key"),
            ("token=%ff;object=o", MODULE, "`token`"),
            ("token=t;object=o", "module-path=/m&pin-source=pin", "pin-source="),
            ("token=t;object=o", "module-path=/m&pin-source=|pin", "pin-source="),
            ("token=t;object=o", "module-path=/m&pin-source=/p&pin-value=1234", "twice"),
            ("token=t;object=o", "module-path=/m&1234", "NAME=VALUE"),
            ("token=t;object=o", "module-path=/m&pin-valu=1234", "`pin-valu`"),
        ] {
            let error = parse(path, query).expect_err(path);
            assert!(error.contains(named) && !error.contains("1234"), "{path}?{query}: {error}");
        }
        let uri = format!("pkcs11:token=t;object=o?{MODULE}&pin-source=/p");
        assert!(TokenUri::parse(&uri, Some("1234".to_owned().into())).is_err_and(|error| !error.contains("1234")));
    }
}
