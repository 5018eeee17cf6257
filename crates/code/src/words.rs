//! Words that are known, and so lead to nothing that need be looked for.
//!
//! Each list says only what the language or its standard library fixes. An item of such a name that
//! shows in a module is found all the same; the lists keep from guessing at one that does not.

macro_rules! words {
    ($($(#[$doc:meta])* $is:ident: $($word:literal)*;)*) => { $(
        $(#[$doc])*
        pub(crate) fn $is(word: &str) -> bool {
            matches!(word, $($word)|*)
        }
    )* };
}

words! {
    /// Never the name of an item. `crate`, `self` and `super` start paths and are looked at by their
    /// own rules.
    is_keyword: "as" "async" "await" "break" "const" "continue" "dyn" "else" "enum" "extern"
        "false" "fn" "for" "if" "impl" "in" "let" "loop" "match" "mod" "move" "mut" "pub" "ref"
        "return" "static" "struct" "trait" "true" "type" "unsafe" "use" "where" "while" "yield"
        "box" "_" "do" "try" "Self";

    /// Given by the language or the prelude: no module need define it.
    is_prelude: "Debug" "Deserialize" "Serialize" "std" "core" "alloc" "AsMut" "AsRef" "Box"
        "Clone" "Copy" "Default" "DoubleEndedIterator" "Drop" "Eq" "Err" "ExactSizeIterator"
        "Extend" "Fn" "FnMut" "FnOnce" "From" "FromIterator" "Future" "Hash" "Into" "IntoFuture"
        "IntoIterator" "Iterator" "None" "Ok" "Option" "Ord" "PartialEq" "PartialOrd" "Result"
        "Send" "Sized" "Some" "String" "Sync" "ToOwned" "ToString" "TryFrom" "TryInto" "Unpin"
        "Vec" "bool" "char" "drop" "f32" "f64" "i128" "i16" "i32" "i64" "i8" "isize" "self" "str"
        "u128" "u16" "u32" "u64" "u8" "usize" "derive";

    /// A macro of the standard library that defines no names beyond its arguments.
    is_std_macro: "assert" "assert_eq" "assert_ne" "cfg" "column" "compile_error" "concat" "dbg"
        "debug_assert" "debug_assert_eq" "debug_assert_ne" "env" "eprint" "eprintln" "file"
        "format" "format_args" "include_bytes" "include_str" "line" "matches" "module_path"
        "option_env" "panic" "print" "println" "stringify" "thread_local" "todo" "unimplemented"
        "unreachable" "vec" "write" "writeln";

    /// A macro of the standard library whose arguments are ordinary expressions.
    is_expression_macro: "assert" "assert_eq" "assert_ne" "dbg" "debug_assert" "debug_assert_eq"
        "debug_assert_ne" "eprint" "eprintln" "format" "format_args" "matches" "panic" "print"
        "println" "todo" "unimplemented" "unreachable" "vec" "write" "writeln" "concat" "cfg"
        "stringify";

    /// An attribute whose arguments name nothing that is code.
    is_inert_attribute: "allow" "automatically_derived" "cfg" "cold" "deny" "deprecated" "doc"
        "expect" "forbid" "func" "ignore" "inline" "link_name" "macro_export" "macro_use"
        "must_use" "no_mangle" "non_exhaustive" "repr" "should_panic" "target_feature" "test"
        "track_caller" "warn";

    /// An attribute that defines nothing beyond the item and its own `impl` blocks.
    is_own_attribute: "allow" "automatically_derived" "cfg" "cold" "default" "deny" "deprecated"
        "derive" "diagnostic" "doc" "expect" "export_name" "forbid" "func" "ignore" "inline"
        "instrument" "link" "link_name" "link_section" "macro_export" "macro_use" "must_use"
        "no_mangle" "non_exhaustive" "path" "recursion_limit" "repr" "rustfmt" "clippy" "serde"
        "should_panic" "target_feature" "test" "track_caller" "type_length_limit" "unsafe" "used"
        "warn" "bench" "global_allocator" "panic_handler" "proc_macro" "error";

    /// A derive that defines nothing beyond an `impl` block of its trait.
    is_own_derive: "Clone" "Copy" "Debug" "Default" "Deserialize" "Eq" "Error" "Hash" "Ord"
        "PartialEq" "PartialOrd" "Serialize";

    /// A method that types of the standard library have, by whose name nothing is looked up in a module.
    is_common_method: "abs" "add" "all" "and_then" "any" "append" "as_bytes" "as_mut" "as_ref"
        "as_slice" "as_str" "borrow" "borrow_mut" "bytes" "ceil" "chain" "chars" "clear" "clone"
        "cloned" "cmp" "collect" "contains" "contains_key" "copied" "count" "cycle" "dedup"
        "default" "deref" "drain" "drop" "end" "ends_with" "entry" "enumerate" "eq" "err" "exp"
        "expect" "extend" "filter" "filter_map" "find" "first" "flat_map" "flatten" "floor" "flush"
        "fmt" "fold" "for_each" "from" "get" "get_mut" "get_or_insert_with" "hash" "insert" "into"
        "into_iter" "is_empty" "is_err" "is_none" "is_ok" "is_some" "iter" "iter_mut" "join" "keys"
        "last" "len" "lines" "ln" "lock" "map" "map_err" "max" "min" "mul" "ne" "next" "nth" "ok"
        "ok_or" "or_default" "or_else" "or_insert" "parse" "partial_cmp" "peek" "pop" "position"
        "pow" "powf" "powi" "product" "push" "push_str" "read" "remove" "replace" "reserve"
        "resize" "retain" "rev" "round" "skip" "sort" "sort_by" "split" "sqrt" "start"
        "starts_with" "step_by" "sub" "sum" "swap" "take" "to_owned" "to_string" "to_vec" "trim"
        "truncate" "unwrap" "unwrap_or" "values" "windows" "with_capacity" "write" "zip";
}
