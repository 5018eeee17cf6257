//! Other crates: path dependencies, registry packages, and the targets of one package.

mod fixture;

use fixture::{Fixture, listing, paths};

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"alpha\", \"gamma\"]\n\n\
    [[package]]\nname = \"alpha\"\nversion = \"1.2.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\ndependencies = [\"beta\"]\n\n\
    [[package]]\nname = \"beta\"\nversion = \"0.5.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"\n\n\
    [[package]]\nname = \"gamma\"\nversion = \"3.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\"\n";

fn app(dependencies: &str) -> String {
    format!("[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{dependencies}")
}

fn package(name: &str, more: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}")
}

#[test]
fn path_dependencies_are_followed_item_by_item() {
    let case = Fixture::new(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"app\", \"my-dep\", \"deeper\"]\n"),
        ("app/Cargo.toml", &app("[dependencies]\nmy-dep = { path = \"../my-dep\" }\n")),
        ("app/src/lib.rs", "use my_dep::{helper, Doc};\n#[func] fn node(d: &Doc) -> i32 { helper() }\n#[func] fn other() -> i32 { 1 }\n"),
        ("my-dep/Cargo.toml", &package("my-dep", "[dependencies]\ndeeper = { path = \"../deeper\" }\n")),
        ("my-dep/src/lib.rs", "mod imp;\npub use imp::helper;\npub struct Doc;\nimpl Drop for Doc { fn drop(&mut self) { 5; } }\npub fn unused() -> i32 { 2 }\n"),
        ("my-dep/src/imp.rs", "pub fn helper() -> i32 { deeper::deep() + 3 }\n"),
        ("deeper/Cargo.toml", &package("deeper", "")),
        ("deeper/src/lib.rs", "pub fn deep() -> i32 { 4 }\n"),
    ])
    .package("app");
    case.changes("node", 1, "my-dep/src/imp.rs", "+ 3", "+ 4");
    case.changes("node", 1, "my-dep/src/lib.rs", "{ 5; }", "{ 6; }");
    case.changes("node", 2, "deeper/src/lib.rs", "{ 4 }", "{ 5 }");
    case.keeps("node", "my-dep/src/lib.rs", "{ 2 }", "{ 3 }");
    case.keeps("other", "my-dep/src/imp.rs", "+ 3", "+ 4");
    let code = case.whole("node");
    assert!(
        paths(&code, 1).contains("my_dep::imp::helper"),
        "{}",
        listing(&code)
    );
    assert!(
        code.files
            .iter()
            .any(|file| file.ends_with("deeper/src/lib.rs"))
    );
    assert!(
        code.items.iter().all(|item| !item.file.starts_with('/')),
        "{}",
        listing(&code)
    );
}

#[test]
fn inherited_renamed_and_platform_dependencies_and_lib_path() {
    let case = Fixture::new(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"app\", \"libs/*\"]\n[workspace.dependencies]\nshared = { path = \"libs/shared\" }\n"),
        (
            "app/Cargo.toml",
            &app("[dependencies]\nshared.workspace = true\nnick = { package = \"long-name\", path = \"../libs/long\" }\n[target.'cfg(unix)'.dependencies]\nport = { path = \"../libs/port\" }\n[dev-dependencies]\ntesting = { path = \"../libs/testing\" }\n"),
        ),
        ("app/src/lib.rs", "#[func] fn node() -> i32 { shared::s() + nick::n() + port::p() + testing::t() }\n"),
        ("libs/shared/Cargo.toml", &package("shared", "[lib]\npath = \"code/root.rs\"\n")),
        ("libs/shared/code/root.rs", "mod part;\npub use part::s;\n"),
        ("libs/shared/code/part.rs", "pub fn s() -> i32 { 1 }\npub fn x() -> i32 { 9 }\n"),
        ("libs/long/Cargo.toml", &package("long-name", "[lib]\nname = \"other_name\"\n")),
        ("libs/long/src/lib.rs", "pub fn n() -> i32 { 2 }\n"),
        ("libs/port/Cargo.toml", &package("port", "")),
        ("libs/port/src/lib.rs", "pub fn p() -> i32 { 3 }\n"),
        ("libs/testing/Cargo.toml", &package("testing", "")),
        ("libs/testing/src/lib.rs", "pub fn t() -> i32 { 4 }\n"),
    ])
    .package("app");
    case.changes("node", 1, "libs/shared/code/part.rs", "{ 1 }", "{ 7 }");
    case.keeps("node", "libs/shared/code/part.rs", "{ 9 }", "{ 7 }");
    case.changes("node", 1, "libs/long/src/lib.rs", "{ 2 }", "{ 7 }");
    case.changes("node", 1, "libs/port/src/lib.rs", "{ 3 }", "{ 7 }");
    case.changes("node", 1, "libs/testing/src/lib.rs", "{ 4 }", "{ 7 }");
}

#[test]
fn registry_packages_count_by_their_locked_version_and_what_is_below() {
    let case = Fixture::new(&[
        (
            "Cargo.toml",
            &app(
                "[dependencies]\nalpha = \"1\"\nnick = { package = \"gamma\", version = \"3\" }\nrefrain = \"0.1\"\n",
            ),
        ),
        ("Cargo.lock", LOCK),
        (
            "src/lib.rs",
            "use refrain::func;\nuse alpha::parse;\n#[func] fn node() -> i32 { parse() }\n#[func] fn renamed() -> i32 { nick::g() }\n#[func] fn neither() -> i32 { 1 }\n",
        ),
    ]);
    case.changes("node", 1, "Cargo.lock", "1.2.0", "1.2.1");
    case.changes("node", 1, "Cargo.lock", "bbbb", "dddd");
    case.changes("renamed", 1, "Cargo.lock", "cccc", "dddd");
    case.keeps("node", "Cargo.lock", "cccc", "dddd");
    case.keeps("neither", "Cargo.lock", "1.2.0", "1.2.1");
    let code = case.whole("node");
    let alpha = code
        .items
        .iter()
        .find(|item| item.path == "alpha 1.2.0")
        .expect("alpha is there");
    assert_eq!(
        (alpha.level, alpha.text.as_str()),
        (1, "alpha 1.2.0\nbeta 0.5.0\n")
    );
    assert!(
        code.items.iter().all(|item| !item.path.contains("refrain")),
        "{}",
        listing(&code)
    );
}

#[test]
fn traits_of_registry_packages_count_for_method_calls() {
    let case = Fixture::new(&[
        (
            "Cargo.toml",
            &app("[dependencies]\nalpha = \"1\"\ngamma = \"3\"\n"),
        ),
        ("Cargo.lock", LOCK),
        (
            "src/lib.rs",
            "mod globbed;\nuse alpha::Ext;\n#[func] fn node(x: i32) -> i32 { x.extend_it() }\n#[func] fn plain(x: i32) -> i32 { x + 1 }\n",
        ),
        (
            "src/globbed.rs",
            "use gamma::prelude::*;\n#[func] fn other(x: i32) -> i32 { x + 1 }\n",
        ),
    ]);
    case.changes(
        "node",
        0,
        "src/lib.rs",
        "use alpha::Ext;",
        "use gamma::Ext;",
    );
    case.changes("node", 1, "Cargo.lock", "1.2.0", "1.2.1");
    case.keeps("plain", "Cargo.lock", "1.2.0", "1.2.1");
    case.changes("other", 1, "Cargo.lock", "cccc", "dddd");
}

#[test]
fn a_patched_package_is_followed_in_its_directory() {
    let lock = LOCK.replace("name = \"gamma\"\nversion = \"3.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\"\n", "name = \"gamma\"\nversion = \"3.0.0\"\n");
    let case = Fixture::new(&[
        (
            "Cargo.toml",
            &app(
                "[dependencies]\ngamma = \"3\"\n[patch.crates-io]\ngamma = { path = \"patched\" }\n",
            ),
        ),
        ("Cargo.lock", &lock),
        ("src/lib.rs", "#[func] fn node() -> i32 { gamma::g() }\n"),
        ("patched/Cargo.toml", &package("gamma", "")),
        ("patched/src/lib.rs", "pub fn g() -> i32 { 1 }\n"),
    ]);
    case.changes("node", 1, "patched/src/lib.rs", "{ 1 }", "{ 2 }");
}

#[test]
fn procedural_macros_of_the_workspace_count_whole() {
    let case = Fixture::new(&[
        (
            "Cargo.toml",
            &app("[dependencies]\nmaking = { path = \"making\" }\n"),
        ),
        (
            "src/lib.rs",
            "use making::Make;\n#[derive(Make)] pub struct A;\npub struct B;\n#[func] fn node() -> A { A }\n#[func] fn other() -> B { B }\n",
        ),
        (
            "making/Cargo.toml",
            &package("making", "[lib]\nproc-macro = true\n"),
        ),
        (
            "making/src/lib.rs",
            "mod imp;\n#[proc_macro_derive(Make)] pub fn make(t: TokenStream) -> TokenStream { imp::make(t) }\n",
        ),
        (
            "making/src/imp.rs",
            "pub fn make(t: TokenStream) -> TokenStream { quote!(1) }\n",
        ),
    ]);
    case.changes("node", 1, "making/src/imp.rs", "quote!(1)", "quote!(2)");
    case.keeps(
        "node",
        "making/src/imp.rs",
        "pub fn make",
        "/* note */ pub fn make",
    );
    case.keeps("other", "making/src/imp.rs", "quote!(1)", "quote!(2)");
}

#[test]
fn examples_tests_and_binaries_follow_the_library() {
    let files: &[(&str, &str)] = &[
        (
            "Cargo.toml",
            "[package]\nname = \"my-app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[[example]]\nname = \"odd\"\npath = \"odd/here.rs\"\n",
        ),
        (
            "src/lib.rs",
            "pub fn helper() -> i32 { 1 }\npub fn unused() -> i32 { 2 }\n",
        ),
        ("src/main.rs", "mod part;\nfn main() {}\n"),
        (
            "src/part.rs",
            "#[func] fn in_bin() -> i32 { my_app::helper() }\n",
        ),
        (
            "src/bin/tool.rs",
            "#[func] fn in_tool() -> i32 { my_app::helper() }\n",
        ),
        ("examples/show/main.rs", "mod steps;\nfn main() {}\n"),
        (
            "examples/show/steps.rs",
            "#[func] fn in_example() -> i32 { my_app::helper() }\n",
        ),
        (
            "odd/here.rs",
            "#[func] fn in_odd() -> i32 { my_app::helper() }\n",
        ),
        (
            "tests/check.rs",
            "#[func] fn in_test() -> i32 { my_app::helper() }\n",
        ),
        (
            "benches/speed.rs",
            "#[func] fn in_bench() -> i32 { my_app::helper() }\n",
        ),
    ];
    for (node, krate, bin) in [
        ("in_bin", "my_app", Some("my-app")),
        ("in_tool", "tool", Some("tool")),
        ("in_example", "show", Some("show")),
        ("in_odd", "odd", None),
        ("in_test", "check", None),
        ("in_bench", "speed", None),
    ] {
        let case = Fixture::new(files).target(krate, bin);
        case.changes(node, 1, "src/lib.rs", "{ 1 }", "{ 3 }");
        case.keeps(node, "src/lib.rs", "{ 2 }", "{ 3 }");
    }
}

#[test]
fn what_is_not_found_is_the_function_alone_and_says_so() {
    let case = Fixture::new(&[
        ("src/lib.rs", "pub fn x() {}\n"),
        ("stray/file.rs", "#[func] fn node() -> i32 { 1 }\n"),
    ]);
    let reason = case.code("node").incomplete.expect("not a module");
    assert!(
        reason.contains("stray/file.rs") && reason.contains("`app`"),
        "{reason}"
    );
    let case = Fixture::lib(
        "macro_rules! nodes { ($($t:tt)*) => { $($t)* } }\nnodes! {\n#[func] fn node() -> i32 { 1 }\n}\n",
    );
    let reason = case.code("node").incomplete.expect("in a macro");
    assert!(reason.contains("src/lib.rs:3"), "{reason}");
}

#[test]
fn the_edition_decides_what_tokens_mean() {
    let case = Fixture::lib("#[func] fn node() -> i32 { 1 }\n");
    case.changes("node", 0, "Cargo.toml", "2024", "2021");
}

#[test]
fn features_asked_of_a_dependency_count_with_it() {
    let manifest = "[features]\ndefault = [\"swift\"]\nswift = [\"my-dep/fast\"]\nloud = []\n[dependencies]\n\
        my-dep = { path = \"my-dep\", features = [\"wide\"] }\nalpha = { version = \"1\", features = [\"std\"] }\ngamma = \"3\"\n";
    let case = Fixture::new(&[
        ("Cargo.toml", &app(manifest)),
        ("Cargo.lock", LOCK),
        (
            "src/lib.rs",
            "#[func] fn node() -> i32 { my_dep::f() }\n#[func] fn locked() -> i32 { alpha::a() }\n#[func] fn neither() -> i32 { gamma::g() }\n",
        ),
        (
            "my-dep/Cargo.toml",
            &package("my-dep", "[features]\ndefault = []\nwide = []\nfast = []\n"),
        ),
        (
            "my-dep/src/lib.rs",
            "pub fn f() -> i32 { if cfg!(feature = \"wide\") { 1 } else { 2 } }\n",
        ),
    ]);
    let (wide, std) = ("features = [\"wide\"]", "features = [\"std\"]");
    case.changes("node", 1, "Cargo.toml", wide, "features = []");
    case.changes("node", 1, "Cargo.toml", wide, "default-features = false");
    case.changes(
        "node",
        1,
        "my-dep/Cargo.toml",
        "default = []",
        "default = [\"wide\"]",
    );
    case.keeps("node", "Cargo.toml", std, "features = []");
    case.changes("locked", 1, "Cargo.toml", std, "features = []");
    case.keeps("neither", "Cargo.toml", wide, "features = []");
    let asked = |node: &str| {
        let conditions = case.whole(node).conditions.into_iter();
        conditions
            .map(|condition| condition.predicate)
            .collect::<Vec<_>>()
    };
    assert_eq!(asked("node"), ["feature=\"default\"", "feature=\"swift\""]);
    assert_eq!(asked("locked"), [""; 0]);
}
