//! JSON Pointers (RFC 6901) that say what is disclosed.

use super::SelectiveError;

/// The longest pointer read, in bytes.
const MAX_LENGTH: usize = 2_048;
/// The most steps of a pointer: as deep as a document may be nested.
const MAX_STEPS: usize = 128;
/// The most pointers of one kind.
const MAX_POINTERS: usize = 512;

/// Is a JSON Pointer, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer<'a> {
    /// As it was written.
    pub(crate) text: &'a str,
    /// Its steps, unescaped.
    pub(crate) steps: Vec<String>,
}

impl<'a> Pointer<'a> {
    /// Parses one pointer; the empty one points to the whole document.
    pub(crate) fn parse(text: &'a str) -> Result<Self, SelectiveError> {
        let malformed = |reason| SelectiveError::Pointer {
            pointer: shortened(text),
            reason,
        };
        if text.len() > MAX_LENGTH {
            return Err(malformed("it is too long"));
        }
        if text.is_empty() {
            let steps = Vec::new();
            return Ok(Self { text, steps });
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(malformed("it does not begin with a slash"));
        };
        let steps: Vec<String> = rest
            .split('/')
            .take(MAX_STEPS + 1)
            .map(unescape)
            .collect::<Option<_>>()
            .ok_or_else(|| malformed("a tilde is followed by neither 0 nor 1"))?;
        if steps.len() > MAX_STEPS {
            return Err(malformed("it has too many steps"));
        }
        Ok(Self { text, steps })
    }

    /// Parses several.
    pub(crate) fn parse_all(texts: &'a [String]) -> Result<Vec<Self>, SelectiveError> {
        if texts.len() > MAX_POINTERS {
            return Err(SelectiveError::TooManyPointers { found: texts.len() });
        }
        texts.iter().map(|text| Self::parse(text)).collect()
    }
}

/// Reads a step as an array index (RFC 6901 §4): digits without leading zeros.
pub(crate) fn index(step: &str) -> Option<usize> {
    let digits = step.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = step == "0" || !step.starts_with('0');
    if digits && canonical && step.len() <= 9 {
        step.parse().ok()
    } else {
        None
    }
}

fn unescape(step: &str) -> Option<String> {
    let mut parts = step.split('~');
    let mut unescaped = parts.next()?.to_owned();
    for part in parts {
        let (escaped, rest) = if let Some(rest) = part.strip_prefix('0') {
            ('~', rest)
        } else {
            ('/', part.strip_prefix('1')?)
        };
        unescaped.push(escaped);
        unescaped.push_str(rest);
    }
    Some(unescaped)
}

/// Keeps what an error repeats of a client's text short.
fn shortened(text: &str) -> String {
    text.chars().take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_unescaped() {
        let pointer = Pointer::parse("/a~1b/~0/~01//0").unwrap();
        assert_eq!(pointer.steps, ["a/b", "~", "~1", "", "0"]);
        assert_eq!(Pointer::parse("").unwrap().steps, [""; 0]);
    }

    #[test]
    fn refuses_what_is_no_pointer() {
        let long = format!("/{}", "a".repeat(MAX_LENGTH));
        let deep = "/a".repeat(MAX_STEPS + 1);
        for text in ["a", "#/a", "/~", "/~2", "/a~", &long, &deep] {
            assert!(
                matches!(Pointer::parse(text), Err(SelectiveError::Pointer { .. })),
                "{text}"
            );
        }
        let many = vec!["/a".to_owned(); MAX_POINTERS + 1];
        assert!(matches!(
            Pointer::parse_all(&many),
            Err(SelectiveError::TooManyPointers { .. })
        ));
    }

    #[test]
    fn an_index_is_canonical() {
        assert_eq!((index("0"), index("10")), (Some(0), Some(10)));
        for step in ["", "-", "01", "+1", "1e0", "9999999999", "٣"] {
            assert_eq!(index(step), None, "{step}");
        }
    }
}
