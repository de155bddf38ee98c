//! A flat component does what the component did that it was made from.

use guest_build::flatten::{Changes, Flat, FlattenError, flatten};
use guest_build::image::Image;

use crate::linked::{Result, behaviour, linked, modules, surface};

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
