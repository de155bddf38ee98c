//! Components count their instructions, whatever their code does.

use guest_build::meter::{Counter, INTERFACE, meter};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, Store, StoreContextMut};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// What a component answered, or why it stopped; and what the host knows then.
type Ran<T> = (std::result::Result<T, String>, Host);

/// What the host of these tests knows of a counter.
#[derive(Debug, Default, PartialEq, Eq)]
struct Host {
    /// Units that may be used.
    limit: i64,
    used: i64,
    held: i64,
    /// What was used when `probe` was called.
    at_probe: Vec<i64>,
    grants: usize,
}

impl Host {
    fn note(&mut self, left: i64) {
        assert!(left <= self.held, "the counter rose");
        self.used += self.held - left;
        self.held = left;
    }
}

const SLICE: i64 = 1_000;

fn engine() -> Engine {
    Engine::default()
}

fn linker(engine: &Engine) -> Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap(
        "grant",
        |mut store: StoreContextMut<'_, Host>, (left,): (i64,)| {
            let host = store.data_mut();
            host.note(left);
            host.grants += 1;
            if host.used > host.limit {
                return Err(wasmtime::Error::msg("out of fuel"));
            }
            host.held = SLICE.min(host.limit - host.used);
            Ok((host.held,))
        },
    )?;
    interface.func_wrap(
        "take",
        |mut store: StoreContextMut<'_, Host>, (left,): (i64,)| {
            let host = store.data_mut();
            host.note(left);
            host.held = SLICE.min(host.limit - host.used);
            Ok((host.held,))
        },
    )?;
    interface.func_wrap(
        "note",
        |mut store: StoreContextMut<'_, Host>, (left,): (i64,)| {
            store.data_mut().note(left);
            Ok(())
        },
    )?;
    linker
        .root()
        .func_wrap("probe", |mut store: StoreContextMut<'_, Host>, (): ()| {
            let host = store.data_mut();
            host.at_probe.push(host.used);
            Ok(())
        })?;
    Ok(linker)
}

/// A component whose `run` is that of a core module.
fn component(module: &str) -> Result<Vec<u8>> {
    let text = format!(
        r#"(component
            (import "probe" (func $probe))
            (core func $probe (canon lower (func $probe)))
            (core instance $host (export "probe" (func $probe)))
            (core module $m (import "host" "probe" (func $probe)) (memory 16) {module})
            (core instance $i (instantiate $m (with "host" (instance $host))))
            (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run"))))"#
    );
    Ok(wat::parse_str(text)?)
}

/// Runs it: what it answered, and what the host knows then.
fn run(component: &[u8], n: u32, limit: i64) -> Result<Ran<u32>> {
    let engine = engine();
    let host = Host {
        limit,
        ..Host::default()
    };
    let mut store = Store::new(&engine, host);
    let component = Component::new(&engine, component)?;
    let instance = linker(&engine)?.instantiate(&mut store, &component)?;
    let function = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "run")?;
    let answer = function.call(&mut store, (n,));
    let answer = answer
        .map(|(value,)| value)
        .map_err(|error| format!("{error:#}"));
    Ok((answer, store.into_data()))
}

/// The same wherever the counter is held.
fn metered(module: &str, n: u32, limit: i64) -> Result<Ran<u32>> {
    let component = component(module)?;
    let ran = run(&meter(&component, Counter::InMemory, &[])?, n, limit)?;
    let again = run(&meter(&component, Counter::InLocals, &[])?, n, limit)?;
    assert_eq!(again.0.as_ref().ok(), ran.0.as_ref().ok(), "{module}");
    assert_eq!(again.1, ran.1, "{module}");
    Ok(again)
}

const SUM: &str = r#"(func (export "run") (param $n i32) (result i32) (local $sum i32)
    (loop $l
        (local.set $sum (i32.add (local.get $sum) (local.get $n)))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))"#;

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn every_way_of_going_on_without_end_ends_where_the_fuel_does() -> Result {
    let shapes = [
        (
            "a loop",
            r#"(func (export "run") (param i32) (result i32) (loop $l (br $l)) (unreachable))"#,
        ),
        (
            "a table",
            r#"(func (export "run") (param i32) (result i32)
            (loop $l (block $b (br_table $l $b $l (local.get 0))) (br $l)) (unreachable))"#,
        ),
        (
            "loops in turn",
            r#"(func (export "run") (param i32) (result i32)
            (loop $a (loop $b (br_if $b (i32.eqz (local.get 0))) (br $a))) (unreachable))"#,
        ),
        (
            "recursion",
            r#"(func $f (export "run") (param i32) (result i32) (call $f (local.get 0)))"#,
        ),
        (
            "two that call each other",
            r#"
            (func $f (export "run") (param i32) (result i32) (call $g (local.get 0)))
            (func $g (param i32) (result i32) (call $f (local.get 0)))"#,
        ),
        (
            "a tree of calls",
            r#"(func $f (export "run") (param $n i32) (result i32)
            (if (i32.eqz (local.get $n)) (then (return (i32.const 1))))
            (i32.add (call $f (i32.sub (local.get $n) (i32.const 1))) (call $f (i32.sub (local.get $n) (i32.const 1)))))"#,
        ),
        (
            "calls through a table",
            r#"(type $t (func (param i32) (result i32))) (table 2 funcref) (elem (i32.const 0) $f $g)
            (func $f (export "run") (type $t) (call_indirect (type $t) (local.get 0) (i32.const 1)))
            (func $g (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0)))"#,
        ),
        (
            "calls in place of returns",
            r#"(func $f (export "run") (param i32) (result i32) (return_call $f (local.get 0)))"#,
        ),
        (
            "such calls through a table",
            r#"(type $t (func (param i32) (result i32))) (table 1 funcref) (elem (i32.const 0) $f)
            (func $f (export "run") (type $t) (return_call_indirect (type $t) (local.get 0) (i32.const 0)))"#,
        ),
        (
            "a loop of a small function",
            r#"
            (func $small (loop $l (br $l)))
            (func (export "run") (param i32) (result i32) (call $small) (i32.const 0))"#,
        ),
        (
            "a loop that fills",
            r#"(func (export "run") (param i32) (result i32)
            (loop $l (memory.fill (i32.const 0) (i32.const 1) (local.get 0)) (br $l)) (unreachable))"#,
        ),
        (
            "a loop that calls the host",
            r#"(func (export "run") (param i32) (result i32)
            (loop $l (call $probe) (br $l)) (unreachable))"#,
        ),
    ];
    for (shape, module) in shapes {
        let (answer, host) = metered(module, 100, 5_500)?;
        assert!(answer.unwrap_err().contains("out of fuel"), "{shape}");
        assert!(
            (5_501..5_700).contains(&host.used),
            "{shape}: {}",
            host.used
        );
        assert!(
            host.grants >= 5,
            "{shape}: the host had {} turns",
            host.grants
        );
        assert_eq!(metered(module, 100, 5_500)?.1.used, host.used, "{shape}");
    }
    Ok(())
}

#[test]
fn what_is_computed_is_the_same() -> Result {
    let modules = [
        SUM,
        r#"(func $f (export "run") (param $n i32) (result i32)
            (if (result i32) (i32.lt_u (local.get $n) (i32.const 2)) (then (local.get $n))
                (else (i32.add (call $f (i32.sub (local.get $n) (i32.const 1))) (call $f (i32.sub (local.get $n) (i32.const 2)))))))"#,
        r#"(global $g (mut i32) (i32.const 7)) (data (i32.const 8) "\01\02\03\04")
            (func (export "run") (param $n i32) (result i32)
                (memory.copy (i32.const 100) (i32.const 8) (i32.const 4))
                (memory.fill (i32.const 102) (i32.const 9) (i32.rem_u (local.get $n) (i32.const 3)))
                (global.set $g (i32.add (global.get $g) (local.get $n)))
                (i32.add (i32.load (i32.const 100)) (global.get $g)))"#,
        r#"(table 3 funcref) (elem (i32.const 0) $a $b $a) (start $s) (global $g (mut i32) (i32.const 0))
            (func $s (global.set $g (i32.const 5)))
            (func $a (result i32) (global.get $g)) (func $b (result i32) (i32.const 20))
            (func (export "run") (param $n i32) (result i32) (local $sum i32)
                (loop $l
                    (local.set $sum (i32.add (local.get $sum)
                        (call_indirect (result i32) (i32.rem_u (local.get $n) (i32.const 3)))))
                    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (local.get $sum))"#,
    ];
    for module in modules {
        let plain = component(module)?;
        for n in [1, 2, 5, 17] {
            let (expected, _) = run(&plain, n, 0)?;
            let (answer, host) = metered(module, n, 1_000_000)?;
            assert_eq!(answer, expected, "{module}");
            assert!(expected.is_ok() && host.used < 1_000_000);
        }
    }
    Ok(())
}

#[test]
fn units_are_those_of_the_instructions() -> Result {
    // Four of the entry's region and nine of each iteration.
    let (answer, host) = metered(SUM, 10, 1_000_000)?;
    assert_eq!(answer, Ok(55));
    let (_, twice) = metered(SUM, 20, 1_000_000)?;
    assert_eq!(twice.used - host.used, 90);
    assert!(host.used - 90 < 5, "{}", host.used);
    // As many as are needed are enough, and one less is not.
    assert_eq!(metered(SUM, 10, host.used)?.0, Ok(55));
    let (short, less) = metered(SUM, 10, host.used - 1)?;
    assert!(short.unwrap_err().contains("out of fuel"));
    assert_eq!(less.used, host.used);
    Ok(())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn units_of_loops_are_counted_whatever_way_a_function_is_left_or_calls() -> Result {
    // Five units an iteration.
    let iterate = |label| {
        format!(
            "(loop {label} (br_if {label} (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"
        )
    };
    let (outer, inner) = (iterate("$a"), iterate("$b"));
    let small = format!("(func $small (param $n i32) {inner})");
    let ways = [
        ("its end", "(i32.const 7)", 5),
        ("a return", "(return (i32.const 7))", 5),
        ("a jump", "(br 0 (i32.const 7))", 5),
        (
            "a jump out of a block",
            "(block (br 1 (i32.const 7))) (unreachable)",
            5,
        ),
        (
            "a condition",
            "(drop (br_if 0 (i32.const 7) (i32.const 1))) (unreachable)",
            5,
        ),
        ("a table", "(br_table 0 0 (i32.const 7) (i32.const 3))", 5),
        ("a call in its place", "(return_call $seven)", 5),
        (
            "such a call through a table",
            "(return_call_indirect (result i32) (i32.const 0))",
            5,
        ),
        ("the host", "(call $probe) (i32.const 7)", 5),
        (
            "a call of another loop",
            "(call $small (local.get $m)) (i32.const 7)",
            10,
        ),
        (
            "such a call through a table",
            "(call_indirect (param i32) (local.get $m) (i32.const 1)) (i32.const 7)",
            10,
        ),
        (
            "a fill",
            "(memory.fill (i32.const 0) (i32.const 0) (local.get $m)) (i32.const 7)",
            6,
        ),
    ];
    for (way, leave, units) in ways {
        let module = format!(
            r#"(table 2 funcref) (elem (i32.const 0) $seven $small) {small}
            (func $seven (result i32) (i32.const 7))
            (func $looping (param $n i32) (result i32) (local $m i32)
                (local.set $m (local.get $n)) {outer} {leave})
            (func (export "run") (param $n i32) (result i32) (call $looping (local.get $n)))"#
        );
        let (answer, few) = metered(&module, 100, 1_000_000)?;
        assert_eq!(answer, Ok(7), "{way}");
        let (_, many) = metered(&module, 5_100, 1_000_000)?;
        assert_eq!(many.used - few.used, 5_000 * units, "{way}");
        // The host had its turns, and knew of them.
        assert!(many.grants >= 20, "{way}: {}", many.grants);
        assert!(many.at_probe.iter().all(|used| *used > 25_000), "{way}");
        let (short, less) = metered(&module, 5_100, many.used - 1)?;
        assert!(short.unwrap_err().contains("out of fuel"), "{way}");
        assert_eq!(less.used, many.used, "{way}");
    }
    Ok(())
}

#[test]
fn bytes_are_charged_before_they_are_moved() -> Result {
    let fill = r#"(func (export "run") (param $n i32) (result i32)
        (memory.fill (i32.const 0) (i32.const 1) (local.get $n)) (i32.const 3))"#;
    let (_, small) = metered(fill, 1_000, 1_000_000)?;
    let (_, large) = metered(fill, 901_000, 1_000_000)?;
    assert_eq!(large.used - small.used, 900_000);
    // It would trap, but is not begun.
    let (answer, _) = metered(fill, u32::MAX, 1_000_000)?;
    assert!(answer.unwrap_err().contains("out of fuel"));
    let copy = fill.replace(
        "(memory.fill (i32.const 0) (i32.const 1)",
        "(memory.copy (i32.const 0) (i32.const 8)",
    );
    let (_, large) = metered(&copy, 901_000, 1_000_000)?;
    assert_eq!(large.used / 1_000, 901);
    Ok(())
}

#[test]
fn the_host_knows_what_was_used_when_it_is_called() -> Result {
    let module = r#"(func (export "run") (param $n i32) (result i32)
        (loop $l (call $probe) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (i32.const 0))"#;
    let (_, host) = metered(module, 3, 1_000_000)?;
    let [first, second, third] = host.at_probe[..] else {
        panic!("{:?}", host.at_probe)
    };
    assert!(first > 0);
    assert_eq!(second - first, third - second);
    assert_eq!(second - first, 6);
    Ok(())
}

/// A component that allocates for the host by this function.
fn allocating(realloc: &str) -> Result<Vec<u8>> {
    let text = format!(
        r#"(component
            (core module $m (memory (export "memory") 16)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $n i32) {realloc})
                (func (export "post") (param i32) (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
                (func (export "run") (param i32 i32) (result i32) (i32.const 16)))
            (core instance $i (instantiate $m))
            (alias core export $i "memory" (core memory $memory))
            (func (export "run") (param "bytes" (list u8)) (result (list u8))
                (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))
                    (post-return (core func $i "post")))))"#
    );
    Ok(wat::parse_str(text)?)
}

fn call_with_bytes(component: &[u8], limit: i64) -> Result<Ran<()>> {
    let engine = engine();
    let mut store = Store::new(
        &engine,
        Host {
            limit,
            ..Host::default()
        },
    );
    let component = Component::new(&engine, component)?;
    let instance = linker(&engine)?.instantiate(&mut store, &component)?;
    let function = instance.get_func(&mut store, "run").ok_or("no `run`")?;
    let bytes = Val::List(vec![Val::U8(1); 4]);
    let mut results = [Val::Bool(false)];
    let answer = function.call(&mut store, &[bytes], &mut results);
    let answer = answer.map_err(|error| format!("{error:#}"));
    Ok((answer, store.into_data()))
}

#[test]
fn what_allocates_for_the_host_is_counted_and_bounded() -> Result {
    let busy = "(local.set $n (i32.const 50))
        (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (i32.const 64)";
    let (answer, host) = call_with_bytes(
        &meter(&allocating(busy)?, Counter::InLocals, &[])?,
        1_000_000,
    )?;
    assert_eq!(answer, Ok(()));
    // 50 iterations of five instructions, and those of the function that frees.
    assert!(host.used >= 250, "{}", host.used);
    let endless = meter(
        &allocating("(loop $l (br $l)) (unreachable)")?,
        Counter::InLocals,
        &[],
    )?;
    let (answer, _) = call_with_bytes(&endless, 1_000_000)?;
    assert!(
        answer
            .unwrap_err()
            .contains("cannot leave component instance")
    );
    Ok(())
}

#[test]
fn what_is_not_understood_is_refused() -> Result {
    let refused = |bytes: Vec<u8>| {
        let error = meter(&bytes, Counter::InLocals, &[]).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", source.unwrap_or_default())
    };
    let of = |text: &str| refused(wat::parse_str(text).unwrap());
    let once = meter(&component(SUM)?, Counter::InLocals, &[])?;
    assert!(refused(once).contains("it imports `wxmcp:guest/meter@0.1.0` already"));
    assert!(refused(b"\0asm".to_vec()).contains("the component cannot be read"));
    assert!(of("(component)").contains("it exports no function"));
    assert!(of(r#"(component
        (core module $m (import "wxmcp:meter" "grant" (func (param i64) (result i64))) (func (export "run")))
        (core module $g (func (export "grant") (param i64) (result i64) (local.get 0)))
        (core instance $g (instantiate $g))
        (core instance $i (instantiate $m (with "wxmcp:meter" (instance $g))))
        (func (export "run") (canon lift (core func $i "run"))))"#)
        .contains("it imports `wxmcp:meter` already"));
    assert!(
        of(r#"(component
        (core module $m (func (export "run")))
        (core module $o (func (export "f") (loop $l (br $l))))
        (core instance $o (instantiate $o)) (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#)
        .contains("core module 1 is not the one that is metered, and has a loop")
    );
    assert!(
        of(r#"(component
        (core module $m (func (export "run")))
        (core module $o (func $f (export "f") (call $f)))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#)
        .contains("may call itself")
    );
    assert!(
        of(r#"(component
        (core module $m (func (export "run")))
        (core instance $i (instantiate $m)) (core instance $j (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#)
        .contains("more than one instance")
    );
    assert!(
        of(r#"(component
        (core module $m (func (export "run")))
        (core instance $i (instantiate $m)) (core instance $j (instantiate $m))
        (func (export "a") (canon lift (core func $i "run")))
        (func (export "b") (canon lift (core func $j "run"))))"#)
        .contains("more than one core instance is called")
    );
    assert!(of(r#"(component
        (core module $m (tag $t) (func (export "run") (block $b (try_table (catch $t $b) (throw $t)))))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#)
        .contains("features that can be metered"));
    Ok(())
}

#[test]
fn the_counter_is_out_of_reach_of_the_module() -> Result {
    let bytes = meter(&component(SUM)?, Counter::InLocals, &[])?;
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        if let wasmparser::Payload::ExportSection(exports) = payload.unwrap() {
            for export in exports {
                assert_ne!(export.unwrap().kind, wasmparser::ExternalKind::Global);
            }
        }
    }
    Ok(())
}

/// `run` calls the others, directly and through a table.
const SEVERAL: &str = r#"(table funcref (elem $twice $more)) (type $f (func (param i32) (result i32)))
    (func (export "run") (param $n i32) (result i32)
        (call_indirect (type $f) (call $sum (local.get $n)) (i32.const 0)))
    (func $twice (type $f) (i32.mul (local.get 0) (i32.const 2)))
    (func $more (type $f) (i32.add (local.get 0) (i32.const 1_000_000)))
    (func $sum (param $n i32) (result i32) (local $sum i32)
        (loop $l
            (local.set $sum (i32.add (local.get $sum) (local.get $n)))
            (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))"#;

#[test]
fn functions_lie_in_another_order_and_do_the_same() -> Result {
    let bodies = |bytes: &[u8]| -> Vec<usize> {
        let parts = wasmparser::Parser::new(0).parse_all(bytes);
        let lengths = parts.map(|part| match part.unwrap() {
            wasmparser::Payload::CodeSectionEntry(body) => Some(body.range().len()),
            _ => None,
        });
        lengths.flatten().collect()
    };
    let component = component(SEVERAL)?;
    let (plain, ordered) = (
        meter(&component, Counter::InMemory, &[])?,
        meter(&component, Counter::InMemory, &[3, 77, 2, 3])?,
    );
    let (before, after) = (bodies(&plain), bodies(&ordered));
    let [first, twice, more, sum, ..] = before[..] else {
        panic!("{before:?}");
    };
    assert_eq!(after[..4], [sum, more, first, twice]);
    assert_eq!(after[4..], before[4..]);
    let (answer, host) = run(&ordered, 100, 1_000_000)?;
    assert_eq!(answer, Ok(10_100));
    assert_eq!(host.used, run(&plain, 100, 1_000_000)?.1.used);
    Ok(())
}
