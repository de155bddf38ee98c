//! The command line of the guest build.

use anyhow::{Context, Result, bail};
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

const USAGE: &str = "\
Builds the interpreter guests.

usage:
  guest-build build [--out DIR] [--from-scratch]
      Build into DIR (default target/guests): NAME.wasm and NAME.cwasm.zst of each
      guest, manifest.json. Unchanged inputs are answered from
      ${XDG_CACHE_HOME:-~/.cache}/wxmcp-build, unless --from-scratch.
  guest-build check [--from-scratch]
      Build, and compare inputs and outputs with guest-adapters/artifacts.lock.
  guest-build lock [--from-scratch]
      Build, and write guest-adapters/artifacts.lock.
  guest-build flatten IN OUT
      Merge the core modules of a component.
  guest-build meter IN OUT
      Let a component count its own instructions.
  guest-build compile IN OUT
      Compile a component to native code, not compressed.
  guest-build packages python|javascript
      Install the packages that this guest is made of, and print where they are: a
      program that is Python, or a folder that has node_modules.
  guest-build bind-c WIT WORLD DIR
      Write a world of the WIT in a folder as C into DIR.
  guest-build component IN OUT
      Make a component of a module that holds its world.";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Help,
    Build {
        out: Option<PathBuf>,
        from_scratch: bool,
    },
    Check {
        from_scratch: bool,
    },
    Lock {
        from_scratch: bool,
    },
    Flatten {
        input: PathBuf,
        output: PathBuf,
    },
    Meter {
        input: PathBuf,
        output: PathBuf,
    },
    Compile {
        input: PathBuf,
        output: PathBuf,
    },
    PythonPackages,
    JavaScriptPackages,
    BindC {
        wit: PathBuf,
        world: String,
        out: PathBuf,
    },
    Component {
        input: PathBuf,
        output: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let request = match parse(&arguments) {
        Ok(request) => request,
        Err(error) => {
            say(&format!("error: {error:#}\n\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
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

fn parse(arguments: &[String]) -> Result<Request> {
    let Some((command, rest)) = arguments.split_first() else {
        bail!("no command")
    };
    let (mut from_scratch, mut files) = (false, Vec::new());
    let mut out = None;
    let mut rest = rest.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--from-scratch" => from_scratch = true,
            "--out" => out = Some(rest.next().context("`--out` needs a value")?),
            flag if flag.starts_with('-') => bail!("unknown option `{flag}`"),
            file => files.push(PathBuf::from(file)),
        }
    }
    if command != "build" && out.is_some() {
        bail!("`{command}` does not take `--out`");
    }
    if from_scratch && !["build", "check", "lock"].contains(&command.as_str()) {
        bail!("`{command}` does not take `--from-scratch`");
    }
    Ok(match (command.as_str(), files.as_slice()) {
        ("help" | "--help" | "-h", _) => Request::Help,
        ("build", []) => Request::Build {
            out: out.map(PathBuf::from),
            from_scratch,
        },
        ("check", []) => Request::Check { from_scratch },
        ("lock", []) => Request::Lock { from_scratch },
        ("flatten", [input, output]) => Request::Flatten {
            input: input.clone(),
            output: output.clone(),
        },
        ("meter", [input, output]) => Request::Meter {
            input: input.clone(),
            output: output.clone(),
        },
        ("compile", [input, output]) => Request::Compile {
            input: input.clone(),
            output: output.clone(),
        },
        ("packages", [guest]) if guest == "python" => Request::PythonPackages,
        ("packages", [guest]) if guest == "javascript" => Request::JavaScriptPackages,
        ("bind-c", [wit, world, out]) => Request::BindC {
            wit: wit.clone(),
            world: world.to_string_lossy().into_owned(),
            out: out.clone(),
        },
        ("component", [input, output]) => Request::Component {
            input: input.clone(),
            output: output.clone(),
        },
        ("build" | "check" | "lock" | "flatten" | "meter" | "compile", _)
        | ("packages" | "bind-c" | "component", _) => {
            bail!("`{command}` does not take these files")
        }
        _ => bail!("unknown command `{command}`"),
    })
}

fn execute(request: Request) -> Result<()> {
    match request {
        Request::Help => {
            say(USAGE);
            Ok(())
        }
        Request::Build { out, from_scratch } => {
            let project = Project::own()?;
            let out = out.unwrap_or_else(|| project.guests());
            builder(&project, from_scratch)?.build(&out).map(|_| ())
        }
        Request::Check { from_scratch } => {
            let project = Project::own()?;
            let drift =
                Lock::read(&project.lock())?.drift(&build_for_lock(&project, from_scratch)?);
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
        Request::Lock { from_scratch } => {
            let project = Project::own()?;
            let found = build_for_lock(&project, from_scratch)?;
            Lock::read(&project.lock())?
                .renewed(found)
                .write(&project.lock())
        }
        Request::Flatten { input, output } => {
            let bytes =
                std::fs::read(&input).with_context(|| format!("read `{}`", input.display()))?;
            write_whole(
                &output,
                &flatten::flatten(&bytes).context("flatten the component")?,
            )
        }
        Request::Meter { input, output } => {
            let bytes =
                std::fs::read(&input).with_context(|| format!("read `{}`", input.display()))?;
            write_whole(
                &output,
                &meter::meter(&bytes, meter::Counter::InLocals, &[])
                    .context("meter the component")?,
            )
        }
        Request::Compile { input, output } => {
            let bytes =
                std::fs::read(&input).with_context(|| format!("read `{}`", input.display()))?;
            write_whole(&output, &native::compile(&bytes)?)
        }
        Request::PythonPackages => {
            let project = Project::own()?;
            answer(&PythonPackages::install(&project.package_lists(), &project.setup())?.python());
            Ok(())
        }
        Request::JavaScriptPackages => {
            let project = Project::own()?;
            answer(&javascript_packages(
                &project.adapter("javascript").join("build"),
                &project.setup(),
            )?);
            Ok(())
        }
        Request::BindC { wit, world, out } => components::bind_c(&wit, &world, &out),
        Request::Component { input, output } => {
            let bytes =
                std::fs::read(&input).with_context(|| format!("read `{}`", input.display()))?;
            let made = components::component(&bytes)
                .with_context(|| format!("make a component of `{}`", input.display()))?;
            write_whole(&output, &made)
        }
    }
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

    fn parsed(line: &str) -> Result<Request> {
        parse(
            &line
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn commands_are_understood() -> Result<()> {
        assert_eq!(
            parsed("build")?,
            Request::Build {
                out: None,
                from_scratch: false
            }
        );
        let out = Some(PathBuf::from("x"));
        assert_eq!(
            parsed("build --from-scratch --out x")?,
            Request::Build {
                out,
                from_scratch: true
            }
        );
        assert_eq!(
            parsed("check --from-scratch")?,
            Request::Check { from_scratch: true }
        );
        assert_eq!(
            parsed("lock")?,
            Request::Lock {
                from_scratch: false
            }
        );
        assert_eq!(
            parsed("flatten a b")?,
            Request::Flatten {
                input: "a".into(),
                output: "b".into()
            }
        );
        assert_eq!(parsed("packages python")?, Request::PythonPackages);
        assert_eq!(
            parsed("bind-c wit tools out")?,
            Request::BindC {
                wit: "wit".into(),
                world: "tools".to_owned(),
                out: "out".into()
            }
        );
        assert_eq!(parsed("--help")?, Request::Help);
        Ok(())
    }

    #[test]
    fn mistakes_are_named() {
        let refused = |line| parsed(line).unwrap_err().to_string();
        assert_eq!(refused(""), "no command");
        assert_eq!(refused("bild"), "unknown command `bild`");
        assert_eq!(refused("build --fast"), "unknown option `--fast`");
        assert_eq!(refused("build --out"), "`--out` needs a value");
        assert_eq!(refused("check --out x"), "`check` does not take `--out`");
        assert_eq!(
            refused("compile a b --from-scratch"),
            "`compile` does not take `--from-scratch`"
        );
        assert_eq!(refused("flatten a"), "`flatten` does not take these files");
        assert_eq!(
            refused("packages ruby"),
            "`packages` does not take these files"
        );
    }
}
