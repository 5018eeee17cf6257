//! Ctrl-C: the first ends the run and loses nothing that was finished, the
//! second ends the process.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use refrain::Cancel;

/// The exit code of a process that was interrupted.
pub const INTERRUPTED: u8 = 130;

/// Lets Ctrl-C cancel runs from now on.
pub fn cancels(cancel: Cancel) -> Result<(), ctrlc::Error> {
    let before = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if before.swap(true, Ordering::Relaxed) {
            process::exit(INTERRUPTED.into());
        }
        cancel.cancel();
        eprintln!("finishing what is running; interrupt again to stop at once");
    })
}
