//! Lists that are edited at random, in all modes, in a live runner and in fresh ones, against a plain evaluation: the
//! outputs are the same, and exactly those items execute whose work was never done.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use refrain::{CacheConfig, Failure, Mode, Node, Outcome, Param, Pipeline, Runner, inputs};

/// How many edits are made.
const EDITS: usize = 150;

/// What executed, as a set: equal items that fail may do so once or one after the other.
type Executed = Arc<Mutex<BTreeSet<String>>>;

/// The first letter of a word; `x` fails.
fn initial(word: &str) -> Result<String, Failure> {
    match &word[..1] {
        "x" => Err(Failure::new("no x")),
        letter => Ok(letter.to_owned()),
    }
}

/// `words` -> `initials` -> `pairs`, which reads both, -> `all`, which reads the whole list.
fn pipeline(executed: &Executed) -> Pipeline {
    let note = || {
        let executed = executed.clone();
        move |what: String| {
            executed.lock().unwrap().insert(what);
        }
    };
    let (initials, pairs, all) = (note(), note(), note());
    let initials = Node::named("initials")
        .version("1")
        .mapped()
        .over_items::<String>("words")
        .cached(move |args| {
            let word = args.get::<String>(0);
            initials(format!("initials {word}"));
            initial(word)
        });
    let pairs = Node::named("pairs")
        .version("1")
        .mapped()
        .over_items::<String>("words")
        .over_items::<String>("initials")
        .in_batches(3)
        .cached(move |args| {
            let words = args.get::<Vec<String>>(0).iter();
            let both = words.zip(args.get::<Vec<String>>(1));
            let both = both.map(|(word, letter)| {
                pairs(format!("pairs {word}"));
                format!("{letter}{word}")
            });
            Ok(both.collect())
        });
    let all = Node::named("all")
        .param(Param::of::<Vec<String>>("pairs"))
        .version("1")
        .cached(move |args| {
            let text = args.get::<Vec<String>>(0).join(" ");
            all(format!("all {text}"));
            Ok(text)
        });
    Pipeline::new(vec![initials, pairs, all]).unwrap()
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % sides
    }

    fn word(&mut self) -> String {
        let letters = ["a", "b", "c", "x"];
        let sides = 3 + usize::from(self.roll(6) == 0);
        let letter = letters[self.roll(sides)];
        format!("{letter}{}", self.roll(12))
    }
}

/// Puts a word in, takes one out, changes one, or swaps two.
fn edit(words: &mut Vec<String>, dice: &mut Dice) {
    let (at, other) = (dice.roll(words.len().max(1)), dice.roll(words.len().max(1)));
    match dice.roll(4) {
        1 if !words.is_empty() => drop(words.remove(at)),
        2 if !words.is_empty() => words[at] = dice.word(),
        3 if !words.is_empty() => words.swap(at, other),
        _ => words.insert(at.min(words.len()), dice.word()),
    }
}

#[test]
fn what_was_never_done_executes_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let executed = Executed::default();
    let runner = || {
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        runner.jobs(2).keep_going(true)
    };
    let (live, lasting) = (runner(), pipeline(&executed));
    let mut dice = Dice(7);
    let mut words: Vec<String> = Vec::new();
    let mut done = BTreeSet::new();
    for step in 0..EDITS {
        for _ in 0..=dice.roll(3) {
            edit(&mut words, &mut dice);
        }
        let mode = [Mode::Local, Mode::Batch, Mode::Auto][dice.roll(3)];
        let inputs = inputs! { words: words.clone() };
        let run = match dice.roll(3) {
            0 => runner().mode(mode).run(&pipeline(&executed), inputs),
            _ => live.clone().mode(mode).run(&lasting, inputs),
        };
        let run = run.unwrap();
        let good: Vec<&String> = words.iter().filter(|word| initial(word).is_ok()).collect();
        let expected: Vec<String> = good
            .iter()
            .map(|word| format!("{}{word}", &word[..1]))
            .collect();
        let mut wanted: BTreeSet<String> = words
            .iter()
            .map(|word| format!("initials {word}"))
            .collect();
        wanted.extend(good.iter().map(|word| format!("pairs {word}")));
        if good.len() == words.len() {
            let all = expected.join(" ");
            assert_eq!(*run.get::<String>("all").unwrap(), all, "step {step}");
            wanted.insert(format!("all {all}"));
        } else {
            assert_eq!(
                run.report().outcome("all"),
                Some(Outcome::Blocked),
                "step {step}"
            );
        }
        wanted.retain(|work| !done.contains(work));
        let did = std::mem::take(&mut *executed.lock().unwrap());
        assert_eq!(
            did,
            wanted,
            "step {step}: {words:?}, {mode:?}\n{}",
            run.report()
        );
        // A failure is never remembered.
        done.extend(
            did.into_iter()
                .filter(|work| !work.starts_with("initials x")),
        );
    }
}
