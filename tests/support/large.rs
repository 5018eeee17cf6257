//! A small pipeline with a large output, for tests that harm its blob.

use std::path::Path;

use refrain::{CacheConfig, Node, Param, Pipeline, Runner};

use crate::support::Counter;

/// A runner that caches in `dir`.
pub fn runner(dir: &Path) -> Runner {
    Runner::new(CacheConfig::new(dir)).unwrap()
}

/// x -> big (a blob of its own) -> size
pub fn big_and_size(counter: &Counter) -> Pipeline {
    let (big, size) = (counter.clone(), counter.clone());
    Pipeline::new(vec![
        Node::named("big")
            .param(Param::of::<u8>("x"))
            .cached(move |args| {
                big.count("big");
                Ok(vec![*args.get::<u8>(0); 100_000])
            }),
        Node::named("size")
            .param(Param::new::<Vec<u8>>("big"))
            .param(Param::of::<usize>("scale"))
            .cached(move |args| {
                size.count("size");
                Ok(args.get::<Vec<u8>>(0).len() * args.get::<usize>(1))
            }),
    ])
    .unwrap()
}
