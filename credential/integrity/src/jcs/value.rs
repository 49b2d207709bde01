//! The quick way for JSON that is parsed already: its maps are in order, so nothing has to be remembered to be put right.

use std::cmp::Ordering;

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::Value;

use super::JcsError;
use super::members::order;
use super::serializer::Writer;

impl Writer {
    /// Writes an object; `false` when its members, or those of an object in it, are not in canonical order.
    pub(super) fn in_order<'v>(
        &mut self,
        members: impl Iterator<Item = (&'v str, &'v Value)>,
    ) -> Result<bool, JcsError> {
        self.out.push(b'{');
        let mut last: Option<&str> = None;
        for (name, value) in members {
            if let Some(last) = last {
                if order(last.as_bytes(), name.as_bytes()) != Ordering::Less {
                    return Ok(false);
                }
                self.out.push(b',');
            }
            last = Some(name);
            self.string(name);
            self.out.push(b':');
            if !self.value(value)? {
                return Ok(false);
            }
        }
        self.out.push(b'}');
        Ok(true)
    }

    fn value(&mut self, value: &Value) -> Result<bool, JcsError> {
        match value {
            Value::Object(members) => {
                return self.in_order(members.iter().map(|(name, value)| (name.as_str(), value)));
            }
            Value::Array(items) => {
                self.out.push(b'[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        self.out.push(b',');
                    }
                    if !self.value(item)? {
                        return Ok(false);
                    }
                }
                self.out.push(b']');
            }
            Value::String(text) => self.string(text),
            Value::Number(number) => number.serialize(&mut *self)?,
            Value::Bool(flag) => Serializer::serialize_bool(&mut *self, *flag)?,
            Value::Null => Serializer::serialize_unit(&mut *self)?,
        }
        Ok(true)
    }
}
