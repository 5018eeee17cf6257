//! A report as JSON. The object is described in the documentation; a change of
//! it that a reader could trip over needs a new `format`.

use std::time::Duration;

use refrain_store::Traffic;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{NodeReport, Report};

const FORMAT: u32 = 1;

impl Serialize for NodeReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &*self.name)?;
        map.serialize_entry("outcome", &self.outcome)?;
        if let Some(reason) = &self.reason {
            map.serialize_entry("reason", reason)?;
        }
        if let Some(signature) = &self.signature {
            map.serialize_entry("signature", &signature.to_string())?;
        }
        if let Some(digest) = &self.digest {
            map.serialize_entry("digest", &digest.to_string())?;
        }
        if let Some(bytes) = self.bytes {
            map.serialize_entry("bytes", &bytes)?;
        }
        map.serialize_entry("elapsed_ms", &milliseconds(self.elapsed))?;
        map.serialize_entry("saved_ms", &milliseconds(self.saved))?;
        if let Some(items) = &self.items {
            map.serialize_entry("items", items)?;
        }
        if let Some(tier) = &self.tier {
            map.serialize_entry("tier", &**tier)?;
        }
        if let Some(note) = &self.note {
            map.serialize_entry("note", &**note)?;
        }
        if let Some(log) = &self.log {
            map.serialize_entry("log", &**log)?;
        }
        map.end()
    }
}

struct Nodes<'a>(&'a Report);

impl Serialize for Nodes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.graph.nodes.len()))?;
        for node in self.0.nodes() {
            seq.serialize_element(&node)?;
        }
        seq.end()
    }
}

struct Outputs<'a>(&'a Report);

impl Serialize for Outputs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for &node in self.0.targets.iter() {
            let entry = self.0.entry(node);
            let output = entry.and_then(|entry| Some((entry.digest?, entry.bytes?)));
            if let Some((digest, bytes)) = output {
                let output = serde_json::json!({"digest": digest.to_string(), "bytes": bytes});
                map.serialize_entry(self.0.graph.name_of(node), &output)?;
            }
        }
        map.end()
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format", &FORMAT)?;
        map.serialize_entry("run", &*self.run)?;
        map.serialize_entry("pipeline", &*self.graph.name)?;
        map.serialize_entry("revision", &self.revision)?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("elapsed_ms", &milliseconds(self.elapsed))?;
        map.serialize_entry("counts", &self.counts)?;
        map.serialize_entry("nodes", &Nodes(self))?;
        map.serialize_entry("outputs", &Outputs(self))?;
        let traffic = self.traffic();
        if !traffic.is_empty() {
            let tiers: Vec<_> = traffic.iter().map(tier).collect();
            map.serialize_entry("tiers", &tiers)?;
        }
        if !self.warnings.is_empty() {
            let warnings: Vec<&str> = self.warnings().collect();
            map.serialize_entry("warnings", &warnings)?;
        }
        map.end()
    }
}

/// What went to and came from a tier.
fn tier(traffic: &Traffic) -> serde_json::Value {
    serde_json::json!({
        "tier": &*traffic.tier,
        "records_down": traffic.records_down,
        "blobs_down": traffic.blobs_down,
        "bytes_down": traffic.bytes_down,
        "records_up": traffic.records_up,
        "blobs_up": traffic.blobs_up,
        "bytes_up": traffic.bytes_up,
    })
}

/// Milliseconds with microseconds as the fraction.
fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}
