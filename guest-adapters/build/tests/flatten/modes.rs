//! Functions of C that get modes of files, and tell them.

use guest_build::flatten::{Changes, Flat, FlattenError, Mode, ModesInterface, WithMode};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::linked::Result;

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
