//! The load generator's threads: apart from those of what is measured, their time taken from the operating system.

use std::future::Future;
use std::time::Instant;

use anyhow::Context as _;

use super::measure::cores;

/// How the threads are named.
pub(super) const THREADS: &str = "bench-load";

/// Runs a load on threads of its own; gives what it found, and which part of all cores' time these threads took.
///
/// # Errors
/// When the load fails or a thread cannot be made.
pub(super) async fn run<T: Send + 'static>(
    load: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<(T, f64)> {
    let generating = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name(THREADS)
            .enable_all()
            .build()?;
        let (started, before) = (Instant::now(), busy_seconds());
        // The connections live on the named threads, all of them.
        let found =
            runtime.block_on(async { tokio::spawn(load).await.context("the load broke off")? })?;
        let busy = busy_seconds() - before;
        let share = busy / (started.elapsed().as_secs_f64() * cores());
        anyhow::Ok((found, share.clamp(0.0, 1.0)))
    });
    generating.await.context("the load generator broke off")?
}

/// Seconds that the load generator's threads ran, as the operating system tells; 0 where it does not, so that their work
/// counts as the service's.
fn busy_seconds() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    let nanoseconds = |task: std::fs::DirEntry| {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).ok();
        let ours = read("comm").is_some_and(|name| name.trim_end() == THREADS);
        let ran = read("schedstat").filter(|_| ours)?;
        ran.split(' ').next()?.parse::<f64>().ok()
    };
    let ran = tasks.flatten().filter_map(nanoseconds).sum::<f64>();
    ran / 1e9
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_time_of_the_named_threads_is_known() {
        let spin = || {
            let started = Instant::now();
            while started.elapsed() < Duration::from_millis(50) {
                std::hint::spin_loop();
            }
            busy_seconds()
        };
        let named = std::thread::Builder::new()
            .name(THREADS.to_owned())
            .spawn(spin);
        let known = std::path::Path::new("/proc/self/schedstat").exists();
        assert_eq!(named.unwrap().join().unwrap() > 0.0, known);
    }
}
