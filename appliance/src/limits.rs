//! What may not be configured: each limit says what breaks if it shrinks or grows, and relations between them are asserted
//! here. What may be configured stands in config/default.toml.

use std::time::Duration;

/// The shortest retry hint. Shorter: a refused peer comes back before one worker quantum (1 ms) has freed anything.
/// Longer: a peer that met a momentary burst waits for nothing.
pub const RETRY_AFTER_MIN: Duration = Duration::from_millis(1);

/// The longest retry hint. Shorter: peers of a saturated node ask in vain. Longer: they stay away after it has recovered.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// Busy time over which the pace of answering is measured. Shorter: one large request sways the hints. Longer: they lag
/// behind a change of load.
pub const RATE_WINDOW: Duration = Duration::from_millis(50);

const _: () = assert!(RETRY_AFTER_MIN.as_nanos() < RETRY_AFTER_MAX.as_nanos());
// The hint travels as a u32 of microseconds.
const _: () = assert!(RETRY_AFTER_MAX.as_micros() <= u32::MAX as u128);
