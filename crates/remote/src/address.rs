//! The URL of a tier, taken apart.
//!
//! Unaware of which tier it is. Its [`label`](Address::label) has no credentials; no message is made of anything else.

#[cfg(any(feature = "redis", feature = "services"))]
use percent_encoding::percent_decode_str;
use url::Url;

use crate::error::OpenError;

/// A URL, and what of it may be shown.
#[derive(Clone)]
pub(crate) struct Address {
    url: Url,
    label: String,
}

impl Address {
    /// Reads a URL.
    pub(crate) fn parse(text: &str) -> Result<Self, OpenError> {
        let url = Url::parse(text).map_err(|error| OpenError::NoUrl {
            url: shown(text),
            reason: error.to_string(),
        })?;
        let label = match url.cannot_be_a_base() {
            true => shown(text),
            false => label(&url),
        };
        Ok(Self { url, label })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The URL without credentials, and without what follows a `?` or `#`.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// The settings that follow the `?`, by their names. One that is not among `known` is refused.
    pub(crate) fn settings(&self, known: &[&str]) -> Result<Settings, OpenError> {
        let mut settings = Vec::new();
        for (name, value) in self.url.query_pairs() {
            if !known.contains(&&*name) {
                return Err(self.error(format!(
                    "there is no setting `{name}`; known are {}",
                    known.join(", ")
                )));
            }
            settings.push((name.into_owned(), value.into_owned()));
        }
        Ok(Settings(settings))
    }

    /// The user name and the password in it, decoded.
    #[cfg(any(feature = "redis", feature = "services"))]
    pub(crate) fn credentials(&self) -> (Option<String>, Option<String>) {
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8_lossy().into_owned();
            Some(text).filter(|text| !text.is_empty())
        };
        (
            decoded(self.url.username()),
            self.url.password().and_then(decoded),
        )
    }

    pub(crate) fn error(&self, reason: impl Into<String>) -> OpenError {
        OpenError::Setting {
            url: self.label.clone(),
            reason: reason.into(),
        }
    }
}

/// What follows the `?` of a URL.
pub(crate) struct Settings(Vec<(String, String)>);

impl Settings {
    /// The last of this name that says something.
    #[cfg(any(feature = "redis", feature = "services"))]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().rev().filter(|(known, _)| known == name);
        found
            .next()
            .map(|(_, value)| &**value)
            .filter(|value| !value.is_empty())
    }
}

#[cfg(feature = "services")]
impl Settings {
    /// Whether a setting that is true or false is true.
    pub(crate) fn is_on(&self, address: &Address, name: &str) -> Result<bool, OpenError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(address.error(format!("`{name}` is true or false"))),
        }
    }
}

fn label(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only where there can be no credentials.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.into()
}

/// What may be shown of something that is no URL: nothing that stands before an `@` or after a `?`.
fn shown(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match text.rsplit_once('@') {
        Some((_, after)) => format!("...@{after}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_credentials() {
        let address = Address::parse("redis://me:s3cr%40t@host:1/0?prefix=a:#s3cret").unwrap();
        assert_eq!(address.label(), "redis://host:1/0");
        for text in [
            "redis://me:s3cret@host:wrong/0",
            "//me:s3cret@host",
            "me:s3cret@host",
        ] {
            let said = match Address::parse(text) {
                Ok(address) => address.error("no").to_string(),
                Err(error) => error.to_string(),
            };
            assert!(!said.contains("s3cret") && said.contains("host"), "{said}");
        }
    }

    #[cfg(any(feature = "redis", feature = "services"))]
    #[test]
    fn credentials_are_decoded() {
        let address = Address::parse("redis://me:a%2Bb+c%26d%25@host").unwrap();
        let (user, password) = address.credentials();
        assert_eq!(user.as_deref(), Some("me"));
        assert_eq!(password.as_deref(), Some("a+b+c&d%"));
    }

    #[test]
    fn a_setting_that_is_not_known_is_refused() {
        let address = Address::parse("redis://me:s3cret@host/?prefux=a").unwrap();
        let error = address.settings(&["prefix"]).map(|_| ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "open tier redis://host/: there is no setting `prefux`; known are prefix"
        );
    }
}
