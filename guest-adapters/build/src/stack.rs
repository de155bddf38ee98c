//! Clears the dead part of the C stack.
//!
//! Between calls nothing below the stack pointer is alive, but what earlier
//! calls left there is in the snapshot: it makes the guest larger, and carries
//! whatever the build machine put there.

use crate::flatten::Flat;
use crate::image::{Image, ImageError};
use std::ops::Range;

/// A module whose stack cannot be found for certain.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The linker exports the bounds and the pointer as globals.
    #[error("no global `{0}` with a known value: cannot tell where the stack is")]
    Unknown(&'static str),
    /// Not a stack that grows down within its bounds.
    #[error("the stack pointer {pointer:#x} is not within the stack, {low:#x} to {high:#x}")]
    Outside {
        /// Lowest address of the stack.
        low: u32,
        /// The stack pointer.
        pointer: u32,
        /// End of the stack.
        high: u32,
    },
    /// The memory of the module is not known.
    #[error("the memory of the module is not known")]
    Image(#[from] ImageError),
}

/// The addresses that the stack may grow into: nothing there is alive.
///
/// # Errors
///
/// When the module does not tell where its stack is.
pub fn dead(flat: &Flat<'_>) -> Result<Range<u32>, StackError> {
    let global = |name| {
        flat.global(name)
            .map(i32::cast_unsigned)
            .ok_or(StackError::Unknown(name))
    };
    let (low, pointer, high) = (
        global("__stack_low")?,
        global("__stack_pointer")?,
        global("__stack_high")?,
    );
    if low > pointer || pointer > high {
        return Err(StackError::Outside { low, pointer, high });
    }
    Ok(low..pointer)
}

/// Clears addresses in the memory image of a module; how many bytes were not zero.
///
/// # Errors
///
/// When the data segments do not determine the memory.
pub fn clear(module: &mut [u8], addresses: Range<u32>) -> Result<usize, StackError> {
    let mut cleared = 0;
    for part in Image::of(module)?.within(addresses) {
        for byte in module.get_mut(part).into_iter().flatten() {
            cleared += usize::from(*byte != 0);
            *byte = 0;
        }
    }
    Ok(cleared)
}
