//! Ctrl-C ends a command at once and cleanly.

use std::io::{self, IsTerminal, Write};

use super::error::EXIT_INTERRUPTED;

/// From here on Ctrl-C ends the process with [`EXIT_INTERRUPTED`]. For commands that have nothing to finish; those that do
/// (a node, a load run) listen for themselves. Where the system gives no thread for it, Ctrl-C keeps its usual meaning,
/// which is the same end without the clean terminal.
pub fn exit_on_ctrl_c() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let pressed = {
        let _context = runtime.enter();
        listen()
    };
    let Some(pressed) = pressed else { return };
    let wait = move || {
        runtime.block_on(pressed);
        if io::stderr().is_terminal() {
            let _ = writeln!(io::stderr());
        }
        std::process::exit(i32::from(EXIT_INTERRUPTED));
    };
    drop(std::thread::Builder::new().name("assay-ctrl-c".to_owned()).spawn(wait));
}

/// What is done once Ctrl-C is pressed; listening begins with the call, not with the first poll.
#[cfg(unix)]
fn listen() -> Option<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut pressed = signal(SignalKind::interrupt()).ok()?;
    Some(async move {
        pressed.recv().await;
    })
}

/// What is done once Ctrl-C is pressed.
#[cfg(not(unix))]
fn listen() -> Option<impl Future<Output = ()> + Send> {
    Some(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
