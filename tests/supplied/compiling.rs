//! Compiling what somebody supplied: limits, and what is kept.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use wxmcp_run::{CompiledComponent, ComponentEntry};
use wxmcp_sandbox::NativeCache;
use wxmcp_sandbox::supplied::{CompileLimits, Compiler};

use crate::components::{assert_refused, command, folder, leb128, run, run_text};
use crate::support::{Printed, TestResult, wxmcp};

/// Compiling ends, one way or the other, and says why.
#[test]
fn hostile_shapes_are_compiled_or_refused_within_limits() -> TestResult {
    // Many functions are many functions.
    let many = "(func)".repeat(200_000);
    let printed = run_text(&command(&many, ""), &[])?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    // Blocks within blocks.
    let deep = format!("{}{}", "(block ".repeat(900), ")".repeat(900));
    let printed = run_text(&command("", &deep), &[])?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    // Components within components. Text of that depth nobody parses: it is put together.
    let mut nested = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..3_000 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        leb128(&mut outer, nested.len());
        outer.extend(&nested);
        nested = outer;
    }
    let folder = folder(&command("", ""))?;
    fs::write(folder.path().join("agent.wasm"), nested)?;
    assert_refused(
        &run(folder.path(), &[])?,
        2,
        "the component exports neither `main",
    );
    // One body that is larger than any may be.
    let large = "(nop)".repeat(7_700_000);
    let module = format!("(module (func {large}))");
    let core = wat::parse_str(&module)?;
    let mut component = b"\0asm\x0d\0\x01\0\x01".to_vec();
    leb128(&mut component, core.len());
    component.extend(core);
    fs::write(folder.path().join("agent.wasm"), component)?;
    assert_refused(&run(folder.path(), &[])?, 2, "it is not a valid component:");
    Ok(())
}

/// A compiler has limits of its own, and each is named.
#[test]
fn compiling_is_stopped_by_its_limits() -> TestResult {
    let many = wat::parse_str(command(&"(func)".repeat(60_000), ""))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let compiled = |limits: CompileLimits| {
        let program = env!("CARGO_BIN_EXE_wxmcp").into();
        let compiler = Compiler::new(
            program,
            "__compile-component",
            NativeCache::new(None),
            limits,
        );
        match runtime.block_on(compiler.component(&many)) {
            Ok(_) => "compiled".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    let enough = CompileLimits::default();
    assert_eq!(compiled(enough), "compiled");
    for (limits, said) in [
        (
            CompileLimits {
                component: 1 << 10,
                ..enough
            },
            "it is larger than 1 KiB",
        ),
        (
            CompileLimits {
                memory: 100 << 20,
                ..enough
            },
            "compiling it takes more than 100 MiB of memory",
        ),
        (
            CompileLimits {
                native: 1 << 20,
                ..enough
            },
            "compiled it is larger than 1 MiB",
        ),
        (
            CompileLimits {
                time: Duration::from_millis(10),
                ..enough
            },
            "compiling it takes longer than 10ms",
        ),
    ] {
        assert_eq!(compiled(limits), said);
    }
    Ok(())
}

/// The native code in the cache is ours, or it is not used.
#[test]
fn a_changed_file_in_the_cache_is_compiled_again() -> TestResult {
    let folder = folder(&command("", "(return (i32.const 1))"))?;
    let cache = tempfile::tempdir()?;
    let run = || -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(folder.path());
        command.env("WXMCP_CACHE_DIR", cache.path());
        Ok(command.args(["run", "agent.wasm"]).output()?.into())
    };
    assert_eq!(run()?.code, Some(1));
    let kept: Vec<_> = fs::read_dir(cache.path().join("components"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    let [native] = kept.as_slice() else {
        panic!("{kept:?}");
    };
    let written = || fs::metadata(native)?.modified();
    let stamp = written()?;
    assert_eq!(run()?.code, Some(1));
    assert_eq!(written()?, stamp);
    // The same component made to answer something else, under the first one's name.
    let well = self::folder(&command("", ""))?;
    let other = tempfile::tempdir()?;
    let mut made = wxmcp(well.path());
    made.env("WXMCP_CACHE_DIR", other.path());
    let made: Printed = made.args(["run", "agent.wasm"]).output()?.into();
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    for entry in fs::read_dir(other.path().join("components"))? {
        fs::copy(entry?.path(), native)?;
    }
    assert_eq!(run()?.code, Some(1), "native code that was changed was run");
    assert_eq!(written()?, stamp);
    Ok(())
}

/// A process takes from another what the other has compiled, from the cache or by the open file, and nothing else.
#[test]
fn what_another_process_has_compiled_is_checked_before_it_is_mapped() -> TestResult {
    let wasm = wat::parse_str(command("", ""))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let compiler = |cache: Option<&Path>| {
        Compiler::new(
            env!("CARGO_BIN_EXE_wxmcp").into(),
            "__compile-component",
            NativeCache::new(cache.map(Path::to_owned)),
            CompileLimits::default(),
        )
    };
    let cache = tempfile::tempdir()?;
    let supplied = runtime.block_on(compiler(Some(cache.path())).component(&wasm))?;
    let compiled = supplied.compiled(ComponentEntry::Script, Vec::new());
    let without_file = |it: &CompiledComponent| CompiledComponent {
        native: None,
        ..it.clone()
    };
    // Out of the cache; by the file where there is no cache; not at all without both.
    assert!(
        compiler(Some(cache.path()))
            .compiled(&without_file(&compiled))
            .is_ok()
    );
    assert!(compiler(None).compiled(&compiled).is_ok());
    assert!(compiler(None).compiled(&without_file(&compiled)).is_err());
    // A memory file that is sealed.
    let in_memory = runtime.block_on(compiler(None).component(&wasm))?;
    let in_memory = in_memory.compiled(ComponentEntry::Script, Vec::new());
    assert!(compiler(None).compiled(&in_memory).is_ok());
    // Whoever writes to the file changes its time: then neither way is open.
    let kept = fs::read_dir(cache.path().join("components"))?
        .next()
        .ok_or("nothing is kept")??
        .path();
    let mut bytes = fs::read(&kept)?;
    let last = bytes.last_mut().ok_or("it is empty")?;
    *last ^= 1;
    fs::write(&kept, bytes)?;
    assert!(compiler(Some(cache.path())).compiled(&compiled).is_err());
    // A file that somebody else may write, and one whose digest is another.
    let loose = cache.path().join("loose.native");
    fs::write(&loose, b"code")?;
    let mut forged = compiled;
    forged.native = Some(std::sync::Arc::new(fs::File::open(&loose)?.into()));
    assert!(compiler(None).compiled(&forged).is_err());
    Ok(())
}
