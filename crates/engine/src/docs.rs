//! The Rust blocks of the documentation, executed as doctests. Which pages
//! have to be here, and the blocks in other languages, are for `tests/docs.rs`.

#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc = include_str!("../../../docs/caching-guide.md")]
struct CachingGuide;

#[doc = include_str!("../../../docs/code-hashing.md")]
struct CodeHashing;
