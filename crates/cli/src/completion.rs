//! Completions: a script for each shell, which asks the program itself what
//! could come next, so that the names of nodes are among it.

use std::env;
use std::ffi::OsStr;
use std::sync::Arc;

use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use crate::args::Shell;
use crate::error::{Error, Result};
use crate::escape::is_order;
use crate::exit::Exit;
use crate::printer::Printer;

/// The variable by which a script asks.
const ASKED_BY: &str = "COMPLETE";
/// The arguments that are names of nodes.
const NODES: [&str; 3] = ["targets", "node", "force"];

/// Answers a shell's question and ends the process, if there was one.
pub fn answer(command: &impl Fn() -> Command) {
    if env::var_os(ASKED_BY).is_some() {
        CompleteEnv::with_factory(command).var(ASKED_BY).complete();
    }
}

/// Completes names of nodes, wherever a command takes them.
pub fn offer_nodes(
    command: Command,
    nodes: impl Fn() -> Vec<String> + Send + Sync + 'static,
) -> Command {
    let nodes = Arc::new(nodes);
    let offer = move |command: Command| {
        let nodes = nodes.clone();
        command.mut_args(move |argument| {
            if !NODES.contains(&argument.get_id().as_str()) {
                return argument;
            }
            let nodes = nodes.clone();
            argument.add(ArgValueCompleter::new(move |begun: &OsStr| {
                let begun = begun.to_string_lossy().into_owned();
                let all = nodes().into_iter();
                let fitting = all.filter(|name| name.starts_with(&begun));
                let plain = fitting.filter(|name| !name.contains(is_order));
                plain.map(CompletionCandidate::new).collect()
            }))
        })
    };
    command.mut_subcommands(offer)
}

/// Prints the script of a shell, to be read by it at its start.
pub fn print(shell: Shell, program: &str, printer: &Printer) -> Result<Exit> {
    let name = match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    let shells = Shells::builtins();
    let known = shells.completer(name).expect("one of the built-in shells");
    let mut script = Vec::new();
    known
        .write_registration(ASKED_BY, program, program, program, &mut script)
        .map_err(Error::Output)?;
    printer.bytes(|out| out.write_all(&script))?;
    Ok(Exit::Fine)
}
