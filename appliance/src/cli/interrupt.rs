//! Ctrl-C ends a command at once and cleanly.

use std::io::{self, IsTerminal, Write};

use super::error::EXIT_INTERRUPTED;

/// From now on Ctrl-C ends the process with [`EXIT_INTERRUPTED`]. For commands that have nothing to finish; those
/// that do (a node, a load run) listen for themselves. Where the system gives no thread for it, Ctrl-C keeps its
/// usual meaning, which is the same end without the clean terminal.
pub fn exit_on_ctrl_c() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let wait = move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            if io::stderr().is_terminal() {
                let _ = writeln!(io::stderr());
            }
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    };
    drop(std::thread::Builder::new().name("assay-ctrl-c".to_owned()).spawn(wait));
}
