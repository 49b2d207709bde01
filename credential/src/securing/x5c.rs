//! `x5c`: a chain of X.509 certificates from the signer's to an anchor that the verifier chose (RFC 7515 §4.1.6, RFC 5280 §6).
//!
//! Anything that is not understood is refused: another signature algorithm, a critical extension, name constraints. Whether a
//! certificate was revoked is not asked: a chain is as good as its certificates' terms are short.

mod certificate;
mod error;
mod name;

pub use error::X5cError;

use certificate::{Certificate, Role};
use chop_integrity::Timestamp;
use chop_keys::PublicKey;
use data_encoding::BASE64;

/// The most certificates that one chain may have.
const MAX_CERTIFICATES: usize = 6;

/// The most bytes that one certificate may have.
const MAX_BYTES: usize = 8 * 1024;

/// Is an authority whose word on keys a verifier takes.
#[derive(Clone, PartialEq)]
pub struct TrustAnchor(Certificate);

/// Is a chain as a token brings it; nobody has trusted it yet.
#[derive(Clone, PartialEq)]
pub struct Chain {
    signer: Certificate,
    /// Each certifies the one before it.
    authorities: Vec<Certificate>,
}

impl TrustAnchor {
    /// Reads an anchor's certificate.
    ///
    /// # Errors
    /// When it is no certificate of an authority, or has a key or an extension that is not understood here.
    pub fn from_der(der: &[u8]) -> Result<Self, X5cError> {
        let certificate = Certificate::parse(der, 0)?;
        certificate.check(0, Role::Authority { below: 0 })?;
        Ok(Self(certificate))
    }

    /// Reads the anchors of a PEM file (RFC 7468 §5), at least one.
    ///
    /// # Errors
    /// When the text holds anything else than certificates of authorities.
    pub fn from_pem(text: &str) -> Result<Vec<Self>, X5cError> {
        let anchors = pem(text)?;
        if anchors.is_empty() {
            return Err(X5cError::Form {
                reason: "it holds no certificate",
            });
        }
        anchors.iter().map(|der| Self::from_der(der)).collect()
    }

    /// Returns the authority's name.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }
}

impl Chain {
    /// Parses the members of `x5c`: base64 of DER, the signer's first.
    ///
    /// # Errors
    /// When there are too many, or one is no certificate or has a key that is not understood here.
    pub fn parse(x5c: &[String]) -> Result<Self, X5cError> {
        few_enough(x5c.len())?;
        Self::collect(x5c.iter().enumerate().map(|(index, text)| {
            let malformed = |reason| X5cError::Certificate { index, reason };
            if text.len() > MAX_BYTES * 4 / 3 {
                return Err(malformed("it is too long"));
            }
            let der = BASE64
                .decode(text.as_bytes())
                .map_err(|_| malformed("it is no base64"))?;
            Certificate::parse(&der, index)
        }))
    }

    /// Parses the certificates of `x5chain` (RFC 9360 §2): DER, the signer's first.
    ///
    /// # Errors
    /// As [`Self::parse`] says.
    pub fn from_der(x5chain: &[Vec<u8>]) -> Result<Self, X5cError> {
        few_enough(x5chain.len())?;
        Self::collect(x5chain.iter().enumerate().map(|(index, der)| {
            if der.len() > MAX_BYTES {
                return Err(X5cError::Certificate {
                    index,
                    reason: "it is too long",
                });
            }
            Certificate::parse(der, index)
        }))
    }

    /// Reads the chain of a PEM file (RFC 7468 §5), the signer's certificate first.
    ///
    /// # Errors
    /// When the text holds anything else than certificates, or as [`Self::parse`] says.
    pub fn from_pem(text: &str) -> Result<Self, X5cError> {
        Self::from_der(&pem(text)?)
    }

    fn collect(
        mut certificates: impl Iterator<Item = Result<Certificate, X5cError>>,
    ) -> Result<Self, X5cError> {
        let signer = certificates.next().ok_or(X5cError::Form {
            reason: "it holds no certificate",
        })??;
        let authorities = certificates.collect::<Result<_, _>>()?;
        Ok(Self {
            signer,
            authorities,
        })
    }

    /// Returns the signer's key.
    pub fn key(&self) -> &PublicKey {
        &self.signer.key
    }

    /// Returns the signer's name: the subject of the first certificate.
    pub fn subject(&self) -> &str {
        &self.signer.subject
    }

    /// Returns the certificates in DER, the signer's first.
    pub(crate) fn to_der(&self) -> Vec<&[u8]> {
        self.all().map(Certificate::der).collect()
    }

    /// Returns the members of `x5c` (RFC 7515 §4.1.6), the signer's first.
    pub(crate) fn to_x5c(&self) -> Vec<String> {
        self.all()
            .map(|certificate| BASE64.encode(certificate.der()))
            .collect()
    }

    /// Checks that a signer may bring the chain along: it is for the signer's key and, if one is named, for the issuer, and it
    /// holds together, without an anchor inside. Which anchor it leads to, verifiers decide.
    ///
    /// # Errors
    /// When it is not so.
    pub fn certifies(&self, key: &PublicKey, issuer: Option<&str>) -> Result<(), X5cError> {
        if self.key() != key {
            return Err(X5cError::Key);
        }
        self.holds_together(&[])?;
        issuer.map_or(Ok(()), |issuer| self.is_for(issuer))
    }

    /// Says whether the chain's signer goes by a name: an issuer that its certificate is for, or its subject's own name.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.is_for(name).is_ok() || !name.is_empty() && self.subject() == name
    }

    /// Finds the anchor that the chain leads to, every link of it signed by the next.
    ///
    /// # Errors
    /// When it leads to none, brings an anchor along, is out of order, or a certificate may not do what it does here.
    pub fn anchor<'a>(&self, anchors: &'a [TrustAnchor]) -> Result<&'a TrustAnchor, X5cError> {
        self.holds_together(anchors)?;
        let last = self.authorities.len();
        let certificate = self.authorities.last().unwrap_or(&self.signer);
        let mut found = Err(X5cError::NoAnchor {
            issuer: certificate.issuer.clone(),
        });
        for anchor in anchors {
            if anchor.0.is_named_by(certificate) {
                // Two anchors may share a name when an authority has changed its key.
                found = anchor
                    .0
                    .check(last + 1, Role::Authority { below: last })
                    .and_then(|()| certificate.issued_by(&anchor.0, last))
                    .map(|()| anchor);
                if found.is_ok() {
                    break;
                }
            }
        }
        found
    }

    /// Checks the chain itself: every certificate in its role, signed by the next, none an anchor.
    fn holds_together(&self, anchors: &[TrustAnchor]) -> Result<(), X5cError> {
        for (index, certificate) in self.all().enumerate() {
            if certificate.is_self_issued() || anchors.iter().any(|anchor| anchor.0 == *certificate)
            {
                return Err(X5cError::AnchorInside { index });
            }
        }
        self.signer.check(0, Role::Signer)?;
        for (below, authority) in self.authorities.iter().enumerate() {
            authority.check(below + 1, Role::Authority { below })?;
        }
        for (index, (certificate, next)) in self.all().zip(&self.authorities).enumerate() {
            certificate.issued_by(next, index)?;
        }
        Ok(())
    }

    fn all(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.signer).chain(&self.authorities)
    }

    /// Checks that every certificate, the anchor's included, is within its term.
    ///
    /// # Errors
    /// When one is not, with its place in the chain.
    pub fn valid_at(&self, anchor: &TrustAnchor, time: Timestamp) -> Result<(), X5cError> {
        self.within(Some(anchor), time)
    }

    /// Checks that every certificate that the chain brings is within its term.
    ///
    /// # Errors
    /// When one is not, with its place in the chain.
    pub fn within_term(&self, time: Timestamp) -> Result<(), X5cError> {
        self.within(None, time)
    }

    fn within(&self, anchor: Option<&TrustAnchor>, time: Timestamp) -> Result<(), X5cError> {
        self.all()
            .chain(anchor.map(|anchor| &anchor.0))
            .enumerate()
            .try_for_each(|(index, certificate)| certificate.valid_at(index, time))
    }

    /// Checks that the signer's certificate is for an issuer: a URI of its alternative names, or the host of an `https` one.
    ///
    /// # Errors
    /// When it is not.
    pub fn is_for(&self, issuer: &str) -> Result<(), X5cError> {
        let host = issuer.strip_prefix("https://").map(|rest| {
            let end = rest.find(['/', ':', '?', '#']).unwrap_or(rest.len());
            rest.get(..end).unwrap_or_default()
        });
        let named = self.signer.uris.iter().any(|uri| uri == issuer)
            || host.is_some_and(|host| {
                let mut names = self.signer.hosts.iter();
                names.any(|name| name.eq_ignore_ascii_case(host))
            });
        if named {
            Ok(())
        } else {
            Err(X5cError::Issuer {
                issuer: issuer.to_owned(),
            })
        }
    }
}

fn few_enough(found: usize) -> Result<(), X5cError> {
    if found > MAX_CERTIFICATES {
        return Err(X5cError::TooMany {
            found,
            max: MAX_CERTIFICATES,
        });
    }
    Ok(())
}

/// Reads the certificates of a PEM text.
fn pem(text: &str) -> Result<Vec<Vec<u8>>, X5cError> {
    x509_parser::pem::Pem::iter_from_buffer(text.as_bytes())
        .map(|block| match block {
            Ok(block) if block.label == "CERTIFICATE" => Ok(block.contents),
            Ok(_) => Err(X5cError::Form {
                reason: "its PEM text holds something else than certificates",
            }),
            Err(_) => Err(X5cError::Form {
                reason: "it is no PEM text",
            }),
        })
        .collect()
}

impl std::fmt::Debug for TrustAnchor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrustAnchor({})", self.0.subject)
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chain({})", self.signer.subject)
    }
}
