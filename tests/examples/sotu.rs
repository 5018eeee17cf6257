//! Speeches: a list of files, mapped twice and joined.

use crate::Example;

const ALL: [&str; 4] = ["words 16 of 16", "counts 16 of 16", "index", "report"];

fn sotu() -> Option<Example> {
    let sotu = Example::copy("sotu", &["python3"])?;
    sotu.executes(&ALL);
    Some(sotu)
}

#[test]
fn a_report_names_the_words_of_every_speech() {
    let Some(sotu) = sotu() else { return };
    let report = sotu.0.read("build/report.txt");
    assert_eq!(report.lines().count(), 16);
    let lincoln = report
        .lines()
        .find(|line| line.starts_with("1863 Abraham Lincoln "));
    assert!(lincoln.unwrap().contains(" proclamation "), "{report}");
    assert_eq!(sotu.0.ok(["get", "report"]).out, report);
    sotu.executes(&[]);
    sotu.touch();
    sotu.executes(&[]);
}

#[test]
fn an_edited_speech_is_read_alone() {
    let Some(sotu) = sotu() else { return };
    let speech = "speeches/1790_george_washington_n.txt";
    sotu.prepend(speech, "Refrain, refrain, refrain!\n");
    sotu.executes(&["words 1 of 16", "counts 1 of 16", "index", "report"]);
    assert!(sotu.0.read("build/report.txt").contains(" refrain"));

    // Other bytes and the same words.
    sotu.edit(
        speech,
        "Refrain, refrain, refrain!",
        "REFRAIN: refrain; refrain.",
    );
    sotu.executes(&["words 1 of 16"]);
}

#[test]
fn a_value_reaches_what_reads_it_and_is_remembered() {
    let Some(sotu) = sotu() else { return };
    let five = ["--set", "min_count=5"];
    assert_eq!(sotu.executed(&five), ["index", "report"]);
    sotu.executes(&[]);
    assert_eq!(sotu.executed(&five), [""; 0]);
}

#[test]
fn code_counts_by_what_it_gives() {
    let Some(sotu) = sotu() else { return };
    sotu.prepend("words.awk", "# Another comment.\n");
    sotu.executes(&["words 16 of 16"]);
    sotu.prepend("report.py", "# Another comment.\n");
    sotu.executes(&[]);
    sotu.edit("report.py", "WORDS = 6", "WORDS = 3");
    sotu.executes(&["report"]);
}
