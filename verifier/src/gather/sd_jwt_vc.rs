//! What an SD-JWT VC's judgement needs: its issuer's key, its type's metadata, its status list.

use std::collections::BTreeMap;
use std::sync::Arc;

use chop_credential::SdJwtVc;
use chop_credential::sd_jwt_vc::{
    IssuerKeys, IssuerMetadata, JwkSet, KeySource, MAX_EXTENDS, MetadataError, TypeMetadata,
    well_known,
};
use chop_credential::verdict::{
    CheckName, Evidence, Finding, KeyFact, KeyHistory, Policy, TokenStatusList,
};

use super::ledger::{self, About};
use super::{documents, keys_of, token_list};
use crate::session::{Session, unreachable};

/// Gathers what the checks of a policy need to know about an SD-JWT VC.
pub(crate) async fn evidence(
    session: &Arc<Session>,
    credential: &SdJwtVc,
    policy: &Policy,
) -> Evidence {
    let wanted = |check: CheckName| policy.checks.contains_key(&check);
    let keys = async {
        let mut keys = keys_of(session, credential.verification_methods()).await;
        if let KeySource::Metadata {
            issuer,
            key_id,
            method,
        } = credential.key_source()
        {
            let key_type = credential.sd_jwt().token().header().algorithm.key_type();
            let found = match key_set(session, issuer).await {
                Ok(set) => set.find(key_id, key_type).map_or(Finding::Absent, |key| {
                    Finding::Found(KeyFact {
                        id: method.clone(),
                        controller: issuer.to_owned(),
                        key: key.clone(),
                        relationships: vec!["assertionMethod".to_owned()],
                        history: KeyHistory::default(),
                    })
                }),
                Err(reason) => unreachable(reason),
            };
            keys.insert(method, found);
        }
        keys
    };
    let token_lists = async {
        if wanted(CheckName::Status) {
            token_lists(session, credential).await
        } else {
            BTreeMap::new()
        }
    };
    let type_metadata = async {
        if wanted(CheckName::Schema) {
            type_metadata(session, credential).await
        } else {
            BTreeMap::new()
        }
    };
    let secured = || Some(credential.secured_bytes().to_vec());
    let about = About {
        issuer: credential.issuer(),
        types: credential.types().collect(),
        secured: &secured,
    };
    let (keys, token_lists, type_metadata, (anchor, accreditations)) = tokio::join!(
        keys,
        token_lists,
        type_metadata,
        ledger::facts(session, &about, policy)
    );
    Evidence {
        keys,
        token_lists,
        type_metadata,
        anchor,
        accreditations,
        ..Evidence::default()
    }
}

/// Finds the keys that an `https` issuer lists in its metadata, or says why they could not be learnt.
async fn key_set(session: &Session, issuer: &str) -> Result<JwkSet, String> {
    let reason = |error: MetadataError| error.to_string();
    let url = well_known(issuer).map_err(reason)?;
    let metadata = fetched(session, &url).await?;
    match IssuerMetadata::parse(&metadata, issuer)
        .map_err(reason)?
        .keys
    {
        IssuerKeys::Here(keys) => Ok(keys),
        IssuerKeys::At(url) => JwkSet::parse(&fetched(session, &url).await?).map_err(reason),
    }
}

async fn fetched(session: &Session, url: &str) -> Result<Vec<u8>, String> {
    match documents::schema(session, url).await {
        Finding::Found(bytes) => Ok(bytes),
        Finding::Unreachable { reason } => Err(reason),
        Finding::Absent | Finding::NotSought => Err(format!("there is nothing at {url}")),
    }
}

/// Fetches the metadata of the type, and of those that it extends, as far as they are `https` URLs.
async fn type_metadata(
    session: &Session,
    credential: &SdJwtVc,
) -> BTreeMap<String, Finding<Vec<u8>>> {
    let mut documents = BTreeMap::new();
    let mut next = Some(credential.vct().to_owned());
    while let Some(vct) = next.take() {
        let fetchable = vct.starts_with("https://") && documents.len() <= MAX_EXTENDS;
        if !fetchable || documents.contains_key(&vct) {
            break;
        }
        let found = documents::schema(session, &vct).await;
        if let Finding::Found(bytes) = &found
            && let Ok(metadata) = TypeMetadata::parse(bytes, &vct)
        {
            next = metadata.extends.map(|(base, _)| base);
        }
        documents.insert(vct, found);
    }
    documents
}

async fn token_lists(
    session: &Session,
    credential: &SdJwtVc,
) -> BTreeMap<String, Finding<TokenStatusList>> {
    let entry = credential.status().and_then(|claim| claim.list.as_ref());
    let mut lists = BTreeMap::new();
    if let Some(entry) = entry {
        let found = token_list(session, &entry.uri, credential.issuer()).await;
        lists.insert(entry.uri.clone(), found);
    }
    lists
}
