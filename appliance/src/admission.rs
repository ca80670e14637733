//! A request's header to an [`Admitted`], or to a [`Refusal`] at once: rate, concurrency, bytes and queue room, decided
//! before a byte of the body is buffered.
//!
//! [`Ledger`] is pure: it holds the accounts and is told the time. [`Admission`] is the ledger behind a lock with the
//! node's clock, and the only maker of [`Admitted`], whose drop gives everything back. Knows no socket and no engine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assay_core::engine::Clock;
use assay_scheme::Priority;
use assay_wire::Status;

use crate::limits::{RATE_WINDOW, RETRY_AFTER_MAX, RETRY_AFTER_MIN};

const PRIORITIES: usize = Priority::ALL.len();

/// What one tenant may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantLimits {
    /// Items a second on average; `None` for as many as the queues take.
    pub items_per_second: Option<u64>,
    /// Items a tenant that was quiet may send at once; under a rate, a request of more is never admitted.
    pub burst_items: u64,
    /// Requests admitted and not yet answered.
    pub requests_in_flight: u64,
    /// Bytes of their frames and replies.
    pub bytes_in_flight: u64,
    /// Which priorities the tenant may ask for, by [`Priority`].
    pub priorities: [bool; PRIORITIES],
}

/// What the node takes. Replaced as a whole on reload; the accounts stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Items waiting or being computed, by [`Priority`].
    pub queue_items: [u64; PRIORITIES],
    /// Bytes of all tenants' frames and replies in flight.
    pub bytes_in_flight: u64,
    /// The tenants there are.
    pub tenants: HashMap<String, TenantLimits>,
}

/// What a header asks room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// How urgent.
    pub priority: Priority,
    /// Items; 0 for the status operation.
    pub items: u64,
    /// Bytes of the frame and of the largest reply it can have.
    pub bytes: u64,
    /// Time from now until the answer is of no use.
    pub deadline: Option<Duration>,
}

/// A request that is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status to answer with.
    pub status: Status,
    /// How long the peer should wait; zero for no hint.
    pub retry_after: Duration,
    /// Words for people.
    pub message: &'static str,
}

/// A tenant of the configuration: a name with its account's place.
#[derive(Clone, Debug)]
pub struct Tenant {
    name: Arc<str>,
    account: usize,
}

impl Tenant {
    /// The name, as the configuration and the certificate give it.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }
}

/// Items a second with a burst: a token bucket.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Duration,
}

impl Bucket {
    /// Takes `items`, at most the burst, or says how long until they are there.
    fn take(&mut self, items: u64, rate: u64, burst: u64, now: Duration) -> Result<(), Duration> {
        let (items, rate, burst) = (items as f64, rate.max(1) as f64, burst as f64);
        let elapsed = now.saturating_sub(self.at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * rate).min(burst);
        self.at = now;
        if self.tokens < items {
            return Err(Duration::from_secs_f64((items - self.tokens) / rate));
        }
        self.tokens -= items;
        Ok(())
    }
}

#[derive(Debug)]
struct Account {
    /// `None` once the configuration no longer names the tenant; the account stays for what is in flight.
    limits: Option<TenantLimits>,
    bucket: Bucket,
    requests: u64,
    bytes: u64,
    queued: [u64; PRIORITIES],
}

/// One priority's queue, as the status shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Items waiting or being computed.
    pub items: u64,
    /// The most it holds.
    pub limit: u64,
}

/// What an admitted request holds until it is given back.
#[derive(Clone, Copy, Debug)]
struct Holding {
    account: usize,
    priority: Priority,
    /// Items in the queue: at most the queue, so that an empty queue takes any one request.
    queued: u64,
    bytes: u64,
}

/// Items answered a second, measured only while something waits: an idle node is not a slow one.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    items_per_second: f64,
    served: u64,
    busy: Duration,
    at: Duration,
}

impl Pace {
    fn advance(&mut self, now: Duration, busy: bool, served: u64) {
        if busy {
            self.busy += now.saturating_sub(self.at);
        }
        self.at = now;
        self.served += served;
        if self.busy >= RATE_WINDOW {
            let measured = self.served as f64 / self.busy.as_secs_f64();
            self.items_per_second =
                if self.items_per_second == 0.0 { measured } else { (self.items_per_second + measured) / 2.0 };
            (self.served, self.busy) = (0, Duration::ZERO);
        }
    }

    /// How long `items` take, within the bounds of a retry hint.
    fn time_for(&self, items: u64) -> Duration {
        if self.items_per_second < 1.0 {
            return RETRY_AFTER_MIN;
        }
        let seconds = items as f64 / self.items_per_second;
        Duration::from_secs_f64(seconds.min(RETRY_AFTER_MAX.as_secs_f64())).clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX)
    }
}

/// The accounts. Pure: time is an argument.
#[derive(Debug)]
struct Ledger {
    limits: Limits,
    accounts: Vec<Account>,
    names: HashMap<Arc<str>, usize>,
    queued: [u64; PRIORITIES],
    requests: u64,
    bytes: u64,
    pace: Pace,
    draining: bool,
}

impl Ledger {
    fn new(limits: Limits, now: Duration) -> Self {
        let mut ledger = Self {
            limits: Limits::default(),
            accounts: Vec::new(),
            names: HashMap::new(),
            queued: [0; PRIORITIES],
            requests: 0,
            bytes: 0,
            pace: Pace { at: now, ..Pace::default() },
            draining: false,
        };
        ledger.reload(limits, now);
        ledger
    }

    /// Takes new limits over; what is in flight and what was spent stay counted.
    fn reload(&mut self, limits: Limits, now: Duration) {
        for account in &mut self.accounts {
            account.limits = None;
        }
        for (name, tenant) in &limits.tenants {
            match self.names.get(name.as_str()) {
                Some(account) => self.accounts[*account].limits = Some(tenant.clone()),
                None => {
                    self.names.insert(Arc::from(name.as_str()), self.accounts.len());
                    self.accounts.push(Account {
                        bucket: Bucket { tokens: tenant.burst_items as f64, at: now },
                        limits: Some(tenant.clone()),
                        requests: 0,
                        bytes: 0,
                        queued: [0; PRIORITIES],
                    });
                }
            }
        }
        self.limits = limits;
    }

    fn enter(&mut self, index: usize, ask: Ask, now: Duration) -> Result<Holding, Refusal> {
        self.pace.advance(now, self.queued.iter().any(|items| *items > 0), 0);
        let refuse = |status, retry_after, message| Err(Refusal { status, retry_after, message });
        // The status operation, which has no items, still says that the node is draining.
        if self.draining && ask.items > 0 {
            return refuse(Status::Draining, Duration::ZERO, "the node is stopping");
        }
        let pace = self.pace;
        let account = &mut self.accounts[index];
        let Some(limits) = &account.limits else {
            return refuse(Status::NotAllowed, Duration::ZERO, "this tenant is no longer served");
        };
        let priority = ask.priority as usize;
        if !limits.priorities[priority] {
            return refuse(Status::NotAllowed, Duration::ZERO, "this tenant may not use this priority");
        }
        if ask.bytes > limits.bytes_in_flight {
            let message = "this request has more bytes than this tenant may ever have in flight";
            return refuse(Status::NotAllowed, Duration::ZERO, message);
        }
        if limits.items_per_second.is_some() && ask.items > limits.burst_items {
            let message = "this request has more items than this tenant may ever send at once";
            return refuse(Status::NotAllowed, Duration::ZERO, message);
        }
        let own = account.queued.iter().sum::<u64>() / account.requests.max(1);
        if account.requests >= limits.requests_in_flight {
            let message = "this tenant has its number of requests in flight";
            return refuse(Status::QuotaConcurrency, pace.time_for(own), message);
        }
        if account.bytes.saturating_add(ask.bytes) > limits.bytes_in_flight {
            let message = "this tenant has its number of bytes in flight";
            return refuse(Status::QuotaBytes, pace.time_for(own), message);
        }
        let room = self.limits.queue_items[priority];
        let queued = ask.items.min(room);
        let free = room.saturating_sub(self.queued[priority]);
        // A tenant may hold as much of a queue as it leaves free: alone a half, two of them a third each. Whoever comes
        // later always finds room, and nobody's share depends on how many might come.
        let wanted = account.queued[priority] + queued;
        if queued > 0 && wanted > free {
            let ahead: u64 = self.queued[..priority].iter().sum();
            return refuse(Status::Busy, pace.time_for(ahead + (wanted - free)), "the queue of this priority is full");
        }
        if self.bytes.saturating_add(ask.bytes) > self.limits.bytes_in_flight {
            return refuse(Status::Busy, pace.time_for(own.max(1)), "the node holds all the bytes it may");
        }
        // Last, because it is the one check that takes something away.
        if let Some(rate) = limits.items_per_second
            && let Err(wait) = account.bucket.take(ask.items, rate, limits.burst_items, now)
        {
            let wait = wait.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX);
            return refuse(Status::QuotaRate, wait, "this tenant's items per second are spent");
        }
        account.requests += 1;
        account.bytes += ask.bytes;
        account.queued[priority] += queued;
        self.requests += 1;
        self.bytes += ask.bytes;
        self.queued[priority] += queued;
        Ok(Holding { account: index, priority: ask.priority, queued, bytes: ask.bytes })
    }

    /// The items were answered: their room in the queue is free, the bytes stay until the reply is out.
    fn leave_queue(&mut self, holding: &mut Holding, now: Duration) {
        let items = std::mem::take(&mut holding.queued);
        self.pace.advance(now, self.queued.iter().any(|items| *items > 0), items);
        self.accounts[holding.account].queued[holding.priority as usize] -= items;
        self.queued[holding.priority as usize] -= items;
    }

    fn leave(&mut self, mut holding: Holding, now: Duration) {
        self.leave_queue(&mut holding, now);
        let account = &mut self.accounts[holding.account];
        account.requests -= 1;
        account.bytes -= holding.bytes;
        self.requests -= 1;
        self.bytes -= holding.bytes;
    }
}

/// The ledger, shared by every connection.
pub struct Admission {
    ledger: Mutex<Ledger>,
    clock: Clock,
}

impl Admission {
    /// Accounts for the tenants of these limits, over the node's clock.
    #[must_use]
    pub fn new(limits: Limits, clock: Clock) -> Arc<Self> {
        let now = clock();
        Arc::new(Self { ledger: Mutex::new(Ledger::new(limits, now)), clock })
    }

    /// The tenant of this name, where the configuration has it.
    #[must_use]
    pub fn tenant(&self, name: &str) -> Option<Tenant> {
        let ledger = self.ledger();
        let (name, account) = ledger.names.get_key_value(name)?;
        ledger.accounts[*account].limits.as_ref()?;
        Some(Tenant { name: Arc::clone(name), account: *account })
    }

    /// Lets a request in, or says at once why not and when to come again.
    ///
    /// # Errors
    /// The first limit met, in the order draining, tenant, priority, concurrency, bytes, queue, rate.
    pub fn admit(self: &Arc<Self>, tenant: &Tenant, ask: Ask) -> Result<Admitted, Refusal> {
        let now = (self.clock)();
        let holding = self.ledger().enter(tenant.account, ask, now)?;
        Ok(Admitted {
            permit: Permit { admission: Arc::clone(self), holding: Some(holding) },
            tenant: tenant.clone(),
            priority: ask.priority,
            items: ask.items,
            deadline: ask.deadline.map(|left| now.saturating_add(left)),
        })
    }

    /// Takes new limits over without losing an account: what is in flight stays counted.
    pub fn reload(&self, limits: Limits) {
        let now = (self.clock)();
        self.ledger().reload(limits, now);
    }

    /// From now on every request for items is answered [`Status::Draining`].
    pub fn drain(&self) {
        self.ledger().draining = true;
    }

    /// Requests admitted and not yet answered.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.ledger().requests
    }

    /// Bytes of frames and replies in flight.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.ledger().bytes
    }

    /// The queues, by [`Priority`].
    #[must_use]
    pub fn queues(&self) -> [QueueDepth; PRIORITIES] {
        let ledger = self.ledger();
        std::array::from_fn(|p| QueueDepth { items: ledger.queued[p], limit: ledger.limits.queue_items[p] })
    }

    /// The numbers stay right if a thread died while it held them: each method changes them without a step that can panic.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Permit {
    admission: Arc<Admission>,
    holding: Option<Holding>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(holding) = self.holding.take() {
            let now = (self.admission.clock)();
            self.admission.ledger().leave(holding, now);
        }
    }
}

/// A request that was let in. Dropping it anywhere returns what it holds.
pub struct Admitted {
    permit: Permit,
    tenant: Tenant,
    priority: Priority,
    items: u64,
    deadline: Option<Duration>,
}

impl Admitted {
    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// How urgent.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Items.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// After when the answer is of no use, by the node's clock.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Frees the room in the queue once the items are answered; the bytes stay held until the reply is out.
    pub fn leave_queue(&mut self) {
        if let Some(holding) = &mut self.permit.holding {
            let now = (self.permit.admission.clock)();
            self.permit.admission.ledger().leave_queue(holding, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use proptest::prelude::*;

    use super::*;

    fn tenant_limits() -> TenantLimits {
        TenantLimits {
            items_per_second: None,
            burst_items: 1,
            requests_in_flight: 1_000,
            bytes_in_flight: 1_000_000,
            priorities: [true; PRIORITIES],
        }
    }

    fn limits(tenants: &[(&str, TenantLimits)]) -> Limits {
        Limits {
            queue_items: [1_000; PRIORITIES],
            bytes_in_flight: 10_000_000,
            tenants: tenants.iter().map(|(name, limits)| ((*name).to_owned(), limits.clone())).collect(),
        }
    }

    struct Node {
        admission: Arc<Admission>,
        now_us: Arc<AtomicU64>,
    }

    impl Node {
        fn new(limits: Limits) -> Self {
            let now_us = Arc::new(AtomicU64::new(0));
            let clock = Arc::clone(&now_us);
            let clock: Clock = Arc::new(move || Duration::from_micros(clock.load(Ordering::Relaxed)));
            Self { admission: Admission::new(limits, clock), now_us }
        }

        fn pass(&self, time: Duration) {
            self.now_us.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
        }

        fn admit(&self, tenant: &str, items: u64) -> Result<Admitted, Refusal> {
            self.ask(tenant, Ask { priority: Priority::Bulk, items, bytes: items, deadline: None })
        }

        fn ask(&self, tenant: &str, ask: Ask) -> Result<Admitted, Refusal> {
            self.admission.admit(&self.admission.tenant(tenant).expect("configured"), ask)
        }
    }

    fn status<T>(outcome: Result<T, Refusal>) -> Status {
        outcome.err().expect("refused").status
    }

    #[test]
    fn each_limit_has_its_status_and_a_drop_returns_everything() {
        let mut few = tenant_limits();
        few.requests_in_flight = 2;
        few.bytes_in_flight = 100;
        few.priorities[Priority::Consensus as usize] = false;
        let node = Node::new(limits(&[("few", few), ("many", tenant_limits())]));
        let urgent = Ask { priority: Priority::Consensus, items: 1, bytes: 1, deadline: None };
        assert_eq!(status(node.ask("few", urgent)), Status::NotAllowed);
        assert_eq!(status(node.admit("few", 101)), Status::NotAllowed, "more bytes than ever");
        let first = node.admit("few", 60).expect("room");
        assert_eq!(status(node.admit("few", 60)), Status::QuotaBytes);
        let second = node.admit("few", 40).expect("room");
        assert_eq!(status(node.admit("few", 0)), Status::QuotaConcurrency);
        assert!(node.admit("many", 400).is_ok(), "another tenant is untouched");
        drop((first, second));
        assert_eq!((node.admission.requests(), node.admission.bytes()), (0, 0));
        assert_eq!(node.admission.queues()[Priority::Bulk as usize], QueueDepth { items: 0, limit: 1_000 });
        node.admission.drain();
        assert_eq!(status(node.admit("many", 1)), Status::Draining);
    }

    #[test]
    fn a_rate_is_kept_on_average_and_the_hint_is_when_to_come_again() {
        let mut rated = tenant_limits();
        rated.items_per_second = Some(1_000);
        rated.burst_items = 100;
        let node = Node::new(limits(&[("rated", rated)]));
        drop(node.admit("rated", 100).expect("the burst"));
        let refusal = node.admit("rated", 10).err().expect("spent");
        assert_eq!((refusal.status, refusal.retry_after), (Status::QuotaRate, Duration::from_millis(10)));
        node.pass(refusal.retry_after);
        drop(node.admit("rated", 10).expect("as the hint said"));
        node.pass(Duration::from_secs(10));
        assert_eq!(status(node.admit("rated", 101)), Status::NotAllowed, "more than the burst, ever");
        drop(node.admit("rated", 100).expect("the burst is whole again, and no more than whole"));
        assert_eq!(status(node.admit("rated", 1)), Status::QuotaRate);
    }

    #[test]
    fn a_tenant_leaves_others_as_much_of_a_queue_as_it_holds() {
        let node = Node::new(limits(&[("greedy", tenant_limits()), ("late", tenant_limits())]));
        let held: Vec<_> = std::iter::from_fn(|| node.admit("greedy", 50).ok()).collect();
        assert_eq!(held.len() * 50, 500, "alone a half");
        let late: Vec<_> = std::iter::from_fn(|| node.admit("late", 50).ok()).collect();
        assert_eq!(late.len() * 50, 250);
        assert_eq!(status(node.admit("late", 50)), Status::Busy);
        drop(held);
        assert!(node.admit("late", 50).is_ok());
    }

    #[test]
    fn an_empty_queue_takes_any_one_request() {
        let node = Node::new(limits(&[("a", tenant_limits())]));
        let large = node.admit("a", 65_536).expect("alone");
        assert_eq!(status(node.admit("a", 1)), Status::Busy);
        drop(large);
        assert_eq!(node.admission.queues()[Priority::Bulk as usize].items, 0);
    }

    #[test]
    fn a_busy_hint_is_the_backlog_at_the_measured_pace() {
        let node = Node::new(limits(&[("a", tenant_limits())]));
        for _ in 0..40 {
            let mut served = node.admit("a", 100).expect("room");
            node.pass(Duration::from_millis(10));
            served.leave_queue();
        }
        let _held = node.admit("a", 500).expect("a half");
        let refusal = node.admit("a", 500).err().expect("full");
        assert_eq!(refusal.status, Status::Busy);
        // 500 + 500 wanted, 500 free: 500 over at 10,000 a second.
        assert_eq!(refusal.retry_after, Duration::from_millis(50));
    }

    #[test]
    fn the_room_in_the_queue_is_free_before_the_reply_is_out() {
        let node = Node::new(limits(&[("a", tenant_limits())]));
        let mut answered = node.admit("a", 500).expect("room");
        answered.leave_queue();
        answered.leave_queue();
        assert_eq!(node.admission.queues()[Priority::Bulk as usize].items, 0);
        assert_eq!((node.admission.requests(), node.admission.bytes()), (1, 500));
        drop(answered);
        assert_eq!((node.admission.requests(), node.admission.bytes()), (0, 0));
    }

    #[test]
    fn a_reload_keeps_what_is_in_flight() {
        let node = Node::new(limits(&[("a", tenant_limits()), ("b", tenant_limits())]));
        let tenant = node.admission.tenant("a").expect("configured");
        let held = node.admit("b", 10).expect("room");
        let mut fewer = tenant_limits();
        fewer.requests_in_flight = 1;
        node.admission.reload(limits(&[("b", fewer)]));
        assert!(node.admission.tenant("a").is_none());
        let ask = Ask { priority: Priority::Bulk, items: 1, bytes: 1, deadline: None };
        assert_eq!(status(node.admission.admit(&tenant, ask)), Status::NotAllowed);
        assert_eq!(status(node.admit("b", 1)), Status::QuotaConcurrency, "the one in flight counts");
        drop(held);
        assert!(node.admit("b", 1).is_ok());
    }

    proptest! {
        #[test]
        fn limits_hold_at_every_step_and_nothing_is_lost(
            steps in proptest::collection::vec((0_usize..3, 0_usize..4, 0_u64..700, any::<bool>()), 1..200)
        ) {
            let names = ["a", "b", "c"];
            let mut small = tenant_limits();
            small.requests_in_flight = 5;
            small.bytes_in_flight = 2_000;
            let node = Node::new(limits(&[("a", small.clone()), ("b", small), ("c", tenant_limits())]));
            let mut held = Vec::new();
            for (tenant, priority, items, release) in steps {
                if release && !held.is_empty() {
                    drop(held.swap_remove(items as usize % held.len()));
                } else if let Ok(admitted) = node.ask(
                    names[tenant],
                    Ask { priority: Priority::ALL[priority], items, bytes: items + 64, deadline: None },
                ) {
                    held.push(admitted);
                }
                for (depth, priority) in node.admission.queues().into_iter().zip(Priority::ALL) {
                    prop_assert!(depth.items <= depth.limit);
                    let sum: u64 = held.iter().filter(|a| a.priority() == priority).map(Admitted::items).sum();
                    prop_assert_eq!(depth.items, sum);
                }
                for name in ["a", "b"] {
                    prop_assert!(held.iter().filter(|a| &**a.tenant().name() == name).count() <= 5);
                }
                prop_assert_eq!(node.admission.requests(), held.len() as u64);
            }
            held.clear();
            prop_assert_eq!((node.admission.requests(), node.admission.bytes()), (0, 0));
            prop_assert!(node.admission.queues().iter().all(|depth| depth.items == 0));
        }
    }
}
