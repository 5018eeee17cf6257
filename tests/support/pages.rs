//! The pages of the documentation, read as Markdown.

use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// A fenced block of a page.
pub struct Block {
    /// The page and the line, for messages.
    pub place: String,
    /// What stands after the fence, such as `rust,compile_fail`.
    pub info: String,
    pub text: String,
}

impl Block {
    /// The language it is in.
    pub fn language(&self) -> &str {
        self.info.split(',').next().unwrap_or_default()
    }

    /// The file whose content it shows, as in `toml,refrain.toml`.
    pub fn file(&self) -> Option<&str> {
        let (_, name) = self.info.split_once(',')?;
        name.contains('.').then_some(name)
    }
}

/// One page of the documentation.
pub struct Page {
    /// Relative to the workspace.
    pub path: PathBuf,
    pub text: String,
}

impl Page {
    /// The README, all of docs/ and the examples' READMEs.
    pub fn all(root: &Path) -> Vec<Page> {
        let mut paths: Vec<PathBuf> = fs::read_dir(root.join("docs"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
            .collect();
        paths.push(root.join("README.md"));
        for example in fs::read_dir(root.join("examples")).unwrap() {
            paths.push(example.unwrap().path().join("README.md"));
        }
        paths.sort();
        let existing = paths.into_iter().filter(|path| path.exists());
        let page = |path: PathBuf| Page {
            text: fs::read_to_string(&path).unwrap(),
            path: path.strip_prefix(root).unwrap().to_owned(),
        };
        existing.map(page).collect()
    }

    /// The fenced and indented blocks, in their order.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut inside = false;
        for (event, range) in Parser::new(&self.text).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let line = self.text[..range.start].matches('\n').count() + 1;
                    inside = true;
                    blocks.push(Block {
                        place: format!("{}:{line}", self.path.display()),
                        info: match kind {
                            CodeBlockKind::Fenced(info) => info.to_string(),
                            CodeBlockKind::Indented => "an indented block".to_owned(),
                        },
                        text: String::new(),
                    });
                }
                Event::Text(text) if inside => blocks.last_mut().unwrap().text += &text,
                Event::End(TagEnd::CodeBlock) => inside = false,
                _ => {}
            }
        }
        blocks
    }

    /// The links that lead to files, without their anchors.
    pub fn links(&self) -> Vec<String> {
        let link = |event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let path = dest_url.split('#').next().unwrap_or_default().to_owned();
                (!path.is_empty() && !path.contains("://")).then_some(path)
            }
            _ => None,
        };
        Parser::new(&self.text).filter_map(link).collect()
    }
}
