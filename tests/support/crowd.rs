//! Processes that run one pipeline on one cache directory: the test program itself, run again as `as_a_child`.

#![allow(dead_code)] // each test uses its own part

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use refrain::{CacheConfig, Node, Param, Pipeline, Run, Runner, inputs};

/// The nodes of the pipeline: a chain beside a row.
pub const NODES: usize = 60;

/// What the processes of one test share: the cache, what was executed, what they wait for.
pub struct Crowd {
    pub dir: PathBuf,
    /// How long a node takes.
    pub takes: Duration,
    pub patience: Duration,
    pub jobs: usize,
}

/// One execution that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    pub node: usize,
    pub x: u64,
    pub at: SystemTime,
}

impl Crowd {
    pub fn new(dir: &Path) -> Self {
        Crowd {
            dir: dir.to_owned(),
            takes: Duration::ZERO,
            patience: Duration::from_secs(10),
            jobs: 2,
        }
    }

    pub fn runner(&self) -> Runner {
        let config = CacheConfig::new(self.dir.join("cache")).patience(self.patience);
        Runner::new(config).unwrap().jobs(self.jobs)
    }

    /// A third of the outputs are blobs.
    pub fn pipeline(&self, blocks_at: Option<usize>) -> Pipeline {
        let node = |n: usize| {
            let parent = match n {
                0 => "seed".to_owned(),
                n if n < NODES / 2 => format!("n{}", n - 1),
                _ => "n0".to_owned(),
            };
            let (dir, takes) = (self.dir.clone(), self.takes);
            Node::named(format!("n{n}"))
                .param(Param::new::<Vec<u64>>(parent))
                .version("1")
                .cached(move |args| {
                    if blocks_at == Some(n) {
                        println!("\nblocked");
                        std::io::stdout().flush().unwrap();
                        while !dir.join("go").exists() {
                            std::thread::sleep(Duration::from_millis(1));
                        }
                    }
                    std::thread::sleep(takes);
                    let parent = args.get::<Vec<u64>>(0);
                    let value = value_of(parent[0] + n as u64, parent[1], n);
                    executed(&dir, n, parent[1]);
                    Ok(value)
                })
        };
        let seed = Node::named("seed")
            .param(Param::of::<u64>("x"))
            .version("1")
            .uncached(|args| Ok(vec![*args.get::<u64>(0), *args.get::<u64>(0)]));
        Pipeline::new((0..NODES).map(node).chain([seed]).collect()).unwrap()
    }

    /// Runs to the end, and looks at every output.
    pub fn run(&self, x: u64, blocks_at: Option<usize>) -> Run {
        let run = self
            .runner()
            .run(&self.pipeline(blocks_at), inputs! { x: x })
            .unwrap();
        let mut chain = x;
        for n in 0..NODES {
            let expected = match n < NODES / 2 {
                true => {
                    chain += n as u64;
                    chain
                }
                false => x + n as u64,
            };
            let name = format!("n{n}");
            if n + 1 == NODES / 2 || n >= NODES / 2 {
                assert_eq!(
                    *run.get::<Vec<u64>>(&name).unwrap(),
                    value_of(expected, x, n),
                    "{name}"
                );
            }
        }
        run
    }

    /// The executions so far, in the order in which they ended.
    pub fn executed(&self) -> Vec<Executed> {
        let text = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let line = |line: &str| {
            let mut words = line.split(' ').map(|word| word.parse::<u64>().unwrap());
            let mut word = || words.next().unwrap();
            Executed {
                node: word() as usize,
                x: word(),
                at: SystemTime::UNIX_EPOCH + Duration::from_nanos(word()),
            }
        };
        text.lines().map(line).collect()
    }

    /// Starts another process that runs the same.
    pub fn child(&self, x: u64, blocks_at: Option<usize>) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "as_a_child", "--ignored", "--nocapture"])
            .env("REFRAIN_TEST_DIR", &self.dir)
            .env(
                "REFRAIN_TEST_CHILD",
                format!(
                    "{x} {} {} {} {}",
                    self.takes.as_micros(),
                    self.patience.as_millis(),
                    self.jobs,
                    blocks_at.map_or(-1, |n| n as i64),
                ),
            )
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Says that nothing in the cache is damaged.
    pub fn is_clean(&self) {
        let store = refrain_store::Store::open(&self.dir.join("cache")).unwrap();
        assert!(store.problem().is_none(), "{:?}", store.problem());
        let verified = store.verify(&mut |_| ());
        assert!(verified.findings.is_empty(), "{:?}", verified.findings);
    }
}

/// What the other process does.
pub fn as_a_child() {
    let Ok(told) = std::env::var("REFRAIN_TEST_CHILD") else {
        return;
    };
    let dir = std::env::var_os("REFRAIN_TEST_DIR").unwrap();
    let told: Vec<i64> = told.split(' ').map(|word| word.parse().unwrap()).collect();
    let crowd = Crowd {
        dir: dir.into(),
        takes: Duration::from_micros(told[1] as u64),
        patience: Duration::from_millis(told[2] as u64),
        jobs: told[3] as usize,
    };
    crowd.run(told[0] as u64, usize::try_from(told[4]).ok());
}

/// Waits until the child is in the node where it blocks; what it says later goes where this gives.
pub fn wait_for_block(child: &mut Child) -> impl Sized + use<> {
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == "blocked"));
    said
}

/// Sends a signal, by its name.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", child.id())])
        .status();
    assert!(sent.unwrap().success());
}

/// A number below `end`, in an order that the seed gives.
pub fn pick(seed: u64, end: u64) -> u64 {
    let hash = blake3::hash(&seed.to_le_bytes());
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap()) % end
}

/// How many rounds: more of them in a soak.
pub fn rounds(usual: u64, soak: u64) -> u64 {
    match std::env::var_os("REFRAIN_SOAK") {
        Some(_) => soak,
        None => usual,
    }
}

/// The second number is what the pipeline was asked for; a third of the values are too large to be inline.
fn value_of(number: u64, x: u64, n: usize) -> Vec<u64> {
    let mut value = vec![number, x];
    if n.is_multiple_of(3) {
        value.resize(1000, u64::MAX - number);
    }
    value
}

fn executed(dir: &Path, n: usize, x: u64) {
    // One write of one line: appended whole, whoever else appends.
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(dir.join("log"))
        .unwrap();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    file.write_all(format!("{n} {x} {}\n", now.as_nanos()).as_bytes())
        .unwrap();
}
