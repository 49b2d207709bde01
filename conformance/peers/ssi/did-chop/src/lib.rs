//! did:chop for users of ssi: a [`DIDMethodResolver`] that reads from any node and believes only what is proved.
//!
//! The proof is checked by `chopmark did resolve --verify`, a process of its own: ssi turns on serde_json/arbitrary_precision for
//! every crate that it is linked with, and code that reads proofs is tested without.
//!
//! ssi judges signatures as of no time, and takes no notice of the marks that a did:chop document puts on keys. So [`Chop`] hands out
//! the current document only, and in it only the keys that count now.

mod keys;

use chrono::Utc;
use futures::channel::oneshot;
use serde_json::Value;
use ssi_dids_core::document::representation::MediaType;
use ssi_dids_core::resolution::{Error, Metadata, Options, Output, Parameters};
use ssi_dids_core::{DIDMethod, DIDMethodResolver, document};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How `chopmark did resolve --verify` ends when the ledger proves that there is no such DID.
const PROVED_ABSENT: i32 = 3;

/// Resolves did:chop of one ledger, from a node that nobody has to trust.
#[derive(Clone, Debug)]
pub struct Chop {
    program: PathBuf,
    node: String,
    trust_root: PathBuf,
}

/// Says why nothing is known of a DID.
#[derive(Debug, thiserror::Error)]
enum Unproven {
    #[error("{program} was not run: {error}")]
    NotRun {
        program: String,
        error: std::io::Error,
    },
    #[error("nothing is proved: {words}")]
    Refused { words: String },
    #[error("the answer of chopmark is no resolution: {error}")]
    Unreadable { error: serde_json::Error },
    #[error("the process that proves it ended without an answer")]
    Silent,
}

impl Chop {
    /// Takes the `chopmark` program, the base URL of a node, and the file with the ledger's trust root, which does not come from that node.
    pub fn new(
        program: impl AsRef<Path>,
        node: impl Into<String>,
        trust_root: impl AsRef<Path>,
    ) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            node: node.into(),
            trust_root: trust_root.as_ref().to_owned(),
        }
    }

    /// Has the DID proved; none if it is proved absent. It waits for the process.
    fn proved(&self, did: &str) -> Result<Option<Value>, Unproven> {
        let output = Command::new(&self.program)
            .args(["did", "resolve", did, "--verify", "--json"])
            .arg(format!("--url={}", self.node))
            .arg("--trust-root")
            .arg(&self.trust_root)
            .output()
            .map_err(|error| Unproven::NotRun {
                program: self.program.display().to_string(),
                error,
            })?;
        if output.status.code() == Some(PROVED_ABSENT) {
            return Ok(None);
        }
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Unproven::Refused { words });
        }
        serde_json::from_slice(&output.stdout)
            .map(Some)
            .map_err(|error| Unproven::Unreadable { error })
    }
}

impl DIDMethod for Chop {
    const DID_METHOD_NAME: &'static str = "chop";
}

impl DIDMethodResolver for Chop {
    /// Gives the current document, with the keys that count now.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a DID that is proved absent or has ended, [`Error::InvalidOptions`] for a version or a hash of the document.
    async fn resolve_method_representation<'a>(
        &'a self,
        method_specific_id: &'a str,
        options: Options,
    ) -> Result<Output<Vec<u8>>, Error> {
        refuse_versions(&options.parameters)?;
        let did = format!("did:chop:{method_specific_id}");
        let (sender, answer) = oneshot::channel();
        let chop = self.clone();
        // Whoever polls this is not kept waiting, whatever the runtime.
        std::thread::spawn(move || sender.send(chop.proved(&did)));
        let mut proved = answer
            .await
            .unwrap_or(Err(Unproven::Silent))
            .map_err(Error::internal)?
            .ok_or(Error::NotFound)?;
        if proved.pointer("/didDocumentMetadata/deactivated") == Some(&Value::Bool(true)) {
            return Err(Error::NotFound);
        }
        let document = proved.get_mut("didDocument").map(Value::take);
        let counting = keys::counting_at(document.unwrap_or_default(), Utc::now());
        let media_type = options.accept.unwrap_or(MediaType::JsonLd);
        Ok(Output::new(
            counting.to_string().into_bytes(),
            document::Metadata {
                deactivated: Some(false),
            },
            Metadata::from_content_type(Some(media_type.name().to_owned())),
        ))
    }
}

/// A signature names its key by a DID URL, and ssi follows `versionTime` there: to a time of the forger's choice.
fn refuse_versions(parameters: &Parameters) -> Result<(), Error> {
    let Parameters {
        version_id,
        version_time,
        hl,
        ..
    } = parameters;
    if version_id.is_some() || version_time.is_some() || hl.is_some() {
        return Err(Error::InvalidOptions);
    }
    Ok(())
}
