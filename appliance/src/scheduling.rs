//! How soon the system lets a thread run: its niceness, and how long it runs at a time.
//!
//! Compute threads step back, threads that answer sockets and urgent requests run soon: a thread with a short slice takes
//! the core when it wakes from one with a longer slice, which otherwise keeps it until its own has passed, several
//! milliseconds on a kernel that ticks every four (`sched_setattr(2)`, `sched_runtime`; Linux 6.12 and later, earlier ones
//! leave it at the niceness).

#[cfg(target_os = "linux")]
use std::time::Duration;

/// How long a thread that runs soon runs at a time when others wait: the least that Linux takes.
#[cfg(target_os = "linux")]
const SLICE: Duration = Duration::from_micros(100);

/// Has this thread run behind those of a lower niceness; `thread` names it in the log.
pub(crate) fn step_back(thread: &'static str, nice: u8) {
    if let Err(error) = system::step_back(nice) {
        tracing::warn!(thread, nice, %error, "a thread keeps its scheduling priority");
    }
}

/// Has this thread run soon after it wakes, which is what it mostly does. Where the system has no such thing, or a sandbox
/// refuses it, nothing is lost but time.
pub(crate) fn run_soon() {
    if let Err(error) = system::run_soon() {
        tracing::debug!(%error, "a thread keeps its scheduling slice");
    }
}

#[cfg(target_os = "linux")]
mod system {
    #![allow(unsafe_code, reason = "no crate wraps sched_setattr safely; both calls are given one whole structure")]

    use std::io;

    use rustix::process::{getpriority_process, setpriority_process};

    use super::SLICE;

    const SIZE: u32 = size_of::<libc::sched_attr>() as u32;

    /// Linux takes no process for the calling thread. A thread may always step back and mostly not come forward.
    pub(super) fn step_back(nice: u8) -> io::Result<()> {
        let before = getpriority_process(None)?;
        Ok(setpriority_process(None, before.max(nice.into()))?)
    }

    /// This thread's scheduling attributes.
    pub(super) fn get() -> io::Result<libc::sched_attr> {
        let mut attributes = libc::sched_attr {
            size: SIZE,
            sched_policy: 0,
            sched_flags: 0,
            sched_nice: 0,
            sched_priority: 0,
            sched_runtime: 0,
            sched_deadline: 0,
            sched_period: 0,
        };
        // SAFETY: the kernel writes no more than SIZE bytes, which are all there, and any bytes are a valid structure.
        match unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, SIZE, 0) } {
            0 => Ok(attributes),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Changes the slice alone; a thread of a real-time policy keeps what it has.
    pub(super) fn run_soon() -> io::Result<()> {
        let mut attributes = get()?;
        if attributes.sched_policy != libc::SCHED_OTHER as u32 {
            return Ok(());
        }
        attributes.sched_flags = 0;
        attributes.sched_runtime = SLICE.as_nanos() as u64;
        // SAFETY: the kernel reads SIZE bytes, which are all there.
        match unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    pub(super) fn step_back(_nice: u8) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn run_soon() -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_changes_what_it_asks_for_and_nothing_else() {
        let thread = std::thread::spawn(|| {
            let before = system::get().expect("this thread has attributes");
            run_soon();
            let soon = system::get().expect("this thread has attributes");
            // Before 6.12 the system says and takes nothing of slices.
            assert!([SLICE.as_nanos() as u64, before.sched_runtime].contains(&soon.sched_runtime));
            assert_eq!((soon.sched_policy, soon.sched_nice), (before.sched_policy, before.sched_nice));
            let back = (before.sched_nice + 3).clamp(0, 19);
            step_back("a test", back as u8);
            let after = system::get().expect("this thread has attributes");
            assert_eq!((after.sched_nice, after.sched_runtime), (back, soon.sched_runtime));
        });
        thread.join().expect("no panic");
    }
}
