//! Sizes and spans of time as people write them in configuration files.

/// A number of bytes: a number, or a text such as "10 GiB".
pub(crate) mod size {
    use bytesize::ByteSize;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(u64),
        Text(String),
    }

    pub fn serialize<S: Serializer>(size: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        size.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        Ok(match Option::<Size>::deserialize(from)? {
            None => None,
            Some(Size::Bytes(bytes)) => Some(bytes),
            Some(Size::Text(text)) => match text.parse::<ByteSize>() {
                Ok(size) => Some(size.as_u64()),
                Err(_) => {
                    let problem = format!("\"{text}\" is no size; write \"500 MB\" or \"10 GiB\"");
                    return Err(D::Error::custom(problem));
                }
            },
        })
    }
}

/// A span of time: a text such as "7d" or "1h 30m".
pub(crate) mod span {
    use std::time::Duration;

    use jiff::{SignedDuration, Span, SpanRelativeTo};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(span: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        let text = |span| SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
        let text = span.map(|span| format!("{:#}", text(span)));
        text.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else {
            return Ok(None);
        };
        let read = || {
            let span: Span = text.parse().ok()?;
            let span = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
            Duration::try_from(span).ok().filter(|span| !span.is_zero())
        };
        let problem = || format!("\"{text}\" is no span of time; write \"90s\", \"10m\" or \"7d\"");
        read().map(Some).ok_or_else(|| D::Error::custom(problem()))
    }
}
