//! What commands print, without what is another at every time: durations and
//! moments, the ids of runs, and how wide columns are because of them.

/// The text with all of that replaced by one word each.
pub fn lasting(text: &str) -> String {
    let lines = text.trim_end().lines().map(|line| {
        let words: Vec<String> = line.split_whitespace().map(word).collect();
        let indent = line.len() - line.trim_start().len();
        " ".repeat(indent) + &without_ages(words).join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The words with `3 s ago` and the like as one.
fn without_ages(words: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        if word == "ago" && kept.len() >= 2 {
            kept.truncate(kept.len() - 2);
            kept.push("AGO".to_owned());
        } else {
            kept.push(word);
        }
    }
    kept
}

fn word(word: &str) -> String {
    let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let parts = |separator: char| inner.split(separator).filter(|part| digits(part)).count();
    let is_id = inner.len() == 6 && inner.chars().all(|c| matches!(c, '0'..='9' | 'A'..='Z'));
    let replaced = match () {
        () if is_id => "ID",
        () if parts('-') == 3 => "DATE",
        () if parts(':') == 3 => "CLOCK",
        () if is_duration(inner) => "TIME",
        () => return word.to_owned(),
    };
    word.replace(inner, replaced)
}

fn is_duration(word: &str) -> bool {
    let unit = ["ns", "µs", "ms", "s"]
        .into_iter()
        .find_map(|unit| word.strip_suffix(unit));
    unit.is_some_and(|number| {
        number.starts_with(|c: char| c.is_ascii_digit())
            && number.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

#[test]
fn times_and_ids_are_not_compared() {
    assert_eq!(
        lasting("ran in 1.5ms (x: 5 -> 10s)"),
        "ran in TIME (x: 5 -> TIME)"
    );
    assert_eq!(
        lasting("1845, 4 hit, 3sons, 12µs"),
        "1845, 4 hit, 3sons, TIME"
    );
    assert_eq!(
        lasting("7K3QZ8  0 s ago  2026-11-22 21:39:01  ok   2.3ms  4 executed\n"),
        "ID AGO DATE CLOCK ok TIME 4 executed"
    );
    assert_eq!(
        lasting("  FAILURE  in 2000 or ABCDEF"),
        "  FAILURE in 2000 or ID"
    );
}
