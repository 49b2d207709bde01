//! Canonical text (RFC 8785) of what is written plainly: its strings and numbers are canonical as they stand, so only members
//! may have to change their places.

use std::cmp::Ordering;

use serde_json::Value;

use super::reader::wide;
use super::{Item, Kind, Plain, Token};
use crate::jcs::order;

impl Plain {
    /// Writes an object of those members that are kept as canonical JSON: what [`canonicalize`](crate::canonicalize) writes of
    /// their values.
    pub fn canonical(&self, keeps: impl Fn(&str) -> bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len());
        // Names in ASCII are in the order of UTF-16 when they are in that of their bytes.
        if self.is_sorted && self.text.is_ascii() {
            self.copy(&mut out, keeps);
        } else {
            let members = self.members().filter(|(name, _)| keeps(name));
            write_members(&mut out, members.collect());
        }
        out
    }

    /// Copies members that are canonical where they stand.
    fn copy(&self, out: &mut Vec<u8>, keeps: impl Fn(&str) -> bool) {
        out.push(b'{');
        let mut place = 1;
        while let Some([name, value]) = self.tokens.get(place..place + 2) {
            place = wide(value.next);
            if self.text(name).is_some_and(&keeps) {
                if out.len() > 1 {
                    out.push(b',');
                }
                // From the quotation mark before the name.
                let (start, end) = (wide(name.start).saturating_sub(1), end_of(value));
                let member = self.text.as_bytes().get(start..end);
                out.extend_from_slice(member.unwrap_or_default());
            }
        }
        out.push(b'}');
    }
}

/// Where a value ends, a text with its quotation mark.
fn end_of(value: &Token) -> usize {
    wide(value.end) + usize::from(value.kind == Kind::Text)
}

impl Item<'_> {
    /// Says whether it is the same as a value.
    pub fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(text), Value::String(other)) => text == other,
            (Self::Array(items), Value::Array(others)) => {
                let mut items = items.clone();
                others
                    .iter()
                    .all(|other| items.next().is_some_and(|item| item.is(other)))
                    && items.next().is_none()
            }
            (item, value) => item.clone().to_value() == *value,
        }
    }
}

fn write(out: &mut Vec<u8>, item: Item<'_>) {
    match item {
        Item::Text(text) => write_text(out, text),
        Item::Number(number) => out.extend_from_slice(number.as_bytes()),
        Item::Boolean(true) => out.extend_from_slice(b"true"),
        Item::Boolean(false) => out.extend_from_slice(b"false"),
        Item::Null => out.extend_from_slice(b"null"),
        Item::Array(items) => {
            out.push(b'[');
            for (place, item) in items.enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(out, item);
            }
            out.push(b']');
        }
        Item::Object(members) => write_members(out, members.collect()),
    }
}

fn write_members(out: &mut Vec<u8>, mut members: Vec<(&str, Item<'_>)>) {
    let in_order = |a: &str, b: &str| order(a.as_bytes(), b.as_bytes());
    if !members.is_sorted_by(|(a, _), (b, _)| in_order(a, b) == Ordering::Less) {
        members.sort_unstable_by(|(a, _), (b, _)| in_order(a, b));
    }
    out.push(b'{');
    for (place, (name, item)) in members.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_text(out, name);
        out.push(b':');
        write(out, item);
    }
    out.push(b'}');
}

/// Writes a text that has nothing to escape.
fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
