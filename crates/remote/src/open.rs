//! A tier of a URL.

use std::path::PathBuf;
use std::sync::Arc;

use refrain_store::Tier;

use crate::address::Address;
use crate::directory::Directory;
use crate::error::OpenError;
use crate::options::Options;

/// Makes a tier of an address, asking nothing of the other side.
type Make = fn(&Address, Options) -> Result<Arc<dyn Tier>, OpenError>;

/// A scheme, the feature that has it, and how a tier is made of its addresses.
struct Kind {
    schemes: &'static [&'static str],
    feature: &'static str,
    make: Option<Make>,
}

const KINDS: &[Kind] = &[
    Kind {
        schemes: &["file"],
        feature: "default",
        make: Some(file),
    },
    Kind {
        schemes: &["redis", "rediss", "redis+unix"],
        feature: "redis",
        #[cfg(feature = "redis")]
        make: Some(crate::redis::open),
        #[cfg(not(feature = "redis"))]
        make: None,
    },
    Kind {
        schemes: &["s3"],
        feature: "s3",
        #[cfg(feature = "s3")]
        make: Some(crate::service::s3),
        #[cfg(not(feature = "s3"))]
        make: None,
    },
    Kind {
        schemes: &["gs", "gcs"],
        feature: "gcs",
        #[cfg(feature = "gcs")]
        make: Some(crate::service::gcs),
        #[cfg(not(feature = "gcs"))]
        make: None,
    },
    Kind {
        schemes: &["azblob"],
        feature: "azblob",
        #[cfg(feature = "azblob")]
        make: Some(crate::service::azblob),
        #[cfg(not(feature = "azblob"))]
        make: None,
    },
    Kind {
        schemes: &["http", "https"],
        feature: "http",
        #[cfg(feature = "http")]
        make: Some(crate::service::http),
        #[cfg(not(feature = "http"))]
        make: None,
    },
    Kind {
        schemes: &["mongodb", "mongodb+srv"],
        feature: "mongodb",
        #[cfg(feature = "mongodb")]
        make: Some(crate::service::mongodb),
        #[cfg(not(feature = "mongodb"))]
        make: None,
    },
];

/// Makes a tier of a URL, without asking anything of the other side.
///
/// | URL | what keeps the bytes |
/// |---|---|
/// | `file:///path`, `dir:path` | a directory that machines share; the path of `dir:` is taken as it is written, and may be relative |
/// | `redis://[[user]:password@]host[:port][/database][?prefix=refrain:]`, `rediss://` for TLS, `redis+unix:///path` | a Redis server, or one that speaks like it. `REFRAIN_REDIS_USERNAME` and `REFRAIN_REDIS_PASSWORD` where the URL has none |
/// | `s3://bucket[/prefix][?endpoint=...&region=...]` | S3, or a service that speaks like it. `AWS_ACCESS_KEY_ID` and the other variables, and `~/.aws`, as of other programs. `endpoint`, `region` and `profile` where these have none or others; `anonymous=true` for a public bucket; `virtual_host=true` where the bucket is to be part of the host's name |
/// | `http://[user:password@]host[:port]/path`, `https://...` | what a web server gives out, such as a directory as above; nothing can be written there. `REFRAIN_HTTP_USERNAME` and `REFRAIN_HTTP_PASSWORD`, or `REFRAIN_HTTP_TOKEN` |
/// | `gs://bucket[/prefix][?endpoint=...&anonymous=true]` | Google Cloud Storage, with the credentials that its own programs find. Feature `gcs` |
/// | `azblob://container[/prefix][?account=...&endpoint=...]` | Azure Blob Storage. `AZURE_STORAGE_ACCOUNT`, and `AZURE_STORAGE_KEY` or `AZURE_STORAGE_SAS_TOKEN`. Feature `azblob` |
/// | `mongodb://[user:password@]host[:port]/database[?collection=refrain]` | MongoDB, which takes no blob above 16 MB. The collection wants a unique index on `key`. `REFRAIN_MONGODB_USERNAME` and `REFRAIN_MONGODB_PASSWORD` where the URL has none. Feature `mongodb` |
///
/// # Errors
/// When the URL says something that cannot be, or names something that this program was built without. The message
/// says what to do.
pub fn open(url: &str, options: Options) -> Result<Arc<dyn Tier>, OpenError> {
    if let Some(path) = url.strip_prefix("dir:") {
        return Ok(Arc::new(Directory::new(
            url.to_owned(),
            PathBuf::from(path),
            options,
        )));
    }
    let address = Address::parse(url)?;
    let Some(kind) = KINDS
        .iter()
        .find(|kind| kind.schemes.contains(&address.scheme()))
    else {
        return Err(OpenError::Scheme {
            url: address.label().to_owned(),
            scheme: address.scheme().to_owned(),
            known: known(),
        });
    };
    match kind.make {
        Some(make) => make(&address, options),
        None => Err(OpenError::Feature {
            url: address.label().to_owned(),
            feature: kind.feature,
        }),
    }
}

fn file(address: &Address, options: Options) -> Result<Arc<dyn Tier>, OpenError> {
    address.settings(&[])?;
    let path = address
        .url()
        .to_file_path()
        .map_err(|()| address.error("a file URL has no host; write file:///path, or dir:path"))?;
    Ok(Arc::new(Directory::new(
        address.label().to_owned(),
        path,
        options,
    )))
}

fn known() -> String {
    let kinds = KINDS.iter().filter(|kind| kind.make.is_some());
    let schemes = kinds.flat_map(|kind| kind.schemes).copied();
    ["dir"]
        .into_iter()
        .chain(schemes)
        .collect::<Vec<_>>()
        .join(", ")
}
