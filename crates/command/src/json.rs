//! JSON in one canonical form, so that key order and spaces are no change. Numbers stay digit for digit as
//! they are: no value may come out as another one.

use std::ops::Range;

use serde::de::IgnoredAny;

use crate::error::{Error, Result};

/// How deep values may be nested: as deep as `serde_json` reads them.
const DEPTH: usize = 127;

/// The canonical form of a JSON text: keys sorted by their bytes, no space, one way to write a string, and
/// a newline at the end.
///
/// ```
/// let canonical = refrain_command::json::canonical(br#"{ "b": 1.50, "a": ["\u00e9", null] }"#)?;
/// assert_eq!(String::from_utf8_lossy(&canonical), "{\"a\":[\"é\",null],\"b\":1.50}\n");
/// # Ok::<(), refrain_command::Error>(())
/// ```
///
/// # Errors
/// What is no JSON, has a key twice in one object, or is nested deeper than 127 levels.
pub fn canonical(text: &[u8]) -> Result<Vec<u8>> {
    let valid = std::str::from_utf8(text)
        .map_err(|error| problem(text, error.valid_up_to(), "a byte that is no UTF-8"))?;
    // From here on every token stands where it may.
    serde_json::from_str::<IgnoredAny>(valid).map_err(invalid)?;
    let mut writer = Writer {
        text,
        at: 0,
        out: Vec::with_capacity(text.len() + 1),
    };
    writer.value(DEPTH)?;
    writer.out.push(b'\n');
    Ok(writer.out)
}

fn invalid(error: serde_json::Error) -> Error {
    let (line, column) = (error.line(), error.column());
    let told = error.to_string();
    let place = format!(" at line {line} column {column}");
    Error::Json {
        line,
        column,
        problem: told.strip_suffix(&place).unwrap_or(&told).to_owned(),
    }
}

fn problem(text: &[u8], offset: usize, problem: impl Into<String>) -> Error {
    let before = &text[..offset];
    let newline = before.iter().rposition(|byte| *byte == b'\n');
    Error::Json {
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: offset - newline.map_or(0, |newline| newline + 1) + 1,
        problem: problem.into(),
    }
}

/// Writes a valid text anew.
struct Writer<'a> {
    text: &'a [u8],
    at: usize,
    out: Vec<u8>,
}

/// A member of an object, as it stands in the output.
struct Member {
    key: Range<usize>,
    /// Where its value ends.
    end: usize,
    /// Where its key stands in the text.
    offset: usize,
}

impl Writer<'_> {
    /// The next byte that is no space.
    fn next(&mut self) -> u8 {
        while self.text[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
        self.text[self.at]
    }

    fn value(&mut self, depth: usize) -> Result<()> {
        let first = self.next();
        if depth == 0 && matches!(first, b'{' | b'[') {
            let deep = format!("nested deeper than {DEPTH} levels");
            return Err(problem(self.text, self.at, deep));
        }
        match first {
            b'{' => self.object(depth - 1),
            b'[' => self.array(depth - 1),
            b'"' => {
                self.string();
                Ok(())
            }
            _ => {
                self.scalar();
                Ok(())
            }
        }
    }

    /// Copies a number or a name.
    fn scalar(&mut self) {
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|byte| b",]} \t\r\n".contains(byte));
        let scalar = &rest[..length.unwrap_or(rest.len())];
        self.out.extend_from_slice(scalar);
        self.at += scalar.len();
    }

    /// Copies one byte of punctuation.
    fn punctuation(&mut self) {
        let byte = self.next();
        self.out.push(byte);
        self.at += 1;
    }

    fn array(&mut self, depth: usize) -> Result<()> {
        self.punctuation();
        while self.next() != b']' {
            if self.next() == b',' {
                self.punctuation();
            }
            self.value(depth)?;
        }
        self.punctuation();
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<()> {
        self.punctuation();
        let start = self.out.len();
        let mut members = Vec::new();
        while self.next() != b'}' {
            if self.next() == b',' {
                self.punctuation();
                self.next();
            }
            let (offset, key) = (self.at, self.out.len());
            self.string();
            let key = key..self.out.len();
            self.punctuation();
            self.value(depth)?;
            let end = self.out.len();
            members.push(Member { key, end, offset });
        }
        self.sort(start, members)?;
        self.punctuation();
        Ok(())
    }

    /// Puts the members that were written from `start` on in order.
    fn sort(&mut self, start: usize, mut members: Vec<Member>) -> Result<()> {
        let key = |member: &Member| &self.out[member.key.clone()];
        if members.is_sorted_by(|one, next| key(one) < key(next)) {
            return Ok(());
        }
        members.sort_by(|one, other| key(one).cmp(key(other)));
        if let Some(twice) = members.windows(2).find(|two| key(&two[0]) == key(&two[1])) {
            let key = String::from_utf8_lossy(key(&twice[1]));
            let told =
                format!("the key {key} comes a second time in its object; keep one of the two");
            return Err(problem(self.text, twice[1].offset, told));
        }
        let written = members
            .iter()
            .map(|member| &self.out[member.key.start..member.end]);
        let sorted = written.collect::<Vec<_>>().join(&b',');
        self.out.truncate(start);
        self.out.extend_from_slice(&sorted);
        Ok(())
    }

    /// Writes a string in which every character stands for itself that may.
    fn string(&mut self) {
        self.punctuation();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            let plain = plain.expect("a string is closed");
            self.out.extend_from_slice(&rest[..plain]);
            self.at += plain;
            if rest[plain] == b'"' {
                return self.punctuation();
            }
            self.escape();
        }
    }

    fn escape(&mut self) {
        let kind = self.text[self.at + 1];
        if kind != b'u' {
            // A slash is the one character that may be escaped and need not.
            let escape: &[u8] = if kind == b'/' { b"/" } else { &[b'\\', kind] };
            self.out.extend_from_slice(escape);
            self.at += 2;
            return;
        }
        let first = self.unit();
        self.at += 6;
        let rest = &self.text[self.at..];
        let second = rest.starts_with(b"\\u").then(|| self.unit());
        let pair = second.filter(|second| is_high(first) && is_low(*second));
        self.at += if pair.is_some() { 6 } else { 0 };
        for decoded in char::decode_utf16([first].into_iter().chain(pair)) {
            match decoded {
                Ok(character) => self.character(character),
                // Half of a pair is no character, but some programs write names so that are no text.
                Err(half) => self.code_unit(half.unpaired_surrogate()),
            }
        }
    }

    /// The number of the `\uXXXX` that is next.
    fn unit(&self) -> u16 {
        let digits = &self.text[self.at + 2..self.at + 6];
        let digits = std::str::from_utf8(digits).expect("four digits");
        u16::from_str_radix(digits, 16).expect("four digits")
    }

    fn code_unit(&mut self, unit: u16) {
        self.out.extend(format!("\\u{unit:04x}").bytes());
    }

    fn character(&mut self, character: char) {
        let short = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{8}' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\u{c}' => "\\f",
            '\r' => "\\r",
            '\0'..='\u{1f}' => return self.code_unit(character as u16),
            other => return self.out.extend(other.encode_utf8(&mut [0; 4]).bytes()),
        };
        self.out.extend_from_slice(short.as_bytes());
    }
}

fn is_high(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

fn is_low(unit: u16) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn form(text: &str) -> String {
        let form = canonical(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        String::from_utf8(form).unwrap()
    }

    #[test]
    fn order_and_space_are_no_change() {
        let one = "{\"b\": [1, {\"z\":0,\"y\":{}} ], \"a\": [ ]}\r\n";
        let other = "\t{\"a\":[],\n\"b\":[1,{\"y\":{ },\"z\":0}]}";
        assert_eq!(form(one), "{\"a\":[],\"b\":[1,{\"y\":{},\"z\":0}]}\n");
        assert_eq!(form(one), form(other));
    }

    #[test]
    fn numbers_stay_as_they_are() {
        for number in [
            "1.0",
            "1e5",
            "-0",
            "0.1000",
            "123456789012345678901234567890",
            "1E-999",
        ] {
            assert_eq!(form(number), format!("{number}\n"));
            assert_eq!(form(&format!("[{number}]")), format!("[{number}]\n"));
        }
    }

    #[test]
    fn strings_are_written_in_one_way() {
        assert_eq!(
            form(r#""\/\u0041\u00e9\ud83d\ude00\"\\\u000a\u0001\u001F""#),
            "\"/Aé😀\\\"\\\\\\n\\u0001\\u001f\"\n"
        );
        assert_eq!(
            form(r#""\uDC80\uD800\uD800\uDC00\uD800\u0022""#),
            "\"\\udc80\\ud800𐀀\\ud800\\\"\"\n"
        );
    }

    #[test]
    fn refusals_say_where() {
        let deep = [vec![b'['; 128], vec![b']'; 128]].concat();
        for (text, line, column, told) in [
            (
                &b"{\"a\": 1,\n \"\\u0061\": 2}"[..],
                2,
                2,
                "the key \"a\" comes a second time",
            ),
            (b"[1,\n2", 2, 1, "EOF while parsing a list"),
            (b"[NaN]", 1, 2, "expected value"),
            (b"1 2", 1, 3, "trailing characters"),
            (b"[\n\"\xff\"]", 2, 2, "no UTF-8"),
            (b"", 1, 0, "EOF"),
            (&deep, 1, 128, "deeper than 127"),
        ] {
            let Err(Error::Json {
                line: l,
                column: c,
                problem,
            }) = canonical(text)
            else {
                panic!("{text:?} is accepted");
            };
            assert!(problem.contains(told), "{problem}");
            assert_eq!((l, c), (line, column), "{problem}");
        }
        assert!(canonical(&deep[1..255]).is_ok());
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<()>().prop_map(|()| Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let members = prop::collection::hash_map(any::<String>(), inner.clone(), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                members.prop_map(|members| Value::from(serde_json::Map::from_iter(members))),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_value_stays_and_the_form_is_one(value in values()) {
            let pretty = form(&serde_json::to_string_pretty(&value).unwrap());
            prop_assert_eq!(&serde_json::from_str::<Value>(&pretty).unwrap(), &value);
            prop_assert_eq!(&form(&value.to_string()), &pretty);
            prop_assert_eq!(form(&pretty), pretty);
        }

        #[test]
        fn any_bytes_are_read(text in prop::collection::vec(prop::sample::select(&b"[]{},:\"\\u0dc8 1ae\n"[..]), 0..24)) {
            let _ = canonical(&text);
        }
    }
}
