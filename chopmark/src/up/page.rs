//! The pages that a browser sees: what runs here, what is on the ledger, and the API in readable form.

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;
use chop_http::Problem;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};

/// Scripts and requests only to the stack itself; styles are in the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// `/`, `/explorer`, `/docs`, the descriptions of the API and their scripts.
pub(super) fn router() -> Router {
    let json = |api: OpenApi| {
        let text = api.to_json().unwrap_or_default();
        get(move || async move { ([(CONTENT_TYPE, "application/json")], text) })
    };
    Router::new()
        .route("/", get(|| async { html(include_str!("index.html")) }))
        .route("/docs", get(|| async { html(include_str!("docs.html")) }))
        .route(
            "/explorer",
            get(|| async { html(include_str!("explorer.html")) }),
        )
        .route(
            "/assets/explorer.js",
            get(|| async { script(include_str!("explorer.js")) }),
        )
        .route(
            "/assets/page.js",
            get(|| async { script(include_str!("page.js")) }),
        )
        .route(
            "/assets/docs.js",
            get(|| async { script(include_str!("docs.js")) }),
        )
        .route("/assets/verifier/{*file}", get(verifier))
        .route("/openapi.json", json(openapi()))
        .route("/openapi/members.json", json(chop_node::member_openapi()))
}

/// The description of the whole stack.
pub(super) fn openapi() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Chopmark")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Registry, issuer and verifier. Errors are problem documents (RFC 9457).",
        ))
        .build();
    let mut api = OpenApiBuilder::new().info(info).build();
    for part in [
        chop_node::openapi(),
        chop_issuer::openapi(),
        chop_verifier::openapi(),
    ] {
        api.merge(part);
    }
    let admin = SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token in DATA/admin.token"))
            .build(),
    );
    api.components
        .get_or_insert_default()
        .add_security_scheme("admin", admin);
    api
}

/// The JavaScript verifier: its modules import one another by these names.
async fn verifier(Path(file): Path<String>) -> Result<impl IntoResponse, Problem> {
    let text = match file.as_str() {
        "chopmark.mjs" => include_str!("../../../registry/verifier-js/chopmark.mjs"),
        "bundle.mjs" => include_str!("../../../registry/verifier-js/bundle.mjs"),
        "handover.mjs" => include_str!("../../../registry/verifier-js/handover.mjs"),
        "did.mjs" => include_str!("../../../registry/verifier-js/did.mjs"),
        "item.mjs" => include_str!("../../../registry/verifier-js/item.mjs"),
        "json.mjs" => include_str!("../../../registry/verifier-js/json.mjs"),
        "keys.mjs" => include_str!("../../../registry/verifier-js/keys.mjs"),
        "operation.mjs" => include_str!("../../../registry/verifier-js/operation.mjs"),
        "proof.mjs" => include_str!("../../../registry/verifier-js/proof.mjs"),
        "wire.mjs" => include_str!("../../../registry/verifier-js/wire.mjs"),
        "vendor/noble-ed25519.mjs" => {
            include_str!("../../../registry/verifier-js/vendor/noble-ed25519.mjs")
        }
        _ => {
            return Err(Problem::not_found(format!(
                "the verifier has no part {file:?}"
            )));
        }
    };
    Ok(script(text))
}

fn html(text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 4] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}

fn script(text: &'static str) -> impl IntoResponse {
    (
        [
            (CONTENT_TYPE, "text/javascript; charset=utf-8"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CACHE_CONTROL, "no-cache"),
        ],
        text,
    )
}
