//! One certificate: what of it counts.

use super::{X5cError, name};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PublicKey};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

/// Is a certificate whose parts are read.
#[derive(Clone, PartialEq)]
pub(super) struct Certificate {
    der: Vec<u8>,
    pub(super) subject: String,
    pub(super) issuer: String,
    subject_der: Vec<u8>,
    issuer_der: Vec<u8>,
    pub(super) key: PublicKey,
    /// What the issuer signed, with a key of which type, and the signature as r‖s or Ed25519's.
    signed: Vec<u8>,
    algorithm: KeyType,
    signature: Vec<u8>,
    from: Timestamp,
    until: Timestamp,
    /// Whether it is an authority's, and how many authorities may follow below it.
    authority: bool,
    path_length: Option<u32>,
    usage: Option<Usage>,
    pub(super) uris: Vec<String>,
    pub(super) hosts: Vec<String>,
    /// An extension that is critical or binding, and not understood.
    refused: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
struct Usage {
    signs: bool,
    certifies: bool,
}

/// Says what a certificate does in a chain.
#[derive(Clone, Copy)]
pub(super) enum Role {
    /// Its key signed the token.
    Signer,
    /// It certifies, with this many authorities below it.
    Authority { below: usize },
}

impl Certificate {
    pub(super) fn parse(der: &[u8], index: usize) -> Result<Self, X5cError> {
        let unusable = |reason| X5cError::Certificate { index, reason };
        let (rest, read) =
            X509Certificate::from_der(der).map_err(|_| unusable("it is no X.509 certificate"))?;
        if !rest.is_empty() || read.version() != X509Version::V3 {
            return Err(unusable(
                "it is no certificate of version 3 and nothing else",
            ));
        }
        // RFC 5280 §4.1.1.2: outside and inside name the same algorithm.
        if read.signature_algorithm != read.tbs_certificate.signature {
            return Err(unusable("it names two signature algorithms"));
        }
        let algorithm = match read.signature_algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.10045.4.3.2" => KeyType::P256,
            "1.2.840.10045.4.3.3" => KeyType::P384,
            "1.3.101.112" => KeyType::Ed25519,
            _ => return Err(unusable("its signature algorithm is not used here")),
        };
        let raw = read.signature_value.data.as_ref();
        let signature = match algorithm {
            KeyType::Ed25519 => Some(raw.to_vec()),
            other => fixed(raw, other.secret_len()),
        };
        let time = |time: &x509_parser::time::ASN1Time| {
            Timestamp::from_unix_ms(time.timestamp().saturating_mul(1_000))
        };
        let mut certificate = Self {
            der: der.to_vec(),
            subject: name::write(read.subject()),
            issuer: name::write(read.issuer()),
            subject_der: read.subject().as_raw().to_vec(),
            issuer_der: read.issuer().as_raw().to_vec(),
            key: PublicKey::from_spki_der(read.public_key().raw)
                .ok_or(unusable("its key is of no type used here"))?,
            signed: read.tbs_certificate.as_ref().to_vec(),
            algorithm,
            signature: signature.ok_or(unusable("its signature is malformed"))?,
            from: time(&read.validity().not_before),
            until: time(&read.validity().not_after),
            authority: false,
            path_length: None,
            usage: None,
            uris: Vec::new(),
            hosts: Vec::new(),
            refused: None,
        };
        certificate.extend(&read, index)?;
        Ok(certificate)
    }

    /// Reads the extensions that are understood, and remembers one that is not and may not be passed over.
    fn extend(&mut self, read: &X509Certificate<'_>, index: usize) -> Result<(), X5cError> {
        let unusable = |reason| X5cError::Certificate { index, reason };
        read.extensions_map()
            .map_err(|_| unusable("an extension stands twice"))?;
        for extension in read.iter_extensions() {
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(constraints) => {
                    self.authority = constraints.ca;
                    self.path_length = constraints.path_len_constraint;
                }
                ParsedExtension::KeyUsage(usage) => {
                    self.usage = Some(Usage {
                        signs: usage.digital_signature(),
                        certifies: usage.key_cert_sign(),
                    });
                }
                ParsedExtension::SubjectAlternativeName(names) => {
                    for name in &names.general_names {
                        match name {
                            GeneralName::URI(uri) => self.uris.push((*uri).to_owned()),
                            GeneralName::DNSName(host) => self.hosts.push((*host).to_owned()),
                            _ => {}
                        }
                    }
                }
                // They bind whether marked critical or not, and are not weighed here.
                ParsedExtension::NameConstraints(_) | ParsedExtension::PolicyConstraints(_) => {
                    self.refused = Some(extension.oid.to_id_string());
                }
                ParsedExtension::ParseError { .. } => {
                    return Err(unusable("an extension is malformed"));
                }
                _ if extension.critical => self.refused = Some(extension.oid.to_id_string()),
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Checks that the certificate may do what it does (RFC 5280 §4.2.1.3, §4.2.1.9).
    pub(super) fn check(&self, index: usize, role: Role) -> Result<(), X5cError> {
        let unusable = |reason| Err(X5cError::Certificate { index, reason });
        if let Some(oid) = &self.refused {
            return Err(X5cError::Extension {
                index,
                oid: oid.clone(),
            });
        }
        match role {
            Role::Signer if self.authority => unusable("it is an authority's, and signs a token"),
            Role::Signer if self.usage.is_some_and(|usage| !usage.signs) => {
                unusable("its key is not for signatures")
            }
            Role::Authority { .. } if !self.authority => unusable("it is no authority's"),
            Role::Authority { .. } if !self.usage.is_some_and(|usage| usage.certifies) => {
                unusable("its key is not for certificates")
            }
            Role::Authority { below }
                if self
                    .path_length
                    .is_some_and(|most| usize::try_from(most).is_ok_and(|most| below > most)) =>
            {
                unusable("more authorities stand below it than it allows")
            }
            Role::Signer | Role::Authority { .. } => Ok(()),
        }
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.subject_der == self.issuer_der
    }

    pub(super) fn is_named_by(&self, below: &Self) -> bool {
        self.subject_der == below.issuer_der
    }

    /// Checks that another certificate's key signed this one.
    pub(super) fn issued_by(&self, authority: &Self, index: usize) -> Result<(), X5cError> {
        if !authority.is_named_by(self) {
            return Err(X5cError::Link { index });
        }
        if authority.key.key_type() != self.algorithm
            || authority.key.verify(&self.signed, &self.signature).is_err()
        {
            return Err(X5cError::Signature { index });
        }
        Ok(())
    }

    pub(super) fn valid_at(&self, index: usize, time: Timestamp) -> Result<(), X5cError> {
        if self.from <= time && time <= self.until {
            Ok(())
        } else {
            Err(X5cError::Term {
                index,
                from: self.from,
                until: self.until,
                time,
            })
        }
    }
}

/// Reads an ECDSA signature, a DER sequence of two integers (RFC 3279 §2.2.3), as r‖s.
fn fixed(der: &[u8], length: usize) -> Option<Vec<u8>> {
    let (body, rest) = element(der, 0x30)?;
    let (r, body) = element(body, 0x02)?;
    let (s, end) = element(body, 0x02)?;
    if !rest.is_empty() || !end.is_empty() {
        return None;
    }
    let mut joined = Vec::with_capacity(2 * length);
    for integer in [r, s] {
        let digits = match integer {
            [0, digits @ ..] if digits.first().is_some_and(|byte| *byte >= 0x80) => digits,
            [first, ..] if (1..0x80).contains(first) => integer,
            _ => return None,
        };
        let padding = length.checked_sub(digits.len())?;
        joined.extend(std::iter::repeat_n(0, padding));
        joined.extend_from_slice(digits);
    }
    Some(joined)
}

/// Takes one DER element with this tag and a length below 256 from the front.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der {
        [first, short, rest @ ..] if *first == tag && *short < 0x80 => (usize::from(*short), rest),
        [first, 0x81, long, rest @ ..] if *first == tag && *long >= 0x80 => {
            (usize::from(*long), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
