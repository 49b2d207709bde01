//! Reads plain text into tokens, in one pass.

use super::{Kind, Token};

/// The most names of an object that are not in ascending order: each is compared with each.
const MAX_UNSORTED: usize = 64;
/// The most digits of a number: every such number is an integer of 64 bits and a double.
const MAX_DIGITS: usize = 15;

/// Goes through a text.
pub(super) struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    max_depth: usize,
    found: Found,
}

/// What is found in a text.
pub(super) struct Found {
    pub(super) tokens: Vec<Token>,
    /// Whether the names of every object are in ascending order, by their bytes.
    pub(super) is_sorted: bool,
    /// How many arrays and objects are nested.
    pub(super) depth: usize,
}

impl<'t> Reader<'t> {
    /// Begins at the start of a text in UTF-8 that is shorter than 4 GiB.
    pub(super) fn new(text: &'t [u8], max_depth: usize) -> Self {
        Self {
            text,
            at: 0,
            max_depth,
            found: Found {
                // Twelve bytes to a token are few: a text takes its room at once.
                tokens: Vec::with_capacity(text.len() / 12 + 8),
                is_sorted: true,
                depth: 0,
            },
        }
    }

    /// Reads one value that is the whole text; `None` when anything is not written plainly.
    pub(super) fn read(mut self) -> Option<Found> {
        // Every byte is looked at, so that many are at once: neither a control character nor an escape is plain anywhere.
        let seen = |seen, byte: &u8| seen | u8::from(*byte < 0x20 || *byte == b'\\');
        if self.text.iter().fold(0, seen) != 0 {
            return None;
        }
        self.value(0)?;
        (self.at == self.text.len()).then_some(self.found)
    }

    /// Reads a value that lies inside `depth` arrays and objects.
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b't' => self.word(b"true", Kind::True),
            b'f' => self.word(b"false", Kind::False),
            b'n' => self.word(b"null", Kind::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        let place = self.open(depth, Kind::SortedObject)?;
        let (mut last, mut is_sorted, mut count) = (None, true, 0_usize);
        if self.peek()? == b'}' {
            self.at += 1;
            return self.close(place, Kind::SortedObject);
        }
        loop {
            let name = self.string()?;
            is_sorted &= last.is_none_or(|last| last < name);
            last = Some(name);
            count += 1;
            self.byte(b':')?;
            self.value(depth + 1)?;
            match self.take()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        if is_sorted {
            return self.close(place, Kind::SortedObject);
        }
        if count > MAX_UNSORTED || self.repeats_a_name(place) {
            return None;
        }
        self.found.is_sorted = false;
        self.close(place, Kind::Object)
    }

    /// Says whether a name stands twice in the object that begins at a place.
    fn repeats_a_name(&self, place: usize) -> bool {
        let mut names = Vec::with_capacity(MAX_UNSORTED);
        let mut at = place + 1;
        while let Some(name) = self.found.tokens.get(at) {
            let name_text = self.text.get(wide(name.start)..wide(name.end));
            if names.contains(&name_text) {
                return true;
            }
            names.push(name_text);
            let value = self.found.tokens.get(at + 1);
            at = value.map_or(usize::MAX, |value| wide(value.next));
        }
        false
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        let place = self.open(depth, Kind::Array)?;
        if self.peek()? == b']' {
            self.at += 1;
            return self.close(place, Kind::Array);
        }
        loop {
            self.value(depth + 1)?;
            match self.take()? {
                b',' => {}
                b']' => return self.close(place, Kind::Array),
                _ => return None,
            }
        }
    }

    /// Begins an array or object.
    fn open(&mut self, depth: usize, kind: Kind) -> Option<usize> {
        if depth >= self.max_depth {
            return None;
        }
        self.found.depth = self.found.depth.max(depth + 1);
        let place = self.found.tokens.len();
        self.push(kind, self.at, self.at + 1)?;
        self.at += 1;
        Some(place)
    }

    /// Ends the array or object that began at a place, and whose last byte was just read.
    fn close(&mut self, place: usize, kind: Kind) -> Option<()> {
        let next = u32::try_from(self.found.tokens.len()).ok()?;
        let end = u32::try_from(self.at).ok()?;
        let token = self.found.tokens.get_mut(place)?;
        (token.kind, token.next, token.end) = (kind, next, end);
        Some(())
    }

    /// Reads a string, which has no escapes, and gives its content.
    fn string(&mut self) -> Option<&'t [u8]> {
        self.byte(b'"')?;
        let rest = self.text.get(self.at..)?;
        let content = rest.get(..memchr::memchr(b'"', rest)?)?;
        let start = self.at;
        self.push(Kind::Text, start, start + content.len())?;
        self.at = start + content.len() + 1;
        Some(content)
    }

    /// Reads an integer that is neither long nor a negative zero.
    fn number(&mut self) -> Option<()> {
        let start = self.at;
        let rest = self.text.get(start..)?;
        let unsigned = rest.strip_prefix(b"-").unwrap_or(rest);
        let digits = unsigned
            .iter()
            .take(MAX_DIGITS + 1)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let is_plain = match unsigned.first()? {
            b'0' => digits == 1 && unsigned.len() == rest.len(),
            _ => (1..=MAX_DIGITS).contains(&digits),
        };
        if !is_plain {
            return None;
        }
        self.at += rest.len() - unsigned.len() + digits;
        self.push(Kind::Number, start, self.at)
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Option<()> {
        let start = self.at;
        if !self.text.get(start..)?.starts_with(word) {
            return None;
        }
        self.at += word.len();
        self.push(kind, start, self.at)
    }

    /// Adds a token in which no other is.
    fn push(&mut self, kind: Kind, start: usize, end: usize) -> Option<()> {
        let token = Token {
            kind,
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
            next: u32::try_from(self.found.tokens.len() + 1).ok()?,
        };
        self.found.tokens.push(token);
        Some(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn byte(&mut self, wanted: u8) -> Option<()> {
        (self.take()? == wanted).then_some(())
    }
}

/// Widens a place in a text or among tokens, of which there are fewer than 2^32.
pub(super) fn wide(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// Narrows a place among tokens, of which there are fewer than 2^32.
pub(super) fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
