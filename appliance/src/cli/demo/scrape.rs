//! A look at the node's metrics, as Prometheus would take it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cli::error::CliError;

/// The metrics shown, of the many there are.
const SHOWN: &[&str] = &["assay_reply_items_total", "assay_compute_items_total", "assay_node_self_tests_total"];

/// The longest page read.
const PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How often and how far apart the page is asked for until it holds what was sent.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// The lines of `/metrics` that speak of the tenant's items.
pub(super) async fn metrics(addr: SocketAddr, tenant: &str) -> Result<Vec<String>, CliError> {
    let is_shown = |line: &&str| {
        SHOWN.iter().any(|name| line.starts_with(name))
            && (!line.contains("tenant=") || line.contains(&format!("tenant=\"{tenant}\"")))
            && !line.ends_with(" 0")
    };
    for _ in 0..TRIES {
        let page = page(addr).await.map_err(|why| CliError::Demo(format!("http://{addr}/metrics: {why}")))?;
        let lines: Vec<_> = page.lines().filter(is_shown).map(str::to_owned).collect();
        if !lines.is_empty() {
            return Ok(lines);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Vec::new())
}

async fn page(addr: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut page = Vec::new();
    stream.take(PAGE_BYTES_MAX).read_to_end(&mut page).await?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
