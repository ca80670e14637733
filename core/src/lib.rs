//! Assay's engine: bundles of items in, a verdict or digest per item out, the same to the bit on every backend.
//!
//! - [`batch`]: what goes in and comes out.
//! - [`engine`]: accepts bundles, owns the backends, calls each completion exactly once.
//! - `queue`, `pool`, `job`: what waits, the workers that compute it, and one bundle's way through them.
//! - [`router`]: which backend and how much at a time, learned from what was measured.
//! - [`backend`]: the trait the backends implement; `detect()` chooses them once, aloud.
//! - `quarantine`: when a backend that failed may serve again.
//! - [`selftest`]: known answers every backend must give before it serves.
//! - [`reference`]: the well-kept libraries: the oracle, and the fallback on any CPU.
//! - `gpu` (behind the feature of that name): compute shaders on graphics devices.
//! - [`lanes`]: independent items in vector lanes, where the processor has them.
//! - [`merkle`]: roots, proofs and their checks per rule, from digests.
//! - [`pow`]: headers' hashes against targets and difficulties.
//! - [`quorum`]: votes to verdicts to a tally.
//! - [`samples`]: valid items for benchmarks, load and the demo.
//! - [`stream`]: digests of what is too large to be an item, piece by piece.
//!
//! No socket, no async runtime and no metrics library here: statistics are returned, and the clock is handed in.

pub mod backend;
pub mod batch;
pub mod engine;
#[cfg(feature = "gpu")]
pub mod gpu;
mod job;
pub mod lanes;
pub mod merkle;
mod pool;
pub mod pow;
mod quarantine;
mod queue;
pub mod quorum;
pub mod reference;
pub mod router;
pub mod samples;
pub mod selftest;
pub mod stream;
#[cfg(test)]
mod testing;

pub use backend::{Backend, BackendName, Fault, GpuChoice, Preloaded};
pub use batch::{Bundle, Results};
pub use engine::{Choice, Config, Engine, Order, Outcome, StartError, Ticket};
