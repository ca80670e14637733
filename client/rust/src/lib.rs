//! Batches to one or several Assay nodes over QUIC, verdicts back.
//!
//! A [`Client`] keeps a connection to each configured node, sends every request to the one that should answer soonest, and
//! sends it to another when a node is full or gone. With the feature `local` it finishes on this machine's CPU when no node
//! answers before the deadline.
//!
//! The way of one request, by file:
//!
//! - [`config`]: the nodes' addresses, the settings, what is asked of a batch.
//! - `client.rs`: [`Client`]: one request raced over nodes and this machine, until its deadline.
//! - `balance.rs`: which node: pure.
//! - `retry.rs`: what a failure means for the next try: pure.
//! - `connection.rs`: one node: connect, connect again with growing pauses, health.
//! - `exchange.rs`: one frame out, one frame in, bounded by what was asked.
//! - `local.rs`: this machine's engine, behind the feature `local`: finishing and checking again.
//! - [`answer`], [`error`]: what comes back.
//! - [`stream`]: items cut into batches, batches as several requests in flight, answers in order.
//! - `tls.rs`: certificates from files, mutual TLS 1.3.
//! - [`limits`]: every bound, and what breaks if it moves.
//! - [`blocking`]: the same client for programs without async.

mod balance;
mod client;
mod connection;
mod exchange;
#[cfg_attr(not(feature = "local"), path = "local_absent.rs")]
mod local;
mod retry;
mod tls;

pub mod answer;
pub mod blocking;
pub mod config;
pub mod error;
pub mod limits;
pub mod stream;

pub use answer::{Answer, Preload};
pub use client::Client;
pub use config::{ClientConfig, NodeAddress, Options};
pub use connection::NodeHealth;
pub use error::Error;
pub use stream::{Chunks, Item};

/// What docs/client.md shows compiles, and runs as far as it says.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/client.md")]
struct Guide;
