//! What this machine does itself, with the feature `local`: it finishes what no node answers in time, and notices a node
//! that answers wrong.

mod common;

use std::time::Duration;

use assay_client::{Client, ClientConfig, Error, NodeAddress, Options};
use assay_scheme::{Parameters, Priority, Reason, Verdict};
use assay_wire::Status;
use common::{Act, Pki, Server, ask, digests, honest, script, truth, votes};

async fn falling_back(pki: &Pki, server: &Server, change: impl FnOnce(&mut ClientConfig)) -> Client {
    let mut config = pki.config(vec![server.address.clone()]);
    config.local_fallback = true;
    config.local_threads = 1;
    change(&mut config);
    Client::connect(config).await.expect("a client")
}

fn right() -> Vec<u8> {
    truth(&digests(0, 3), &Parameters::default()).values
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hangs_is_not_waited_for_until_the_deadline() {
    let pki = Pki::new();
    let server = Server::start(&pki, script(|_, _| Act::Hang)).await;
    let client = falling_back(&pki, &server, |config| config.local_after = 0.01).await;
    let options = Options::new(Priority::Consensus).within(Duration::from_secs(60));
    let answer = client.request(&votes(8, &[5]), &Parameters::default(), options).await.expect("finished here");
    assert_eq!(answer.local_items, 8);
    assert!(answer.backends.is_empty(), "no node's backend computed it");
    for (item, verdict) in answer.iter().enumerate() {
        let expected = if item == 5 { Verdict::Invalid(Reason::Equation) } else { Verdict::Valid };
        assert_eq!(verdict, expected, "item {item}");
    }
    assert_eq!(server.requests(), 1, "the node was asked first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_answers_is_believed_and_nothing_computed_here() {
    let pki = Pki::new();
    let server = Server::start(&pki, honest()).await;
    let client = falling_back(&pki, &server, |config| config.local_after = 1.0).await;
    let options = Options::new(Priority::Consensus).within(Duration::from_secs(60));
    let answer = client.request(&digests(0, 3), &Parameters::default(), options).await.expect("an answer");
    assert_eq!((answer.local_items, answer.backends.as_slice()), (0, &[3][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_node_at_all_is_no_hindrance() {
    let pki = Pki::new();
    let silent = NodeAddress { addr: ([127, 0, 0, 1], 9).into(), server_name: "localhost".into() };
    let config =
        ClientConfig { local_fallback: true, connect_timeout: Duration::from_millis(200), ..pki.config(vec![silent]) };
    let client = Client::connect(config).await.expect("this machine answers");
    let answer = ask(&client).await.expect("without a deadline too");
    assert_eq!((answer.local_items, answer.values), (3, right()));
    let batches = (0..10).map(|batch| digests(batch * 10, 10));
    let all = client.stream(batches, &Parameters::default(), Options::default(), |_| {}).await.expect("streamed");
    assert_eq!((all.local_items, all.values), (100, truth(&digests(0, 100), &Parameters::default()).values));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_cannot_or_will_not_do_now_is_done_here() {
    type Failing = fn() -> Act;
    let failing: [(&str, Failing); 6] = [
        ("busy", || Act::Refuse(Status::Busy, 9_000_000)),
        ("draining", || Act::Refuse(Status::Draining, 0)),
        ("broken", || Act::Refuse(Status::NotEvaluated, 0)),
        ("late by its own clock", || Act::Refuse(Status::DeadlineExceeded, 0)),
        ("nonsense", || Act::Bytes(Box::new(|_| vec![1; 100]))),
        ("gone", || Act::Close(assay_wire::status::CloseCode::Internal)),
    ];
    for (name, act) in failing {
        let pki = Pki::new();
        let server = Server::start(&pki, script(move |_, _| act())).await;
        let client = falling_back(&pki, &server, |config| config.tries_max = 2).await;
        let answer = ask(&client).await.expect(name);
        assert_eq!((answer.local_items, answer.values), (3, right()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_at_fault_is_told_and_not_computed() {
    let pki = Pki::new();
    let server = Server::start(&pki, script(|_, _| Act::Refuse(Status::UnknownParameter, 0))).await;
    let client = falling_back(&pki, &server, |_| {}).await;
    let outcome = ask(&client).await;
    assert!(matches!(outcome, Err(Error::Refused { status: Status::UnknownParameter, .. })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_a_node_left_out_are_finished_here() {
    let pki = Pki::new();
    let left_out = script(|_, _| {
        Act::Alter(Box::new(|reply| {
            reply.verdicts[0] = 130;
            reply.verdicts[2] = 0;
            reply.values[..32].fill(0);
            reply.values[64..].fill(0);
        }))
    });
    let server = Server::start(&pki, left_out).await;
    let client = falling_back(&pki, &server, |_| {}).await;
    let answer = ask(&client).await.expect("an answer");
    assert_eq!((answer.local_items, answer.verdicts.as_slice()), (2, &[1, 1, 1][..]));
    assert_eq!(answer.values, right());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lies_is_noticed_and_named() {
    let pki = Pki::new();
    let lies = script(|n, _| match n {
        0 => Act::Alter(Box::new(|reply| reply.values[32] ^= 1)),
        1 => Act::Alter(Box::new(|reply| reply.verdicts[2] = 2)),
        _ => Act::Answer,
    });
    let server = Server::start(&pki, lies).await;
    let config = ClientConfig { recheck_share: 1.0, local_threads: 1, ..pki.config(vec![server.address.clone()]) };
    let client = Client::connect(config).await.expect("a connection");
    let node = server.address.to_string();
    assert_eq!(ask(&client).await, Err(Error::Disagreement { item: 1, node: node.clone() }), "another value");
    assert_eq!(ask(&client).await, Err(Error::Disagreement { item: 2, node }), "another verdict");
    assert_eq!(ask(&client).await.expect("the truth").values, right());
    let verified = client.request(&votes(5, &[2]), &Parameters::default(), Options::default()).await;
    assert_eq!(verified.expect("invalid on both sides").verdicts, [1, 1, 2, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_counts_a_lie_from_its_first_item() {
    let pki = Pki::new();
    let lies = script(|_, request| {
        // The batch that holds items 20 to 29.
        let lying = request.columns().is_some_and(|columns| columns.message(0) == b"message 20");
        if lying { Act::Alter(Box::new(|reply| reply.values[4 * 32] ^= 1)) } else { Act::Answer }
    });
    let server = Server::start(&pki, lies).await;
    let config = ClientConfig { recheck_share: 1.0, local_threads: 1, ..pki.config(vec![server.address.clone()]) };
    let client = Client::connect(config).await.expect("a connection");
    let batches = (0..5).map(|batch| digests(batch * 10, 10));
    let outcome = client.stream(batches, &Parameters::default(), Options::default(), |_| {}).await;
    assert_eq!(outcome, Err(Error::Disagreement { item: 24, node: server.address.to_string() }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_evaluated_is_no_disagreement() {
    let pki = Pki::new();
    let left_out = script(|_, _| {
        Act::Alter(Box::new(|reply| {
            reply.verdicts[1] = 128;
            reply.values[32..64].fill(0);
        }))
    });
    let server = Server::start(&pki, left_out).await;
    let config = ClientConfig { recheck_share: 1.0, local_threads: 1, ..pki.config(vec![server.address.clone()]) };
    let client = Client::connect(config).await.expect("a connection");
    let answer = ask(&client).await.expect("two of three");
    assert_eq!(answer.not_evaluated().collect::<Vec<_>>(), [1], "and it is not finished here unasked");
}
