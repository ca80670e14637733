//! What is asked of every node at once: how it is, and to keep tables ready.

use std::time::Duration;

use assay_scheme::Keys;
use tokio::time::{Instant, timeout_at};

use super::{Client, Inner, no_randomness};
use crate::answer::Preload;
use crate::config::{NodeAddress, Options};
use crate::error::Error;
use crate::exchange::{Frame, node_status, preload};
use crate::retry::Failure;

impl Client {
    /// Has every node that is up, and this machine where it may finish, keep the tables of these keys ready, in the place of
    /// what they kept of the row for this tenant; no keys let it go. One entry per node, in the configuration's order; each is
    /// waited for until the deadline, or without one as long as for a connection. A node that keeps no tables for the row
    /// refuses with [`assay_wire::Status::NotServed`], and verifies all the same.
    pub async fn preload(&self, keys: &Keys, options: Options) -> Vec<(NodeAddress, Result<Preload, Error>)> {
        if let Some(local) = self.inner.fallback() {
            local.preload(keys).await;
        }
        let patience = options.deadline.unwrap_or(self.inner.config.connect_timeout);
        let (keys, random) = (keys.clone(), self.inner.random);
        self.inner
            .ask_each(patience, move |connection| {
                let keys = keys.clone();
                async move {
                    let nonce = random.nonce().ok_or_else(|| Failure::Lost(no_randomness().to_string()))?;
                    let left = u32::try_from(patience.as_micros()).unwrap_or(0);
                    preload(&connection, &Frame::keys(&keys, options.priority, left, nonce)).await
                }
            })
            .await
    }

    /// What the nodes offer and how busy they are; one entry per node, in the configuration's order. Each is waited for as
    /// long as for a connection.
    pub async fn status(&self) -> Vec<(NodeAddress, Result<assay_wire::NodeStatus, Error>)> {
        let random = self.inner.random;
        let status = move |connection: quinn::Connection| async move {
            let nonce = random.nonce().ok_or_else(|| Failure::Lost(no_randomness().to_string()))?;
            node_status(&connection, nonce).await
        };
        self.inner.ask_each(self.inner.config.connect_timeout, status).await
    }
}

impl Inner {
    /// Asks every node the same, side by side; one entry per node, in the configuration's order.
    async fn ask_each<T, F>(
        &self,
        patience: Duration,
        ask: impl Fn(quinn::Connection) -> F,
    ) -> Vec<(NodeAddress, Result<T, Error>)>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let until = Instant::now() + patience;
        let mut asked = tokio::task::JoinSet::new();
        let mut all = Vec::with_capacity(self.nodes.len());
        for (at, node) in self.nodes.iter().enumerate() {
            let why = match node.connection() {
                Some(connection) => {
                    let (name, answer) = (node.name.clone(), ask(connection));
                    asked.spawn(async move {
                        let answer = match timeout_at(until, answer).await {
                            Ok(answer) => answer.map_err(|failure| failure.into_error(&name)),
                            Err(_) => Err(Error::DeadlineExceeded),
                        };
                        (at, answer)
                    });
                    "the task that asks it broke off".into()
                }
                None => node.last_error().unwrap_or_else(|| "not connected yet".into()),
            };
            all.push((node.address.clone(), Err(Error::Unreachable { node: node.name.clone(), why })));
        }
        while let Some(Ok((at, answer))) = asked.join_next().await {
            all[at].1 = answer;
        }
        all
    }
}
