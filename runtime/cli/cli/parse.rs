//! From words to the command line's types.

use std::ffi::OsString;

use clap::{Args as _, FromArgMatches as _, Parser as _};

use super::{Cli, Command, RunArgs};
use crate::exit::Exit;
use crate::render;

/// What clap prints instead of running a command: help, the version, a mistake.
pub(crate) struct UsageMessage(clap::Error);

impl UsageMessage {
    /// Prints it, and returns how the process ends.
    pub(crate) fn print(self) -> Exit {
        let is_mistake = self.0.use_stderr();
        render::usage(&self.0.render().to_string(), is_mistake);
        if is_mistake {
            Exit::Usage
        } else {
            Exit::Success
        }
    }
}

/// Reads the command line.
pub(crate) fn parse() -> Result<Cli, UsageMessage> {
    match run_alone(std::env::args_os()) {
        Some(run) => Ok(Cli {
            command: Command::Run(Box::new(run)),
        }),
        None => Cli::try_parse().map_err(UsageMessage),
    }
}

/// The arguments of `wxmcp run`, read without describing the other commands to the parser, which
/// takes as long as opening a guest. Help and mistakes are left to the whole parser.
fn run_alone(words: impl IntoIterator<Item = OsString>) -> Option<RunArgs> {
    let mut words = words.into_iter().skip(1);
    if words.next()? != "run" {
        return None;
    }
    let run = RunArgs::augment_args(clap::Command::new("run").no_binary_name(true));
    let matches = run.try_get_matches_from(words).ok()?;
    RunArgs::from_arg_matches(&matches).ok()
}

/// The arguments of a command line that was recorded, if it is one of `wxmcp run`: its first word.
pub(crate) fn run_of(words: &[String]) -> Option<RunArgs> {
    let program = std::iter::once(OsString::new());
    run_alone(program.chain(words.iter().map(OsString::from)))
}

/// Whether a word is spelled like a flag of `wxmcp run`.
pub(crate) fn is_run_flag(word: &str) -> bool {
    use clap::CommandFactory;
    let name = word.split('=').next().unwrap_or(word);
    Cli::command().find_subcommand("run").is_some_and(|run| {
        run.get_arguments().any(|argument| {
            argument
                .get_long()
                .is_some_and(|long| name.strip_prefix("--") == Some(long))
                || argument
                    .get_short()
                    .is_some_and(|short| name == format!("-{short}"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    fn alone(words: &[&str]) -> Option<RunArgs> {
        run_alone(words.iter().map(OsString::from))
    }

    #[test]
    fn a_run_is_read_alone_as_it_is_read_among_all_commands() {
        for words in [
            &["wxmcp", "run", "-c", "1", "a", "-b"][..],
            &["wxmcp", "run", "--lang=ts", "--memory", "1GiB", "-"],
            &["wxmcp", "run", "-v./a:/a:rw", "-e", "A=b", "--", "--json"],
            &["wxmcp", "run"],
        ] {
            let Command::Run(among_all) = Cli::parse_from(words).command else {
                panic!("not a run");
            };
            let alone = alone(words).unwrap();
            assert_eq!(format!("{alone:?}"), format!("{among_all:?}"));
        }
    }

    #[test]
    fn help_and_mistakes_are_left_to_the_whole_parser() {
        for words in [
            &["wxmcp", "run", "--help"][..],
            &["wxmcp", "run", "--no-such-flag", "a.py"],
            &["wxmcp", "run", "--memory", "much", "a.py"],
            &["wxmcp", "tools", "list"],
            &["wxmcp", "--help"],
            &["wxmcp"],
        ] {
            assert!(alone(words).is_none(), "{words:?}");
        }
    }

    #[test]
    fn what_follows_the_script_is_the_scripts() {
        let run = alone(&["wxmcp", "run", "--json", "a.py", "--timeout", "-x"]).unwrap();
        assert!(run.json);
        assert_eq!(run.words, ["a.py", "--timeout", "-x"]);
        assert_eq!(run.limits.timeout, None);
    }
}
