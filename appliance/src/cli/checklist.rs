//! Lines of digests and file names, as sha256sum and b3sum write and read them.
//!
//! A line is the digest in hex, two blanks (or a blank and `*`) and the name. Where a name holds a line break or a
//! backslash, the line begins with a backslash and the name is escaped: `\n`, `\r` and `\\`.

use std::io;
use std::path::PathBuf;

/// A name as it is printed, and whether it had to be escaped. Bytes that are not UTF-8 are shown as replacement marks.
#[must_use]
pub fn escape(name: &[u8]) -> (String, bool) {
    let name = String::from_utf8_lossy(name);
    let escaped = name.contains(['\n', '\r', '\\']);
    if !escaped {
        return (name.into_owned(), false);
    }
    (name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r"), true)
}

/// A line's digest of `width` bytes and its name.
///
/// # Errors
/// What is wrong with the line, in words.
pub fn parse(line: &[u8], width: usize) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(line) => (true, line),
        None => (false, line),
    };
    let digits = line.iter().position(|byte| *byte == b' ').ok_or("no blank after the digest")?;
    let digest = hex::decode(&line[..digits]).map_err(|_| "the digest is not hex")?;
    if digest.len() != width {
        return Err(format!("the digest has {} bytes where {width} are wanted", digest.len()));
    }
    let name = match &line[digits..] {
        [b' ', b' ' | b'*', name @ ..] if !name.is_empty() => name,
        _ => return Err("two blanks and a name should follow the digest".to_owned()),
    };
    Ok((digest, if escaped { unescape(name)? } else { name.to_vec() }))
}

fn unescape(name: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, *byte == b'\\') {
            (byte, false) => *byte,
            _ => match rest.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b'\\') => b'\\',
                _ => return Err("a backslash is followed by neither n, r nor a backslash".to_owned()),
            },
        });
    }
    Ok(bytes)
}

/// The file of a name.
///
/// # Errors
/// Where the system's names are text and this one is not.
pub fn path(name: &[u8]) -> io::Result<PathBuf> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        Ok(PathBuf::from(std::ffi::OsStr::from_bytes(name)))
    }
    #[cfg(not(unix))]
    {
        std::str::from_utf8(name).map(PathBuf::from).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_line_is_read_back() {
        for name in ["plain", "with two  blanks", "line\nbreak", "back\\slash\r", "*star"] {
            let (printed, escaped) = escape(name.as_bytes());
            let line = format!("{}{}  {printed}", if escaped { "\\" } else { "" }, "ab".repeat(32));
            assert_eq!(parse(line.as_bytes(), 32), Ok((vec![0xab; 32], name.as_bytes().to_vec())), "{name:?}");
        }
        let star = format!("{} *binary", "cd".repeat(20));
        assert_eq!(parse(star.as_bytes(), 20), Ok((vec![0xcd; 20], b"binary".to_vec())));
    }

    #[test]
    fn each_defect_is_said() {
        let digest = "ab".repeat(32);
        for (line, words) in [
            (digest.clone(), "no blank"),
            (format!("{digest} "), "two blanks"),
            (format!("{digest} name"), "two blanks"),
            (format!("{digest}  "), "two blanks"),
            (format!("{}  name", "zz".repeat(32)), "not hex"),
            (format!("{}  name", "ab".repeat(20)), "20 bytes where 32"),
            (format!("\\{digest}  a\\b"), "neither"),
        ] {
            let why = parse(line.as_bytes(), 32).expect_err(&line);
            assert!(why.contains(words), "{line}: {why}");
        }
    }
}
