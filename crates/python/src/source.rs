//! From a file's bytes to the text that Python would read, or why there is none.

use std::borrow::Cow;

/// The largest file that is parsed, in bytes: what is larger is data in the form of code.
pub(crate) const LARGEST: usize = 4 << 20;

/// Encodings in which ASCII bytes mean ASCII, by how their names start.
const ASCII_BASED: [&str; 8] = [
    "ascii",
    "us-ascii",
    "latin",
    "l1",
    "iso-8859",
    "iso8859",
    "cp125",
    "windows-125",
];

/// The text, with `\n` for every end of a line as Python has it; or why Python would not read it so.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    if bytes.len() > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    if bytes.contains(&0) {
        return Err("it has NUL bytes".to_owned());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Some(encoding) = declared(bytes)
        && !understood(&encoding, bytes)
    {
        return Err(format!("it is in the encoding {encoding}"));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to()))?;
    if text.contains('\r') {
        return Ok(Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")));
    }
    Ok(Cow::Borrowed(text))
}

/// The encoding that a comment on the first two lines declares, in lower case with hyphens.
fn declared(bytes: &[u8]) -> Option<String> {
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
    // With `\r\n` every other line of these is empty.
    for line in lines.take(4) {
        let line = String::from_utf8_lossy(line);
        let Some(comment) = line.trim_start().strip_prefix('#') else {
            continue;
        };
        for (at, _) in comment.match_indices("coding") {
            let rest = &comment[at + "coding".len()..];
            let Some(value) = rest.strip_prefix([':', '=']) else {
                continue;
            };
            let name = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
            let value: String = value.trim_start().chars().take_while(name).collect();
            if !value.is_empty() {
                return Some(value.to_ascii_lowercase().replace('_', "-"));
            }
        }
    }
    None
}

fn understood(encoding: &str, bytes: &[u8]) -> bool {
    let utf8 = ["utf-8", "utf8", "u8"].contains(&encoding) || encoding.starts_with("utf-8-");
    let ascii = ASCII_BASED.iter().any(|name| encoding.starts_with(name));
    utf8 || (ascii && bytes.is_ascii())
}
