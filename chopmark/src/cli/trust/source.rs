//! Where exports come from: the authority, the ledger that proves what it did, the keys that sign for it.

use super::accredit::credential_type;
use crate::cli::did::named_chop;
use crate::cli::keyring::{Keyring, KeyringArgs};
use crate::cli::member::{Council, LedgerArgs};
use crate::cli::stack::read_failure;
use crate::cli::{Failure, Terminal};
use crate::files::replace;
use crate::trust::{
    Certificate, Directory, Facts, Federation, FederationError, GatherError, List, MAX_VALID_HOURS,
    Misfit, Scope, Subject, TYP, Terms, directory_bytes, federation, gather, list, self_issued,
    sign,
};
use anyhow::{Context as _, anyhow};
use chop_client::{HttpRegistry, Registry as _};
use chop_did::{ChopDid, Relationship};
use chop_http::clock;
use chop_integrity::Timestamp;
use chop_keys::{PrivateKey, PublicKey, Signer as _};
use chop_protocol::CredentialType;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// For how long a certificate holds that is issued here: one year.
const CERTIFICATE_MS: i64 = 365 * 24 * 60 * 60 * 1000;

/// Whose accreditations are exported, and how far they are followed.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SourceArgs {
    /// The authority, by DID or name in the key folder
    #[arg(long = "as", value_name = "DID|NAME")]
    authority: String,
    /// Only accreditations for this credential type
    #[arg(long = "type", value_name = "TYPE", value_parser = credential_type)]
    credential_type: Option<CredentialType>,
    /// The most hours until the next update; what is signed holds no longer
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_VALID_HOURS)))]
    valid_hours: u32,
    /// Refuse when the service lists more accreditations of the authority; what hangs below each is counted apart
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    most: u32,
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    keyring: KeyringArgs,
}

/// What only a list of trusted entities needs.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    /// lote: names and addresses of the operator and of the entities (JSON), which no ledger holds
    #[arg(long, value_name = "FILE")]
    pub(super) directory: Option<PathBuf>,
    /// lote: list those too that hang below the accredited ones
    #[arg(long)]
    below: bool,
    /// lote: where the list is published (repeatable)
    #[arg(long, value_name = "URL")]
    distribution: Vec<url::Url>,
    /// lote: the certificate of the key that signs, with those that certify it (PEM) [default: one that the key issues to
    /// itself, kept in the key folder]
    #[arg(long, value_name = "FILE")]
    x5c: Option<PathBuf>,
}

/// What only entity statements need.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StatementArgs {
    /// federation: what the authority's entity configuration says of itself, by entity type (JSON), beside the endpoints
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
}

/// An open source.
pub(super) struct Source {
    args: SourceArgs,
    authority: ChopDid,
    registry: HttpRegistry,
    keyring: Keyring,
}

/// A signed list.
pub(super) struct SignedList {
    /// What it was made from.
    pub(super) facts: Facts,
    /// What it says.
    pub(super) list: List,
    /// The compact JWS.
    pub(super) compact: String,
    /// The certificates that it brings along.
    pub(super) certificate: Certificate,
}

/// Signed entity statements.
pub(super) struct SignedStatements {
    /// What they were made from.
    pub(super) facts: Facts,
    /// What they say.
    pub(super) federation: Federation,
    /// The entity configuration.
    pub(super) configuration: String,
    /// The subordinate statements, by the subject's entity identifier.
    pub(super) statements: BTreeMap<String, String>,
}

impl Source {
    /// Opens the key folder, and the ledger under its trust root.
    ///
    /// # Errors
    /// When the authority is unknown here, or the service or the key folder cannot be used.
    pub(super) async fn open(args: &SourceArgs, terminal: &Terminal) -> Result<Self, Failure> {
        let authority = named_chop(&args.authority, &args.keyring)?;
        let council = Council::open(&args.ledger, terminal).await?;
        let pinned = council.registry.trust_root().ledger();
        if authority.ledger().to_string() != pinned {
            return Err(Failure::usage(anyhow!(
                "{authority} lives on ledger {}, the service runs {pinned}",
                authority.ledger()
            )));
        }
        let keyring = args.keyring.open(terminal)?;
        Ok(Self {
            args: args.clone(),
            authority,
            registry: council.registry,
            keyring,
        })
    }

    /// Reads the list of trusted entities anew, and signs it.
    ///
    /// # Errors
    /// When something is not proven, or nothing can be listed, or no key may sign.
    pub(super) async fn list(&self, args: &ListArgs) -> Result<SignedList, Failure> {
        let file = args.directory.as_deref().ok_or_else(|| {
            Failure::usage(anyhow!(
                "a list of trusted entities names its operator and the entities' addresses: --directory FILE"
            ))
        })?;
        let directory = directory(file)?;
        let facts = self.facts(args.below).await?;
        if facts.subjects.is_empty() {
            let authority = self.authority;
            return Err(Failure::not_found(anyhow!(
                "{authority} has granted no such accreditation as of height {}",
                facts.height
            )));
        }
        let (key, key_ends) = self.signing_key(&facts, Relationship::AssertionMethod)?;
        let terms = Terms {
            until: facts.until(self.args.valid_hours, key_ends),
            distribution: args.distribution.iter().map(ToString::to_string).collect(),
        };
        let list = list(&facts, &directory, &terms).map_err(Failure::internal)?;
        // A list of nobody is true where nobody counts, and says so; where the directory is short, it would hide them.
        if list.services == 0 && list.undescribed > 0 {
            let reasons: Vec<String> = list.left_out.iter().map(ToString::to_string).collect();
            return Err(Failure::refused(anyhow!(
                "no accreditation can be listed: {}",
                reasons.join("; ")
            )));
        }
        let term = facts.time..list.next_update;
        still_holds(term.end)?;
        let certificate = if let Some(file) = &args.x5c {
            certified(file, key.public_key(), &term)?
        } else {
            let subject = Subject {
                organisation: directory.scheme.operator(),
                country: directory.scheme.territory(),
                did: &self.authority.to_string(),
            };
            self.own_certificate(&subject, (key.as_ref(), key_ends), &term)?
        };
        let compact = signed_list(&facts, &list, &certificate, &key).map_err(Failure::usage)?;
        Ok(SignedList {
            facts,
            list,
            compact,
            certificate,
        })
    }

    /// Reads those whom the authority accredited anew, and signs its entity statements.
    ///
    /// # Errors
    /// When something is not proven, or the authority has no entity identifier, or no key may sign.
    pub(super) async fn statements(
        &self,
        args: &StatementArgs,
    ) -> Result<SignedStatements, Failure> {
        let metadata = args.read()?;
        let facts = self.facts(false).await?;
        if facts.subjects.is_empty() && facts.authority.grants.is_empty() {
            let authority = self.authority;
            return Err(Failure::not_found(anyhow!(
                "{authority} has neither granted nor holds such an accreditation as of height {}",
                facts.height
            )));
        }
        let (key, key_ends) = self.signing_key(&facts, Relationship::Authentication)?;
        let until = facts.until(self.args.valid_hours, key_ends);
        let federation = federation(&facts, &metadata, until);
        let federation = federation.map_err(|error: FederationError| Failure::refused(error))?;
        still_holds(federation.expires)?;
        let signed = |claims: &Value| statement(claims, &key).map_err(Failure::usage);
        let configuration = signed(&federation.configuration)?;
        let statements = federation.subordinates.iter();
        let statements = statements
            .map(|(id, subordinate)| Ok((id.clone(), signed(&subordinate.claims)?)))
            .collect::<Result<_, Failure>>()?;
        Ok(SignedStatements {
            facts,
            federation,
            configuration,
            statements,
        })
    }

    async fn facts(&self, below: bool) -> Result<Facts, Failure> {
        let scope = Scope {
            authority: self.authority,
            credential_type: self.args.credential_type.clone(),
            below,
            most: usize::try_from(self.args.most).unwrap_or(usize::MAX),
        };
        let gathered = gather(&self.registry, &scope, now()).await;
        gathered.map_err(|error| match error {
            GatherError::Read(error) => read_failure(error),
            error @ GatherError::NoAuthority { .. } => Failure::not_found(error),
            error => Failure::refused(error),
        })
    }

    /// A key of the folder that the authority's proven document lists for a purpose, and that counts now; and when it ends.
    fn signing_key(
        &self,
        facts: &Facts,
        relationship: Relationship,
    ) -> Result<(Arc<PrivateKey>, Option<Timestamp>), Failure> {
        let listed = facts.authority.keys(relationship, now());
        for wanted in listed {
            let held = self.keyring.load_known(|key| *key == wanted.key)?;
            if let Some((_, key)) = held.into_iter().next() {
                return Ok((key, wanted.ends));
            }
        }
        Err(Failure::usage(anyhow!(
            "{} lists no key of this key folder under {}",
            self.authority,
            relationship.as_str()
        )))
    }

    /// The key's own certificate, which is made when there is none, or one of another key, or one that ends too early: readers
    /// pin it, so that nothing else replaces it.
    fn own_certificate(
        &self,
        subject: &Subject<'_>,
        (key, key_ends): (&PrivateKey, Option<Timestamp>),
        term: &Range<Timestamp>,
    ) -> Result<Certificate, Failure> {
        let name = format!("{}.list-signer.pem", self.authority.scid());
        let file = self.args.keyring.keys.join(name);
        match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            kept => {
                let kept = kept.map_err(anyhow::Error::from);
                let unfit = || {
                    format!(
                        "{} is no certificate that serves: remove it to have another made",
                        file.display()
                    )
                };
                let kept = kept
                    .and_then(|text| Certificate::read(&text))
                    .with_context(unfit)
                    .map_err(Failure::usage)?;
                match kept.fits(key.public_key(), term) {
                    Ok(()) => return Ok(kept),
                    Err(Misfit::Key | Misfit::Ended { .. }) => {}
                    Err(odd) => {
                        return Err(Failure::usage(anyhow!(odd).context(unfit())));
                    }
                }
            }
        }
        let year = term.start.plus_ms(CERTIFICATE_MS).max(term.end);
        let until = key_ends.map_or(year, |ends| ends.min(year));
        let made = self_issued(key, subject, &(term.start..until)).and_then(|text| {
            let made = Certificate::read(&text)?;
            made.fits(key.public_key(), term)?;
            replace(&file, text.as_bytes())
                .with_context(|| format!("cannot write {}", file.display()))?;
            Ok(made)
        });
        made.context("the key cannot certify itself")
            .map_err(Failure::usage)
    }
}

/// The certificate that was given for a key.
fn certified(
    file: &Path,
    key: &PublicKey,
    term: &Range<Timestamp>,
) -> Result<Certificate, Failure> {
    let text = std::fs::read_to_string(file).map_err(anyhow::Error::from);
    let fitting = text.and_then(|text| {
        let read = Certificate::read(&text)?;
        read.fits(key, term)?;
        Ok(read)
    });
    fitting
        .with_context(|| {
            let shown = file.display();
            format!("{shown} is not the certificate of the key that signs")
        })
        .map_err(Failure::usage)
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(clock::now_ms())
}

/// Refuses to sign what has ended already.
fn still_holds(end: Timestamp) -> Result<(), Failure> {
    if now() < end {
        return Ok(());
    }
    Err(Failure::refused(anyhow!(
        "what was proved ended at {end}, before it was signed: ask again"
    )))
}

/// Signs a list as a `JAdES` baseline B signature in compact form (ETSI TS 119 602 clause 6.8, TS 119 182-1 clause 6.3).
fn signed_list(
    facts: &Facts,
    list: &List,
    certificate: &Certificate,
    key: &PrivateKey,
) -> anyhow::Result<String> {
    let mut header = Map::new();
    let issued = facts.time.unix_ms().div_euclid(1000);
    header.insert("typ".to_owned(), "JOSE".into());
    header.insert("iat".to_owned(), json!(issued));
    header.insert("x5t#S256".to_owned(), Value::from(certificate.thumbprint()));
    header.insert("x5c".to_owned(), json!(certificate.x5c()));
    sign(header, &list.payload, key)
}

/// Signs an entity statement; the key goes by its thumbprint (`OpenID` Federation 1.0 §3, §3.1.1).
fn statement(claims: &Value, key: &PrivateKey) -> anyhow::Result<String> {
    let jwk = key.public_key().jwk();
    let jwk = jwk.context("a key of this type signs no entity statement")?;
    let mut header = Map::new();
    header.insert("typ".to_owned(), TYP.into());
    header.insert("kid".to_owned(), jwk.thumbprint().into());
    sign(header, claims, key)
}

impl StatementArgs {
    /// Reads the metadata by entity type; none without a file.
    fn read(&self) -> Result<Map<String, Value>, Failure> {
        let Some(file) = &self.metadata else {
            return Ok(Map::new());
        };
        let shown = file.display().to_string();
        let parsed = directory_bytes(file).and_then(|text| {
            let read: Map<String, Value> = serde_json::from_slice(&text)?;
            let odd = read.iter().find(|(_, value)| !value.is_object());
            if let Some((kind, _)) = odd {
                return Err(anyhow!("the metadata of entity type {kind:?} is no object"));
            }
            Ok(read)
        });
        parsed
            .with_context(|| format!("{shown} holds no metadata by entity type"))
            .map_err(Failure::usage)
    }
}

fn directory(file: &Path) -> Result<Directory, Failure> {
    let shown = file.display().to_string();
    directory_bytes(file)
        .and_then(|text| Directory::parse(&text))
        .with_context(|| format!("{shown} is no directory of a list of trusted entities"))
        .map_err(Failure::usage)
}
