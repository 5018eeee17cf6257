//! MongoDB: a collection with a document for each name. One document has 16 MB at most.

use std::sync::Arc;

use opendal::Operator;
use opendal::services::Mongodb;
use refrain_store::Tier;

use super::Service;
use crate::address::Address;
use crate::error::OpenError;
use crate::options::Options;

/// Makes a tier of a URL; see [`open`](crate::open()). What else the URL says is for the driver.
pub(crate) fn open(address: &Address, options: Options) -> Result<Arc<dyn Tier>, OpenError> {
    let mut connection = address.url().clone();
    let database = connection.path().trim_matches('/').to_owned();
    if database.is_empty() || database.contains('/') {
        return Err(address.error("write mongodb://host/database"));
    }
    let settings: Vec<(String, String)> = connection.query_pairs().into_owned().collect();
    let (ours, theirs): (Vec<_>, Vec<_>) = settings
        .into_iter()
        .partition(|(name, _)| name == "collection");
    connection.set_query(None);
    if !theirs.is_empty() {
        connection.query_pairs_mut().extend_pairs(theirs);
    }
    let (user, password) = address.credentials();
    let user = user.or_else(|| options.variable("REFRAIN_MONGODB_USERNAME"));
    let password = password.or_else(|| options.variable("REFRAIN_MONGODB_PASSWORD"));
    if let Some(user) = user {
        let set = connection.set_username(&user);
        set.and_then(|()| connection.set_password(password.as_deref()))
            .map_err(|()| address.error("no place for a user in this URL"))?;
    }
    let collection = ours.last().map_or("refrain", |(_, value)| value);
    let service = Mongodb::default()
        .connection_string(connection.as_str())
        .database(&database)
        .collection(collection);
    let operator = Operator::new(service).map_err(|error| address.error(error.message()))?;
    Ok(Arc::new(Service::new(address, operator, options)))
}
