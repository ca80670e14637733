//! Faults that tests ask for: a device that lies, is lost, hangs, or has no memory. Not in any release: see the
//! `compile_error` in the module above.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wgpu::BufferUsages;

use super::Lost;
use super::device::Device;
use super::trust::Answers;
use crate::backend::Output;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// Every verdict and value of a batch comes back changed.
    WrongBits,
    /// The device is destroyed before the batch.
    Lost,
    /// A batch never ends.
    Hang,
    /// A buffer that the device cannot make.
    NoMemory,
}

impl Injected {
    /// Every fault.
    pub const ALL: [Self; 4] = [Self::WrongBits, Self::Lost, Self::Hang, Self::NoMemory];
}

/// The fault, and how many batches it will still meet.
static ARMED: Mutex<Option<(Injected, usize)>> = Mutex::new(None);

fn armed() -> MutexGuard<'static, Option<(Injected, usize)>> {
    ARMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next `batches` batches on any device of this process meet this fault.
pub fn arm(fault: Injected, batches: usize) {
    *armed() = Some((fault, batches));
}

/// How many batches the fault will still meet.
#[must_use]
pub fn left() -> usize {
    armed().map_or(0, |(_, left)| left)
}

/// No fault from now on.
pub fn disarm() {
    *armed() = None;
}

/// Whether a batch meets the fault, if it is one that `is` names.
fn meets(is: impl Fn(Injected) -> bool) -> Option<Injected> {
    let mut armed = armed();
    let (fault, left) = armed.as_mut().filter(|(fault, left)| is(*fault) && *left > 0)?;
    *left -= 1;
    Some(*fault)
}

/// What happens before a batch is submitted.
pub(super) fn before(device: &Device, timeout: Duration) -> Result<(), Lost> {
    match meets(|fault| fault != Injected::WrongBits) {
        None | Some(Injected::WrongBits) => {}
        Some(Injected::Lost) => device.wgpu().destroy(),
        Some(Injected::Hang) => {
            std::thread::sleep(timeout);
            return Err(device.lose("a batch did not end: injected".to_owned()));
        }
        Some(Injected::NoMemory) => {
            let bytes = device.limits.max_buffer_size + 4;
            drop(device.buffer("more than there is", bytes, BufferUsages::STORAGE, false));
        }
    }
    device.check()
}

/// What happens to the roots of trees.
pub(super) fn after_roots(mut roots: Vec<[u8; 32]>) -> Vec<[u8; 32]> {
    if meets(|fault| fault == Injected::WrongBits).is_some() {
        roots.iter_mut().for_each(|root| root[0] ^= 1);
    }
    roots
}

/// What happens to a batch's answers.
pub(super) fn after(answers: &mut Answers, out: &mut Output<'_>) {
    if meets(|fault| fault == Injected::WrongBits).is_some() {
        answers.spoil(out);
    }
}
