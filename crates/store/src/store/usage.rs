//! What the records of each node take.

use super::Store;
use crate::collect::{NodeUsage, Tally};
use crate::inventory::Inventory;

impl Store {
    /// What the records of each node take, in the order of the nodes' names. A blob that several nodes refer to is
    /// counted for each.
    pub fn usage(&self) -> Vec<NodeUsage> {
        self.flush();
        let standing = self.standing().unwrap_or_default();
        let mut inventory = Inventory::default();
        // What cannot be read is as good as not there.
        let _ = self.take_inventory(&mut inventory, 0, &standing, |_, _| ());
        let mut tally = Tally::default();
        for item in &inventory.items {
            tally.record(item);
            for blob in &item.blobs {
                let (name, _) = &inventory.blobs[*blob as usize];
                tally.blob(item.node, *blob, standing.size(name));
            }
        }
        tally.into_usage(&inventory)
    }
}
