//! A flat component does what the component did that it was made from, and
//! what cannot be flattened is refused by name.

use guest_build::flatten::{
    Changes, Flat, FlattenError, Mode, ModesInterface, Release, Repeat, WithMode, flatten,
};
use guest_build::image::Image;
use guest_build::stack::{self, StackError};
use wasmparser::{Parser, Payload};
use wasmtime::component::{Component, Linker, Resource, ResourceType, Val};
use wasmtime::{Engine, Store};

const LINKED: &str = include_str!("linked.wat");

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn linked() -> Result<Vec<u8>> {
    Ok(wat::parse_str(LINKED)?)
}

/// The component of the tests with a part of its text replaced.
fn changed(from: &str, to: &str) -> Result<Vec<u8>> {
    assert!(
        LINKED.contains(from),
        "the component does not contain {from:?}"
    );
    Ok(wat::parse_str(LINKED.replacen(from, to, 1))?)
}

fn refusal(from: &str, to: &str) -> Result<FlattenError> {
    match flatten(&changed(from, to)?) {
        Ok(_) => Err("it was flattened".into()),
        Err(error) => Ok(error),
    }
}

/// Names and kinds of what a component imports and exports.
fn surface(bytes: &[u8]) -> Result<Vec<String>> {
    let (mut depth, mut names) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import?;
                    names.push(format!("import {:?} {:?}", import.name, import.ty));
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export?;
                    names.push(format!("export {:?} {:?}", export.name, export.kind));
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

fn modules(bytes: &[u8]) -> Result<usize> {
    let mut count = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        count += usize::from(matches!(payload?, Payload::ModuleSection { .. }));
    }
    Ok(count)
}

/// What the host saw.
#[derive(Default, Debug, PartialEq)]
struct Host {
    log: Vec<String>,
    total: u32,
    dropped: Vec<u32>,
}

struct Thing;

/// Everything that a component does when its exports are called in turn.
fn behaviour(bytes: &[u8]) -> Result<(Vec<String>, Host)> {
    let engine = Engine::default();
    let component = Component::new(&engine, bytes)?;
    let mut linker = Linker::<Host>::new(&engine);
    let mut root = linker.root();
    root.func_wrap("log", |mut store, (text,): (String,)| {
        store.data_mut().log.push(text);
        Ok(())
    })?;
    root.func_wrap("now", |_, (): ()| Ok((5u32,)))?;
    root.func_wrap("count-up", |mut store, (by,): (u32,)| {
        let total = store.data().total.wrapping_add(by);
        store.data_mut().total = total;
        Ok((store.data().total,))
    })?;
    root.resource(
        "thing",
        ResourceType::host::<Thing>(),
        |mut store, thing| {
            store.data_mut().dropped.push(thing);
            Ok(())
        },
    )?;
    let mut store = Store::new(&engine, Host::default());
    let instance = linker.instantiate(&mut store, &component)?;
    let mut results = Vec::new();
    for round in 0..3 {
        for x in [0, 1, 7, 40_000, u32::MAX] {
            let run = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "run")?;
            results.push(format!("{:?}", run.call(&mut store, (x,))?));
        }
        let describe = instance
            .get_func(&mut store, "describe")
            .ok_or("no describe")?;
        let mut answer = [Val::Bool(false)];
        describe.call(&mut store, &[], &mut answer)?;
        results.push(format!("{answer:?}"));
        let release = instance.get_typed_func::<(Resource<Thing>,), ()>(&mut store, "release")?;
        release.call(&mut store, (Resource::new_own(100 + round),))?;
    }
    Ok((results, store.into_data()))
}

#[test]
fn a_flat_component_behaves_as_before() -> Result {
    let before = linked()?;
    let after = flatten(&before)?;
    let (results, host) = behaviour(&before)?;
    // Doubled, squared, the counter after 7 + 0 + 1 + 7, now, the host's total.
    assert_eq!(results[2], format!("({},)", 14 + 49 + 15 + 5 + 8));
    assert_eq!(host.log.len(), 15);
    assert_eq!(host.log[0], "hi, it's");
    assert_eq!(host.dropped, [100, 101, 102]);
    assert_eq!(behaviour(&after)?, (results, host));
    Ok(())
}

/// The component of the tests with a `free` that adds 100 to what `run` counts, and
/// that one library imports.
fn with_free() -> Result<Vec<u8>> {
    let text = [
        (
            "(func (export \"time\")",
            "(func (export \"freed\") (param i32) (drop (call $increase (i32.const 100)))) (func (export \"time\")",
        ),
        (
            "(import \"a\" \"increase\"",
            "(import \"env\" \"free\" (func (param i32))) (import \"a\" \"increase\"",
        ),
        (
            "(core instance $b-env",
            "(core instance $b-env (export \"free\" (func $a \"freed\"))",
        ),
    ]
    .into_iter()
    .try_fold(LINKED.to_owned(), |text, (from, to)| {
        text.contains(from).then(|| text.replacen(from, to, 1))
    })
    .ok_or("the component changed")?;
    Ok(wat::parse_str(text)?)
}

const COUNT_UP: Release = Release {
    module: "host",
    name: "count-up",
    argument: 0,
};

fn releasing(releases: &[Release]) -> Changes<'_> {
    Changes {
        releases,
        repeats: &[],
        modes: None,
    }
}

#[test]
fn a_released_argument_is_freed_after_each_call_and_no_other() -> Result {
    let before = with_free()?;
    let (kept, _) = behaviour(&flatten(&before)?)?;
    let flat = Flat::new(&before, &releasing(&[COUNT_UP]))?;
    let (freed, host) = behaviour(&flat.component(flat.core())?)?;
    // `run` counts before it calls the host, so each call shows what earlier ones freed.
    assert_eq!(kept[0], freed[0]);
    assert_eq!(kept[1], format!("({},)", 2 + 1 + 8 + 5 + 1));
    assert_eq!(freed[1], format!("({},)", 2 + 1 + 108 + 5 + 1));
    assert_eq!(freed[2], format!("({},)", 14 + 49 + 215 + 5 + 8));
    assert_eq!(host, behaviour(&before)?.1);
    Ok(())
}

#[test]
fn a_release_of_what_is_no_import_is_refused() -> Result {
    let refused = |bytes: &[u8], releases: &[Release]| {
        Flat::new(bytes, &releasing(releases))
            .map(|_| ())
            .err()
            .map(|error| error.to_string())
    };
    let free = with_free()?;
    assert_eq!(refused(&free, &[COUNT_UP]), None);
    let none = "no merged module imports `host count-up` with an address to be freed";
    for releases in [
        &[Release {
            argument: 1,
            ..COUNT_UP
        }][..],
        &[COUNT_UP, COUNT_UP],
    ] {
        assert_eq!(refused(&free, releases).as_deref(), Some(none));
    }
    let other = Release {
        name: "other",
        ..COUNT_UP
    };
    assert!(matches!(
        Flat::new(&free, &releasing(&[other])).err(),
        Some(FlattenError::Release { .. })
    ));
    assert!(matches!(
        Flat::new(&linked()?, &releasing(&[COUNT_UP])).err(),
        Some(FlattenError::Free)
    ));
    Ok(())
}

/// A C library whose functions move a piece at a time, and a program that calls them.
const PIECES: &str = r#"(component
  (core module $c
    (memory (export "memory") 1)
    ;; Writes at most 4 bytes, and fails from address 100 on.
    (func (export "write") (param i32 i32 i32) (result i32)
      (if (i32.ge_s (local.get 1) (i32.const 100)) (then (return (i32.const -1))))
      (select (local.get 2) (i32.const 4) (i32.lt_u (local.get 2) (i32.const 4))))
    ;; Reads 64 KiB at most, from a file of 150,000 bytes.
    (func (export "pread") (param i32 i32 i32 i64) (result i32)
      (local i32)
      (local.set 4 (i32.sub (i32.const 150000) (i32.wrap_i64 (local.get 3))))
      (local.set 4 (select (local.get 4) (i32.const 65536) (i32.lt_s (local.get 4) (i32.const 65536))))
      (select (local.get 4) (local.get 2) (i32.lt_s (local.get 4) (local.get 2)))))
  (core module $p
    (import "env" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "env" "pread" (func $pread (param i32 i32 i32 i64) (result i32)))
    (func (export "write") (param i32 i32 i32) (result i32)
      (call $write (local.get 0) (local.get 1) (local.get 2)))
    (func (export "pread") (param i32 i32 i32) (result i32)
      (call $pread (local.get 0) (i32.const 0) (local.get 1) (i64.extend_i32_u (local.get 2)))))
  (core instance $c (instantiate $c))
  (core instance $p (instantiate $p (with "env" (instance $c))))
  (func (export "write") (param "descriptor" u32) (param "address" u32) (param "length" u32) (result s32)
    (canon lift (core func $p "write")))
  (func (export "pread") (param "descriptor" u32) (param "length" u32) (param "offset" u32) (result s32)
    (canon lift (core func $p "pread"))))"#;

const WRITE: Repeat = Repeat {
    module: "env",
    name: "write",
    reads: false,
};
const PREAD: Repeat = Repeat {
    module: "env",
    name: "pread",
    reads: true,
};

#[test]
fn what_moves_pieces_is_called_until_all_is_moved() -> Result {
    let before = wat::parse_str(PIECES)?;
    let changes = Changes {
        releases: &[],
        repeats: &[WRITE, PREAD],
        modes: None,
    };
    let flat = Flat::new(&before, &changes)?;
    let engine = Engine::default();
    let component = Component::new(&engine, flat.component(flat.core())?)?;
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate(&mut store, &component)?;
    let mut moved = |name: &str, arguments: (u32, u32, u32)| -> Result<i32> {
        let function = instance.get_typed_func::<(u32, u32, u32), (i32,)>(&mut store, name)?;
        let (moved,) = function.call(&mut store, arguments)?;
        Ok(moved)
    };
    // All, nothing, some and then a failure, a failure.
    assert_eq!(moved("write", (1, 0, 10))?, 10);
    assert_eq!(moved("write", (1, 0, 0))?, 0);
    assert_eq!(moved("write", (3, 92, 11))?, 8);
    assert_eq!(moved("write", (3, 100, 1))?, -1);
    // Files are read on, to their end; streams are not, since that could wait.
    assert_eq!(moved("pread", (3, 140_000, 0))?, 140_000);
    assert_eq!(moved("pread", (3, 200_000, 100))?, 149_900);
    assert_eq!(moved("pread", (3, 10, 149_995))?, 5);
    assert_eq!(moved("pread", (2, 140_000, 0))?, 65_536);
    Ok(())
}

#[test]
fn a_repeat_of_what_moves_no_bytes_is_refused() -> Result {
    let refused = |bytes: &[u8], repeat: Repeat| {
        let changes = Changes {
            releases: &[],
            repeats: &[repeat],
            modes: None,
        };
        let refused = Flat::new(bytes, &changes).err();
        matches!(refused, Some(FlattenError::Repeat { .. }))
    };
    let other = Repeat {
        name: "fsync",
        ..WRITE
    };
    assert!(refused(&wat::parse_str(PIECES)?, other));
    let increase = Repeat {
        module: "a",
        name: "increase",
        reads: false,
    };
    assert!(refused(&linked()?, increase));
    Ok(())
}

/// `stat` that leaves the bits of the mode empty, and `open` and `mkdir` that ignore theirs.
const MODES: &str = r#"(component
  (import "modes" (instance $modes
    (export "seen" (func (result u32)))
    (export "next" (func (param "mode" u32)))))
  (core func $seen (canon lower (func $modes "seen")))
  (core func $next (canon lower (func $modes "next")))
  (core module $c
    (memory (export "memory") 1)
    (func (export "stat") (param i32 i32) (result i32)
      (i32.store offset=24 (local.get 1) (i32.const 0x8000))
      (local.get 0))
    (func (export "open") (param i32 i32 i32) (result i32) (local.get 0))
    (func (export "mkdir") (param i32 i32) (result i32) (local.get 0)))
  (core module $p
    (import "env" "memory" (memory 1))
    (import "env" "stat" (func $stat (param i32 i32) (result i32)))
    (import "env" "open" (func $open (param i32 i32 i32) (result i32)))
    (import "env" "mkdir" (func $mkdir (param i32 i32) (result i32)))
    (import "modes" "seen" (func $seen (result i32)))
    (import "modes" "next" (func $next (param i32)))
    (func (export "stat") (param i32) (result i32)
      (drop (call $stat (local.get 0) (i32.const 64)))
      (i32.load (i32.const 88)))
    (func (export "open") (param i32) (result i32)
      (i32.store (i32.const 32) (i32.const 0x180))
      (call $open (i32.const 7) (local.get 0) (i32.const 32)))
    (func (export "mkdir") (param i32) (result i32) (call $mkdir (i32.const 8) (local.get 0))))
  (core instance $c (instantiate $c))
  (core instance $modes (export "seen" (func $seen)) (export "next" (func $next)))
  (core instance $p (instantiate $p (with "env" (instance $c)) (with "modes" (instance $modes))))
  (func (export "stat") (param "result" u32) (result u32) (canon lift (core func $p "stat")))
  (func (export "open") (param "flags" u32) (result u32) (canon lift (core func $p "open")))
  (func (export "mkdir") (param "mode" u32) (result u32) (canon lift (core func $p "mkdir"))))"#;

const INTERFACE: ModesInterface = ModesInterface {
    module: "modes",
    seen: "seen",
    next: "next",
};

const fn with_mode(name: &'static str, mode: Mode) -> WithMode {
    WithMode {
        module: "env",
        name,
        mode,
    }
}

#[test]
fn functions_of_c_get_modes_and_tell_them() -> Result {
    let before = wat::parse_str(MODES)?;
    let functions = [
        with_mode("stat", Mode::Found(1)),
        with_mode("open", Mode::Opened(2)),
        with_mode("mkdir", Mode::Given(1)),
    ];
    let changes = Changes {
        modes: Some((&INTERFACE, &functions)),
        ..Changes::default()
    };
    let flat = Flat::new(&before, &changes)?;
    let engine = Engine::default();
    let component = Component::new(&engine, flat.component(flat.core())?)?;
    // The modes that were told, in order.
    let mut store = Store::new(&engine, Vec::<u32>::new());
    let mut linker = Linker::new(&engine);
    let mut modes = linker.instance("modes")?;
    modes.func_wrap("seen", |_, (): ()| Ok((0o640_u32,)))?;
    modes.func_wrap(
        "next",
        |mut store: wasmtime::StoreContextMut<'_, Vec<u32>>, (mode,): (u32,)| {
            store.data_mut().push(mode);
            Ok(())
        },
    )?;
    let instance = linker.instantiate(&mut store, &component)?;
    let mut call = |name: &str, argument: u32| -> Result<u32> {
        let function = instance.get_typed_func::<(u32,), (u32,)>(&mut store, name)?;
        let (answer,) = function.call(&mut store, (argument,))?;
        Ok(answer)
    };
    assert_eq!(call("stat", 0)?, 0x8000 | 0o640);
    // A `stat` that failed told nothing.
    assert_eq!(call("stat", 1)?, 0x8000);
    assert_eq!(call("open", 1 << 12)?, 7);
    // Without O_CREAT there is no mode.
    assert_eq!(call("open", 2)?, 7);
    assert_eq!(call("mkdir", 0o711)?, 8);
    assert_eq!(store.data(), &[0x180, 0o711]);
    Ok(())
}

#[test]
fn a_mode_of_what_has_none_is_refused() -> Result {
    let bytes = wat::parse_str(MODES)?;
    for function in [
        with_mode("chmod", Mode::Given(1)),
        with_mode("stat", Mode::Found(2)),
    ] {
        let functions = [function];
        let changes = Changes {
            modes: Some((&INTERFACE, &functions)),
            ..Changes::default()
        };
        let refused = Flat::new(&bytes, &changes).err();
        assert!(matches!(refused, Some(FlattenError::Mode { .. })));
    }
    Ok(())
}

#[test]
fn imports_and_exports_stay_and_three_modules_are_left() -> Result {
    let before = linked()?;
    let after = flatten(&before)?;
    assert_eq!(surface(&before)?, surface(&after)?);
    assert_eq!((modules(&before)?, modules(&after)?), (5, 3));
    assert_eq!(
        Flat::new(&before, &Changes::default())?.merged_instances(),
        3
    );
    Ok(())
}

#[test]
fn data_of_libraries_is_at_their_base_plus_offset() -> Result {
    let before = linked()?;
    let flat = Flat::new(&before, &Changes::default())?;
    let memory = Image::of(flat.core())?.memory(flat.core());
    assert_eq!(&memory[2052..2060], b"hi, it's");
    assert_eq!(&memory[2060..2064], [7, 0, 0, 0]);
    assert_eq!(&memory[4096..4105], b"text of b");
    Ok(())
}

#[test]
fn a_module_with_the_same_imports_and_exports_can_take_its_place() -> Result {
    let before = linked()?;
    let flat = Flat::new(&before, &Changes::default())?;
    let mut core = flat.core().to_vec();
    let place = Image::of(&core)?
        .position(2052, 2)
        .ok_or("not in the image")?;
    core[place].copy_from_slice(b"ho");
    let (_, host) = behaviour(&flat.component(&core)?)?;
    assert_eq!(host.log[0], "ho, it's");
    let other = wat::parse_str("(module (memory (export \"memory\") 1))")?;
    assert!(matches!(
        flat.component(&other),
        Err(FlattenError::InvalidOutput {
            what: "component",
            ..
        })
    ));
    assert!(matches!(
        flat.component(b"garbage"),
        Err(FlattenError::InvalidOutput { .. })
    ));
    Ok(())
}

#[test]
fn flattening_twice_gives_the_same_bytes() -> Result {
    assert_eq!(flatten(&linked()?)?, flatten(&linked()?)?);
    Ok(())
}

#[test]
fn a_flat_component_can_be_flattened_again() -> Result {
    let once = flatten(&linked()?)?;
    assert_eq!(behaviour(&flatten(&once)?)?, behaviour(&once)?);
    Ok(())
}

#[test]
fn the_dead_stack_and_nothing_else_is_cleared() -> Result {
    let before = linked()?;
    let flat = Flat::new(&before, &Changes::default())?;
    let mut core = flat.core().to_vec();
    let dead = stack::dead(&flat)?;
    assert_eq!(dead, 0..960);
    assert_eq!(stack::clear(&mut core, dead)?, "dead stack".len());
    let memory = Image::of(&core)?.memory(&core);
    assert!(memory[..960].iter().all(|byte| *byte == 0));
    assert_eq!(&memory[960..970], b"live stack");
    Ok(())
}

#[test]
fn a_stack_that_cannot_be_proved_is_refused() -> Result {
    let dead = |from, to| -> Result<StackError> {
        let bytes = changed(from, to)?;
        Ok(stack::dead(&Flat::new(&bytes, &Changes::default())?)
            .err()
            .ok_or("found a stack")?)
    };
    assert!(matches!(
        dead("__stack_low", "__stack_base")?,
        StackError::Unknown("__stack_low")
    ));
    let outside = dead("(i32.const 960)", "(i32.const 1040)")?;
    assert!(matches!(
        outside,
        StackError::Outside {
            low: 0,
            pointer: 1040,
            high: 1024
        }
    ));
    // The same name with two values in two modules says nothing.
    let two = dead(
        "(global i64 (i64.const -9))",
        "(global (export \"__stack_high\") i32 (i32.const 9))",
    )?;
    assert!(matches!(two, StackError::Unknown("__stack_high")));
    Ok(())
}

#[test]
fn what_would_change_its_meaning_is_refused_by_name() -> Result {
    use FlattenError as E;
    let end = "(func $unused";
    let added = |what: &str| refusal(end, &format!("{what} {end}"));
    assert!(matches!(
        added("(func $begin) (start $begin)")?,
        E::StartFunction { module: 3 }
    ));
    assert!(matches!(
        added("(data \"passive\")")?,
        E::PassiveData { module: 3 }
    ));
    assert!(matches!(
        added("(elem func $square)")?,
        E::PassiveElements { module: 3 }
    ));
    assert!(matches!(added("(tag $oops)")?, E::Tags { module: 3 }));
    assert!(matches!(
        added("(elem (i32.const 7) funcref (ref.func $square))")?,
        E::ElementExpressions { module: 3 }
    ));
    assert!(matches!(
        added("(table 1 funcref)")?,
        E::Tables { count: 2 }
    ));
    assert!(matches!(added("(memory 1)")?, E::Memories { count: 2 }));
    assert!(matches!(
        added("(type (struct))")?,
        E::Types { module: 3, .. }
    ));
    let fill = "(table $t 1 funcref (ref.func $square))";
    assert!(matches!(added(fill)?, E::TableInitialiser { module: 3 }));
    let dropped = added("(data $d (i32.const 4200) \"x\") (func (data.drop $d))")?;
    assert!(matches!(dropped, E::SegmentInstruction));
    let element = "(elem $e (i32.const 7) func $square) (func (elem.drop $e))";
    assert!(matches!(added(element)?, E::SegmentInstruction));
    Ok(())
}

#[test]
fn state_outside_the_merged_instances_is_refused() -> Result {
    // The environment looks like a shim, so its memory stays outside.
    let error = refusal(
        "(export \"__stack_low\")",
        "(export \"$imports\") (export \"__stack_low\")",
    )?;
    assert!(
        matches!(error, FlattenError::OutsideState { .. }),
        "{error}"
    );
    Ok(())
}

#[test]
fn a_merged_instance_cannot_take_a_function_that_needs_the_memory() -> Result {
    let text = LINKED
        .replacen("(core instance $a-host", "(core func $early (canon lower (func $log) (memory $memory)))\n  (core instance $a-host", 1)
        .replacen("(export \"log\" (func $shim \"0\"))", "(export \"log\" (func $early))", 1);
    assert!(matches!(
        flatten(&wat::parse_str(text)?),
        Err(FlattenError::CallTooEarly)
    ));
    Ok(())
}

#[test]
fn a_function_lifted_before_the_last_instance_is_refused() -> Result {
    let lift =
        "(func $early (result u32) (canon lift (core func $a \"time\")))\n  (core instance $b-got";
    assert!(matches!(
        refusal("(core instance $b-got", lift)?,
        FlattenError::LiftTooEarly
    ));
    Ok(())
}

#[test]
fn canonical_functions_of_other_kinds_are_refused() -> Result {
    let yields = "(core func (canon thread.yield))\n  (core func $drop";
    let error = refusal("(core func $drop", yields)?;
    assert!(
        matches!(
            error,
            FlattenError::Canonical { .. } | FlattenError::InvalidInput(_)
        ),
        "{error}"
    );
    let text = "(core func $odd (canon lower (func $now) async))\n  (core func $drop";
    let error = refusal("(core func $drop", text)?;
    assert!(
        matches!(
            error,
            FlattenError::Canonical { .. } | FlattenError::InvalidInput(_)
        ),
        "{error}"
    );
    Ok(())
}

#[test]
fn instances_outside_may_take_functions_and_tables_only() -> Result {
    let kept = |from, to| -> Result<FlattenError> {
        let text = LINKED
            .replacen(
                "(import \"\" \"0\" (func (param i32 i32)))",
                &format!("{from} (import \"\" \"0\" (func (param i32 i32)))"),
                1,
            )
            .replacen(
                "(core instance $to-fix",
                &format!("(core instance $to-fix {to}"),
                1,
            );
        Ok(flatten(&wat::parse_str(text)?)
            .err()
            .ok_or("it was flattened")?)
    };
    let memory = kept(
        "(import \"\" \"m\" (memory 1))",
        "(export \"m\" (memory $memory))",
    )?;
    assert!(matches!(
        memory,
        FlattenError::KeptInstance {
            what: "a memory, global or tag",
            ..
        }
    ));
    let table = kept(
        "(import \"\" \"t\" (table 1 funcref))",
        "(export \"t\" (table $table))",
    )?;
    assert!(matches!(
        table,
        FlattenError::KeptInstance {
            what: "the table that is being merged",
            ..
        }
    ));
    Ok(())
}

#[test]
fn core_modules_may_not_be_named_from_elsewhere() -> Result {
    let export = "(export \"m\" (core module $a))\n  (func (export \"run\") (param \"x\"";
    let error = refusal("(func (export \"run\") (param \"x\"", export)?;
    assert!(matches!(
        error,
        FlattenError::ModuleReference { how: "exported" }
    ));
    let import = "(component (import \"m\" (core module))";
    assert!(matches!(
        refusal("(component", import)?,
        FlattenError::ModuleReference { how: "imported" }
    ));
    Ok(())
}

#[test]
fn other_components_and_modules_are_refused() -> Result {
    let of = |text: &str| -> Result<FlattenError> {
        Ok(flatten(&wat::parse_str(text)?).err().ok_or("flattened")?)
    };
    assert!(matches!(of("(component)")?, FlattenError::NothingToMerge));
    assert!(matches!(of("(module)")?, FlattenError::NotAComponent));
    let no_memory = of("(component (core module $m) (core instance (instantiate $m)))")?;
    assert!(matches!(no_memory, FlattenError::Memories { count: 0 }));
    let paged = of("(component (core module $m (memory i64 1)) (core instance (instantiate $m)))")?;
    assert!(matches!(
        paged,
        FlattenError::MemoryKind | FlattenError::InvalidInput(_)
    ));
    assert!(matches!(
        flatten(b"garbage"),
        Err(FlattenError::InvalidInput(_))
    ));
    assert!(matches!(flatten(b""), Err(FlattenError::InvalidInput(_))));
    Ok(())
}

#[test]
fn every_truncation_is_refused() -> Result {
    let bytes = linked()?;
    for length in 0..bytes.len() {
        if let Ok(flat) = flatten(&bytes[..length]) {
            // A component may end after any section: then it must be whole.
            wasmparser::Validator::new().validate_all(&flat)?;
        }
    }
    Ok(())
}

#[test]
fn damage_is_refused_or_means_the_same_as_before() -> Result {
    let bytes = linked()?;
    let mut flattened = Vec::new();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            if let Ok(flat) = flatten(&damaged) {
                wasmparser::Validator::new().validate_all(&flat)?;
                flattened.push((damaged, flat));
            }
        }
    }
    assert!(
        flattened.len() > 1_000,
        "damage in names, numbers and data can often be flattened"
    );
    // Compiling all of them would take minutes.
    for (damaged, flat) in flattened.iter().step_by(flattened.len() / 150) {
        match (behaviour(damaged), behaviour(flat)) {
            (Ok(before), Ok(after)) => assert_eq!(before, after),
            (Err(_), Err(_)) => {}
            (before, after) => return Err(format!("{before:?} became {after:?}").into()),
        }
    }
    Ok(())
}
