//! What a load run sends: streams of requests, from `--stream` and the flags that fill in what it leaves out.

use std::time::Duration;

use assay_core::samples::{self, Spec};
use assay_core::{Bundle, Engine, Order, Results};
use assay_scheme::{Columns, Kind, Operation, Parameters, Priority};

use crate::cli::error::CliError;

/// Requests made beforehand for each operation of a stream, so that a node meets other items than a moment ago; fewer
/// where batches are large.
const REQUESTS_MAX: usize = 8;
/// Items made beforehand for each operation of a stream, as far as they are not one batch.
const ITEMS_WANTED: usize = 32_768;

/// Things with weights: in the long run each is drawn in its share.
#[derive(Clone, Debug)]
pub struct Mix<T>(Vec<(T, f64)>);

impl<T: Copy> Mix<T> {
    /// Reads `a`, or `a=80,b=20` with these two separators; weights need not sum to anything.
    ///
    /// # Errors
    /// A name that `find` does not know, or a weight that is not a number above 0.
    pub fn parse(text: &str, between: char, before: char, find: impl Fn(&str) -> Option<T>) -> Result<Self, String> {
        let entries = text.split(between).map(|entry| {
            let (name, weight) = entry.split_once(before).unwrap_or((entry, "1"));
            let thing = find(name.trim()).ok_or_else(|| format!("{:?} is not known", name.trim()))?;
            let weight = weight.trim().parse::<f64>().ok().filter(|weight| weight.is_finite() && *weight > 0.0);
            let weight = weight.ok_or_else(|| format!("the weight of {} is not a number above 0", name.trim()))?;
            Ok((thing, weight))
        });
        entries.collect::<Result<_, String>>().map(Self)
    }

    /// The things, each once.
    pub fn things(&self) -> impl Iterator<Item = T> {
        self.0.iter().map(|(thing, _)| *thing)
    }

    /// The place of the thing that `share` (0 up to 1) falls on.
    #[must_use]
    pub fn draw(&self, share: f64) -> usize {
        let total: f64 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut left = share * total;
        for (place, (_, weight)) in self.0.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return place;
            }
        }
        self.0.len() - 1
    }

    /// The thing at a place.
    #[must_use]
    pub fn at(&self, place: usize) -> T {
        self.0[place].0
    }
}

/// Numbers without end from a seed (SplitMix64): choices must be cheap and repeatable, nothing more.
pub struct Random(pub u64);

impl Random {
    /// The next share, 0 up to 1.
    pub fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// One stream of requests.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name in the report.
    pub name: String,
    /// What is asked, and how often each.
    pub schemes: Mix<&'static Operation>,
    /// How urgently, and how often each.
    pub priorities: Mix<Priority>,
    /// Items of a request.
    pub batch: usize,
    /// Requests a second, sent at their times whatever the answers do (open loop); `None` sends the next when one is
    /// answered (closed loop).
    pub rate: Option<f64>,
    /// Connections.
    pub connections: usize,
    /// Requests in flight on each connection, in a closed loop.
    pub in_flight: usize,
    /// Share of items that must come out invalid.
    pub bad_share: f64,
    /// How long an answer is of use.
    pub deadline: Option<Duration>,
    /// Bytes of each message, where the row does not sign a digest.
    pub message_bytes: usize,
    /// Keys of an aggregate, or leaves of a tree.
    pub group: usize,
}

/// The operation of a name, where it is one that takes items.
pub fn find_operation(name: &str) -> Option<&'static Operation> {
    let computed =
        |operation: &&Operation| matches!(operation.kind, Kind::Verify | Kind::Recover | Kind::Digest | Kind::Merkle);
    Operation::from_name(name).filter(computed)
}

impl Plan {
    /// Reads `key=value,key=value`; what it does not name is as in `defaults`.
    ///
    /// # Errors
    /// The key or value that is not understood.
    pub fn parse(text: &str, defaults: &Self) -> Result<Self, String> {
        let mut plan = defaults.clone();
        for entry in text.split(',') {
            let (key, value) = entry.split_once('=').ok_or_else(|| format!("{entry:?} is not key=value"))?;
            plan.set(key.trim(), value.trim()).map_err(|why| format!("{}: {why}", key.trim()))?;
        }
        plan.check()?;
        Ok(plan)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
            value.parse().map_err(|_| format!("{value:?} is not a number for it"))
        }
        match key {
            "name" => self.name = value.chars().filter(|c| !c.is_control()).collect(),
            "scheme" => self.schemes = Mix::parse(value, '+', ':', find_operation)?,
            "priority" => self.priorities = Mix::parse(value, '+', ':', Priority::from_name)?,
            "batch" => self.batch = number(value)?,
            "rate" => self.rate = Some(number(value)?),
            "connections" => self.connections = number(value)?,
            "in-flight" => self.in_flight = number(value)?,
            "bad-share" => self.bad_share = number(value)?,
            "deadline-ms" => self.deadline = Some(Duration::from_millis(number(value)?)),
            "message-bytes" => self.message_bytes = number(value)?,
            "group" => self.group = number(value)?,
            _ => {
                return Err(
                    "unknown; known are name, scheme, priority, batch, rate, connections, in-flight, bad-share, \
                            deadline-ms, message-bytes and group"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }

    /// Whether every number lies in its range.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), String> {
        let ranges = [
            ("batch", self.batch as f64, 1.0, 65_536.0),
            ("rate", self.rate.unwrap_or(1.0), 0.001, 1e6),
            ("connections", self.connections as f64, 1.0, 1_024.0),
            ("in-flight", self.in_flight as f64, 1.0, 256.0),
            ("bad-share", self.bad_share, 0.0, 1.0),
            ("message-bytes", self.message_bytes as f64, 0.0, 1_048_576.0),
            ("group", self.group as f64, 1.0, 65_536.0),
            ("deadline-ms", self.deadline.map_or(1.0, |deadline| deadline.as_millis() as f64), 1.0, 3_600_000.0),
        ];
        for (name, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(format!("{name} is {value}; it lies between {least} and {most}"));
            }
        }
        Ok(())
    }

    /// What the stream sends, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let schemes: Vec<_> = self.schemes.things().map(|operation| operation.name).collect();
        let priorities: Vec<_> = self.priorities.things().map(Priority::name).collect();
        let how = match self.rate {
            Some(rate) => format!("open loop, {rate} requests/s"),
            None => format!("closed loop, {} in flight a connection", self.in_flight),
        };
        format!(
            "{} items of {}, {}, {how}, {} connection{}",
            self.batch,
            schemes.join(" and "),
            priorities.join(" and "),
            self.connections,
            if self.connections == 1 { "" } else { "s" }
        )
    }
}

/// A request made beforehand, and the answer it must get.
pub struct Prepared {
    /// Its columns.
    pub columns: Columns,
    /// Its parameters.
    pub parameters: Parameters,
    /// The answer, computed in this process and checked against how the items were made.
    pub expected: Results,
}

/// The requests of each of a stream's operations, in the order of [`Mix::things`].
///
/// # Errors
/// When a batch does not fit a request, or this process's own engine does not give the answers the items were made for.
pub fn prepare(plan: &Plan, engine: &Engine) -> Result<Vec<Vec<Prepared>>, CliError> {
    plan.schemes.things().map(|operation| prepare_operation(plan, operation, engine)).collect()
}

fn prepare_operation(plan: &Plan, operation: &'static Operation, engine: &Engine) -> Result<Vec<Prepared>, CliError> {
    let requests = (ITEMS_WANTED / plan.batch).clamp(1, REQUESTS_MAX);
    let spec = Spec {
        items: plan.batch * requests,
        message_bytes: plan.message_bytes,
        group: plan.group,
        spoil_every: if plan.bad_share > 0.0 { (1.0 / plan.bad_share).round() as usize } else { 0 },
        ..Spec::default()
    };
    let samples = samples::samples(operation, &spec);
    let parameters = samples::parameters(operation);
    let bulk = Order { priority: Priority::Bulk, deadline: None };
    let prepare = |samples: &[samples::Sample]| {
        let columns = samples::columns(operation, samples);
        let [columns] = columns.as_slice() else {
            let what = format!("{} items of {} do not fit one request", plan.batch, operation.name);
            return Err(CliError::usage(what, "give a smaller batch or shorter messages"));
        };
        let bundle = Bundle::new(parameters.clone(), vec![columns.clone()])
            .expect("a row's sample parameters fit it, as a test holds");
        let expected = engine.run(bundle, bulk).results;
        if let Some(item) = (0..samples.len()).find(|item| !samples[*item].agrees(expected.verdict(*item))) {
            let verdict = expected.verdict(item);
            return Err(CliError::OwnAnswer { operation: operation.name, verdict: verdict.to_string() });
        }
        Ok(Prepared { columns: columns.clone(), parameters: parameters.clone(), expected })
    };
    samples.chunks(plan.batch).map(prepare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_scheme::Row;

    fn plan() -> Plan {
        Plan {
            name: "load".to_owned(),
            schemes: Mix(vec![(Row::Ed25519Zip215.operation(), 1.0)]),
            priorities: Mix(vec![(Priority::Bulk, 1.0)]),
            batch: 1_024,
            rate: None,
            connections: 1,
            in_flight: 4,
            bad_share: 0.0,
            deadline: None,
            message_bytes: 32,
            group: 8,
        }
    }

    #[test]
    fn a_stream_changes_what_it_names() {
        let text = "name=votes,priority=consensus,scheme=ed25519-zip215:3+ecdsa-secp256k1:1,batch=150,rate=12.5";
        let stream = Plan::parse(text, &plan()).expect("a stream");
        assert_eq!((stream.name.as_str(), stream.batch, stream.rate), ("votes", 150, Some(12.5)));
        assert_eq!(stream.priorities.at(0), Priority::Consensus);
        assert_eq!(stream.schemes.things().map(|operation| operation.row).last(), Some(Row::EcdsaSecp256k1));
        assert_eq!((stream.connections, stream.in_flight), (1, 4));
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, words) in [
            ("batch", "not key=value"),
            ("bach=1", "bach: unknown; known are name"),
            ("batch=many", "batch: \"many\" is not a number"),
            ("batch=0", "batch is 0"),
            ("batch=70000", "batch is 70000"),
            ("rate=0", "rate is 0"),
            ("rate=nan", "rate is NaN"),
            ("scheme=ed25519", "\"ed25519\" is not known"),
            ("scheme=sha256:0", "weight of sha256"),
            ("priority=high", "\"high\" is not known"),
            ("bad-share=2", "bad-share is 2"),
        ] {
            let why = Plan::parse(text, &plan()).expect_err(text);
            assert!(why.contains(words), "{text}: {why}");
        }
    }

    #[test]
    fn a_mix_is_drawn_in_its_shares() {
        let mix = Mix::parse("bulk=80,block=20", ',', '=', Priority::from_name).expect("a mix");
        let mut random = Random(7);
        let drawn = (0..10_000).filter(|_| mix.at(mix.draw(random.share())) == Priority::Block).count();
        assert!((1_800..2_200).contains(&drawn), "{drawn}");
        assert_eq!((mix.draw(0.0), mix.draw(0.79), mix.draw(0.81), mix.draw(1.0)), (0, 0, 1, 1));
    }

    #[test]
    fn sample_parameters_fit_every_row() {
        for row in Row::ALL {
            assert_eq!(samples::parameters(row.operation()).check(row.operation()), Ok(()), "{}", row.name());
        }
    }
}
