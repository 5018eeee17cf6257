use refrain::func;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Document {
    id: u32,
}

#[derive(serde::Serialize)]
struct Unclonable;

#[func(map_axis = "dox in docs")]
fn misspelt(doc: &Document) -> u32 {
    doc.id
}

#[func(map_axis = "doc of docs")]
fn no_list(doc: &Document) -> u32 {
    doc.id
}

#[func(map_axis = "doc in docs, doc in others")]
fn twice(doc: &Document) -> u32 {
    doc.id
}

#[func(map_axis = "x in numbers")]
fn default(#[default(5)] x: u32) -> u32 {
    x
}

#[func(key_attr = "id", batch = 5)]
fn not_mapped(docs: &[Document]) -> u32 {
    docs[0].id
}

#[func(map_axis = "doc in docs", key_attr = "doc id")]
fn no_field(doc: &Document) -> u32 {
    doc.id
}

#[func(map_axis = "doc in docs", key_attr = "x.id")]
fn no_item(doc: &Document, x: &Document) -> u32 {
    doc.id + x.id
}

#[func(map_axis = "doc in docs", batch = 0)]
fn no_batch(doc: &Document) -> u32 {
    doc.id
}

#[func(map_axis = "doc in docs", batch = 5)]
fn no_slice(doc: &Document) -> u32 {
    doc.id
}

#[func(map_axis = "doc in docs", key_attr = "name")]
fn unknown_field(doc: &Document) -> u32 {
    doc.id
}

#[func(map_axis = "item in list")]
fn no_clone(item: &Unclonable) -> u32 {
    let _ = item;
    1
}

fn main() {}
