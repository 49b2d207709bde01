//! Whose word an operator takes: delegates for status lists, and trust anchors, PEM files of certificate authorities.

use super::Failure;
use anyhow::Context as _;
use chop_credential::securing::x5c::TrustAnchor;
use chop_verifier::Trust;
use std::path::PathBuf;
use std::sync::Arc;

/// Arguments of the commands that start a verifying service.
#[derive(Debug, clap::Args)]
pub(crate) struct TrustArgs {
    /// Accept status lists signed by this DID in any issuer's stead (repeatable)
    #[arg(
        long,
        value_name = "DID",
        env = "CHOPMARK_STATUS_DELEGATES",
        value_delimiter = ','
    )]
    status_delegate: Vec<String>,
    /// Trust the certificate authorities in this PEM file for the keys of SD-JWT VC issuers (repeatable)
    #[arg(
        long,
        value_name = "FILE",
        env = "CHOPMARK_TRUST_ANCHORS",
        value_delimiter = ','
    )]
    trust_anchor: Vec<PathBuf>,
}

impl TrustArgs {
    /// Reads the files that are named.
    ///
    /// # Errors
    /// As [`trust_anchors`].
    pub(crate) fn read(self) -> Result<Trust, Failure> {
        Ok(Trust {
            status_delegates: self.status_delegate.into_iter().collect(),
            anchors: Arc::new(trust_anchors(&self.trust_anchor)?),
        })
    }
}

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
