//! What cannot be flattened is refused by name.

use guest_build::flatten::{FlattenError, flatten};

use crate::linked::{LINKED, Result, refusal};

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
