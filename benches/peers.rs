//! Snakemake and DVC, where they are installed, on the tree of commands. They take minutes.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::{
    JOBS, Project, SMALL, Tree, is_there, median, ms, refrain, side_by_side, tree_manifest,
};

/// Both on the tree, which refrain has beside them.
pub fn slow_peers(scratch: &Path) {
    let tree = Tree { nodes: SMALL };
    let ours = refrain(&scratch.join("tree"), &tree_manifest(tree));
    let (mine, _) = side_by_side(&ours, None, 11, |_, _| {});
    for (name, peer) in [
        ("Snakemake", snakemake(tree, scratch)),
        ("DVC", dvc(tree, scratch)),
    ] {
        let Some(peer) = peer else {
            println!("{name} is not installed");
            continue;
        };
        peer.sources(tree.leaves());
        let first = peer.run();
        let theirs = median((0..3).map(|_| peer.run()).collect());
        let times = theirs.as_secs_f64() / mine.as_secs_f64();
        println!(
            "{name}: executed in {}, unchanged {}, {times:.0} times refrain's",
            ms(first),
            ms(theirs)
        );
    }
}

fn snakemake(tree: Tree, scratch: &Path) -> Option<Project> {
    let mut text = format!("rule all:\n    input: \"n/{}\"\n", tree.last());
    text += "rule copy:\n    input: \"s/{i}\"\n    output: \"leaf/{i}\"\n    shell: \"cp {input} {output}\"\n";
    for (node, joined) in tree.joins() {
        let of = |n: usize| match n < tree.leaves() {
            true => format!("\"leaf/{n}\""),
            false => format!("\"n/{n}\""),
        };
        let names: Vec<String> = joined.map(of).collect();
        let names = names.join(", ");
        write!(
            text,
            "rule n{node}:\n    input: {names}\n    output: \"n/{node}\"\n    shell: \"cat {{input}} > {{output}}\"\n"
        )
        .expect("memory");
    }
    let command = ["snakemake", "--cores", JOBS, "--quiet", "all"];
    let project = Project::new(scratch.join("snakemake"), &command);
    project.write("Snakefile", &text);
    is_there("snakemake").then_some(project)
}

fn dvc(tree: Tree, scratch: &Path) -> Option<Project> {
    let mut text = String::from("stages:\n");
    let mut stage = |node: usize, command: &str, deps: Vec<String>| {
        let deps = deps.join(", ");
        writeln!(
            text,
            "  n{node}:\n    cmd: {command}\n    deps: [{deps}]\n    outs: [n{node}]"
        )
        .expect("memory");
    };
    for leaf in 0..tree.leaves() {
        stage(
            leaf,
            &format!("cp s/{leaf} n{leaf}"),
            vec![format!("s/{leaf}")],
        );
    }
    for (node, joined) in tree.joins() {
        let deps: Vec<String> = joined.map(|n| format!("n{n}")).collect();
        stage(node, &format!("cat {} > n{node}", deps.join(" ")), deps);
    }
    if !is_there("dvc") {
        return None;
    }
    let project = Project::new(scratch.join("dvc"), &["dvc", "repro", "--quiet"]);
    project.write("dvc.yaml", &text);
    for words in [
        &["init", "--no-scm", "-q"][..],
        &["config", "core.analytics", "false"],
    ] {
        let mut dvc = Command::new("dvc");
        let status = dvc.args(words).current_dir(&project.dir).status();
        assert!(status.expect("a process").success());
    }
    Some(project)
}
