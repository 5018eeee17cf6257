//! The words of a command that may name its code, and how each is used. It knows no files: more words than
//! are meant do no harm, so a shell text is read for its words and not for its meaning.

use std::mem;

/// A word, or what a word is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mention {
    /// What is run: the first word of a command.
    Program(Vec<u8>),
    /// The file that Python runs: `python3 x.py`.
    Script(Vec<u8>),
    /// The module that Python runs: `python3 -m x`.
    Module(Vec<u8>),
    /// The text that Python runs: `python3 -c 'import x'`.
    Inline(Vec<u8>),
    /// A directory in which modules are searched for: `PYTHONPATH=x`.
    Search(Vec<u8>),
    /// The directory that the words after it start from: `cd x`.
    Enter(Vec<u8>),
    /// Any other word.
    Word(Vec<u8>),
}

/// The mentions in the elements of an array. A word with a NUL in it is not known yet, and left out.
pub(crate) fn of_program(elements: &[Vec<u8>]) -> Vec<Mention> {
    let mut tokens = Vec::new();
    for element in elements {
        nest(element, 0, &mut tokens);
        tokens.push(Token::Word(element.clone()));
    }
    interpret(tokens)
}

/// The mentions in a text for a shell.
pub(crate) fn of_shell(text: &[u8]) -> Vec<Mention> {
    interpret(lex(text, 0))
}

/// How often texts are read that stand as words in other ones: `sh -c '...'`.
const NESTED: usize = 4;

enum Token {
    Word(Vec<u8>),
    /// The next word is a file that is written to.
    Target,
    /// What follows is another command.
    Break,
    /// The words within the word that comes next.
    Nested(Vec<Token>),
}

/// What a word holds if it is a text of its own.
fn nest(word: &[u8], depth: usize, tokens: &mut Vec<Token>) {
    if depth < NESTED && word.iter().any(|byte| b" \t\n;|&()<>`$'\"".contains(byte)) {
        tokens.push(Token::Nested(lex(word, depth + 1)));
    }
}

fn lex(text: &[u8], depth: usize) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\'' => {
                let quoted = bytes.by_ref().take_while(|byte| *byte != b'\'');
                word.get_or_insert_default().extend(quoted);
                continue;
            }
            b'"' => {
                let word = word.get_or_insert_default();
                while let Some(byte) = bytes.next().filter(|byte| *byte != b'"') {
                    let escaped = bytes.next_if(|next| byte == b'\\' && b"\\\"$`".contains(next));
                    word.push(escaped.unwrap_or(byte));
                }
                continue;
            }
            b'\\' => {
                let escaped = bytes.next().filter(|byte| *byte != b'\n');
                word.get_or_insert_default().extend(escaped);
                continue;
            }
            b' ' | b'\t' | b'<' => end(&mut word, depth, &mut tokens),
            b'>' => {
                // What stands before may be the number of a descriptor.
                word = word.filter(|word| !word.iter().all(u8::is_ascii_digit));
                end(&mut word, depth, &mut tokens);
                while bytes.next_if(|next| b">|&".contains(next)).is_some() {}
                tokens.push(Token::Target);
            }
            b'\n' | b';' | b'|' | b'&' | b'(' | b')' | b'`' => {
                end(&mut word, depth, &mut tokens);
                tokens.push(Token::Break);
            }
            b'#' if word.is_none() => {
                bytes
                    .by_ref()
                    .take_while(|byte| *byte != b'\n')
                    .for_each(drop);
                tokens.push(Token::Break);
            }
            b'$' if bytes.peek() == Some(&b'(') => {}
            other => word.get_or_insert_default().push(other),
        }
    }
    end(&mut word, depth, &mut tokens);
    tokens
}

fn end(word: &mut Option<Vec<u8>>, depth: usize, tokens: &mut Vec<Token>) {
    if let Some(word) = word.take() {
        nest(&word, depth, tokens);
        tokens.push(Token::Word(word));
    }
}

/// Words after which comes what is run.
const PREFIXES: [&[u8]; 14] = [
    b"!", b"{", b"command", b"do", b"elif", b"else", b"env", b"exec", b"if", b"nohup", b"then",
    b"time", b"until", b"while",
];

/// What the next word is.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Program,
    /// What Python runs, unless it is an option.
    Script,
    Module,
    Inline,
    Directory,
    /// A file to write to.
    Target,
    Other,
}

fn interpret(tokens: Vec<Token>) -> Vec<Mention> {
    let mut reader = Reader {
        next: Next::Program,
        after_target: Next::Program,
        mentions: Vec::new(),
    };
    tokens.into_iter().for_each(|token| reader.token(token));
    let known = |mention: &Mention| !mention.word().contains(&0) && !mention.word().is_empty();
    reader.mentions.retain(known);
    reader.mentions
}

impl Mention {
    /// The word itself.
    pub fn word(&self) -> &[u8] {
        match self {
            Mention::Program(word)
            | Mention::Script(word)
            | Mention::Module(word)
            | Mention::Inline(word)
            | Mention::Search(word)
            | Mention::Enter(word)
            | Mention::Word(word) => word,
        }
    }
}

struct Reader {
    next: Next,
    /// What comes after the file that is written to.
    after_target: Next,
    mentions: Vec<Mention>,
}

impl Reader {
    fn token(&mut self, token: Token) {
        match token {
            Token::Break => self.next = Next::Program,
            Token::Target => self.after_target = mem::replace(&mut self.next, Next::Target),
            // What Python is given is no shell text.
            Token::Nested(tokens) if self.next != Next::Inline => {
                self.mentions.extend(interpret(tokens));
            }
            Token::Nested(_) => {}
            Token::Word(word) => self.word(word),
        }
    }

    fn word(&mut self, word: Vec<u8>) {
        let next = mem::replace(&mut self.next, Next::Other);
        match next {
            Next::Target => self.next = self.after_target,
            Next::Module => self.mentions.push(Mention::Module(word)),
            Next::Inline => self.mentions.push(Mention::Inline(word)),
            Next::Directory => self.mentions.push(Mention::Enter(word)),
            Next::Program => self.program(word),
            Next::Script if word.starts_with(b"-") => self.option(&word),
            Next::Script => self.mentions.push(Mention::Script(word)),
            Next::Other => {
                if is_python(&word) {
                    self.next = Next::Script;
                }
                self.pieces(&word);
                self.mentions.push(Mention::Word(word));
            }
        }
    }

    fn program(&mut self, word: Vec<u8>) {
        self.next = match &word[..] {
            prefix if PREFIXES.contains(&prefix) => Next::Program,
            _ if is_assignment(&word) => Next::Program,
            b"cd" => Next::Directory,
            python if is_python(python) => Next::Script,
            _ => Next::Other,
        };
        if let Some(path) = word.strip_prefix(b"PYTHONPATH=") {
            let folders = path.split(|byte| *byte == b':');
            self.mentions
                .extend(folders.map(|folder| Mention::Search(folder.to_owned())));
        }
        self.pieces(&word);
        self.mentions.push(Mention::Program(word));
    }

    /// An option of Python, up to which all are of one letter.
    fn option(&mut self, option: &[u8]) {
        let letters = option.iter().position(|byte| b"mcWX".contains(byte));
        let (letter, value) = match letters {
            Some(at) => (option[at], &option[at + 1..]),
            None => (b'-', &b""[..]),
        };
        self.next = match (letter, value) {
            (b'm', b"") => Next::Module,
            (b'c', b"") => Next::Inline,
            (b'm' | b'c', _) => Next::Other,
            // Its value is no script, and what comes after that may be one.
            (b'W' | b'X', b"") => Next::Other,
            _ => Next::Script,
        };
        match letter {
            b'm' => self.mentions.push(Mention::Module(value.to_owned())),
            b'c' => self.mentions.push(Mention::Inline(value.to_owned())),
            _ => {}
        }
    }

    /// What of a word may be a path as well: `--rules=x`, `-Tx`, `@x`, `a,b`.
    fn pieces(&mut self, word: &[u8]) {
        let marks = |byte: &u8| b"=,:@".contains(byte);
        if word.iter().any(marks) {
            let pieces = word.split(marks);
            self.mentions
                .extend(pieces.map(|piece| Mention::Word(piece.to_owned())));
        }
        if let [b'-', letter, value @ ..] = word
            && letter.is_ascii_alphabetic()
        {
            self.mentions.push(Mention::Word(value.to_owned()));
        }
    }
}

/// Whether a word is a Python interpreter, by its name.
fn is_python(word: &[u8]) -> bool {
    let name = word.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let version = name
        .strip_prefix(b"python")
        .or_else(|| name.strip_prefix(b"pypy"));
    version.is_some_and(|version| {
        version
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.')
    })
}

fn is_assignment(word: &[u8]) -> bool {
    let name = word.split(|byte| *byte == b'=').next().unwrap_or_default();
    let plain = name
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    name.len() < word.len() && !name.is_empty() && plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mentions in one line: `p:` program, `s:` script and so on, other words as they are.
    fn shown(mentions: Vec<Mention>) -> String {
        let show = |mention: &Mention| {
            let kind = match mention {
                Mention::Program(_) => "p:",
                Mention::Script(_) => "s:",
                Mention::Module(_) => "m:",
                Mention::Inline(_) => "i:",
                Mention::Search(_) => "f:",
                Mention::Enter(_) => "d:",
                Mention::Word(_) => "",
            };
            format!("{kind}{}", String::from_utf8_lossy(mention.word()))
        };
        mentions.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    fn shell(text: &str) -> String {
        shown(of_shell(text.replace('@', "\0").as_bytes()))
    }

    fn program(elements: &[&str]) -> String {
        let elements: Vec<_> = elements
            .iter()
            .map(|element| element.as_bytes().to_owned())
            .collect();
        shown(of_program(&elements))
    }

    #[test]
    fn every_word_counts_but_what_is_written_or_not_known() {
        assert_eq!(
            shell("./a b 'c d' e\\ f @ g@h \"i\" # j"),
            "p:./a b p:c d c d p:e f e f i"
        );
        assert_eq!(shell("a <b >c 2>> d e>&f; g>h|i"), "p:a b e p:g p:i");
        assert_eq!(shell("(c d) && `e f`|$(g)"), "p:c d p:e f p:g");
        assert_eq!(
            shell("if a b; then X=1 c d; fi"),
            "p:if p:a b p:then X 1 p:X=1 p:c d p:fi"
        );
        assert_eq!(shell("a --rules=b.txt"), "p:a --rules b.txt --rules=b.txt");
        assert_eq!(shell("a -Tb.ld x:y"), "p:a b.ld -Tb.ld x y x:y");
        assert_eq!(shell("a 'never closed"), "p:a p:never closed never closed");
        assert_eq!(program(&["./a b", "c"]), "p:./a b p:./a b c");
    }

    #[test]
    fn what_python_runs_is_told_from_what_it_is_given() {
        assert_eq!(shell("python3 -u x.py y.py"), "p:python3 s:x.py y.py");
        assert_eq!(
            shell("X=1 ./venv/bin/python3.12 x.py"),
            "X 1 p:X=1 p:./venv/bin/python3.12 s:x.py"
        );
        assert_eq!(
            shell("nice -n 5 python x.py; x.py"),
            "p:nice -n 5 python s:x.py p:x.py"
        );
        assert_eq!(shell("python3 -um a.b x.py"), "p:python3 m:a.b x.py");
        assert_eq!(shell("python3 -ma.b x.py"), "p:python3 m:a.b x.py");
        assert_eq!(
            shell("python3 -c 'import x' y.py"),
            "p:python3 i:import x y.py"
        );
        assert_eq!(shell("python3 -W ignore x.py"), "p:python3 ignore x.py");
        assert_eq!(
            shell("python3 @ x.py; pythonic x.py"),
            "p:python3 x.py p:pythonic x.py"
        );
        assert_eq!(shell("python3 > x.py y.py"), "p:python3 s:y.py");
        assert_eq!(
            program(&["sh", "-c", "python3 x.py"]),
            "p:sh -c p:python3 s:x.py python3 x.py"
        );
    }

    #[test]
    fn directories_are_followed() {
        assert_eq!(shell("cd a && ./b"), "p:cd d:a p:./b");
        assert_eq!(
            shell("PYTHONPATH=a:b python3 x.py"),
            "f:a f:b PYTHONPATH a b p:PYTHONPATH=a:b p:python3 s:x.py"
        );
    }
}
