//! Vectors that these tests make, and other verifiers read.

use std::path::Path;

use serde_json::Value;

/// Compares a case with its file under `conformance/vectors`; writes the file when `CHOP_WRITE_VECTORS` is set.
pub(crate) fn assert_is((folder, kind, name): (&str, &str, &str), case: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance/vectors")
        .join(folder)
        .join(kind)
        .join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(case).unwrap() + "\n";
    if std::env::var_os("CHOP_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "{name}");
}
