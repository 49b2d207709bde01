//! The paths of claims as the W3C test suite writes them: `credentialSubject.phoneNumbers[0]`.

use anyhow::{anyhow, ensure};

/// Turns paths into JSON pointers (RFC 6901).
///
/// # Errors
/// When a path is none.
pub(super) fn pointers(paths: &[String]) -> anyhow::Result<Vec<String>> {
    paths.iter().map(|path| pointer(path)).collect()
}

fn pointer(path: &str) -> anyhow::Result<String> {
    let mut pointer = String::new();
    for step in path.split('.') {
        let (name, indices) = step.split_once('[').unwrap_or((step, ""));
        ensure!(!name.is_empty(), "{path:?} has a step without a name");
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        if indices.is_empty() {
            ensure!(!step.ends_with('['), "{path:?} has an index without an end");
            continue;
        }
        for index in indices.split('[') {
            let digits = index
                .strip_suffix(']')
                .filter(|digits| digits.parse::<usize>().is_ok())
                .ok_or_else(|| anyhow!("{path:?} has an index that is no number in brackets"))?;
            pointer.push('/');
            pointer.push_str(digits);
        }
    }
    Ok(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indices_become_steps_of_a_pointer() {
        for (path, expected) in [
            ("holder", "/holder"),
            (
                "credentialSubject.address.street",
                "/credentialSubject/address/street",
            ),
            (
                "credentialSubject.phoneNumbers[0]",
                "/credentialSubject/phoneNumbers/0",
            ),
            ("a[1][2].b", "/a/1/2/b"),
            ("a/b.c~d", "/a~1b/c~0d"),
        ] {
            assert_eq!(pointer(path).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", ".", "a..b", "a[", "a[]", "a[x]", "a[0", "a[0]b", "[0]"] {
            assert!(pointer(path).is_err(), "{path}");
        }
    }
}
