use super::*;
use crate::PeerAddress;
use axum::routing::get;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

async fn start(
    limits: ConnectionLimits,
) -> (std::net::SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let ([address], stop, serving) = start_all(limits).await;
    (address, stop, serving)
}

/// Starts so many listeners.
async fn start_all<const N: usize>(
    limits: ConnectionLimits,
) -> (
    [std::net::SocketAddr; N],
    oneshot::Sender<()>,
    JoinHandle<()>,
) {
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    for _ in 0..N {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(socket.local_addr().unwrap());
        listeners.push(Listener::plain(socket));
    }
    let (stop, stopped) = oneshot::channel();
    let big = "x".repeat(64 * 1024 * 1024);
    let router =
        Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/hang", get(pending::<()>))
            .route(
                "/peer",
                get(
                    |Extension(PeerAddress(peer)): Extension<PeerAddress>| async move {
                        peer.to_string()
                    },
                ),
            )
            .route("/big", get(move || std::future::ready(big.clone())));
    let serving = tokio::spawn(serve(listeners, router, limits, async {
        let _ = stopped.await;
    }));
    (addresses.try_into().unwrap(), stop, serving)
}

async fn say(address: std::net::SocketAddr, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn first_line(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn serves_and_ends_at_once_when_nobody_is_connected() {
    let (address, stop, serving) = start(ConnectionLimits::default()).await;
    let stream = say(
        address,
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(first_line(stream).await, "HTTP/1.1 200 OK");
    let started = Instant::now();
    stop.send(()).unwrap();
    serving.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_request_carries_the_address_of_its_peer() {
    let (address, _stop, _serving) = start(ConnectionLimits::default()).await;
    let head = "GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut stream = say(address, head).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\r\n\r\n127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn ends_within_five_seconds_of_hanging_clients() {
    let (address, stop, serving) = start(ConnectionLimits::default()).await;
    let _silent = say(address, "").await;
    let _half_a_head = say(address, "GET / HTTP/1.1\r\nHo").await;
    let _hanging_handler = say(address, "GET /hang HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let _unread_answer = say(address, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    stop.send(()).unwrap();
    serving.await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn refuses_heads_that_are_too_large_or_have_too_many_fields() {
    let (address, _stop, _serving) = start(ConnectionLimits::default()).await;
    let long = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n",
        "a".repeat(64 * 1024)
    );
    assert_eq!(
        first_line(say(address, &long).await).await,
        "HTTP/1.1 431 Request Header Fields Too Large"
    );
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: a\r\n".repeat(65));
    assert_eq!(
        first_line(say(address, &many).await).await,
        "HTTP/1.1 431 Request Header Fields Too Large"
    );
}

#[tokio::test]
async fn a_flood_at_one_listener_leaves_the_others_their_share() {
    let limits = ConnectionLimits {
        connections: 4,
        ..ConnectionLimits::default()
    };
    let ([flooded, other], _stop, _serving) = start_all(limits).await;
    let mut flood = Vec::new();
    for _ in 0..8 {
        flood.push(say(flooded, "GET / HTTP/1.1\r\nHo").await);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let head = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answered = |stream| tokio::time::timeout(Duration::from_secs(2), first_line(stream));
    let answer = answered(say(other, head).await).await;
    assert_eq!(answer.unwrap(), "HTTP/1.1 200 OK");
    // At the flooded one nobody gets in, so the flood did fill what it could.
    assert!(answered(say(flooded, head).await).await.is_err());
}

#[tokio::test]
async fn lets_go_of_clients_that_neither_speak_nor_read() {
    let patience = Duration::from_millis(200);
    let limits = ConnectionLimits {
        connections: 2,
        head_time: patience,
        stall_time: patience,
        ..ConnectionLimits::default()
    };
    let (address, _stop, _serving) = start(limits).await;
    let _half_a_head = say(address, "GET / HTTP/1.1\r\nHo").await;
    let _unread_answer = say(address, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let third = say(
        address,
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    let answered = tokio::time::timeout(Duration::from_secs(4), first_line(third)).await;
    assert_eq!(answered.unwrap(), "HTTP/1.1 200 OK");
}
