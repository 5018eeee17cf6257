//! How the program ends: the codes that scripts rely on.

use std::process::ExitCode;

/// The ways in which a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Fine,
    /// A node failed.
    Failed,
    /// The arguments, the manifest, the settings or an input are wrong.
    Usage,
    /// Something is stale that was asked to be current.
    Stale,
    /// Verifying found damage or a node that gives different outputs.
    Unsound,
    /// The cache directory cannot be used.
    Store,
    /// Somebody interrupted the command.
    Interrupted,
}

impl Exit {
    /// The number that the process gives back.
    pub fn number(self) -> u8 {
        match self {
            Exit::Fine => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Stale => 3,
            Exit::Unsound => 4,
            Exit::Store => 5,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.number())
    }
}
