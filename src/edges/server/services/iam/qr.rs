//! The QR code of a device's URI, as the PNG image that `CreateVirtualMFADevice` answers with.
//!
//! Source: W3C, "Portable Network Graphics"; RFC 1950 and 1951, whose stored blocks need no compressor.

use crc_fast::{CrcAlgorithm, checksum};
use qrcode::{Color, QrCode};

/// Pixels of a module's side.
const SCALE: usize = 4;
/// Modules of white around the code: the standard's quiet zone.
const QUIET: usize = 4;
/// The most bytes of a stored block.
const BLOCK: usize = 65_535;

/// The image; `None` for a text that no QR code holds.
pub(super) fn png(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::new(text).ok()?;
    let (width, colors) = (code.width(), code.to_colors());
    let side = (width + 2 * QUIET) * SCALE;
    let dark = |x: usize, y: usize| {
        let (x, y) = ((x / SCALE).checked_sub(QUIET)?, (y / SCALE).checked_sub(QUIET)?);
        (x < width && y < width).then(|| colors.get(y * width + x) == Some(&Color::Dark))
    };
    let mut rows = Vec::with_capacity(side * (side + 1));
    for y in 0..side {
        // The filter of the row: none.
        rows.push(0);
        rows.extend((0..side).map(|x| if dark(x, y) == Some(true) { 0_u8 } else { 255 }));
    }
    let size = u32::try_from(side).ok()?.to_be_bytes();
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    // Eight bits of grey, the only methods there are.
    chunk(&mut image, *b"IHDR", &[&size[..], &size, &[8, 0, 0, 0, 0]].concat());
    chunk(&mut image, *b"IDAT", &stored(&rows));
    chunk(&mut image, *b"IEND", &[]);
    Some(image)
}

fn chunk(image: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let body = [&kind[..], data].concat();
    image.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    image.extend(&body);
    let sum = checksum(CrcAlgorithm::Crc32IsoHdlc, &body);
    image.extend(sum.to_be_bytes().iter().skip(4));
}

/// A zlib stream of stored blocks.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = data.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}
