//! Contexts and schemas of a ledger, named by URLs that nobody serves.

use std::sync::Arc;

use chop_client::{ReadError, Registry, Resolver, schemas};
use chop_http::Guarded;
use chop_http::outbound::Settings;
use chop_protocol::{
    Action, DeprecateSchema, PublishSchema, SchemaBody, SchemaKind, SchemaName, SchemaRef, SemVer,
};
use serde_json::json;

use crate::http::node;
use crate::ledger::TestLedger;

fn reference() -> SchemaRef {
    SchemaRef {
        name: SchemaName::parse("orchard-terms").unwrap(),
        version: SemVer::parse("1.0.0").unwrap(),
    }
}

fn terms() -> SchemaBody {
    let terms = json!({"@context": {"@version": 1.1, "grade": "https://orchard.example/grade"}});
    SchemaBody::canonical(&terms).unwrap()
}

fn published() -> Arc<TestLedger> {
    let ledger = Arc::new(TestLedger::found(chop_http::clock::now_ms()));
    let SchemaRef { name, version } = reference();
    let publish = PublishSchema {
        name,
        version,
        kind: SchemaKind::JsonLdContext,
        body: terms(),
    };
    let action = Action::PublishSchema(Box::new(publish));
    ledger.act(&ledger.operator(), vec![action]);
    ledger
}

fn resolver(registry: Arc<dyn Registry>) -> Resolver {
    Resolver::new(Guarded::new(Settings::default()).unwrap()).with_registry(registry)
}

#[tokio::test]
async fn a_document_is_found_by_its_digest_at_any_host() {
    let ledger = published();
    let resolver = resolver(Arc::new(node(&ledger, |_| {}).await));
    for host in ["https://registry.invalid", "http://127.0.0.1:1"] {
        let url = format!("{host}/schemas/{}", terms().digest());
        let found = resolver.published(&url).await.unwrap().unwrap();
        assert_eq!(&*found.text, terms().text());
        assert_eq!(found.kind, SchemaKind::JsonLdContext);
        assert!(found.deprecation().is_none());
    }
    for absent in [
        format!("https://registry.invalid/schemas/{}", "a".repeat(52)),
        "https://registry.invalid/terms".to_owned(),
    ] {
        assert!(resolver.published(&absent).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_node_that_forges_or_hides_a_document_is_not_believed() {
    let ledger = published();
    let url = format!("https://registry.invalid/schemas/{}", terms().digest());
    let forged = node(&ledger, |answer| {
        if answer.key.starts_with("schema-body/") {
            answer.value = Some(json!({"@context": {"grade": "https://evil.example/"}}));
        }
    });
    let hidden = node(&ledger, |answer| answer.value = None);
    for registry in [forged.await, hidden.await] {
        let outcome = resolver(Arc::new(registry)).published(&url).await;
        assert!(
            matches!(outcome, Err(ReadError::Unproven { .. })),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_deprecation_is_read_with_the_document() {
    let ledger = published();
    let SchemaRef { name, version } = reference();
    let deprecate = DeprecateSchema {
        name,
        version,
        reason: None,
        replaced_by: None,
    };
    ledger.act(&ledger.operator(), vec![Action::DeprecateSchema(deprecate)]);
    let found = schemas::document(ledger.as_ref(), &terms().digest()).await;
    let found = found.unwrap().unwrap();
    assert!(found.deprecation().is_some());
    assert_eq!(found.versions.len(), 1);
}
