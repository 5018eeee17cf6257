//! Names that tell what a program does with modules and with its own text.

/// What a name stands for, wherever it stands.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Meaning {
    /// Imports by a name.
    ByName,
    /// Imports from a file.
    ByFile,
    /// Runs a text.
    RunsText,
    /// Where a package has its modules.
    PackagePath,
    /// Makes one package of all directories of its name.
    ExtendsPath,
    /// Where modules are searched for.
    SearchPath,
    /// What a star import brings.
    Exports,
    /// Reads docstrings.
    Docstrings,
    /// Reads source.
    Source,
}

/// The meaning of a name, if it has one.
pub(crate) fn meaning(name: &str) -> Option<Meaning> {
    Some(match name {
        "import_module" | "__import__" | "find_spec" | "find_loader" | "find_module"
        | "load_module" | "run_module" | "resolve_name" | "iter_modules" | "walk_packages" => {
            Meaning::ByName
        }
        "spec_from_file_location" | "load_source" | "run_path" | "SourceFileLoader" => {
            Meaning::ByFile
        }
        "exec" | "eval" => Meaning::RunsText,
        "__path__" => Meaning::PackagePath,
        "extend_path" => Meaning::ExtendsPath,
        "addsitedir" | "PYTHONPATH" => Meaning::SearchPath,
        "__all__" => Meaning::Exports,
        "__doc__" | "getdoc" => Meaning::Docstrings,
        "getsource" | "getsourcelines" | "getcomments" | "findsource" | "get_source"
        | "linecache" => Meaning::Source,
        _ => return None,
    })
}

/// Whether an installed package makes something of docstrings: tests, command lines, interfaces, prompts.
pub(crate) fn reads_docstrings(package: &str) -> bool {
    matches!(
        package,
        "doctest"
            | "pydoc"
            | "docopt"
            | "click"
            | "typer"
            | "cyclopts"
            | "fire"
            | "plac"
            | "argh"
            | "defopt"
            | "clize"
            | "invoke"
            | "fastapi"
            | "pydantic"
            | "strawberry"
            | "langchain"
            | "langchain_core"
            | "llama_index"
            | "dspy"
            | "smolagents"
            | "fastmcp"
            | "mcp"
    )
}
