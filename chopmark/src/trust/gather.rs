//! Reads what an authority granted. The service names records; every one of them is then read with proof, or refused.
//!
//! The list of all that an authority granted is the service's word: the ledger keeps none. The lists of one subject for one
//! type are proven, so an accreditation can be withheld only together with all others of its subject for its type.

use super::facts::{Entity, Facts};
use super::timeline::Grant;
use chop_client::{HttpRegistry, ReadError, Registry as _, ServiceError};
use chop_did::{ChopDid, DidState};
use chop_integrity::{Hash, Timestamp};
use chop_proof::VerifiedHeader;
use chop_protocol::accreditation::MAX_DEPTH;
use chop_protocol::http::listed::Listed;
use chop_protocol::{Accreditation, CredentialType, Member, Standing, keys};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// Keys in one question, so that the answer stays within what a client takes.
const KEYS_AT_ONCE: usize = 32;
/// What the service lists on one page at most.
const PAGE: &str = "100";
/// Empty pages in a row after which a list is given up: the service looks at a bounded number of entries for each.
const MAX_EMPTY: usize = 64;

/// What is to be read.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// Whose accreditations.
    pub(crate) authority: ChopDid,
    /// For this type only.
    pub(crate) credential_type: Option<CredentialType>,
    /// Whether those that hang below them are read too.
    pub(crate) below: bool,
    /// The most accreditations that are read: of the authority's own, and apart from them below each of those.
    pub(crate) most: usize,
}

/// Says why there are no facts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatherError {
    /// Something was not answered, or not proven.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The ledger proves that the authority does not exist.
    #[error("the ledger proves that {did} does not exist")]
    NoAuthority {
        /// The DID.
        did: ChopDid,
    },
    /// The authority has ended.
    #[error("the ledger proves that {did} was deactivated: nobody speaks for it")]
    Ended {
        /// The DID.
        did: ChopDid,
    },
    /// There are more than are to be read.
    #[error("there are more than {most} accreditations: name a type, or allow more")]
    TooMany {
        /// The most that are read.
        most: usize,
    },
    /// The service names a record that is not there.
    #[error("the service lists {key:?}, which the ledger proves to hold nothing")]
    Invented {
        /// The key.
        key: String,
    },
    /// Nothing was read.
    #[error("nothing was read")]
    Nothing,
    /// The parents of an accreditation go on for ever.
    #[error("the chain of parents of an accreditation is longer than a ledger allows")]
    Chain,
}

/// An accreditation as the service lists it.
#[derive(Deserialize)]
struct Named {
    accreditation: Accreditation,
}

/// Reads an authority, those whom it accredited, and those who accredited it, and judges them as of `now`, unless the header
/// that they are read under is later.
///
/// # Errors
/// When anything is not proven: then nothing is to be exported.
pub(crate) async fn gather(
    registry: &HttpRegistry,
    scope: &Scope,
    now: Timestamp,
) -> Result<Facts, GatherError> {
    let mut reader = Reader::new(registry, scope, now);
    let authority = scope.authority;
    reader.entities([authority]).await?;
    let state = reader.state(&authority)?;
    let state = state.ok_or(GatherError::NoAuthority { did: authority })?;
    if state.deactivated() {
        return Err(GatherError::Ended { did: authority });
    }
    let granted = reader.granted().await?;
    let held = reader.held().await?;
    reader.parents(granted.iter().chain(&held)).await?;
    let subjects: BTreeSet<ChopDid> = reader.holders(&granted)?;
    reader.entities(subjects.iter().copied()).await?;

    let held = reader.grants(&held)?;
    let at = reader.as_of()?.1.max(now);
    let live = held
        .iter()
        .filter(|grant| grant.standing_at(at) == Standing::Live);
    let superiors: BTreeSet<ChopDid> = live
        .map(|grant| grant.record.accreditor)
        .filter(|superior| *superior != authority)
        .collect();
    reader.entities(superiors.iter().copied()).await?;
    reader.facts(held, &granted, (&subjects, &superiors))
}

/// Reads with proof, each key once.
struct Reader<'a> {
    registry: &'a HttpRegistry,
    scope: &'a Scope,
    values: BTreeMap<String, Option<String>>,
    /// Height and time of the oldest header so far.
    oldest: Option<(u64, i64)>,
    now: Timestamp,
    /// How many the service named since the last count began.
    named: usize,
    /// Those below whom there are more than are to be read.
    unread: BTreeSet<ChopDid>,
}

impl<'a> Reader<'a> {
    fn new(registry: &'a HttpRegistry, scope: &'a Scope, now: Timestamp) -> Self {
        Self {
            registry,
            scope,
            values: BTreeMap::new(),
            oldest: None,
            now,
            named: 0,
            unread: BTreeSet::new(),
        }
    }

    /// Reads keys that were not read before.
    async fn fill(&mut self, keys: impl IntoIterator<Item = String>) -> Result<(), GatherError> {
        let wanted: BTreeSet<String> = keys
            .into_iter()
            .filter(|key| !self.values.contains_key(key))
            .collect();
        let wanted: Vec<String> = wanted.into_iter().collect();
        for some in wanted.chunks(KEYS_AT_ONCE) {
            let (proof, header) = self.registry.batch(some).await?;
            self.note(&header);
            for statement in proof.statements {
                self.values.insert(statement.key, statement.value);
            }
        }
        Ok(())
    }

    fn note(&mut self, header: &VerifiedHeader) {
        let found = (header.height, header.time_ms);
        self.oldest = Some(self.oldest.map_or(found, |oldest| oldest.min(found)));
    }

    fn as_of(&self) -> Result<(u64, Timestamp), GatherError> {
        let (height, time_ms) = self.oldest.ok_or(GatherError::Nothing)?;
        Ok((height, Timestamp::from_unix_ms(time_ms)))
    }

    async fn entities(
        &mut self,
        dids: impl IntoIterator<Item = ChopDid>,
    ) -> Result<(), GatherError> {
        let keys = dids
            .into_iter()
            .flat_map(|did| [keys::did(&did.scid()), keys::member(&did.scid())]);
        self.fill(keys.collect::<Vec<_>>()).await
    }

    /// Names all accreditations that the authority granted, and those below them when they are asked for.
    ///
    /// What hangs below each is counted apart: one who accredits too many loses these, and the authority's list none of its own.
    async fn granted(&mut self) -> Result<BTreeSet<Hash>, GatherError> {
        let authority = self.scope.authority;
        let own = self.granted_by(authority).await?;
        let mut found: BTreeSet<Hash> = own.iter().map(|record| record.id).collect();
        let mut asked = BTreeSet::from([authority]);
        let below = own.iter().filter(|_| self.scope.below);
        let branches: BTreeSet<ChopDid> = below
            .filter(|record| record.depth > 0)
            .map(|record| record.subject)
            .collect();
        for subject in branches {
            self.named = 0;
            let mut seen = asked.clone();
            match self.branch(subject, &mut seen).await {
                Ok(hanging) => {
                    found.extend(hanging);
                    asked = seen;
                }
                Err(GatherError::TooMany { .. }) => {
                    self.unread.insert(subject);
                }
                Err(error) => return Err(error),
            }
        }
        self.named = 0;
        Ok(found)
    }

    /// Names all accreditations that hang below one subject, by way of issuers who were not asked yet.
    async fn branch(
        &mut self,
        top: ChopDid,
        asked: &mut BTreeSet<ChopDid>,
    ) -> Result<BTreeSet<Hash>, GatherError> {
        let mut found = BTreeSet::new();
        let mut issuers = vec![top];
        while let Some(issuer) = issuers.pop() {
            if !asked.insert(issuer) {
                continue;
            }
            for record in self.granted_by(issuer).await? {
                if record.depth > 0 {
                    issuers.push(record.subject);
                }
                found.insert(record.id);
            }
        }
        Ok(found)
    }

    async fn granted_by(&mut self, issuer: ChopDid) -> Result<Vec<Accreditation>, GatherError> {
        let mut records = self.prove(("issuer", issuer)).await?;
        records.retain(|record| record.accreditor == issuer);
        Ok(records)
    }

    /// Names all accreditations that the authority holds.
    async fn held(&mut self) -> Result<BTreeSet<Hash>, GatherError> {
        let authority = self.scope.authority;
        let held = self.prove(("subject", authority)).await?;
        let own = held
            .into_iter()
            .filter(|record| record.subject == authority);
        Ok(own.map(|record| record.id).collect())
    }

    /// Lists accreditations, and reads all that the subjects named there hold for the types named there.
    async fn prove(&mut self, by: (&str, ChopDid)) -> Result<Vec<Accreditation>, GatherError> {
        let listed = self.list(by).await?;
        let lists: BTreeSet<String> = listed
            .iter()
            .map(|named| keys::accredited(&named.subject, &named.credential_type))
            .collect();
        self.fill(lists.iter().cloned()).await?;
        let mut ids: BTreeSet<Hash> = listed.iter().map(|named| named.id).collect();
        for list in &lists {
            ids.extend(self.value::<Vec<Hash>>(list)?.unwrap_or_default());
        }
        self.fill(ids.iter().map(keys::accreditation)).await?;
        ids.iter().map(|id| self.record(id)).collect()
    }

    async fn list(
        &mut self,
        (by, did): (&str, ChopDid),
    ) -> Result<Vec<Accreditation>, GatherError> {
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        let mut empty = 0;
        loop {
            let page = self.page((by, &did), cursor.as_deref()).await?;
            empty = if page.items.is_empty() { empty + 1 } else { 0 };
            self.named += page.items.len();
            if self.named > self.scope.most || empty > MAX_EMPTY {
                let most = self.scope.most;
                return Err(GatherError::TooMany { most });
            }
            found.extend(page.items.into_iter().map(|named| named.accreditation));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }

    async fn page(
        &self,
        (by, did): (&str, &ChopDid),
        cursor: Option<&str>,
    ) -> Result<Listed<Named>, ReadError> {
        let service = self.registry.service();
        let mut url = service.url(&["v1", "accreditations"]);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair(by, &did.to_string());
            query.append_pair("limit", PAGE);
            if let Some(wanted) = &self.scope.credential_type {
                query.append_pair("type", wanted.as_str());
            }
            if let Some(cursor) = cursor {
                query.append_pair("cursor", cursor);
            }
        }
        let answer = service
            .get(url)
            .await
            .and_then(chop_client::Answer::success);
        let body = answer.map_err(|error: ServiceError| ReadError::from(error))?;
        serde_json::from_value(body).map_err(|source| ReadError::Value {
            key: "accreditations".to_owned(),
            source,
        })
    }

    /// Reads the parents of accreditations up to the roots.
    async fn parents(&mut self, ids: impl Iterator<Item = &Hash>) -> Result<(), GatherError> {
        let mut next: BTreeSet<Hash> = ids.copied().collect();
        for _ in 0..=MAX_DEPTH {
            let mut parents = BTreeSet::new();
            for id in &next {
                parents.extend(self.record(id)?.parent);
            }
            if parents.is_empty() {
                return Ok(());
            }
            self.fill(parents.iter().map(keys::accreditation)).await?;
            next = parents;
        }
        Err(GatherError::Chain)
    }

    fn value<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ReadError> {
        let text = self.values.get(key).and_then(Option::as_deref);
        let parsed = text.map(serde_json::from_str).transpose();
        parsed.map_err(|source| ReadError::Value {
            key: key.to_owned(),
            source,
        })
    }

    fn state(&self, did: &ChopDid) -> Result<Option<DidState>, ReadError> {
        self.value(&keys::did(&did.scid()))
    }

    fn record(&self, id: &Hash) -> Result<Accreditation, GatherError> {
        let key = keys::accreditation(id);
        self.value(&key)?.ok_or(GatherError::Invented { key })
    }

    fn holders(&self, ids: &BTreeSet<Hash>) -> Result<BTreeSet<ChopDid>, GatherError> {
        ids.iter()
            .map(|id| self.record(id).map(|record| record.subject))
            .collect()
    }

    /// The accreditations as they were under the oldest header, each with its ancestors; later ones are not there yet.
    fn grants(&self, ids: &BTreeSet<Hash>) -> Result<Vec<Grant>, GatherError> {
        let mut grants = Vec::new();
        for id in ids {
            let mut ancestors = Vec::new();
            let record = self.as_it_was(id)?;
            let mut parent = record.parent;
            while let Some(id) = parent {
                let ancestor = self.as_it_was(&id)?;
                parent = ancestor.parent;
                ancestors.push(ancestor);
            }
            grants.push(Grant { record, ancestors });
        }
        let (height, _) = self.as_of()?;
        grants.retain(|grant| grant.record.height <= height);
        grants.sort_by(|a, b| {
            let place = |grant: &Grant| (grant.record.credential_type.clone(), grant.record.id);
            place(a).cmp(&place(b))
        });
        Ok(grants)
    }

    fn as_it_was(&self, id: &Hash) -> Result<Accreditation, GatherError> {
        let (height, _) = self.as_of()?;
        let mut record = self.record(id)?;
        record.events.retain(|event| event.height <= height);
        Ok(record)
    }

    fn entity(&self, did: &ChopDid, grants: Vec<Grant>) -> Result<Entity, GatherError> {
        let key = keys::did(&did.scid());
        let state = self.state(did)?.ok_or(GatherError::Invented { key })?;
        let member: Option<Member> = self.value(&keys::member(&did.scid()))?;
        Ok(Entity::new(&state, member, grants))
    }

    fn facts(
        &self,
        held: Vec<Grant>,
        granted: &BTreeSet<Hash>,
        (subjects, superiors): (&BTreeSet<ChopDid>, &BTreeSet<ChopDid>),
    ) -> Result<Facts, GatherError> {
        let (height, time) = self.as_of()?;
        let authority = self.scope.authority;
        // One who accredits below may have accredited by another authority's word too.
        let by_word_of = |grant: &Grant| {
            let chain = std::iter::once(&grant.record).chain(&grant.ancestors);
            chain.into_iter().any(|link| link.accreditor == authority)
        };
        let mut grants = self.grants(granted)?;
        grants.retain(by_word_of);
        let too_many = format!(
            "there are more than {} accreditations below it: none of them is listed",
            self.scope.most
        );
        let unread = grants.iter().filter(|grant| {
            let record = &grant.record;
            record.accreditor == authority
                && record.depth > 0
                && self.unread.contains(&record.subject)
        });
        let unread = unread.map(|grant| grant.left_out(&too_many)).collect();
        let mut entities = Vec::new();
        for did in subjects {
            let own: Vec<Grant> = grants
                .iter()
                .filter(|grant| grant.record.subject == *did)
                .cloned()
                .collect();
            if !own.is_empty() {
                entities.push(self.entity(did, own)?);
            }
        }
        let above = superiors.iter().map(|did| self.entity(did, Vec::new()));
        Ok(Facts {
            ledger: self.registry.trust_root().genesis().to_owned(),
            height,
            time,
            judged: time.max(self.now),
            authority: self.entity(&authority, held)?,
            subjects: entities,
            superiors: above.collect::<Result<_, _>>()?,
            unread,
        })
    }
}
