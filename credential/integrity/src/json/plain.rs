//! JSON that is written plainly: read where it lies, without building its values.
//!
//! Plain is text without white space, without escapes, and with no numbers but integers of at most 15 digits, as nearly every
//! signed document is written. [`Plain::read`] takes nothing that [`parse`](super::parse) refuses, and what it does not take may
//! still be good JSON: [`parse`](super::parse) decides.

mod canonical;
mod reader;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::Limits;
use reader::Reader;

/// Is one JSON object that is written plainly, with what stands where in it.
#[derive(Clone, Debug)]
pub struct Plain {
    text: String,
    /// Every value and every name, in their order.
    tokens: Vec<Token>,
    /// Whether the names of every object are in ascending order, by their bytes.
    is_sorted: bool,
    /// No more arrays and objects are nested than this.
    depth: usize,
}

/// Is a value of a [`Plain`] text.
#[derive(Clone, Debug)]
pub enum Item<'p> {
    /// A string.
    Text(&'p str),
    /// An array.
    Array(Items<'p>),
    /// An object.
    Object(Members<'p>),
    /// A number, as it is written.
    Number(&'p str),
    /// `true` or `false`.
    Boolean(bool),
    /// `null`.
    Null,
}

/// Goes through an array.
#[derive(Clone, Debug)]
pub struct Items<'p> {
    plain: &'p Plain,
    next: usize,
    end: usize,
}

/// Goes through the members of an object, in the order of the text.
#[derive(Clone, Debug)]
pub struct Members<'p> {
    items: Items<'p>,
    is_sorted: bool,
    /// The object's own token.
    place: usize,
}

/// Is a value, or a name, and where in the text it stands.
#[derive(Clone, Copy, Debug)]
struct Token {
    kind: Kind,
    start: u32,
    end: u32,
    /// The place of the token after it and all that is in it.
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    True,
    False,
    Null,
    Array,
    /// Its names are in ascending order, by their bytes.
    SortedObject,
    Object,
}

impl Plain {
    /// Reads an object.
    ///
    /// # Errors
    /// The text itself, when it is no object, is not written plainly, or is nothing that [`parse`](super::parse) takes.
    pub fn read(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Vec<u8>> {
        if bytes.len() > limits.max_bytes || bytes.first() != Some(&b'{') {
            return Err(bytes);
        }
        let text = String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes)?;
        match Reader::new(text.as_bytes(), limits.max_depth).read() {
            Some(found) => Ok(Self {
                text,
                tokens: found.tokens,
                is_sorted: found.is_sorted,
                depth: found.depth,
            }),
            None => Err(text.into_bytes()),
        }
    }

    /// Goes through the object's members.
    pub fn members(&self) -> Members<'_> {
        match self.item(0) {
            Some(Item::Object(members)) => members,
            _ => Members {
                items: Items {
                    plain: self,
                    next: 0,
                    end: 0,
                },
                is_sorted: true,
                place: 0,
            },
        }
    }

    /// Gives what stands in the text for a token.
    fn text(&self, token: &Token) -> Option<&str> {
        self.text
            .get(reader::wide(token.start)..reader::wide(token.end))
    }

    fn item(&self, place: usize) -> Option<Item<'_>> {
        self.item_of(place, self.tokens.get(place)?)
    }

    /// Gives the value whose token stands at a place.
    fn item_of(&self, place: usize, token: &Token) -> Option<Item<'_>> {
        let items = || Items {
            plain: self,
            next: place + 1,
            end: reader::wide(token.next),
        };
        Some(match token.kind {
            Kind::Text => Item::Text(self.text(token)?),
            Kind::Number => Item::Number(self.text(token)?),
            Kind::True => Item::Boolean(true),
            Kind::False => Item::Boolean(false),
            Kind::Null => Item::Null,
            Kind::Array => Item::Array(items()),
            Kind::SortedObject | Kind::Object => Item::Object(Members {
                items: items(),
                is_sorted: token.kind == Kind::SortedObject,
                place,
            }),
        })
    }
}

impl<'p> Item<'p> {
    /// Returns the text, if it is one.
    pub fn as_text(self) -> Option<&'p str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Builds the value.
    pub fn to_value(self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.to_owned()),
            Self::Array(items) => Value::Array(items.map(Self::to_value).collect()),
            Self::Object(members) => Value::Object(members.to_map()),
            // What is written plainly fits.
            Self::Number(text) => Value::from(text.parse::<i64>().unwrap_or_default()),
            Self::Boolean(boolean) => Value::Bool(boolean),
            Self::Null => Value::Null,
        }
    }
}

impl<'p> Iterator for Items<'p> {
    type Item = Item<'p>;

    fn next(&mut self) -> Option<Item<'p>> {
        if self.next >= self.end {
            return None;
        }
        let place = self.next;
        let token = self.plain.tokens.get(place)?;
        self.next = reader::wide(token.next);
        self.plain.item_of(place, token)
    }
}

impl<'p> Members<'p> {
    /// Finds a member.
    pub fn member(self, name: &str) -> Option<Item<'p>> {
        let Items {
            plain,
            mut next,
            end,
        } = self.items;
        while next < end {
            if plain.text(plain.tokens.get(next)?) == Some(name) {
                return plain.item(next + 1);
            }
            next = reader::wide(plain.tokens.get(next + 1)?.next);
        }
        None
    }

    /// Takes the object out of what it stands in.
    ///
    /// # Errors
    /// The object, when it exceeds the limits.
    pub fn to_plain(self, limits: &Limits) -> Result<Plain, Self> {
        let whole = self.items.plain;
        let place = self.place;
        let tokens = whole.tokens.get(place..).unwrap_or_default();
        let Some((text, own)) = tokens.first().and_then(|object| {
            let count = reader::wide(object.next) - place;
            Some((whole.text(object)?, tokens.get(..count)?))
        }) else {
            return Err(self);
        };
        if text.len() > limits.max_bytes {
            return Err(self);
        }
        // How deep it is by itself is known where it is too deep with what it stands in.
        if whole.depth > limits.max_depth {
            return Plain::read(text.into(), limits).map_err(|_| self);
        }
        let (start, first) = (
            own.first().map_or(0, |object| object.start),
            reader::narrow(place),
        );
        let moved = |token: &Token| Token {
            kind: token.kind,
            start: token.start - start,
            end: token.end - start,
            next: token.next - first,
        };
        Ok(Plain {
            text: text.to_owned(),
            tokens: own.iter().map(moved).collect(),
            is_sorted: own.iter().all(|token| token.kind != Kind::Object),
            depth: whole.depth,
        })
    }

    /// Says whether the names stand in ascending order, by their bytes.
    pub fn are_ascending(&self) -> bool {
        self.is_sorted
    }

    /// Builds the members.
    pub fn to_map(self) -> Map<String, Value> {
        self.map(|(name, value)| (name.to_owned(), value.to_value()))
            .collect()
    }
}

impl<'p> Iterator for Members<'p> {
    type Item = (&'p str, Item<'p>);

    fn next(&mut self) -> Option<(&'p str, Item<'p>)> {
        let Items { plain, next, end } = &mut self.items;
        let place = *next;
        if place >= *end {
            return None;
        }
        // A name is always a text, and its value is the token after it.
        let [name, value] = plain.tokens.get(place..place + 2)? else {
            return None;
        };
        *next = reader::wide(value.next);
        Some((plain.text(name)?, plain.item_of(place + 1, value)?))
    }
}
