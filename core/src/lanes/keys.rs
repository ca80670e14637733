//! Tables of known keys, kept ready within a bound: those that were preloaded, and those that keep coming.
//!
//! A table is a hint. An item whose key has none is computed without, and both ways end in the same verdict. A key that
//! its rule refuses has no table, so nothing here has a say in what is valid.
//!
//! Tables of keys that keep coming are made in the background: a call only says which it wants, and is over.

#[cfg(not(test))]
use std::collections::hash_map::RandomState as Seed;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use assay_scheme::{Keys, Reason, Verdict};

use super::level::CurveLevel;
use super::word::LANES_64;
use crate::backend::Preloaded;
use crate::pool::lock;

#[cfg(test)]
type Seed = std::hash::BuildHasherDefault<std::collections::hash_map::DefaultHasher>;

/// The longest key of a curve's columns.
const KEY_BYTES_MAX: usize = 64;

/// Sightings after which a key's table is made. Fewer: keys that never come again cost a table, one and a half times a
/// verification. More: a validator set is slow for longer.
const SIGHTINGS: u8 = 4;

/// Counters of sightings, a power of two: several keys share one, so now and then a table is made too early.
const COUNTERS: usize = 1 << 14;

/// Tables that one call may ask for: two groups of lanes. More: a full cache is replaced by whatever came last.
const TABLES_PER_CALL: usize = 2 * LANES_64;

/// Keys of a curve that wait for their tables. Fewer: the voters of a large set are asked for several times over. More: what
/// waits may be stale before its turn comes.
const WAITING_MAX: usize = 512;

/// Once the cache is full, one call of so many may ask for tables. Fewer calls: where more keys come than there is
/// room for, tables are made for nothing. More: a new validator set is slow for longer.
const CALLS_PER_EVICTION: u64 = 64;

/// What a curve keeps of a key.
pub(super) trait Table: Send + Sync + Sized + 'static {
    /// Bytes of one.
    const BYTES: usize;

    /// The tables of up to eight keys (form and bytes); `None` where the key is refused by all of the curve's rows.
    fn make(level: CurveLevel, keys: &[(u8, &[u8])]) -> Vec<Option<Self>>;
}

/// A key as it stands in the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Name {
    form: u8,
    len: u8,
    bytes: [u8; KEY_BYTES_MAX],
}

impl Name {
    fn new(form: u8, key: &[u8]) -> Self {
        let mut bytes = [0; KEY_BYTES_MAX];
        bytes[..key.len()].copy_from_slice(key);
        Self { form, len: key.len() as u8, bytes }
    }

    fn key(&self) -> (u8, &[u8]) {
        (self.form, &self.bytes[..usize::from(self.len)])
    }
}

/// One curve's tables. A call that only finds them holds no other call up.
#[derive(Debug)]
pub(super) struct Cache<T> {
    /// Tables kept because their keys keep coming.
    tables_max: usize,
    tables: RwLock<Tables<T>>,
    sightings: Sightings,
    waiting: Mutex<Waiting>,
    /// Calls so far: when a table was last used.
    call: AtomicU64,
    /// The first call that may ask for tables; put off whenever some must give way.
    next_eviction: AtomicU64,
}

/// Keys whose tables are wanted, in the order in which they were asked for.
#[derive(Debug, Default)]
struct Waiting {
    names: VecDeque<Name>,
    /// The same, and those whose tables are being made.
    asked: HashSet<Name, Seed>,
}

/// What a background thread waits at: how often it was rung.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<u64>,
    wake: Condvar,
}

impl Bell {
    pub(super) fn ring(&self) {
        *lock(&self.rung) += 1;
        self.wake.notify_all();
    }

    /// Waits until it was rung more often than `heard`; how often it was.
    pub(super) fn wait(&self, heard: u64) -> u64 {
        let rung = lock(&self.rung);
        *self.wake.wait_while(rung, |rung| *rung == heard).unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Tables<T> {
    kept: HashMap<Name, Kept<T>>,
    /// Preloaded: as long as somebody holds them.
    held: HashMap<Name, Held<T>>,
}

/// How often keys without tables came. Counts of several threads may run into one another: they are hints.
#[derive(Debug)]
struct Sightings {
    counters: Vec<AtomicU8>,
    /// Sightings since all were halved, so that a key that stopped coming is forgotten.
    counted: AtomicUsize,
    /// Seeded, so that strangers cannot choose keys that share a counter; the same in every test.
    hasher: Seed,
}

#[derive(Debug)]
struct Held<T> {
    table: Arc<T>,
    holders: usize,
}

#[derive(Debug)]
struct Kept<T> {
    table: Arc<T>,
    call: AtomicU64,
}

/// What is known of a call's keys.
#[derive(Debug)]
pub(super) struct Found<T> {
    /// Each key's table, where there is one.
    pub(super) tables: Vec<Option<Arc<T>>>,
    wanted: Vec<Name>,
}

impl<T: Table> Cache<T> {
    /// Room for tables of this many bytes together; preloaded ones are not counted.
    pub(super) fn new(bytes: usize) -> Self {
        let tables_max = bytes / T::BYTES;
        let counters = if tables_max == 0 { 0 } else { COUNTERS };
        let sightings = Sightings {
            counters: (0..counters).map(|_| AtomicU8::new(0)).collect(),
            counted: AtomicUsize::new(0),
            hasher: Seed::default(),
        };
        let tables = RwLock::new(Tables { kept: HashMap::new(), held: HashMap::new() });
        Self {
            tables_max,
            tables,
            sightings,
            waiting: Mutex::default(),
            call: AtomicU64::new(0),
            next_eviction: AtomicU64::new(0),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables<T>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables<T>> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tables of a call's keys. Counts the sightings of those without; which tables are wanted is for
    /// [`Cache::ask`] to say, after the verdicts.
    pub(super) fn find<'a>(&self, keys: impl Iterator<Item = (u8, &'a [u8])>) -> Found<T> {
        let mut found = Found { tables: Vec::with_capacity(keys.size_hint().0), wanted: Vec::new() };
        let call = self.call.fetch_add(1, Ordering::Relaxed) + 1;
        let tables = self.read();
        let is_open = call >= self.next_eviction.load(Ordering::Relaxed);
        for (form, key) in keys {
            let name = Name::new(form, key);
            let table = tables.find(&name, call);
            if table.is_none() && self.sightings.are_enough(&name) {
                let has_room = is_open && found.wanted.len() < TABLES_PER_CALL;
                if has_room && !found.wanted.contains(&name) {
                    found.wanted.push(name);
                }
            }
            found.tables.push(table);
        }
        found
    }

    /// Asks for the tables of keys that came often enough; whether there is now something to make.
    pub(super) fn ask(&self, found: &Found<T>) -> bool {
        if found.wanted.is_empty() {
            return false;
        }
        let kept = self.read().kept.len();
        let mut waiting = lock(&self.waiting);
        for name in &found.wanted {
            if waiting.asked.len() < WAITING_MAX && waiting.asked.insert(*name) {
                waiting.names.push_back(*name);
            }
        }
        if kept + waiting.asked.len() > self.tables_max {
            let call = self.call.load(Ordering::Relaxed);
            self.next_eviction.store(call + CALLS_PER_EVICTION, Ordering::Relaxed);
        }
        !waiting.names.is_empty()
    }

    /// Makes the tables of a group of keys that were asked for, each in the place of the one that was not used for longest;
    /// whether there were any.
    pub(super) fn make_some(&self, level: CurveLevel) -> bool {
        let names: Vec<Name> = {
            let waiting = &mut lock(&self.waiting).names;
            // A curve's rows may have keys of several lengths, and a group is read as one of them.
            let len = waiting.front().map(|name| name.len);
            let group = waiting.iter().take(LANES_64).take_while(|name| Some(name.len) == len).count();
            waiting.drain(..group).collect()
        };
        if names.is_empty() {
            return false;
        }
        let keys: Vec<_> = names.iter().map(Name::key).collect();
        let tables = T::make(level, &keys);
        let call = self.call.load(Ordering::Relaxed);
        let mut all = self.write();
        for (name, table) in names.iter().zip(tables) {
            if let Some(table) = table {
                all.keep(*name, table, self.tables_max, call);
            }
        }
        drop(all);
        let asked = &mut lock(&self.waiting).asked;
        names.iter().for_each(|name| {
            asked.remove(name);
        });
        true
    }

    /// Makes the tables of these keys and keeps them as long as what is given back. `refuses`: what the row refuses besides
    /// keys that have no table.
    pub(super) fn preload(self: &Arc<Self>, level: CurveLevel, keys: &Keys, refuses: impl Fn(&T) -> bool) -> Preloaded {
        let mut verdicts = vec![Reason::Key as u8; keys.count()];
        let mut hold = Hold { cache: Arc::clone(self), names: Vec::with_capacity(keys.count()) };
        let mut missing: Vec<(usize, Name)> = Vec::with_capacity(LANES_64);
        let make = |missing: &mut Vec<(usize, Name)>, verdicts: &mut [u8], hold: &mut Hold<T>| {
            let keys: Vec<_> = missing.iter().map(|(_, name)| name.key()).collect();
            let tables = T::make(level, &keys);
            let mut state = self.write();
            for ((i, name), table) in missing.drain(..).zip(tables) {
                if let Some(table) = table.filter(|table| !refuses(table)) {
                    hold.names.push(state.hold(name, Arc::new(table)));
                    verdicts[i] = Verdict::Valid.to_byte();
                }
            }
        };
        for i in 0..keys.count() {
            let form = match keys.form(i) {
                Ok(form) => form,
                Err(reason) => {
                    verdicts[i] = reason as u8;
                    continue;
                }
            };
            let name = Name::new(form, keys.key(i));
            let mut state = self.write();
            match state.find(&name, self.call.load(Ordering::Relaxed)) {
                Some(table) if refuses(&table) => {}
                Some(table) => {
                    hold.names.push(state.hold(name, table));
                    verdicts[i] = Verdict::Valid.to_byte();
                }
                None => missing.push((i, name)),
            }
            drop(state);
            if missing.len() == LANES_64 {
                make(&mut missing, &mut verdicts, &mut hold);
            }
        }
        if !missing.is_empty() {
            make(&mut missing, &mut verdicts, &mut hold);
        }
        Preloaded { verdicts, bytes: hold.names.len() * T::BYTES, hold: Box::new(hold) }
    }

    /// Tables kept because their keys keep coming, and those somebody holds.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.read();
        (state.kept.len(), state.held.len())
    }
}

impl Sightings {
    /// Counts a sighting; whether there were enough.
    fn are_enough(&self, name: &Name) -> bool {
        if self.counters.is_empty() {
            return false;
        }
        if self.counted.fetch_add(1, Ordering::Relaxed) + 1 >= 8 * COUNTERS {
            self.counted.store(0, Ordering::Relaxed);
            for counter in &self.counters {
                counter.store(counter.load(Ordering::Relaxed) / 2, Ordering::Relaxed);
            }
        }
        let counter = &self.counters[self.hasher.hash_one(name) as usize % COUNTERS];
        let count = counter.load(Ordering::Relaxed).saturating_add(1);
        counter.store(count, Ordering::Relaxed);
        count >= SIGHTINGS
    }
}

impl<T> Tables<T> {
    fn find(&self, name: &Name, call: u64) -> Option<Arc<T>> {
        if let Some(kept) = self.kept.get(name) {
            kept.call.store(call, Ordering::Relaxed);
            return Some(Arc::clone(&kept.table));
        }
        if self.held.is_empty() { None } else { Some(Arc::clone(&self.held.get(name)?.table)) }
    }

    fn keep(&mut self, name: Name, table: T, tables_max: usize, call: u64) {
        if self.kept.len() >= tables_max && !self.kept.contains_key(&name) {
            let used = self.kept.iter().map(|(name, kept)| (kept.call.load(Ordering::Relaxed), *name));
            let Some((last, oldest)) = used.min_by_key(|(call, _)| *call) else { return };
            // What this very call used is not worth less than what it would give way to.
            if last >= call {
                return;
            }
            self.kept.remove(&oldest);
        }
        self.kept.insert(name, Kept { table: Arc::new(table), call: AtomicU64::new(call) });
    }

    fn hold(&mut self, name: Name, table: Arc<T>) -> Name {
        self.held.entry(name).or_insert(Held { table, holders: 0 }).holders += 1;
        name
    }
}

/// Preloaded tables, held.
struct Hold<T: Table> {
    cache: Arc<Cache<T>>,
    names: Vec<Name>,
}

impl<T: Table> Drop for Hold<T> {
    fn drop(&mut self) {
        let mut state = self.cache.write();
        for name in self.names.drain(..) {
            let Some(held) = state.held.get_mut(&name) else { continue };
            held.holders -= 1;
            if held.holders == 0 {
                state.held.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use assay_scheme::Row;

    use super::*;

    /// A table that is its key's first byte; keys that begin with 255 have none.
    #[derive(Debug, PartialEq)]
    struct Byte(u8);

    impl Table for Byte {
        const BYTES: usize = 100;
        fn make(_: CurveLevel, keys: &[(u8, &[u8])]) -> Vec<Option<Self>> {
            assert!((1..=8).contains(&keys.len()) && keys.iter().all(|(_, key)| key.len() == keys[0].1.len()));
            keys.iter().map(|(_, key)| (key[0] != 255).then_some(Self(key[0]))).collect()
        }
    }

    /// A call with these keys, once; which of them had tables.
    fn call(cache: &Cache<Byte>, keys: impl IntoIterator<Item = u8>) -> Vec<u8> {
        let keys: Vec<[u8; 32]> = keys.into_iter().map(|key| [key; 32]).collect();
        let found = cache.find(keys.iter().map(|key| (0, &key[..])));
        assert_eq!(found.tables.len(), keys.len());
        cache.ask(&found);
        while cache.make_some(CurveLevel::PORTABLE) {}
        let own = |(key, table): (&[u8; 32], &Option<Arc<Byte>>)| {
            table.as_ref().map(|table| {
                assert_eq!(table.0, key[0], "its own table");
                key[0]
            })
        };
        keys.iter().zip(&found.tables).filter_map(own).collect()
    }

    #[test]
    fn keys_that_keep_coming_get_tables_within_the_bound() {
        let cache = Cache::new(350);
        for _ in 1..SIGHTINGS {
            assert_eq!(call(&cache, [1, 2]), []);
        }
        assert_eq!(call(&cache, [1, 2, 255]), [], "made after this call");
        assert_eq!(call(&cache, [2, 1, 3, 2]), [2, 1, 2]);
        for _ in 0..10 {
            call(&cache, [255]);
        }
        assert_eq!(call(&cache, [255]), [], "a key that is refused has none");
        for _ in 0..10 {
            call(&cache, [3, 4, 5, 6]);
            assert!(cache.counts().0 <= 3);
        }
        assert_eq!(cache.counts(), (3, 0));
    }

    #[test]
    fn what_was_not_used_for_longest_gives_way_and_not_at_every_call() {
        let cache = Cache::new(200);
        for _ in 0..5 {
            call(&cache, [1, 2]);
        }
        assert_eq!(call(&cache, [1, 2]), [1, 2]);
        for _ in 0..SIGHTINGS {
            call(&cache, [2, 3]);
        }
        assert_eq!(call(&cache, [1, 2, 3]), [2, 3]);
        for _ in 0..CALLS_PER_EVICTION / 2 {
            call(&cache, [4]);
        }
        assert_eq!(call(&cache, [2, 3]), [2, 3], "not so soon");
        for _ in 0..CALLS_PER_EVICTION {
            call(&cache, [3, 4]);
        }
        assert_eq!(call(&cache, [2, 3, 4]), [3, 4]);
    }

    #[test]
    fn what_waits_is_bounded_and_asked_for_once() {
        let cache = Cache::<Byte>::new(100 * 2 * WAITING_MAX);
        let keys: Vec<[u8; 32]> = (0..WAITING_MAX as u32 + 100)
            .map(|at| std::array::from_fn(|i| at.to_le_bytes().get(i).copied().unwrap_or(7)))
            .collect();
        let waits = || {
            let waiting = lock(&cache.waiting);
            (waiting.names.len(), waiting.asked.len())
        };
        for some in keys.chunks(TABLES_PER_CALL) {
            for _ in 0..SIGHTINGS + 2 {
                let found = cache.find(some.iter().map(|key| (0, &key[..])));
                cache.ask(&found);
            }
        }
        assert_eq!(waits(), (WAITING_MAX, WAITING_MAX));
        assert_eq!(cache.counts(), (0, 0), "nothing is made in a call");
        assert!(cache.make_some(CurveLevel::PORTABLE));
        assert_eq!(waits(), (WAITING_MAX - LANES_64, WAITING_MAX - LANES_64));
        while cache.make_some(CurveLevel::PORTABLE) {}
        // Keys that begin with 255 have no table.
        assert_eq!((waits(), cache.counts()), ((0, 0), (WAITING_MAX - WAITING_MAX / 256, 0)));
    }

    #[test]
    fn a_group_has_keys_of_one_length() {
        let cache = Cache::<Byte>::new(100 * 100);
        let keys: Vec<Vec<u8>> = (1..=12).map(|at: u8| vec![at; if at.is_multiple_of(3) { 64 } else { 32 }]).collect();
        for _ in 0..SIGHTINGS {
            cache.ask(&cache.find(keys.iter().map(|key| (0, &key[..]))));
        }
        while cache.make_some(CurveLevel::PORTABLE) {}
        assert_eq!(cache.counts().0, keys.len());
    }

    #[test]
    fn a_full_cache_asks_for_no_more_than_it_says() {
        let cache = Cache::<Byte>::new(200);
        let ask = |keys: &[u8]| {
            let keys: Vec<[u8; 32]> = keys.iter().map(|key| [*key; 32]).collect();
            cache.ask(&cache.find(keys.iter().map(|key| (0, &key[..]))));
        };
        let waiting = || lock(&cache.waiting).names.len();
        for _ in 0..SIGHTINGS {
            ask(&[1, 2]);
        }
        assert_eq!(waiting(), 2, "as many as there is room for");
        for _ in 0..SIGHTINGS {
            ask(&[3, 4]);
        }
        assert_eq!(waiting(), 4, "those will make two others give way");
        for _ in 0..CALLS_PER_EVICTION - 1 {
            ask(&[5, 6]);
        }
        assert_eq!(waiting(), 4, "not so soon, though none is made yet");
        ask(&[5, 6]);
        assert_eq!(waiting(), 6);
    }

    #[test]
    fn without_bytes_nothing_is_kept_and_preloaded_keys_still_are() {
        let cache = Arc::new(Cache::new(99));
        for _ in 0..20 {
            assert_eq!(call(&cache, [1, 2]), []);
        }
        let operation = Row::Ed25519Zip215.operation();
        let bytes: Vec<[u8; 32]> = [1, 255, 7, 9, 1].map(|key| [key; 32]).to_vec();
        let keys = bytes.iter().map(|key| Ok((0, &key[..]))).chain([Err(Reason::Key)]);
        let keys = Keys::collect(operation, keys).expect("six keys");
        let refuses = |table: &Byte| table.0 == 9;
        let one = cache.preload(CurveLevel::PORTABLE, &keys, refuses);
        let (valid, refused) = (Verdict::Valid.to_byte(), Reason::Key as u8);
        assert_eq!(one.verdicts, [valid, refused, valid, refused, valid, refused]);
        assert_eq!(one.bytes, 300);
        assert_eq!(cache.counts(), (0, 2));
        let two = cache.preload(CurveLevel::PORTABLE, &keys, refuses);
        assert_eq!(two.verdicts, one.verdicts);
        drop(one.hold);
        assert_eq!(call(&cache, [1, 2, 7, 9]), [1, 7]);
        drop(two.hold);
        assert_eq!(cache.counts(), (0, 0));
        assert_eq!(call(&cache, [1, 7]), []);
    }
}
