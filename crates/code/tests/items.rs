//! Every kind of item, in the function's own module.

mod fixture;

use fixture::{Fixture, listing, paths};

#[test]
fn the_function_comes_first_and_counts() {
    let case = Fixture::lib(
        "#[func] fn node(x: i32) -> i32 { x + 1 }\n#[func] fn other(x: i32) -> i32 { x * 1 }\n",
    );
    let code = case.whole("node");
    assert_eq!(code.items[0].path, "crate::node");
    assert_eq!(
        (code.items[0].file.as_str(), code.items[0].line),
        ("src/lib.rs", 1)
    );
    assert_eq!(
        code.items[0].text,
        "fn node(x: i32) -> i32 {\n    x + 1\n}\n"
    );
    case.changes("node", 0, "src/lib.rs", "x + 1", "x + 2");
    case.keeps("node", "src/lib.rs", "x * 1", "x * 2");
    case.keeps(
        "node",
        "src/lib.rs",
        "#[func] fn node",
        "#[func(cache, cache_key = \"v2\")] fn node",
    );
}

#[test]
fn formatting_and_comments_change_nothing() {
    let case = Fixture::lib(
        "/// What it does.\n#[func]\nfn node(x: i32) -> i32 { helper(x) } // one\n/// Help.\nfn helper(x: i32) -> i32 { x+1 }\n",
    );
    case.keeps("node", "src/lib.rs", "{ x+1 }", "{\n    /* why */ x + 1\n}");
    case.keeps(
        "node",
        "src/lib.rs",
        "/// Help.",
        "/// Other help.\n/// More of it.",
    );
    case.keeps("node", "src/lib.rs", "// one", "// two");
    case.keeps("node", "src/lib.rs", "What it does", "What it really does");
    case.changes("node", 0, "src/lib.rs", "x+1", "x-1");
}

#[test]
fn constants_and_statics() {
    let case = Fixture::lib(
        "const SCALE: i32 = BASE * 2;\nconst BASE: i32 = 3;\nstatic NAME: &str = \"a\";\nconst UNUSED: i32 = 9;\n\
         #[func] fn node() -> i32 { SCALE + NAME.len() as i32 }\n",
    );
    case.changes("node", 0, "src/lib.rs", "BASE * 2", "BASE * 4");
    case.changes("node", 0, "src/lib.rs", "i32 = 3", "i32 = 5");
    case.changes("node", 0, "src/lib.rs", "\"a\"", "\"b\"");
    case.keeps("node", "src/lib.rs", "i32 = 9", "i32 = 8");
}

#[test]
fn helpers_generic_async_recursive_and_in_closures() {
    let case = Fixture::lib(
        "fn twice<T: Copy + std::ops::Add<Output = T>>(x: T) -> T { x + x }\n\
         async fn later(x: i32) -> i32 { x + 10 }\n\
         fn even(x: i32) -> bool { x == 0 || odd(x - 1) }\nfn odd(x: i32) -> bool { x != 0 && even(x - 1) }\n\
         fn inside(x: i32) -> i32 { x + 100 }\nfn unused(x: i32) -> i32 { x + 1000 }\n\
         #[func] fn node(xs: Vec<i32>) -> bool { let f = |x| inside(x); drop(later(1)); even(twice(f(xs[0]))) }\n",
    );
    case.changes("node", 0, "src/lib.rs", "x + x", "x + x + x");
    case.changes("node", 0, "src/lib.rs", "x + 10 }", "x + 11 }");
    case.changes("node", 0, "src/lib.rs", "x != 0", "x > 0");
    case.changes("node", 0, "src/lib.rs", "x + 100 }", "x + 101 }");
    case.keeps("node", "src/lib.rs", "x + 1000", "x + 1001");
}

#[test]
fn a_function_passed_by_name() {
    let case = Fixture::lib(
        "fn score(x: &i32) -> i32 { -x }\nfn rank(x: &i32) -> i32 { *x }\n#[func] fn node(mut xs: Vec<i32>) -> Vec<i32> { xs.sort_by_key(score); xs }\n",
    );
    case.changes("node", 0, "src/lib.rs", "{ -x }", "{ x * -1 }");
    case.keeps("node", "src/lib.rs", "{ *x }", "{ x + 0 }");
}

#[test]
fn types_in_the_signature_and_their_impls() {
    let case = Fixture::lib(
        "pub struct Doc { pub text: Text }\npub struct Text(String);\npub struct Unused(u8);\n\
         impl Doc { pub fn words(&self) -> usize { self.text.0.split(' ').count() } }\n\
         impl Text { fn private(&self) -> usize { 1 } }\nimpl Unused { fn f(&self) -> u8 { 2 } }\n\
         #[func] fn node(doc: &Doc) -> usize { doc.words() }\n#[func] fn lonely(x: i32) -> i32 { x }\n",
    );
    case.changes("node", 0, "src/lib.rs", "split(' ')", "split(',')");
    case.changes("node", 0, "src/lib.rs", "Text(String)", "Text(Box<str>)");
    case.changes("node", 0, "src/lib.rs", "usize { 1 }", "usize { 3 }");
    case.keeps("node", "src/lib.rs", "u8 { 2 }", "u8 { 3 }");
    case.keeps("lonely", "src/lib.rs", "split(' ')", "split(',')");
}

#[test]
fn traits_operators_drop_deref_and_conversions() {
    let case = Fixture::lib(
        "use std::ops::{Add, Deref};\n#[derive(Clone, Copy)] pub struct Vec2(f64, f64);\n\
         impl Add for Vec2 { type Output = Vec2; fn add(self, o: Vec2) -> Vec2 { Vec2(self.0 + o.0, self.1) } }\n\
         impl Drop for Guard { fn drop(&mut self) { log(1); } }\npub struct Guard;\nfn log(x: i32) { print!(\"{x}{}\", 7); }\n\
         impl Deref for Guard { type Target = Vec2; fn deref(&self) -> &Vec2 { &ORIGIN } }\nstatic ORIGIN: Vec2 = Vec2(0.0, 0.5);\n\
         impl From<Vec2> for f64 { fn from(v: Vec2) -> f64 { v.0 * 3.0 } }\nimpl From<i8> for Vec2 { fn from(x: i8) -> Vec2 { Vec2(x as f64, 4.0) } }\n\
         struct Other; impl Add for Other { type Output = i32; fn add(self, _: Other) -> i32 { 5 } }\n\
         #[func] fn node(a: Vec2) -> f64 { let _g = Guard; (a + a).into() }\n",
    );
    case.changes("node", 0, "src/lib.rs", "self.0 + o.0", "self.0 - o.0");
    case.changes("node", 0, "src/lib.rs", "log(1)", "log(2)");
    case.changes("node", 0, "src/lib.rs", "{}\", 7", "{}\", 8");
    case.changes("node", 0, "src/lib.rs", "0.0, 0.5", "0.0, 0.6");
    case.changes("node", 0, "src/lib.rs", "v.0 * 3.0", "v.0 * 4.0");
    case.changes("node", 0, "src/lib.rs", "as f64, 4.0", "as f64, 5.0");
    case.keeps("node", "src/lib.rs", "i32 { 5 }", "i32 { 6 }");
    let code = case.whole("node");
    assert!(
        paths(&code, 0).contains("crate::Vec2 (impl Add)"),
        "{}",
        listing(&code)
    );
    assert!(
        paths(&code, 0).contains("crate::f64 (impl From<Vec2>)"),
        "{}",
        listing(&code)
    );
}

#[test]
fn traits_with_default_methods_extension_and_blanket_impls() {
    let case = Fixture::lib(
        "trait Shout { fn loud(&self) -> String where Self: ToString { format!(\"{}!\", self.to_string()) } }\n\
         impl<T: std::fmt::Display> Shout for T {}\n\
         trait Quiet { fn soft(&self) -> i32; }\nimpl Quiet for str { fn soft(&self) -> i32 { 1 } }\n\
         trait Sup { fn base(&self) -> i32 { 20 } }\ntrait Sub: Sup { fn top(&self) -> i32 { self.base() } }\nimpl Sup for u8 {}\nimpl Sub for u8 {}\n\
         #[func] fn node(x: i32) -> String { x.loud() }\n#[func] fn generic(x: u8) -> i32 { call(x) }\nfn call<T: Sub>(x: T) -> i32 { x.top() }\n",
    );
    case.changes("node", 0, "src/lib.rs", "{}!", "{}!!");
    case.changes(
        "node",
        0,
        "src/lib.rs",
        "Shout for T {}",
        "Shout for T where T: Send {}",
    );
    case.keeps("node", "src/lib.rs", "i32 { 1 }", "i32 { 2 }");
    case.changes("generic", 0, "src/lib.rs", "i32 { 20 }", "i32 { 21 }");
}

#[test]
fn enums_their_variants_and_type_aliases() {
    let case = Fixture::lib(
        "pub enum Kind { Flat, Tree }\nimpl Kind { fn cost(&self) -> i32 { match self { Kind::Flat => 1, Kind::Tree => 2 } } }\n\
         use Kind::*;\ntype Pair = (i32, Alias);\ntype Alias = u8;\ntype Unused = u16;\n\
         #[func] fn node() -> Pair { (Flat.cost(), 0) }\n#[func] fn plain() -> i32 { 1 }\n",
    );
    case.changes("node", 0, "src/lib.rs", "Flat => 1", "Flat => 3");
    case.changes("node", 0, "src/lib.rs", "Flat, Tree", "Flat, Tree, Bush");
    case.changes("node", 0, "src/lib.rs", "Alias = u8", "Alias = u32");
    case.keeps("node", "src/lib.rs", "Unused = u16", "Unused = u32");
    case.keeps("plain", "src/lib.rs", "Flat => 1", "Flat => 3");
}

#[test]
fn macros_by_example() {
    let case = Fixture::lib(
        "const FACTOR: i32 = 2;\nmacro_rules! scale { ($x:expr) => { inner!($x) * FACTOR } }\nmacro_rules! inner { ($x:expr) => { $x + 1 } }\nmacro_rules! unused { () => { 5 } }\n\
         #[func] fn node(x: i32) -> i32 { scale!(x) }\n",
    );
    case.changes("node", 0, "src/lib.rs", "$x + 1", "$x + 2");
    case.changes("node", 0, "src/lib.rs", "i32 = 2", "i32 = 3");
    case.keeps("node", "src/lib.rs", "{ 5 }", "{ 6 }");
}

#[test]
fn what_a_macro_names_is_looked_up_where_it_is_used() {
    let case = Fixture::new(&[
        ("src/lib.rs", "#[macro_use] mod scaling;\nmod work;\n"),
        (
            "src/scaling.rs",
            "macro_rules! scale { ($x:expr) => { $x * FACTOR } }\n",
        ),
        (
            "src/work.rs",
            "const FACTOR: i32 = 2;\nconst OTHER: i32 = 5;\n#[func] fn node(x: i32) -> i32 { scale!(x) }\n",
        ),
    ]);
    case.changes(
        "node",
        0,
        "src/work.rs",
        "FACTOR: i32 = 2",
        "FACTOR: i32 = 3",
    );
    case.changes("node", 1, "src/scaling.rs", "$x * FACTOR", "$x + FACTOR");
    case.keeps("node", "src/work.rs", "i32 = 5", "i32 = 6");
}

#[test]
fn names_in_format_strings_and_attribute_strings() {
    let case = Fixture::lib(
        "const WIDTH: usize = 4;\nconst UNIT: &str = \"kg\";\nconst OTHER: usize = 5;\n\
         mod codec { pub fn serialize() -> u8 { 1 } pub fn helper() -> u8 { 2 } }\nfn fallback() -> u8 { 3 }\n\
         #[derive(Serialize)] pub struct Row { #[serde(with = \"codec\")] a: u8, #[serde(default = \"fallback\")] b: u8 }\n\
         #[func] fn node(x: i32) -> String { format!(\"{x:WIDTH$} {UNIT}\") }\n#[func] fn rows() -> Vec<Row> { vec![] }\n",
    );
    case.changes("node", 0, "src/lib.rs", "usize = 4", "usize = 6");
    case.changes("node", 0, "src/lib.rs", "kg", "g");
    case.keeps("node", "src/lib.rs", "usize = 5", "usize = 6");
    case.changes("rows", 1, "src/lib.rs", "u8 { 1 }", "u8 { 4 }");
    case.changes("rows", 0, "src/lib.rs", "u8 { 3 }", "u8 { 4 }");
}

#[test]
fn defaults_of_parameters() {
    let case = Fixture::lib(
        "const LIMIT: i64 = 5;\n#[func] fn node(#[default(LIMIT + 1)] limit: i64) -> i64 { limit }\n",
    );
    case.changes("node", 0, "src/lib.rs", "LIMIT + 1", "LIMIT + 2");
    case.changes("node", 0, "src/lib.rs", "i64 = 5", "i64 = 6");
}

#[test]
fn a_local_name_is_not_the_function_of_that_name() {
    let case = Fixture::lib(
        "#[func] fn corpus() -> Vec<String> { vec![\"a\".into()] }\npub struct Doc { tokens: u8 }\nconst limit: u8 = 3;\n\
         #[func] fn tokens(corpus: &[String]) -> usize { let n = |corpus: &[String]| corpus.len(); println!(\"{}\", corpus.len()); n(corpus) }\n\
         #[func] fn index(tokens: usize) -> Doc { let mut doc = Doc { tokens: 0 }; doc.tokens = tokens as u8; match 3 { limit => doc, _ => doc } }\n\
         #[func] fn calls() -> usize { let corpus = corpus(); corpus.len() }\n",
    );
    case.keeps("tokens", "src/lib.rs", "\"a\"", "\"b\"");
    case.keeps("index", "src/lib.rs", "let n =", "let m =");
    case.changes("index", 0, "src/lib.rs", "u8 = 3", "u8 = 4");
    case.changes("calls", 0, "src/lib.rs", "\"a\"", "\"b\"");
}

#[test]
fn a_node_used_as_a_helper_counts_as_any_function() {
    let case = Fixture::lib(
        "#[func] fn base() -> i32 { 1 }\n#[func] fn node() -> i32 { base() + 1 }\n#[func] fn apart(base: i32) -> i32 { base }\n",
    );
    case.changes("node", 0, "src/lib.rs", "i32 { 1 }", "i32 { 2 }");
    case.keeps(
        "node",
        "src/lib.rs",
        "#[func] fn base",
        "#[func(cache)] fn base",
    );
    case.keeps("apart", "src/lib.rs", "i32 { 1 }", "i32 { 2 }");
}

#[test]
fn common_methods_do_not_tie_a_file_together() {
    let case = Fixture::lib(
        "pub struct Stack(Vec<i32>);\nimpl Stack { pub fn push(&mut self, x: i32) { self.0.push(x + 1) } pub fn weigh(&self) -> i32 { 7 } }\n\
         #[func] fn node(xs: Vec<i32>) -> Vec<i32> { let mut ys = vec![]; ys.push(xs.len()); xs }\n\
         #[func] fn stacked(s: &Stack) -> usize { s.0.len() }\n#[func] fn by_name() -> i32 { made().weigh() }\nfn made() -> impl std::ops::Deref<Target = dyn std::any::Any> { Box::new(1) }\n",
    );
    case.keeps("node", "src/lib.rs", "x + 1", "x + 2");
    case.changes("stacked", 0, "src/lib.rs", "x + 1", "x + 2");
    case.changes("by_name", 0, "src/lib.rs", "i32 { 7 }", "i32 { 8 }");
}

#[test]
fn raw_identifiers() {
    let case = Fixture::lib(
        "fn r#type() -> i32 { 1 }\nfn r#match() -> i32 { 2 }\n#[func] fn node(r#in: i32) -> i32 { r#type() + r#in }\n",
    );
    case.changes("node", 0, "src/lib.rs", "i32 { 1 }", "i32 { 3 }");
    case.keeps("node", "src/lib.rs", "i32 { 2 }", "i32 { 3 }");
}

#[test]
fn unions_foreign_items_and_impls_inside_constants() {
    let case = Fixture::lib(
        "unsafe extern \"C\" { fn cosine(x: f64) -> f64; }\npub struct P;\nconst _: () = { impl Default for P { fn default() -> P { std::hint::black_box(4); P } } };\n\
         #[func] fn node() -> P { unsafe { cosine(1.0) }; P::default() }\n",
    );
    case.changes("node", 0, "src/lib.rs", "x: f64) -> f64", "x: f64) -> f32");
    case.changes("node", 0, "src/lib.rs", "black_box(4)", "black_box(5)");
}

#[test]
fn a_use_that_leads_elsewhere_shows_at_depth_zero() {
    let case = Fixture::lib(
        "use std::cmp::max as pick;\nuse std::f32::consts::*;\nuse std::collections::HashMap;\n#[func] fn node(a: f32, b: f32) -> i32 { pick(1, 2) }\n",
    );
    case.changes("node", 0, "src/lib.rs", "cmp::max as", "cmp::min as");
    case.changes("node", 0, "src/lib.rs", "f32::consts", "f64::consts");
    case.keeps(
        "node",
        "src/lib.rs",
        "collections::HashMap",
        "collections::BTreeMap",
    );
}

#[test]
fn a_node_inside_a_function_sees_the_block_around_it() {
    let case = Fixture::lib(
        "const OUTER: i32 = 1;\nfn pipeline() {\n    const INNER: i32 = 2;\n    fn help() -> i32 { 3 }\n    fn unused() -> i32 { 4 }\n    {\n        use std::cmp::max as pick;\n        #[func] fn node() -> i32 { pick(INNER, OUTER) + help() }\n    }\n}\n",
    );
    case.changes("node", 0, "src/lib.rs", "INNER: i32 = 2", "INNER: i32 = 5");
    case.changes("node", 0, "src/lib.rs", "OUTER: i32 = 1", "OUTER: i32 = 5");
    case.changes("node", 0, "src/lib.rs", "i32 { 3 }", "i32 { 5 }");
    case.changes("node", 0, "src/lib.rs", "max as", "min as");
    case.keeps("node", "src/lib.rs", "i32 { 4 }", "i32 { 5 }");
}

#[test]
fn files_and_variables_read_at_compile_time() {
    let case = Fixture::new(&[
        ("src/lib.rs", "const WORDS: &str = include_str!(\"words.txt\");\nconst MODE: Option<&str> = option_env!(\"MODE\");\nconst OTHER: Option<&str> = option_env!(\"OTHER\");\n\
          macro_rules! load { ($f:literal) => { include_bytes!($f) } }\n\
          #[func] fn node() -> usize { WORDS.len() + MODE.map_or(0, str::len) + load!(\"more.bin\").len() }\n#[func] fn plain() -> usize { OTHER.map_or(0, str::len) }\n"),
        ("src/words.txt", "one two"), ("src/more.bin", "abc"),
    ]).variable("MODE", "secret");
    case.changes("node", 0, "src/words.txt", "two", "three");
    case.changes("node", 0, "src/more.bin", "abc", "abd");
    case.keeps("plain", "src/words.txt", "two", "three");
    let code = case.whole("node");
    assert_eq!(code.files.len(), 2, "{:?}", code.files);
    assert!(code.items.iter().all(|item| !item.text.contains("secret")));
    let before = code.items.clone();
    let case = case.variable("MODE", "other");
    assert_ne!(case.whole("node").items, before);
    let plain = case.whole("plain").items;
    let case = case.variable("MODE", "third");
    assert_eq!(case.whole("plain").items, plain);
}
