//! Executing again what is remembered, to find what is no function of its inputs.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use refrain::{
    CacheConfig, Failure, Node, OutputPath, Param, PathKind, Pipeline, Runner, Verdict, files,
    inputs,
};

fn pipeline(executions: &Arc<AtomicUsize>) -> Pipeline {
    let count = |executions: &Arc<AtomicUsize>| {
        let executions = executions.clone();
        move || executions.fetch_add(1, Ordering::Relaxed)
    };
    let (steady, fickle, tree) = (count(executions), count(executions), count(executions));
    let steady = Node::named("steady").version("1").cached(move |_| {
        steady();
        Ok("steady".to_owned())
    });
    let fickle = Node::named("fickle")
        .param(Param::new::<String>("steady"))
        .version("1")
        .cached(move |args| Ok(format!("{} {}", args.get::<String>(0), fickle())));
    let failure = |e: std::io::Error| Failure::new(e.to_string());
    let tree = Node::named("tree")
        .version("1")
        .mapped()
        .over(Param::new::<Vec<PathBuf>>("texts"))
        .cached_path(PathKind::Dir, move |args| {
            let path = args.get::<PathBuf>(0);
            let scratch = args.execution().scratch().map_err(failure)?;
            let (dir, number) = (scratch.path().join("output"), tree());
            fs::create_dir_all(dir.join("sub")).map_err(failure)?;
            let text = match path.ends_with("b") {
                true => format!("text {number}"),
                false => "text".to_owned(),
            };
            fs::write(dir.join("sub/file"), text).map_err(failure)?;
            Ok(OutputPath::new(dir, scratch))
        });
    Pipeline::new(vec![steady, fickle, tree]).unwrap()
}

#[test]
fn what_differs_is_found_and_nothing_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        fs::write(dir.path().join(name), name).unwrap();
    }
    let executions = Arc::default();
    let pipeline = pipeline(&executions);
    let texts = ["a", "b"].map(|name| dir.path().join(name));
    let inputs = || inputs! { texts: files(&texts) };
    let runner = || Runner::new(CacheConfig::new(dir.path().join("cache"))).unwrap();
    let first = runner().run(&pipeline, inputs()).unwrap();
    let digest = |run: &refrain::Run| run.report().node("fickle").unwrap().digest;
    assert_eq!(executions.load(Ordering::Relaxed), 4);

    let told = runner().rerun(&pipeline, inputs(), |_| true).unwrap();
    assert_eq!(executions.load(Ordering::Relaxed), 8);
    let verdict = |ending: &str| {
        let found = told.iter().find(|rerun| rerun.node.ends_with(ending));
        found.unwrap().verdict.clone()
    };
    assert_eq!(told.len(), 4);
    assert_eq!(verdict("steady"), Verdict::Same);
    assert_eq!(verdict("a]"), Verdict::Same);
    let Verdict::Differs(place) = verdict("fickle") else {
        panic!("{told:?}")
    };
    assert!(place.starts_with("byte 7: 0x3"), "{place}");
    let Verdict::Differs(place) = verdict("b]") else {
        panic!("{told:?}")
    };
    assert!(place.starts_with("sub: file: byte 5: 0x3"), "{place}");

    let one = runner()
        .rerun(&pipeline, inputs(), |name| name == "steady")
        .unwrap();
    assert_eq!((one.len(), executions.load(Ordering::Relaxed)), (1, 9));
    let again = runner().run(&pipeline, inputs()).unwrap();
    assert_eq!(again.report().counts().executed, 0);
    assert_eq!(digest(&again), digest(&first));
}
