//! What a failure of the system means for what is asked next.

use std::io;

use refrain_store::{TierError, Trouble};

/// Makes the errors of one tier, all of which carry its label.
#[derive(Debug, Clone)]
pub(crate) struct Label(pub(crate) String);

impl Label {
    pub(crate) fn error(&self, trouble: Trouble, message: impl Into<String>) -> TierError {
        TierError {
            label: self.0.clone(),
            trouble,
            message: message.into(),
        }
    }

    /// Nobody answered, or not in time.
    pub(crate) fn unreachable(&self, message: impl Into<String>) -> TierError {
        self.error(Trouble::Unreachable, message)
    }

    /// What was found under a name makes no sense.
    pub(crate) fn garbled(&self, message: impl Into<String>) -> TierError {
        self.error(Trouble::Garbled, message)
    }

    /// More than was wanted is under the name.
    pub(crate) fn too_large(&self, name: impl std::fmt::Display, limit: u64) -> TierError {
        self.garbled(format!("{name} has more than {limit} bytes"))
    }

    /// What the system said, when `doing` something.
    pub(crate) fn io(&self, doing: impl std::fmt::Display, error: &io::Error) -> TierError {
        self.error(of_io(error), format!("{doing}: {error}"))
    }

    /// The caller's own reader or writer failed. That says nothing of the tier.
    pub(crate) fn callers(&self, doing: impl std::fmt::Display, error: &io::Error) -> TierError {
        self.garbled(format!("{doing}: {error}"))
    }
}

/// What the other side said, fit to be shown.
#[cfg(any(feature = "redis", feature = "services"))]
pub(crate) fn said(text: &str) -> String {
    let text = text.trim().chars().take(200);
    text.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What an error of the system means for what is asked next.
fn of_io(error: &io::Error) -> Trouble {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::PermissionDenied
        | Kind::ReadOnlyFilesystem
        | Kind::StorageFull
        | Kind::QuotaExceeded
        | Kind::FileTooLarge => Trouble::Refused,
        Kind::InvalidData | Kind::IsADirectory | Kind::NotADirectory | Kind::UnexpectedEof => {
            Trouble::Garbled
        }
        _ => Trouble::Unreachable,
    }
}
