//! Readers of what the other side says, as functions of any bytes: what fuzzers and tests feed.
//!
//! Only built for tests and with the feature `fuzzing`.

use redis::{Parser, Value};

use crate::redis::read_value;

/// What a Redis server answers, one answer after the other, and the values in them.
pub fn redis(mut bytes: &[u8]) {
    read_value(bytes.to_vec());
    let mut parser = Parser::new();
    while let Ok(answer) = parser.parse_value(&mut bytes) {
        if let Value::BulkString(value) = answer {
            read_value(value);
        }
    }
}

#[cfg(test)]
#[path = "../../../fuzz/src/lib.rs"]
mod mutation;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn kept_inputs_and_what_is_like_them_are_read_or_refused() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        mutation::feed(&corpus.join("redis"), redis);
    }
}
