//! Outlines: what a document is like, written down without its texts.

use crate::model::Written;
use chop_integrity::json::Item;
use serde_json::{Map, Value};

/// The longest outline that is kept, in bytes.
const MAX_OUTLINE: usize = 4_096;
/// The most texts, beside those in the outline, of a document whose shape is kept.
const MAX_TEXTS: usize = 512;

// No byte of UTF-8 is 0xf8 or above, so a name ends where one of these begins its value.
const OBJECT: u8 = 0xf8;
const ARRAY: u8 = 0xf9;
const END: u8 = 0xfa;
const TEXT: u8 = 0xfb;
/// On both sides of a text that is written down.
const QUOTE: u8 = 0xfc;
const NULL: u8 = 0xfd;
const NUMBER: u8 = 0xfe;
const BOOLEAN: u8 = 0xff;

/// Is what a document is like: all that the walk looks at, but for identifiers, and types under uncommon names.
///
/// ```text
/// object   f8 | name value | … fa      a context's URL, or a text under `type` or `@type`   fc text fc
/// array    f9 | value | … fa           any other text                                       fb
/// null     fd                          number   fe                                          boolean   ff
/// ```
///
/// The members of an object stand in ascending order, so that a document has one outline, however it is held.
pub(in crate::contexts) struct Outline<T> {
    pub(super) written: Vec<u8>,
    /// The texts that are not written down, in their order.
    pub(super) texts: Vec<T>,
}

/// Is a text of a document that is not written down in its outline.
pub(in crate::contexts) trait Text {
    /// Returns its content.
    fn text(&self) -> Option<&str>;
}

impl Text for &Value {
    fn text(&self) -> Option<&str> {
        self.as_str()
    }
}

impl Text for &str {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl<'d> Outline<&'d Value> {
    /// Writes a document's outline; `None` where it is too long, or the document has contexts of its own or proofs.
    pub(in crate::contexts) fn of(document: &'d Map<String, Value>) -> Option<Self> {
        let mut outline = Self::empty();
        if document.contains_key("proof") {
            return None;
        }
        outline.contexts(document.get("@context")?)?;
        outline.object(document, true)?;
        Some(outline)
    }

    /// Writes down which contexts a document names.
    fn contexts(&mut self, value: &Value) -> Option<()> {
        match value {
            Value::String(url) => self.quote(url),
            Value::Array(items) => {
                self.written.push(ARRAY);
                for item in items {
                    self.quote(item.as_str()?);
                }
                self.written.push(END);
            }
            _ => return None,
        }
        Some(())
    }

    fn object(&mut self, object: &'d Map<String, Value>, is_top: bool) -> Option<()> {
        self.written.push(OBJECT);
        for (name, value) in object {
            if name == "@context" {
                if is_top {
                    continue;
                }
                return None;
            }
            self.written.extend_from_slice(name.as_bytes());
            self.value(value, are_types(name))?;
        }
        self.written.push(END);
        Some(())
    }

    fn value(&mut self, value: &'d Value, are_types: bool) -> Option<()> {
        self.is_short()?;
        match value {
            Value::String(name) if are_types => self.quote(name),
            Value::String(_) => self.text(value),
            Value::Object(object) => self.object(object, false)?,
            Value::Array(items) => {
                self.written.push(ARRAY);
                for item in items {
                    self.value(item, are_types)?;
                }
                self.written.push(END);
            }
            Value::Null => self.written.push(NULL),
            Value::Number(_) => self.written.push(NUMBER),
            Value::Bool(_) => self.written.push(BOOLEAN),
        }
        Some(())
    }
}

impl<'d> Outline<&'d str> {
    /// Writes the outline of a credential that is held as text: that of its values; `None` where they have none.
    pub(in crate::contexts) fn of_written(written: &'d Written) -> Option<Self> {
        let mut outline = Self::empty();
        let mut members = written.members();
        let (_, contexts) = members.find(|(name, _)| *name == "@context")?;
        outline.contexts(contexts)?;
        let members = written.members().filter(|(name, _)| *name != "@context");
        outline.object(members, written.are_ascending())?;
        Some(outline)
    }

    fn contexts(&mut self, value: Item<'d>) -> Option<()> {
        match value {
            Item::Text(url) => self.quote(url),
            Item::Array(items) => {
                self.written.push(ARRAY);
                for item in items {
                    self.quote(item.as_text()?);
                }
                self.written.push(END);
            }
            _ => return None,
        }
        Some(())
    }

    fn object(
        &mut self,
        members: impl Iterator<Item = (&'d str, Item<'d>)>,
        is_sorted: bool,
    ) -> Option<()> {
        self.written.push(OBJECT);
        if is_sorted {
            for (name, value) in members {
                self.member(name, value)?;
            }
        } else {
            let mut members: Vec<_> = members.collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in members {
                self.member(name, value)?;
            }
        }
        self.written.push(END);
        Some(())
    }

    fn member(&mut self, name: &str, value: Item<'d>) -> Option<()> {
        if name == "@context" {
            return None;
        }
        self.written.extend_from_slice(name.as_bytes());
        self.value(value, are_types(name))
    }

    fn value(&mut self, value: Item<'d>, are_types: bool) -> Option<()> {
        self.is_short()?;
        match value {
            Item::Text(name) if are_types => self.quote(name),
            Item::Text(text) => self.text(text),
            Item::Object(members) => {
                let is_sorted = members.are_ascending();
                self.object(members, is_sorted)?;
            }
            Item::Array(items) => {
                self.written.push(ARRAY);
                for item in items {
                    self.value(item, are_types)?;
                }
                self.written.push(END);
            }
            Item::Null => self.written.push(NULL),
            Item::Number(_) => self.written.push(NUMBER),
            Item::Boolean(_) => self.written.push(BOOLEAN),
        }
        Some(())
    }
}

impl<T> Outline<T> {
    fn empty() -> Self {
        Self {
            written: Vec::with_capacity(1_024),
            texts: Vec::with_capacity(64),
        }
    }

    /// Says whether more may be written.
    fn is_short(&self) -> Option<()> {
        (self.written.len() <= MAX_OUTLINE && self.texts.len() <= MAX_TEXTS).then_some(())
    }

    fn text(&mut self, text: T) {
        self.written.push(TEXT);
        self.texts.push(text);
    }

    fn quote(&mut self, text: &str) {
        self.written.push(QUOTE);
        self.written.extend_from_slice(text.as_bytes());
        self.written.push(QUOTE);
    }
}

/// Says whether the texts of a member are types under a common name.
fn are_types(name: &str) -> bool {
    matches!(name, "type" | "@type")
}
