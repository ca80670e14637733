//! Peers that break the protocol, are slow, or go away: each gets its documented status or nothing, is counted, holds
//! nothing afterwards, and another tenant's requests succeed meanwhile.

mod peer;

use std::time::Duration;

use assay_scheme::{Parameters, Priority, Row};
use assay_wire::{CloseCode, Status};
use peer::*;
use quinn::Connection;

/// A request that waits in the batcher for a second unless more come: time enough for its peer to misbehave.
const WAITS: &str = "[queues.bulk]\nbatch_age_us_max = 1000000\n";

#[derive(serde::Deserialize)]
struct Golden {
    file: String,
    frame: String,
    #[serde(default)]
    error: Option<String>,
}

fn vectors() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/wire")
}

/// Truncated, oversized, misaligned, of unknown schemes, without items: every malformed frame of vectors/wire.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_golden_defect_is_answered_with_its_status_and_counted() {
    let served = Served::start(&["broken", "sound"], "").await;
    let sound = served.connect("sound").await;
    let index = std::fs::read_to_string(vectors().join("index.json")).expect("an index");
    let index: Vec<Golden> = serde_json::from_str(&index).expect("an index");
    let defects = index.iter().filter(|golden| golden.frame == "request" && golden.error.is_some());
    let mut counts = std::collections::BTreeMap::new();
    let mut connection = served.connect("broken").await;
    for golden in defects {
        let bytes = std::fs::read(vectors().join(&golden.file)).expect("a frame");
        // The reference backend keeps no tables, so a preload is refused by its header, before its keys are read.
        let frame = bytes.first_chunk().and_then(|header| assay_wire::codec::decode_request_header(header).ok());
        let is_preload = frame.is_some_and(|frame| frame.kind == assay_scheme::Kind::Preload);
        let expected = if is_preload { "not-served" } else { golden.error.as_deref().unwrap_or_default() };
        let reply = exchange(&connection, &bytes).await;
        let status = status(&reply);
        assert_eq!(status.name(), expected, "{}", golden.file);
        assert!(reply.verdicts.is_empty() && !reply.message.is_empty(), "{}", golden.file);
        *counts.entry(status).or_insert(0.0) += 1.0;
        if status.closes_connection() {
            let code = closed(Ok(connection)).await;
            assert_eq!(code, Closed::Application(u64::from(CloseCode::ProtocolViolation.code())), "{}", golden.file);
            connection = served.connect("broken").await;
        }
        assert_serves(&sound).await;
    }
    assert!(counts.len() > 12, "the golden defects have many statuses: {counts:?}");
    assert_serves(&connection).await;
    for (status, count) in counts {
        assert_eq!(served.replied("broken", status).await, count, "{status}");
        assert_eq!(served.replied("sound", status).await, 0.0, "{status}");
        assert!(served.metric(&format!("assay_decode_errors_total{{status=\"{status}\"}}")).await >= count);
    }
    served.nothing_in_flight().await;
    served.node.drain().await;
}

/// A stream of no bytes at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_stream_is_truncated() {
    let served = Served::start(&["silent"], "").await;
    let connection = served.connect("silent").await;
    let reply = exchange(&connection, &[]).await;
    assert_eq!((status(&reply), reply.nonce), (Status::Truncated, [0; 16]));
    assert_serves(&connection).await;
    served.node.drain().await;
}

/// Refused by the header alone: the reply comes although the body never does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_defect_of_the_header_is_answered_before_the_body_comes() {
    let served = Served::start(&["early"], "").await;
    let connection = served.connect("early").await;
    let mut header = digests(1, 32, Priority::Bulk)[..64].to_vec();
    header[16..20].copy_from_slice(&70_000_u32.to_le_bytes());
    let (mut send, mut recv) = open(&connection).await;
    send.write_all(&header).await.expect("sent");
    assert_eq!(status(&reply(&mut recv).await), Status::TooManyItems);
    let stopped = tokio::time::timeout(LONG, send.stopped()).await.expect("the node stops reading").expect("lives");
    assert_eq!(stopped, Some(code(u32::from(Status::TooManyItems.code()))));
    assert_serves(&connection).await;
    served.node.drain().await;
}

/// In the header, in the body, and before the end of the stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_stalls_is_answered_slow() {
    let served = Served::start(&["slow", "brisk"], "[listen]\nrequest_timeout_ms = 300").await;
    let connection = served.connect("slow").await;
    let request = digests(4, 32, Priority::Block);
    for len in [1, 63, 64, request.len() - 1, request.len()] {
        let (mut send, mut recv) = open(&connection).await;
        send.write_all(&request[..len]).await.expect("sent");
        let brisk = served.connect("brisk").await;
        assert_serves(&brisk).await;
        assert_eq!(status(&reply(&mut recv).await), Status::Slow, "after {len} bytes");
    }
    assert_eq!(served.replied("slow", Status::Slow).await, 5.0);
    assert_eq!(served.replied("brisk", Status::Slow).await, 0.0);
    served.nothing_in_flight().await;
    assert_serves(&connection).await;
    served.node.drain().await;
}

/// A peer that resets its side before the frame is whole: nobody reads a reply.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_stream_returns_what_it_held() {
    let served = Served::start(&["resets", "stays"], "").await;
    let (connection, stays) = (served.connect("resets").await, served.connect("stays").await);
    for len in [10, 64, 100] {
        let (mut send, mut recv) = open(&connection).await;
        send.write_all(&digests(100, 32, Priority::Bulk)[..len]).await.expect("sent");
        // Until the node has what was sent, a reset would overtake it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        send.reset(code(0)).expect("open");
        let read = tokio::time::timeout(LONG, recv.read_to_end(1_000)).await.expect("the node ends the stream");
        assert!(read.is_err(), "the node sends nothing more: {read:?}");
        assert_serves(&stays).await;
    }
    served.metric_reaches("assay_reply_gone_total{tenant=\"resets\",gone=\"reset\"}", 3.0).await;
    served.nothing_in_flight().await;
    assert_serves(&connection).await;
    served.node.drain().await;
}

async fn waiting(served: &Served, connection: &Connection) -> (quinn::SendStream, quinn::RecvStream) {
    let (mut send, recv) = open(connection).await;
    send.write_all(&digests(10, 32, Priority::Bulk)).await.expect("sent");
    send.finish().expect("open");
    served.metric_reaches("assay_admit_inflight_requests", 1.0).await;
    (send, recv)
}

/// Peers that go while their request waits: it is given up, uncomputed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_goes_takes_its_request_along() {
    let served = Served::start(&["leaver", "stays"], WAITS).await;
    let stays = served.connect("stays").await;
    let connection = served.connect("leaver").await;

    let (_send, mut recv) = waiting(&served, &connection).await;
    recv.stop(code(0)).expect("open");
    served.metric_reaches("assay_reply_gone_total{tenant=\"leaver\",gone=\"stopped\"}", 1.0).await;
    assert_serves(&stays).await;
    assert_serves(&connection).await;

    let (_send, _recv) = waiting(&served, &connection).await;
    connection.close(code(0), b"");
    served.metric_reaches("assay_reply_gone_total{tenant=\"leaver\",gone=\"connection-lost\"}", 1.0).await;
    served.metric_reaches("assay_accept_closes_total{tenant=\"leaver\",end=\"peer\"}", 1.0).await;
    assert_serves(&stays).await;
    served.nothing_in_flight().await;
    let sent = "assay_reply_items_total{tenant=\"leaver\",operation=\"sha256\",verdict=\"valid\"}";
    assert_eq!(served.metric(sent).await, 3.0, "only what was waited for was answered");
    served.node.drain().await;
}

/// A peer that goes while its items are being computed: those not begun are not computed at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_goes_stops_the_computation() {
    const ITEMS: usize = 65_536;
    let served = Served::start(&["leaver", "stays"], "").await;
    let (connection, stays) = (served.connect("leaver").await, served.connect("stays").await);
    // RFC 8032, section 7.1, test 1: a signature over nothing.
    let key = hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").expect("hex");
    let signature = hex::decode(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    )
    .expect("hex");
    let mut builder = assay_scheme::ColumnsBuilder::new(Row::Ed25519Ref10.operation());
    (0..ITEMS).for_each(|_| builder.push(0, &key, &signature, &[]));
    let columns = builder.build().expect("they fit");
    let (mut send, _recv) = open(&connection).await;
    send.write_all(&frame(&columns, &Parameters::default(), Priority::Bulk, 0)).await.expect("sent");
    send.finish().expect("open");
    served.metric_reaches("assay_compute_backlog_items{priority=\"bulk\"}", 1.0).await;
    connection.close(code(0), b"");
    served.nothing_in_flight().await;
    let computed = served.metric("assay_compute_items_total{backend=\"reference\",operation=\"ed25519-ref10\"}").await;
    assert!(computed < ITEMS as f64, "{computed} items were computed for nobody");
    assert_serves(&stays).await;
    served.node.drain().await;
}

/// A peer that asks for megabytes and reads none of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_read_is_given_up() {
    let served = Served::start(&["deaf", "hears"], "[listen]\nreply_timeout_ms = 300\nsend_window_bytes = 65536").await;
    let (cert, key) = served.identity("deaf");
    let mut deaf = Peer::new(&served.pki.node.ca).with(&cert, &key);
    deaf.window = Some(1_024);
    let connection = connect(served.addr(), &deaf).await.expect("accepted");
    let (mut send, mut recv) = open(&connection).await;
    let request = frame(&messages(Row::Sha512, 10_000, 8), &Parameters::default(), Priority::Bulk, 0);
    send.write_all(&request).await.expect("sent");
    send.finish().expect("open");
    let hears = served.connect("hears").await;
    assert_serves(&hears).await;
    served.metric_reaches("assay_reply_gone_total{tenant=\"deaf\",gone=\"slow-reader\"}", 1.0).await;
    served.nothing_in_flight().await;
    let read = tokio::time::timeout(LONG, recv.read_to_end(1_000_000)).await.expect("the stream ends");
    assert!(read.is_err(), "the node took the reply back");
    served.node.drain().await;
}

/// A reply that fits the windows but is never acknowledged as read still ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_replies_nobody_reads_do_not_hold_anything() {
    let served = Served::start(&["deaf"], "[listen]\nstreams_per_connection_max = 8").await;
    let connection = served.connect("deaf").await;
    // More than the node allows at a time: they go on because a reply that was delivered ends its stream.
    for _ in 0..64 {
        let (mut send, _unread) = open(&connection).await;
        send.write_all(&digests(1, 32, Priority::Block)).await.expect("sent");
        send.finish().expect("open");
    }
    served.nothing_in_flight().await;
    assert_serves(&connection).await;
    served.node.drain().await;
}
