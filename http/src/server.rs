//! Listeners, connections and their end.

use std::future::{Future, pending};
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use self::stall::Stalling;
use crate::front::Front;
use crate::peer::{Doorkeeper, PeerCertificate};

mod stall;

/// How long open requests may still run once the end is announced; the whole shutdown takes less than 5 s.
const GRACE: Duration = Duration::from_millis(3_500);

/// How long a client that is admitted no longer has for the request that is under way.
const FAREWELL: Duration = Duration::from_secs(1);

/// One socket to listen on.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    guests: Option<Guests>,
}

/// What clients that show certificates get, and who decides how long they stay.
#[derive(Clone)]
struct Guests {
    router: Router,
    doorkeeper: Arc<dyn Doorkeeper>,
}

impl Listener {
    /// Serves HTTP/1.1 in the clear.
    pub fn plain(socket: TcpListener) -> Self {
        Self {
            socket,
            tls: None,
            guests: None,
        }
    }

    /// Serves HTTP/1.1 over TLS.
    pub fn tls(socket: TcpListener, acceptor: TlsAcceptor) -> Self {
        Self {
            socket,
            tls: Some(acceptor),
            guests: None,
        }
    }

    /// Serves a router of its own over TLS to clients that present certificates: each request carries its client's
    /// [`PeerCertificate`] as an extension, and a connection ends when the doorkeeper says so.
    pub fn mutual(
        socket: TcpListener,
        acceptor: TlsAcceptor,
        router: Router,
        doorkeeper: Arc<dyn Doorkeeper>,
    ) -> Self {
        Self {
            socket,
            tls: Some(acceptor),
            guests: Some(Guests { router, doorkeeper }),
        }
    }
}

/// What a connection may take.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// How many connections are open at once, of which every listener has an equal share: a flood at one leaves the others
    /// theirs. A further one waits in the socket's queue.
    pub connections: usize,
    /// How long a client may take for a TLS handshake or the head of a request, and how long it may idle between two.
    pub head_time: Duration,
    /// How long a client may leave an answer unread.
    pub stall_time: Duration,
    /// The size of a request's head in bytes.
    pub head_bytes: usize,
    /// The number of header fields.
    pub head_fields: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 512,
            head_time: Duration::from_secs(15),
            stall_time: Duration::from_secs(20),
            head_bytes: 32 * 1024,
            head_fields: 64,
        }
    }
}

/// Serves routes on all listeners until `shutdown` resolves, then ends within 5 s, hanging clients or not.
///
/// Requests under way may finish for 3.5 s; what is left then is cut off.
pub async fn serve(
    listeners: Vec<Listener>,
    front: impl Into<Front>,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) {
    let front = front.into();
    let (announce, announced) = watch::channel(false);
    let share = limits.connections / listeners.len().max(1);
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let door = Door {
            front: front.clone(),
            limits: limits.clone(),
            announced: announced.clone(),
            room: Arc::new(Semaphore::new(share.max(1))),
        };
        accepting.spawn(door.accept(listener));
    }
    shutdown.await;
    // Nobody is left to hear it when every door is shut already.
    let _ = announce.send(true);
    let ending = async { while accepting.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, ending).await.is_err() {
        tracing::warn!("cut off the connections that would not end");
        accepting.shutdown().await;
    }
}

/// Listens from now on for being asked to end, by SIGTERM or SIGINT; the future resolves when it was.
///
/// # Errors
/// The signal handlers could not be installed.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[derive(Clone)]
struct Door {
    front: Front,
    limits: ConnectionLimits,
    announced: watch::Receiver<bool>,
    room: Arc<Semaphore>,
}

impl Door {
    /// Accepts connections until the end is announced, then waits for those that are open.
    async fn accept(self, listener: Listener) {
        // Dropping the set, as cutting off does, ends its connections.
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = self.ending() => break,
                accepted = self.next(&listener.socket) => accepted,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, peer, place)) => {
                    let mut door = self.clone();
                    door.front = door.front.to(peer);
                    let (tls, guests) = (listener.tls.clone(), listener.guests.clone());
                    connections.spawn(async move {
                        door.admit(stream, tls, guests).await;
                        drop(place);
                    });
                }
                // Out of file descriptors, most likely: give the open connections time to end.
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    /// Resolves when the end is announced, or can no longer be.
    async fn ending(&self) {
        let _ = self.announced.clone().wait_for(|ending| *ending).await;
    }

    async fn next(
        &self,
        socket: &TcpListener,
    ) -> io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.room)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (stream, peer) = socket.accept().await?;
        Ok((stream, peer.ip(), place))
    }

    async fn admit(&self, stream: TcpStream, tls: Option<TlsAcceptor>, guests: Option<Guests>) {
        // Small answers leave at once; a socket that refuses the option still serves.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = tls else {
            return self.converse(stream, self.front.clone(), pending()).await;
        };
        tokio::select! {
            () = self.ending() => {}
            handshake = tokio::time::timeout(self.limits.head_time, acceptor.accept(stream)) => {
                if let Ok(Ok(stream)) = handshake {
                    match guests {
                        None => self.converse(stream, self.front.clone(), pending()).await,
                        Some(guests) => self.receive(stream, guests).await,
                    }
                }
            }
        }
    }

    /// Serves a client that has shown its certificate, for as long as it is admitted.
    async fn receive(&self, stream: TlsStream<TcpStream>, guests: Guests) {
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        let peer = match shown.map(|certificate| PeerCertificate::parse(certificate)) {
            Some(Ok(peer)) => peer,
            Some(Err(error)) => {
                tracing::debug!(%error, "refused a client");
                return;
            }
            None => return,
        };
        let router = guests.router.layer(Extension(peer.clone()));
        let refused = guests.doorkeeper.until_refused(&peer);
        self.converse(stream, self.front.instead(router), refused)
            .await;
    }

    async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        front: Front,
        refused: impl Future<Output = ()>,
    ) {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_time)
            .max_header_size(self.limits.head_bytes)
            .max_headers(self.limits.head_fields)
            .serve_connection(
                TokioIo::new(Stalling::new(stream, self.limits.stall_time)),
                front,
            );
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.ending() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            () = refused => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(FAREWELL, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod mutual_tests;
