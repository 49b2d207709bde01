//! The part of CBOR (RFC 8949) that proof values use, in its one deterministic form: definite lengths, shortest heads, no tags.
//!
//! A general decoder takes indefinite lengths and longer heads too, so that the holder of a proof could vary its bytes.

/// Says what is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes end within an item.
    #[error("it ends within an item")]
    Truncated,
    /// Bytes follow the last item.
    #[error("{0} bytes follow the last item")]
    Trailing(usize),
    /// An item is of another type.
    #[error("{found} stands where {expected} must stand")]
    Type {
        /// What must stand here.
        expected: &'static str,
        /// What stands here.
        found: &'static str,
    },
    /// An array, map or string has no length at its head.
    #[error("an item has indefinite length")]
    Indefinite,
    /// A number is written longer than needed.
    #[error("a number is not in its shortest form")]
    NotShortest,
    /// A number does not fit.
    #[error("a number is too large")]
    TooLarge,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
}

const UNSIGNED: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;

/// What each major type is called.
const NAMES: [&str; 8] = [
    "a number",
    "a negative number",
    "a byte string",
    "a text",
    "an array",
    "a map",
    "a tag",
    "a simple value",
];

/// Reads items from the front of a slice.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn number(&mut self) -> Result<usize, CborError> {
        self.head(UNSIGNED)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let length = self.head(BYTES)?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, CborError> {
        let length = self.head(TEXT)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| CborError::Utf8)
    }

    /// Reads the head of an array. Every item takes at least a byte, so a length past the end is refused here.
    pub(crate) fn array(&mut self) -> Result<usize, CborError> {
        let length = self.head(ARRAY)?;
        self.within(length)
    }

    /// Reads the head of a map; gives the number of its pairs.
    pub(crate) fn map(&mut self) -> Result<usize, CborError> {
        let length = self.head(MAP)?;
        self.within(length)
    }

    /// Checks that nothing is left.
    pub(crate) fn end(&self) -> Result<(), CborError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(CborError::Trailing(left)),
        }
    }

    fn within(&self, length: usize) -> Result<usize, CborError> {
        if length > self.rest.len() {
            return Err(CborError::Truncated);
        }
        Ok(length)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], CborError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn head(&mut self, expected: u8) -> Result<usize, CborError> {
        let [first] = self.take(1)? else {
            return Err(CborError::Truncated);
        };
        let (major, additional) = (first >> 5, first & 0x1f);
        let name = |major: u8| NAMES.get(usize::from(major)).copied().unwrap_or_default();
        if major != expected {
            return Err(CborError::Type {
                expected: name(expected),
                found: name(major),
            });
        }
        let (width, least) = match additional {
            0..=23 => return Ok(usize::from(additional)),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => return Err(CborError::TooLarge),
            31 => return Err(CborError::Indefinite),
            _ => return Err(CborError::NotShortest),
        };
        let number = self
            .take(width)?
            .iter()
            .fold(0_usize, |number, byte| (number << 8) | usize::from(*byte));
        if number < least {
            return Err(CborError::NotShortest);
        }
        Ok(number)
    }
}

/// Writes items to the end of a buffer.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins with the bytes that say what is encoded.
    pub(crate) fn new(header: [u8; 3]) -> Self {
        Self {
            bytes: header.to_vec(),
        }
    }

    pub(crate) fn number(&mut self, number: usize) {
        self.head(UNSIGNED, number);
    }

    pub(crate) fn numbers(&mut self, numbers: &[usize]) {
        self.array(numbers.len());
        for number in numbers {
            self.number(*number);
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.head(BYTES, bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.head(TEXT, text.len());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn array(&mut self, length: usize) {
        self.head(ARRAY, length);
    }

    pub(crate) fn map(&mut self, pairs: usize) {
        self.head(MAP, pairs);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn head(&mut self, major: u8, number: usize) {
        let major = major << 5;
        let all = (number as u64).to_be_bytes();
        let width = match number {
            0..=23 => 0,
            24..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xffff_ffff => 4,
            _ => 8,
        };
        let additional = match width {
            0 => all.last().copied().unwrap_or_default(),
            1 => 24,
            2 => 25,
            4 => 26,
            _ => 27,
        };
        self.bytes.push(major | additional);
        self.bytes
            .extend_from_slice(all.get(all.len() - width..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(numbers in prop::collection::vec(0_usize..0x1_0000_0000, 0..40), bytes: Vec<u8>, text: String) {
            let mut writer = Writer::new([1, 2, 3]);
            writer.numbers(&numbers);
            writer.bytes(&bytes);
            writer.text(&text);
            writer.map(1);
            writer.number(7);
            writer.number(0);
            let written = writer.into_bytes();
            prop_assert_eq!(&written[..3], [1, 2, 3]);

            let mut reader = Reader::new(&written[3..]);
            let count = reader.array().unwrap();
            let read: Vec<usize> = (0..count).map(|_| reader.number().unwrap()).collect();
            prop_assert_eq!(read, numbers);
            prop_assert_eq!(reader.bytes().unwrap(), bytes.as_slice());
            prop_assert_eq!(reader.text().unwrap(), text.as_str());
            prop_assert_eq!(reader.map(), Ok(1));
            prop_assert_eq!((reader.number(), reader.number()), (Ok(7), Ok(0)));
            prop_assert_eq!(reader.end(), Ok(()));
        }
    }

    #[test]
    fn refuses_every_form_but_the_shortest_definite_one() {
        let number = |bytes: &[u8]| Reader::new(bytes).number();
        assert_eq!(number(&[0x18, 24]), Ok(24));
        assert_eq!(number(&[0x18, 23]), Err(CborError::NotShortest));
        assert_eq!(number(&[0x19, 0, 255]), Err(CborError::NotShortest));
        assert_eq!(number(&[0x1a, 0, 0, 255, 255]), Err(CborError::NotShortest));
        assert_eq!(
            number(&[0x1b, 0, 0, 0, 1, 0, 0, 0, 0]),
            Err(CborError::TooLarge)
        );
        assert_eq!(number(&[0x1c]), Err(CborError::NotShortest));
        assert_eq!(number(&[]), Err(CborError::Truncated));
        assert_eq!(
            Reader::new(&[0x9f, 0xff]).array(),
            Err(CborError::Indefinite)
        );
        assert_eq!(
            Reader::new(&[0x5f, 0x40, 0xff]).bytes(),
            Err(CborError::Indefinite)
        );
        assert_eq!(
            Reader::new(&[0x9a, 0xff, 0xff, 0xff, 0xff]).array(),
            Err(CborError::Truncated)
        );
        assert_eq!(Reader::new(&[0x61, 0xff]).text(), Err(CborError::Utf8));
        assert_eq!(
            Reader::new(&[0xd8, 64, 0x40]).bytes(),
            Err(CborError::Type {
                expected: "a byte string",
                found: "a tag"
            })
        );
        assert_eq!(Reader::new(&[0]).end(), Err(CborError::Trailing(1)));
    }
}
