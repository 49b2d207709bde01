//! Points in time to the millisecond, and the two text forms in which they come.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// A point in time: milliseconds since the Unix epoch, between the years 1 and 9999.
///
/// Its text form is `YYYY-MM-DDThh:mm:ss.sssZ`, always three decimals, always UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Says why text is not a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// The text does not have the form asked for.
    #[error("time is not written as {form}")]
    Form {
        /// The form asked for.
        form: &'static str,
    },
    /// A field lies outside the calendar or the clock.
    #[error("time has a {field} that does not exist")]
    Field {
        /// The field's name.
        field: &'static str,
    },
    /// The point lies outside the years 1 to 9999.
    #[error("time lies outside the years 1 to 9999")]
    Range,
}

impl Timestamp {
    /// The earliest point, 0001-01-01T00:00:00.000Z.
    pub const MIN: Self = Self(-62_135_596_800_000);
    /// The latest point, 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// Takes milliseconds since the Unix epoch; what lies outside the years 1 to 9999 becomes [`Self::MIN`] or [`Self::MAX`].
    pub const fn from_unix_ms(ms: i64) -> Self {
        if ms < Self::MIN.0 {
            Self::MIN
        } else if ms > Self::MAX.0 {
            Self::MAX
        } else {
            Self(ms)
        }
    }

    /// Gives milliseconds since the Unix epoch.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Moves later by so many milliseconds, up to [`Self::MAX`].
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self::from_unix_ms(self.0.saturating_add(ms))
    }

    /// Moves earlier by so many milliseconds, down to [`Self::MIN`].
    #[must_use]
    pub const fn minus_ms(self, ms: i64) -> Self {
        Self::from_unix_ms(self.0.saturating_sub(ms))
    }

    /// Drops the milliseconds.
    #[must_use]
    pub const fn floor_to_second(self) -> Self {
        Self(self.0 - self.0.rem_euclid(1000))
    }

    /// Writes `YYYY-MM-DDThh:mm:ssZ`, without the milliseconds, as DID documents do (DID Resolution §4.3).
    pub fn to_seconds_text(self) -> String {
        let mut text = self.to_string();
        text.truncate(19);
        text.push('Z');
        text
    }

    /// Parses the canonical form `YYYY-MM-DDThh:mm:ss.sssZ`.
    ///
    /// # Errors
    /// When the text has another form or names a point that does not exist.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        const FORM: TimestampError = TimestampError::Form {
            form: "YYYY-MM-DDThh:mm:ss.sssZ",
        };
        let canonical =
            text.len() == 24 && text.ends_with('Z') && text.as_bytes().get(19) == Some(&b'.');
        if !canonical {
            return Err(FORM);
        }
        let time = Self::parse_xml(text).map_err(|error| match error {
            TimestampError::Form { .. } => FORM,
            other => other,
        })?;
        // XML Schema's 24:00:00 is the one other way to write a point with these characters.
        if text.as_bytes().get(11..13) == Some(b"24") {
            return Err(TimestampError::Field { field: "hour" });
        }
        Ok(time)
    }

    /// Parses an XML Schema 1.1 `dateTime`: `YYYY-MM-DDThh:mm:ss[.s…][Z|±hh:mm]`.
    ///
    /// Without an offset the time is taken as UTC (VC Data Model 2.0 §4.9). What is finer than a millisecond is dropped.
    ///
    /// # Errors
    /// When the text has another form, names a point that does not exist, or lies outside the years 1 to 9999.
    pub fn parse_xml(text: &str) -> Result<Self, TimestampError> {
        let mut rest = Cursor(text.as_bytes());
        let (year, month, day) = rest.date()?;
        rest.literal(b'T')?;
        let of_day = rest.time()?;
        let offset = rest.offset()?;
        if !rest.0.is_empty() {
            return Err(XML_FORM);
        }
        let ms = days_from_civil(year, month, day) * DAY + of_day - offset;
        if !(Self::MIN.0..=Self::MAX.0).contains(&ms) {
            return Err(TimestampError::Range);
        }
        Ok(Self(ms))
    }
}

const XML_FORM: TimestampError = TimestampError::Form {
    form: "YYYY-MM-DDThh:mm:ss[.s…][Z|±hh:mm]",
};

/// What of the text is still to be read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn literal(&mut self, byte: u8) -> Result<(), TimestampError> {
        match self.0.split_first() {
            Some((found, rest)) if *found == byte => {
                self.0 = rest;
                Ok(())
            }
            _ => Err(XML_FORM),
        }
    }

    fn digits(&mut self, count: usize) -> Result<i64, TimestampError> {
        let (digits, rest) = self.0.split_at_checked(count).ok_or(XML_FORM)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(XML_FORM);
        }
        self.0 = rest;
        Ok(digits
            .iter()
            .fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    fn field(&mut self, field: &'static str, least: i64, most: i64) -> Result<i64, TimestampError> {
        let value = self.digits(2)?;
        if value < least || value > most {
            return Err(TimestampError::Field { field });
        }
        Ok(value)
    }

    fn date(&mut self) -> Result<(i64, i64, i64), TimestampError> {
        // Years of five digits and more or with a sign are XML Schema too, and out of range here.
        let long = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
            > 4;
        if self.peek() == Some(b'-') || long {
            return Err(TimestampError::Range);
        }
        let year = self.digits(4)?;
        self.literal(b'-')?;
        let month = self.field("month", 1, 12)?;
        self.literal(b'-')?;
        let day = self.field("day", 1, days_in_month(year, month))?;
        Ok((year, month, day))
    }

    fn time(&mut self) -> Result<i64, TimestampError> {
        let hour = self.field("hour", 0, 24)?;
        self.literal(b':')?;
        let minute = self.field("minute", 0, 59)?;
        self.literal(b':')?;
        let second = self.field("second", 0, 59)?;
        let ms = self.fraction()?;
        let of_day = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
        if of_day > DAY {
            return Err(TimestampError::Field { field: "hour" });
        }
        Ok(of_day)
    }

    fn fraction(&mut self) -> Result<i64, TimestampError> {
        if self.peek() != Some(b'.') {
            return Ok(0);
        }
        self.literal(b'.')?;
        let count = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = self.0.split_at_checked(count).ok_or(XML_FORM)?;
        if digits.is_empty() {
            return Err(XML_FORM);
        }
        self.0 = rest;
        Ok(digits
            .iter()
            .chain(b"000")
            .take(3)
            .fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    /// Reads the offset from UTC, in milliseconds.
    fn offset(&mut self) -> Result<i64, TimestampError> {
        let sign = match self.peek() {
            None => return Ok(0),
            Some(b'Z') => {
                self.literal(b'Z')?;
                return Ok(0);
            }
            Some(byte @ b'+') => (byte, 1),
            Some(byte @ b'-') => (byte, -1),
            Some(_) => return Err(XML_FORM),
        };
        self.literal(sign.0)?;
        let hours = self.field("offset", 0, 14)?;
        self.literal(b':')?;
        let minutes = self.field("offset", 0, if hours == 14 { 0 } else { 59 })?;
        Ok(sign.1 * (hours * 60 + minutes) * 60_000)
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Counts the days from 1970-01-01 in the proleptic Gregorian calendar; the year is taken to begin in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Reverses [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY));
        let of_day = self.0.rem_euclid(DAY);
        let fields = [
            (year, 4, '-'),
            (month, 2, '-'),
            (day, 2, 'T'),
            (of_day / 3_600_000, 2, ':'),
            (of_day / 60_000 % 60, 2, ':'),
            (of_day / 1000 % 60, 2, '.'),
            (of_day % 1000, 3, 'Z'),
        ];
        let mut text = String::with_capacity(24);
        for (number, digits, after) in fields {
            push_digits(&mut text, number, digits);
            text.push(after);
        }
        f.write_str(&text)
    }
}

/// Appends so many decimal digits, at most four, of a number that has no more and is not negative.
fn push_digits(text: &mut String, mut number: i64, digits: usize) {
    let mut reversed = [b'0'; 4];
    for digit in &mut reversed {
        *digit += u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
    let digits = reversed.iter().take(digits).rev();
    text.extend(digits.map(|digit| char::from(*digit)));
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        Self::parse(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
