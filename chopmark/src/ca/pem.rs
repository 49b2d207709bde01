//! One PEM block, and nothing else, of a bounded size.

use anyhow::{Context as _, bail, ensure};
use std::path::Path;
use x509_parser::pem::{Pem, parse_x509_pem};

/// The largest file that is read, in bytes; a certificate has about a thousand.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads a file that holds one PEM block.
///
/// # Errors
/// When the file cannot be read, is too long, or holds something else or more.
pub(super) fn read(file: &Path) -> anyhow::Result<Pem> {
    let shown = file.display();
    let length = std::fs::metadata(file)
        .with_context(|| format!("cannot read {shown}"))?
        .len();
    ensure!(
        length <= MAX_BYTES,
        "{shown} has {length} bytes, at most {MAX_BYTES} are read"
    );
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    parse(&bytes).with_context(|| format!("{shown} is not one PEM block"))
}

/// Reads one PEM block.
///
/// # Errors
/// When there is something else, or more.
pub(super) fn parse(bytes: &[u8]) -> anyhow::Result<Pem> {
    let Ok((rest, pem)) = parse_x509_pem(bytes) else {
        bail!("it does not begin with -----BEGIN …-----, or does not end with its counterpart");
    };
    ensure!(
        rest.iter().all(u8::is_ascii_whitespace),
        "there is more after the first -----END"
    );
    Ok(pem)
}

/// The DER inside one PEM block.
///
/// # Errors
/// When there is something else, or more.
pub(crate) fn der_of(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(parse(bytes)?.contents)
}
