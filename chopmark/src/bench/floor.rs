//! The floor of a service: an `axum` handler that answers a body of a given size, and nothing around it.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Serves `GET /{*path}` (200) and `POST /{*path}` (201, the request's body read) with `size` bytes.
///
/// # Errors
/// When no port is free.
pub(super) async fn serve(size: usize) -> anyhow::Result<(SocketAddr, JoinHandle<()>)> {
    let body = Bytes::from(vec![b'x'; size]);
    let read = body.clone();
    let router = Router::new().route(
        "/{*path}",
        get(move || async move { ([(header::CONTENT_TYPE, "application/json")], body) }).merge(
            post(move |sent: Bytes| async move {
                drop(sent);
                (
                    StatusCode::CREATED,
                    [(header::CONTENT_TYPE, "application/json")],
                    read,
                )
            }),
        ),
    );
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    let address = socket.local_addr()?;
    let serving = tokio::spawn(async move {
        // It ends when the measurement drops it.
        let _ended = axum::serve(socket, router).await;
    });
    Ok((address, serving))
}
