//! The certificate of a list's signer (ETSI TS 119 602 clause 6.8): one that was issued to it, or one that it issues itself.

use crate::ca::key_pair;
use anyhow::{Context as _, bail, ensure};
use chop_integrity::Timestamp;
use chop_keys::{PrivateKey, PublicKey};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType,
};
use sha2::{Digest as _, Sha256};
use std::ops::Range;
use time::{Duration, OffsetDateTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;

/// The most certificates of a chain.
const MAX_CERTIFICATES: usize = 6;
/// The key purpose of who signs trusted lists (ETSI TS 119 612 clause 5.7.1, `id-tsl-kp-tslSigning`).
const LIST_SIGNING: [u64; 6] = [0, 4, 0, 2231, 3, 0];
/// Readers' clocks may be so far behind, in milliseconds.
const BACKDATE_MS: i64 = 5 * 60 * 1000;
/// The longest organisation or common name of a certificate, in characters (RFC 5280 appendix A.1).
const MAX_NAME: usize = 64;

/// A chain of certificates whose first is of the signer's key.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    /// DER, the signer's first.
    chain: Vec<Vec<u8>>,
    /// The signer's key; none where it is of a kind that is not known here.
    key: Option<PublicKey>,
    /// When the signer's begins and ends.
    holds: Range<Timestamp>,
}

/// Says why a certificate does not serve a list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misfit {
    /// It is another's.
    #[error("its first certificate is of another key than the one that signs")]
    Key,
    /// It begins too late.
    #[error("its first certificate holds from {from}, expected from {expected}")]
    NotYet {
        /// When it begins.
        from: Timestamp,
        /// When the list begins.
        expected: Timestamp,
    },
    /// It ends too early.
    #[error("its first certificate holds until {until}, expected until {expected}")]
    Ended {
        /// When it ends.
        until: Timestamp,
        /// When the list ends.
        expected: Timestamp,
    },
}

/// Whom a self-issued certificate names.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    /// The scheme operator's name.
    pub(crate) organisation: &'a str,
    /// The scheme's territory, when it has one.
    pub(crate) country: Option<&'a str>,
    /// The operator's DID.
    pub(crate) did: &'a str,
}

impl Certificate {
    /// Reads a PEM text: the signer's certificate first, then those that certify it, if any.
    ///
    /// # Errors
    /// When the text holds something else.
    pub(crate) fn read(text: &str) -> anyhow::Result<Self> {
        let mut chain = Vec::new();
        for block in Pem::iter_from_buffer(text.as_bytes()) {
            let block = block.context("it is no PEM text")?;
            ensure!(
                block.label == "CERTIFICATE",
                "it holds a {}, expected certificates only",
                block.label
            );
            chain.push(block.contents);
            ensure!(
                chain.len() <= MAX_CERTIFICATES,
                "it holds more than {MAX_CERTIFICATES} certificates"
            );
        }
        let Some(first) = chain.first() else {
            bail!("it holds no certificate");
        };
        let Ok((_, read)) = X509Certificate::from_der(first) else {
            bail!("its first block is no certificate");
        };
        let key = PublicKey::from_spki_der(read.public_key().raw);
        let validity = read.validity();
        let moment = |seconds: i64| Timestamp::from_unix_ms(seconds.saturating_mul(1000));
        let from = moment(validity.not_before.timestamp());
        let until = moment(validity.not_after.timestamp());
        let holds = from..until;
        Ok(Self { chain, key, holds })
    }

    /// Checks that the signer's certificate is of a key, and holds over a term.
    ///
    /// # Errors
    /// Says what does not fit.
    pub(crate) fn fits(&self, key: &PublicKey, term: &Range<Timestamp>) -> Result<(), Misfit> {
        let Range {
            start: from,
            end: until,
        } = self.holds;
        if self.key.as_ref() != Some(key) {
            return Err(Misfit::Key);
        }
        if until < term.end {
            let expected = term.end;
            return Err(Misfit::Ended { until, expected });
        }
        if term.start < from {
            let expected = term.start;
            return Err(Misfit::NotYet { from, expected });
        }
        Ok(())
    }

    /// The members of `x5c` (RFC 7515 §4.1.6).
    pub(crate) fn x5c(&self) -> Vec<String> {
        self.chain.iter().map(|der| BASE64.encode(der)).collect()
    }

    /// The value of `x5t#S256` (RFC 7515 §4.1.8).
    pub(crate) fn thumbprint(&self) -> String {
        let first = self.chain.first().map(Vec::as_slice).unwrap_or_default();
        BASE64URL_NOPAD.encode(&Sha256::digest(first))
    }

    /// When the signer's certificate ends.
    pub(crate) fn until(&self) -> Timestamp {
        self.holds.end
    }
}

/// Has a key issue a certificate to itself, in PEM: readers pin it, as they would pin the key.
///
/// # Errors
/// When the key is of a type that X.509 software does not know here.
pub(crate) fn self_issued(
    key: &PrivateKey,
    subject: &Subject<'_>,
    term: &Range<Timestamp>,
) -> anyhow::Result<String> {
    let short = |name: &str| name.chars().take(MAX_NAME).collect::<String>();
    let mut name = DistinguishedName::new();
    if let Some(country) = subject.country {
        name.push(DnType::CountryName, country);
    }
    name.push(DnType::OrganizationName, short(subject.organisation));
    name.push(DnType::CommonName, short(subject.organisation));
    let mut parameters = CertificateParams::default();
    parameters.not_before = date(term.start.minus_ms(BACKDATE_MS))?;
    parameters.not_after = date(term.end)?;
    parameters.distinguished_name = name;
    parameters.subject_alt_names = vec![SanType::URI(subject.did.to_owned().try_into()?)];
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(LIST_SIGNING.to_vec())];
    Ok(parameters.self_signed(&key_pair(key)?)?.pem())
}

fn date(at: Timestamp) -> anyhow::Result<OffsetDateTime> {
    OffsetDateTime::UNIX_EPOCH
        .checked_add(Duration::seconds(at.unix_ms().div_euclid(1000)))
        .context("the date is out of range")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chop_keys::{KeyType, Signer as _};

    #[test]
    fn tells_apart_why_a_certificate_does_not_fit() {
        let [own, other] =
            [1, 2].map(|seed| PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).unwrap());
        let at = |second: i64| Timestamp::from_unix_ms(1_800_000_000_000 + second * 1000);
        let subject = Subject {
            organisation: "Ministry",
            country: None,
            did: "did:chop:x",
        };
        let text = self_issued(&own, &subject, &(at(0)..at(1_000))).unwrap();
        let read = Certificate::read(&text).unwrap();
        assert_eq!(read.until(), at(1_000));
        let fits =
            |key: &PrivateKey, from, until| read.fits(key.public_key(), &(at(from)..at(until)));
        assert!(fits(&own, 0, 1_000).is_ok());
        assert!(matches!(fits(&other, 0, 1_000), Err(Misfit::Key)));
        assert!(matches!(fits(&own, 0, 1_001), Err(Misfit::Ended { .. })));
        assert!(matches!(
            fits(&own, -301, 1_000),
            Err(Misfit::NotYet { .. })
        ));
    }
}
