//! The serializer: scalars, arrays and the shapes of Rust enums.

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::JcsError;
use super::members::{Member, Members};

/// The largest integer up to which every integer is a double, 2^53 − 1.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// Collects canonical text.
pub(super) struct Writer {
    /// The text so far.
    pub(super) out: Vec<u8>,
    /// Unescaped names of the members of all open objects.
    pub(super) names: Vec<u8>,
    /// The members of all open objects.
    pub(super) members: Vec<Member>,
    /// Whether the next string is the name of a member.
    pub(super) in_name: bool,
}

impl Writer {
    /// Begins with room for a small credential, so that its text is not moved while it grows.
    pub(super) fn new() -> Self {
        Self {
            out: Vec::with_capacity(1_024),
            names: Vec::with_capacity(256),
            members: Vec::with_capacity(32),
            in_name: false,
        }
    }

    /// Begins a text whose members are not remembered, see [`Writer::in_order`].
    pub(super) fn quick() -> Self {
        Self {
            out: Vec::with_capacity(1_024),
            names: Vec::new(),
            members: Vec::new(),
            in_name: false,
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Writes a string.
    pub(super) fn string(&mut self, text: &str) {
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        escape_into(&mut self.out, text);
        self.out.push(b'"');
    }

    fn unsigned(&mut self, magnitude: u64, negative: bool) -> Result<(), JcsError> {
        if magnitude > MAX_SAFE {
            return self.large(i128::from(magnitude), negative);
        }
        if negative {
            self.out.push(b'-');
        }
        let mut digits = [0_u8; 16];
        let mut rest = magnitude;
        let mut count = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
            count += 1;
            if rest == 0 {
                break;
            }
        }
        self.out
            .extend_from_slice(digits.get(digits.len() - count..).unwrap_or_default());
        Ok(())
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "the conversion is checked against the integer"
    )]
    fn large(&mut self, magnitude: i128, negative: bool) -> Result<(), JcsError> {
        let integer = if negative { -magnitude } else { magnitude };
        let double = integer as f64;
        // A canonical text of its own is a fixed point, even where it names its double by rounding: 17092228610022350000.
        if double as i128 != integer
            && ryu_js::Buffer::new().format_finite(double) != integer.to_string()
        {
            return Err(JcsError::Inexact { integer });
        }
        self.double(double)
    }

    /// Writes a double as ECMAScript does (RFC 8785 §3.2.2.3).
    fn double(&mut self, value: f64) -> Result<(), JcsError> {
        if !value.is_finite() {
            return Err(JcsError::NotFinite);
        }
        self.out
            .extend_from_slice(ryu_js::Buffer::new().format_finite(value).as_bytes());
        Ok(())
    }

    /// Opens `{"variant":` of an enum.
    fn open_variant(&mut self, variant: &str) {
        self.out.push(b'{');
        self.string(variant);
        self.out.push(b':');
    }
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = JcsError;
    type SerializeSeq = Elements<'a>;
    type SerializeTuple = Elements<'a>;
    type SerializeTupleStruct = Elements<'a>;
    type SerializeTupleVariant = Elements<'a>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Members<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), JcsError> {
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), JcsError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), JcsError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), JcsError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), JcsError> {
        self.unsigned(value.unsigned_abs(), value < 0)
    }

    fn serialize_i128(self, value: i128) -> Result<(), JcsError> {
        match u64::try_from(value.unsigned_abs()) {
            Ok(magnitude) => self.unsigned(magnitude, value < 0),
            Err(_) => Err(JcsError::Inexact { integer: value }),
        }
    }

    fn serialize_u8(self, value: u8) -> Result<(), JcsError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), JcsError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), JcsError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), JcsError> {
        self.unsigned(value, false)
    }

    fn serialize_u128(self, value: u128) -> Result<(), JcsError> {
        match u64::try_from(value) {
            Ok(magnitude) => self.unsigned(magnitude, false),
            Err(_) => Err(JcsError::Inexact {
                integer: i128::try_from(value).unwrap_or(i128::MAX),
            }),
        }
    }

    fn serialize_f32(self, value: f32) -> Result<(), JcsError> {
        self.double(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), JcsError> {
        self.double(value)
    }

    fn serialize_char(self, value: char) -> Result<(), JcsError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), JcsError> {
        if self.in_name {
            self.names.extend_from_slice(value.as_bytes());
            self.in_name = false;
        }
        self.string(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), JcsError> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), JcsError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), JcsError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), JcsError> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), JcsError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), JcsError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), JcsError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), JcsError> {
        self.open_variant(variant);
        value.serialize(&mut *self)?;
        self.out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Elements<'a>, JcsError> {
        Ok(Elements::open(self, b"]"))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Elements<'a>, JcsError> {
        Ok(Elements::open(self, b"]"))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Elements<'a>, JcsError> {
        Ok(Elements::open(self, b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Elements<'a>, JcsError> {
        self.open_variant(variant);
        Ok(Elements::open(self, b"]}"))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Members<'a>, JcsError> {
        Ok(Members::open(self, b"}"))
    }

    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Members<'a>, JcsError> {
        // serde_json smuggles raw text and unparsed numbers through structs of these names; neither is canonical.
        if name.starts_with("$serde_json::private::") {
            return Err(ser::Error::custom("unparsed JSON has no canonical form"));
        }
        Ok(Members::open(self, b"}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Members<'a>, JcsError> {
        self.open_variant(variant);
        Ok(Members::open(self, b"}}"))
    }
}

/// Writes the characters of a string with the escapes of RFC 8785 §3.2.2.2 and no others, without quotation marks.
pub fn escape_into(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let mut rest = text.as_bytes();
    // Most strings have nothing to escape, and that is seen sooner when every byte is looked at: many are at once.
    if !rest
        .iter()
        .fold(false, |seen, byte| seen | is_special(byte))
    {
        out.extend_from_slice(rest);
        return;
    }
    while let Some(at) = rest.iter().position(is_special) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((special, after)) = from.split_first() else {
            break;
        };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            control => {
                out.extend_from_slice(b"\\u00");
                for digit in [control >> 4, control & 0xf] {
                    out.extend(HEX.get(usize::from(digit)).copied());
                }
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

/// An open array.
pub(super) struct Elements<'a> {
    writer: &'a mut Writer,
    first: bool,
    close: &'static [u8],
}

impl<'a> Elements<'a> {
    fn open(writer: &'a mut Writer, close: &'static [u8]) -> Self {
        writer.out.push(b'[');
        Self {
            writer,
            first: true,
            close,
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JcsError> {
        if !self.first {
            self.writer.out.push(b',');
        }
        self.first = false;
        value.serialize(&mut *self.writer)
    }

    fn close(self) {
        self.writer.out.extend_from_slice(self.close);
    }
}

macro_rules! elements {
    ($($of:ident $method:ident),*) => {$(
        impl ser::$of for Elements<'_> {
            type Ok = ();
            type Error = JcsError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JcsError> {
                self.element(value)
            }

            fn end(self) -> Result<(), JcsError> {
                self.close();
                Ok(())
            }
        }
    )*};
}

elements!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);
