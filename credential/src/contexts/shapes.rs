//! Shapes of documents that passed before: whatever differs from one of them in nothing that the walk looks at passes too.
//!
//! The walk of [`super::check`] looks at the names of members, at how values are nested and of which kind they are, at types and
//! at identifiers, and at no other value. An [`Outline`] writes down all of this but the identifiers. Two documents of one
//! outline therefore pass or fail alike, their identifiers aside, which are looked at in each.

mod outline;

use super::active::Active;
use foldhash::fast::RandomState;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// The most shapes that are kept.
const MAX_SHAPES: usize = 256;
/// The most bytes of a shape that is kept: of its outline and of the types beside it.
const MAX_BYTES: usize = 8_192;

pub(super) use outline::{Outline, Text};

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

impl Shapes {
    /// Says whether a document of this outline is certain to pass; if it is not, in which era it is not.
    pub(super) fn pass(&self, outline: &Outline<impl Text>) -> Result<(), Era> {
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
    pub(super) fn keep(&self, outline: Outline<&Value>, looked: Vec<Looked<'_>>, era: Era) {
        let shape = Shape::of(&outline, looked);
        if outline.written.len().saturating_add(shape.length()) > MAX_BYTES {
            return;
        }
        let shape = Arc::new(shape);
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
    fn of(outline: &Outline<&Value>, looked: Vec<Looked<'_>>) -> Self {
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

    /// Adds up the bytes of its types.
    fn length(&self) -> usize {
        self.types.iter().map(|(_, name)| name.len()).sum()
    }

    /// Says whether a document of the outline passes.
    fn is_of(&self, outline: &Outline<impl Text>) -> bool {
        let text = |place: usize| outline.texts.get(place).and_then(Text::text);
        self.types
            .iter()
            .all(|(place, name)| text(*place) == Some(name))
            && self
                .identifiers
                .iter()
                .all(|(place, active)| text(*place).is_some_and(|id| active.is_identifier(id)))
    }
}

#[cfg(test)]
mod tests;
