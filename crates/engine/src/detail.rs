//! One difference put into words: what a leaf was and what it is, down to the
//! changed line. It is unaware of where the leaf stands and of what depends on
//! it.

use std::path::Path;
use std::sync::Arc;

use refrain_store::{Digest, Leaf, Store};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::changed_line::{ChangedLine, clip};
use crate::files;
use crate::note::{FileNote, Note};

/// Looks up the texts that leaves point at.
pub(crate) struct Texts<'a> {
    pub store: Option<&'a Store>,
    /// Texts of the present tree, which may not be stored yet.
    pub fresh: &'a [(Digest, Arc<str>)],
}

impl Texts<'_> {
    fn note(&self, digest: &Digest) -> Option<Arc<str>> {
        let fresh = self.fresh.iter().find(|(known, _)| known == digest);
        fresh
            .map(|(_, text)| text.clone())
            .or_else(|| self.store?.note(digest))
    }

    fn of(&self, leaf: Option<&Leaf>) -> Option<Arc<str>> {
        self.note(&leaf?.note?)
    }

    /// The text of a file as it was; the file itself may still be that.
    fn of_file(&self, file: &FileNote<'_>) -> Option<Arc<str>> {
        self.note(&file.digest).or_else(|| {
            let text = files::text(Path::new(file.path))?;
            (Digest::of(text.as_bytes()) == file.digest).then(|| text.into())
        })
    }
}

/// A difference in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Detail {
    /// All of it in one line.
    pub line: String,
    /// The file and line where it is.
    pub place: Option<Arc<str>>,
    /// What it was.
    pub old: Option<Arc<str>>,
    /// What it is.
    pub new: Option<Arc<str>>,
}

/// Tells how a leaf of this name differs; `None` stands for one that is not
/// there.
pub(crate) fn tell(
    name: &str,
    old: Option<&Leaf>,
    new: Option<&Leaf>,
    texts: &Texts<'_>,
) -> Detail {
    let (was, is) = (texts.of(old), texts.of(new));
    let notes = (
        was.as_deref().map(Note::read),
        is.as_deref().map(Note::read),
    );
    match notes {
        (Some(Note::File(was)), Some(Note::File(is))) => changed_file(name, &was, &is, texts),
        (Some(Note::Files(was)), Some(Note::Files(is))) => changed_files(name, &was, &is, texts),
        (Some(Note::Code { text: was, .. }), Some(Note::Code { place, text: is })) => {
            changed_code(name, place, was, is)
        }
        (None, Some(Note::Code { place, .. })) if old.is_none() => one_sided(
            format!("{name}{} is used now and was not", at(place)),
            place,
        ),
        (Some(Note::Code { place, .. }), None) if new.is_none() => {
            one_sided(format!("{name}{} is used no more", at(place)), place)
        }
        (was, is) => changed_value(name, (old, was), (new, is)),
    }
}

fn changed_value(
    name: &str,
    (old, was): (Option<&Leaf>, Option<Note<'_>>),
    (new, is): (Option<&Leaf>, Option<Note<'_>>),
) -> Detail {
    let (was, is) = (was.as_ref().map(shown), is.as_ref().map(shown));
    let line = match (old, new, &was, &is) {
        (None, _, _, Some(is)) => format!("{name} is new: {is}"),
        (None, ..) => format!("{name} is new"),
        (_, None, Some(was), _) => format!("{name} is gone (it was {was})"),
        (_, None, ..) => format!("{name} is gone"),
        (_, _, Some(was), Some(is)) => format!("{name}: {was} -> {is}"),
        _ => format!("{name} changed"),
    };
    Detail {
        line,
        place: None,
        old: was.map(Arc::from),
        new: is.map(Arc::from),
    }
}

/// A note in a few words.
fn shown(note: &Note<'_>) -> String {
    match note {
        Note::Value(text) => clip(text, 0),
        Note::Code { place, .. } => (*place).to_owned(),
        Note::File(file) => file.path.to_owned(),
        Note::Files(files) => format!("{} files", files.len()),
    }
}

fn changed_file(name: &str, was: &FileNote<'_>, is: &FileNote<'_>, texts: &Texts<'_>) -> Detail {
    if was.digest == is.digest {
        return Detail {
            line: format!("{name}: {} -> {}", was.path, is.path),
            place: None,
            old: Some(was.path.into()),
            new: Some(is.path.into()),
        };
    }
    let moved = if was.path == is.path {
        ""
    } else {
        ", in place of "
    };
    let instead = if moved.is_empty() { "" } else { was.path };
    let label = if name == is.path {
        String::new()
    } else {
        format!("{name}: ")
    };
    let (old, new) = (texts.of_file(was), texts.of_file(is));
    let (Some(old), Some(new)) = (old, new) else {
        return Detail {
            line: format!("{label}{}{moved}{instead} changed", is.path),
            place: Some(is.path.into()),
            ..Detail::default()
        };
    };
    let Some(changed) = ChangedLine::between(&old, &new) else {
        // Lines are alike, so it is the ends of lines.
        return Detail {
            line: format!("{label}{}{moved}{instead}: line ends changed", is.path),
            place: Some(is.path.into()),
            ..Detail::default()
        };
    };
    let place = format!("{}:{}", is.path, changed.number);
    told(&changed, &format!("{label}{place}{moved}{instead}"), &place)
}

fn changed_files(
    name: &str,
    was: &[FileNote<'_>],
    is: &[FileNote<'_>],
    texts: &Texts<'_>,
) -> Detail {
    let before: FxHashMap<&str, &FileNote<'_>> = was.iter().map(|old| (old.path, old)).collect();
    let now: FxHashSet<&str> = is.iter().map(|file| file.path).collect();
    let (mut came, mut changed) = (Vec::new(), Vec::new());
    for file in is {
        match before.get(file.path) {
            None => came.push(file),
            Some(old) if old.digest != file.digest => changed.push((*old, file)),
            Some(_) => {}
        }
    }
    let gone = |old: &&FileNote<'_>| !now.contains(old.path);
    let gone: Vec<&FileNote<'_>> = was.iter().filter(gone).collect();
    let mut detail = match (changed.first(), came.first(), gone.first()) {
        (Some((old, file)), ..) => changed_file(name, old, file, texts),
        (None, Some(file), _) => sole(format!("{name}: {} is new", file.path), file),
        (None, None, Some(file)) => sole(format!("{name}: {} is gone", file.path), file),
        (None, None, None) => Detail {
            line: format!("{name}: the order of the files changed"),
            ..Detail::default()
        },
    };
    let more = (came.len() + changed.len() + gone.len()).saturating_sub(1);
    if more > 0 {
        detail.line = format!("{}; {more} more files differ", detail.line);
    }
    detail
}

fn sole(line: String, file: &FileNote<'_>) -> Detail {
    one_sided(line, file.path)
}

fn one_sided(line: String, place: &str) -> Detail {
    Detail {
        line,
        place: Some(place.into()),
        ..Detail::default()
    }
}

/// Code that has changed.
fn changed_code(name: &str, place: &str, was: &str, is: &str) -> Detail {
    let Some(changed) = ChangedLine::between(was, is) else {
        return one_sided(format!("{name}{} changed", at(place)), first(place));
    };
    match line_of(place, changed.number) {
        Some((file, line)) => {
            let place = format!("{file}:{line}");
            let label = match name.ends_with(file) {
                true => format!("{name}:{line}"),
                false => format!("{name} ({place})"),
            };
            told(&changed, &label, &place)
        }
        None => told(&changed, &format!("{name}{}", at(place)), place),
    }
}

/// The file and the line in it of a line of an item's text, where that is
/// known: of the whole file, or of lines that are all named.
fn line_of(place: &str, number: usize) -> Option<(&str, usize)> {
    let (file, lines) = place.rsplit_once(':')?;
    if file.is_empty() {
        return None;
    }
    if lines == "0" {
        return Some((file, number));
    }
    let ranges = lines.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    let ranges: Vec<std::ops::RangeInclusive<usize>> = ranges.collect::<Option<_>>()?;
    if let [only] = &ranges[..]
        && only.start() == only.end()
    {
        return None;
    }
    let last = *ranges.last()?.end();
    // A line that was at the end and is gone is told where it was.
    let line = ranges.into_iter().flatten().nth(number - 1);
    Some((file, line.unwrap_or(last)))
}

/// The place of an item as its file and first line.
fn first(place: &str) -> &str {
    place.find(['-', ',']).map_or(place, |end| &place[..end])
}

/// The place of an item in brackets, where it has one.
fn at(place: &str) -> String {
    match place.rsplit_once(':') {
        Some(("", _)) | None => String::new(),
        Some((file, "0")) => format!(" ({file})"),
        Some(_) => format!(" ({})", first(place)),
    }
}

/// A changed line under this label.
fn told(changed: &ChangedLine<'_>, label: &str, place: &str) -> Detail {
    let (was, is) = changed.shown();
    let line = match (&was, &is) {
        (Some(was), Some(is)) => format!("{label}: `{was}` -> `{is}`"),
        (None, Some(is)) => format!("{label}: added `{is}`"),
        (Some(was), None) => format!("{label}: removed `{was}`"),
        (None, None) => label.to_owned(),
    };
    Detail {
        line,
        place: Some(place.into()),
        old: was.map(Arc::from),
        new: is.map(Arc::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(name: &str, note: &str, fresh: &mut Vec<(Digest, Arc<str>)>) -> Leaf {
        let digest = Digest::of(note.as_bytes());
        fresh.push((digest, note.into()));
        Leaf {
            name: name.into(),
            digest,
            note: Some(digest),
        }
    }

    #[test]
    fn a_changed_file_is_told_by_its_line() {
        let mut fresh = Vec::new();
        let mut file = |text: &str| {
            let digest = Digest::of(text.as_bytes());
            fresh.push((digest, text.into()));
            let note = crate::note::of_file(Path::new("data/a.txt"), &digest);
            leaf("text", &note, &mut fresh)
        };
        let (old, new) = (file("one\ntwo\n"), file("one\n2\n"));
        let texts = Texts {
            store: None,
            fresh: &fresh,
        };
        let detail = tell("text", Some(&old), Some(&new), &texts);
        assert_eq!(detail.line, "text: data/a.txt:2: `two` -> `2`");
        assert_eq!(detail.place.as_deref(), Some("data/a.txt:2"));
    }

    #[test]
    fn the_line_of_a_file_is_told_where_it_is_known() {
        assert_eq!(line_of("a.sh:0", 3), Some(("a.sh", 3)));
        assert_eq!(line_of("a.py:2-4,9", 4), Some(("a.py", 9)));
        assert_eq!(line_of("a.py:2-4,9", 5), Some(("a.py", 9)));
        assert_eq!(line_of("src/main.rs:12", 2), None);
        assert_eq!(line_of(":0", 1), None);
    }

    #[test]
    fn of_several_files_the_first_that_differs_is_told() {
        let mut fresh = Vec::new();
        let mut files = |files: &[(&str, &str)]| {
            let files = files
                .iter()
                .map(|(path, text)| (Path::new(*path), Digest::of(text.as_bytes())));
            let note = crate::note::of_files(files);
            leaf("docs", &note, &mut fresh)
        };
        let old = files(&[("a", "1"), ("b", "1")]);
        let new = files(&[("a", "1"), ("b", "2"), ("c", "1")]);
        let texts = Texts {
            store: None,
            fresh: &fresh,
        };
        let line = |old, new| tell("docs", Some(old), Some(new), &texts).line;
        assert_eq!(line(&old, &new), "docs: b changed; 1 more files differ");
        let fewer = &Leaf { ..old.clone() };
        assert_eq!(line(&new, fewer), "docs: b changed; 1 more files differ");
    }
}
