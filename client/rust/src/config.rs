//! The nodes' addresses, the settings, and what is asked of a batch.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use assay_scheme::Priority;

use crate::error::Error;
use crate::limits::{IN_FLIGHT_MAX, NODES_MAX};

/// Where a node listens, and the name its certificate bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAddress {
    /// Its socket.
    pub addr: SocketAddr,
    /// The DNS name or address in its certificate.
    pub server_name: String,
}

impl NodeAddress {
    /// Reads `host:port` and resolves the host, which is also the name expected in the node's certificate. Where the
    /// certificate bears another name, `name@host:port` says which. An IPv6 address stands in brackets.
    ///
    /// # Errors
    /// [`Error::Setup`] when the text is not an address or the name does not resolve.
    pub async fn parse(text: &str) -> Result<Self, Error> {
        let place = Place::read(text)?;
        place.resolved(tokio::net::lookup_host((place.host, place.port)).await)
    }

    /// [`NodeAddress::parse`] for programs without async.
    ///
    /// # Errors
    /// As there.
    pub fn parse_blocking(text: &str) -> Result<Self, Error> {
        let place = Place::read(text)?;
        place.resolved((place.host, place.port).to_socket_addrs())
    }
}

/// An address as it is written.
struct Place<'a> {
    text: &'a str,
    server_name: &'a str,
    host: &'a str,
    port: u16,
}

impl<'a> Place<'a> {
    fn read(text: &'a str) -> Result<Self, Error> {
        let fail = |why: String| Err(setup(text, why));
        let (name, place) = match text.split_once('@') {
            Some((name, place)) => (Some(name), place),
            None => (None, text),
        };
        let Some((host, port)) = place.rsplit_once(':').filter(|(host, _)| !host.is_empty()) else {
            return fail("it should be host:port, as in node.example:7443 or [::1]:7443".into());
        };
        let Some(port) = port.parse().ok().filter(|port| *port > 0) else {
            return fail(format!("{port:?} is not a port, 1 to 65535"));
        };
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let server_name = name.unwrap_or(host);
        if server_name.is_empty() {
            return fail("no name stands before the @".into());
        }
        Ok(Self { text, server_name, host, port })
    }

    fn resolved(&self, found: std::io::Result<impl Iterator<Item = SocketAddr>>) -> Result<NodeAddress, Error> {
        let addr = found
            .map_err(|error| setup(self.text, format!("{} does not resolve: {error}", self.host)))?
            .next()
            .ok_or_else(|| setup(self.text, format!("{} resolves to no address", self.host)))?;
        Ok(NodeAddress { addr, server_name: self.server_name.to_owned() })
    }
}

fn setup(text: &str, why: String) -> Error {
    Error::Setup { what: format!("node address {text:?}"), why }
}

impl std::fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.server_name == self.addr.ip().to_string() {
            write!(f, "{}", self.addr)
        } else {
            write!(f, "{}@{}", self.server_name, self.addr)
        }
    }
}

/// How a client is built. [`ClientConfig::new`] sets everything but the nodes and the files; change what should differ:
/// `ClientConfig { in_flight: 16, ..ClientConfig::new(nodes, ca, cert, key) }`.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientConfig {
    /// The nodes, 1 to [`NODES_MAX`].
    pub nodes: Vec<NodeAddress>,
    /// PEM file of the authority that signed the nodes' certificates.
    pub ca: PathBuf,
    /// PEM file of this client's certificate chain, its own first.
    pub cert: PathBuf,
    /// PEM file of this client's key. It is read when the client connects and is never printed.
    pub key: PathBuf,
    /// Requests in flight at once when a large batch is streamed, 1 to [`IN_FLIGHT_MAX`]. The connections' windows follow
    /// it.
    pub in_flight: usize,
    /// How long to wait for a connection: at the start, for each later attempt, and for a request that finds no node up.
    pub connect_timeout: Duration,
    /// How often one request is sent at most, over all nodes; 1 never sends it again.
    pub tries_max: u32,
    /// Share of a request's deadline after which a second node is asked as well, where one is up; 1 for never.
    pub second_node_after: f64,
    /// The largest UDP payload to try for, 1,200 to 65,527 bytes. Only what the path carries is used; 6,500 is for
    /// loopback. Above 6,550 datagrams go to the system one by one.
    pub mtu_bytes_max: u16,
    /// Where this client stands, as the nodes' operator names it: nodes of the same zone are preferred.
    pub zone: Option<String>,
    /// Finish on this machine's CPU when no node answers in time; needs the feature `local`.
    pub local_fallback: bool,
    /// Share of a request's deadline after which this machine begins to compute it itself; sooner where it has learnt that
    /// it needs longer. Used by `local_fallback`.
    pub local_after: f64,
    /// Threads of this machine that `local_fallback` and `recheck_share` may use; 0 is one per core.
    pub local_threads: usize,
    /// Share of the items, 0 to 1, that this machine computes again to see whether the nodes answer right; above 0 needs
    /// the feature `local`.
    pub recheck_share: f64,
}

impl ClientConfig {
    /// The defaults: 8 requests in flight, 5 s to connect, 16 tries, a second node after a quarter of the deadline,
    /// datagrams for an Ethernet path, no zone; this machine computes nothing.
    #[must_use]
    pub fn new(
        nodes: Vec<NodeAddress>,
        ca: impl Into<PathBuf>,
        cert: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        Self {
            nodes,
            ca: ca.into(),
            cert: cert.into(),
            key: key.into(),
            in_flight: 8,
            connect_timeout: Duration::from_secs(5),
            tries_max: 16,
            second_node_after: 0.25,
            mtu_bytes_max: 1_452,
            zone: None,
            local_fallback: false,
            local_after: 0.5,
            local_threads: 0,
            recheck_share: 0.0,
        }
    }

    /// Whether the settings make sense together.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.check_for(cfg!(feature = "local"))
    }

    fn check_for(&self, local: bool) -> Result<(), Error> {
        let setup = |what: &str, why: &str| Err(Error::Setup { what: what.into(), why: why.into() });
        if self.nodes.is_empty() || self.nodes.len() > NODES_MAX {
            return setup("nodes", &format!("name 1 to {NODES_MAX} nodes"));
        }
        if self.in_flight == 0 || self.in_flight > IN_FLIGHT_MAX {
            return setup("in_flight", &format!("1 to {IN_FLIGHT_MAX} requests"));
        }
        if self.tries_max == 0 {
            return setup("tries_max", "a request is sent at least once");
        }
        if self.connect_timeout.is_zero() {
            return setup("connect_timeout", "a connection needs some time");
        }
        if !(1_200..=65_527).contains(&self.mtu_bytes_max) {
            return setup("mtu_bytes_max", "1,200 to 65,527 bytes (RFC 9000, section 14)");
        }
        for (what, share) in [
            ("second_node_after", self.second_node_after),
            ("local_after", self.local_after),
            ("recheck_share", self.recheck_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return setup(what, "a share lies between 0 and 1");
            }
        }
        if !local && (self.local_fallback || self.recheck_share > 0.0) {
            return Err(Error::Usage(
                "local_fallback and recheck_share compute on this machine: build assay-client with the feature `local`"
                    .into(),
            ));
        }
        Ok(())
    }
}

/// What is asked for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How urgent.
    pub priority: Priority,
    /// How long the answer is of use, from the call on and over all tries; `None` for as long as it takes.
    pub deadline: Option<Duration>,
}

impl Options {
    /// This urgent, for as long as it takes.
    #[must_use]
    pub fn new(priority: Priority) -> Self {
        Self { priority, deadline: None }
    }

    /// With a deadline.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }
}

impl Default for Options {
    /// Bulk, for as long as it takes.
    fn default() -> Self {
        Self::new(Priority::Bulk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ClientConfig {
        let node = NodeAddress { addr: ([127, 0, 0, 1], 7443).into(), server_name: "localhost".into() };
        ClientConfig::new(vec![node], "ca.pem", "cert.pem", "key.pem")
    }

    #[tokio::test]
    async fn an_address_names_its_host_unless_told_otherwise() {
        let plain = NodeAddress::parse("127.0.0.1:7443").await.expect("an address");
        assert_eq!((plain.addr.to_string().as_str(), plain.server_name.as_str()), ("127.0.0.1:7443", "127.0.0.1"));
        assert_eq!(plain.to_string(), "127.0.0.1:7443");
        let six = NodeAddress::parse("[::1]:7443").await.expect("an address");
        assert_eq!((six.addr.to_string().as_str(), six.server_name.as_str()), ("[::1]:7443", "::1"));
        let named = NodeAddress::parse("node-a@127.0.0.1:1").await.expect("an address");
        assert_eq!(named.server_name, "node-a");
        assert_eq!(named.to_string(), "node-a@127.0.0.1:1");
        assert_eq!(NodeAddress::parse(&named.to_string()).await.expect("what it prints"), named);
        let host = NodeAddress::parse("localhost:7443").await.expect("resolves everywhere");
        assert!(host.addr.ip().is_loopback());
        assert_eq!(host.server_name, "localhost");
        assert_eq!(NodeAddress::parse_blocking("localhost:7443"), Ok(host));
    }

    #[tokio::test]
    async fn what_is_no_address_says_so() {
        for text in ["", "host", ":7443", "host:", "host:seven", "host:65536", "127.0.0.1:0", "@127.0.0.1:7443"] {
            let error = NodeAddress::parse(text).await.expect_err(text);
            assert!(matches!(&error, Error::Setup { what, .. } if what.contains(text)), "{text}: {error}");
            assert_eq!(NodeAddress::parse_blocking(text), Err(error));
        }
    }

    #[test]
    fn each_setting_out_of_range_is_named() {
        assert_eq!(config().check(), Ok(()));
        type Spoil = fn(&mut ClientConfig);
        let cases: [(&str, Spoil); 9] = [
            ("nodes", |config| config.nodes.clear()),
            ("nodes", |config| config.nodes = vec![config.nodes[0].clone(); NODES_MAX + 1]),
            ("in_flight", |config| config.in_flight = 0),
            ("in_flight", |config| config.in_flight = IN_FLIGHT_MAX + 1),
            ("tries_max", |config| config.tries_max = 0),
            ("connect_timeout", |config| config.connect_timeout = Duration::ZERO),
            ("mtu_bytes_max", |config| config.mtu_bytes_max = 1_199),
            ("local_after", |config| config.local_after = f64::NAN),
            ("recheck_share", |config| config.recheck_share = 1.5),
        ];
        for (name, spoil) in cases {
            let mut config = config();
            spoil(&mut config);
            assert!(matches!(config.check(), Err(Error::Setup { what, .. }) if what == name), "{name}");
        }
    }

    #[test]
    fn computing_here_needs_the_feature() {
        let fallback = ClientConfig { local_fallback: true, ..config() };
        let recheck = ClientConfig { recheck_share: 0.1, ..config() };
        for config in [fallback, recheck] {
            assert!(matches!(config.check_for(false), Err(Error::Usage(_))));
            assert_eq!(config.check_for(true), Ok(()));
        }
        assert_eq!(config().check_for(false), Ok(()));
    }
}
