//! Objects: members sorted by the UTF-16 code units of their names (RFC 8785 §3.2.3).

use std::cmp::Ordering;
use std::ops::Range;

use serde::Serialize;
use serde::ser;

use super::JcsError;
use super::serializer::Writer;

/// One written member: where its name and its text lie.
pub(super) struct Member {
    /// The unescaped name, in [`Writer::names`].
    name: Range<usize>,
    /// `"name":value`, in [`Writer::out`].
    text: Range<usize>,
}

/// An open object.
pub(super) struct Members<'a> {
    writer: &'a mut Writer,
    /// Where this object's members begin in [`Writer::members`].
    first_member: usize,
    /// Where this object's names begin in [`Writer::names`].
    first_name: usize,
    /// Where the text after `{` begins.
    first_text: usize,
    /// Whether each name came after the one before it.
    sorted: bool,
    close: &'static [u8],
}

impl<'a> Members<'a> {
    pub(super) fn open(writer: &'a mut Writer, close: &'static [u8]) -> Self {
        writer.out.push(b'{');
        Self {
            first_member: writer.members.len(),
            first_name: writer.names.len(),
            first_text: writer.out.len(),
            sorted: true,
            close,
            writer,
        }
    }

    fn name<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), JcsError> {
        let writer = &mut *self.writer;
        if writer.members.len() > self.first_member {
            writer.out.push(b',');
        }
        let (name_start, text_start) = (writer.names.len(), writer.out.len());
        writer.in_name = true;
        let written = name.serialize(&mut *writer);
        // Only a string clears the flag, and only a string alone begins with a quotation mark.
        let unset = std::mem::take(&mut writer.in_name);
        if unset || writer.out.get(text_start) != Some(&b'"') {
            return Err(JcsError::KeyNotString);
        }
        written?;
        writer.out.push(b':');
        let name = name_start..writer.names.len();
        if self.sorted
            && let Some(before) = writer
                .members
                .get(self.first_member..)
                .and_then(<[_]>::last)
        {
            let ordering = order(
                part(&writer.names, &before.name),
                part(&writer.names, &name),
            );
            self.sorted = ordering == Ordering::Less;
        }
        writer.members.push(Member {
            name,
            text: text_start..text_start,
        });
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JcsError> {
        let at = self.writer.members.len();
        value.serialize(&mut *self.writer)?;
        let end = self.writer.out.len();
        if let Some(member) = at
            .checked_sub(1)
            .and_then(|last| self.writer.members.get_mut(last))
        {
            member.text.end = end;
        }
        Ok(())
    }

    fn close(self) -> Result<(), JcsError> {
        let writer = self.writer;
        if !self.sorted {
            reorder(writer, self.first_member, self.first_text)?;
        }
        writer.members.truncate(self.first_member);
        writer.names.truncate(self.first_name);
        writer.out.extend_from_slice(self.close);
        Ok(())
    }
}

/// Rewrites the members of the object that is closing in their canonical order.
fn reorder(writer: &mut Writer, first_member: usize, first_text: usize) -> Result<(), JcsError> {
    let names = &writer.names;
    let members = writer.members.get_mut(first_member..).unwrap_or_default();
    members.sort_by(|a, b| order(part(names, &a.name), part(names, &b.name)));
    for (one, next) in members.iter().zip(members.iter().skip(1)) {
        let name = part(names, &one.name);
        if name == part(names, &next.name) {
            return Err(JcsError::Duplicate {
                member: String::from_utf8_lossy(name).into_owned(),
            });
        }
    }
    let mut ordered = Vec::with_capacity(writer.out.len() - first_text);
    for member in members.iter() {
        if !ordered.is_empty() {
            ordered.push(b',');
        }
        ordered.extend_from_slice(part(&writer.out, &member.text));
    }
    writer.out.truncate(first_text);
    writer.out.extend_from_slice(&ordered);
    Ok(())
}

fn part<'a>(bytes: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    bytes.get(range.clone()).unwrap_or_default()
}

/// Compares two names by UTF-16 code units, given their UTF-8.
///
/// UTF-8 sorts as code points do. UTF-16 differs in one thing: characters past U+FFFF (first byte F0 and up) are
/// written with surrogates, which come before U+E000 to U+FFFF (first byte EE or EF).
pub(crate) fn order(a: &[u8], b: &[u8]) -> Ordering {
    // EE and EF become FE and FF, which no UTF-8 holds, and so come after F0 to F4.
    let rank = |byte: u8| {
        if matches!(byte, 0xee | 0xef) {
            byte | 0x10
        } else {
            byte
        }
    };
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((a, b)) => rank(*a).cmp(&rank(*b)),
        None => a.len().cmp(&b.len()),
    }
}

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = JcsError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), JcsError> {
        self.name(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JcsError> {
        self.value(value)
    }

    fn end(self) -> Result<(), JcsError> {
        self.close()
    }
}

macro_rules! fields {
    ($($of:ident),*) => {$(
        impl ser::$of for Members<'_> {
            type Ok = ();
            type Error = JcsError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), JcsError> {
                self.name(key)?;
                self.value(value)
            }

            fn end(self) -> Result<(), JcsError> {
                self.close()
            }
        }
    )*};
}

fields!(SerializeStruct, SerializeStructVariant);
