//! The items of a file: CSV with a heading, or one JSON object a line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};

/// The longest line of JSON, in bytes.
const MAX_LINE: usize = 16 * 1024;

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
            let place = heading.iter().position(|column| column == field);
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
    let mut members: BTreeMap<String, String> =
        serde_json::from_str(line).context("not an object of texts")?;
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
