//! Trust anchors: PEM files of certificate authorities.

use super::Failure;
use anyhow::Context as _;
use chop_credential::securing::x5c::TrustAnchor;
use std::path::PathBuf;

/// Reads the trust anchors of PEM files.
///
/// # Errors
/// A usage failure when a file cannot be read or holds anything else than certificates of authorities.
pub(crate) fn trust_anchors(files: &[PathBuf]) -> Result<Vec<TrustAnchor>, Failure> {
    let mut anchors = Vec::new();
    for file in files {
        let shown = file.display();
        let read = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"));
        let found = TrustAnchor::from_pem(&read.map_err(Failure::usage)?)
            .with_context(|| format!("{shown} holds no trust anchors"));
        anchors.extend(found.map_err(Failure::usage)?);
    }
    Ok(anchors)
}
