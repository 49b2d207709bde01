//! Several statements under one header: signatures travel and are checked once.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::state_proof::{decode_signed_header, height_of};
use crate::{Freshness, ProofError, StateProof, TrustRoot, VerifiedHeader, base64, verify_header};

/// What a ledger says under several keys at one height.
///
/// As JSON `{"signedHeader", "validators", "statements": [{"key", "value", "path"}]}`; header, validators and paths are as in
/// [`StateProof`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchProof {
    /// Header and commit, protobuf.
    #[serde(with = "base64")]
    pub signed_header: Vec<u8>,
    /// Validators in Tendermint's order, protobuf.
    #[serde(with = "base64")]
    pub validators: Vec<u8>,
    /// What is said, each under a key of its own.
    pub statements: Vec<Statement>,
}

/// One key with its value, or with none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// The key.
    pub key: String,
    /// The exact text that the tree holds; null when it holds nothing.
    pub value: Option<String>,
    /// The Merkle path, borsh.
    #[serde(with = "base64")]
    pub path: Vec<u8>,
}

impl BatchProof {
    /// The most statements of one proof.
    pub const MAX_STATEMENTS: usize = 256;

    /// Checks the header and every statement.
    ///
    /// # Errors
    /// Names the first thing that does not hold.
    pub fn verify(
        &self,
        root: &TrustRoot,
        freshness: &Freshness,
    ) -> Result<VerifiedHeader, ProofError> {
        let count = self.statements.len();
        if count > Self::MAX_STATEMENTS {
            return Err(ProofError::TooMany {
                parts: "statements",
                count,
                limit: Self::MAX_STATEMENTS,
            });
        }
        let header = verify_header(root, &self.proof_with(Vec::new()), freshness)?;
        let mut keys = BTreeSet::new();
        for statement in &self.statements {
            if !keys.insert(statement.key.as_str()) {
                return Err(ProofError::RepeatedKey {
                    key: statement.key.clone(),
                });
            }
            let value = statement.value.as_deref().map(str::as_bytes);
            header.confirm(&statement.path, &statement.key, value)?;
        }
        Ok(header)
    }

    /// The height that the header names; nothing is verified.
    ///
    /// # Errors
    /// When the header does not decode.
    pub fn height(&self) -> Result<u64, ProofError> {
        height_of(&self.signed_header)
    }

    /// Whether the header names a parent; nothing is verified.
    pub(crate) fn has_parent(&self) -> Result<bool, ProofError> {
        let signed = decode_signed_header(&self.signed_header)?;
        Ok(signed.header.last_block_id.is_some())
    }

    /// Finds the statement about a key.
    pub fn statement(&self, key: &str) -> Option<&Statement> {
        self.statements
            .iter()
            .find(|statement| statement.key == key)
    }

    /// The proof of one statement, as it would travel alone.
    pub fn proof_of(&self, statement: &Statement) -> StateProof {
        self.proof_with(statement.path.clone())
    }

    fn proof_with(&self, path: Vec<u8>) -> StateProof {
        StateProof {
            signed_header: self.signed_header.clone(),
            validators: self.validators.clone(),
            path,
        }
    }
}
