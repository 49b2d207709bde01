//! TLS for listeners, and a self-signed certificate for evaluation.

use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;

/// How long a self-signed certificate holds.
const VALID_FOR: Duration = Duration::days(398);

/// A certificate chain and its private key, both PEM; the caller keeps the key in a file of mode 0600.
#[derive(Clone)]
pub struct Identity {
    /// The certificate chain, leaf first.
    pub certificate: String,
    /// The private key, PKCS #8.
    pub key: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// Says why a certificate cannot be made or served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate could not be generated.
    #[error("cannot generate a certificate")]
    Generate(#[from] rcgen::Error),
    /// The stored PEM text is unreadable.
    #[error("cannot read the PEM text")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The authority does not serve to verify clients by.
    #[error("cannot verify clients by this authority")]
    Authority(#[from] rustls::server::VerifierBuilderError),
    /// The certificate and the key do not serve.
    #[error("cannot serve with this certificate and key")]
    Serve(#[from] rustls::Error),
    /// The clock is out of range.
    #[error("the time {now_ms} ms is out of range")]
    Clock {
        /// The time given, in milliseconds since the Unix epoch.
        now_ms: i64,
    },
}

/// Makes a self-signed P-256 certificate for these host names and addresses, valid from an hour before `now_ms`.
///
/// # Errors
/// A name that is neither a host name nor an address, or a time out of range.
pub fn self_signed(names: &[String], now_ms: i64) -> Result<Identity, TlsError> {
    let clock = |_| TlsError::Clock { now_ms };
    let now = OffsetDateTime::from_unix_timestamp(now_ms.div_euclid(1000)).map_err(clock)?;
    let mut parameters = CertificateParams::new(names)?;
    parameters.not_before = now - Duration::hours(1);
    parameters.not_after = now + VALID_FOR;
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "chopmark");
    parameters.distinguished_name = subject;
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    Ok(Identity {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

/// Prepares to accept TLS connections under an identity: TLS 1.2 and 1.3, HTTP/1.1.
///
/// # Errors
/// Unreadable PEM, or a key that does not belong to the certificate.
pub fn acceptor(identity: &Identity) -> Result<TlsAcceptor, TlsError> {
    let chain = certificates(identity.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Prepares to accept TLS connections from clients that an authority certified, and from no others: TLS 1.3, HTTP/1.1.
///
/// A connection is never resumed, so that every one shows its certificate anew.
///
/// # Errors
/// Unreadable PEM, a key that does not belong to the certificate, or an authority that certifies nobody.
pub fn mutual_acceptor(identity: &Identity, authority: &str) -> Result<TlsAcceptor, TlsError> {
    let chain = certificates(identity.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authority.as_bytes())? {
        roots.add(certificate)?;
    }
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    Ok(CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_identity_serves() {
        let identity = self_signed(
            &["localhost".to_owned(), "127.0.0.1".to_owned()],
            1_790_000_000_000,
        )
        .unwrap();
        assert!(acceptor(&identity).is_ok());
        assert!(!format!("{identity:?}").contains("PRIVATE"));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let mut identity = self_signed(&["localhost".to_owned()], 1_790_000_000_000).unwrap();
        identity.key = self_signed(&["localhost".to_owned()], 1_790_000_000_000)
            .unwrap()
            .key;
        assert!(matches!(acceptor(&identity), Err(TlsError::Serve(_))));
    }
}
