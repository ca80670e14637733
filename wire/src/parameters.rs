//! Tagged values: `tag u16, len u16, value`, tags ascending, zeros to the next multiple of 8 behind the last.
