//! One tenant's handles. A series per operation and status is made with its first event: most tenants use few of them.

use std::sync::{Arc, LazyLock, OnceLock};

use super::{
    Counter, ENDS, Gauge, Gone, HashMap, OPERATION_UNKNOWN, Registrar, RequestKind, Row, Status, VERDICTS, table,
};

/// The place of each operation's name among [`Tenant`]'s.
static PLACES: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    let rows = Row::ALL.iter().map(|row| row.operation().name);
    let others = [OPERATION_UNKNOWN, RequestKind::Status.name()];
    others.into_iter().chain(rows).enumerate().map(|(place, name)| (name, place)).collect()
});

/// One tenant.
pub(super) struct Tenant {
    registrar: Registrar,
    name: Arc<str>,
    pub(super) opened: Counter,
    pub(super) open: Gauge,
    pub(super) sent_bytes: Counter,
    pub(super) tables: Gauge,
    closes: Vec<Counter>,
    gone: Vec<Counter>,
    operations: Vec<OnceLock<Operation>>,
}

/// One tenant's share of one operation.
pub(super) struct Operation {
    registrar: Registrar,
    tenant: Arc<str>,
    name: &'static str,
    pub(super) frame_bytes: Counter,
    pub(super) items: [Counter; VERDICTS.len()],
    replied: Vec<OnceLock<Counter>>,
}

impl Tenant {
    pub(super) fn new(registrar: Registrar, name: &Arc<str>) -> Self {
        let own: &[&str] = &[name];
        let closes = ENDS.map(|end| registrar.counter(&table::ACCEPT_CLOSES_TOTAL, &[name, end]));
        let gone = Gone::ALL.map(|gone| registrar.counter(&table::REPLY_GONE_TOTAL, &[name, gone.name()]));
        Self {
            opened: registrar.counter(&table::ACCEPT_CONNECTIONS_TOTAL, own),
            open: registrar.gauge(&table::ACCEPT_OPEN_CONNECTIONS, own),
            sent_bytes: registrar.counter(&table::REPLY_SENT_BYTES_TOTAL, own),
            tables: registrar.gauge(&table::ADMIT_TABLE_BYTES, own),
            closes: closes.into(),
            gone: gone.into(),
            operations: PLACES.iter().map(|_| OnceLock::new()).collect(),
            name: Arc::clone(name),
            registrar,
        }
    }

    /// Counts a connection's end; one that is not among [`ENDS`] as the last of them, `other`.
    pub(super) fn closed(&self, end: &str) {
        let place = ENDS.iter().position(|known| *known == end).unwrap_or(ENDS.len() - 1);
        self.closes[place].increment(1);
    }

    pub(super) fn gone(&self, gone: Gone) {
        let place = Gone::ALL.iter().position(|known| *known == gone).expect("ALL has every way");
        self.gone[place].increment(1);
    }

    /// The operation of this name; one nobody knows counts as [`OPERATION_UNKNOWN`].
    pub(super) fn operation(&self, name: &str) -> &Operation {
        let (name, place) = PLACES.get_key_value(name).map_or((OPERATION_UNKNOWN, 0), |(name, place)| (*name, *place));
        self.operations[place].get_or_init(|| Operation::new(self, name))
    }
}

impl Operation {
    fn new(tenant: &Tenant, name: &'static str) -> Self {
        let registrar = tenant.registrar.clone();
        let items =
            VERDICTS.map(|verdict| registrar.counter(&table::REPLY_ITEMS_TOTAL, &[&tenant.name, name, verdict]));
        Self {
            frame_bytes: registrar.counter(&table::DECODE_FRAME_BYTES_TOTAL, &[&tenant.name, name]),
            items,
            replied: Status::ALL.iter().map(|_| OnceLock::new()).collect(),
            tenant: Arc::clone(&tenant.name),
            name,
            registrar,
        }
    }

    /// Counts a reply.
    pub(super) fn replied(&self, status: Status) {
        let place = Status::ALL.iter().position(|known| *known == status).expect("ALL has every status");
        let counter = self.replied[place].get_or_init(|| {
            self.registrar.counter(&table::REPLY_REQUESTS_TOTAL, &[&self.tenant, self.name, status.name()])
        });
        counter.increment(1);
    }
}
