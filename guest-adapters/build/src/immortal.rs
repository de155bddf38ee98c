//! Makes the objects of the snapshot immortal.
//!
//! CPython counts references inside each object, so a script that merely looks
//! at the objects of the snapshot writes to their pages, and every written page
//! is copied for the instance. CPython leaves *immortal* objects alone (PEP 683).
//! The adapter writes down the address of every object that is alive at the end
//! of its start-up; here their counts are set in the memory image.

use crate::image::{Image, ImageError};
use std::collections::HashSet;

/// `_Py_IMMORTAL_INITIAL_REFCNT` of CPython 3.14 where pointers have 32 bits
/// (`Include/refcount.h`).
const IMMORTAL: u32 = 5 << 28;
/// `_Py_IMMORTAL_MINIMUM_REFCNT` there: from here on an object is immortal.
const ALREADY: u32 = 1 << 30;
/// A count that no live object of the snapshot reaches: what is larger is no count.
const IMPLAUSIBLE: u32 = 1 << 24;
/// One address in this many may be wrong: objects that died after the list was
/// written. Measured: 2 of 200,701.
const TOLERATED: usize = 100;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Immortalised {
    /// Objects whose count was set.
    pub changed: usize,
    /// Objects that CPython had made immortal.
    pub already: usize,
    /// Addresses where there was no such object any more.
    pub stale: usize,
}

/// The lists of the adapter do not describe this module.
#[derive(Debug, thiserror::Error)]
pub enum ImmortalError {
    /// The memory of the module is not known.
    #[error("the memory of the module is not known")]
    Image(#[from] ImageError),
    /// Not a list of 32-bit addresses.
    #[error("the list of {0} is not a list of 32-bit addresses")]
    List(&'static str),
    /// Nothing would be changed.
    #[error("none of the {0} listed objects is in the memory image")]
    Nothing(usize),
    /// The list is about another memory.
    #[error("{stale} of {listed} listed objects are not where the list says")]
    Mismatch {
        /// Addresses without an object.
        stale: usize,
        /// All addresses.
        listed: usize,
    },
}

/// Sets the reference counts in place.
///
/// `objects` and `types` are addresses, 32 bit little endian: of the objects, and
/// of the types that they have. An address counts only when the object header
/// there has one of those types and a plausible count.
///
/// # Errors
///
/// When the lists do not fit the module; it is then unchanged or half changed
/// and must not be used.
pub fn immortalise(
    module: &mut [u8],
    objects: &[u8],
    types: &[u8],
) -> Result<Immortalised, ImmortalError> {
    let image = Image::of(module)?;
    let objects = addresses(objects, "objects")?;
    let types: HashSet<u32> = addresses(types, "types")?.into_iter().collect();
    let mut done = Immortalised::default();
    for address in &objects {
        // PyObject of a 32-bit build: the count, then the type.
        let header = image
            .position(*address, 8)
            .and_then(|place| module.get_mut(place));
        let Some([a, b, c, d, e, f, g, h]) = header else {
            done.stale += 1;
            continue;
        };
        let references = u32::from_le_bytes([*a, *b, *c, *d]);
        if !types.contains(&u32::from_le_bytes([*e, *f, *g, *h])) {
            done.stale += 1;
        } else if references >= ALREADY {
            done.already += 1;
        } else if references == 0 || references >= IMPLAUSIBLE {
            done.stale += 1;
        } else {
            [*a, *b, *c, *d] = IMMORTAL.to_le_bytes();
            done.changed += 1;
        }
    }
    if done.stale.saturating_mul(TOLERATED) > objects.len() {
        return Err(ImmortalError::Mismatch {
            stale: done.stale,
            listed: objects.len(),
        });
    }
    if done.changed == 0 {
        return Err(ImmortalError::Nothing(objects.len()));
    }
    Ok(done)
}

fn addresses(bytes: &[u8], what: &'static str) -> Result<Vec<u32>, ImmortalError> {
    let (words, rest) = bytes.as_chunks::<4>();
    if words.is_empty() || !rest.is_empty() {
        return Err(ImmortalError::List(what));
    }
    Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: u32 = 64;

    /// Objects of type 64 at 16 (count 3) and 24 (immortal), of type 99 at 32.
    fn module() -> Vec<u8> {
        wat::parse_str(
            r#"(module (memory 1) (data (i32.const 16)
                "\03\00\00\00\40\00\00\00" "\00\00\00\50\40\00\00\00" "\02\00\00\00\63\00\00\00"))"#,
        )
        .unwrap()
    }

    fn list(addresses: &[u32]) -> Vec<u8> {
        addresses
            .iter()
            .flat_map(|address| address.to_le_bytes())
            .collect()
    }

    fn count_at(module: &[u8], address: u32) -> u32 {
        let place = Image::of(module).unwrap().position(address, 4).unwrap();
        u32::from_le_bytes(module[place].try_into().unwrap())
    }

    #[test]
    fn sets_the_counts_of_listed_objects_only() {
        let mut module = module();
        let done = immortalise(&mut module, &list(&[16, 24]), &list(&[TYPE])).unwrap();
        assert_eq!(
            done,
            Immortalised {
                changed: 1,
                already: 1,
                stale: 0
            }
        );
        assert_eq!(count_at(&module, 16), 0x5000_0000);
        assert_eq!(count_at(&module, 24), 0x5000_0000);
        assert_eq!(count_at(&module, 32), 2);
        wasmparser::validate(&module).unwrap();
    }

    #[test]
    fn a_few_objects_may_have_died() {
        let mut objects = vec![16; 1];
        objects.extend([24; 200]);
        objects.push(32); // another type
        objects.push(40_000); // not in the image
        let done = immortalise(&mut module(), &list(&objects), &list(&[TYPE])).unwrap();
        assert_eq!(
            done,
            Immortalised {
                changed: 1,
                already: 200,
                stale: 2
            }
        );
    }

    #[test]
    fn refuses_a_list_of_another_memory() {
        let refused =
            |objects: &[u8], types: &[u8]| immortalise(&mut module(), objects, types).unwrap_err();
        assert!(matches!(
            refused(&list(&[16, 32]), &list(&[TYPE])),
            ImmortalError::Mismatch {
                stale: 1,
                listed: 2
            }
        ));
        assert!(matches!(
            refused(&list(&[24]), &list(&[TYPE])),
            ImmortalError::Nothing(1)
        ));
        assert!(matches!(
            refused(&[1, 2, 3], &list(&[TYPE])),
            ImmortalError::List("objects")
        ));
        assert!(matches!(
            refused(&list(&[16]), &[]),
            ImmortalError::List("types")
        ));
    }
}
