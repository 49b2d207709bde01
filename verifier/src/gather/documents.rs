//! Schemas and related resources: embedded, on a ledger, remembered, or fetched through the guarded client.

use std::sync::Arc;
use std::time::Duration;

use chop_client::Published;
use chop_credential::model::RelatedResource;
use chop_credential::verdict::Finding;
use chop_http::outbound::{Fetched, Outgoing};
use chop_protocol::SchemaKind;
use chop_protocol::schema::digest_of_url;
use url::Url;

use super::unanswered;
use crate::session::{Session, unreachable};

const MAX_SCHEMA: usize = 256 * 1024;
const MAX_RESOURCE: usize = 1024 * 1024;
/// How long a fetched schema is kept at most.
const MAX_TERM: Duration = Duration::from_mins(10);

/// Finds the document of a ledger that a URL names by its digest. It is read with proof; the URL's host is never asked.
pub(super) async fn published(session: &Session, url: &str) -> Finding<Arc<Published>> {
    if digest_of_url(url).is_none() {
        return Finding::Absent;
    }
    let search = || async {
        let _turn = match session.spend().await {
            Ok(turn) => turn,
            Err(reason) => return unreachable(reason),
        };
        match session.app.resolver().published(url).await {
            Ok(Some(found)) => Finding::Found(found),
            Ok(None) => Finding::Absent,
            Err(error) => unanswered(&error),
        }
    };
    session.published.once(url.to_owned(), search).await
}

/// Finds the bytes of a JSON Schema.
pub(super) async fn schema(session: &Session, id: &str) -> Finding<Vec<u8>> {
    if let Some(text) = session.app.embedded_schema(id) {
        return Finding::Found(text.as_bytes().to_vec());
    }
    if digest_of_url(id).is_some() {
        return of_ledger(session, id, Some(SchemaKind::JsonSchema)).await;
    }
    if let Some(bytes) = session.app.schemas().recall(id) {
        return Finding::Found(bytes.to_vec());
    }
    let search = || async {
        let found = fetch(session, id, MAX_SCHEMA, None).await;
        if let Finding::Found(fetched) = &found {
            let term = fetched.max_age().unwrap_or(MAX_TERM).min(MAX_TERM);
            let bytes = Arc::new(fetched.body.clone());
            session.app.schemas().remember(id, bytes, term);
        }
        body(found)
    };
    session.documents.once(id.to_owned(), search).await
}

/// Finds the bytes of a related resource; its digest decides whether they are the right ones.
///
/// Where the credential names a media type, it is asked for, and what comes as another is refused (VC Data Model 2.0 §5.3).
pub(super) async fn resource(
    session: &Session,
    resource: &RelatedResource<'_>,
) -> Finding<Vec<u8>> {
    let (id, wanted) = (resource.id, resource.media_type);
    if digest_of_url(id).is_some() {
        return of_ledger(session, id, None).await;
    }
    let search = || async {
        let found = fetch(session, id, MAX_RESOURCE, wanted).await;
        if let (Finding::Found(fetched), Some(wanted)) = (&found, wanted)
            && let Some(served) = fetched.media_type()
            && !wanted
                .split(';')
                .next()
                .is_some_and(|wanted| wanted.trim().eq_ignore_ascii_case(&served))
        {
            return unreachable(format!("it is served as {served}, not as {wanted}"));
        }
        body(found)
    };
    // The same URL may be wanted as another media type by another credential of the request.
    let key = format!("{} {id}", wanted.unwrap_or_default());
    session.documents.once(key, search).await
}

/// Finds the bytes of a document of a ledger, of one kind or any.
async fn of_ledger(session: &Session, url: &str, kind: Option<SchemaKind>) -> Finding<Vec<u8>> {
    match published(session, url).await {
        Finding::Found(found) if kind.is_none_or(|kind| kind == found.kind) => {
            Finding::Found(found.text.as_bytes().to_vec())
        }
        Finding::Found(_) | Finding::Absent => Finding::Absent,
        Finding::NotSought => Finding::NotSought,
        Finding::Unreachable { reason } => Finding::Unreachable { reason },
    }
}

async fn fetch(
    session: &Session,
    id: &str,
    max_bytes: usize,
    media_type: Option<&str>,
) -> Finding<Fetched> {
    let Ok(url) = Url::parse(id) else {
        return unreachable("its id is no URL that can be fetched");
    };
    let _turn = match session.spend().await {
        Ok(turn) => turn,
        Err(reason) => return unreachable(reason),
    };
    let mut request = Outgoing::get(url).max_bytes(max_bytes);
    if let Some(media_type) = media_type {
        request = request.accept_type(media_type);
    }
    match session.app.resolver().outbound().fetch(request).await {
        Ok(fetched) => Finding::Found(fetched),
        Err(error) => unreachable(error.to_string()),
    }
}

fn body(found: Finding<Fetched>) -> Finding<Vec<u8>> {
    match found {
        Finding::Found(fetched) => Finding::Found(fetched.body),
        Finding::Absent => Finding::Absent,
        Finding::NotSought => Finding::NotSought,
        Finding::Unreachable { reason } => Finding::Unreachable { reason },
    }
}
