//! The command line of the guest build.

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use guest_build::cache::{Cache, write_whole};
use guest_build::components;
use guest_build::flatten;
use guest_build::inputs::Project;
use guest_build::lock::{Lock, Locked};
use guest_build::meter;
use guest_build::native;
use guest_build::packages::{PythonPackages, javascript_packages};
use guest_build::pipeline::Builder;
use guest_build::recipe::key;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Builds the interpreter guests.
#[derive(Debug, Parser)]
#[command(name = "guest-build", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    request: Request,
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq, Subcommand)]
enum Request {
    /// Build NAME.wasm and NAME.cwasm.zst of each guest, and manifest.json
    ///
    /// What is made of unchanged inputs comes from ${XDG_CACHE_HOME:-~/.cache}/wxmcp-build.
    Build {
        /// Where to (default: target/guests)
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Build everything, whatever the cache has
        #[arg(long)]
        from_scratch: bool,
        /// In a third of the time, to try a change: guests that are slower, and not those of the lock
        #[arg(long)]
        quick: bool,
    },
    /// Build, and compare inputs and outputs with guest-adapters/artifacts.lock
    Check {
        /// Build everything, whatever the cache has
        #[arg(long)]
        from_scratch: bool,
    },
    /// Build, and write guest-adapters/artifacts.lock
    Lock {
        /// Build everything, whatever the cache has
        #[arg(long)]
        from_scratch: bool,
    },
    /// Merge the core modules of a component
    Flatten(Files),
    /// Let a component count its own instructions
    Meter(Files),
    /// Compile a component to native code, not compressed
    Compile(Files),
    /// Install the packages that a guest is made of, and print where they are
    ///
    /// That is a program that is Python, or a folder that has node_modules.
    Packages {
        /// The guest
        #[arg(value_enum)]
        guest: Guest,
    },
    /// Write a world of the WIT in a folder as C into a folder
    BindC {
        /// The folder of the WIT
        wit: PathBuf,
        /// The world
        world: String,
        /// Where to
        #[arg(value_name = "DIR")]
        out: PathBuf,
    },
    /// Make a component of a module that holds its world
    Component(Files),
}

/// A file that is read, and one that is written.
#[derive(Debug, PartialEq, Eq, Args)]
struct Files {
    /// The file to read
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

impl Files {
    fn read(&self) -> Result<Vec<u8>> {
        std::fs::read(&self.input).with_context(|| format!("read `{}`", self.input.display()))
    }
}

/// A guest that is made of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Guest {
    Python,
    #[value(name = "javascript")]
    JavaScript,
}

fn main() -> ExitCode {
    let request = Arguments::parse().request;
    match execute(request) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            for cause in error.chain().skip(1) {
                say(&format!("  caused by: {cause}"));
            }
            ExitCode::FAILURE
        }
    }
}

fn execute(request: Request) -> Result<()> {
    match request {
        Request::Build {
            out,
            from_scratch,
            quick,
        } => {
            let project = Project::own()?.to_try(quick);
            let out = out.unwrap_or_else(|| project.guests());
            builder(&project, from_scratch)?.build(&out).map(|_| ())
        }
        Request::Check { from_scratch } => check(&Project::own()?, from_scratch),
        Request::Lock { from_scratch } => {
            let project = Project::own()?;
            let found = build_for_lock(&project, from_scratch)?;
            Lock::read(&project.lock())?
                .renewed(found)
                .write(&project.lock())
        }
        Request::Flatten(files) => {
            let flat = flatten::flatten(&files.read()?).context("flatten the component")?;
            write_whole(&files.output, &flat)
        }
        Request::Meter(files) => {
            let metered = meter::meter(&files.read()?, meter::Counter::InLocals, &[])
                .context("meter the component")?;
            write_whole(&files.output, &metered)
        }
        Request::Compile(files) => {
            write_whole(&files.output, &native::compile(&files.read()?, false)?)
        }
        Request::Packages { guest } => packages(guest, &Project::own()?),
        Request::BindC { wit, world, out } => components::bind_c(&wit, &world, &out),
        Request::Component(files) => {
            let made = components::component(&files.read()?)
                .with_context(|| format!("make a component of `{}`", files.input.display()))?;
            write_whole(&files.output, &made)
        }
    }
}

fn check(project: &Project, from_scratch: bool) -> Result<()> {
    let drift = Lock::read(&project.lock())?.drift(&build_for_lock(project, from_scratch)?);
    if drift.is_empty() {
        say("the guests are what `guest-adapters/artifacts.lock` says");
        return Ok(());
    }
    for difference in &drift {
        say(&difference.to_string());
    }
    bail!(
        "the guests are not what `guest-adapters/artifacts.lock` says; if that is intended, run \
         `guest-build lock` and commit the lock"
    )
}

fn packages(guest: Guest, project: &Project) -> Result<()> {
    let setup = project.setup();
    match guest {
        Guest::Python => {
            let packages = PythonPackages::install(&project.package_lists(), &setup)?;
            answer(&packages.python());
        }
        Guest::JavaScript => {
            let lists = project.adapter("javascript").join("build");
            answer(&javascript_packages(&lists, &setup)?);
        }
    }
    Ok(())
}

fn build_for_lock(project: &Project, from_scratch: bool) -> Result<Lock> {
    let builder = builder(project, from_scratch)?;
    let recipes = builder.recipes();
    let inputs = recipes
        .iter()
        .map(|recipe| recipe.inputs())
        .collect::<Result<Vec<_>>>()?;
    let manifest = builder.build(&project.guests())?;
    let mut lock = Lock::default();
    for (recipe, inputs) in recipes.iter().zip(inputs) {
        let name = recipe.name();
        let guest = manifest.get(name).context("a guest was not built")?;
        if key(recipe.as_ref())? != guest.inputs {
            bail!("the inputs changed during the build; try again");
        }
        let locked = Locked::new(inputs, guest);
        lock.guests.insert(name.to_owned(), locked);
    }
    Ok(lock)
}

fn builder(project: &Project, from_scratch: bool) -> Result<Builder<'_>> {
    Ok(Builder {
        project,
        cache: Cache::of_user()?,
        from_scratch,
        say,
    })
}

#[expect(
    clippy::print_stdout,
    reason = "what a script asked for and nothing else"
)]
fn answer(path: &Path) {
    println!("{}", path.display());
}

#[expect(
    clippy::print_stderr,
    reason = "the one place where this program talks"
)]
fn say(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, clap::Error> {
        let words = ["guest-build"].into_iter().chain(line.split_whitespace());
        Arguments::try_parse_from(words).map(|arguments| arguments.request)
    }

    #[test]
    fn commands_are_understood() -> Result<()> {
        for (line, request) in [
            (
                "build",
                Request::Build {
                    out: None,
                    from_scratch: false,
                    quick: false,
                },
            ),
            (
                "build --from-scratch --out x",
                Request::Build {
                    out: Some("x".into()),
                    from_scratch: true,
                    quick: false,
                },
            ),
            (
                "check --from-scratch",
                Request::Check { from_scratch: true },
            ),
            (
                "lock",
                Request::Lock {
                    from_scratch: false,
                },
            ),
            (
                "flatten a b",
                Request::Flatten(Files {
                    input: "a".into(),
                    output: "b".into(),
                }),
            ),
            (
                "packages python",
                Request::Packages {
                    guest: Guest::Python,
                },
            ),
            (
                "packages javascript",
                Request::Packages {
                    guest: Guest::JavaScript,
                },
            ),
            (
                "bind-c wit tools out",
                Request::BindC {
                    wit: "wit".into(),
                    world: "tools".to_owned(),
                    out: "out".into(),
                },
            ),
        ] {
            assert_eq!(parsed(line)?, request, "{line}");
        }
        Ok(())
    }

    #[test]
    fn mistakes_are_named() {
        use clap::error::ErrorKind;

        for (line, kind) in [
            ("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("--help", ErrorKind::DisplayHelp),
            ("bild", ErrorKind::InvalidSubcommand),
            ("build --fast", ErrorKind::UnknownArgument),
            ("build --out", ErrorKind::InvalidValue),
            ("check --out x", ErrorKind::UnknownArgument),
            ("compile a b --from-scratch", ErrorKind::UnknownArgument),
            ("flatten a", ErrorKind::MissingRequiredArgument),
            ("flatten a b c", ErrorKind::UnknownArgument),
            ("packages ruby", ErrorKind::InvalidValue),
        ] {
            assert_eq!(parsed(line).unwrap_err().kind(), kind, "{line}");
        }
    }
}
