//! What is changed while it is flattened: releases, repeats, the dead stack.

use guest_build::flatten::{Changes, Flat, FlattenError, Release, Repeat, Replace, flatten};
use guest_build::image::Image;
use guest_build::stack::{self, StackError};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::linked::{LINKED, Result, behaviour, changed, linked};

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
        replaces: &[],
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
    told: None,
};

const PREAD: Repeat = Repeat {
    module: "env",
    name: "pread",
    reads: true,
    told: None,
};

#[test]
fn what_moves_pieces_is_called_until_all_is_moved() -> Result {
    let before = wat::parse_str(PIECES)?;
    let changes = Changes {
        releases: &[],
        repeats: &[WRITE, PREAD],
        replaces: &[],
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
            replaces: &[],
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
        told: None,
    };
    assert!(refused(&linked()?, increase));
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

/// The component of the tests, whose second library has a function by a name of which the first has another one: it
/// is called directly, and through the table.
fn with_hidden(exported: &str) -> Result<Vec<u8>> {
    let text = [
        ("(func (export \"time\")", exported.to_owned() + "(func (export \"time\")"),
        ("(func $square (type $unary)", "(func $unused_square (type $unary)".to_owned()),
        ("(elem (global.get $table_base) func $square $increase)", "(elem (global.get $table_base) func $lib_square $increase) (func $lib_square (type $unary) (i32.mul (local.get 0) (local.get 0)))".to_owned()),
        ("(i32.add (call $time) (call $count-up (local.get 0)))", "(i32.add (call $time) (i32.sub (call $lib_square (call $count-up (local.get 0))) (i32.const 0)))".to_owned()),
    ]
    .into_iter()
    .try_fold(LINKED.to_owned(), |text, (from, to)| {
        text.contains(from).then(|| text.replacen(from, &to, 1))
    })
    .ok_or("the component changed")?;
    Ok(wat::parse_str(text)?)
}

#[test]
fn a_hidden_function_is_replaced_wherever_it_is_meant() -> Result {
    let offered = "(func (export \"lib_square\") (param i32) (result i32) (i32.const 1000))";
    let before = with_hidden(offered)?;
    let (kept, _) = behaviour(&flatten(&before)?)?;
    let changes = Changes {
        replaces: &[Replace { prefix: "lib_" }],
        ..Changes::default()
    };
    let flat = Flat::new(&before, &changes)?;
    let (replaced, _) = behaviour(&flat.component(flat.core())?)?;
    // `run` of 1: double, square, increase and time stay 2, 1, 8 and 5; it has counted up to 1.
    assert_eq!(kept[1], format!("({},)", 2 + 1 + 8 + 5 + 1));
    assert_eq!(replaced[1], format!("({},)", 2 + 1000 + 8 + 5 + 1000));

    for other in [
        "",
        "(func (export \"lib_square\") (param i64) (result i32) (i32.const 1))",
    ] {
        let refused = Flat::new(&with_hidden(other)?, &changes).err();
        assert!(matches!(refused, Some(FlattenError::Replace { .. })));
    }
    assert!(matches!(
        Flat::new(&linked()?, &changes).err(),
        Some(FlattenError::Replace { .. })
    ));
    Ok(())
}
