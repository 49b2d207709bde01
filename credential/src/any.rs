//! A credential of any kind that is judged here.

use crate::sd_jwt_vc::{SdJwtVc, SdJwtVcError, is_sd_jwt_vc};
use crate::securing::sd_jwt::SdJwt;
use crate::securing::{ParseError, SecuredCredential, Securing};
use crate::selective;
use crate::verdict::{Evidence, Policy, Verdict, judge, judge_sd_jwt_vc};
use crate::{Contexts, ProblemType};
use chop_integrity::json::Plain;
use serde_json::{Map, Value};

/// Is a credential whose structure holds: one of the W3C data model, or an SD-JWT VC.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyCredential {
    /// Of the W3C data model.
    W3c(Box<SecuredCredential>),
    /// An SD-JWT VC.
    SdJwtVc(Box<SdJwtVc>),
}

/// Says why bytes are no credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnyError {
    /// They are no credential of the W3C data model, nor look like an SD-JWT VC.
    #[error(transparent)]
    W3c(#[from] ParseError),
    /// They look like an SD-JWT VC and are none.
    #[error(transparent)]
    SdJwtVc(#[from] SdJwtVcError),
}

impl AnyError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::W3c(error) => error.rule(),
            Self::SdJwtVc(error) => error.rule(),
        }
    }

    /// Returns the problem type.
    pub fn problem(&self) -> ProblemType {
        match self {
            Self::W3c(error) => error.problem(),
            Self::SdJwtVc(error) => error.problem(),
        }
    }
}

impl AnyCredential {
    /// Parses a credential as it comes: JSON, an envelope, or a compact token.
    ///
    /// # Errors
    /// When it is none that is known here, or breaks a rule of its kind.
    pub fn parse(bytes: &[u8]) -> Result<Self, AnyError> {
        let trimmed = bytes.trim_ascii();
        match std::str::from_utf8(trimmed) {
            Ok(text) if text.starts_with('e') => Self::from_token(text),
            _ => Ok(Self::W3c(Box::new(SecuredCredential::parse(bytes)?))),
        }
    }

    /// Takes a compact token.
    ///
    /// # Errors
    /// When it is none that is known here, or breaks a rule of its kind.
    pub fn from_token(text: &str) -> Result<Self, AnyError> {
        if !SdJwt::is_meant(text) {
            return Ok(Self::W3c(Box::new(SecuredCredential::from_jwt(text)?)));
        }
        let (sd_jwt, claims) = SdJwt::parse(text).map_err(ParseError::from)?;
        if is_sd_jwt_vc(&sd_jwt)? {
            let credential = SdJwtVc::from_parts(sd_jwt, claims)?;
            return Ok(Self::SdJwtVc(Box::new(credential)));
        }
        let credential = SecuredCredential::from_sd_jwt(sd_jwt, claims)?;
        Ok(Self::W3c(Box::new(credential)))
    }

    /// Takes a credential from parsed JSON; a string is none.
    ///
    /// # Errors
    /// When it breaks a rule of the W3C data model.
    pub fn from_value(value: Value) -> Result<Self, AnyError> {
        Ok(Self::W3c(Box::new(SecuredCredential::from_value(value)?)))
    }

    /// Takes a credential from JSON that is written plainly.
    ///
    /// # Errors
    /// As [`Self::from_value`].
    pub fn from_plain(plain: Plain) -> Result<Self, AnyError> {
        Ok(Self::W3c(Box::new(SecuredCredential::from_plain(plain)?)))
    }

    /// Returns who issued it.
    pub fn issuer(&self) -> &str {
        match self {
            Self::W3c(credential) => credential.credential().issuer(),
            Self::SdJwtVc(credential) => credential.issuer(),
        }
    }

    /// Lists the types that say what it is.
    pub fn types(&self) -> Vec<&str> {
        match self {
            Self::W3c(credential) => credential.credential().specific_types().collect(),
            Self::SdJwtVc(credential) => credential.types().collect(),
        }
    }

    /// Lists the verification methods whose keys its signatures need, absolute.
    pub fn verification_methods(&self) -> Vec<String> {
        match self {
            Self::W3c(credential) => credential.verification_methods().into_iter().collect(),
            Self::SdJwtVc(credential) => credential.verification_methods(),
        }
    }

    /// Says whether judging it takes milliseconds, however short it is: pairings, as a proof of `bbs-2023` has them.
    pub fn is_dear(&self) -> bool {
        let Self::W3c(credential) = self else {
            return false;
        };
        let Securing::DataIntegrity(proofs) = credential.securing() else {
            return false;
        };
        let suite = |proof: &Map<String, Value>| {
            proof.get("cryptosuite").and_then(Value::as_str) == Some(selective::bbs::NAME)
        };
        proofs.iter().any(suite)
    }

    /// Returns the bytes that the ledger's anchor digests; none if it has no canonical form.
    pub fn secured_bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::W3c(credential) => credential.secured_bytes().ok(),
            Self::SdJwtVc(credential) => Some(credential.secured_bytes().to_vec()),
        }
    }

    /// Judges it from gathered evidence.
    pub fn judge(&self, evidence: &Evidence, policy: &Policy, contexts: &Contexts) -> Verdict {
        match self {
            Self::W3c(credential) => judge(credential, evidence, policy, contexts),
            Self::SdJwtVc(credential) => judge_sd_jwt_vc(credential, evidence, policy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_credential_with_a_pairing_among_its_proofs_is_dear() {
        let proof = |suite| json!({"type": "DataIntegrityProof", "cryptosuite": suite});
        let dear = |proofs: Value| {
            let credential = AnyCredential::from_value(json!({
                "@context": ["https://www.w3.org/ns/credentials/v2"],
                "type": ["VerifiableCredential"],
                "issuer": "did:example:i",
                "credentialSubject": {"id": "did:example:s"},
                "proof": proofs,
            }));
            credential.unwrap().is_dear()
        };
        assert!(dear(proof("bbs-2023")));
        assert!(dear(json!([proof("eddsa-jcs-2022"), proof("bbs-2023")])));
        assert!(!dear(proof("ecdsa-sd-2023")));
        assert!(!dear(json!([proof("eddsa-jcs-2022")])));
    }
}
