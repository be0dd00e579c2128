//! Sealing everything anew while serving: whoever owns the data directory asks by a file in it, and the server answers
//! by another. Nobody else can ask: the directory is its owner's alone.

use super::app::Server;
use std::io;
use std::path::{Path, PathBuf};

/// The file that asks.
#[must_use]
pub fn request_file(data: &Path) -> PathBuf {
    data.join("keys").join("reseal.request")
}

/// The file that answers, in a line of text. It is there when the request is gone.
#[must_use]
pub fn answer_file(data: &Path) -> PathBuf {
    data.join("keys").join("reseal.answer")
}

/// Does what is asked, if anybody does.
pub(super) async fn if_asked(server: &Server) {
    let data = &server.settings().data;
    let request = request_file(data);
    if !request.exists() {
        return;
    }
    let answer = match server.store().reseal(server.now_ms().div_euclid(1000)).await {
        Ok(done) => {
            tracing::info!(version = done.version, envelopes = done.envelopes, "everything is sealed anew");
            format!("ok {} {}\n", done.version, done.envelopes)
        }
        Err(error) => {
            tracing::error!(%error, "not everything could be sealed anew");
            format!("error {error}\n")
        }
    };
    if let Err(error) = answered(data, &answer) {
        tracing::error!(%error, "the answer to a request to reseal could not be written");
    }
}

fn answered(data: &Path, text: &str) -> io::Result<()> {
    std::fs::write(answer_file(data), text)?;
    std::fs::remove_file(request_file(data))
}
