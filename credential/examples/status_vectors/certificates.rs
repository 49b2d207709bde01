//! Certificates by authorities of fixed keys: every run makes the same bytes.

use chop_keys::PublicKey;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SanType, SignatureAlgorithm,
    date_time_ymd,
};

/// An authority, named after its seed.
pub(crate) struct Authority {
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new(seed: u8) -> Self {
        let mut params = params(&format!("Authority {seed}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = pair(seed);
        Self { params, key }
    }

    pub(crate) fn certificate(&self) -> Certificate {
        self.params.self_signed(&self.key).unwrap()
    }

    /// A certificate for an Ed25519 key and these names, which are URIs.
    pub(crate) fn certify(&self, key: &PublicKey, names: &[&str]) -> Certificate {
        self.certify_until(2035, key, names)
    }

    /// One that ends with the year before.
    pub(crate) fn certify_until(&self, year: i32, key: &PublicKey, names: &[&str]) -> Certificate {
        let mut params = params("Signer");
        params.not_after = date_time_ymd(year, 1, 1);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let uri = |name: &&str| SanType::URI((*name).try_into().unwrap());
        params.subject_alt_names = names.iter().map(uri).collect();
        let issuer = Issuer::from_params(&self.params, &self.key);
        params.signed_by(&Subject(key), &issuer).unwrap()
    }
}

/// The Ed25519 key that a certificate is for.
struct Subject<'a>(&'a PublicKey);

impl PublicKeyData for Subject<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.raw()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
    params
}

/// The Ed25519 key of a seed (RFC 8410 §7).
fn pair(seed: u8) -> KeyPair {
    let mut pkcs8 = vec![
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    pkcs8.extend([seed; 32]);
    KeyPair::try_from(pkcs8.as_slice()).unwrap()
}
