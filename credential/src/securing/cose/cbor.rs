//! A strict reader of CBOR (RFC 8949), for what is signed: one item, definite lengths, shortest forms, no key twice.
//!
//! What two readers could understand differently is refused, as in [`chop_integrity::json`]. Depth and entries are bounded.

use serde_json::{Map, Value};

/// The most arrays, maps and tags that may be nested.
const MAX_DEPTH: usize = 8;

/// The most entries of one array or map.
const MAX_ENTRIES: u64 = 64;

/// Says why bytes are not strict CBOR of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CborError {
    /// The bytes end inside an item.
    #[error("it ends inside an item")]
    Truncated,
    /// Bytes follow the item.
    #[error("{found} bytes follow the item")]
    Trailing {
        /// How many.
        found: usize,
    },
    /// A length or integer could be written shorter.
    #[error("a length or integer is not in its shortest form")]
    NotShortest,
    /// An item does not say how long it is.
    #[error("an item has no definite length")]
    Indefinite,
    /// An additional information value or simple value is reserved (RFC 8949 §3, §3.3).
    #[error("an item has a reserved form")]
    Reserved,
    /// Items are nested too deeply.
    #[error("it is nested more than {max} levels deep")]
    TooDeep {
        /// The most levels read.
        max: usize,
    },
    /// An array or map is too long.
    #[error("an array or map has {found} entries, at most {max} are read")]
    TooMany {
        /// The most entries read.
        max: u64,
        /// The entries found.
        found: u64,
    },
    /// A map holds a key twice (RFC 9052 §14).
    #[error("a map holds a key twice")]
    DuplicateKey,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// An item is of another kind than it must be.
    #[error("{found} stands where {expected} must stand")]
    Kind {
        /// What must stand there.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
}

/// Is one item: a scalar with its value, or the head of what holds further items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item<'a> {
    /// Zero or a positive integer.
    Unsigned(u64),
    /// The negative integer −1 − n.
    Negative(u64),
    /// A byte string.
    Bytes(&'a [u8]),
    /// A text string.
    Text(&'a str),
    /// An array of so many items.
    Array(u64),
    /// A map of so many pairs.
    Map(u64),
    /// A tag for the next item.
    Tag(u64),
    /// `null`.
    Null,
    /// A float or another simple value.
    Simple,
}

/// Is a map key of COSE: an integer or a text (RFC 9052 §1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label<'a> {
    /// An integer that fits 64 bits.
    Integer(i64),
    /// A text.
    Text(&'a str),
}

/// Is a map's entry: its label, and its value as it was written.
pub(crate) type Entry<'a> = (Label<'a>, &'a [u8]);

/// Reads items off the front of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Checks that nothing follows.
    pub(crate) fn end(self) -> Result<(), CborError> {
        match self.rest.len() {
            0 => Ok(()),
            found => Err(CborError::Trailing { found }),
        }
    }

    /// Reads a scalar, or the head of an array, map or tag.
    pub(crate) fn item(&mut self) -> Result<Item<'a>, CborError> {
        let (major, value) = self.head()?;
        Ok(match major {
            0 => Item::Unsigned(value),
            1 => Item::Negative(value),
            2 => Item::Bytes(self.take(value)?),
            3 => {
                Item::Text(std::str::from_utf8(self.take(value)?).map_err(|_| CborError::NotUtf8)?)
            }
            4 => Item::Array(bounded(value)?),
            5 => Item::Map(bounded(value)?),
            6 => Item::Tag(value),
            _ if value == NULL => Item::Null,
            _ => Item::Simple,
        })
    }

    /// Reads a byte string.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        match self.item()? {
            Item::Bytes(bytes) => Ok(bytes),
            other => Err(other.instead_of("a byte string")),
        }
    }

    /// Reads a map, its labels each once.
    pub(crate) fn map(&mut self) -> Result<Vec<Entry<'a>>, CborError> {
        match self.item()? {
            Item::Map(length) => self.entries(length, 1),
            other => Err(other.instead_of("a map")),
        }
    }

    fn entries(&mut self, length: u64, depth: usize) -> Result<Vec<Entry<'a>>, CborError> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        for _ in 0..length {
            let label = self.item()?.label()?;
            let value = self.whole(depth)?;
            if entries.iter().any(|(other, _)| *other == label) {
                return Err(CborError::DuplicateKey);
            }
            entries.push((label, value));
        }
        Ok(entries)
    }

    /// Reads past one item with all that it holds, and returns its bytes.
    fn whole(&mut self, depth: usize) -> Result<&'a [u8], CborError> {
        if depth > MAX_DEPTH {
            return Err(CborError::TooDeep { max: MAX_DEPTH });
        }
        let before = self.rest;
        match self.item()? {
            Item::Array(length) => {
                for _ in 0..length {
                    self.whole(depth + 1)?;
                }
            }
            Item::Map(length) => {
                let mut keys: Vec<&[u8]> = Vec::new();
                for _ in 0..length {
                    let key = self.whole(depth + 1)?;
                    if keys.contains(&key) {
                        return Err(CborError::DuplicateKey);
                    }
                    keys.push(key);
                    self.whole(depth + 1)?;
                }
            }
            Item::Tag(_) => {
                self.whole(depth + 1)?;
            }
            _ => {}
        }
        let read = before.len() - self.rest.len();
        Ok(before.get(..read).unwrap_or_default())
    }

    /// Reads one item as JSON: maps with text keys, arrays, texts and integers (RFC 8949 §6.1).
    pub(crate) fn json(&mut self) -> Result<Value, CborError> {
        let unlike = |item: Item<'_>| item.instead_of("what JSON has as well");
        Ok(match self.item()? {
            Item::Unsigned(value) => Value::from(value),
            Item::Text(text) => Value::from(text),
            Item::Array(length) => (0..length)
                .map(|_| self.json())
                .collect::<Result<Vec<_>, _>>()?
                .into(),
            Item::Map(length) => {
                let mut members = Map::new();
                for _ in 0..length {
                    match self.item()? {
                        Item::Text(name) => members.insert(name.to_owned(), self.json()?),
                        other => return Err(unlike(other)),
                    };
                }
                members.into()
            }
            other => return Err(unlike(other)),
        })
    }

    /// Reads the first byte and the argument that follows it (RFC 8949 §3).
    fn head(&mut self) -> Result<(u8, u64), CborError> {
        let (first, rest) = self.rest.split_first().ok_or(CborError::Truncated)?;
        self.rest = rest;
        let (major, short) = (first >> 5, first & 0x1f);
        let width = match short {
            0..24 => 0,
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            28..31 => return Err(CborError::Reserved),
            _ => return Err(CborError::Indefinite),
        };
        if width == 0 {
            return Ok((major, u64::from(short)));
        }
        let value = self
            .take(width)?
            .iter()
            .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        match major {
            // What follows are a float's bits, or a simple value that has no shorter form from 32 on.
            7 if width == 1 && value < 32 => Err(CborError::Reserved),
            7 if width == 1 => Ok((major, value)),
            7 => Ok((major, FLOAT)),
            _ if is_shortest(width, value) => Ok((major, value)),
            _ => Err(CborError::NotShortest),
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], CborError> {
        let length = usize::try_from(length).map_err(|_| CborError::Truncated)?;
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'a> Item<'a> {
    /// Reads the bytes of one item alone.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, CborError> {
        let mut reader = Reader::new(bytes);
        let item = reader.item()?;
        match item {
            Item::Array(_) | Item::Map(_) | Item::Tag(_) => {}
            _ => reader.end()?,
        }
        Ok(item)
    }

    /// Says that something else must stand where this item does.
    pub(crate) fn instead_of(self, expected: &'static str) -> CborError {
        let found = match self {
            Item::Unsigned(_) | Item::Negative(_) => "an integer",
            Item::Bytes(_) => "a byte string",
            Item::Text(_) => "a text",
            Item::Array(_) => "an array",
            Item::Map(_) => "a map",
            Item::Tag(_) => "a tag",
            Item::Null => "null",
            Item::Simple => "a float or simple value",
        };
        CborError::Kind { expected, found }
    }

    /// Returns an integer that fits 64 bits.
    pub(crate) fn integer(self) -> Option<i64> {
        match self {
            Item::Unsigned(value) => i64::try_from(value).ok(),
            Item::Negative(value) => i64::try_from(value).ok().map(|value| -1 - value),
            _ => None,
        }
    }

    fn label(self) -> Result<Label<'a>, CborError> {
        match (self, self.integer()) {
            (_, Some(integer)) => Ok(Label::Integer(integer)),
            (Item::Text(text), _) => Ok(Label::Text(text)),
            (other, None) => Err(other.instead_of("a label of 64 bits or text")),
        }
    }
}

/// The simple value `null`.
const NULL: u64 = 22;

/// What stands for any float's bits, which nobody here reads.
const FLOAT: u64 = u64::MAX;

fn is_shortest(width: u64, value: u64) -> bool {
    match width {
        1 => value >= 24,
        2 => value > 0xff,
        4 => value > 0xffff,
        _ => value > 0xffff_ffff,
    }
}

fn bounded(length: u64) -> Result<u64, CborError> {
    if length > MAX_ENTRIES {
        return Err(CborError::TooMany {
            max: MAX_ENTRIES,
            found: length,
        });
    }
    Ok(length)
}

/// Writes CBOR in its shortest forms.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn integer(&mut self, value: i64) {
        if value < 0 {
            self.head(1, (-1 - value).unsigned_abs());
        } else {
            self.head(0, value.unsigned_abs());
        }
    }

    pub(crate) fn unsigned(&mut self, value: u64) {
        self.head(0, value);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.head(2, bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.head(3, text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends items that are written already.
    pub(crate) fn raw(&mut self, items: &[u8]) {
        self.bytes.extend_from_slice(items);
    }

    pub(crate) fn array(&mut self, length: u64) {
        self.head(4, length);
    }

    pub(crate) fn map(&mut self, length: u64) {
        self.head(5, length);
    }

    pub(crate) fn tag(&mut self, tag: u64) {
        self.head(6, tag);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn head(&mut self, major: u8, value: u64) {
        let wide = value.to_be_bytes();
        let [.., low] = wide;
        let (short, follows) = match value {
            0..24 => (low, 8),
            24..0x100 => (24, 7),
            0x100..0x1_0000 => (25, 6),
            0x1_0000..0x1_0000_0000 => (26, 4),
            _ => (27, 0),
        };
        self.bytes.push(major << 5 | short);
        self.bytes.extend(wide.into_iter().skip(follows));
    }
}
