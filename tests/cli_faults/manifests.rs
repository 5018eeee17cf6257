//! Manifests and requests that are wrong: all that is, where it is, and what
//! was meant instead, before anything runs.

use super::project;

#[test]
fn all_mistakes_of_a_manifest_are_told_at_once_where_they_are() {
    let desk = project(
        "[pipeline]\ntargets = [\"reprot\"]\n\
         [inputs]\ntext = { flie = \"a.txt\" }\n\
         [nodes.ran]\nrun = \"echo > ran\"\n\
         [nodes.report]\nrun = \"cat {txet} {output:list}\"\nto = \"build\"\ntimout = \"1s\"\n\
         [nodes.other]\nrun = \"echo\"\nto = \"build/./\"\n\
         [nodes.inner]\nrun = \"echo\"\nto = \"build/inner\"\n\
         [nodes.list]\nmap = { x = \"ran\" }\nrun = \"echo {x\"\n",
    );
    for command in ["run", "plan", "status"] {
        let said = desk.say([command]);
        assert_eq!((said.code, &*said.out), (Some(2), ""), "{command}");
        for part in [
            "refrain.toml:2:12",
            "did you mean \"report\"?",
            "refrain.toml:4:10",
            "did you mean \"file\"?",
            "refrain.toml:8:12",
            "did you mean \"text\"?",
            "refrain.toml:10:1",
            "did you mean \"timeout\"?",
            "nodes \"report\" and \"other\" are put in one place",
            "node \"inner\" is put inside of",
        ] {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
    }
    assert!(!desk.path("ran").exists() && !desk.path(".cache").exists());
}

#[test]
fn a_circle_is_told_all_around() {
    let desk = project(
        "[nodes.ran]\nrun = \"echo > ran\"\n\
         [nodes.a]\nrun = \"cat {b}\"\n[nodes.b]\nrun = \"cat {c}\"\n[nodes.c]\nrun = \"cat {a}\"\n\
         [nodes.self]\nrun = \"cat {self}\"\n",
    );
    let said = desk.say(["run", "ran"]);
    assert_eq!((said.code, &*said.out), (Some(2), ""));
    for part in ["a -> b -> c -> a", "self"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    assert!(!desk.path("ran").exists());
}

#[test]
fn what_is_asked_for_has_to_be_there() {
    let desk = project("inputs.size = 1\n[nodes.report]\nrun = \"echo {size} > ran; cat ran\"\n");
    for (arguments, why) in [
        (&["run", "reprot"][..], "did you mean \"report\"?"),
        (&["run", "size"], "no node gives \"size\""),
        (&["plan", "reprot"], "did you mean \"report\"?"),
        (&["get", "reprot"], "did you mean \"report\"?"),
        (&["why", "reprot"], "did you mean \"report\"?"),
        (&["run", "--force=reprot"], "did you mean \"report\"?"),
        (&["run", "--set", "szie=2"], "did you mean \"size\"?"),
        (&["run", "--set", "size"], "NAME=VALUE"),
        (&["log", "@"], "no run \"@\" is known here"),
        (&["diff"], "is known here"),
    ] {
        let said = desk.say(arguments);
        assert_eq!((said.code, &*said.out), (Some(2), ""), "{arguments:?}");
        assert!(said.err.contains(why), "{arguments:?}: {}", said.err);
    }
    assert!(!desk.path("ran").exists());
}
