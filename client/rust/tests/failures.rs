//! What a client makes of nodes that refuse, hang, lie or break off: each has its documented outcome, and none is ever an
//! invalid item.

mod common;

use std::time::{Duration, Instant};

use assay_client::{Client, ClientConfig, Error, Options};
use assay_scheme::{Cause, Parameters, Priority, Verdict};
use assay_wire::Status;
use assay_wire::codec::Reply;
use assay_wire::status::{CloseCode, Retry};
use common::{Act, Pki, Server, ask, digests, met, one_node, script, truth, two_nodes};

fn within(ms: u64) -> Options {
    Options::new(Priority::Block).within(Duration::from_millis(ms))
}

fn alter(change: impl FnOnce(&mut Reply) + Send + 'static) -> Act {
    Act::Alter(Box::new(change))
}

fn bytes(change: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static) -> Act {
    Act::Bytes(Box::new(change))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_never_replies_costs_the_deadline_and_no_more() {
    let (_pki, server, client) = one_node(|_, _| Act::Hang).await;
    let outcome = client.request(&digests(0, 3), &Parameters::default(), within(100)).await;
    assert_eq!(outcome, Err(Error::DeadlineExceeded));
    assert_eq!(server.requests(), 1);
    assert_eq!(client.health()[0].in_flight, 0, "what is given up is not counted any more");
    assert!(client.health()[0].service >= Duration::from_millis(90), "and is remembered as slow");
}

/// Every reply that is not one to the request: told as such, after one try, and another node's answer is taken instead.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_reply_is_told_and_another_node_asked() {
    type Lie = fn() -> Act;
    let lies: [(&str, Lie); 12] = [
        ("garbage", || bytes(|_| vec![0x5a; 200])),
        ("a short word", || bytes(|_| b"hello".to_vec())),
        ("nothing", || bytes(|_| Vec::new())),
        ("the end is missing", || bytes(|good| good[..good.len() - 1].to_vec())),
        ("goes on after its end", || bytes(|good| [&good[..], &[0; 8]].concat())),
        ("another nonce", || alter(|reply| reply.nonce[7] ^= 1)),
        ("another row", || alter(|reply| reply.row ^= 1)),
        ("another kind", || alter(|reply| reply.kind ^= 1)),
        ("an item too many", || {
            alter(|reply| {
                reply.verdicts.push(1);
                reply.values.extend_from_slice(&[0; 32]);
            })
        }),
        ("an item too few", || {
            alter(|reply| {
                reply.verdicts.pop();
                reply.values.truncate(64);
            })
        }),
        ("values of another width", || {
            alter(|reply| {
                reply.value_width = 20;
                reply.values.truncate(60);
            })
        }),
        ("no items under ok", || {
            alter(|reply| (reply.verdicts, reply.values, reply.value_width) = (Vec::new(), Vec::new(), 0))
        }),
    ];
    for (name, lie) in lies {
        let (_pki, server, client) = one_node(move |_, _| lie()).await;
        let outcome = ask(&client).await;
        assert!(matches!(&outcome, Err(Error::BadReply(_))), "{name}: {outcome:?}");
        assert_eq!(server.requests(), 1, "{name}: the same node is not believed a second time");
        assert_eq!(client.health()[0].failures, 1, "{name}");

        let (_pki, servers, client) = two_nodes(lie, |_| {}).await;
        let answer = ask(&client).await.expect(name);
        assert_eq!(answer.values, truth(&digests(0, 3), &Parameters::default()).values, "{name}");
        assert_eq!(met(&servers), [1, 1], "{name}");
    }
}

/// The header is held against the request before a byte behind it is waited for, let alone room made for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_larger_than_its_request_is_refused_by_its_header() {
    type Claim = fn(Vec<u8>) -> Vec<u8>;
    let claims: [(&str, Claim); 3] = [
        ("65,536 items", |mut header| {
            header[16..20].copy_from_slice(&65_536_u32.to_le_bytes());
            header[32..40].copy_from_slice(&(65_536_u64 * 33).to_le_bytes());
            header
        }),
        ("an endless body", |mut header| {
            header[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
            header
        }),
        ("a trailer of 4 GiB", |mut header| {
            header[56..60].copy_from_slice(&0xffff_fff8_u32.to_le_bytes());
            header
        }),
    ];
    for (name, claim) in claims {
        let (_pki, _server, client) =
            one_node(move |_, _| Act::Stall(Box::new(move |good| claim(good[..64].to_vec())))).await;
        // Without a deadline: were the body awaited, this would never end.
        let outcome = ask(&client).await;
        assert!(matches!(&outcome, Err(Error::BadReply(_))), "{name}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_byte_of_a_reply_may_be_wrong() {
    let good_len = 64 + 8 + 96 + 8;
    let (_pki, server, client) = one_node(move |n, _| {
        bytes(move |mut good| {
            assert_eq!(good.len(), good_len);
            good[n % good_len] ^= 1 << (n % 8);
            good
        })
    })
    .await;
    let config = ClientConfig { tries_max: 1, ..client.config().clone() };
    let client = Client::connect(config).await.expect("a connection");
    let mut answered = 0;
    for at in 0..good_len {
        match ask(&client).await {
            Ok(answer) => {
                assert_eq!(answer.items(), 3, "byte {at}");
                answered += 1;
            }
            Err(Error::BadReply(_) | Error::Refused { .. } | Error::DeadlineExceeded) => {}
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    assert_eq!(server.requests(), good_len);
    // Values (96), hints and times (12), the trailer (8) and what a verdict may be changed into are the node's to say.
    assert!((96..=96 + 12 + 8 + 3).contains(&answered), "{answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_node_is_asked_again_until_it_answers() {
    for status in [Status::Busy, Status::QuotaRate, Status::QuotaConcurrency, Status::QuotaBytes] {
        let (_pki, server, client) =
            one_node(move |n, _| if n < 3 { Act::Refuse(status, 2_000) } else { Act::Answer }).await;
        assert_eq!(ask(&client).await.expect("the fourth try").items(), 3);
        assert_eq!(server.requests(), 4, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_are_counted_and_the_last_refusal_is_told() {
    let pki = Pki::new();
    let server = Server::start(&pki, script(|_, _| Act::Refuse(Status::QuotaRate, 1_500))).await;
    let config = ClientConfig { tries_max: 3, ..pki.config(vec![server.address.clone()]) };
    let client = Client::connect(config).await.expect("a connection");
    match ask(&client).await {
        Err(Error::Refused { status: Status::QuotaRate, retry_after, message }) => {
            assert_eq!(retry_after, Duration::from_micros(1_500));
            assert!(!message.is_empty(), "a refusal without words gets the status's own");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(server.requests(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_beyond_the_deadline_is_told_at_once() {
    let (_pki, server, client) = one_node(|_, _| Act::Refuse(Status::Busy, 9_000_000)).await;
    let before = Instant::now();
    let outcome = client.request(&digests(0, 3), &Parameters::default(), within(5_000)).await;
    assert!(matches!(outcome, Err(Error::Refused { status: Status::Busy, .. })), "{outcome:?}");
    assert!(before.elapsed() < Duration::from_secs(5), "nobody waits for what cannot come in time");
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_node_sends_the_request_to_another_at_once() {
    let (_pki, servers, client) = two_nodes(|| Act::Refuse(Status::Busy, 9_000_000), |_| {}).await;
    assert_eq!(ask(&client).await.expect("the other node").items(), 3);
    assert_eq!(met(&servers), [1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_that_no_node_would_change_are_not_sent_again() {
    let final_ones = Status::ALL.iter().copied().filter(|status| status.retry() == Retry::Never && status.code() != 0);
    for status in final_ones {
        let (_pki, servers, client) = two_nodes(move || Act::Refuse(status, 0), |_| {}).await;
        match ask(&client).await {
            Err(Error::Refused { status: told, .. }) => assert_eq!(told, status),
            Err(Error::DeadlineExceeded) => assert_eq!(status, Status::DeadlineExceeded),
            other => panic!("{status}: {other:?}"),
        }
        assert_eq!(met(&servers), [0, 1], "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_broken_and_incapable_nodes_are_left_for_another() {
    for status in [Status::Draining, Status::NotEvaluated, Status::NotServed] {
        let (_pki, servers, client) = two_nodes(move || Act::Refuse(status, 0), |_| {}).await;
        assert_eq!(ask(&client).await.expect("the other node").items(), 3, "{status}");
        assert_eq!(met(&servers), [1, 1], "{status}");
        if status == Status::Draining {
            ask(&client).await.expect("the other node again");
            assert_eq!(met(&servers), [1, 2], "a draining node gets no further request");
            assert_eq!(client.health().iter().filter(|node| node.up).count(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_node_alone_is_told() {
    let (_pki, server, client) = one_node(|_, _| Act::Refuse(Status::NotEvaluated, 0)).await;
    let outcome = ask(&client).await;
    assert!(matches!(outcome, Err(Error::Refused { status: Status::NotEvaluated, .. })), "{outcome:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_of_a_newer_node_is_told_by_its_number() {
    let (_pki, _server, client) = one_node(|_, _| {
        alter(|reply| {
            *reply = Reply { status: 299, nonce: reply.nonce, kind: reply.kind, row: reply.row, ..Reply::default() }
        })
    })
    .await;
    assert!(matches!(ask(&client).await, Err(Error::BadReply(why)) if why.contains("299")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_or_stream_that_breaks_is_rebuilt_and_the_request_sent_again() {
    type Break = fn() -> Act;
    let breaks: [Break; 4] =
        [|| Act::Close(CloseCode::Internal), || Act::Close(CloseCode::Draining), || Act::Half, || Act::Reset];
    for (at, broken) in breaks.into_iter().enumerate() {
        let (_pki, server, client) = one_node(move |n, _| if n == 0 { broken() } else { Act::Answer }).await;
        let answer = ask(&client).await.expect("the second try");
        assert_eq!(answer.values, truth(&digests(0, 3), &Parameters::default()).values, "{at}");
        assert_eq!(server.requests(), 2, "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_without_a_verdict_stay_without_one() {
    let (_pki, server, client) = one_node(|_, _| {
        alter(|reply| {
            reply.verdicts.copy_from_slice(&[77, 130, 250]);
            reply.values.fill(0);
        })
    })
    .await;
    let answer = ask(&client).await.expect("an answer");
    let verdicts: Vec<_> = answer.iter().collect();
    // 77 is no verdict, and 250 a cause that only a newer node knows: they say nothing about their items.
    assert_eq!(verdicts, [Verdict::NotEvaluated(Cause::BackendFault); 3]);
    assert_eq!(answer.not_evaluated().collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_node_does_not_keep_a_second_from_answering() {
    let (_pki, servers, client) = two_nodes(|| Act::Hang, |config| config.second_node_after = 0.01).await;
    let options = Options::new(Priority::Consensus).within(Duration::from_secs(60));
    let answer = client.request(&digests(0, 3), &Parameters::default(), options).await;
    assert_eq!(answer.expect("the second node").items(), 3);
    assert_eq!(met(&servers), [1, 1]);
    let later = client.request(&digests(0, 3), &Parameters::default(), options).await;
    assert_eq!(later.expect("it is asked first now").items(), 3);
    assert_eq!(met(&servers), [1, 2], "the slow node is remembered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_is_not_asked_where_that_is_switched_off() {
    let (_pki, servers, client) = two_nodes(|| Act::Hang, |config| config.second_node_after = 1.0).await;
    let outcome = client.request(&digests(0, 3), &Parameters::default(), within(200)).await;
    assert_eq!(outcome, Err(Error::DeadlineExceeded));
    assert_eq!(met(&servers), [0, 1]);
}
