//! What a client gets from nodes that answer: the right verdicts and values, in order, from many tasks at once.

mod common;

use std::sync::Arc;
use std::time::Duration;

use assay_client::{Chunks, Client, ClientConfig, Error, Item, Options};
use assay_core::samples::Spec;
use assay_scheme::quorum::{Outcome, Tally, Terms};
use assay_scheme::verifier::Verifier;
use assay_scheme::{Ballot, Hash, Keys, Kind, Operation, Parameters, Priority, Reason, Row, Verdict};
use assay_wire::Status;
use common::{Act, Pki, Server, Setup, all_up, digests, honest, one_node, script, truth, votes};

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_come_back_per_item_and_a_spoilt_one_is_invalid() {
    let (_pki, server, client) = one_node(|_, _| Act::Answer).await;
    let options = Options::new(Priority::Consensus).within(Duration::from_secs(60));
    let answer = client.request(&votes(20, &[3, 17]), &Parameters::default(), options).await.expect("an answer");
    for (item, verdict) in answer.iter().enumerate() {
        let expected = if [3, 17].contains(&item) { Verdict::Invalid(Reason::Equation) } else { Verdict::Valid };
        assert_eq!(verdict, expected, "item {item}");
    }
    assert!(!answer.all_valid());
    assert_eq!((answer.queue_us, answer.compute_us, answer.backends.as_slice()), (7, 8, &[20][..]));
    assert_eq!((answer.value_width, answer.local_items), (0, 0));
    let (priority, deadline_us, items) = server.log()[0];
    assert_eq!((priority, items), (Priority::Consensus, 20));
    assert!((1..=60_000_000).contains(&deadline_us), "what is left of the deadline: {deadline_us}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_digest_row_gives_its_values() {
    let (_pki, server, client) = one_node(|_, _| Act::Answer).await;
    for operation in Operation::of_kind(Kind::Digest) {
        let items = (0..5_u8).map(|i| Item::message(vec![i; usize::from(i) * 40]));
        let columns = Chunks::new(operation, 100, items).next().expect("a batch").expect("fits");
        let answer = client.request(&columns, &Parameters::default(), Options::default()).await.expect("an answer");
        let truth = truth(&columns, &Parameters::default());
        assert_eq!((answer.verdicts, answer.values), (truth.verdicts, truth.values), "{}", operation.name);
        assert_eq!(answer.value_width, truth.width);
    }
    assert!(server.log().iter().all(|(_, deadline_us, _)| *deadline_us == 0), "no deadline travels as none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_and_its_large_reply_pass() {
    let (_pki, _server, client) = one_node(|_, _| Act::Answer).await;
    let columns = {
        let items = (0..65_536_u32).map(|item| Item::message(item.to_le_bytes().repeat(60)));
        Chunks::new(Row::Sha512.operation(), 65_536, items).next().expect("a batch").expect("fits")
    };
    assert!(columns.body().len() > 15 << 20);
    let answer = client.request(&columns, &Parameters::default(), Options::default()).await.expect("an answer");
    assert_eq!(answer.values, truth(&columns, &Parameters::default()).values);
}

#[tokio::test(flavor = "multi_thread")]
async fn order_is_kept_when_replies_come_in_any() {
    let (_pki, server, client) = one_node(|n, _| Act::Late(Duration::from_millis([40, 5, 25, 0, 15][n % 5]))).await;
    let batches = || (0..30).map(|batch| digests(batch * 10, 10));
    let mut heard = Vec::new();
    let answer = client
        .stream(batches(), &Parameters::default(), Options::default(), |done| heard.push(done))
        .await
        .expect("an answer");
    assert_eq!(answer.items(), 300);
    assert_eq!(answer.values, truth(&digests(0, 300), &Parameters::default()).values);
    assert_eq!(heard, (1..=30).map(|batch| batch * 10).collect::<Vec<_>>(), "progress counts items done");
    assert_eq!(answer.backends, [300]);
    assert_eq!(server.requests(), 30);

    let mut firsts = Vec::new();
    client
        .stream_each(batches().map(Ok), &Parameters::default(), Options::default(), |answer| {
            firsts.push(answer.value(0).to_vec());
        })
        .await
        .expect("answers");
    let truth = truth(&digests(0, 300), &Parameters::default());
    assert_eq!(firsts, (0..30).map(|batch| truth.value(batch * 10).to_vec()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_first_error_and_no_batches_are_none() {
    let (_pki, server, client) = one_node(|_, _| Act::Answer).await;
    let broken = Error::Usage("line 7 is not hex".into());
    let batches = vec![Ok(digests(0, 1)), Err(broken.clone()), Ok(digests(1, 1))];
    let outcome = client.stream_each(batches, &Parameters::default(), Options::default(), |_| {}).await;
    assert_eq!(outcome, Err(broken));
    let nothing = client.stream(Vec::new(), &Parameters::default(), Options::default(), |_| {}).await;
    assert_eq!(nothing.expect("nothing").items(), 0);
    let late = Options::default().within(Duration::ZERO);
    let outcome = client.stream(vec![digests(0, 1)], &Parameters::default(), late, |_| {}).await;
    assert_eq!(outcome, Err(Error::DeadlineExceeded));
    assert!(server.requests() <= 2, "what follows an error is not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_do_not_fit_are_told_before_anybody_is_asked() {
    let (_pki, server, client) = one_node(|_, _| Act::Answer).await;
    let outcome = client.request(&digests(0, 1), &Parameters::hashed(Hash::Sm3), Options::default()).await;
    assert!(matches!(&outcome, Err(Error::Usage(why)) if why.contains("sha256")), "{outcome:?}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_share_one_client() {
    let (_pki, server, client) = one_node(|_, _| Act::Answer).await;
    let tasks: Vec<_> = (0..200)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                let columns = digests(task * 3, 3);
                let answer = client.request(&columns, &Parameters::default(), Options::default()).await;
                assert_eq!(answer.expect("an answer").values, truth(&columns, &Parameters::default()).values);
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("each its own answer");
    }
    assert_eq!(server.requests(), 200);
    assert_eq!(client.health()[0].in_flight, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_is_spread_over_equal_nodes() {
    let pki = Pki::new();
    let slow = || script(|_, _| Act::Late(Duration::from_millis(10)));
    let servers = [Server::start(&pki, slow()).await, Server::start(&pki, slow()).await];
    let nodes = servers.iter().map(|server| server.address.clone()).collect();
    let client = Client::connect(pki.config(nodes)).await.expect("a connection");
    all_up(&client).await;
    let batches = (0..60).map(|batch| digests(batch, 1));
    client.stream(batches, &Parameters::default(), Options::default(), |_| {}).await.expect("an answer");
    for server in &servers {
        assert!(server.requests() >= 10, "{} of 60", server.requests());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_the_clients_own_zone_is_preferred() {
    let pki = Pki::new();
    let far = Server::start_with(&pki, Setup { zone: "far", ..Setup::new(honest()) }).await;
    let near = Server::start_with(&pki, Setup { zone: "near", ..Setup::new(honest()) }).await;
    let nodes = vec![far.address.clone(), near.address.clone()];
    let client = Client::connect(ClientConfig { zone: Some("near".into()), ..pki.config(nodes) }).await;
    let client = client.expect("a connection");
    all_up(&client).await;
    // The handshakes of a busy machine measure round trips of many milliseconds; each exchange measures them again.
    while client.health().iter().any(|node| node.rtt > Duration::from_millis(1)) {
        client.status().await;
    }
    common::ask(&client).await.expect("an answer");
    assert_eq!((far.requests(), near.requests()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_goes_to_the_node_that_serves_it() {
    let pki = Pki::new();
    let only = |name: &str| Setup { operations: vec![name.to_owned()], ..Setup::new(honest()) };
    let sha3 = Server::start_with(&pki, only("sha3-256")).await;
    let sha256 = Server::start_with(&pki, only("sha256")).await;
    let nodes = vec![sha3.address.clone(), sha256.address.clone()];
    let client = Client::connect(pki.config(nodes)).await.expect("a connection");
    all_up(&client).await;
    for _ in 0..4 {
        common::ask(&client).await.expect("an answer");
    }
    assert_eq!((sha3.requests(), sha256.requests()), (0, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_health_speak_of_every_node() {
    let pki = Pki::new();
    let up = Server::start_with(&pki, Setup { zone: "a", ..Setup::new(honest()) }).await;
    let gone = assay_client::NodeAddress { addr: ([127, 0, 0, 1], 9).into(), server_name: "localhost".into() };
    let nodes = vec![gone.clone(), up.address.clone()];
    let client = Client::connect(pki.config(nodes)).await.expect("one of two answers");
    let status = client.status().await;
    assert_eq!((&status[0].0, &status[1].0), (&gone, &up.address));
    assert!(matches!(&status[0].1, Err(Error::Unreachable { node, .. }) if *node == gone.to_string()));
    let node = status[1].1.as_ref().expect("a status");
    assert_eq!((node.zone.as_str(), node.version.as_str()), ("a", "test"));
    let health = client.health();
    assert_eq!((health[0].up, health[1].up), (false, true));
    assert!(health[1].rtt > Duration::ZERO && health[0].attempts >= 1);
    assert!(format!("{client:?}").contains(&up.address.addr.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_waits_for_what_is_in_flight_and_ends_the_rest() {
    let (_pki, _server, client) = one_node(|_, _| Act::Late(Duration::from_millis(200))).await;
    let (asking, other) = (client.clone(), client.clone());
    let asked = tokio::spawn(async move { common::ask(&asking).await });
    common::until(|| client.health()[0].in_flight == 1).await;
    client.close().await;
    assert_eq!(asked.await.expect("no panic").expect("finished before the close").items(), 3);
    assert!(matches!(common::ask(&other).await, Err(Error::Usage(why)) if why.contains("closed")));
}

#[test]
fn programs_without_async_get_the_same() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
    let pki = Pki::new();
    let server = runtime.block_on(Server::start(&pki, honest()));
    let config = ClientConfig { in_flight: 2, ..pki.config(vec![server.address.clone()]) };
    let client = assay_client::blocking::Client::connect(config).expect("a connection");
    let none = Parameters::default();
    let columns = digests(0, 4);
    let values = truth(&columns, &none).values;
    assert_eq!(client.request(&columns, &none, Options::default()).expect("an answer").values, values);
    let answer = client.stream(vec![digests(0, 2), digests(2, 2)], &none, Options::default(), |_| {});
    assert_eq!(answer.expect("an answer").values, values);
    assert_eq!(client.verifier(Options::default()).answer(&columns, &none).expect("an answer").values, values);
    assert!(client.status()[0].1.is_ok());
    let client = Arc::new(client);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(client.request(&columns, &none, Options::default()).expect("one").items(), 4));
        }
    });
    Arc::into_inner(client).expect("the only one left").close();
}

/// Four votes; the second and the third are one signer's where it is asked so.
fn ballot(stop_early: bool, twice: bool) -> Ballot {
    let operation = Row::Ed25519Zip215.operation();
    let samples = assay_core::samples::samples(operation, &Spec { items: 4, ..Spec::default() });
    let all = assay_core::samples::columns(operation, &samples).remove(0);
    let columns = all.select(if twice { [0, 1, 1, 3] } else { [0, 1, 2, 3] }).expect("four votes");
    let terms = Terms { total: 100, numerator: 2, denominator: 3, at_least: false, stop_early };
    Ballot::new(columns, vec![40, 27, 20, 13], terms).expect("a ballot")
}

#[tokio::test(flavor = "multi_thread")]
async fn votes_are_counted_and_a_tally_that_does_not_add_up_is_no_answer() {
    let reached = |power| Some(Tally { power, outcome: Outcome::Reached });
    let (_pki, _server, client) = one_node(move |n, _| match n {
        3 => Act::Alter(Box::new(move |reply| reply.tally = reached(100))),
        _ => Act::Answer,
    })
    .await;
    let options = Options::new(Priority::Consensus).within(Duration::from_secs(60));
    let parameters = Parameters::default();
    let count = async |ballot: &Ballot| client.quorum(ballot, &parameters, options).await;
    assert_eq!(count(&ballot(false, false)).await.expect("an answer").tally, reached(100));
    let early = count(&ballot(true, false)).await.expect("an answer");
    assert_eq!((early.verdicts, early.tally), (vec![1, 1, 132, 132], reached(67)));
    let twice = count(&ballot(false, true)).await.expect("an answer");
    assert_eq!(twice.tally, Some(Tally { power: 80, outcome: Outcome::DuplicateSigner(2) }));
    assert!(matches!(count(&ballot(false, true)).await, Err(Error::BadReply(_))), "it says that it was reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_keeps_no_tables_says_so() {
    let (_pki, server, client) = one_node(|_, _| Act::Refuse(Status::NotServed, 0)).await;
    let keys = Keys::collect(Row::Ed25519Zip215.operation(), [Ok((0, &[7; 32][..]))]).expect("one key");
    let asked = client.preload(&keys, Options::default()).await;
    assert_eq!(asked.len(), 1);
    assert!(matches!(&asked[0].1, Err(Error::Refused { status: Status::NotServed, .. })), "{:?}", asked[0].1);
    assert_eq!(server.requests(), 1);
}
