//! The accounts: what each tenant holds and has spent, what each queue holds, how fast items are answered. Pure: time is
//! an argument.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use assay_scheme::Priority;
use assay_wire::Status;

use crate::limits::{RATE_WINDOW, RETRY_AFTER_MAX, RETRY_AFTER_MIN};

pub(super) const PRIORITIES: usize = Priority::ALL.len();

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
    /// Bytes of tables of known keys that the tenant may keep ready.
    pub table_bytes: u64,
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
pub(super) struct Holding {
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
pub(super) struct Ledger {
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
    pub(super) fn new(limits: Limits, now: Duration) -> Self {
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
    pub(super) fn reload(&mut self, limits: Limits, now: Duration) {
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

    /// The place of this tenant's account, where the configuration has it.
    pub(super) fn find(&self, name: &str) -> Option<(Arc<str>, usize)> {
        let (name, account) = self.names.get_key_value(name)?;
        self.accounts[*account].limits.as_ref()?;
        Some((Arc::clone(name), *account))
    }

    /// From now on nothing with items enters.
    pub(super) fn drain(&mut self) {
        self.draining = true;
    }

    /// Requests that entered and have not left.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What this account may keep in tables; nothing once the configuration no longer names the tenant.
    pub(super) fn table_bytes(&self, account: usize) -> u64 {
        self.accounts[account].limits.as_ref().map_or(0, |limits| limits.table_bytes)
    }

    pub(super) fn queues(&self) -> [QueueDepth; PRIORITIES] {
        std::array::from_fn(|p| QueueDepth { items: self.queued[p], limit: self.limits.queue_items[p] })
    }

    /// Enters a request's weight into its tenant's account, or says why not and changes nothing.
    pub(super) fn enter(&mut self, index: usize, ask: Ask, now: Duration) -> Result<Holding, Refusal> {
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
    pub(super) fn leave_queue(&mut self, holding: &mut Holding, now: Duration) {
        let items = std::mem::take(&mut holding.queued);
        self.pace.advance(now, self.queued.iter().any(|items| *items > 0), items);
        self.accounts[holding.account].queued[holding.priority as usize] -= items;
        self.queued[holding.priority as usize] -= items;
    }

    pub(super) fn leave(&mut self, mut holding: Holding, now: Duration) {
        self.leave_queue(&mut holding, now);
        let account = &mut self.accounts[holding.account];
        account.requests -= 1;
        account.bytes -= holding.bytes;
        self.requests -= 1;
        self.bytes -= holding.bytes;
    }
}
