//! Code entry: Tab completes the number and the words, and doubtful words are questioned before
//! the code is used.

use std::cell::RefCell;

use rustyline::{
    Behavior, Config, Editor, Helper,
    completion::{Completer, Pair},
    config::CompletionType,
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::DefaultHistory,
    validate::Validator,
};
use wormhole_sync::{Role, complete};

use super::ask;
use crate::{
    code::TypedCode,
    exit::{Exit, Failure},
};

/// The family's tools ask in these words.
const QUESTION: &str = "Enter receive wormhole code: ";

/// The question for a code.
pub(crate) struct Prompt {
    /// Whether the question was asked as an event, and a program answers.
    pub(crate) silent: bool,
    /// What the codes wanted here begin with.
    pub(crate) prefix: &'static str,
    /// Words of a usual code.
    pub(crate) words: usize,
    /// What the reader of a URI is here.
    pub(crate) role: Role,
    /// Asks for the numbers in use.
    pub(crate) numbers: Box<dyn Fn() -> Vec<String> + Send>,
}

impl Prompt {
    /// Asks until there is a code whose person stands by it. Waits for a person: not for async tasks.
    pub(crate) fn run(self) -> Result<TypedCode, Failure> {
        if self.silent || !ask::somebody_is_there(false) {
            let question = if self.silent { "" } else { QUESTION };
            return TypedCode::parse(&ask::one_line(question)?, Some(self.role));
        }
        let role = self.role;
        let mut editor = editor(self).map_err(failed)?;
        let mut text = String::new();
        loop {
            text = editor.readline_with_initial(QUESTION, (&text, "")).map_err(failed)?;
            match TypedCode::parse(&text, Some(role)) {
                Err(_) if text.trim().is_empty() => {}
                Err(failure) => super::say_line(&failure.to_string()),
                Ok(code) if stands_by(&code)? => return Ok(code),
                Ok(code) => {
                    if let Some(corrected) = code.corrected() {
                        text.clone_from(&corrected); // to be looked at, and entered
                    }
                }
            }
        }
    }
}

fn stands_by(code: &TypedCode) -> Result<bool, Failure> {
    let unknown = code.code.unknown_words();
    Ok(unknown.is_empty() || ask::yes_or_no(&ask::about(&unknown), false)?)
}

fn editor(prompt: Prompt) -> rustyline::Result<Editor<Completion, DefaultHistory>> {
    let config = Config::builder()
        .behavior(Behavior::PreferTerm) // standard output carries the payload
        .completion_type(CompletionType::List)
        .max_history_size(0)? // a code is good once, and a secret
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Completion { prompt, numbers: RefCell::new(None) }));
    Ok(editor)
}

fn failed(error: ReadlineError) -> Failure {
    match error {
        ReadlineError::Interrupted => {
            Failure::new(Exit::Interrupted, "caller", "interrupted; nothing was claimed")
        }
        ReadlineError::Eof => {
            Failure::declined("no code was typed, and nothing was claimed; start again")
        }
        other => Failure::here(format!("the code cannot be read: {other}; give it as an argument")),
    }
}

/// What Tab does.
struct Completion {
    prompt: Prompt,
    /// The numbers in use, once they have been asked for.
    numbers: RefCell<Option<Vec<String>>>,
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..position).unwrap_or(line);
        Ok((0, self.candidates(typed).into_iter().map(pair).collect()))
    }
}

impl Completion {
    /// Whole lines that begin with `typed`.
    fn candidates(&self, typed: &str) -> Vec<String> {
        let prefix = self.prompt.prefix;
        let Some(rest) = typed.strip_prefix(prefix) else {
            return Vec::from_iter(prefix.starts_with(typed).then(|| prefix.to_owned()));
        };
        match rest.split_once('-') {
            Some((_, words)) if words.is_empty() || words.ends_with('-') => Vec::new(), // all of them
            Some((number, words)) => complete(words, self.prompt.words)
                .into_iter()
                .map(|words| format!("{prefix}{number}-{words}"))
                .collect(),
            None => self.numbers_that_begin_with(rest),
        }
    }

    fn numbers_that_begin_with(&self, digits: &str) -> Vec<String> {
        let mut numbers = self.numbers.borrow_mut();
        let numbers = numbers.get_or_insert_with(|| (self.prompt.numbers)());
        numbers
            .iter()
            .filter(|number| number.starts_with(digits))
            .map(|number| format!("{}{number}-", self.prompt.prefix))
            .collect()
    }
}

/// A candidate that is listed by its last part only.
fn pair(line: String) -> Pair {
    let last = line.trim_end_matches('-').rsplit('-').next().unwrap_or_default();
    Pair { display: last.to_owned(), replacement: line }
}

impl Helper for Completion {}
impl Hinter for Completion {
    type Hint = String;
}
impl Highlighter for Completion {}
impl Validator for Completion {}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(prefix: &'static str, typed: &str) -> Vec<String> {
        let numbers = Box::new(|| vec!["4".to_owned(), "42".to_owned(), "7".to_owned()]);
        let prompt = Prompt { silent: false, prefix, words: 2, role: Role::Follower, numbers };
        Completion { prompt, numbers: RefCell::new(None) }.candidates(typed)
    }

    #[test]
    fn numbers_come_from_the_server_and_words_from_the_list() {
        assert_eq!(candidates("", ""), ["4-", "42-", "7-"]);
        assert_eq!(candidates("", "4"), ["4-", "42-"]);
        assert_eq!(candidates("", "9"), Vec::<String>::new());
        assert_eq!(candidates("", "4-guit"), ["4-guitarist-"]);
        assert_eq!(candidates("", "4-guitarist-reve"), ["4-guitarist-revenge"]);
        assert_eq!(candidates("", "4-"), Vec::<String>::new(), "256 words are no help");
    }

    #[test]
    fn local_codes_begin_with_their_prefix() {
        for typed in ["", "l", "local"] {
            assert_eq!(candidates("local-", typed), ["local-"]);
        }
        assert_eq!(candidates("local-", "local-4"), ["local-4-", "local-42-"]);
        assert_eq!(candidates("local-", "local-4-guit"), ["local-4-guitarist-"]);
        assert_eq!(candidates("local-", "4"), Vec::<String>::new());
    }

    #[test]
    fn a_list_shows_what_is_new() {
        assert_eq!(pair("4-guitarist-revenge".into()).display, "revenge");
        assert_eq!(pair("local-42-".into()).display, "42");
    }
}
