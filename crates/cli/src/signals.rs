//! Ctrl-C: the first ends a run and loses nothing that was finished, the
//! second ends the process.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use refrain::Cancel;

use crate::exit::Exit;
use crate::printer::Printer;

/// Lets Ctrl-C cancel runs from now on. Called once in a process.
pub fn cancels(cancel: Cancel, printer: Printer) {
    let before = AtomicBool::new(false);
    let handler = move || {
        if before.swap(true, Ordering::Relaxed) {
            refrain_command::kill_all();
            process::exit(Exit::Interrupted.number().into());
        }
        printer.note("stopping; interrupt again to stop at once");
        cancel.cancel();
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!(%error, "an interrupt will end the process at once");
    }
}
