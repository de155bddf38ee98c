//! The linear memory that a core module starts with.

use std::ops::Range;
use wasmparser::{DataKind, Operator, Parser, Payload};

/// Where in a module's bytes each address of its initial memory is.
#[derive(Debug)]
pub struct Image {
    /// Sorted by address, without overlap.
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    address: usize,
    file: Range<usize>,
}

/// A module whose memory cannot be known from its data segments alone.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Not a core module.
    #[error("the core module cannot be read")]
    Malformed(#[from] wasmparser::Error),
    /// Code could place it anywhere.
    #[error("data segment {0} is passive")]
    Passive(usize),
    /// The place is not a constant.
    #[error("data segment {0} has an offset that is not a constant")]
    Offset(usize),
    /// The later segment would win, which an edit in place cannot respect.
    #[error("two data segments overlap at address {0:#x}")]
    Overlap(usize),
}

impl Image {
    /// Finds the data segments of a core module with one memory.
    ///
    /// # Errors
    ///
    /// When they do not determine the memory.
    pub fn of(module: &[u8]) -> Result<Self, ImageError> {
        let mut segments = Vec::new();
        for payload in Parser::new(0).parse_all(module) {
            let Payload::DataSection(section) = payload? else {
                continue;
            };
            for (number, data) in section.into_iter().enumerate() {
                let data = data?;
                let DataKind::Active { offset_expr, .. } = &data.kind else {
                    return Err(ImageError::Passive(number));
                };
                let mut operators = offset_expr.get_operators_reader();
                let (Operator::I32Const { value }, Operator::End) =
                    (operators.read()?, operators.read()?)
                else {
                    return Err(ImageError::Offset(number));
                };
                let address = usize::try_from(value.cast_unsigned())
                    .map_err(|_| ImageError::Offset(number))?;
                let end = data.range.end;
                if !data.data.is_empty() {
                    segments.push(Segment {
                        address,
                        file: end.saturating_sub(data.data.len())..end,
                    });
                }
            }
        }
        segments.sort_by_key(|segment| segment.address);
        for (earlier, later) in segments.iter().zip(segments.iter().skip(1)) {
            if earlier.address + earlier.file.len() > later.address {
                return Err(ImageError::Overlap(later.address));
            }
        }
        Ok(Self { segments })
    }

    /// Where in the module `length` bytes at `address` are; `None` when they are
    /// not in one segment.
    pub fn position(&self, address: u32, length: usize) -> Option<Range<usize>> {
        let address = usize::try_from(address).ok()?;
        let after = self
            .segments
            .partition_point(|segment| segment.address <= address);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        let start = segment
            .file
            .start
            .checked_add(address.checked_sub(segment.address)?)?;
        let end = start.checked_add(length)?;
        (end <= segment.file.end).then_some(start..end)
    }

    /// The parts of the module that hold addresses within a range.
    pub fn within(&self, addresses: Range<u32>) -> Vec<Range<usize>> {
        let (Ok(low), Ok(high)) = (
            usize::try_from(addresses.start),
            usize::try_from(addresses.end),
        ) else {
            return Vec::new();
        };
        let mut parts = Vec::new();
        for Segment { address, file } in &self.segments {
            let start = low.max(*address);
            let end = high.min(address + file.len());
            if start < end {
                parts.push(file.start + (start - address)..file.start + (end - address));
            }
        }
        parts
    }

    /// The memory itself, from address 0 to the last byte that is not zero.
    pub fn memory(&self, module: &[u8]) -> Vec<u8> {
        let size = self
            .segments
            .last()
            .map_or(0, |last| last.address + last.file.len());
        let mut memory = vec![0; size];
        for segment in &self.segments {
            let place = memory.get_mut(segment.address..segment.address + segment.file.len());
            if let (Some(place), Some(bytes)) = (place, module.get(segment.file.clone())) {
                place.copy_from_slice(bytes);
            }
        }
        let used = memory
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        memory.truncate(used);
        memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(data: &str) -> Vec<u8> {
        wat::parse_str(format!("(module (memory 1) {data})")).unwrap()
    }

    #[test]
    fn finds_bytes_by_address() {
        let module = module(r#"(data (i32.const 100) "later") (data (i32.const 8) "first")"#);
        let image = Image::of(&module).unwrap();
        assert_eq!(&module[image.position(8, 5).unwrap()], b"first");
        assert_eq!(&module[image.position(102, 3).unwrap()], b"ter");
        assert_eq!(image.position(102, 4), None);
        assert_eq!(image.position(7, 1), None);
        assert_eq!(image.position(50, 1), None);
    }

    #[test]
    fn gives_the_parts_within_a_range() {
        let module = module(r#"(data (i32.const 4) "abcdef") (data (i32.const 20) "ghi")"#);
        let parts = Image::of(&module).unwrap().within(6..21);
        let parts: Vec<_> = parts.into_iter().map(|part| &module[part]).collect();
        assert_eq!(parts, [b"cdef".as_slice(), b"g"]);
    }

    #[test]
    fn the_memory_is_the_same_however_it_is_cut_into_segments() {
        let one = module(r#"(data (i32.const 2) "ab\00\00cd\00")"#);
        let two = module(r#"(data (i32.const 6) "cd") (data (i32.const 2) "ab")"#);
        assert_eq!(Image::of(&one).unwrap().memory(&one), b"\0\0ab\0\0cd");
        assert_eq!(
            Image::of(&one).unwrap().memory(&one),
            Image::of(&two).unwrap().memory(&two)
        );
    }

    #[test]
    fn refuses_memory_that_is_not_known() {
        assert!(matches!(
            Image::of(&module(r#"(data "p")"#)),
            Err(ImageError::Passive(0))
        ));
        let overlap = module(r#"(data (i32.const 0) "abc") (data (i32.const 2) "x")"#);
        assert!(matches!(Image::of(&overlap), Err(ImageError::Overlap(2))));
        let computed = module(r#"(data (i32.add (i32.const 1) (i32.const 2)) "x")"#);
        assert!(matches!(Image::of(&computed), Err(ImageError::Offset(0))));
        assert!(matches!(
            Image::of(b"garbage"),
            Err(ImageError::Malformed(_))
        ));
    }
}
