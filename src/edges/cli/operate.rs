//! `serve`, `presign` and `mfa`: from the command line to the server's parts.

use super::server_args::{MfaCommand, PresignArgs, ServeArgs};
use super::{files, mfa, presign as presigning, serve as serving};
use crate::edges::server::auth::Signer;
use crate::edges::server::cloudfront::door::Door;
use crate::edges::server::open::{self, system_clock};
use crate::edges::server::run::Apps;
use crate::edges::server::settings::ServeSettings;
use crate::simulate::world::{Bundle, World};
use crate::storage::store::{MfaDevice, Store};
use std::sync::Arc;

/// Serves until a signal ends it.
pub(super) fn serve(args: &ServeArgs) -> u8 {
    serving::run(args, async |settings: Arc<ServeSettings>| {
        let store = open::open(settings, load).await?;
        let cloudfront = Door::new(store.clone());
        Ok(Apps { store, cloudfront })
    })
}

fn load(settings: &ServeSettings) -> Result<(World, Bundle), String> {
    files::bundle(&settings.world, settings.strict).map_err(|unusable| unusable.0)
}

/// Prints a presigned URL.
pub(super) fn presign(args: &PresignArgs) -> u8 {
    presigning::run(args, |unsigned, credentials| {
        let signer = Signer {
            access_key_id: &credentials.access_key_id,
            secret: &credentials.secret,
            session_token: credentials.session_token.as_deref(),
            region: unsigned.region,
            service: "s3",
        };
        signer
            .presign(unsigned.method, unsigned.url, unsigned.headers, unsigned.expires_seconds, unsigned.now)
            .map_err(|error| error.message.into_owned())
    })
}

/// Makes an MFA device.
pub(super) fn mfa(command: &MfaCommand) -> u8 {
    match command {
        MfaCommand::Enroll(args) => mfa::enroll(args, |args| {
            if !args.data.join("metadata").is_dir() {
                return Err(format!("{}: this is no data directory; start the server once", args.data.display()));
            }
            let settings = args.root_keys.settings().store_settings()?;
            let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
            let now = system_clock().div_euclid(1000);
            let store = runtime
                .block_on(Store::open(&args.data, settings, now))
                .map_err(|e| format!("{}: {e}", args.data.display()))?;
            Ok(Box::new(Devices { runtime, store, owner: args.user.clone().unwrap_or_else(|| "root".to_owned()) }))
        }),
    }
}

/// The devices of a data directory, which no server uses meanwhile: its lock sees to that.
struct Devices {
    runtime: tokio::runtime::Runtime,
    store: Store,
    owner: String,
}

impl mfa::MfaStore for Devices {
    fn enroll(&mut self, account: &str, serial: &str, secret_base32: &str) -> Result<(), String> {
        let device = MfaDevice {
            serial: serial.to_owned(),
            secret: secret_base32.to_owned(),
            account: account.to_owned(),
            owner: self.owner.clone(),
        };
        self.runtime.block_on(self.store.put_mfa_device(device, system_clock())).map_err(|e| e.to_string())?;
        self.store.close();
        Ok(())
    }
}
