//! Full queues and spent shares: refused at once, with a status, a hint and a count, while others are served.

mod peer;

use std::time::Duration;

use assay_scheme::{Parameters, Priority, Row};
use assay_wire::Status;
use peer::*;
use quinn::{Connection, RecvStream};

/// Bulk requests wait for a second in the batcher: what is sent meanwhile meets full queues.
const WAITS: &str = "[queues.bulk]\nitems_max = 65536\nbatch_items_max = 65536\nbatch_age_us_max = 1000000\n";

async fn send(connection: &Connection, bytes: &[u8]) -> RecvStream {
    let (mut send, recv) = open(connection).await;
    send.write_all(bytes).await.expect("sent");
    send.finish().expect("open");
    recv
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_beyond_its_concurrency_is_refused_and_others_are_served() {
    let extra = format!("{WAITS}[tenants.flood]\nrequests_in_flight_max = 4");
    let served = Served::start(&["flood", "calm"], &extra).await;
    let (flood, calm) = (served.connect("flood").await, served.connect("calm").await);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(send(&flood, &digests(10, 32, Priority::Bulk)).await);
    }
    served.metric_reaches("assay_admit_inflight_requests", 4.0).await;
    for _ in 0..20 {
        let reply = exchange(&flood, &digests(10, 32, Priority::Bulk)).await;
        assert_eq!(status(&reply), Status::QuotaConcurrency);
        assert!(reply.retry_after_us >= 1_000, "{}", reply.retry_after_us);
        assert_serves(&calm).await;
    }
    assert_eq!(served.replied("flood", Status::QuotaConcurrency).await, 20.0);
    for mut recv in held {
        assert_eq!(status(&reply(&mut recv).await), Status::Ok, "what was admitted is answered");
    }
    served.nothing_in_flight().await;
    assert_serves(&flood).await;
    served.node.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_busy_at_once_and_other_priorities_go_on() {
    let served = Served::start(&["greedy", "late"], WAITS).await;
    let (greedy, late) = (served.connect("greedy").await, served.connect("late").await);
    let mut held = send(&greedy, &digests(40_000, 32, Priority::Bulk)).await;
    served.metric_reaches("assay_admit_queue_items{priority=\"bulk\"}", 40_000.0).await;
    let refused = exchange(&greedy, &digests(20_000, 32, Priority::Bulk)).await;
    assert_eq!(status(&refused), Status::Busy, "a tenant leaves free as much as it holds");
    assert!(refused.retry_after_us >= 1_000);
    assert_serves(&greedy).await;
    // Whoever comes later finds room, and completes the batch.
    let reply_late = exchange(&late, &digests(25_000, 32, Priority::Bulk)).await;
    assert_eq!(status(&reply_late), Status::Ok);
    assert_eq!(status(&reply(&mut held).await), Status::Ok);
    assert_eq!(served.replied("greedy", Status::Busy).await, 1.0);
    served.nothing_in_flight().await;
    served.node.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spent_rate_says_when_to_come_again_and_then_takes_it() {
    let served = Served::start(&["rated"], "[tenants.rated]\nitems_per_second = 1000\nburst_items = 100").await;
    let connection = served.connect("rated").await;
    assert_eq!(status(&exchange(&connection, &digests(100, 32, Priority::Block)).await), Status::Ok);
    let refused = exchange(&connection, &digests(100, 32, Priority::Block)).await;
    assert_eq!(status(&refused), Status::QuotaRate);
    tokio::time::sleep(Duration::from_micros(u64::from(refused.retry_after_us))).await;
    assert_eq!(status(&exchange(&connection, &digests(100, 32, Priority::Block)).await), Status::Ok);
    let never = exchange(&connection, &digests(101, 32, Priority::Block)).await;
    assert_eq!((status(&never), never.retry_after_us), (Status::NotAllowed, 0));
    served.node.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_and_priorities_are_a_tenants_own() {
    let extra = format!("{WAITS}[tenants.small]\nbytes_in_flight_max = 20000\npriorities = [\"bulk\", \"mempool\"]");
    let served = Served::start(&["small", "other"], &extra).await;
    let connection = served.connect("small").await;
    let never = exchange(&connection, &digests(1_000, 32, Priority::Bulk)).await;
    assert_eq!(status(&never), Status::NotAllowed, "{}", never.message);
    let mut held = send(&connection, &digests(200, 32, Priority::Bulk)).await;
    served.metric_reaches("assay_admit_inflight_requests", 1.0).await;
    let refused = exchange(&connection, &digests(200, 32, Priority::Bulk)).await;
    assert_eq!(status(&refused), Status::QuotaBytes);
    let urgent = exchange(&connection, &digests(1, 32, Priority::Consensus)).await;
    assert_eq!(status(&urgent), Status::NotAllowed, "{}", urgent.message);
    assert_serves(&served.connect("other").await).await;
    assert_eq!(status(&reply(&mut held).await), Status::Ok);
    served.nothing_in_flight().await;
    served.node.drain().await;
}

/// The deadline has passed before anything could be computed: dropped, and told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_request_is_dropped_uncomputed() {
    let served = Served::start(&["hasty"], "").await;
    let connection = served.connect("hasty").await;
    // One microsecond is over before the batcher has it.
    let request = frame(&messages(Row::Sha3_256, 50, 32), &Parameters::default(), Priority::Mempool, 1);
    assert_eq!(status(&exchange(&connection, &request).await), Status::DeadlineExceeded);
    let computed = "assay_compute_items_total{backend=\"reference\",operation=\"sha3-256\"}";
    assert_eq!(served.metric(computed).await, 0.0);
    // An hour is enough.
    let request = frame(&messages(Row::Sha3_256, 50, 32), &Parameters::default(), Priority::Mempool, 3_600_000_000);
    assert_eq!(status(&exchange(&connection, &request).await), Status::Ok);
    assert_eq!(served.metric(computed).await, 50.0);
    served.node.drain().await;
}
