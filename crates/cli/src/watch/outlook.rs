//! What a project stands on, watched: whenever that is something else, other
//! directories are watched. It is unaware of what is done about changes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::changes::{Change, Changes};
use super::reach::{Meaning, Reach};
use super::watcher::{Blind, INTERVAL, Tell, Watcher};
use crate::basis::Basis;
use crate::printer::Printer;
use crate::project::Project;
use crate::style::NAME;

/// Sees what happens to the files of a project.
pub struct Outlook<T> {
    root: PathBuf,
    reach: Reach,
    watcher: Watcher<T>,
    printer: Printer,
}

impl<T: Tell> Outlook<T> {
    /// Sees nothing yet. With an interval it looks for itself, and else it is
    /// told by the system, if that can.
    pub fn open(root: PathBuf, poll: Option<Duration>, tell: T, printer: Printer) -> Self {
        let watcher = match poll {
            Some(interval) => Watcher::polling(tell, interval),
            None => Watcher::told(tell.clone()).unwrap_or_else(|blind| {
                printer.warning(why(&blind));
                Watcher::polling(tell, INTERVAL)
            }),
        };
        Outlook {
            root,
            reach: Reach::default(),
            watcher,
            printer,
        }
    }

    /// Sees all that a project was made of, its sources and what its nodes found
    /// from now on. Gives what has changed since then where it was not seen.
    pub fn follow(
        &mut self,
        project: &Project,
        basis: &Basis,
        found: &BTreeSet<PathBuf>,
        since: SystemTime,
    ) -> Vec<Change> {
        let own = project.exports.values().map(PathBuf::as_path);
        let own = own.chain([project.cache.config.cache_dir.as_path()]);
        let given: Vec<PathBuf> = project.inputs.paths().collect();
        let sources = given.iter().chain(found).map(PathBuf::as_path);
        self.reach = Reach::new(&self.root, basis, sources, own);
        let new = self.watch();
        self.reach.newer(&new, since)
    }

    /// Hears of a change, and says whether it may matter.
    pub fn hear(&mut self, change: &Change) -> bool {
        self.watcher.heed(change);
        let concerns = self.reach.concerns(change);
        if let Change::Name(path) = change
            && concerns
            && path.is_dir()
        {
            let new = self.reach.take_in(path);
            self.watcher.also(new);
        }
        concerns
    }

    /// What changes mean.
    pub fn meaning(&self, changes: &Changes) -> Meaning {
        self.reach.meaning(changes)
    }

    fn watch(&mut self) -> Vec<PathBuf> {
        self.watcher
            .follow(self.reach.folders())
            .unwrap_or_else(|blind| {
                self.printer.warning(why(&blind));
                self.watcher.poll(INTERVAL);
                let new = self.watcher.follow(self.reach.folders());
                new.unwrap_or_default()
            })
    }
}

/// Why it has to be looked for changes.
fn why(blind: &Blind) -> String {
    use notify::ErrorKind;
    let every = INTERVAL.as_millis();
    let looking = format!("looking for changes every {every} ms instead");
    match &blind.0.kind {
        ErrorKind::MaxFilesWatch => format!(
            "the system watches no more directories; {looking}. To allow more: \
             {NAME}sysctl fs.inotify.max_user_watches=1048576{NAME:#}"
        ),
        _ => format!("the system tells of no changes ({}); {looking}", blind.0),
    }
}
