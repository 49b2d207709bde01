//! What a batch gives out beside its journal: a file for each credential, and the rows that were refused.

use super::source::Row;
use anyhow::Context as _;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Writes the files of a batch.
pub(super) struct Outlet {
    files: Option<Files>,
    bad: BadRows,
}

/// A folder with a file for each credential.
struct Files {
    folder: PathBuf,
    extension: &'static str,
}

/// A CSV file of the rows that were refused, made when there is one.
struct BadRows {
    path: PathBuf,
    columns: Vec<String>,
    writer: Option<csv::Writer<BufWriter<File>>>,
}

impl Outlet {
    /// Prepares the folder, if one is wanted, and forgets the refused rows of an earlier run: the journal knows them.
    ///
    /// # Errors
    /// When the folder cannot be made, or the file of refused rows is in the way.
    pub(super) fn open(
        folder: Option<&Path>,
        extension: &'static str,
        bad: PathBuf,
        columns: &[String],
    ) -> anyhow::Result<Self> {
        if let Some(folder) = folder {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(Self {
            files: folder.map(|folder| Files {
                folder: folder.to_owned(),
                extension,
            }),
            bad: BadRows {
                path: bad,
                columns: columns.to_vec(),
                writer: None,
            },
        })
    }

    /// Writes a credential's file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn issued(&self, row: u64, credential: &[u8]) -> anyhow::Result<()> {
        let Some(files) = &self.files else {
            return Ok(());
        };
        files.write(row, std::str::from_utf8(credential)?)
    }

    /// Writes a credential's file unless it is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn restore(&self, row: u64, credential: &str) -> anyhow::Result<()> {
        let Some(files) = &self.files else {
            return Ok(());
        };
        let expected = u64::try_from(content(credential).len() + 1)?;
        let is_there = fs::metadata(files.path(row)).is_ok_and(|found| found.len() == expected);
        if is_there {
            Ok(())
        } else {
            files.write(row, credential)
        }
    }

    /// Adds a row that was refused, and why.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn refused(&mut self, row: &Row, reason: &str) -> anyhow::Result<()> {
        self.bad.add(row, reason)
    }

    /// Forces the refused rows out, and names their file if there are any.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn finish(&mut self) -> anyhow::Result<Option<&Path>> {
        match &mut self.bad.writer {
            None => Ok(None),
            Some(writer) => {
                let cannot = || format!("cannot write {}", self.bad.path.display());
                writer.flush().with_context(cannot)?;
                Ok(Some(&self.bad.path))
            }
        }
    }
}

impl Files {
    fn path(&self, row: u64) -> PathBuf {
        self.folder.join(format!("{row:08}.{}", self.extension))
    }

    /// Writes the file under another name first, so that it is never seen half.
    fn write(&self, row: u64, credential: &str) -> anyhow::Result<()> {
        let (path, fresh) = (self.path(row), self.folder.join(format!(".{row:08}.new")));
        fs::write(&fresh, format!("{}\n", content(credential)))
            .and_then(|()| fs::rename(&fresh, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A token lies in its file as it is, not as a JSON string.
fn content(credential: &str) -> &str {
    credential.trim_matches('"')
}

impl BadRows {
    fn add(&mut self, row: &Row, reason: &str) -> anyhow::Result<()> {
        let cannot = || format!("cannot write {}", self.path.display());
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let file = File::create(&self.path).with_context(cannot)?;
                let mut writer = csv::WriterBuilder::new()
                    .flexible(true)
                    .from_writer(BufWriter::new(file));
                let names = ["_row", "_reason"].into_iter();
                let names = names.chain(self.columns.iter().map(String::as_str));
                writer.write_record(names).with_context(cannot)?;
                none.insert(writer)
            }
        };
        let number = row.number.to_string();
        let told = [number.as_bytes(), reason.as_bytes()];
        writer
            .write_record(told.into_iter().chain(row.fields.iter()))
            .with_context(cannot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use csv::ByteRecord;

    #[test]
    fn a_credential_has_a_file_and_a_lost_one_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("issued");
        let outlet =
            Outlet::open(Some(&files), "json", folder.path().join("bad.csv"), &[]).unwrap();
        outlet.issued(7, b"{\"a\":1}").unwrap();
        let file = files.join("00000007.json");
        assert_eq!(fs::read_to_string(&file).unwrap(), "{\"a\":1}\n");
        fs::write(&file, "{\"a\"").unwrap();
        outlet.restore(7, "{\"a\":1}").unwrap();
        outlet.restore(8, "\"e.e.e\"").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "{\"a\":1}\n");
        assert_eq!(
            fs::read_to_string(files.join("00000008.json")).unwrap(),
            "e.e.e\n"
        );
        assert_eq!(fs::read_dir(&files).unwrap().count(), 2);
    }

    #[test]
    fn refused_rows_stand_in_a_file_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.csv");
        let mut outlet = Outlet::open(None, "json", path.clone(), &["a".to_owned()]).unwrap();
        assert_eq!(outlet.finish().unwrap(), None);
        let row = Row {
            number: 3,
            fields: ByteRecord::from(vec![&b"x, \"y\""[..], b"\xff"]),
        };
        outlet.refused(&row, "it has 2 fields").unwrap();
        assert_eq!(outlet.finish().unwrap(), Some(path.as_path()));
        let expected = b"_row,_reason,a\n3,it has 2 fields,\"x, \"\"y\"\"\",\xff\n";
        assert_eq!(fs::read(&path).unwrap(), expected);
    }
}
