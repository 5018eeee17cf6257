//! A web server that gives out what a directory of it has. Nothing can be written there.

use std::sync::Arc;

use opendal::Operator;
use opendal::services::Http;
use refrain_store::Tier;

use super::Service;
use crate::address::Address;
use crate::error::OpenError;
use crate::options::Options;

/// Makes a tier of a URL; see [`open`](crate::open()).
pub(crate) fn open(address: &Address, options: Options) -> Result<Arc<dyn Tier>, OpenError> {
    address.settings(&[])?;
    let url = address.url();
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    let endpoint = format!("{}://{host}{port}", url.scheme());
    let mut service = Http::default().endpoint(&endpoint).root(url.path());
    let (user, password) = address.credentials();
    if let Some(user) = user.or_else(|| options.variable("REFRAIN_HTTP_USERNAME")) {
        service = service.username(&user);
    }
    if let Some(password) = password.or_else(|| options.variable("REFRAIN_HTTP_PASSWORD")) {
        service = service.password(&password);
    }
    if let Some(token) = options.variable("REFRAIN_HTTP_TOKEN") {
        service = service.token(&token);
    }
    let operator = Operator::new(service).map_err(|error| address.error(error.message()))?;
    Ok(Arc::new(Service::new(address, operator, options)))
}
