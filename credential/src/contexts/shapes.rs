//! Shapes of documents that passed before: whatever differs from one of them in nothing that the walk looks at passes too.
//!
//! The walk of [`super::check`] looks at the names of members, at how values are nested and of which kind they are, at types and
//! at identifiers, and at no other value. An [`Outline`] writes down all of this but the identifiers. Two documents of one
//! outline therefore pass or fail alike, their identifiers aside, which are looked at in each.

use super::active::Active;
use foldhash::fast::RandomState;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// The most shapes that are kept.
const MAX_SHAPES: usize = 256;
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

/// Keeps the shapes of documents that passed, each under its outline.
#[derive(Debug, Default)]
pub(super) struct Shapes(RwLock<Kept>);

#[derive(Debug, Default)]
struct Kept {
    shapes: HashMap<Vec<u8>, Arc<Shape>, RandomState>,
    era: Era,
}

/// Tells how often the contexts changed, so that nothing is kept that was found before they did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Era(u64);

/// Is what a document's check looked at beside its outline, each by its place in [`Outline::texts`].
#[derive(Debug)]
struct Shape {
    identifiers: Vec<(usize, Arc<Active>)>,
    /// Types that stand under another name than `type` and `@type`.
    types: Vec<(usize, String)>,
}

/// Is a text whose content the walk looked at.
pub(super) enum Looked<'d> {
    /// An identifier, under the context where it stands.
    Identifier(&'d Value, Arc<Active>),
    /// A type.
    Type(&'d Value),
}

/// Is what a document is like: all that the walk looks at, but for identifiers, and types under uncommon names.
///
/// ```text
/// object   f8 | name value | … fa      a context's URL, or a text under `type` or `@type`   fc text fc
/// array    f9 | value | … fa           any other text                                       fb
/// null     fd                          number   fe                                          boolean   ff
/// ```
pub(super) struct Outline<'d> {
    written: Vec<u8>,
    /// The texts that are not written down, in their order.
    texts: Vec<&'d Value>,
}

impl Shapes {
    /// Says whether a document of this outline is certain to pass; if it is not, in which era it is not.
    pub(super) fn pass(&self, outline: &Outline<'_>) -> Result<(), Era> {
        let (shape, era) = {
            let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
            (kept.shapes.get(&outline.written).map(Arc::clone), kept.era)
        };
        if shape.is_some_and(|shape| shape.is_of(outline)) {
            Ok(())
        } else {
            Err(era)
        }
    }

    /// Keeps what was looked at in a document that passed, unless the contexts have changed since.
    pub(super) fn keep(&self, outline: Outline<'_>, looked: Vec<Looked<'_>>, era: Era) {
        let shape = Arc::new(Shape::of(&outline, looked));
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.era != era {
            return;
        }
        if kept.shapes.len() >= MAX_SHAPES {
            kept.shapes.clear();
        }
        kept.shapes.insert(outline.written, shape);
    }

    /// Forgets everything, because a context has changed.
    pub(super) fn forget(&self) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.shapes.clear();
        kept.era.0 += 1;
    }
}

impl Shape {
    fn of(outline: &Outline<'_>, looked: Vec<Looked<'_>>) -> Self {
        let address = |text: &Value| std::ptr::from_ref(text).addr();
        let places: BTreeMap<usize, usize> = outline
            .texts
            .iter()
            .map(|text| address(text))
            .zip(0..)
            .collect();
        let mut shape = Self {
            identifiers: Vec::new(),
            types: Vec::new(),
        };
        // What has no place is written down in the outline, so that it is the same in every document of the shape.
        for looked in looked {
            match looked {
                Looked::Identifier(text, active) => {
                    let place = places.get(&address(text));
                    shape
                        .identifiers
                        .extend(place.map(|place| (*place, active)));
                }
                Looked::Type(text) => {
                    let place = places.get(&address(text)).zip(text.as_str());
                    shape
                        .types
                        .extend(place.map(|(place, name)| (*place, name.to_owned())));
                }
            }
        }
        shape
    }

    /// Says whether a document of the outline passes.
    fn is_of(&self, outline: &Outline<'_>) -> bool {
        let text = |place: usize| outline.texts.get(place).and_then(|text| text.as_str());
        self.types
            .iter()
            .all(|(place, name)| text(*place) == Some(name))
            && self
                .identifiers
                .iter()
                .all(|(place, active)| text(*place).is_some_and(|id| active.is_identifier(id)))
    }
}

impl<'d> Outline<'d> {
    /// Writes a document's outline; `None` where it is too long, or the document has contexts of its own or proofs.
    pub(super) fn of(document: &'d Map<String, Value>) -> Option<Self> {
        let mut outline = Self {
            written: Vec::with_capacity(1_024),
            texts: Vec::with_capacity(64),
        };
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
            self.value(value, matches!(name.as_str(), "type" | "@type"))?;
        }
        self.written.push(END);
        Some(())
    }

    fn value(&mut self, value: &'d Value, are_types: bool) -> Option<()> {
        if self.written.len() > MAX_OUTLINE || self.texts.len() > MAX_TEXTS {
            return None;
        }
        match value {
            Value::String(name) if are_types => self.quote(name),
            Value::String(_) => {
                self.written.push(TEXT);
                self.texts.push(value);
            }
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

    fn quote(&mut self, text: &str) {
        self.written.push(QUOTE);
        self.written.extend_from_slice(text.as_bytes());
        self.written.push(QUOTE);
    }
}

#[cfg(test)]
mod tests;
