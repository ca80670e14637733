//! Batching across requests: many small ones become few bundles, and each gets its own answers back.

mod peer;

use assay_scheme::{Parameters, Priority, Row};
use assay_wire::Status;
use peer::*;
use sha2::{Digest, Sha256};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_requests_become_few_bundles() {
    const REQUESTS: usize = 64;
    const ITEMS: usize = 10;
    let extra = "[queues.mempool]\nbatch_items_max = 640\nbatch_age_us_max = 1000000\n";
    let served = Served::start(&["first", "second"], extra).await;
    let connections = [served.connect("first").await, served.connect("second").await];
    let mut asked = tokio::task::JoinSet::new();
    for request in 0..REQUESTS {
        let connection = connections[request % 2].clone();
        asked.spawn(async move {
            let mut builder = assay_scheme::ColumnsBuilder::new(Row::Sha256.operation());
            let message = |item: usize| format!("request {request}, item {item}");
            (0..ITEMS).for_each(|item| builder.push(0, &[], &[], message(item).as_bytes()));
            let columns = builder.build().expect("ten items");
            let reply = exchange(&connection, &frame(&columns, &Parameters::default(), Priority::Mempool, 0)).await;
            assert_eq!(status(&reply), Status::Ok);
            for item in 0..ITEMS {
                let expected: [u8; 32] = Sha256::digest(message(item)).into();
                assert_eq!(reply.values[item * 32..(item + 1) * 32], expected, "request {request}, item {item}");
            }
            assert_eq!(reply.backends.iter().sum::<u32>() as usize, ITEMS);
        });
    }
    while let Some(done) = asked.join_next().await {
        done.expect("answered");
    }
    let bundles = served.metric("assay_batch_size_requests_count{priority=\"mempool\"}").await;
    let requests = served.metric("assay_batch_size_requests_sum{priority=\"mempool\"}").await;
    assert_eq!(requests as usize, REQUESTS);
    assert!(bundles <= 8.0, "{bundles} bundles of {REQUESTS} requests");
    served.node.drain().await;
}
