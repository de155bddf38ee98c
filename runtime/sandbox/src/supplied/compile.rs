//! Compiling a supplied component: in a process of its own, under limits.
//!
//! A compiler is large and its input hostile: a small file can ask for much memory and time.
//! The process has neither environment nor arguments from outside; the component is its
//! standard input, the native code its standard output, a file that only this user can reach.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use data_encoding::HEXLOWER;
use lru::LruCache;
use parking_lot::Mutex;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::{Native, Supplied};
use crate::engine;
use crate::native::NativeCache;
use crate::native::file::{self, map};
use wxmcp_cache::{Mark, Unfinished, open_sound, used_now};
use wxmcp_run::{Bytes, CompiledComponent};

/// How much compiling a component may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Largest component, in bytes.
    pub component: u64,
    /// Memory of the process that compiles, in bytes.
    pub memory: u64,
    /// Largest native code, in bytes.
    pub native: u64,
    /// Time, by the clock on the wall.
    pub time: Duration,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            component: 128 << 20,
            memory: 3 << 30,
            native: 1 << 30,
            time: Duration::from_secs(180),
        }
    }
}

/// Bytes of the compiler's standard error that an error repeats.
const MAX_PRINTED: u64 = 2_000;

/// Compiled components that are kept, at most: in number, and in bytes.
const MAX_KEPT: (usize, u64) = (64, 4 << 30);

/// Compiled components that a process keeps in memory.
const MAX_KNOWN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// How long an unfinished file is left alone.
const UNFINISHED: Duration = Duration::from_secs(3_600);

/// Threads that compile.
const MAX_THREADS: usize = 8;

/// Compiles components, and keeps what it compiled.
pub struct Compiler {
    program: PathBuf,
    argument: &'static str,
    cache: NativeCache,
    limits: CompileLimits,
    engine: OnceLock<Engine>,
    /// By digest: mapping one again would read its metadata again, which may be large.
    known: Mutex<LruCache<[u8; 32], Supplied>>,
}

/// Why a component could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It is something else.
    #[error("it is {0}, not a WebAssembly component")]
    NotComponent(NotComponent),
    /// It is larger than any that is compiled.
    #[error("it is larger than {}", Bytes(*.0))]
    TooLarge(u64),
    /// It is not a valid component, or imports what is not offered.
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    /// The compiler took too much memory.
    #[error("compiling it takes more than {} of memory", Bytes(*.0))]
    Memory(u64),
    /// The compiler took too long.
    #[error("compiling it takes longer than {:?}", .0)]
    Time(Duration),
    /// The native code became too large.
    #[error("compiled it is larger than {}", Bytes(*.0))]
    NativeTooLarge(u64),
    /// The compiler ended in another way.
    #[error("the compiler failed: {0}")]
    Failed(String),
    /// The compiler could not be started, or its output not be kept.
    #[error("the compiler cannot be run")]
    System(#[from] std::io::Error),
    /// The engine did not take the compiled component.
    #[error("the compiled component cannot be loaded")]
    Load(#[source] wasmtime::Error),
}

/// What a file is that is not a component, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotComponent {
    /// A core module: its toolchain can make a component of it.
    #[error("a core module")]
    CoreModule,
    /// A module or component of a version that does not exist yet.
    #[error("WebAssembly of an unknown version")]
    UnknownVersion,
    /// An ELF file.
    #[error("native code, which wxmcp only makes itself")]
    NativeCode,
    /// WebAssembly as text.
    #[error("text")]
    Text,
    /// Anything else.
    #[error("something else")]
    Unknown,
}

impl CompileError {
    /// Whether the component is the cause: then compiling it again fails in the same way.
    pub fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::NotComponent(_) | Self::TooLarge(_) | Self::Invalid(_)
        )
    }
}

impl Compiler {
    /// A compiler that runs `program argument`, which must call [`compile_main`], and keeps
    /// its output in a directory of the cache.
    pub fn new(
        program: PathBuf,
        argument: &'static str,
        cache: NativeCache,
        limits: CompileLimits,
    ) -> Self {
        Self {
            program,
            argument,
            cache,
            limits,
            engine: OnceLock::new(),
            known: Mutex::new(LruCache::new(MAX_KNOWN)),
        }
    }

    /// A component, compiled now or before. The file may be anything.
    ///
    /// # Errors
    ///
    /// When it is not a component, or compiling it reaches a limit.
    pub async fn component(&self, wasm: &[u8]) -> Result<Supplied, CompileError> {
        let engine = self.engine()?;
        if let Some(other) = not_a_component(wasm) {
            return Err(CompileError::NotComponent(other));
        }
        if u64::try_from(wasm.len()).unwrap_or(u64::MAX) > self.limits.component {
            return Err(CompileError::TooLarge(self.limits.component));
        }
        let digest: [u8; 32] = Sha256::digest(wasm).into();
        if let Some(known) = self.known.lock().get(&digest) {
            return Ok(known.clone());
        }
        let hex = HEXLOWER.encode(&digest);
        let (component, file) = self.load(engine, wasm, &hex).await?;
        Ok(self.know(engine, component, (digest, Arc::new(file.into()))))
    }

    /// A component that another process of this program has compiled, out of the cache or else by the file that the other
    /// process has open. Both are checked before they are mapped.
    ///
    /// # Errors
    ///
    /// When neither is there as it was compiled.
    pub fn compiled(&self, by_another: &CompiledComponent) -> Result<Supplied, CompileError> {
        let digest = by_another.digest;
        if let Some(known) = self.known.lock().get(&digest) {
            return Ok(known.clone());
        }
        let engine = self.engine()?;
        let hex = HEXLOWER.encode(&digest);
        let mark = Mark {
            digest: &hex,
            size: None,
        };
        let cached = self.path(&hex).and_then(|path| {
            let file = open_sound(&path, &mark).ok()?;
            // One of another version of this program cannot be mapped.
            Some((map(engine, &file).ok()?, file))
        });
        let (component, file) = match (cached, &by_another.native) {
            (Some(cached), _) => cached,
            (None, Some(open)) => {
                let file = File::from(open.try_clone()?);
                file::check_opened(&file, &mark)?;
                (map(engine, &file).map_err(CompileError::Load)?, file)
            }
            (None, None) => {
                return Err(std::io::Error::from(std::io::ErrorKind::NotFound).into());
            }
        };
        Ok(self.know(engine, component, (digest, Arc::new(file.into()))))
    }

    fn know(&self, engine: &Engine, component: Component, native: Native) -> Supplied {
        let digest = native.0;
        let supplied = Supplied::new(engine.clone(), component, native);
        self.known.lock().put(digest, supplied.clone());
        supplied
    }

    /// Where a component's native code is kept, if there is a directory.
    fn path(&self, digest: &str) -> Option<PathBuf> {
        let directory = self.cache.components()?;
        Some(directory.join(format!("{digest}.native")))
    }

    async fn load(
        &self,
        engine: &Engine,
        wasm: &[u8],
        digest: &str,
    ) -> Result<(Component, File), CompileError> {
        let mark = Mark { digest, size: None };
        let path = self.path(digest);
        if let Some(path) = &path
            && let Ok(file) = open_sound(path, &mark)
        {
            // A file that cannot be mapped is compiled again.
            if let Ok(component) = map(engine, &file) {
                touch(&file, &mark);
                return Ok((component, file));
            }
        }
        let kept = match path.as_deref().map(Unfinished::begin) {
            Some(Ok(unfinished)) => match self.run(wasm, &unfinished.file).await {
                Ok(()) => unfinished.finish(&mark).ok(),
                // Perhaps the disk is full: compile into memory instead.
                Err(CompileError::System(_)) => None,
                Err(error) => return Err(error),
            },
            None | Some(Err(_)) => None,
        };
        let file = match kept {
            Some(file) => {
                touch(&file, &mark);
                if let Some(directory) = self.cache.components() {
                    make_room(&directory);
                }
                file
            }
            // No usable directory: it is compiled anew each time.
            None => {
                let memory = file::anonymous()?;
                self.run(wasm, &memory).await?;
                file::seal(&memory)?;
                memory
            }
        };
        let component = map(engine, &file).map_err(CompileError::Load)?;
        Ok((component, file))
    }

    fn engine(&self) -> Result<&Engine, CompileError> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        let engine = engine::supplied_engine().map_err(CompileError::Load)?;
        Ok(self.engine.get_or_init(|| engine))
    }

    async fn run(&self, wasm: &[u8], native: &File) -> Result<(), CompileError> {
        let input = file::anonymous()?;
        (&input).write_all(wasm)?;
        rustix::fs::seek(&input, rustix::fs::SeekFrom::Start(0)).map_err(std::io::Error::from)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut child = tokio::process::Command::new(&self.program)
            .arg(self.argument)
            .args(self.limits.words())
            .env_clear()
            .env("RAYON_NUM_THREADS", threads.min(MAX_THREADS).to_string())
            .current_dir("/")
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(native.try_clone()?))
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut printed = Vec::new();
        let stderr = child.stderr.take();
        let ended = tokio::time::timeout(self.limits.time, async {
            if let Some(stderr) = stderr {
                stderr.take(MAX_PRINTED).read_to_end(&mut printed).await?;
            }
            child.wait().await
        })
        .await
        .map_err(|_| CompileError::Time(self.limits.time))??;
        // It may repeat names out of the component.
        let printed: String = String::from_utf8_lossy(&printed)
            .trim()
            .chars()
            .map(|character| {
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            })
            .collect();
        self.limits.judge(ended, printed)
    }
}

impl CompileLimits {
    /// The limits as arguments of the process that keeps them.
    fn words(&self) -> [String; 4] {
        [
            self.component.to_string(),
            self.memory.to_string(),
            self.native.to_string(),
            self.time.as_secs().to_string(),
        ]
    }

    fn read(mut words: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut number = || words.next()?.to_str()?.parse::<u64>().ok();
        Some(Self {
            component: number()?,
            memory: number()?,
            native: number()?,
            time: Duration::from_secs(number()?),
        })
    }

    fn judge(&self, ended: ExitStatus, printed: String) -> Result<(), CompileError> {
        match (ended.code(), ended.signal()) {
            (Some(0), _) => Ok(()),
            (Some(INVALID), _) => Err(CompileError::Invalid(printed)),
            (Some(SYSTEM), _) => Err(CompileError::System(std::io::Error::other(printed))),
            (_, Some(ABRT)) if printed.contains(OUT_OF_MEMORY) => {
                Err(CompileError::Memory(self.memory))
            }
            (_, Some(XCPU)) => Err(CompileError::Time(self.time)),
            (_, Some(XFSZ)) => Err(CompileError::NativeTooLarge(self.native)),
            (_, Some(signal)) => Err(CompileError::Failed(format!("ended by signal {signal}"))),
            (_, None) => Err(CompileError::Failed(printed)),
        }
    }
}

/// What the standard library prints before it aborts, when an allocation fails. It has no stable way to do
/// anything else then, and an overflow of the stack aborts too: so this text is the only sign. What the
/// component says cannot be taken for it: that comes with `INVALID` alone.
const OUT_OF_MEMORY: &str = "memory allocation of";

const ABRT: i32 = rustix::process::Signal::ABORT.as_raw();
const XCPU: i32 = rustix::process::Signal::XCPU.as_raw();
const XFSZ: i32 = rustix::process::Signal::XFSZ.as_raw();

/// Exit code of the process that compiles, when the component is the cause.
const INVALID: i32 = 3;

/// The same, when the machine is the cause.
const SYSTEM: i32 = 4;

/// What a file is if it does not begin as a component does.
fn not_a_component(bytes: &[u8]) -> Option<NotComponent> {
    match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => None,
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Some(NotComponent::CoreModule),
        [0, b'a', b's', b'm', ..] => Some(NotComponent::UnknownVersion),
        [0x7f, b'E', b'L', b'F', ..] => Some(NotComponent::NativeCode),
        [b'(', ..] => Some(NotComponent::Text),
        _ => Some(NotComponent::Unknown),
    }
}

/// Sets the time of last use of a component; its time of writing stays.
fn touch(file: &File, mark: &Mark<'_>) {
    let _unused_for_long = used_now(file, mark);
}

/// Removes the components that were not used for longest.
fn make_room(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    let mut kept: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let found = entry.metadata().ok()?;
            let used = found.accessed().ok()?;
            // Another process may still be writing it.
            let is_unfinished = entry.file_name().as_encoded_bytes().starts_with(b".")
                && used.elapsed().is_ok_and(|age| age < UNFINISHED);
            (!is_unfinished).then(|| (used, found.len(), entry.path()))
        })
        .collect();
    kept.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
    let (most, mut left) = MAX_KEPT;
    for (at, (_, size, path)) in kept.iter().enumerate() {
        let rest = left.checked_sub(*size).filter(|_| at < most);
        match rest {
            Some(rest) => left = rest,
            None => {
                let _gone = std::fs::remove_file(path);
            }
        }
    }
}

/// Compiles standard input to standard output, under the limits in its arguments. Only for the process that
/// [`Compiler`] starts.
pub fn compile_main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let compiled = match CompileLimits::read(arguments) {
        Some(limits) => compile(&limits),
        None => Err(Uncompiled::System(std::io::Error::other(
            "this is not for people",
        ))),
    };
    let (code, words) = match compiled {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Uncompiled::Invalid(error)) => (INVALID, format!("{error:#}")),
        Err(Uncompiled::System(error)) => (SYSTEM, error.to_string()),
    };
    let _not_readable = writeln!(std::io::stderr(), "{words}");
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Why nothing was compiled.
enum Uncompiled {
    Invalid(wasmtime::Error),
    System(std::io::Error),
}

impl From<std::io::Error> for Uncompiled {
    fn from(error: std::io::Error) -> Self {
        Self::System(error)
    }
}

impl From<rustix::io::Errno> for Uncompiled {
    fn from(error: rustix::io::Errno) -> Self {
        Self::System(error.into())
    }
}

fn compile(limits: &CompileLimits) -> Result<(), Uncompiled> {
    // The parent has exited, so stop compiling.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    for (resource, most) in [
        (Resource::Data, limits.memory),
        (Resource::Fsize, limits.native),
        (Resource::Core, 0),
        // Of all threads together, in case the parent no longer runs its timer.
        (
            Resource::Cpu,
            limits.time.as_secs().saturating_mul(8).max(1),
        ),
    ] {
        // Only root may have more than it was given.
        let given = getrlimit(resource).maximum;
        let most = Some(given.map_or(most, |given| given.min(most)));
        let limit = Rlimit {
            current: most,
            maximum: most,
        };
        setrlimit(resource, limit)?;
    }
    let mut wasm = Vec::new();
    std::io::stdin()
        .take(limits.component)
        .read_to_end(&mut wasm)?;
    let engine = engine::compiling_engine()
        .map_err(|error| Uncompiled::System(std::io::Error::other(format!("{error:#}"))))?;
    let native = engine::compile_supplied(&engine, &wasm).map_err(Uncompiled::Invalid)?;
    let mut out = std::io::stdout().lock();
    out.write_all(&native)?;
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_named() {
        for (bytes, what) in [
            (&b"\0asm\x0d\0\x01\0rest"[..], None),
            (b"\0asm\x01\0\0\0", Some("a core module")),
            (
                b"\x7fELF\x02",
                Some("native code, which wxmcp only makes itself"),
            ),
            (b"(component)", Some("text")),
            (b"print(1)", Some("something else")),
            (b"", Some("something else")),
        ] {
            let found = not_a_component(bytes).map(|it| it.to_string());
            assert_eq!(found.as_deref(), what, "{bytes:?}");
        }
    }

    #[test]
    fn the_components_that_were_not_used_for_longest_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let time = |second: u64| std::time::UNIX_EPOCH + Duration::from_secs(second);
        for at in 0..70_u64 {
            let file = File::create(folder.path().join(format!("{at}.native"))).unwrap();
            file.set_times(std::fs::FileTimes::new().set_accessed(time(1_000 + at)))
                .unwrap();
        }
        File::create(folder.path().join(".unfinished")).unwrap();
        make_room(folder.path());
        assert!(folder.path().join(".unfinished").exists());
        assert!(!folder.path().join("5.native").exists());
        assert!(folder.path().join("6.native").exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 65);
    }
}
