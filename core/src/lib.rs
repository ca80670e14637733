//! Assay's engine: bundles of items in, a verdict or digest per item out, the same to the bit on every backend.
//!
//! - [`batch`]: what goes in and comes out.
//! - [`engine`]: accepts bundles, owns the backends, calls each completion exactly once.
//! - [`router`]: which backend and how much at a time, learned from what was measured.
//! - [`backend`]: the trait the backends implement; `detect()` chooses them once, aloud.
//! - [`selftest`]: known answers every backend must give before it serves.
//! - [`reference`]: the well-kept libraries: the oracle, and the fallback on any CPU.
//! - [`merkle`]: roots per rule, from digests.
//!
//! No socket, no async runtime and no metrics library here: statistics are returned, and the clock is handed in.

pub mod backend;
pub mod batch;
pub mod engine;
pub mod merkle;
pub mod reference;
pub mod router;
pub mod selftest;

pub use backend::{Backend, BackendName, Fault};
pub use batch::{Bundle, Results};
pub use engine::{Choice, Config, Engine, Order, Outcome, StartError, Ticket};
