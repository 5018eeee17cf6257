//! Makes the project of a command: once, or anew whenever what it is made of
//! has changed.

use crate::basis::Basis;
use crate::error::Result;
use crate::printer::Printer;
use crate::project::Project;

/// Where projects come from. They are told what to look at, and note where they
/// did if somebody wants to know.
type Make<'a> = dyn Fn(Option<&mut Basis>) -> Result<Project> + 'a;

/// Makes a project as often as it is asked for.
pub struct Maker<'a>(Box<Make<'a>>);

impl<'a> Maker<'a> {
    /// Makes projects in this way.
    pub fn new(make: impl Fn(Option<&mut Basis>) -> Result<Project> + 'a) -> Self {
        Maker(Box::new(make))
    }

    /// The project, with a word on what may be wrong with it.
    pub fn project(&self, printer: &Printer) -> Result<Project> {
        let project = (self.0)(None)?;
        if let Some(warnings) = &project.warnings {
            printer.warnings(warnings);
        }
        Ok(project)
    }

    /// The project as it is now, and what it was made of: of one that is
    /// refused, all that it was looked for in until then.
    pub fn anew(&self) -> (Result<Project>, Basis) {
        let mut basis = Basis::default();
        let project = (self.0)(Some(&mut basis));
        (project, basis)
    }
}
