//! What certificates say: the root's, and those of members.

use anyhow::Context as _;
use chop_did::ChopDid;
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, PublicKey};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CrlDistributionPoint, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose,
    NameConstraints, PublicKeyData, RevocationReason, SanType, SerialNumber, SignatureAlgorithm,
};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use time::{Duration, OffsetDateTime};

use super::index::Reason;

/// Members' clocks may be so far behind the authority's, in milliseconds.
pub(super) const BACKDATE_MS: i64 = 5 * 60 * 1000;

/// What an authority was founded as.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) name: String,
    /// The full ledger id.
    pub(super) ledger: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) crl_url: Option<String>,
}

/// The root's certificate: it signs certificates of members and lists, names no hosts, and lets no authority follow.
///
/// A name constraint cannot hold its members to DIDs (RFC 5280 §4.2.1.10 knows URIs with a host only); it keeps the root from
/// ever certifying a host, an address or a mailbox.
pub(super) fn root_parameters(
    settings: &Settings,
    term_ms: Range<i64>,
) -> anyhow::Result<CertificateParams> {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, settings.name.as_str());
    subject.push(
        DnType::OrganizationName,
        format!("ledger {}", settings.ledger),
    );
    let mut parameters = CertificateParams::default();
    parameters.not_before = date(term_ms.start - BACKDATE_MS)?;
    parameters.not_after = date(term_ms.end)?;
    parameters.serial_number = Some(SerialNumber::from_slice(&fresh_serial()));
    parameters.distinguished_name = subject;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.name_constraints = Some(NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: vec![
            GeneralSubtree::DnsName(String::new()),
            GeneralSubtree::Rfc822Name(String::new()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([0; 4], 0)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix([0; 16], 0)),
        ],
    });
    Ok(parameters)
}

/// A member's certificate: its DID, for clients of TLS, and nothing else.
pub(super) fn member_parameters(
    settings: &Settings,
    did: ChopDid,
    serial: &[u8],
    term_ms: Range<i64>,
) -> anyhow::Result<CertificateParams> {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, did.scid().to_string());
    let mut parameters = CertificateParams::default();
    parameters.not_before = date(term_ms.start - BACKDATE_MS)?;
    parameters.not_after = date(term_ms.end)?;
    parameters.serial_number = Some(SerialNumber::from_slice(serial));
    parameters.subject_alt_names = vec![SanType::URI(did.to_string().try_into()?)];
    parameters.distinguished_name = subject;
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    parameters.use_authority_key_identifier_extension = true;
    if let Some(url) = &settings.crl_url {
        let uris = vec![url.clone()];
        parameters.crl_distribution_points = vec![CrlDistributionPoint { uris }];
    }
    Ok(parameters)
}

/// A public key as a certificate's subject.
pub(super) struct Subject {
    bits: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

impl Subject {
    pub(super) fn of(key: &PublicKey) -> Option<Self> {
        let algorithm = match key.key_type() {
            KeyType::Ed25519 => &rcgen::PKCS_ED25519,
            KeyType::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyType::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            _ => return None,
        };
        let bits = match key.key_type() {
            KeyType::Ed25519 => key.raw().to_vec(),
            _ => key.uncompressed()?,
        };
        Some(Self { bits, algorithm })
    }
}

impl PublicKeyData for Subject {
    fn der_bytes(&self) -> &[u8] {
        &self.bits
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

/// A key as rcgen signs with it.
pub(crate) fn key_pair(key: &PrivateKey) -> anyhow::Result<KeyPair> {
    let der = key
        .pkcs8_der()
        .context("certificates take Ed25519, P-256 or P-384 keys")?;
    Ok(KeyPair::try_from(der.as_slice())?)
}

/// Sixteen random bytes that read as a positive number without a leading zero (RFC 5280 §4.1.2.2).
pub(super) fn fresh_serial() -> [u8; 16] {
    let mut serial: [u8; 16] = chop_http::random::bytes();
    serial[0] = serial[0] & 0x3f | 0x40;
    serial
}

pub(super) const fn code(reason: Reason) -> RevocationReason {
    match reason {
        Reason::Unspecified => RevocationReason::Unspecified,
        Reason::KeyCompromise => RevocationReason::KeyCompromise,
        Reason::AffiliationChanged => RevocationReason::AffiliationChanged,
        Reason::Superseded => RevocationReason::Superseded,
        Reason::CessationOfOperation => RevocationReason::CessationOfOperation,
        Reason::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
    }
}

/// Certificates know no milliseconds.
pub(super) const fn seconds(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms.div_euclid(1000) * 1000)
}

pub(super) fn date(unix_ms: i64) -> anyhow::Result<OffsetDateTime> {
    let whole = Duration::seconds(unix_ms.div_euclid(1000));
    OffsetDateTime::UNIX_EPOCH
        .checked_add(whole)
        .context("the date is out of range")
}
