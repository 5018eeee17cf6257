//! Keys pressed on the terminal, each told as it is pressed. The terminal is as
//! it was before when the keys are dropped or given back.

use std::io::{IsTerminal, Read, stdin};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// How the terminal was before.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Run now.
    Run,
    /// Take up no changes, or take them up again.
    Pause,
    /// Execute everything again.
    Force,
    /// Say why nodes ran.
    Why,
    /// End.
    Quit,
    /// Say which keys there are.
    Help,
}

impl Key {
    /// What there is to press, for people.
    pub const HELP: &str = "r run now · p pause · f force everything · w why · q quit · h help";

    fn of(byte: u8) -> Option<Self> {
        Some(match byte.to_ascii_lowercase() {
            b'r' => Key::Run,
            b'p' => Key::Pause,
            b'f' => Key::Force,
            b'w' => Key::Why,
            // Also the end of the input, by Ctrl-D.
            b'q' | 4 => Key::Quit,
            b'h' | b'?' => Key::Help,
            _ => return None,
        })
    }
}

/// Keys are read as they are pressed while this is there.
pub struct Keys(());

impl Keys {
    /// Reads keys from standard input; `None` if that is no terminal, or one
    /// that another process reads from.
    pub fn read(tell: impl Fn(Key) + Send + 'static) -> Option<Self> {
        let input = stdin();
        let in_front = || tcgetpgrp(&input).ok() == Some(rustix::process::getpgrp());
        if !input.is_terminal() || !in_front() {
            return None;
        }
        let before = tcgetattr(&input).ok()?;
        let mut modes = before.clone();
        // Ctrl-C and Ctrl-Z stay what they are.
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(&input, OptionalActions::Now, &modes).ok()?;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let keys = Keys(());
        let hear = move || {
            let bytes = stdin().lock().bytes().map_while(Result::ok);
            bytes.filter_map(Key::of).for_each(tell);
        };
        thread::Builder::new().spawn(hear).ok().map(|_| keys)
    }

    /// Gives the terminal back as it was, for a process that ends at once.
    pub fn give_back() {
        let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(before) = before {
            let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        Keys::give_back();
    }
}
