//! The rows: a CSV file (RFC 4180) whose first line names the columns.

use anyhow::{Context as _, bail};
use chop_credential::issuing::batch::Template;
use csv::{ByteRecord, Reader, ReaderBuilder};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most bytes of one row: more than any credential takes, so a quotation mark that is not closed is noticed early.
const MAX_ROW: u64 = 4 * 1024 * 1024;
/// The most columns.
const MAX_COLUMNS: usize = 4_096;

/// Is a CSV file that was looked at: what it holds, by digest, and its columns.
pub(super) struct Source {
    path: PathBuf,
    delimiter: u8,
    /// Length and digest.
    pub(super) digest: FileDigest,
    /// The names in its first line.
    pub(super) columns: Vec<String>,
}

/// Tells one content of a file from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileDigest {
    /// Its length.
    pub(super) bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub(super) sha256: String,
}

/// Reads the rows, one after the other.
pub(super) struct Rows {
    reader: Reader<Bounded>,
    read: u64,
    /// Bytes and fields of the last row: the next will not differ much.
    room: (usize, usize),
}

/// Is a row as it stands in the file.
pub(super) struct Row {
    /// Its number; the one below the names is 1.
    pub(super) number: u64,
    /// Its fields.
    pub(super) fields: ByteRecord,
}

impl Source {
    /// Looks at a file.
    ///
    /// # Errors
    /// When it cannot be read, has no columns, or names a column twice or not at all.
    pub(super) fn open(path: &Path, delimiter: u8) -> anyhow::Result<Self> {
        let shown = path.display();
        let digest = digest(path).with_context(|| format!("cannot read {shown}"))?;
        let mut source = Self {
            path: path.to_owned(),
            delimiter,
            digest,
            columns: Vec::new(),
        };
        let names = source.reader()?.headers().cloned();
        let names = names.with_context(|| format!("cannot read the columns of {shown}"))?;
        if names.len() > MAX_COLUMNS {
            bail!(
                "{shown} has {} columns, at most {MAX_COLUMNS} are read",
                names.len()
            );
        }
        for (index, name) in names.iter().map(str::trim).enumerate() {
            if name.is_empty() {
                bail!("column {} of {shown} has no name", index + 1);
            }
            if source.columns.iter().any(|known| known == name) {
                bail!("{shown} has two columns named {name:?}");
            }
            source.columns.push(name.to_owned());
        }
        if source.columns.is_empty() {
            bail!("{shown} is empty: its first line must name the columns");
        }
        Ok(source)
    }

    /// Finds the columns of a template, in its order.
    ///
    /// # Errors
    /// When the file lacks one.
    pub(super) fn places(&self, template: &Template) -> anyhow::Result<Vec<usize>> {
        let place = |name: &String| {
            let found = self.columns.iter().position(|column| column == name);
            found.with_context(|| {
                format!(
                    "the template names the column {name:?}, {} has only {}",
                    self.path.display(),
                    self.columns.join(", ")
                )
            })
        };
        template.columns().iter().map(place).collect()
    }

    /// Lists the columns that a template does not name.
    pub(super) fn unused(&self, template: &Template) -> Vec<&str> {
        self.columns
            .iter()
            .filter(|column| !template.columns().contains(column))
            .map(String::as_str)
            .collect()
    }

    /// Begins at the first row.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn rows(&self) -> anyhow::Result<Rows> {
        let mut reader = self.reader()?;
        reader.headers()?;
        Ok(Rows {
            reader,
            read: 0,
            room: (0, self.columns.len()),
        })
    }

    fn reader(&self) -> anyhow::Result<Reader<Bounded>> {
        let file = File::open(&self.path)
            .with_context(|| format!("cannot read {}", self.path.display()))?;
        Ok(ReaderBuilder::new()
            .delimiter(self.delimiter)
            .flexible(true)
            .buffer_capacity(64 * 1024)
            .from_reader(Bounded {
                file,
                left: Cell::new(MAX_ROW),
            }))
    }
}

impl Rows {
    /// Reads the next row; `None` after the last.
    ///
    /// # Errors
    /// When the file cannot be read, or a row is longer than any may be.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Row>> {
        self.reader.get_ref().left.set(MAX_ROW);
        let (bytes, count) = self.room;
        let mut fields = ByteRecord::with_capacity(bytes, count);
        let number = self.read + 1;
        let found = self.reader.read_byte_record(&mut fields);
        if !found.with_context(|| format!("cannot read row {number}"))? {
            return Ok(None);
        }
        self.read = number;
        // With some room to spare, so that a row that is a little longer is not moved.
        self.room = (fields.as_slice().len() + 32, fields.len());
        Ok(Some(Row { number, fields }))
    }

    /// How many bytes of the file lie behind.
    pub(super) fn bytes(&self) -> u64 {
        self.reader.position().byte()
    }
}

impl Row {
    /// Gives the cells at some places.
    ///
    /// # Errors
    /// When the row has more or fewer fields than there are columns, or a cell is not UTF-8.
    pub(super) fn cells(&self, places: &[usize], columns: &[String]) -> Result<Vec<&str>, String> {
        if self.fields.len() != columns.len() {
            return Err(format!(
                "it has {} fields, there are {} columns",
                self.fields.len(),
                columns.len()
            ));
        }
        let cell = |place: &usize| {
            let bytes = self.fields.get(*place).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| {
                let column = columns.get(*place).map_or("", String::as_str);
                format!("column {column:?} is not UTF-8")
            })
        };
        // Collecting results takes no room in advance.
        let mut cells = Vec::with_capacity(places.len());
        for place in places {
            cells.push(cell(place)?);
        }
        Ok(cells)
    }

    /// Hashes the cells at some places: SHA-256, in hexadecimal, of each cell after its length.
    ///
    /// ```text
    /// for each cell: | length, 8 bytes, little-endian | bytes |       of a cell that is not there: | 0xff × 8 |
    /// ```
    pub(super) fn hash(&self, places: &[usize]) -> String {
        // Gathered first: a hash that is fed in small pieces takes longer.
        let mut bytes = Vec::with_capacity(self.fields.as_slice().len() + 8 * places.len());
        for place in places {
            match self.fields.get(*place) {
                Some(cell) => {
                    let length = u64::try_from(cell.len()).unwrap_or(u64::MAX - 1);
                    bytes.extend_from_slice(&length.to_le_bytes());
                    bytes.extend_from_slice(cell);
                }
                None => bytes.extend_from_slice(&u64::MAX.to_le_bytes()),
            }
        }
        HEXLOWER.encode(&Sha256::digest(bytes))
    }
}

fn digest(path: &Path) -> io::Result<FileDigest> {
    let mut file = File::open(path)?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
        bytes += u64::try_from(read).unwrap_or_default();
    }
    Ok(FileDigest {
        bytes,
        sha256: HEXLOWER.encode(&hasher.finalize()),
    })
}

/// A file of which only so much is read at a time.
struct Bounded {
    file: File,
    left: Cell<u64>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let left = self
            .left
            .get()
            .checked_sub(u64::try_from(read).unwrap_or(u64::MAX));
        self.left.set(left.ok_or_else(|| {
            io::Error::other(format!(
                "it has more than {MAX_ROW} bytes; a quotation mark may not be closed"
            ))
        })?);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at a file of this text, which is there as long as the folder is.
    fn source(text: &[u8]) -> anyhow::Result<(Source, tempfile::TempDir)> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("rows.csv");
        std::fs::write(&file, text)?;
        Ok((Source::open(&file, b',')?, folder))
    }

    #[test]
    fn quoted_cells_lines_and_a_byte_order_mark_are_understood() {
        let (source, _folder) =
            source("\u{feff}a,\"b\"\r\n\"x, \"\"y\"\"\nz\",\u{6cf0}\r\n\r\n1,2".as_bytes())
                .unwrap();
        assert_eq!(source.columns, ["a", "b"]);
        let mut rows = source.rows().unwrap();
        let row = rows.next().unwrap().unwrap();
        assert_eq!(row.number, 1);
        assert_eq!(
            row.cells(&[1, 0], &source.columns).unwrap(),
            ["\u{6cf0}", "x, \"y\"\nz"]
        );
        let row = rows.next().unwrap().unwrap();
        assert_eq!(row.number, 2);
        assert!(rows.next().unwrap().is_none());
    }

    #[test]
    fn columns_have_one_name_each() {
        for (text, expected) in [
            ("a,b,a\n", "two columns named"),
            ("a, ,c\n", "column 2"),
            ("", "is empty"),
        ] {
            let refused = source(text.as_bytes()).map(|_| ()).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
    }

    #[test]
    fn a_row_of_another_width_or_encoding_has_no_cells() {
        let (source, _folder) = source(b"a,b\n1\n1,2,3\n\xff,2\n").unwrap();
        let mut rows = source.rows().unwrap();
        for expected in ["1 fields", "3 fields", "not UTF-8"] {
            let row = rows.next().unwrap().unwrap();
            let refused = row.cells(&[0], &source.columns).unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_does_not_swallow_the_file() {
        let mut text = b"a\n\"open".to_vec();
        text.resize(10 * 1024 * 1024, b'x');
        let (source, _folder) = source(&text).unwrap();
        let refused = source.rows().unwrap().next().map(|_| ()).unwrap_err();
        assert!(
            format!("{refused:#}").contains("quotation mark"),
            "{refused:#}"
        );
    }

    #[test]
    fn the_hash_tells_cells_apart_that_join_to_the_same() {
        let (source, _folder) = source(b"a,b\nxy,z\nx,yz\nxy\n").unwrap();
        let mut rows = source.rows().unwrap();
        let hashes: std::collections::BTreeSet<String> = (0..3)
            .map(|_| rows.next().unwrap().unwrap().hash(&[0, 1]))
            .collect();
        assert_eq!(hashes.len(), 3);
    }
}
