//! `assay cert`: a working mutual-TLS set-up in three commands.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{EXIT_OK, EXIT_USAGE};
use crate::tls::issue::{Authority, CA_FILE, CERT_FILE, IssueError, KEY_FILE};

const EXAMPLE: &str = "\
Examples:
  A node and a client that trust each other, in three commands:
    assay cert ca     --out pki/ca
    assay cert node   --ca pki/ca --host node1.example --host 10.0.0.5 --out pki/node1
    assay cert client --ca pki/ca --tenant exchange --out pki/exchange

  Turn a client away from now on:
    assay cert revoke --ca pki/ca pki/exchange/cert.pem";

/// Arguments of `assay cert`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make an authority: the one both sides trust.
    #[command(after_help = "Example:\n  assay cert ca --out pki/ca")]
    Ca(Ca),
    /// Make a node's certificate.
    #[command(after_help = "Example:\n  assay cert node --ca pki/ca --host localhost --host 127.0.0.1 --out pki/node1")]
    Node(Node),
    /// Make a client's certificate, which names its tenant.
    #[command(after_help = "Example:\n  assay cert client --ca pki/ca --tenant exchange --out pki/exchange")]
    Client(Client),
    /// Write the authority's revocation list, with these certificates added to it.
    #[command(after_help = "Examples:\n  assay cert revoke --ca pki/ca pki/exchange/cert.pem\n  \
                      assay cert revoke --ca pki/ca            (renews the list, adds none)")]
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
struct Ca {
    /// Folder to write ca.pem and ca.key into.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The authority's name, for people.
    #[arg(long, default_value = "Assay authority")]
    name: String,
    /// Days until it ends.
    #[arg(long, default_value_t = 3_650, value_parser = days())]
    days: u32,
    /// Overwrite what is there: everything the old authority signed is then refused.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
struct Node {
    /// The authority's folder.
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// The node's name, for people.
    #[arg(long, default_value = "node")]
    name: String,
    /// A name or address clients connect to; may be given several times.
    #[arg(long = "host", value_name = "HOST", required = true)]
    hosts: Vec<String>,
    /// Folder to write cert.pem, key.pem and a copy of ca.pem into.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Days until it ends.
    #[arg(long, default_value_t = 365, value_parser = days())]
    days: u32,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
struct Client {
    /// The authority's folder.
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// The tenant: 1 to 32 of a-z, 0-9 and -, as the node's configuration names it.
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// Folder to write cert.pem, key.pem and a copy of ca.pem into.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Days until it ends.
    #[arg(long, default_value_t = 365, value_parser = days())]
    days: u32,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The authority's folder.
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// Certificates to revoke; none renews the list.
    #[arg(value_name = "CERT")]
    certificates: Vec<PathBuf>,
    /// Days until the list must be renewed.
    #[arg(long, default_value_t = 30, value_parser = days())]
    days: u32,
}

/// More than a century is a typing mistake, and X.509 ends with the year 9999.
fn days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=36_500)
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    let told = match args.command {
        Command::Ca(args) => ca(&args),
        Command::Node(args) => node(&args),
        Command::Client(args) => client(&args),
        Command::Revoke(args) => revoke(&args),
    };
    // A reader that closed the pipe has what it wanted.
    match told {
        Ok(text) => {
            let _ = writeln!(std::io::stdout(), "{text}");
            EXIT_OK
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "assay cert: {error}");
            EXIT_USAGE
        }
    }
}

fn ca(args: &Ca) -> Result<String, IssueError> {
    Authority::create(&args.out, &args.name, args.days, args.force)?;
    let out = shown(&args.out);
    Ok(format!(
        "wrote {out}/ca.pem  the certificate that nodes and clients trust\n\
         wrote {out}/ca.key  its private key: keep it off the nodes\n\
         next:  assay cert node --ca {out} --host localhost --host 127.0.0.1 --out node"
    ))
}

fn node(args: &Node) -> Result<String, IssueError> {
    Authority::open(&args.ca)?.node(&args.out, &args.name, &args.hosts, args.days, args.force)?;
    let (ca, out) = (shown(&args.ca), shown(&args.out));
    Ok(format!(
        "wrote {out}/cert.pem  the node's certificate, for {}\n\
         wrote {out}/key.pem   its private key\n\
         wrote {out}/ca.pem    the authority's certificate\n\
         in the node's configuration:\n\
         \n    [tls]\n    ca = {}\n    cert = {}\n    key = {}\n\n\
         next:  assay cert client --ca {ca} --tenant NAME --out client",
        args.hosts.join(", "),
        quoted(&args.out.join(CA_FILE)),
        quoted(&args.out.join(CERT_FILE)),
        quoted(&args.out.join(KEY_FILE)),
    ))
}

fn client(args: &Client) -> Result<String, IssueError> {
    Authority::open(&args.ca)?.client(&args.out, &args.tenant, args.days, args.force)?;
    let (out, tenant) = (shown(&args.out), &args.tenant);
    Ok(format!(
        "wrote {out}/cert.pem  the certificate of tenant {tenant}\n\
         wrote {out}/key.pem   its private key\n\
         wrote {out}/ca.pem    the authority's certificate\n\
         in the node's configuration:\n\
         \n    [tenants.{tenant}]\n\n\
         next:  assay serve --config FILE, and then as the client:  assay status --connect HOST:PORT \
         --ca {out}/ca.pem --cert {out}/cert.pem --key {out}/key.pem"
    ))
}

fn revoke(args: &Revoke) -> Result<String, IssueError> {
    let (file, count) = Authority::open(&args.ca)?.revoke(&args.certificates, args.days)?;
    let (file, list) = (shown(&file), quoted(&file));
    Ok(format!(
        "wrote {file}  {count} revoked, to be renewed within {} days\n\
         in the configuration of each node (send it SIGHUP once its file is in place):\n\
         \n    [tls]\n    crls = [{list}]\n\n\
         next:  renew the list in time with: assay cert revoke --ca {}",
        args.days,
        shown(&args.ca)
    ))
}

/// A file as a value of the configuration, which may stand in another folder: absolute, and quoted as TOML wants it.
fn quoted(path: &Path) -> String {
    // Fails only for an empty path or when the working folder is gone; what was typed is as good then.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    toml::Value::from(shown(&path)).to_string()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
