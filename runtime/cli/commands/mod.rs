//! One file per subcommand.

mod build;
mod check;
mod completions;
mod component;
mod doctor;
mod folders;
mod init;
mod many;
mod packages;
mod recordings;
mod repl;
mod run;
mod serve;
mod serve_config;
mod test;
pub(crate) mod tools;

use crate::cli::{Cli, Command};
use crate::exit::{Exit, Failure};
pub(crate) use recordings::{REDACTOR, redact_main};

/// Carries out what the command line asks for.
pub(crate) fn execute(cli: Cli) -> Result<Exit, Failure> {
    match cli.command {
        Command::Run(args) => run::execute(&args),
        Command::Serve(args) => serve::execute(&args),
        Command::Init => init::execute(),
        Command::Repl(args) => repl::execute(&args),
        Command::Record(args) => run::record(*args),
        Command::Replay(args) => recordings::replay(&args),
        Command::Verify(args) => recordings::verify(&args),
        Command::Recording(args) => recordings::show(&args),
        Command::Test(args) => test::execute(&args),
        Command::Check(args) => check::execute(&args),
        Command::Build(args) => build::execute(&args),
        Command::Tools(args) => tools::execute(&args),
        Command::Add(args) => packages::add(&args),
        Command::Remove(args) => packages::remove(&args),
        Command::Lock(args) => packages::lock(&args),
        Command::Packages(args) => packages::list(&args),
        Command::Doctor(args) => doctor::execute(&args),
        Command::Completions { shell } => completions::execute(shell),
    }
}
