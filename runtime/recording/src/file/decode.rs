//! Events out of the bytes that `encode.rs` makes. Whatever the bytes are, each step takes some of them.

use std::fmt::Display;

use serde::de::value::U32Deserializer;
use serde::de::{self, Deserialize, DeserializeSeed, IntoDeserializer, Visitor};

use super::chunk::Number;
use super::limits::{Budget, Exceeded};
use crate::event::Event;

/// Reads one event.
pub(super) struct Decoder<'de, 'a> {
    rest: &'de [u8],
    /// The large texts that came before.
    blobs: &'de [Vec<u8>],
    budget: &'a mut Budget,
}

/// Why there is no event in the bytes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecodeError {
    /// What is wrong with them.
    #[error("{0}")]
    Malformed(String),
    #[error("too large")]
    Exceeded(Exceeded),
}

impl de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Malformed(message.to_string())
    }
}

impl From<Exceeded> for DecodeError {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

fn malformed<T>(what: &str) -> Result<T, DecodeError> {
    Err(DecodeError::Malformed(what.to_owned()))
}

/// The event that all of these bytes are.
pub(super) fn decode(
    bytes: &[u8],
    blobs: &[Vec<u8>],
    budget: &mut Budget,
) -> Result<Event, DecodeError> {
    budget.spend_items(1)?;
    let mut decoder = Decoder {
        rest: bytes,
        blobs,
        budget,
    };
    let event = Event::deserialize(&mut decoder)?;
    if !decoder.rest.is_empty() {
        return malformed("it is longer than what it holds");
    }
    Ok(event)
}

impl<'de> Decoder<'de, '_> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let Some((byte, rest)) = self.rest.split_first() else {
            return malformed("it ends in the middle");
        };
        self.rest = rest;
        Ok(*byte)
    }

    fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = Number::default();
        loop {
            let byte = self.byte()?;
            match number.add(byte) {
                Ok(Some(value)) => return Ok(value),
                Ok(None) => {}
                Err(_) => return malformed("a number in it has too many digits"),
            }
        }
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Result<T, DecodeError> {
        let number = self.number()?;
        T::try_from(number)
            .or_else(|_| malformed("a number in it is larger than numbers there may be"))
    }

    fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => malformed("it has a yes or no that is neither"),
        }
    }

    fn bytes(&mut self) -> Result<&'de [u8], DecodeError> {
        let number = self.number()?;
        let (value, is_reference) = (usize::try_from(number >> 1), number & 1 == 1);
        let found = match value {
            Ok(value) if is_reference => {
                let Some(blob) = self.blobs.get(value) else {
                    return malformed("it refers to a text that does not come before it");
                };
                blob.as_slice()
            }
            Ok(value) => {
                let Some((bytes, rest)) = self.rest.split_at_checked(value) else {
                    return malformed("a text in it is longer than it");
                };
                self.rest = rest;
                bytes
            }
            Err(_) => return malformed("a text in it is longer than it"),
        };
        self.budget.spend_text(found.len())?;
        Ok(found)
    }

    fn text(&mut self) -> Result<&'de str, DecodeError> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).or_else(|_| malformed("a text in it is not UTF-8"))
    }
}

/// Kinds of values that no field has.
macro_rules! unknown {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
            malformed("it has a field of an unknown kind")
        })*
    };
}

impl<'de> de::Deserializer<'de> for &mut Decoder<'de, '_> {
    type Error = DecodeError;

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_bool(self.bool()?)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_u8(self.byte()?)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_u16(self.small()?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_u32(self.small()?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_bytes(self.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_bytes(self.bytes()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.bool()? {
            false => visitor.visit_none(),
            true => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let left: usize = self.small()?;
        // Each item takes a byte at least.
        if left > self.rest.len() {
            return malformed("a list in it has more items than it has bytes");
        }
        self.budget.spend_items(left)?;
        visitor.visit_seq(Items { of: self, left })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(Items { of: self, left })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let variant: u32 = self.small()?;
        if usize::try_from(variant).map_or(true, |it| it >= variants.len()) {
            return malformed("it is of a kind that version 1 does not have");
        }
        visitor.visit_enum(Chosen { of: self, variant })
    }

    unknown! {
        deserialize_any deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_f32 deserialize_f64
        deserialize_char deserialize_unit deserialize_map deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

struct Items<'a, 'de, 'b> {
    of: &'a mut Decoder<'de, 'b>,
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'_, 'de, '_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        seed.deserialize(&mut *self.of).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant whose number was read.
struct Chosen<'a, 'de, 'b> {
    of: &'a mut Decoder<'de, 'b>,
    variant: u32,
}

impl<'de> de::EnumAccess<'de> for Chosen<'_, 'de, '_> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        let variant: U32Deserializer<DecodeError> = self.variant.into_deserializer();
        Ok((seed.deserialize(variant)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Chosen<'_, 'de, '_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        seed.deserialize(self.of)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(Items { of: self.of, left })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.tuple_variant(fields.len(), visitor)
    }
}
