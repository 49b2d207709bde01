//! Who stands at the other end of a TLS connection, by the certificate that it presented.

use std::future::Future;
use std::pin::Pin;

use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The certificate that a client presented; its chain, purpose and possession were verified when it connected.
///
/// That says who certified the key, and no more: whoever admits the client asks elsewhere whether that still counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    spki: [u8; 32],
    uris: Vec<String>,
    not_before_ms: i64,
    not_after_ms: i64,
}

/// Says why a certificate cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the client's certificate cannot be read: {reason}")]
pub struct PeerError {
    reason: &'static str,
}

/// Decides for how long a client stays.
pub trait Doorkeeper: Send + Sync + 'static {
    /// Resolves when the client is admitted no longer: its connection is closed then.
    fn until_refused<'a>(
        &'a self,
        peer: &'a PeerCertificate,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

impl PeerCertificate {
    /// Reads a certificate, DER.
    ///
    /// # Errors
    /// When it is none, or an extension stands twice in it.
    pub fn parse(der: &[u8]) -> Result<Self, PeerError> {
        let unreadable = |reason| PeerError { reason };
        let (rest, read) =
            X509Certificate::from_der(der).map_err(|_| unreadable("it is no X.509 certificate"))?;
        if !rest.is_empty() {
            return Err(unreadable("there is more after it"));
        }
        let names = read
            .subject_alternative_name()
            .map_err(|_| unreadable("its subject alternative name is malformed"))?;
        let uris = names.iter().flat_map(|names| &names.value.general_names);
        let uris = uris.filter_map(|name| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        });
        let ms = |time: &x509_parser::time::ASN1Time| time.timestamp().saturating_mul(1000);
        Ok(Self {
            spki: Sha256::digest(read.public_key().raw).into(),
            uris: uris.collect(),
            not_before_ms: ms(&read.validity().not_before),
            not_after_ms: ms(&read.validity().not_after),
        })
    }

    /// SHA-256 of its `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7), as the certificate spells it.
    pub fn spki_sha256(&self) -> [u8; 32] {
        self.spki
    }

    /// The one URI of its subject alternative name; `None` when there is none or more than one.
    pub fn uri(&self) -> Option<&str> {
        match self.uris.as_slice() {
            [uri] => Some(uri),
            _ => None,
        }
    }

    /// Whether it holds at a time, milliseconds since the Unix epoch.
    pub fn is_valid_at(&self, now_ms: i64) -> bool {
        // The last second belongs to it (RFC 5280 §4.1.2.5).
        (self.not_before_ms..self.not_after_ms.saturating_add(1000)).contains(&now_ms)
    }

    /// Until when it holds, milliseconds since the Unix epoch.
    pub fn not_after_ms(&self) -> i64 {
        self.not_after_ms
    }
}
