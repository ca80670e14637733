//! Preloads: a tenant's known keys to tables that the engine keeps ready, counted against the tenant's bytes.
//!
//! What a tenant keeps is one set of keys a row, replaced as a whole. Its bytes are reserved before a table is made, and
//! given back when the set is replaced or the tenant is no longer served. Tables are made on one thread at a time, which
//! steps back like a worker.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_core::Engine;
use assay_scheme::{Keys, Row};
use assay_wire::Status;
use tokio::sync::{Semaphore, oneshot};

use crate::metrics;

/// What every tenant keeps ready.
pub struct Preloads {
    engine: Arc<Engine>,
    /// Unix niceness of the thread that makes tables.
    nice: u8,
    turn: Arc<Semaphore>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    sets: HashMap<(Arc<str>, Row), Set>,
    /// Numbers the sets, so that one replaced while its tables were being made is known by its number.
    next: u64,
}

/// One tenant's keys of one row: reserved, and ready once the tables are there.
struct Set {
    number: u64,
    bytes: u64,
    tables: Option<Box<dyn Any + Send + Sync>>,
}

/// What became of a preload.
#[derive(Debug, PartialEq, Eq)]
pub struct Ready {
    /// A verdict byte a key.
    pub verdicts: Vec<u8>,
    /// Bytes of the tables that are ready.
    pub bytes: u64,
}

impl Kept {
    fn bytes(&self, tenant: &str) -> u64 {
        self.sets.iter().filter(|((name, _), _)| **name == *tenant).map(|(_, set)| set.bytes).sum()
    }

    /// Reserves bytes in the place of what the tenant kept of this row, whose tables go; the reservation's number.
    fn reserve(&mut self, tenant: &Arc<str>, row: Row, bytes: u64, limit: u64) -> Result<u64, Status> {
        if bytes > limit {
            return Err(Status::NotAllowed);
        }
        let place = (Arc::clone(tenant), row);
        let own = self.sets.get(&place).map_or(0, |set| set.bytes);
        if (self.bytes(tenant) - own).saturating_add(bytes) > limit {
            return Err(Status::QuotaBytes);
        }
        self.next += 1;
        self.sets.insert(place, Set { number: self.next, bytes, tables: None });
        Ok(self.next)
    }

    /// The reservation of this number, where nothing has replaced it.
    fn own(&mut self, place: &(Arc<str>, Row), number: u64) -> Option<&mut Set> {
        self.sets.get_mut(place).filter(|set| set.number == number)
    }
}

impl Preloads {
    /// Nothing kept yet.
    #[must_use]
    pub fn new(engine: Arc<Engine>, nice: u8) -> Self {
        Self { engine, nice, turn: Arc::new(Semaphore::new(1)), kept: Arc::default() }
    }

    /// Whether this node keeps tables for the row.
    #[must_use]
    pub fn serves(&self, row: Row) -> bool {
        self.engine.table_bytes(row) > 0
    }

    /// Bytes that a tenant keeps.
    #[must_use]
    pub fn bytes(&self, tenant: &str) -> u64 {
        lock(&self.kept).bytes(tenant)
    }

    /// Lets go of what tenants keep that are not among these.
    pub fn keep_only(&self, is_served: impl Fn(&str) -> bool) {
        let mut kept = lock(&self.kept);
        let gone: Vec<_> = kept.sets.keys().filter(|(name, _)| !is_served(name)).cloned().collect();
        for place in gone {
            kept.sets.remove(&place);
            metrics::tables_kept(&place.0, 0);
        }
    }

    /// Makes the tables of these keys ready in the place of what the tenant kept of their row; none are let go of all. Given
    /// up half-way, the tables are made all the same.
    ///
    /// # Errors
    /// [`Status::NotServed`] where this node keeps no tables for the row, [`Status::NotAllowed`] and [`Status::QuotaBytes`]
    /// for more than `limit` bytes alone and together with the tenant's other rows, [`Status::NotEvaluated`] when the engine
    /// broke off.
    pub async fn keep(&self, tenant: &Arc<str>, keys: Keys, limit: u64) -> Result<Ready, Status> {
        let row = keys.operation().row;
        let each = self.engine.table_bytes(row) as u64;
        if each == 0 {
            return Err(Status::NotServed);
        }
        if keys.count() == 0 {
            let mut kept = lock(&self.kept);
            kept.sets.remove(&(Arc::clone(tenant), row));
            metrics::tables_kept(tenant, kept.bytes(tenant));
            return Ok(Ready { verdicts: Vec::new(), bytes: 0 });
        }
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| Status::NotEvaluated)?;
        let number = {
            let mut kept = lock(&self.kept);
            let number = kept.reserve(tenant, row, each.saturating_mul(keys.count() as u64), limit)?;
            metrics::tables_kept(tenant, kept.bytes(tenant));
            number
        };
        let (ready, made) = oneshot::channel();
        let (engine, kept, nice) = (Arc::clone(&self.engine), Arc::clone(&self.kept), self.nice);
        let place = (Arc::clone(tenant), row);
        let make = move || {
            crate::scheduling::step_back("assay-preload", nice);
            let made = make(&engine, &kept, &place, number, &keys);
            // The turn is the thread's: a peer that gives up does not make room for a second one beside it.
            drop(turn);
            // The peer may have gone; its tables stay.
            let _ = ready.send(made);
        };
        let spawned = std::thread::Builder::new().name("assay-preload".into()).spawn(make);
        let made = match spawned {
            Ok(_) => made.await.unwrap_or(Err(Status::NotEvaluated)),
            Err(_) => Err(Status::NotEvaluated),
        };
        if made.is_err() {
            let mut kept = lock(&self.kept);
            if kept.own(&(Arc::clone(tenant), row), number).is_some() {
                kept.sets.remove(&(Arc::clone(tenant), row));
            }
        }
        metrics::tables_kept(tenant, lock(&self.kept).bytes(tenant));
        made
    }
}

/// Makes the tables, and puts them in the reservation's place where it still stands.
fn make(
    engine: &Engine,
    kept: &Mutex<Kept>,
    place: &(Arc<str>, Row),
    number: u64,
    keys: &Keys,
) -> Result<Ready, Status> {
    let preloaded = engine.preload(place.1, keys).ok_or(Status::NotEvaluated)?;
    let bytes = preloaded.bytes as u64;
    if let Some(set) = lock(kept).own(place, number) {
        // Of keys that their row refuses there are no tables.
        set.bytes = bytes;
        set.tables = Some(preloaded.hold);
    }
    Ok(Ready { verdicts: preloaded.verdicts, bytes })
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_reserved_by_row_and_tenant_and_replaced_as_a_whole() {
        let mut kept = Kept::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let first = kept.reserve(&a, Row::Ed25519Zip215, 60, 100).expect("fits");
        assert_eq!(kept.reserve(&a, Row::EcdsaP256, 41, 100), Err(Status::QuotaBytes));
        assert_eq!(kept.reserve(&a, Row::EcdsaP256, 101, 100), Err(Status::NotAllowed));
        assert!(kept.reserve(&a, Row::EcdsaP256, 40, 100).is_ok());
        assert!(kept.reserve(&b, Row::EcdsaP256, 100, 100).is_ok(), "another tenant's bytes are its own");
        assert!(kept.reserve(&a, Row::Ed25519Zip215, 60, 100).is_ok(), "in the place of the first");
        assert_eq!((kept.bytes("a"), kept.bytes("b"), kept.bytes("c")), (100, 100, 0));
        assert!(kept.own(&(a, Row::Ed25519Zip215), first).is_none(), "the first was replaced");
    }
}
