//! The operators' HTTP listener: `/metrics`, `/live`, `/ready` and a status page at `/`.
//!
//! Bounded throughout: [`AdminConfig::connections_max`] connections, one request each (every answer closes its connection),
//! [`REQUEST_BYTES_MAX`] bytes of it, and [`AdminConfig::request_timeout_ms`] for asking and taking the answer together.
//! It only reads: nothing here changes the node.

mod page;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use assay_wire::NodeStatus;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use crate::config::AdminConfig;
use crate::metrics;

/// Bytes of one request, head and all, after which nothing more of it is read. Smaller: a browser with many cookies is refused. Larger: more memory for strangers.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// How often histograms are folded. Longer: more memory between two. Shorter: nothing is gained.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Whether the node may be sent requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Whether it may.
    pub ok: bool,
    /// Why not, for people; also what is amiss while it still may.
    pub reasons: Vec<String>,
    /// Since the last known-answer batch that ran through the engine and came out right; `None` before the first.
    pub self_test_age: Option<Duration>,
}

/// What the node says about itself. Called on the admin listener's tasks, so it must not block.
pub trait Health: Send + Sync + 'static {
    /// Whether the process does its work at all; a supervisor restarts one that does not.
    fn live(&self) -> bool;

    /// Whether the node may be sent requests: a known-answer batch came out right within `admin.ready_age_ms_max`, and the
    /// node is not draining.
    fn ready(&self) -> Ready;

    /// What the status operation answers.
    fn status(&self) -> NodeStatus;

    /// Sets the metrics that are read rather than counted ([`crate::metrics::sample`]); called before each scrape.
    fn sample(&self);
}

/// The listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("admin.listen = {addr}: {why}; choose a free address, or stop what holds this one")]
pub struct AdminError {
    /// The address.
    pub addr: SocketAddr,
    /// What the system said.
    pub why: io::Error,
}

/// An opened listener that does not answer yet.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    local_addr: SocketAddr,
    connections: Arc<Semaphore>,
    request_timeout: Duration,
}

type Served = Arc<dyn Health>;

impl Admin {
    /// Opens the listener of `[admin]`.
    ///
    /// # Errors
    /// When the address is taken or not this machine's.
    pub async fn bind(config: &AdminConfig) -> Result<Self, AdminError> {
        let failed = |why| AdminError { addr: config.listen, why };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            local_addr,
            connections: Arc::new(Semaphore::new(config.connections_max)),
            request_timeout: Duration::from_millis(config.request_timeout_ms),
        })
    }

    /// Where it listens: the port the system chose, where the configuration says 0.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Answers until `stop` completes, and folds the metrics meanwhile. Answers under way are finished, which takes at most
    /// the request timeout.
    pub async fn serve(self, health: Arc<dyn Health>, stop: impl Future<Output = ()> + Send + 'static) {
        let upkeep = tokio::spawn(async {
            let mut tick = tokio::time::interval(UPKEEP_INTERVAL);
            loop {
                tick.tick().await;
                metrics::upkeep();
            }
        });
        let router = Router::new()
            .route("/", get(status_page))
            .route("/metrics", get(scrape))
            .route("/live", get(live))
            .route("/ready", get(ready))
            .fallback(|| async {
                answer(StatusCode::NOT_FOUND, PLAIN, "Not here: /, /metrics, /live, /ready.\n".into())
            })
            .method_not_allowed_fallback(|| async {
                answer(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "Only GET and HEAD.\n".into())
            })
            .with_state(health);
        let bounded = Bounded { listener: self.listener, connections: self.connections, timeout: self.request_timeout };
        // The only error of this future is none: errors of the listener are waited out by the accept loop.
        let _ = axum::serve(bounded, router).with_graceful_shutdown(stop).await;
        upkeep.abort();
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";

/// Every answer: one request a connection, nothing cached, nothing loaded from elsewhere.
fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    );
    (status, headers, body).into_response()
}

async fn scrape(State(health): State<Served>) -> Response {
    health.sample();
    answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", metrics::render())
}

async fn live(State(health): State<Served>) -> Response {
    if health.live() {
        answer(StatusCode::OK, PLAIN, "live\n".into())
    } else {
        answer(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "not live\n".into())
    }
}

async fn ready(State(health): State<Served>) -> Response {
    let ready = health.ready();
    let mut text = String::from(if ready.ok { "ready\n" } else { "not ready\n" });
    if let Some(age) = ready.self_test_age {
        text.push_str(&format!("last self-test passed {:.1} s ago\n", age.as_secs_f64()));
    }
    for reason in &ready.reasons {
        text.push_str(reason);
        text.push('\n');
    }
    answer(if ready.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, PLAIN, text)
}

async fn status_page(State(health): State<Served>) -> Response {
    let text = page::render(&health.status(), &health.ready());
    answer(StatusCode::OK, "text/html; charset=utf-8", text)
}

/// A listener that holds a permit and a deadline for each connection.
struct Bounded {
    listener: TcpListener,
    connections: Arc<Semaphore>,
    timeout: Duration,
}

impl axum::serve::Listener for Bounded {
    type Io = BoundedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let permit = self.connections.clone().acquire_owned().await.expect("the semaphore is never closed");
        let (stream, addr) = axum::serve::Listener::accept(&mut self.listener).await;
        let deadline = Box::pin(tokio::time::sleep(self.timeout));
        (BoundedStream { stream, deadline, readable: REQUEST_BYTES_MAX, _permit: permit }, addr)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection with an end: past its deadline, or past the bytes it may send, every read and write fails.
struct BoundedStream {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    readable: usize,
    _permit: OwnedSemaphorePermit,
}

impl BoundedStream {
    fn in_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.in_time(cx)?;
        if self.readable == 0 {
            return Poll::Ready(Err(io::Error::other("the request is too large")));
        }
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.readable = self.readable.saturating_sub(buf.filled().len() - before);
        result
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.in_time(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.in_time(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
