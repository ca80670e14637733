//! Keys and signatures as chains write them, into the canonical columns.
