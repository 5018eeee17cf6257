//! Searches State of the Union speeches. Everything up to the index is a
//! pipeline that remembers: asking again builds nothing, and a changed option,
//! speech or function builds only what it reaches.
//!
//! ```text
//! speeches -> corpus -> passages -> selected -> tokens -+-> model ---+-> embeddings -> index
//!                                                       +------------+
//!                                                       +-> postings
//! ```

mod args;
mod corpus;
mod embeddings;
mod index;
mod interrupt;
mod model;
mod nearest;
mod pipeline;
mod postings;
mod printing;
mod random;
mod search;
mod tokens;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use refrain::{CacheConfig, Runner, Status, dir, inputs};

use crate::args::Args;
use crate::search::Searcher;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(code) => code,
        // Whoever read the answers has seen enough.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let pipeline = pipeline::pipeline()?;
    let runner = Runner::new(CacheConfig::new(&args.cache_dir))?;
    interrupt::cancels(runner.cancel())?;
    let run = runner.run(
        &pipeline,
        inputs! {
            speeches: dir(&args.speeches),
            from_year: args.from,
            to_year: args.to,
            index_type: args.index_type.name(),
        },
    )?;
    if !args.json {
        eprintln!("{}\n", run.report());
    }
    match run.status() {
        Status::Ok => {}
        Status::Failed => return Ok(ExitCode::from(1)),
        Status::Cancelled => return Ok(ExitCode::from(interrupt::INTERRUPTED)),
    }
    let searcher = Searcher::new(&run)?;
    let answers = searcher.search(&args.question.join(" "), args.top);
    if args.json {
        printing::json(&answers, run.report())?;
    } else {
        printing::text(&answers)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
