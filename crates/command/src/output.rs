//! Whether a command wrote what it had to. It knows no process.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use refrain_manifest::Format;

use crate::json;

/// Checks an output, and gives JSON its canonical form; says what is wrong.
pub(crate) fn check(path: &Path, format: Format) -> Result<(), String> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err("it ended well and wrote no {output}".to_owned());
        }
        Err(error) => return Err(unreadable(&error)),
    };
    match format {
        Format::Dir if kind.is_dir() => return Ok(()),
        Format::Dir => return Err("{output} is no directory any more".to_owned()),
        _ if kind.is_dir() => {
            return Err("{output} is a directory; give the node format = \"dir\"".to_owned());
        }
        _ if !kind.is_file() => {
            return Err("{output} is no regular file; write a copy and no link".to_owned());
        }
        Format::Bytes => {}
        Format::Text => {
            if let Some(offset) = first_not_text(path).map_err(|error| unreadable(&error))? {
                return Err(format!(
                    "{{output}} is no text: byte {offset} is not UTF-8; give the node format = \"bytes\""
                ));
            }
        }
        Format::Json => {
            let text = fs::read(path).map_err(|error| unreadable(&error))?;
            let canonical = json::canonical(&text)
                .map_err(|error| format!("{{output}} is no JSON: {error}"))?;
            if canonical != text {
                fs::write(path, canonical)
                    .map_err(|error| format!("cannot write {{output}}: {error}"))?;
            }
        }
    }
    Ok(())
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot read {{output}}: {error}")
}

/// Where a file of any size stops being UTF-8.
fn first_not_text(path: &Path) -> io::Result<Option<u64>> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    // Bytes at the start of the buffer that may be the beginning of a character.
    let mut begun = 0;
    let mut offset = 0;
    loop {
        let read = file.read(&mut buffer[begun..])?;
        let length = begun + read;
        let valid = match std::str::from_utf8(&buffer[..length]) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() && read > 0 => error.valid_up_to(),
            Err(error) => return Ok(Some(offset + error.valid_up_to() as u64)),
        };
        if read == 0 {
            return Ok(None);
        }
        buffer.copy_within(valid..length, 0);
        begun = length - valid;
        offset += valid as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_may_stand_across_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("text");
        let first_bad = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            first_not_text(&path).unwrap()
        };
        for shift in 0..4 {
            let text = "x".repeat(shift) + &"é😀".repeat(50_000);
            assert_eq!(first_bad(text.as_bytes()), None);
            let cut = &text.as_bytes()[..text.len() - 1];
            assert_eq!(first_bad(cut), Some(text.len() as u64 - 4));
            assert_eq!(
                first_bad(&[text.as_bytes(), b"\xffz"].concat()),
                Some(text.len() as u64)
            );
        }
        assert_eq!(first_bad(b""), None);
    }
}
