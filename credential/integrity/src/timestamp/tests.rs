use proptest::prelude::*;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::*;

fn xml(text: &str) -> Result<String, TimestampError> {
    Timestamp::parse_xml(text).map(|time| time.to_string())
}

#[test]
fn writes_three_decimals_and_utc() {
    for (ms, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_795_248_000_001, "2026-11-21T08:00:00.001Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
    ] {
        assert_eq!(Timestamp::from_unix_ms(ms).to_string(), text);
        assert_eq!(Timestamp::parse(text), Ok(Timestamp::from_unix_ms(ms)));
    }
    assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000Z");
    assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    assert_eq!(
        Timestamp::from_unix_ms(1_795_248_000_001).to_seconds_text(),
        "2026-11-21T08:00:00Z"
    );
}

#[test]
fn refuses_other_spellings_where_it_wants_the_canonical_form() {
    for text in [
        "2026-11-21T08:00:00Z",
        "2026-11-21T08:00:00.0Z",
        "2026-11-21T08:00:00.0000Z",
        "2026-11-21T08:00:00.000z",
        "2026-11-21t08:00:00.000Z",
        "2026-11-21 08:00:00.000Z",
        "2026-11-21T08:00:00.00+0",
        "2026-11-21T24:00:00.000Z",
        "2026-02-29T00:00:00.000Z",
        "1900-02-29T00:00:00.000Z",
        "2026-00-21T00:00:00.000Z",
        "2026-11-31T00:00:00.000Z",
        "2026-11-21T23:60:00.000Z",
        "2026-11-21T23:59:60.000Z",
        "0000-11-21T23:59:00.000Z",
        "+026-11-21T23:59:00.000Z",
        "２026-11-21T08:00:00.00Z",
        "",
    ] {
        assert!(Timestamp::parse(text).is_err(), "{text}");
    }
}

#[test]
fn reads_what_xml_schema_allows() {
    for (text, expected) in [
        ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00.000Z"),
        ("2026-11-21T08:00:00", "2026-11-21T08:00:00.000Z"),
        ("2026-11-21T08:00:00.5", "2026-11-21T08:00:00.500Z"),
        ("2026-11-21T08:00:00.123456789Z", "2026-11-21T08:00:00.123Z"),
        ("2026-11-21T08:00:00.9999Z", "2026-11-21T08:00:00.999Z"),
        ("2026-11-21T08:00:00+01:00", "2026-11-21T07:00:00.000Z"),
        ("2026-11-21T08:00:00-05:30", "2026-11-21T13:30:00.000Z"),
        ("2026-11-21T08:00:00+14:00", "2026-11-20T18:00:00.000Z"),
        ("2026-12-31T24:00:00Z", "2027-01-01T00:00:00.000Z"),
        ("2024-02-29T23:59:59-00:00", "2024-02-29T23:59:59.000Z"),
    ] {
        assert_eq!(xml(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn refuses_what_xml_schema_refuses() {
    for text in [
        "2026-11-21",
        "2026-11-21T08:00Z",
        "2026-11-21T08:00:00.Z",
        "2026-11-21T08:00:00+1:00",
        "2026-11-21T08:00:00+0100",
        "2026-11-21T08:00:00+14:01",
        "2026-11-21T08:00:00+15:00",
        "2026-11-21T24:00:01Z",
        "2026-11-21T24:00:00.001Z",
        "2026-11-21T25:00:00Z",
        "2026-11-21T08:00:00ZZ",
        "2026-11-21T08:00:00Z ",
        " 2026-11-21T08:00:00Z",
        "26-11-21T08:00:00Z",
        "2026-1-21T08:00:00Z",
        "2026-11-21T08:00:00,5Z",
        "yesterday",
        "",
    ] {
        assert!(xml(text).is_err(), "{text}");
    }
    for text in [
        "-0001-01-01T00:00:00Z",
        "12026-01-01T00:00:00Z",
        "0000-06-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T24:00:00Z",
    ] {
        assert_eq!(xml(text), Err(TimestampError::Range), "{text}");
    }
}

#[test]
fn stays_within_its_range() {
    assert_eq!(Timestamp::from_unix_ms(i64::MIN), Timestamp::MIN);
    assert_eq!(Timestamp::from_unix_ms(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::MAX.plus_ms(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::MIN.minus_ms(i64::MAX), Timestamp::MIN);
    assert_eq!(Timestamp::MIN.plus_ms(i64::MIN), Timestamp::MIN);
    assert_eq!(
        Timestamp::from_unix_ms(5).plus_ms(7).minus_ms(2).unix_ms(),
        10
    );
    assert_eq!(
        Timestamp::from_unix_ms(-1).floor_to_second().unix_ms(),
        -1000
    );
}

proptest! {
    #[test]
    fn agrees_with_an_independent_calendar(ms in Timestamp::MIN.0..=Timestamp::MAX.0, minutes in -840_i32..=840) {
        let time = Timestamp::from_unix_ms(ms);
        let theirs = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap();

        prop_assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
        prop_assert_eq!(
            OffsetDateTime::parse(&time.to_string(), &Rfc3339).unwrap(),
            theirs
        );
        let offset = UtcOffset::from_whole_seconds(minutes * 60).unwrap();
        if let Some(shifted) = theirs.checked_to_offset(offset)
            && (1..=9999).contains(&shifted.year())
        {
            let text = shifted.format(&Rfc3339).unwrap();
            prop_assert_eq!(Timestamp::parse_xml(&text), Ok(time), "{}", text);
        }
    }

    #[test]
    fn reads_in_the_canonical_form_only_what_it_writes(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{3}Z") {
        if let Ok(time) = Timestamp::parse(&text) {
            prop_assert_eq!(time.to_string(), text);
        }
    }
}
