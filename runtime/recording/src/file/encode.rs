//! Events as bytes: the fields in the order of `event.rs`, without names.

use std::fmt::Display;
use std::io::{self, Write};

use serde::ser::{self, Serialize};

use super::blobs::Blobs;
use super::chunk::put_number;
use super::limits::{Budget, Exceeded, LARGE};
use super::stream::{BLOB, Stream};
use crate::event::Event;

/// Appends one event to `to`, and its large texts that are new to the file.
pub(super) struct Encoder<'a, W> {
    pub(super) stream: &'a mut Stream<W>,
    pub(super) blobs: &'a mut Blobs,
    pub(super) budget: &'a mut Budget,
    pub(super) to: &'a mut Vec<u8>,
}

/// Why an event is not encoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum EncodeError {
    #[error("cannot write")]
    Write(#[from] io::Error),
    #[error("too large")]
    Exceeded(Exceeded),
    /// `event.rs` has something that the format has not: a mistake of ours, which the tests find.
    #[error("{0}")]
    Unencodable(String),
}

impl ser::Error for EncodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Unencodable(message.to_string())
    }
}

impl From<Exceeded> for EncodeError {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

type Done = Result<(), EncodeError>;

fn none<T>(what: &str) -> Result<T, EncodeError> {
    Err(EncodeError::Unencodable(format!(
        "recordings have no {what}"
    )))
}

impl<W: Write> Encoder<'_, W> {
    pub(super) fn encode(&mut self, event: &Event) -> Done {
        event.serialize(self)
    }

    fn number(&mut self, number: u64) -> Done {
        put_number(self.to, number);
        Ok(())
    }

    fn length(&mut self, length: usize) -> Result<u64, EncodeError> {
        u64::try_from(length).map_err(ser::Error::custom)
    }

    /// A text or bytes: twice their length and they themselves, or twice the number of what is stored, and one.
    fn bytes(&mut self, bytes: &[u8]) -> Done {
        self.budget.spend_text(bytes.len())?;
        if bytes.len() < LARGE {
            let length = self.length(bytes.len())?;
            put_number(self.to, length << 1);
            self.to.extend_from_slice(bytes);
            return Ok(());
        }
        let (number, is_new) = self.blobs.number(bytes);
        if is_new {
            self.budget.spend_items(1)?;
            self.budget.spend_text(bytes.len())?;
            self.stream.record(BLOB, bytes)?;
        }
        self.number((number << 1) | 1)
    }
}

impl<W: Write> ser::Serializer for &mut Encoder<'_, W> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = ser::Impossible<(), EncodeError>;
    type SerializeTupleVariant = ser::Impossible<(), EncodeError>;
    type SerializeMap = ser::Impossible<(), EncodeError>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn serialize_bool(self, value: bool) -> Done {
        self.to.push(u8::from(value));
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Done {
        self.to.push(value);
        Ok(())
    }

    fn serialize_u16(self, value: u16) -> Done {
        self.number(value.into())
    }

    fn serialize_u32(self, value: u32) -> Done {
        self.number(value.into())
    }

    fn serialize_u64(self, value: u64) -> Done {
        self.number(value)
    }

    fn serialize_str(self, value: &str) -> Done {
        self.bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.bytes(value)
    }

    fn serialize_none(self) -> Done {
        self.serialize_bool(false)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.to.push(1);
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, variant: u32, _: &'static str) -> Done {
        self.number(variant.into())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        variant: u32,
        _: &'static str,
        value: &T,
    ) -> Done {
        self.number(variant.into())?;
        value.serialize(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        variant: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, EncodeError> {
        self.number(variant.into())?;
        Ok(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, EncodeError> {
        let Some(length) = length else {
            return none("lists of unknown length");
        };
        self.budget.spend_items(length)?;
        let length = self.length(length)?;
        self.number(length)?;
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_i8(self, _: i8) -> Done {
        none("signed numbers")
    }

    fn serialize_i16(self, _: i16) -> Done {
        none("signed numbers")
    }

    fn serialize_i32(self, _: i32) -> Done {
        none("signed numbers")
    }

    fn serialize_i64(self, _: i64) -> Done {
        none("signed numbers")
    }

    fn serialize_f32(self, _: f32) -> Done {
        none("fractions")
    }

    fn serialize_f64(self, _: f64) -> Done {
        none("fractions")
    }

    fn serialize_char(self, _: char) -> Done {
        none("single characters")
    }

    fn serialize_unit(self) -> Done {
        none("units")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        none("units")
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, EncodeError> {
        none("structures without names")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        none("structures without names")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, EncodeError> {
        none("maps")
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl<W: Write> ser::SerializeSeq for &mut Encoder<'_, W> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut **self)
    }

    fn end(self) -> Done {
        Ok(())
    }
}

impl<W: Write> ser::SerializeTuple for &mut Encoder<'_, W> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut **self)
    }

    fn end(self) -> Done {
        Ok(())
    }
}

impl<W: Write> ser::SerializeStruct for &mut Encoder<'_, W> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Done {
        value.serialize(&mut **self)
    }

    fn end(self) -> Done {
        Ok(())
    }
}

impl<W: Write> ser::SerializeStructVariant for &mut Encoder<'_, W> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Done {
        value.serialize(&mut **self)
    }

    fn end(self) -> Done {
        Ok(())
    }
}
