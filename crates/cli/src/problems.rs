//! What is wrong with a manifest, each problem with the lines that it is in.

use std::fmt::Write;

use miette::{GraphicalReportHandler, GraphicalTheme};
use refrain_manifest::Problems;

/// All problems as lines to print. Where there are colours there are boxes.
pub fn render(problems: &Problems, coloured: bool) -> String {
    let mut theme = match coloured {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::none(),
    };
    theme.characters.error = "error:".to_owned();
    theme.characters.warning = "warning:".to_owned();
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_wrap_lines(false)
        .with_context_lines(1);
    let mut text = String::new();
    for report in problems.reports() {
        // Writing to a string does not fail.
        let _ = handler.render_report(&mut text, &report);
        text.push('\n');
    }
    if problems.unlisted() > 0 {
        let _ = writeln!(text, "and {} more", problems.unlisted());
    }
    text
}
