//! What the examples share: the arguments that say where the nodes are and who asks.

// Each example uses its own part of this.
#![allow(dead_code)]

use std::path::PathBuf;

use assay_client::{ClientConfig, NodeAddress};

/// How every example is called.
const USAGE: &str = "--connect HOST:PORT [--connect …] --ca FILE --cert FILE --key FILE";

/// A failure in words.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The arguments, read.
pub(crate) struct Arguments {
    connect: Vec<String>,
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
    /// What else was given: an option's name without its dashes and its value, or an empty name and a word.
    pub(crate) rest: Vec<(String, String)>,
}

impl Arguments {
    /// Reads the words behind the program's name; `usage` says what this example takes besides the common ones.
    pub(crate) fn read(words: impl IntoIterator<Item = String>, usage: &str) -> Result<Self, Failure> {
        let mut words = words.into_iter();
        let (mut connect, mut files, mut rest) = (Vec::new(), [const { None }; 3], Vec::new());
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else {
                rest.push((String::new(), word));
                continue;
            };
            let value = words.next().ok_or_else(|| format!("{word} needs a value; usage: {USAGE} {usage}"))?;
            match name {
                "connect" => connect.push(value),
                "ca" => files[0] = Some(value),
                "cert" => files[1] = Some(value),
                "key" => files[2] = Some(value),
                _ => rest.push((name.to_owned(), value)),
            }
        }
        match files {
            [Some(ca), Some(cert), Some(key)] if !connect.is_empty() => {
                Ok(Self { connect, ca: ca.into(), cert: cert.into(), key: key.into(), rest })
            }
            _ => Err(format!("usage: {USAGE} {usage}").into()),
        }
    }

    /// The value given for an option of this example.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.rest.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A client's settings, the defaults but for the nodes and the files.
    pub(crate) async fn config(&self) -> Result<ClientConfig, Failure> {
        let mut nodes = Vec::new();
        for text in &self.connect {
            nodes.push(NodeAddress::parse(text).await?);
        }
        Ok(ClientConfig::new(nodes, &self.ca, &self.cert, &self.key))
    }
}
