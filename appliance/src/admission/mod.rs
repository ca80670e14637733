//! A request's header to an [`Admitted`], or to a [`Refusal`] at once: rate, concurrency, bytes and queue room, decided
//! before a byte of the body is buffered.
//!
//! The [`ledger`] is pure: it holds the accounts and is told the time. [`Admission`] is the ledger behind a lock with the
//! node's clock, and the only maker of [`Admitted`], whose drop gives everything back. Knows no socket and no engine.

mod ledger;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assay_core::engine::Clock;
use assay_scheme::Priority;

pub use ledger::{Ask, Limits, QueueDepth, Refusal, TenantLimits};
use ledger::{Holding, Ledger, PRIORITIES};

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
        let (name, account) = self.ledger().find(name)?;
        Some(Tenant { name, account })
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
        self.ledger().drain();
    }

    /// Requests admitted and not yet answered.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.ledger().requests()
    }

    /// Bytes of frames and replies in flight.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.ledger().bytes()
    }

    /// Bytes of tables of known keys that this tenant may keep ready.
    #[must_use]
    pub fn table_bytes(&self, tenant: &Tenant) -> u64 {
        self.ledger().table_bytes(tenant.account)
    }

    /// The queues, by [`Priority`].
    #[must_use]
    pub fn queues(&self) -> [QueueDepth; PRIORITIES] {
        self.ledger().queues()
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

    use assay_wire::Status;
    use proptest::prelude::*;

    use super::*;

    fn tenant_limits() -> TenantLimits {
        TenantLimits {
            items_per_second: None,
            burst_items: 1,
            requests_in_flight: 1_000,
            bytes_in_flight: 1_000_000,
            table_bytes: 0,
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
