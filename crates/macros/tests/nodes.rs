//! What `#[func]` accepts: every way to take a parameter, and the function stays a function.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use refrain::function::Func as _;
use refrain::{func, functions};

mod steps {
    use refrain::func;

    #[func(
        output = "joined",
        cache,
        cache_key = "v1",
        retries = 2,
        timeout = "5m"
    )]
    pub fn join(words: &[String], sep: &str) -> String {
        words.join(sep)
    }
}

#[func]
#[expect(clippy::too_many_arguments)]
fn every_kind(
    owned: u32,
    borrowed: &Vec<u8>,
    text: &str,
    slice: &[f64],
    path: &Path,
    mut shared: Arc<String>,
    #[default(5)] offset: i64,
    #[default("mini")] model: &str,
    #[default([1, 2])] sizes: &[u8],
    #[default("data")] dir: &Path,
    r#type: Option<u8>,
) -> io::Result<String> {
    Arc::make_mut(&mut shared).push('!');
    Ok(format!(
        "{owned} {borrowed:?} {text} {slice:?} {path:?} {shared} {offset} {model} {sizes:?} {dir:?} {:?}",
        r#type
    ))
}

#[func]
fn args() -> u8 {
    1
}

#[func]
fn result(args: u8) -> Result<u8, String> {
    Ok(args)
}

#[cfg(any())]
#[func]
fn absent() -> Nothing {
    nothing()
}

#[func]
#[cfg(any())]
fn absent_after() -> Nothing {
    nothing()
}

#[test]
fn functions_are_still_functions() {
    let text = every_kind(
        1,
        &vec![2],
        "t",
        &[0.5],
        Path::new("p"),
        Arc::new("s".into()),
        5,
        "m",
        &[],
        &PathBuf::from("d"),
        None,
    );
    assert_eq!(text.unwrap(), "1 [2] t [0.5] \"p\" s! 5 m [] \"d\" None");
    assert_eq!(steps::join(&["a".into(), "b".into()], "-"), "a-b");
    assert_eq!(result(args()), Ok(1));
}

#[test]
fn nodes_carry_the_output_name() {
    let nodes = functions![every_kind, steps::join, args, result];
    let names: Vec<&str> = nodes.iter().map(|node| node.name()).collect();
    assert_eq!(names, ["every_kind", "joined", "args", "result"]);
}

#[test]
fn a_node_inside_a_function() {
    #[func]
    fn inner(x: u8) -> u8 {
        x
    }
    assert_eq!(inner::node().name(), "inner");
}
