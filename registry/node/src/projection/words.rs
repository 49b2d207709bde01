//! Words: under what a name is found, the same in both databases, which have no full-text search in common.
//!
//! A name is found by its beginning and by the beginning of each of its words: `North Farm` by `nor` and `farm`,
//! `QualityInspection` by `insp`, `https://farm.example/lots` by `farm.ex`.

/// Longest word, in bytes; a question is cut to the same length.
pub(super) const MAX_WORD: usize = 128;
/// Most words of one name.
const MAX_WORDS: usize = 8;
/// Longest name that an answer repeats, in bytes.
const MAX_LABEL: usize = 256;

/// Under what a name is found; nothing when it has control characters, which no database needs to see.
pub(super) fn words(name: &str) -> Vec<String> {
    if name.chars().any(char::is_control) {
        return Vec::new();
    }
    let mut words = Vec::new();
    let mut before = None::<char>;
    for (at, character) in name.char_indices() {
        if starts_word(before, character)
            && let Some(rest) = name.get(at..)
        {
            words.push(fold(rest));
        }
        if words.len() == MAX_WORDS {
            break;
        }
        before = Some(character);
    }
    words
}

fn starts_word(before: Option<char>, character: char) -> bool {
    let Some(before) = before else {
        return true;
    };
    character.is_alphanumeric()
        && (!before.is_alphanumeric() || (before.is_lowercase() && character.is_uppercase()))
}

/// A text in the form in which words are compared.
pub(super) fn fold(text: &str) -> String {
    cut(&text.trim().to_lowercase(), MAX_WORD)
}

/// A name as an answer repeats it.
pub(super) fn label(name: &str) -> String {
    cut(name, MAX_LABEL)
}

fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// The first text behind every text that begins so.
pub(super) fn behind(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_each_of_its_words() {
        assert_eq!(
            words("North  Farm-Lot 7"),
            ["north  farm-lot 7", "farm-lot 7", "lot 7", "7"]
        );
        assert_eq!(
            words("QualityInspection"),
            ["qualityinspection", "inspection"]
        );
        assert_eq!(
            words("https://a.example/x"),
            ["https://a.example/x", "a.example/x", "example/x", "x"]
        );
        assert_eq!(words("Öl ÉCOLE"), ["öl école", "école"]);
    }

    #[test]
    fn what_is_long_is_cut_between_characters_and_control_characters_are_never_words() {
        let long = "ß".repeat(1_000);
        assert_eq!(words(&long), ["ß".repeat(MAX_WORD / 2)]);
        assert_eq!(words(&"a b ".repeat(1_000)).len(), MAX_WORDS);
        assert!(words("a\u{0}b").is_empty());
        assert!(words("").is_empty());
    }

    #[test]
    fn what_begins_with_a_text_lies_before_the_text_behind_it() {
        for tail in ["", "z", "\u{10FFFE}", "zzzz"] {
            assert!(format!("ab{tail}") < behind("ab"));
        }
        assert!("ac" > behind("ab").as_str());
    }
}
