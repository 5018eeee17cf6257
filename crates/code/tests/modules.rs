//! Other modules of the crate, at their levels.

mod fixture;

use fixture::{Fixture, listing, paths};

#[test]
fn levels_are_import_levels() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "mod a;\nmod b;\nmod c;\nuse crate::a::first;\n#[func] fn node() -> i32 { first() }\n#[func] fn other() -> i32 { 0 }\n",
        ),
        (
            "src/a.rs",
            "use super::b;\npub fn first() -> i32 { near() + b::second() }\nfn near() -> i32 { 1 }\npub fn unused() -> i32 { 9 }\n",
        ),
        (
            "src/b.rs",
            "pub fn second() -> i32 { self::SHIFT + crate::c::third() }\nconst SHIFT: i32 = 2;\n",
        ),
        ("src/c.rs", "pub fn third() -> i32 { 3 }\n"),
    ]);
    case.changes("node", 1, "src/a.rs", "i32 { 1 }", "i32 { 4 }");
    case.changes("node", 2, "src/b.rs", "i32 = 2", "i32 = 4");
    case.changes("node", 3, "src/c.rs", "{ 3 }", "{ 4 }");
    case.keeps("node", "src/a.rs", "{ 9 }", "{ 8 }");
    case.keeps("other", "src/a.rs", "i32 { 1 }", "i32 { 4 }");
    case.changes(
        "node",
        0,
        "src/lib.rs",
        "use crate::a::first;",
        "use crate::b::second as first;",
    );
}

#[test]
fn a_shorter_way_wins() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "mod a;\nmod b;\n#[func] fn node() -> i32 { a::f() + b::g() }\n",
        ),
        ("src/a.rs", "pub fn f() -> i32 { crate::b::g() }\n"),
        ("src/b.rs", "pub fn g() -> i32 { 1 }\n"),
    ]);
    case.changes("node", 1, "src/b.rs", "{ 1 }", "{ 2 }");
}

#[test]
fn inline_modules_mod_rs_and_path_attributes() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "mod outer { pub mod inner { pub const A: i32 = super::B; } const B: i32 = 2; mod far; pub use far::F; }\nmod dir;\nmod flat;\n#[path = \"odd/place.rs\"] mod odd;\nmod held { #[path = \"deep.rs\"] pub mod deep; }\n\
             #[func] fn node() -> i32 { outer::inner::A + outer::F + dir::D + flat::below::G + odd::O + held::deep::H }\n",
        ),
        ("src/outer/far.rs", "pub const F: i32 = 3;\n"),
        (
            "src/dir/mod.rs",
            "mod sub;\npub use sub::D;\npub const NOT: i32 = 9;\n",
        ),
        ("src/dir/sub.rs", "pub const D: i32 = 4;\n"),
        ("src/flat.rs", "pub mod below;\n"),
        ("src/flat/below.rs", "pub const G: i32 = 5;\n"),
        (
            "src/odd/place.rs",
            "mod next;\npub const O: i32 = next::N;\n",
        ),
        ("src/odd/next.rs", "pub const N: i32 = 6;\n"),
        ("src/held/deep.rs", "pub const H: i32 = 7;\n"),
    ]);
    case.changes(
        "node",
        1,
        "src/lib.rs",
        "A: i32 = super::B",
        "A: i32 = super::B + 1",
    );
    case.changes("node", 2, "src/lib.rs", "B: i32 = 2", "B: i32 = 3");
    case.changes("node", 1, "src/outer/far.rs", "= 3", "= 4");
    case.changes("node", 1, "src/dir/sub.rs", "= 4", "= 5");
    case.changes("node", 1, "src/flat/below.rs", "= 5", "= 6");
    case.changes("node", 2, "src/odd/next.rs", "= 6", "= 7");
    case.changes("node", 1, "src/held/deep.rs", "= 7", "= 8");
    case.keeps("node", "src/dir/mod.rs", "= 9", "= 8");
}

#[test]
fn every_cfg_variant_counts() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "#[cfg(unix)] mod sys { pub fn speed() -> i32 { 1 } }\n#[cfg(not(unix))] mod sys { pub fn speed() -> i32 { 2 } }\n\
             #[cfg(windows)] mod absent;\n#[cfg_attr(unix, path = \"u.rs\")] #[cfg_attr(windows, path = \"w.rs\")] mod port;\n\
             #[cfg(test)] const N: i32 = 3;\n#[cfg(not(test))] const N: i32 = 4;\n\
             #[func] fn node() -> i32 { sys::speed() + N + port::P }\n#[func] fn lost() -> i32 { absent::thing() }\n",
        ),
        ("src/u.rs", "pub const P: i32 = 5;\n"),
        ("src/w.rs", "pub const P: i32 = 6;\n"),
    ]);
    case.changes("node", 1, "src/lib.rs", "i32 { 1 }", "i32 { 7 }");
    case.changes("node", 1, "src/lib.rs", "i32 { 2 }", "i32 { 7 }");
    case.changes("node", 0, "src/lib.rs", "= 3", "= 7");
    case.changes("node", 0, "src/lib.rs", "= 4", "= 7");
    case.changes("node", 1, "src/u.rs", "= 5", "= 7");
    case.changes("node", 1, "src/w.rs", "= 6", "= 7");
    let code = case.whole("lost");
    assert!(
        paths(&code, 1).contains("module crate::absent (whole)"),
        "{}",
        listing(&code)
    );
}

#[test]
fn renames_groups_and_reexports() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "mod parts;\nmod front;\nmod swap;\nuse front::{self, score as rate, deep::{weigh, *}};\n\
             #[func] fn node() -> i32 { rate() + weigh() + front::plain() + hidden() }\n",
        ),
        (
            "src/front.rs",
            "pub use crate::parts::inner_score as score;\npub use crate::parts::plain;\npub mod deep { pub use crate::parts::{weigh, hidden}; }\npub use std::cmp::max as pick;\n",
        ),
        (
            "src/parts.rs",
            "pub fn inner_score() -> i32 { 1 }\npub fn weigh() -> i32 { 2 }\npub fn plain() -> i32 { 3 }\npub fn hidden() -> i32 { 4 }\npub fn other() -> i32 { 5 }\n",
        ),
        (
            "src/swap.rs",
            "use crate::front::pick;\n#[func] fn swapped() -> i32 { pick(1, 2) }\n",
        ),
    ]);
    for value in ["{ 1 }", "{ 2 }", "{ 3 }", "{ 4 }"] {
        case.changes("node", 1, "src/parts.rs", value, "{ 9 }");
    }
    case.keeps("node", "src/parts.rs", "{ 5 }", "{ 9 }");
    case.changes("swapped", 1, "src/front.rs", "cmp::max", "cmp::min");
    case.changes(
        "node",
        1,
        "src/front.rs",
        "inner_score as score",
        "other as score",
    );
}

#[test]
fn circles_of_reexports_end() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "mod a;\nmod b;\nuse a::*;\n#[func] fn node() -> i32 { f() + missing() }\n",
        ),
        ("src/a.rs", "pub use crate::b::*;\npub use self::f as g;\n"),
        (
            "src/b.rs",
            "pub use crate::a::*;\npub use super::*;\npub fn f() -> i32 { 1 }\n",
        ),
    ]);
    case.changes("node", 1, "src/b.rs", "{ 1 }", "{ 2 }");
}

#[test]
fn globs_lead_to_the_item_and_not_to_its_neighbours() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "mod one;\nmod two;\nuse one::*;\nuse two::*;\nfn f() -> i32 { 7 }\n#[func] fn node() -> i32 { f() + g() + h() }\n",
        ),
        (
            "src/one.rs",
            "pub fn g() -> i32 { 1 }\npub fn other() -> i32 { 2 }\n",
        ),
        (
            "src/two.rs",
            "pub fn h() -> i32 { 3 }\npub fn other2() -> i32 { 4 }\n",
        ),
    ]);
    case.changes("node", 1, "src/one.rs", "{ 1 }", "{ 9 }");
    case.changes("node", 1, "src/two.rs", "{ 3 }", "{ 9 }");
    case.changes("node", 0, "src/lib.rs", "{ 7 }", "{ 9 }");
    case.keeps("node", "src/one.rs", "{ 2 }", "{ 9 }");
    case.keeps("node", "src/two.rs", "{ 4 }", "{ 9 }");
}

#[test]
fn generated_items_count_for_what_may_be_theirs() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "mod generated;\nmod pasted;\nuse generated::*;\n#[func] fn node() -> i32 { made() }\n#[func] fn other() -> i32 { 1 }\n#[func] fn unknown() -> i32 { pasted::anything() }\n",
        ),
        (
            "src/generated.rs",
            "macro_rules! make { ($name:ident, $v:expr) => { pub fn $name() -> i32 { $v + BASE } } }\nconst BASE: i32 = 10;\nmake!(made, 1);\nmake!(apart, 2);\nmacro_rules! unused { () => { 3 } }\n",
        ),
        (
            "src/pasted.rs",
            "paste::paste! { pub fn [<any thing>]() -> i32 { 5 } }\npub fn shown() -> i32 { 6 }\n",
        ),
    ]);
    case.changes("node", 1, "src/generated.rs", "made, 1", "made, 4");
    case.changes("node", 1, "src/generated.rs", "$v + BASE", "$v - BASE");
    case.changes("node", 1, "src/generated.rs", "= 10", "= 11");
    case.keeps("node", "src/generated.rs", "apart, 2", "apart, 4");
    case.keeps("node", "src/generated.rs", "{ 3 }", "{ 4 }");
    case.keeps("other", "src/generated.rs", "made, 1", "made, 4");
    case.changes("unknown", 1, "src/pasted.rs", "{ 5 }", "{ 7 }");
    case.keeps("unknown", "src/pasted.rs", "{ 6 }", "{ 7 }");
}

#[test]
fn impls_made_by_macros_come_with_the_type() {
    let case = Fixture::lib(
        "pub struct V(f64);\npub struct W(f64);\nmacro_rules! ops { ($t:ident, $k:expr) => { impl std::ops::Neg for $t { type Output = f64; fn neg(self) -> f64 { self.0 * $k } } } }\n\
         macro_rules! fixed { () => { impl Clone for V { fn clone(&self) -> V { V(7.0) } } } }\nops!(V, 2.0);\nops!(W, 3.0);\nfixed!();\n#[func] fn node(v: V) -> f64 { -v }\n",
    );
    case.changes("node", 0, "src/lib.rs", "(V, 2.0)", "(V, 4.0)");
    case.changes("node", 0, "src/lib.rs", "self.0 * $k", "self.0 + $k");
    case.changes("node", 0, "src/lib.rs", "V(7.0)", "V(8.0)");
    case.keeps("node", "src/lib.rs", "(W, 3.0)", "(W, 4.0)");
}

#[test]
fn included_and_broken_modules() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "mod held { include!(\"held.in\"); }\nmod broken;\n#[func] fn node() -> i32 { held::one() }\n#[func] fn lost() -> i32 { broken::any() }\n",
        ),
        (
            "src/held.in",
            "pub fn one() -> i32 { 1 }\npub fn two() -> i32 { 2 }\n",
        ),
        ("src/broken.rs", "pub fn any( -> i32 { 3 }\n"),
    ]);
    case.changes("node", 1, "src/held.in", "{ 1 }", "{ 9 }");
    case.keeps("node", "src/held.in", "{ 2 }", "{ 9 }");
    case.changes("lost", 1, "src/broken.rs", "{ 3 }", "{ 4 }");
    case.keeps("node", "src/broken.rs", "{ 3 }", "{ 4 }");
}

#[test]
fn impls_anywhere_in_the_crate_come_with_the_type() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "mod types;\nmod far;\nuse types::Doc;\n#[func] fn node(doc: &Doc) -> String { doc.to_string() }\n",
        ),
        (
            "src/types.rs",
            "pub struct Doc(pub u8);\npub struct Other;\n",
        ),
        (
            "src/far.rs",
            "use crate::types::{Doc, Other};\nimpl std::fmt::Display for Doc { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, \"doc\") } }\nimpl Drop for Other { fn drop(&mut self) { 1; } }\n",
        ),
    ]);
    case.changes("node", 1, "src/far.rs", "\"doc\"", "\"text\"");
    case.keeps("node", "src/far.rs", "{ 1; }", "{ 2; }");
}

#[test]
fn extension_traits_in_scope_by_name_by_glob_and_unnamed() {
    let files = |import: &str| {
        Fixture::new(&[
            (
                "src/lib.rs",
                &format!(
                    "mod ext;\n{import}\n#[func] fn node(x: i32) -> i32 {{ x.louder() }}\n#[func] fn calm(x: i32) -> i32 {{ x.abs() }}\n"
                ),
            ),
            (
                "src/ext.rs",
                "pub trait Loud { fn louder(&self) -> i32; }\nimpl Loud for i32 { fn louder(&self) -> i32 { self + 1 } }\npub trait Soft { fn softer(&self) -> i32 { 5 } }\n",
            ),
        ])
    };
    for import in ["use ext::Loud;", "use ext::*;", "use ext::Loud as _;"] {
        let case = files(import);
        case.changes("node", 1, "src/ext.rs", "self + 1", "self + 2");
        case.keeps("node", "src/ext.rs", "{ 5 }", "{ 6 }");
        case.keeps("calm", "src/ext.rs", "self + 1", "self + 2");
    }
}

#[test]
fn imports_inside_a_function() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "mod a;\n#[func] fn node() -> i32 { use crate::a::{f as g, Loud as _}; g().louder() }\n#[func] fn globbed() -> i32 { use a::*; f() }\n",
        ),
        (
            "src/a.rs",
            "pub fn f() -> i32 { 1 }\npub fn g() -> i32 { 2 }\npub trait Loud { fn louder(&self) -> i32; }\nimpl Loud for i32 { fn louder(&self) -> i32 { 3 } }\n",
        ),
    ]);
    case.changes("node", 1, "src/a.rs", "{ 1 }", "{ 9 }");
    case.keeps("node", "src/a.rs", "{ 2 }", "{ 9 }");
    case.changes("node", 1, "src/a.rs", "{ 3 }", "{ 9 }");
    case.changes("globbed", 1, "src/a.rs", "{ 1 }", "{ 9 }");
}

#[test]
fn exported_macros_and_nested_module_nodes() {
    let case = Fixture::new(&[
        ("src/lib.rs", "mod tools;\nmod steps;\n"),
        (
            "src/tools.rs",
            "#[macro_export]\nmacro_rules! double { ($x:expr) => { $crate::tools::twice($x) } }\npub fn twice(x: i32) -> i32 { x + x }\n",
        ),
        (
            "src/steps.rs",
            "pub mod inner {\n    use super::K;\n    #[func] fn node(x: i32) -> i32 { crate::double!(x) + K }\n}\nconst K: i32 = 1;\nconst L: i32 = 2;\n",
        ),
    ]);
    case.changes("node", 1, "src/tools.rs", "twice($x)", "twice($x + 1)");
    case.changes("node", 1, "src/tools.rs", "x + x", "x * 2");
    case.changes("node", 1, "src/steps.rs", "K: i32 = 1", "K: i32 = 3");
    case.keeps("node", "src/steps.rs", "L: i32 = 2", "L: i32 = 3");
    assert_eq!(
        case.whole("node").items[0].path,
        "crate::steps::inner::node"
    );
}

#[test]
fn derived_names_lead_to_the_item_that_derives_them() {
    let case = Fixture::lib(
        "#[derive(Builder)] pub struct Config { a: u8 }\n#[derive(Clone)] pub struct Plain { b: u8 }\n#[func] fn node() -> u8 { ConfigBuilder::new().a }\n#[func] fn calm(x: u8) -> u8 { x }\n",
    );
    case.changes("node", 0, "src/lib.rs", "a: u8", "a: u16");
    case.keeps("node", "src/lib.rs", "b: u8", "b: u16");
    case.keeps("calm", "src/lib.rs", "a: u8", "a: u16");
}

/// Each module sees all others through its parent: a search that walked every way would not end.
#[test]
fn many_modules_that_glob_one_another() {
    let mut files = vec![("src/lib.rs".to_owned(), String::new())];
    for n in 0..40 {
        files[0]
            .1
            .push_str(&format!("mod m{n};\npub use m{n}::*;\n"));
        let text = format!(
            "use super::*;\nuse crate::m{}::*;\npub fn f{n}(x: i32) -> i32 {{ f{}(x) + missing{n}(x) + {n} }}\n",
            (n + 7) % 40,
            (n + 1) % 40
        );
        files.push((format!("src/m{n}.rs"), text));
    }
    files[0]
        .1
        .push_str("#[func] fn node() -> i32 { f3(1) }\n#[func] fn other() -> i32 { 1 }\n");
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let case = Fixture::new(&files);
    case.changes("node", 1, "src/m3.rs", "+ 3 }", "+ 4 }");
    case.changes("node", 2, "src/m4.rs", "+ 4 }", "+ 5 }");
    case.keeps("other", "src/m3.rs", "+ 3 }", "+ 4 }");
}

#[test]
fn cfg_predicates_on_the_way_are_asked_of_the_compiler() {
    let case = Fixture::new(&[
        (
            "src/lib.rs",
            "#[cfg(unix)] mod sys;\n#[cfg(feature = \"fast\")] use sys::quick as speed;\n#[cfg(not(feature = \"fast\"))] use sys::slow as speed;\n#[cfg(test)] mod tests;\n\
             #[func] fn node() -> i32 { speed() + if cfg!(debug_assertions) { 1 } else { 2 } }\n#[func] fn other() -> i32 { 1 }\n",
        ),
        (
            "src/sys.rs",
            "pub fn quick() -> i32 { 1 }\npub fn slow() -> i32 { #[cfg(windows)] return 3; 2 }\n",
        ),
    ]);
    let found: Vec<(u32, String)> = case
        .whole("node")
        .conditions
        .into_iter()
        .map(|condition| (condition.level, condition.predicate))
        .collect();
    let predicates = [
        (0, "debug_assertions"),
        (0, "feature=\"fast\""),
        (0, "not(feature=\"fast\")"),
        (1, "unix"),
        (1, "windows"),
    ];
    assert_eq!(
        found,
        predicates.map(|(level, text)| (level, text.to_owned()))
    );
    assert_eq!(case.whole("other").conditions, []);
}
