//! Colours: one style for each meaning. Streams that show no colours leave
//! them out; nothing here knows whether a stream does.

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Deserialize;

use crate::escape;

/// The name of a node, an input, a run.
pub const NAME: Style = Style::new().bold();
/// Something was done, or is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Something will be done, or is not as it should be.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Something failed.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Something was spared.
pub const SPARED: Style = AnsiColor::Cyan.on_default();
/// What the eye may pass over.
pub const DIM: Style = Style::new().dimmed();
/// Text as it was.
pub const OLD: Style = AnsiColor::Red.on_default();
/// Text as it is.
pub const NEW: Style = AnsiColor::Green.on_default();

/// When output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// On terminals, unless the environment says otherwise
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl When {
    /// Makes this the choice of every stream that is opened from now on. Under
    /// `Auto`, `NO_COLOR` and `CLICOLOR_FORCE` count.
    pub fn choose(self) {
        let choice = match self {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// A word in a style.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    let text = text.to_string();
    format!("{style}{}{style:#}", escape::word(&text))
}
