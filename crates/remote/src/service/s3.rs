//! S3, and services that speak like it.

use std::sync::Arc;

use opendal::Operator;
use opendal::services::S3;
use refrain_store::Tier;

use super::Service;
use crate::address::Address;
use crate::error::OpenError;
use crate::options::Options;

/// Makes a tier of a URL; see [`open`](crate::open()).
pub(crate) fn open(address: &Address, options: Options) -> Result<Arc<dyn Tier>, OpenError> {
    let known = ["endpoint", "region", "profile", "anonymous", "virtual_host"];
    let settings = address.settings(&known)?;
    let variable = |names: &[&str]| names.iter().find_map(|name| options.variable(name));
    let url = address.url();
    if !url.username().is_empty() || url.password().is_some() {
        return Err(address.error("no credentials in this URL; set AWS_ACCESS_KEY_ID"));
    }
    let Some(bucket) = url.host_str().filter(|host| !host.is_empty()) else {
        return Err(address.error("write s3://bucket/prefix"));
    };
    let mut service = S3::default().bucket(bucket).root(url.path());

    let endpoint = settings.get("endpoint").map(str::to_owned);
    let endpoint = endpoint.or_else(|| variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
    let region = settings.get("region").map(str::to_owned);
    let region = region.or_else(|| variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
    // Services that only speak like S3 mostly know no regions.
    let region = region.or_else(|| endpoint.as_ref().map(|_| "us-east-1".to_owned()));
    let Some(region) = region else {
        return Err(address.error("no region; set AWS_REGION, or add ?region=... to the URL"));
    };
    service = service.region(&region);
    if let Some(endpoint) = endpoint {
        service = service.endpoint(&endpoint);
    }

    let key = variable(&["AWS_ACCESS_KEY_ID"]).zip(variable(&["AWS_SECRET_ACCESS_KEY"]));
    if settings.is_on(address, "anonymous")? {
        service = service.skip_signature();
    } else if let Some(profile) = settings.get("profile") {
        service = service.profile(profile);
    } else if let Some((id, secret)) = key {
        service = service.access_key_id(&id).secret_access_key(&secret);
        if let Some(token) = variable(&["AWS_SESSION_TOKEN"]) {
            service = service.session_token(&token);
        }
    }
    if settings.is_on(address, "virtual_host")? {
        service = service.enable_virtual_host_style();
    }
    let operator = Operator::new(service).map_err(|error| address.error(error.message()))?;
    Ok(Arc::new(Service::new(address, operator, options)))
}
