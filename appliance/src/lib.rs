//! The node and its command line: bytes over QUIC in, verdicts out, metrics on the side.
//!
//! ```text
//!  accept        decode           admit             batch            compute           reply
//!  quic, tls --> session -------> admission ------> batcher -------> dispatch -------> session
//!  connection    wire::Request    Admitted          Bundle           assay_core        wire::Reply
//!                                 (permit, dead-    (one operation,  ::Engine
//!                                 line, priority)   many requests)
//! ```
//!
//! - [`node`]: the wiring: every queue once, start, drain, reload.
//! - [`quic`], [`tls`]: endpoints, certificates, tenants, revocation.
//! - [`session`]: one stream: read, decode, admit, wait, reply.
//! - [`admission`]: rate, concurrency and byte limits per tenant; bounded queues per priority.
//! - [`batcher`]: one rule: send when full or when the oldest is too old.
//! - [`dispatch`]: the one bridge between async and the engine.
//! - [`preload`]: tenants' known keys, whose tables are kept ready.
//! - [`health`]: what the node knows of itself. [`admin`], [`metrics`], [`logs`]: what operations people see.
//! - [`config`]: `config/default.toml`, read aloud. [`limits`]: what may not be configured.
//! - `scheduling`: how soon the system lets a thread run. [`cli`]: the commands.

pub mod admin;
pub mod admission;
pub mod batcher;
pub mod cli;
pub mod config;
pub mod dispatch;
pub mod health;
pub mod limits;
pub mod logs;
pub mod metrics;
pub mod node;
pub mod preload;
pub mod quic;
mod scheduling;
pub mod session;
pub mod tls;
