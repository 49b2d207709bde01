//! Schemas and related resources: embedded, remembered, or fetched through the guarded client.

use std::sync::Arc;
use std::time::Duration;

use chop_credential::verdict::Finding;
use chop_http::outbound::Outgoing;
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
    let search = || async { fetch(session, id, MAX_SCHEMA, true).await };
    session.documents.once(id.to_owned(), search).await
}

/// Finds the bytes of a related resource; its digest decides whether they are the right ones.
pub(super) async fn resource(session: &Session, id: &str) -> Finding<Vec<u8>> {
    let search = || async { fetch(session, id, MAX_RESOURCE, false).await };
    session.documents.once(id.to_owned(), search).await
}

async fn fetch(session: &Session, id: &str, max_bytes: usize, keep: bool) -> Finding<Vec<u8>> {
    let Ok(url) = Url::parse(id) else {
        return unreachable("its id is no URL that can be fetched");
    };
    let _turn = match session.spend().await {
        Ok(turn) => turn,
        Err(reason) => return unreachable(reason),
    };
    match session
        .app
        .resolver()
        .outbound()
        .fetch(Outgoing::get(url).max_bytes(max_bytes))
        .await
    {
        Ok(fetched) => {
            if keep {
                let term = fetched.max_age().unwrap_or(MAX_TERM).min(MAX_TERM);
                session
                    .app
                    .schemas()
                    .remember(id, Arc::new(fetched.body.clone()), term);
            }
            Finding::Found(fetched.body)
        }
        Err(error) => unreachable(error.to_string()),
    }
}
