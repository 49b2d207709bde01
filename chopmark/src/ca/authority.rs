//! The authority itself: its certificate, the certificates that it issues, its list of revoked ones.

use super::files::{lock, read_json, write, write_json};
use super::index::{Index, Issued, Reason, Revocation};
use super::pem;
use super::profile::{
    BACKDATE_MS, Settings, Subject, code, date, fresh_serial, key_pair, member_parameters,
    root_parameters, seconds,
};
use super::request::{Request, key_of};
use anyhow::{Context as _, bail, ensure};
use chop_client::membership;
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer as _};
use chop_proof::TrustRoot;
use chop_protocol::bundle::MembershipBundle;
use data_encoding::HEXLOWER;
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
};
use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// The name of the root's key in its folder of keys.
pub(crate) const KEY: &str = "ca";
/// Its type: what every X.509 software verifies.
pub(crate) const KEY_TYPE: KeyType = KeyType::P256;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

const SETTINGS: &str = "ca.json";
const CERTIFICATE: &str = "ca.pem";
const TRUST_ROOT: &str = "trust-root.json";
const INDEX: &str = "index.json";
const ISSUED: &str = "issued";
const CRL: &str = "crl.pem";

/// What an authority is founded with.
pub(crate) struct Founding<'a> {
    /// What people call it.
    pub(crate) name: &'a str,
    /// What memberships are proven against.
    pub(crate) trust_root: &'a TrustRoot,
    /// Where its list will be published.
    pub(crate) crl_url: Option<&'a str>,
    /// For how many days its certificate holds.
    pub(crate) days: u32,
}

/// An open authority; nobody else has its folder open.
pub(crate) struct Authority {
    folder: PathBuf,
    settings: Settings,
    certificate: String,
    trust_root: TrustRoot,
    index: Index,
    _lock: File,
}

/// Whether there is an authority in a folder.
pub(crate) fn exists(folder: &Path) -> bool {
    folder.join(CERTIFICATE).is_file()
}

impl Authority {
    /// Makes an authority in a folder that has none, over a key that was made for it.
    ///
    /// # Errors
    /// When there is one already, or a file cannot be written.
    pub(crate) fn found(
        folder: &Path,
        key: &PrivateKey,
        founding: &Founding<'_>,
        now_ms: i64,
    ) -> anyhow::Result<Self> {
        ensure!(
            !exists(folder),
            "{} holds an authority already",
            folder.display()
        );
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder.join(ISSUED))
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let lock = lock(folder)?;
        let settings = Settings {
            name: founding.name.to_owned(),
            ledger: founding.trust_root.genesis().to_owned(),
            crl_url: founding.crl_url.map(ToOwned::to_owned),
        };
        let until = now_ms.saturating_add(i64::from(founding.days) * DAY_MS);
        let parameters = root_parameters(&settings, now_ms..until)?;
        let certificate = parameters.self_signed(&key_pair(key)?)?.pem();
        write_json(folder, SETTINGS, &settings)?;
        write_json(folder, TRUST_ROOT, founding.trust_root)?;
        write_json(folder, INDEX, &Index::default())?;
        // Last: with the certificate the authority is there.
        write(folder, CERTIFICATE, certificate.as_bytes())?;
        Ok(Self {
            folder: folder.to_owned(),
            settings,
            certificate,
            trust_root: founding.trust_root.clone(),
            index: Index::default(),
            _lock: lock,
        })
    }

    /// Opens the authority in a folder.
    ///
    /// # Errors
    /// When there is none, a file is damaged, or another process has it open.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let shown = folder.display();
        ensure!(
            exists(folder),
            "there is no authority in {shown}; `chopmark ca init` makes one, --ca names another"
        );
        let lock = lock(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            settings: read_json(folder, SETTINGS)?,
            certificate: fs::read_to_string(folder.join(CERTIFICATE))
                .with_context(|| format!("cannot read {shown}/{CERTIFICATE}"))?,
            trust_root: read_json(folder, TRUST_ROOT)?,
            index: read_json(folder, INDEX)?,
            _lock: lock,
        })
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// The full id of the ledger whose members it certifies.
    pub(crate) fn ledger(&self) -> &str {
        &self.settings.ledger
    }

    /// Its certificate, PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// What it proves memberships against.
    pub(crate) fn trust_root(&self) -> &TrustRoot {
        &self.trust_root
    }

    /// Every certificate that it issued, oldest first.
    pub(crate) fn issued(&self) -> &[Issued] {
        &self.index.issued
    }

    /// Until when its own certificate holds.
    ///
    /// # Errors
    /// When its certificate is damaged.
    pub(crate) fn until(&self) -> anyhow::Result<Timestamp> {
        self.with_certificate(|read| {
            let until = read.validity().not_after.timestamp();
            Ok(Timestamp::from_unix_ms(until.saturating_mul(1000)))
        })
    }

    /// Says whether there is a certificate over the request's key that is to be renewed, rather than a first one to be issued.
    ///
    /// # Errors
    /// When a certificate over the key was revoked for a reason that speaks against the key.
    pub(crate) fn current(
        &self,
        request: &Request,
        now_ms: i64,
    ) -> anyhow::Result<Option<&Issued>> {
        ensure!(
            !self.index.is_spent(&request.spki),
            "a certificate over this key was revoked for a reason that speaks against the key: take another key"
        );
        let now = Timestamp::from_unix_ms(now_ms);
        Ok(self.index.holding(&request.spki, now))
    }

    /// Checks the evidence of the requester's membership, and issues.
    ///
    /// The certificate is written down before it is given out.
    ///
    /// # Errors
    /// When the evidence does not show a live member, the key is another one than the root's, or a file cannot be written.
    pub(crate) fn issue(
        &mut self,
        key: &PrivateKey,
        request: &Request,
        evidence: &MembershipBundle,
        term: &Term,
    ) -> anyhow::Result<(Issued, String)> {
        ensure!(
            evidence.member == request.did && evidence.spki == request.spki,
            "the evidence is of {} and key {}, the request of {} and key {}",
            evidence.member,
            evidence.spki,
            request.did,
            request.spki
        );
        let live = membership::verify(evidence, &self.trust_root, term.now_ms, term.max_age_ms)?;
        let until_ms = term.now_ms.saturating_add(term.days.saturating_mul(DAY_MS));
        let own = self.until()?;
        ensure!(
            until_ms <= own.unix_ms(),
            "the authority's own certificate ends {own}, before this one would"
        );
        let root = self.issuer(key)?;
        let serial = fresh_serial();
        let parameters = member_parameters(
            &self.settings,
            live.member.did,
            &serial,
            term.now_ms..until_ms,
        )?;
        let subject =
            Subject::of(&request.key).context("the key is of no type that is certified")?;
        let certificate = parameters.signed_by(&subject, &root)?.pem();
        let issued = Issued {
            serial: HEXLOWER.encode(&serial),
            member: request.did,
            spki: request.spki,
            not_before: seconds(term.now_ms - BACKDATE_MS),
            not_after: seconds(until_ms),
            revoked: None,
        };
        let stem = format!("{ISSUED}/{}", issued.serial);
        write_json(&self.folder, &format!("{stem}.json"), evidence)?;
        // The index first: there is no certificate, wherever this stops, that could not be listed and revoked.
        self.index.issued.push(issued.clone());
        write_json(&self.folder, INDEX, &self.index)?;
        write(&self.folder, &format!("{stem}.pem"), certificate.as_bytes())?;
        Ok((issued, certificate))
    }

    /// Marks a certificate as revoked; the next list says so.
    ///
    /// # Errors
    /// When there is none of this number, it is revoked already, or the index cannot be written.
    pub(crate) fn revoke(
        &mut self,
        serial: &str,
        reason: Reason,
        now_ms: i64,
    ) -> anyhow::Result<Issued> {
        let now = seconds(now_ms);
        let Some(issued) = self.index.find_mut(serial) else {
            bail!("this authority issued no certificate {serial}");
        };
        if let Some(revoked) = issued.revoked {
            bail!("certificate {serial} was revoked {}", revoked.time);
        }
        issued.revoked = Some(Revocation { time: now, reason });
        let issued = issued.clone();
        write_json(&self.folder, INDEX, &self.index)?;
        Ok(issued)
    }

    /// Signs a list of the revoked certificates that would still hold, which counts for so many days (RFC 5280 §5).
    ///
    /// # Errors
    /// When the key is another one than the root's, or a file cannot be written.
    pub(crate) fn list_revoked(
        &mut self,
        key: &PrivateKey,
        days: i64,
        now_ms: i64,
    ) -> anyhow::Result<(u64, usize, String)> {
        let issuer = self.issuer(key)?;
        let now = seconds(now_ms);
        let mut revoked = Vec::new();
        for issued in &self.index.issued {
            // One that ended since the last list stands on this one still.
            let ended = issued.not_after.plus_ms(days * DAY_MS) < now;
            if let (Some(revocation), false) = (issued.revoked, ended) {
                let serial = HEXLOWER.decode(issued.serial.as_bytes());
                let serial = serial.context("the index is damaged")?;
                revoked.push(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&serial),
                    revocation_time: date(revocation.time.unix_ms())?,
                    reason_code: Some(code(revocation.reason)),
                    invalidity_date: None,
                });
            }
        }
        let (number, count) = (self.index.crl_number + 1, revoked.len());
        let list = CertificateRevocationListParams {
            this_update: date(now.unix_ms())?,
            next_update: date(now.unix_ms().saturating_add(days * DAY_MS))?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let text = list.signed_by(&issuer)?.pem()?;
        self.index.crl_number = number;
        write_json(&self.folder, INDEX, &self.index)?;
        write(&self.folder, CRL, text.as_bytes())?;
        Ok((number, count, text))
    }

    fn issuer(&self, key: &PrivateKey) -> anyhow::Result<Issuer<'static, KeyPair>> {
        let certified = self.with_certificate(|read| Ok(key_of(read.public_key())))?;
        ensure!(
            certified.as_ref() == Some(key.public_key()),
            "the key is not the one that {} certifies",
            self.folder.join(CERTIFICATE).display()
        );
        let parameters = root_parameters(&self.settings, 0..DAY_MS)?;
        Ok(Issuer::new(parameters, key_pair(key)?))
    }

    fn with_certificate<T>(
        &self,
        look: impl FnOnce(&X509Certificate<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let pem = pem::parse(self.certificate.as_bytes())?;
        let (_, read) = X509Certificate::from_der(&pem.contents)
            .map_err(|_| anyhow::anyhow!("the authority's certificate is damaged"))?;
        look(&read)
    }
}

/// For how long a certificate is issued, and how old its evidence may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    /// The time of issue.
    pub(crate) now_ms: i64,
    /// For how many days.
    pub(crate) days: i64,
    /// How old the evidence may be, in milliseconds.
    pub(crate) max_age_ms: i64,
}

#[cfg(test)]
mod tests;
