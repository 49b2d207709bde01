//! Schemas and related resources: embedded, remembered, or fetched through the guarded client.

use std::sync::Arc;
use std::time::Duration;

use chop_credential::model::RelatedResource;
use chop_credential::verdict::Finding;
use chop_http::outbound::{Fetched, Outgoing};
use url::Url;

use crate::session::{Session, unreachable};

const MAX_SCHEMA: usize = 256 * 1024;
const MAX_RESOURCE: usize = 1024 * 1024;
/// How long a fetched schema is kept at most.
const MAX_TERM: Duration = Duration::from_mins(10);

/// Finds the bytes of a JSON Schema.
pub(super) async fn schema(session: &Session, id: &str) -> Finding<Vec<u8>> {
    if let Some(text) = session.app.embedded_schema(id) {
        return Finding::Found(text.as_bytes().to_vec());
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
