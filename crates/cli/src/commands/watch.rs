//! `watch`: keeps targets current, from one change of a file to the next.

use crossbeam::channel::unbounded;

use crate::args::WatchArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::maker::Maker;
use crate::printer::Printer;
use crate::signals;
use crate::style::{DIM, paint};
use crate::watch::{Key, Keys, Message, Vigil};

pub fn watch(args: &WatchArgs, maker: &Maker, printer: &Printer) -> Result<Exit> {
    let (post, inbox) = unbounded();
    let (changed, pressed, interrupted) = (post.clone(), post.clone(), post.clone());
    let tell = move |change| drop(changed.send(Message::Changed(change)));
    let stop = move || drop(interrupted.send(Message::Interrupted));
    signals::tell(stop, Keys::give_back);
    let vigil = Vigil::begin(args, maker, printer, post, tell)?;
    let watched = printer.is_watched() && !args.json;
    let keys = watched.then(|| Keys::read(move |key| drop(pressed.send(Message::Pressed(key)))));
    if let Some(Some(_)) = &keys {
        printer.note(paint(DIM, Key::HELP));
    }
    vigil.until_end(&inbox)
}
