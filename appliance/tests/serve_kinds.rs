//! The whole way for every kind: bytes over QUIC in, and the answers are those of the engine asked in process.

mod peer;

use assay_core::samples::{Sample, Spec};
use assay_core::{Bundle, Order};
use assay_scheme::quorum::{Outcome, Tally, Terms};
use assay_scheme::{Ballot, Kind, Operation, Output, Parameters, Priority, Row};
use assay_wire::codec::{Body, decode_request, encode_quorum_head};
use assay_wire::{NodeStatus, Status};
use peer::*;

fn vectors() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/wire")
}

/// Every golden request frame, answered over QUIC and by the engine alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_golden_request_gets_the_engines_own_answer() {
    let served = Served::start(&["golden"], "").await;
    let connection = served.connect("golden").await;
    let mut kinds = Vec::new();
    let mut files: Vec<_> =
        std::fs::read_dir(vectors()).expect("vectors").map(|file| file.expect("a file").path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.starts_with("request-") || name == "request-status.bin" {
            continue;
        }
        let bytes = std::fs::read(&path).expect("a frame");
        let request = decode_request(&bytes).expect("a golden frame");
        let reply = exchange(&connection, &bytes).await;
        assert_eq!(reply.echo(), request.frame.echo(), "{name}");
        let (columns, ballot) = match request.body {
            Body::Items(columns) => (columns, None),
            Body::Votes(ballot) => (ballot.asked().expect("votes"), Some(ballot)),
            Body::Keys(_) | Body::Nothing => {
                // The reference backend keeps no tables.
                assert_eq!(status(&reply), Status::NotServed, "{name}");
                continue;
            }
        };
        assert_eq!(status(&reply), Status::Ok, "{name}: {}", reply.message);
        let items = columns.items();
        let bundle = Bundle::new(request.parameters, vec![columns]).expect("parameters fit");
        let order = Order { priority: Priority::Bulk, deadline: None };
        let mut alone = served.node.engine().run(bundle, order).results;
        assert_eq!(reply.tally, ballot.as_ref().map(|ballot| ballot.tally(&alone.verdicts)), "{name}");
        if let Some(ballot) = ballot {
            alone.verdicts = ballot.all_verdicts(alone.verdicts);
        }
        assert_eq!((reply.value_width, &reply.verdicts), (alone.width, &alone.verdicts), "{name}");
        assert_eq!(reply.values, alone.values, "{name}");
        assert_eq!(reply.backends.iter().sum::<u32>() as usize, items, "{name}");
        kinds.push(request.frame.kind);
    }
    for kind in [Kind::Verify, Kind::Recover, Kind::Digest, Kind::Merkle, Kind::Pow, Kind::Quorum] {
        assert!(kinds.contains(&kind), "no golden frame of {}", kind.name());
    }
    served.node.drain().await;
}

/// RFC 8032, section 7.1, test 2; the same with its last bit turned; and a message that was not signed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signatures_are_told_apart_in_their_order() {
    let served = Served::start(&["signer"], "").await;
    let connection = served.connect("signer").await;
    let key = hex::decode("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c").expect("hex");
    let signature = hex::decode(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    )
    .expect("hex");
    let mut spoiled = signature.clone();
    spoiled[40] ^= 1;
    let mut builder = assay_scheme::ColumnsBuilder::new(Row::Ed25519Zip215.operation());
    builder.push(0, &key, &signature, &[0x72]);
    builder.push(0, &key, &spoiled, &[0x72]);
    builder.push(0, &key, &signature, &[0x73]);
    builder.refuse(assay_scheme::Reason::Key);
    builder.push(0, &key, &signature, &[0x72]);
    let columns = builder.build().expect("five items");
    let reply = exchange(&connection, &frame(&columns, &Parameters::default(), Priority::Consensus, 0)).await;
    assert_eq!(status(&reply), Status::Ok);
    assert_eq!(reply.verdicts, [1, 2, 2, 3, 1]);
    served
        .metric_reaches(
            "assay_reply_items_total{tenant=\"signer\",operation=\"ed25519-zip215\",verdict=\"invalid\"}",
            3.0,
        )
        .await;
    served.node.drain().await;
}

/// Votes of real keys: reached, not enough, one that is spoilt, one that votes twice, and one that stops early.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn votes_are_counted_and_the_culprit_is_named() {
    let served = Served::start(&["voter"], "").await;
    let connection = served.connect("voter").await;
    let operation = Row::EcdsaP256.operation();
    let spec = Spec { items: 4, ..Spec::default() };
    let mut samples = assay_core::samples::samples(operation, &spec);
    let ask = async |samples: &[Sample], powers: &[u64], stop_early| {
        let votes = assay_core::samples::columns(operation, samples).remove(0);
        let terms = Terms { total: 100, numerator: 2, denominator: 3, at_least: false, stop_early };
        let ballot = Ballot::new(votes, powers.to_vec(), terms).expect("a ballot");
        let head = encode_quorum_head(&ballot, &Parameters::default(), Priority::Consensus, 0, [7; 16]);
        let reply = exchange(&connection, &[head.expect("fits"), ballot.votes().body().to_vec()].concat()).await;
        assert_eq!(status(&reply), Status::Ok, "{}", reply.message);
        (reply.verdicts, reply.tally.expect("a tally"))
    };
    let tally = |power, outcome| Tally { power, outcome };
    let powers = [40, 27, 20, 13];
    assert_eq!(ask(&samples, &powers, false).await, (vec![1; 4], tally(100, Outcome::Reached)));
    assert_eq!(ask(&samples, &powers, true).await, (vec![1, 1, 132, 132], tally(67, Outcome::Reached)));
    assert_eq!(ask(&samples[..2], &[40, 26], false).await, (vec![1; 2], tally(66, Outcome::NotEnough)));
    let twice = [&samples[..3], &samples[1..2]].concat();
    assert_eq!(ask(&twice, &powers, false).await, (vec![1; 4], tally(87, Outcome::DuplicateSigner(3))));
    samples[1].spoil(operation);
    assert_eq!(ask(&samples, &powers, false).await, (vec![1, 2, 1, 1], tally(73, Outcome::InvalidVote(1))));
    served.metric_reaches("assay_reply_ballots_total{outcome=\"duplicate-signer\"}", 1.0).await;
    served.node.drain().await;
}

/// Largest requests: the most items, the most bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_requests_are_served() {
    let served = Served::start(&["large"], "").await;
    let connection = served.connect("large").await;
    let reply = exchange(&connection, &digests(65_536, 32, Priority::Bulk)).await;
    assert_eq!((status(&reply), reply.verdicts.len(), reply.values.len()), (Status::Ok, 65_536, 65_536 * 32));
    assert!(reply.verdicts.iter().all(|verdict| *verdict == 1));
    let columns = messages(Row::Blake3, 16, (1 << 20) - 8);
    let request = frame(&columns, &Parameters::default(), Priority::Bulk, 0);
    let reply = exchange(&connection, &request).await;
    assert_eq!((status(&reply), reply.verdicts.len()), (Status::Ok, 16));
    served.node.drain().await;
}

/// Recovered addresses come at their own width.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_come_at_the_width_that_was_asked_for() {
    let served = Served::start(&["width"], "").await;
    let connection = served.connect("width").await;
    for (output, width) in [(Output::Default, 64), (Output::Address, 20)] {
        let mut builder = assay_scheme::ColumnsBuilder::new(Row::RecoverSecp256k1.operation());
        builder.push(0, &[], &[1; 65], &[2; 32]);
        let columns = builder.build().expect("one item");
        let parameters = Parameters { output, ..Parameters::default() };
        let reply = exchange(&connection, &frame(&columns, &parameters, Priority::Mempool, 0)).await;
        assert_eq!((status(&reply), reply.value_width), (Status::Ok, width));
    }
    served.node.drain().await;
}

/// The status operation, over QUIC and as the node tells it in process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_says_what_it_offers() {
    let served = Served::start(&["asker"], "[node]\nzone = \"hall-7\"").await;
    let connection = served.connect("asker").await;
    let reply = exchange(&connection, &status_request()).await;
    assert_eq!((status(&reply), reply.nonce), (Status::Ok, [9; 16]));
    let node = NodeStatus::from_json(&reply.node).expect("a status document");
    assert_eq!((node.state.as_str(), node.zone.as_str()), ("ready", "hall-7"));
    let kinds: Vec<_> = Kind::ALL.iter().filter(|kind| **kind != Kind::Preload).map(|kind| kind.name()).collect();
    assert_eq!(node.kinds, kinds, "the reference backend keeps no tables");
    assert_eq!(node.operations.len(), assay_scheme::registry::OPERATIONS.len());
    assert!(Operation::from_name(&node.operations[0]).is_some());
    assert!(node.backends.iter().any(|backend| backend.name == "reference" && backend.serving));
    assert_eq!(node.queues.len(), Priority::ALL.len());
    served.node.drain().await;
}
