//! Google Cloud Storage.

use std::sync::Arc;

use opendal::Operator;
use opendal::services::Gcs;
use refrain_store::Tier;

use super::Service;
use crate::address::Address;
use crate::error::OpenError;
use crate::options::Options;

/// Makes a tier of a URL; see [`open`](crate::open()).
pub(crate) fn open(address: &Address, options: Options) -> Result<Arc<dyn Tier>, OpenError> {
    let settings = address.settings(&["endpoint", "anonymous"])?;
    let Some(bucket) = address.url().host_str() else {
        return Err(address.error("write gs://bucket/prefix"));
    };
    let mut service = Gcs::default().bucket(bucket).root(address.url().path());
    if let Some(endpoint) = settings.get("endpoint") {
        service = service.endpoint(endpoint);
    }
    if settings.is_on(address, "anonymous")? {
        service = service.skip_signature();
    } else if let Some(path) = options.variable("GOOGLE_APPLICATION_CREDENTIALS") {
        service = service.credential_path(&path);
    }
    let operator = Operator::new(service).map_err(|error| address.error(error.message()))?;
    Ok(Arc::new(Service::new(address, operator, options)))
}
