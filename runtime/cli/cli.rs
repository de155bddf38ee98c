//! The command line: what may be written, and nothing that acts on it.

mod packages;
mod parse;
mod recordings;
mod repl;
mod serve;
mod sources;
mod test;

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};

use wxmcp_run::Language;

pub(crate) use packages::{AddArgs, LockArgs, PackageFlags, PackagesArgs, RemoveArgs};
pub(crate) use parse::{is_run_flag, parse, run_of};

pub(crate) use recordings::{
    KeepArgs, LiveArgs, RecordArgs, RecordingArgs, RecordingCommand, ReplayArgs, VerifyArgs,
};
pub(crate) use repl::ReplArgs;
pub(crate) use serve::{McpClient, ServeArgs};
pub(crate) use sources::{SourceArgs, since_1970};
pub(crate) use test::TestArgs;

const ABOUT: &str = "\
Runs a program that an AI agent wrote, in a sandbox, with tools as modules it imports.

The program sees no files, no network, no environment and no process but what you
grant. Its tools are files below `tools/` and the MCP servers of `.mcp.json`:
`from tools import database, github`.";

const EXAMPLES: &str = "\
Examples:
  wxmcp run report.py                       run a script; its value is printed last
  wxmcp run -c 'sum(range(10))'             one line of code
  wxmcp run - < report.py                   a script from standard input
  wxmcp run agent.wasm                      a WebAssembly component that imports tools
  wxmcp run -v ./data:/data report.py       let it read ./data as /data
  wxmcp run -v ./out:/out:rw report.py      let it write there, too
  wxmcp run --project . tools/report.py     let it read this folder, and import what is beside it
  wxmcp run --allow-host api.example.com report.ts   let it fetch() from there
  wxmcp run --allow-tool 'memory.*' --json report.py --since 2026

Exit codes:
  0 returned   1 raised   2 usage or policy   3 stopped by a limit
  70 wxmcp's own fault   74 output could not be written   130 cancelled, also where
  the reader of the output has gone   otherwise the script's own (sys.exit)";

/// Flags stand before the script: what follows it is the script's.
pub(crate) const RUN_USAGE: &str = "\
wxmcp run [OPTIONS] SCRIPT [ARGS]...
       wxmcp run [OPTIONS] -c CODE [ARGS]...";

const CHECKERS: &str = "\
Python is checked by `ty`, TypeScript by version 7 of its compiler (`tsgo` or `tsc`): programs in
the folder WXMCP_CHECKERS, else `folder` under `[check]` in wxmcp.toml, else on PATH.

Exit codes:
  0 nothing was found   1 something was, or the checker failed   2 usage, or there is no checker";

const COMPONENTIZERS: &str = "\
The component holds the script and its interpreter, imports the tools that the script uses by their
types (`wxmcp tools export --format wit`), and exports `main`: `wxmcp run OUT`. Where its text does
not tell which tools of a namespace it uses, all of them are imported.

It is made by componentize-py 0.25.1 (PyPI) or componentize-js 0.23.0 (npm), in the folder
WXMCP_COMPONENTIZERS (`bin/`, `node_modules/`), else `folder` under `[build]` in wxmcp.toml, else
on PATH and in `node_modules` here or above.

Exit codes:
  0 it was made   1 the script is no program, or making it failed   2 usage, or a tool is missing";

/// Everything that may stand on the command line.
#[derive(Debug, Parser)]
#[command(name = "wxmcp", version, about = "Sandboxed programs for AI agents", long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What wxmcp can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a script and print what it prints, then its value
    #[command(after_help = EXAMPLES, override_usage = RUN_USAGE)]
    Run(Box<RunArgs>),
    /// Offer programs with tools to an agent: an MCP server at standard input and output
    #[command(after_help = serve::HELP)]
    Serve(Box<ServeArgs>),
    /// Write a commented wxmcp.toml and a sample tool into the folder at hand
    Init,
    /// Read lines, run each when it is whole, and go on with its variables: Python, JavaScript or TypeScript
    #[command(after_help = repl::HELP)]
    Repl(Box<ReplArgs>),
    /// Run a script, and keep all that it was given in a file that replays
    #[command(after_help = recordings::RECORD)]
    Record(Box<RecordArgs>),
    /// Run what was recorded once more, with nothing but the recording, and say where it differs
    #[command(after_help = recordings::REPLAY)]
    Replay(ReplayArgs),
    /// Replay many recordings, and say which differ
    #[command(after_help = recordings::VERIFY)]
    Verify(VerifyArgs),
    /// Show what a recording holds
    Recording(RecordingArgs),
    /// Run tests of scripts, which give the answers of their tools
    #[command(after_help = test::HELP)]
    Test(Box<TestArgs>),
    /// Check the types of a script against its tools, without running it
    #[command(after_help = CHECKERS)]
    Check(CheckArgs),
    /// Make a WebAssembly component of a script, with typed imports of the tools that it uses
    #[command(after_help = COMPONENTIZERS)]
    Build(BuildArgs),
    /// List, search, show, check, export and call the tools that scripts would see
    Tools(ToolsArgs),
    /// Add packages that scripts of this project import
    #[command(after_help = packages::HELP)]
    Add(AddArgs),
    /// Remove packages from this project
    Remove(RemoveArgs),
    /// Resolve the packages of this project anew, and lock them by version and digest
    Lock(LockArgs),
    /// List the packages that are locked, with their versions, sizes, licences and digests
    Packages(PackagesArgs),
    /// Check the guests, the cache, the configuration and the upstream servers
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// A language that `--lang` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NamedLanguage(pub(crate) Language);

impl ValueEnum for NamedLanguage {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self(Language::Python),
            Self(Language::JavaScript),
            Self(Language::TypeScript),
        ]
    }

    /// The name of a language; none where `--lang` is not needed. A new language needs an arm here and
    /// a line above.
    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, alias, help) = match self.0 {
            Language::Python => ("py", "python", "CPython 3.14"),
            Language::JavaScript => ("js", "javascript", "JavaScript (StarlingMonkey)"),
            Language::TypeScript => ("ts", "typescript", "TypeScript, its types removed"),
            Language::Component => return None,
        };
        Some(PossibleValue::new(name).alias(alias).help(help))
    }
}

/// `wxmcp run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The script, or `-` for standard input; what follows it is the script's (`sys.argv`)
    #[arg(trailing_var_arg = true, value_name = "SCRIPT] [ARGS")]
    pub(crate) words: Vec<String>,

    /// Run CODE instead of a file; what follows are its arguments
    #[arg(short, long, value_name = "CODE")]
    pub(crate) code: Option<String>,

    /// The language, where no file name tells it
    #[arg(long, value_enum)]
    pub(crate) lang: Option<NamedLanguage>,

    /// Run the script by an interpreter of your own: a component that exports a world of wit/guest.wit
    #[arg(long, value_name = "WASM", conflicts_with_all = ["lang", "check"])]
    pub(crate) interpreter: Option<String>,

    /// When the script has run, read lines from standard input and go on with its variables, as `wxmcp repl` does
    #[arg(short, long, conflicts_with_all = ["json", "check", "interpreter", "quiet"])]
    pub(crate) interactive: bool,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    #[command(flatten)]
    pub(crate) sources: SourceArgs,

    #[command(flatten)]
    pub(crate) keep: KeepArgs,

    /// Check the types first, as `wxmcp check` does, and do not run what they do not fit
    #[arg(long)]
    pub(crate) check: bool,

    /// Print one JSON report instead of the script's output and value
    #[arg(long)]
    pub(crate) json: bool,

    /// Print what the run used to standard error at its end
    #[arg(long)]
    pub(crate) usage: bool,

    /// Print neither progress nor the script's value
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// How much a script may use.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Wall-clock time, waits for tools included [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,

    /// Time that the script may wait for servers to start, and for a component to be compiled, beside the other [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) start_timeout: Option<Duration>,

    /// Units of fuel, about one per WebAssembly instruction [default: no limit]
    #[arg(long, value_name = "UNITS")]
    pub(crate) fuel: Option<u64>,

    /// Memory of the interpreter and the script [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<ByteSize>,

    /// What wxmcp may hold for the script at once beside that: arguments, answers, tool files [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) host_memory: Option<ByteSize>,

    /// Files that the script keeps outside of mounts, in its home `/home/agent` and in `/tmp`: in memory, and gone with
    /// the run. 0: there are no such folders [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) scratch: Option<ByteSize>,

    /// Tool calls and requests to hosts, failed ones included [default: 1000]
    #[arg(long, value_name = "N")]
    pub(crate) max_tool_calls: Option<u64>,

    /// Tool calls in flight at once; more wait their turn [default: 64]
    #[arg(long, value_name = "N")]
    pub(crate) max_concurrent_calls: Option<u32>,

    /// Bytes printed, standard output and error together [default: 1MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_output: Option<ByteSize>,

    /// Time for one tool call or request; begins anew when a server reports progress, up to ten times this [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) call_timeout: Option<Duration>,
}

/// What a script may touch.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyArgs {
    /// Let the script see the host directory SRC as DST, to read (ro, the default) or to write (rw), where it may add SIZE in
    /// FILES [default: 1GiB, 100000], and not change files of wxmcp's own
    #[arg(
        short = 'v',
        long = "volume",
        value_name = "SRC:DST[:ro|:rw[,SIZE[,FILES]]]"
    )]
    pub(crate) volumes: Vec<String>,

    /// Let the script read DIR as /project. A script inside it runs as the file that it is there: it imports modules
    /// beside it, and finds what is beside `__file__`
    #[arg(long, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) packages: PackageFlags,

    /// Begin in the folder DST that the script sees [default: its home, /home/agent; /project for code without a file]
    #[arg(long, value_name = "DST")]
    pub(crate) workdir: Option<String>,

    /// Set an environment variable of the script; KEY alone passes yours on
    #[arg(short, long = "env", value_name = "KEY[=VALUE]")]
    pub(crate) env: Vec<String>,

    /// Grant only tools that fit a pattern, `database.*` [default: every configured tool]
    #[arg(long = "allow-tool", value_name = "PATTERN")]
    pub(crate) allow_tools: Vec<String>,

    /// Refuse tools that fit a pattern, whatever else grants them
    #[arg(long = "deny-tool", value_name = "PATTERN")]
    pub(crate) deny_tools: Vec<String>,

    /// Let the script send requests to a host, `api.example.com` or `*.example.com` (https), `127.0.0.1:8080` [default: none]
    #[arg(long = "allow-host", value_name = "PATTERN")]
    pub(crate) allow_hosts: Vec<String>,
}

/// Where the configuration is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigArgs {
    /// MCP servers, in the form of `.mcp.json`; relative paths in it are relative to it [default: .mcp.json, mcp.json]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) mcp_config: Option<PathBuf>,

    /// The tool tree: a folder a namespace, a file a tool [default: tools, beside wxmcp.toml]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) tools: Option<PathBuf>,

    /// Limits, policy, connections and grants [default: wxmcp.toml]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
}

/// `wxmcp check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The script
    pub(crate) script: String,

    /// The language, where the file name does not tell it
    #[arg(long, value_enum)]
    pub(crate) lang: Option<NamedLanguage>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// `wxmcp build`.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The script
    pub(crate) script: String,

    /// The component; replaced if it is there
    #[arg(short, long, value_name = "OUT.wasm")]
    pub(crate) output: PathBuf,

    /// Import a namespace or a tool too, for tools that the script calls by names it makes
    #[arg(long, value_name = "NAMESPACE[.TOOL]")]
    pub(crate) with: Vec<String>,

    /// The language, where the file name does not tell it
    #[arg(long, value_enum)]
    pub(crate) lang: Option<NamedLanguage>,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// `wxmcp tools`.
#[derive(Debug, Args)]
pub(crate) struct ToolsArgs {
    #[command(subcommand)]
    pub(crate) command: ToolsCommand,

    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// What can be asked of the tools.
#[derive(Debug, Subcommand)]
pub(crate) enum ToolsCommand {
    /// All tools, or those of one namespace
    List {
        /// Only this namespace; no other server is started
        namespace: Option<String>,
    },
    /// The tools that fit some words best; exit code 1 if none does
    Search {
        /// What the tool should do
        #[arg(required = true)]
        words: Vec<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 10)]
        limit: usize,
        /// How much to say of each
        #[arg(long, value_enum, default_value_t = Detail::Brief)]
        detail: Detail,
    },
    /// Signature, description and schemas of tools
    Show {
        /// Full names, `namespace.tool`
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Read every tool, and say what does not load and what asks for more than is approved
    Check,
    /// Write stubs or schemas of the tools into a folder
    Export(ExportArgs),
    /// Call one tool and print its answer as JSON
    Call {
        /// Full name, `namespace.tool`
        name: String,
        /// The arguments
        #[arg(long, value_name = "JSON", default_value = "{}")]
        args: String,
    },
}

/// How much a search says of each tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Detail {
    /// The name
    Names,
    /// The name and what it does
    Brief,
    /// What `tools show` says
    Full,
}

impl From<Detail> for wxmcp_run::Detail {
    fn from(detail: Detail) -> Self {
        match detail {
            Detail::Names => Self::Names,
            Detail::Brief => Self::Brief,
            Detail::Full => Self::Full,
        }
    }
}

/// `wxmcp tools export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// What to write
    #[arg(long, value_enum)]
    pub(crate) format: Format,

    /// The folder; files in it that are not of the export stay
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,

    /// What a plain call of a tool answers, in stubs for Python
    #[arg(long, value_enum, default_value_t)]
    pub(crate) calls: Calls,

    /// Only these namespaces; no other server is started
    pub(crate) namespaces: Vec<String>,
}

/// What tools can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Stubs for type checkers and editors, `.pyi`
    Python,
    /// The same for TypeScript, `.d.ts`
    #[value(name = "typescript")]
    TypeScript,
    /// A file a namespace with the schemas of arguments and answers
    JsonSchema,
    /// A package a namespace for components, and a world that imports them all
    Wit,
    /// The tools of a request to Anthropic's Messages API
    Anthropic,
    /// The tools of a request to OpenAI's Responses API
    #[value(name = "openai")]
    OpenAi,
}

/// What a plain call of a tool answers in Python.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Calls {
    /// Its value: the code never runs in an event loop
    Blocking,
    /// An awaitable: all of the code runs in an event loop
    Awaited,
    /// Either, so that its type is `Any`; `.sync` and `.aio` are typed
    #[default]
    Either,
}

/// `wxmcp doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}
