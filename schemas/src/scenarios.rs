//! The scenario packs under `scenarios/`, embedded.

/// Is one scenario pack: a folder of data.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The folder's name.
    pub name: &'static str,
    /// Every file of the pack: its path inside the folder and its text.
    pub files: &'static [(&'static str, &'static str)],
}

impl Scenario {
    /// Finds a file by its path inside the pack, such as `pack.json`.
    pub fn file(&self, path: &str) -> Option<&'static str> {
        self.files
            .iter()
            .find(|(name, _)| *name == path)
            .map(|(_, text)| *text)
    }
}

/// Finds a pack by its name.
pub fn scenario(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

macro_rules! pack {
    ($name:literal: $($path:literal),+ $(,)?) => {
        Scenario {
            name: $name,
            files: &[$(($path, include_str!(concat!("../scenarios/", $name, "/", $path)))),+],
        }
    };
}

/// Lists every pack.
pub const SCENARIOS: &[Scenario] = &[pack!("apple":
    "contexts/v1.jsonld",
    "pack.json",
    "sample/geographical-indication.json",
    "sample/organic-certification.json",
    "sample/quality-inspection-late.json",
    "sample/quality-inspection-recalled.json",
    "sample/quality-inspection-unaccredited.json",
    "sample/quality-inspection.json",
    "schemas/GeographicalIndication.json",
    "schemas/OrganicCertification.json",
    "schemas/QualityInspection.json",
)];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn files_below(folder: &Path, prefix: &str, into: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                files_below(&entry.path(), &format!("{name}/"), into);
            } else {
                into.insert(name);
            }
        }
    }

    #[test]
    fn every_file_of_every_pack_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut found = BTreeSet::new();
        for entry in std::fs::read_dir(&root).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_dir() {
                files_below(
                    &entry.path(),
                    &format!("{}/", entry.file_name().to_str().unwrap()),
                    &mut found,
                );
            }
        }
        let embedded: BTreeSet<String> = SCENARIOS
            .iter()
            .flat_map(|pack| {
                pack.files
                    .iter()
                    .map(|(path, _)| format!("{}/{path}", pack.name))
            })
            .collect();
        assert_eq!(found, embedded);
    }

    #[test]
    fn every_json_file_of_a_pack_parses() {
        for pack in SCENARIOS {
            for (path, text) in pack.files {
                if path
                    .rsplit('.')
                    .next()
                    .is_some_and(|end| end.starts_with("json"))
                {
                    serde_json::from_str::<serde_json::Value>(text)
                        .unwrap_or_else(|error| panic!("{}/{path}: {error}", pack.name));
                }
            }
        }
    }
}
