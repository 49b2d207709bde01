//! Tests.

use super::*;
use proptest::prelude::*;

#[test]
fn entries_are_read_from_the_left() {
    let mut bits = Bitstring::zeros(131_072, 1).unwrap();
    bits.set(0, 1, 1).unwrap();
    bits.set(9, 1, 1).unwrap();
    let decoded = Bitstring::decode(&bits.encode().unwrap()).unwrap();
    // Two bits at once: entry 0 is bits 0 and 1, entry 4 is bits 8 and 9.
    assert_eq!(decoded.entry(0, 2), Ok(0b10));
    assert_eq!(decoded.entry(4, 2), Ok(0b01));
    assert_eq!(decoded.entry(1, 1), Ok(0));
}

#[test]
fn a_list_hides_its_size_below_the_least() {
    assert_eq!(Bitstring::zeros(1, 1).unwrap().entries(1), 131_072);
}

#[test]
fn an_index_outside_the_list_is_refused() {
    let bits = Bitstring::zeros(131_072, 1).unwrap();
    assert!(matches!(
        bits.entry(131_072, 1),
        Err(StatusError::Index { .. })
    ));
    assert!(matches!(
        bits.entry(u64::MAX, 16),
        Err(StatusError::Index { .. })
    ));
    assert!(matches!(
        bits.entry(65_536, 2),
        Err(StatusError::Index { .. })
    ));
}

#[test]
fn a_value_that_does_not_fit_is_refused() {
    let mut bits = Bitstring::zeros(1, 2).unwrap();
    assert!(matches!(bits.set(0, 2, 4), Err(StatusError::Entry { .. })));
    assert!(matches!(bits.entry(0, 0), Err(StatusError::Entry { .. })));
    assert!(matches!(bits.entry(0, 17), Err(StatusError::Entry { .. })));
}

#[test]
fn equal_lists_have_equal_texts() {
    let bits = Bitstring::zeros(1, 1).unwrap();
    assert_eq!(bits.encode(), bits.clone().encode());
}

#[test]
fn an_entry_with_messages_is_written_as_it_is_read() {
    let entry = NewEntry {
        list: "https://example.org/3",
        index: 5,
        purpose: "message",
        messages: &["a", "b", "c", "d"],
        reference: Some("https://example.org/dictionary"),
    }
    .to_json()
    .unwrap();
    let StatusEntry::Bitstring(read) = StatusEntry::read(entry.as_object().unwrap()).unwrap()
    else {
        panic!("the entry is a bitstring entry");
    };
    assert_eq!((read.index, read.size), (5, 2));
    assert_eq!(read.messages, ["a", "b", "c", "d"]);
}

#[test]
fn three_messages_are_not_one_for_each_value() {
    let entry = NewEntry {
        list: "https://example.org/3",
        index: 5,
        purpose: "message",
        messages: &["a", "b", "c"],
        reference: None,
    };
    assert!(matches!(entry.to_json(), Err(StatusError::Entry { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_set_is_read(index in 0_u64..8_000, size in 1_u8..=16, value: u16) {
        let value = u16::try_from(u32::from(value) & ((1_u32 << size) - 1)).unwrap();
        let mut bits = Bitstring::zeros(8_000, size).unwrap();
        bits.set(index, size, value).unwrap();
        prop_assert_eq!(bits.entry(index, size), Ok(value));
        if index > 0 {
            prop_assert_eq!(bits.entry(index - 1, size), Ok(0));
        }
        prop_assert_eq!(bits.entry(index + 1, size).unwrap_or(0), 0);
    }

    #[test]
    fn no_text_makes_the_decoder_panic(text in "u?[A-Za-z0-9_-]{0,200}") {
        let _ = Bitstring::decode(&text);
    }
}
