//! The same client for programs without async: it brings a runtime of one thread, on which connections are kept alive
//! between the calls. Not to be used or dropped inside an async runtime.

use assay_scheme::verifier::{Answers, Asked, Verifier, VerifierFault};
use assay_scheme::{Ballot, Columns, Keys, Operation, Parameters};
use assay_wire::Status;
use tokio::runtime::{Builder, Runtime};

use crate::answer::{Answer, Preload};
use crate::config::{ClientConfig, NodeAddress, Options};
use crate::error::Error;

/// A [`crate::Client`] whose calls block. Many threads may call it at once.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    client: crate::Client,
}

impl Client {
    /// See [`crate::Client::connect`]; addresses come from [`NodeAddress::parse_blocking`].
    ///
    /// # Errors
    /// As there, and [`Error::Setup`] when the runtime's thread cannot be started.
    pub fn connect(config: ClientConfig) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("assay-client")
            .enable_all()
            .build()
            .map_err(|error| Error::Setup { what: "the client's thread".into(), why: error.to_string() })?;
        let client = runtime.block_on(crate::Client::connect(config))?;
        Ok(Self { runtime, client })
    }

    /// See [`crate::Client::request`].
    ///
    /// # Errors
    /// As there.
    pub fn request(&self, columns: &Columns, parameters: &Parameters, options: Options) -> Result<Answer, Error> {
        self.runtime.block_on(self.client.request(columns, parameters, options))
    }

    /// See [`crate::Client::quorum`].
    ///
    /// # Errors
    /// As there.
    pub fn quorum(&self, ballot: &Ballot, parameters: &Parameters, options: Options) -> Result<Answer, Error> {
        self.runtime.block_on(self.client.quorum(ballot, parameters, options))
    }

    /// See [`crate::Client::preload`].
    pub fn preload(&self, keys: &Keys, options: Options) -> Vec<(NodeAddress, Result<Preload, Error>)> {
        self.runtime.block_on(self.client.preload(keys, options))
    }

    /// See [`crate::Client::stream`].
    ///
    /// # Errors
    /// As there.
    pub fn stream<I>(
        &self,
        batches: I,
        parameters: &Parameters,
        options: Options,
        progress: impl FnMut(usize) + Send,
    ) -> Result<Answer, Error>
    where
        I: IntoIterator<Item = Columns> + Send,
        I::IntoIter: Send,
    {
        self.runtime.block_on(self.client.stream(batches, parameters, options, progress))
    }

    /// This client as a [`Verifier`] that asks with these options: what chains' bytes are turned into columns for.
    #[must_use]
    pub fn verifier(&self, options: Options) -> NodeVerifier<'_> {
        NodeVerifier { client: self, options }
    }

    /// See [`crate::Client::status`].
    pub fn status(&self) -> Vec<(NodeAddress, Result<assay_wire::NodeStatus, Error>)> {
        self.runtime.block_on(self.client.status())
    }

    /// See [`crate::Client::close`].
    pub fn close(self) {
        self.runtime.block_on(self.client.close());
    }
}

/// A client and how urgently it asks.
#[derive(Clone, Copy, Debug)]
pub struct NodeVerifier<'a> {
    client: &'a Client,
    options: Options,
}

impl Verifier for NodeVerifier<'_> {
    fn answer(&self, columns: &Columns, parameters: &Parameters) -> Result<Answers, VerifierFault> {
        parameters.check(columns.operation()).map_err(VerifierFault::Parameters)?;
        answers(self.client.request(columns, parameters, self.options), columns.operation())
    }

    /// The request is under way when this returns; as many are sent at once as the client's `in_flight` says.
    fn ask<'v>(&'v self, columns: Columns, parameters: &Parameters) -> Asked<'v> {
        let operation = columns.operation();
        if let Err(error) = parameters.check(operation) {
            return Asked::new(move || Err(VerifierFault::Parameters(error)));
        }
        let (client, parameters, options) = (self.client.client.clone(), parameters.clone(), self.options);
        let request = async move { client.request(&columns, &parameters, options).await };
        let under_way = self.client.runtime.spawn(request);
        Asked::new(move || {
            let answer = self.client.runtime.block_on(under_way);
            answers(answer.unwrap_or_else(|_| Err(Error::BadReply("the request broke off".into()))), operation)
        })
    }

    fn requests_in_flight(&self) -> usize {
        self.client.client.config().in_flight
    }
}

fn answers(answer: Result<Answer, Error>, operation: &'static Operation) -> Result<Answers, VerifierFault> {
    match answer {
        Ok(answer) => Ok(Answers { verdicts: answer.verdicts, values: answer.values, width: answer.value_width }),
        Err(Error::Refused { status: Status::NotServed, .. }) => Err(VerifierFault::NotServed(operation.name)),
        Err(error) => Err(VerifierFault::Unavailable(error.to_string())),
    }
}
