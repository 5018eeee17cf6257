//! Ctrl-C: the first ends a run and loses nothing that was finished, the
//! second ends the process.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use refrain::Cancel;

use crate::exit::Exit;
use crate::printer::Printer;

/// What is told while somebody waits for an end.
pub const STOPPING: &str = "stopping; interrupt again to stop at once";

/// Lets Ctrl-C cancel runs from now on. Called once in a process.
pub fn cancels(cancel: Cancel, printer: Printer) {
    let first = move || {
        printer.note(STOPPING);
        cancel.cancel();
    };
    tell(first, || {});
}

/// Tells of the first Ctrl-C from now on, and of the second one before it ends
/// the process. Called once in a process.
pub fn tell(first: impl Fn() + Send + 'static, second: impl Fn() + Send + 'static) {
    let before = AtomicBool::new(false);
    let handler = move || {
        if before.swap(true, Ordering::Relaxed) {
            refrain_command::kill_all();
            second();
            process::exit(Exit::Interrupted.number().into());
        }
        first();
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!(%error, "an interrupt will end the process at once");
    }
}
