//! Certification requests (PKCS #10, RFC 2986): what a member asks to have certified.

use super::pem;
use anyhow::{Context as _, bail};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, UnparsedPublicKey,
    VerificationAlgorithm,
};
use chop_did::ChopDid;
use chop_integrity::Hash;
use chop_keys::{KeyType, PublicKey};
use chop_protocol::spki_hash;
use std::path::Path;
use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

const REQUEST: &str = "CERTIFICATE REQUEST";
const CERTIFICATE: &str = "CERTIFICATE";

/// A request whose own signature verified and that names one DID.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Who asks, by its own word.
    pub(crate) did: ChopDid,
    /// The key to be certified; its holder signed the request.
    pub(crate) key: PublicKey,
    /// The key's hash, as the ledger knows it.
    pub(crate) spki: Hash,
}

/// Says why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// It is no request at all.
    #[error("it is no PKCS #10 certification request: {reason}")]
    Shape {
        /// What is wrong.
        reason: &'static str,
    },
    /// Its key is of a type that certificates of members do not hold.
    #[error(
        "certificates of members hold Ed25519, P-256 or P-384 keys in their usual form, this one does not"
    )]
    Key,
    /// Its signature is by another key, or of another algorithm than the key's.
    #[error("its signature is not by the key that it asks to have certified")]
    Signature,
    /// It asks for what no certificate of a member has.
    #[error("it asks for {what}; a member's certificate names its DID and nothing else")]
    Unwanted {
        /// What it asks for.
        what: String,
    },
    /// It does not name exactly one DID.
    #[error("its subject alternative name holds {found} URIs, expected one: the member's DID")]
    Names {
        /// How many URIs there are.
        found: usize,
    },
    /// The URI is no DID of a ledger.
    #[error("its subject alternative name is {uri:?}, expected a did:chop")]
    NotADid {
        /// The URI.
        uri: String,
    },
}

impl Request {
    /// Reads and checks the request in a file.
    ///
    /// # Errors
    /// When the file cannot be read or the request is refused.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let pem = pem::read(file)?;
        let shown = file.display();
        if pem.label != REQUEST {
            bail!("{shown} holds a {}, expected a {REQUEST}", pem.label);
        }
        Self::parse(&pem.contents).with_context(|| format!("{shown} is refused"))
    }

    /// Checks a request: its own signature, and that it names exactly one DID and asks for nothing else.
    ///
    /// # Errors
    /// Names the first thing that does not hold.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, RequestError> {
        let shape = |reason| RequestError::Shape { reason };
        let (rest, read) =
            X509CertificationRequest::from_der(der).map_err(|_| shape("its DER cannot be read"))?;
        if !rest.is_empty() {
            return Err(shape("there is more after it"));
        }
        let info = &read.certification_request_info;
        let key = key_of(&info.subject_pki).ok_or(RequestError::Key)?;
        let spki = spki_hash(&key).ok_or(RequestError::Key)?;
        let algorithm = read.signature_algorithm.algorithm.to_id_string();
        verify(
            &key,
            &algorithm,
            info.raw,
            read.signature_value.data.as_ref(),
        )?;
        let did = named(
            info.attributes()
                .iter()
                .map(|attribute| (attribute.oid.to_id_string(), attribute.parsed_attribute())),
        )?;
        Ok(Self { did, key, spki })
    }
}

/// The key of the certificate or request in a file: what `bind` looks for in the key folder.
///
/// # Errors
/// When the file holds neither, or a key that certificates of members do not hold.
pub(crate) fn public_key_of(file: &Path) -> anyhow::Result<PublicKey> {
    let pem = pem::read(file)?;
    let shown = file.display();
    match pem.label.as_str() {
        REQUEST => Ok(Request::read(file)?.key),
        CERTIFICATE => {
            let Ok((_, read)) = X509Certificate::from_der(&pem.contents) else {
                bail!("{shown} holds no certificate");
            };
            key_of(read.public_key())
                .ok_or(RequestError::Key)
                .with_context(|| shown.to_string())
        }
        other => bail!("{shown} holds a {other}, expected a {CERTIFICATE} or a {REQUEST}"),
    }
}

pub(super) fn key_of(info: &SubjectPublicKeyInfo<'_>) -> Option<PublicKey> {
    PublicKey::from_spki_der(info.raw)
}

/// RFC 5758 §3.2, RFC 8410 §3: the algorithm is the key's own.
fn verify(
    key: &PublicKey,
    algorithm: &str,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), RequestError> {
    let (expected, verifier): (&str, &'static dyn VerificationAlgorithm) = match key.key_type() {
        KeyType::P256 => ("1.2.840.10045.4.3.2", &ECDSA_P256_SHA256_ASN1),
        KeyType::P384 => ("1.2.840.10045.4.3.3", &ECDSA_P384_SHA384_ASN1),
        KeyType::Ed25519 => ("1.3.101.112", &ED25519),
        _ => return Err(RequestError::Key),
    };
    if algorithm != expected {
        return Err(RequestError::Signature);
    }
    let der = key.spki_der().ok_or(RequestError::Key)?;
    UnparsedPublicKey::new(verifier, der)
        .verify(signed, signature)
        .map_err(|_| RequestError::Signature)
}

/// The one DID that a request names, through the one attribute that it has: the extensions that it asks for, of which there
/// is one, the subject alternative name.
fn named<'a>(
    attributes: impl Iterator<Item = (String, &'a ParsedCriAttribute<'a>)>,
) -> Result<ChopDid, RequestError> {
    let mut uris = Vec::new();
    let unwanted = |what: String| RequestError::Unwanted { what };
    for (oid, attribute) in attributes {
        let ParsedCriAttribute::ExtensionRequest(asked) = attribute else {
            return Err(unwanted(format!("attribute {oid}")));
        };
        for extension in &asked.extensions {
            let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension()
            else {
                return Err(unwanted(format!("extension {}", extension.oid)));
            };
            for name in &names.general_names {
                let GeneralName::URI(uri) = name else {
                    return Err(unwanted("a name that is no URI".to_owned()));
                };
                uris.push((*uri).to_owned());
            }
        }
    }
    let found = uris.len();
    let (Some(uri), 1) = (uris.pop(), found) else {
        return Err(RequestError::Names { found });
    };
    ChopDid::parse(&uri).map_err(|_| RequestError::NotADid { uri })
}

#[cfg(test)]
mod tests;
