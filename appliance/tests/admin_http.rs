//! The admin listener over TCP: what it answers, and that nothing a peer does makes it hold more than it may.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use assay_appliance::admin::{Admin, Health, REQUEST_BYTES_MAX, Ready};
use assay_appliance::config::AdminConfig;
use assay_wire::NodeStatus;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// No answer takes nearly as long; only a test that would otherwise hang meets it.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Node {
    live: AtomicBool,
    ready: AtomicBool,
    samples: AtomicUsize,
}

impl Health for Node {
    fn live(&self) -> bool {
        self.live.load(Ordering::Relaxed)
    }

    fn ready(&self) -> Ready {
        let ok = self.ready.load(Ordering::Relaxed);
        let reasons = if ok { Vec::new() } else { vec!["the self-test is late".to_owned()] };
        Ready { ok, reasons, self_test_age: Some(Duration::from_millis(2500)) }
    }

    fn status(&self) -> NodeStatus {
        NodeStatus { version: "1.2.3".into(), state: "ready".into(), zone: "hall-7".into(), ..NodeStatus::default() }
    }

    fn sample(&self) {
        self.samples.fetch_add(1, Ordering::Relaxed);
    }
}

struct Served {
    addr: std::net::SocketAddr,
    node: Arc<Node>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Served {
    async fn new(connections_max: usize, request_timeout_ms: u64) -> Self {
        let listen = "127.0.0.1:0".parse().expect("an address");
        let config = AdminConfig { listen, connections_max, request_timeout_ms, ready_age_ms_max: 20_000 };
        let admin = Admin::bind(&config).await.expect("a free port");
        let addr = admin.local_addr();
        let node = Arc::new(Node::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(admin.serve(node.clone(), async {
            let _ = stopped.await;
        }));
        Self { addr, node, stop, task }
    }

    async fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("sent");
        stream
    }

    /// The whole answer, to the connection's end.
    async fn ask(&self, request: &str) -> String {
        rest(self.send(request).await).await
    }

    async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await
    }
}

/// Everything until the connection ends, however it ends.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = async { while matches!(stream.read_buf(&mut bytes).await, Ok(count) if count > 0) {} };
    tokio::time::timeout(PATIENCE, read).await.expect("the connection ends");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn live_and_ready_say_what_the_node_says() {
    let served = Served::new(8, 5_000).await;
    assert!(served.get("/live").await.starts_with("HTTP/1.1 503"));
    let not_ready = served.get("/ready").await;
    assert!(not_ready.starts_with("HTTP/1.1 503"), "{not_ready}");
    assert!(not_ready.contains("not ready\n") && not_ready.contains("the self-test is late"), "{not_ready}");
    served.node.live.store(true, Ordering::Relaxed);
    served.node.ready.store(true, Ordering::Relaxed);
    assert!(served.get("/live").await.starts_with("HTTP/1.1 200"));
    let ready = served.get("/ready").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("last self-test passed 2.5 s ago"), "{ready}");
}

#[tokio::test]
async fn metrics_are_sampled_and_rendered() {
    let served = Served::new(8, 5_000).await;
    let page = served.get("/metrics").await;
    assert!(page.contains("content-type: text/plain; version=0.0.4"), "{page}");
    assert!(page.contains("# TYPE assay_node_build_info gauge"), "{page}");
    assert!(page.contains("\nassay_accept_rejections_total{reason=\"alpn\"} "), "{page}");
    assert_eq!(served.node.samples.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_status_page_stands_alone() {
    let served = Served::new(8, 5_000).await;
    let page = served.get("/").await;
    assert!(page.contains("content-type: text/html") && page.contains("default-src 'none'"), "{page}");
    assert!(page.contains("hall-7") && page.contains("1.2.3") && page.contains("http-equiv=\"refresh\""), "{page}");
    assert!(!page.contains("src=") && !page.contains("://"), "nothing is fetched from elsewhere");
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let served = Served::new(8, 5_000).await;
    assert!(served.get("/secrets").await.starts_with("HTTP/1.1 404"));
    assert!(served.get("/metrics/../ready").await.starts_with("HTTP/1.1 404"));
    for method in ["POST", "PUT", "DELETE"] {
        let answer = served.ask(&format!("{method} /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    }
    assert!(served.ask("nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn a_connection_carries_one_request() {
    let served = Served::new(8, 5_000).await;
    let one = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = served.ask(&one.repeat(3)).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1);
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_silent_peer_is_given_up() {
    let served = Served::new(8, 100).await;
    let began = Instant::now();
    for part in ["", "GET /met", "GET /metrics HTTP/1.1\r\nHost: "] {
        let answer = served.ask(part).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    assert!(began.elapsed() >= Duration::from_millis(300), "each was given its time");
}

#[tokio::test]
async fn a_peer_that_trickles_is_given_up_as_well() {
    let served = Served::new(8, 300).await;
    let mut stream = served.send("GET /metrics HTTP/1.1\r\n").await;
    let trickle = async {
        while stream.write_all(b"X: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, trickle).await.expect("the node closes the connection");
}

#[tokio::test]
async fn no_request_is_read_beyond_its_bound() {
    let served = Served::new(8, 20_000).await;
    let mut stream = served.send("GET /metrics HTTP/1.1\r\nX: ").await;
    let chunk = vec![b'a'; 16 * 1024];
    let mut sent = 0;
    let flood = async {
        // The kernel's buffers take some megabytes that the node never reads.
        while stream.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, flood).await.expect("the node closes the connection");
    assert!(sent >= REQUEST_BYTES_MAX, "the bound itself is not refused");
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_and_are_then_served() {
    let served = Served::new(1, 400).await;
    let silent = served.send("").await;
    let second = served.send("GET /live HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut second = Box::pin(rest(second));
    // The first holds the only place until its time is over.
    tokio::select! {
        biased;
        _ = rest(silent) => {}
        answer = &mut second => panic!("served beyond the bound: {answer}"),
    }
    assert!(second.await.starts_with("HTTP/1.1 503"), "served when the place was free");
}

#[tokio::test]
async fn it_stops_when_told_to() {
    let served = Served::new(8, 200).await;
    // A connection that says nothing does not keep it.
    let _silent = served.send("").await;
    served.stop.send(()).expect("it runs");
    tokio::time::timeout(PATIENCE, served.task).await.expect("it ends").expect("without a panic");
    assert!(TcpStream::connect(served.addr).await.is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let served = Served::new(8, 200).await;
    let config =
        AdminConfig { listen: served.addr, connections_max: 1, request_timeout_ms: 100, ready_age_ms_max: 1_000 };
    let told = Admin::bind(&config).await.expect_err("it is taken").to_string();
    assert!(told.contains(&served.addr.to_string()) && told.contains("admin.listen"), "{told}");
}
