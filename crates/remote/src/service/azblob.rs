//! Azure Blob Storage.

use std::sync::Arc;

use opendal::Operator;
use opendal::services::Azblob;
use refrain_store::Tier;

use super::Service;
use crate::address::Address;
use crate::error::OpenError;
use crate::options::Options;

/// Makes a tier of a URL; see [`open`](crate::open()).
pub(crate) fn open(address: &Address, options: Options) -> Result<Arc<dyn Tier>, OpenError> {
    let settings = address.settings(&["account", "endpoint"])?;
    let account = settings.get("account").map(str::to_owned);
    let account = account.or_else(|| options.variable("AZURE_STORAGE_ACCOUNT"));
    let endpoint = settings.get("endpoint").map(str::to_owned).or_else(|| {
        let account = account.as_ref()?;
        Some(format!("https://{account}.blob.core.windows.net"))
    });
    let (Some(container), Some(endpoint)) = (address.url().host_str(), endpoint) else {
        let text = "write azblob://container/prefix?account=...; or set AZURE_STORAGE_ACCOUNT";
        return Err(address.error(text));
    };
    let mut service = Azblob::default()
        .container(container)
        .root(address.url().path())
        .endpoint(&endpoint);
    if let Some(account) = account {
        service = service.account_name(&account);
    }
    if let Some(key) = options.variable("AZURE_STORAGE_KEY") {
        service = service.account_key(&key);
    }
    if let Some(token) = options.variable("AZURE_STORAGE_SAS_TOKEN") {
        service = service.sas_token(&token);
    }
    let operator = Operator::new(service).map_err(|error| address.error(error.message()))?;
    Ok(Arc::new(Service::new(address, operator, options)))
}
