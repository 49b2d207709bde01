//! The items of a file: CSV with a heading, or one JSON object a line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};
use chop_integrity::json;

/// The longest line of JSON, in bytes.
const MAX_LINE: usize = 16 * 1024;
const LINE: json::Limits = json::Limits {
    max_bytes: MAX_LINE,
    max_depth: 2,
};

/// Reads the values of the fields of every row, in the order of the file.
pub(super) enum Rows {
    Csv {
        reader: csv::Reader<File>,
        places: Vec<usize>,
        record: csv::StringRecord,
    },
    Lines {
        reader: BufReader<File>,
        fields: Vec<String>,
        line: String,
        number: usize,
    },
}

impl Rows {
    /// Opens a file; what ends in `.jsonl` holds JSON, everything else is CSV.
    ///
    /// # Errors
    /// When it cannot be read, or its heading does not name exactly the fields.
    pub(super) fn open(file: &Path, fields: &[String]) -> anyhow::Result<Self> {
        if file
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            return Ok(Self::Lines {
                reader: BufReader::new(File::open(file)?),
                fields: fields.to_vec(),
                line: String::new(),
                number: 0,
            });
        }
        let mut reader = csv::Reader::from_path(file)?;
        let heading = reader.headers()?.clone();
        let place = |field: &String| {
            let mut places = (0..).zip(&heading).filter(|(_, column)| column == field);
            let place = places.next().map(|(place, _)| place);
            ensure!(places.next().is_none(), "column {field:?} stands twice");
            place.ok_or_else(|| anyhow!("there is no column {field:?}, which the template has"))
        };
        let places = fields
            .iter()
            .map(place)
            .collect::<anyhow::Result<Vec<_>>>()?;
        if let Some(other) = heading
            .iter()
            .find(|column| !fields.iter().any(|f| f == column))
        {
            bail!("column {other:?} is no field of the template");
        }
        Ok(Self::Csv {
            reader,
            places,
            record: csv::StringRecord::new(),
        })
    }

    /// Reads the next row; `None` at the end.
    ///
    /// # Errors
    /// Names the row that is not one.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Vec<String>>> {
        match self {
            Self::Csv {
                reader,
                places,
                record,
            } => {
                if !reader.read_record(record)? {
                    return Ok(None);
                }
                let value = |place: &usize| record.get(*place).unwrap_or_default().to_owned();
                Ok(Some(places.iter().map(value).collect()))
            }
            Self::Lines {
                reader,
                fields,
                line,
                number,
            } => {
                line.clear();
                *number += 1;
                if reader.read_line(line)? == 0 {
                    return Ok(None);
                }
                ensure!(
                    line.len() <= MAX_LINE,
                    "line {number} has more than {MAX_LINE} bytes"
                );
                read_line(line, fields)
                    .with_context(|| format!("line {number}"))
                    .map(Some)
            }
        }
    }
}

fn read_line(line: &str, fields: &[String]) -> anyhow::Result<Vec<String>> {
    // Strict: of two members with one name serde_json would take the last.
    let members = json::parse(line.as_bytes(), &LINE).context("not an object of texts")?;
    let mut members: BTreeMap<String, String> =
        serde_json::from_value(members).context("not an object of texts")?;
    let mut values = Vec::with_capacity(fields.len());
    for field in fields {
        let value = members.remove(field);
        values.push(value.with_context(|| format!("there is no {field:?}"))?);
    }
    if let Some((other, _)) = members.pop_first() {
        bail!("{other:?} is no field of the template");
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(name: &str, text: &str) -> anyhow::Result<Vec<Vec<String>>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let mut rows = Rows::open(&file, &["gtin".to_owned(), "serial".to_owned()])?;
        let mut read = Vec::new();
        while let Some(row) = rows.next()? {
            read.push(row);
        }
        Ok(read)
    }

    #[test]
    fn reads_the_fields_of_a_row_in_the_order_of_the_template() {
        let csv = rows("a.csv", "serial,gtin\nS,G\n").unwrap();
        let lines = rows("a.jsonl", "{\"serial\": \"S\", \"gtin\": \"G\"}\n").unwrap();
        assert_eq!(csv, [["G", "S"]]);
        assert_eq!(lines, csv);
    }

    #[test]
    fn refuses_a_field_that_stands_twice() {
        let csv = rows("a.csv", "gtin,serial,serial\nG,S,T\n").unwrap_err();
        assert_eq!(csv.to_string(), "column \"serial\" stands twice");
        let line = r#"{"gtin": "G", "serial": "S", "serial": "T"}"#;
        let line = rows("a.jsonl", line).unwrap_err();
        assert!(format!("{line:#}").starts_with("line 1: "), "{line:#}");
    }
}
