//! The most memory that a process held, as the operating system tells.

use std::fs;

use anyhow::Context as _;

const MIB: u64 = 1024 * 1024;

/// The most memory that a process held, in bytes.
///
/// # Errors
/// When the operating system does not say.
pub(super) fn peak(process: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"));
    let kib = status.ok().and_then(|status| peak_kib(&status));
    let kib = kib.with_context(|| {
        format!("the system does not say how much memory process {process} used")
    })?;
    Ok(kib * 1024)
}

/// Forgets what this process held before. Where the system does not let it, the peak is that of the whole run.
pub(super) fn forget_peak() {
    /// What makes the kernel count anew from what is held now (proc(5), `clear_refs`).
    const ANEW: &str = "5";
    let _forgotten = fs::write("/proc/self/clear_refs", ANEW);
}

/// Whole MiB.
pub(super) fn mib(bytes: u64) -> u64 {
    bytes / MIB
}

fn peak_kib(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_kibibytes() {
        let status = "Name:\tnode\nVmPeak:\t  900 kB\nVmHWM:\t   2048 kB\nVmRSS:\t  100 kB\n";
        assert_eq!(peak_kib(status), Some(2_048));
        assert_eq!(peak_kib("Name:\tnode\n"), None);
    }

    #[test]
    fn a_process_that_is_not_there_has_no_peak() {
        let error = peak("none").unwrap_err().to_string();
        assert!(error.contains("process none"), "{error}");
    }
}
