//! `mfa enroll`.

use super::server_args::EnrollArgs;
use super::{UNASKED, YES, say};
use crate::edges::server::totp;
use anstream::eprintln;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use zeroize::Zeroizing;

/// Where devices are kept.
pub trait MfaStore {
    /// Makes this the device of an account's root user, or of a user, in place of the one before it. `serial` is its
    /// ARN; the secret is base32 text, to be sealed at rest.
    ///
    /// # Errors
    /// Why it was not stored: the message for people.
    fn enroll(&mut self, account: &str, serial: &str, secret_base32: &str) -> Result<(), String>;
}

/// Makes a device, has it stored, and shows it once. Exit status 0: it is stored; 2: it is not.
pub fn enroll(args: &EnrollArgs, open: impl FnOnce(&EnrollArgs) -> Result<Box<dyn MfaStore>, String>) -> u8 {
    let made = open(args).and_then(|mut store| make(args, &mut *store));
    match made {
        Ok(device) => {
            say(&device.shown);
            eprintln!("hint: scan the code, or enter the secret; it is not shown again");
            eprintln!("hint: requests that need it send `x-amz-mfa: {} CODE`", device.serial);
            YES
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            UNASKED
        }
    }
}

struct Device {
    serial: String,
    shown: Zeroizing<String>,
}

fn make(args: &EnrollArgs, store: &mut dyn MfaStore) -> Result<Device, String> {
    let secret = Zeroizing::new(totp::new_secret().ok_or("the system gives no random bytes")?);
    let serial = serial(&args.account, args.user.as_deref());
    let owner = args.user.as_deref().unwrap_or("root");
    let uri = Zeroizing::new(uri(&args.account, owner, &secret));
    let picture = qr(&uri)?;
    // Stored before it is shown: what a telephone holds is what the server knows.
    store.enroll(&args.account, &serial, &secret)?;
    let shown = format!("{}\nserial {serial}\nsecret {}\n{}\n", *picture, *secret, *uri);
    Ok(Device { serial, shown: Zeroizing::new(shown) })
}

/// IAM User Guide, "IAM identifiers": root's virtual device has a name of its own.
fn serial(account: &str, user: Option<&str>) -> String {
    format!("arn:aws:iam::{account}:mfa/{}", user.unwrap_or("root-account-mfa-device"))
}

/// Source: the "Key URI Format" of Google Authenticator, which all applications read.
fn uri(account: &str, owner: &str, secret: &str) -> String {
    let owner = utf8_percent_encode(owner, NON_ALPHANUMERIC);
    format!(
        "otpauth://totp/Portcullis:{owner}%40{account}?secret={secret}&issuer=Portcullis&algorithm=SHA1&digits=6&period=30"
    )
}

/// Light modules are drawn, dark ones are the background: most terminals are dark, and scanners read both.
fn qr(text: &str) -> Result<Zeroizing<String>, String> {
    let code = QrCode::new(text).map_err(|e| format!("the QR code: {e}"))?;
    let picture = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    Ok(Zeroizing::new(picture))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::cli::root_key_args::RootKeyArgs;

    struct Kept(Vec<[String; 3]>, Result<(), String>);

    impl MfaStore for Kept {
        fn enroll(&mut self, account: &str, serial: &str, secret_base32: &str) -> Result<(), String> {
            self.0.push([account, serial, secret_base32].map(str::to_owned));
            self.1.clone()
        }
    }

    fn args(user: Option<&str>) -> EnrollArgs {
        EnrollArgs {
            data: "d".into(),
            account: "123456789012".to_owned(),
            user: user.map(str::to_owned),
            root_keys: RootKeyArgs::default(),
        }
    }

    #[test]
    fn what_is_shown_is_what_is_stored() {
        let mut store = Kept(Vec::new(), Ok(()));
        let device = make(&args(None), &mut store).expect("stored");
        let [account, serial, secret] = &store.0[0];
        assert_eq!(account, "123456789012");
        assert_eq!(serial, "arn:aws:iam::123456789012:mfa/root-account-mfa-device");
        assert_eq!(&device.serial, serial);
        let uri = format!(
            "otpauth://totp/Portcullis:root%40123456789012?secret={secret}&issuer=Portcullis&algorithm=SHA1&digits=6&period=30"
        );
        assert!(device.shown.ends_with(&format!("serial {serial}\nsecret {secret}\n{uri}\n")), "{}", *device.shown);
        let code = totp::code(secret, 1_000_000).expect("a usable secret");
        assert!(totp::verify(secret, &code, 1_000_000, None).is_some());
    }

    #[test]
    fn a_users_device_bears_the_users_name() {
        let mut store = Kept(Vec::new(), Ok(()));
        let device = make(&args(Some("a@b")), &mut store).expect("stored");
        assert_eq!(device.serial, "arn:aws:iam::123456789012:mfa/a@b");
        assert!(device.shown.contains("totp/Portcullis:a%40b%40123456789012?"));
    }

    #[test]
    fn nothing_is_shown_that_was_not_stored() {
        let mut store = Kept(Vec::new(), Err("no such account".to_owned()));
        assert_eq!(make(&args(None), &mut store).err().as_deref(), Some("no such account"));
    }

    #[test]
    fn the_picture_has_its_corners_and_quiet_zone() {
        let picture = qr("HELLO").expect("a code");
        // 21 modules and a quiet zone of 4 on each side, two rows on a line.
        let lines: Vec<Vec<char>> = picture.lines().map(|l| l.chars().collect()).collect();
        assert_eq!((lines.len(), lines[0].len()), (15, 29));
        assert_eq!(lines[0], ['█'; 29]);
        // The finder's outer ring: dark seven wide above light.
        assert_eq!(lines[2][3..12].iter().collect::<String>(), "█ ▄▄▄▄▄ █");
    }
}
