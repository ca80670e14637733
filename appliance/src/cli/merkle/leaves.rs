//! Lines of hex to leaves.

use crate::cli::error::CliError;
use crate::cli::input::{Line, Lines, unhex};

/// Leaves of one tree. Larger: their places alone fill the memory.
const LEAVES_MAX: usize = 1 << 24;

/// The leaves of a file, one a line; a line `0x` is an empty leaf.
///
/// # Errors
/// When the file cannot be read, or a line is not hex.
pub(super) fn read(file: &str) -> Result<Vec<Vec<u8>>, CliError> {
    let mut lines = Lines::open(file)?;
    let name = lines.name.clone();
    let mut leaves = Vec::new();
    while let Some(line) = lines.next_line()? {
        let (number, text) = match line {
            Line::Text(number, text) => (number, String::from_utf8_lossy(text)),
            Line::TooLong(number) => {
                return Err(CliError::usage(format!("{name}: line {number} is too long"), "give shorter leaves"));
            }
        };
        let leaf = unhex(text.trim());
        let leaf =
            leaf.map_err(|why| CliError::usage(format!("{name}: line {number}: {why}"), "give hex, a leaf a line"))?;
        if leaves.len() == LEAVES_MAX {
            return Err(CliError::usage(format!("{name} has more than {LEAVES_MAX} leaves"), "give fewer"));
        }
        leaves.push(leaf);
    }
    Ok(leaves)
}
