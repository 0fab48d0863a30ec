//! Questions to the person at this end.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Write, stderr, stdin},
};

use wormhole_sync::UnknownWord;

use super::sanitize;
use crate::exit::Failure;

/// The terminal itself, whatever standard input and output are.
const TERMINAL: &str = "/dev/tty";

/// Whether there is somebody to ask before a guess is spent: what is asked can be seen, and answers
/// can be typed.
pub(crate) fn somebody_is_there(stdin_is_taken: bool) -> bool {
    stderr().is_terminal() && ((!stdin_is_taken && stdin().is_terminal()) || terminal().is_ok())
}

/// Whether an answer can come at all: typed, or from a program on standard input.
pub(crate) fn can_answer(stdin_is_taken: bool) -> bool {
    !stdin_is_taken || terminal().is_ok()
}

/// Asks until the answer is yes or no; the end of the input is a no. Without a question, one was asked
/// as an event, and the answers come from a program. Waits for a person: not for async tasks.
pub(crate) fn yes_or_no(question: &str, stdin_is_taken: bool) -> Result<bool, Failure> {
    ask(question, stdin_is_taken, false)
}

fn ask(question: &str, stdin_is_taken: bool, nothing_is_yes: bool) -> Result<bool, Failure> {
    let mut answers = answers(stdin_is_taken)?;
    say(question)?;
    loop {
        let Some(answer) = line(&mut answers)? else {
            end_line(question)?;
            return Ok(false);
        };
        match answer.trim().to_lowercase().as_str() {
            "yes" | "y" => return Ok(true),
            "no" | "n" => return Ok(false),
            "" if nothing_is_yes => return Ok(true),
            _ if question.is_empty() => {}
            _ => say("Please answer yes or no: ")?,
        }
    }
}

/// Asks until the answer is yes or no; an empty line is a yes, as in the Python tool, and the end of the
/// input a no. Without a question, as above.
pub(crate) fn yes_or_else(question: &str, stdin_is_taken: bool) -> Result<bool, Failure> {
    ask(question, stdin_is_taken, !question.is_empty())
}

/// One line from standard input, without its line break. Without a question, as above.
pub(crate) fn one_line(question: &str) -> Result<String, Failure> {
    say(question)?;
    let Some(answer) = line(&mut stdin().lock())? else {
        end_line(question)?;
        return Err(Failure::usage("nothing was typed; start again"));
    };
    Ok(answer)
}

/// Asks until one of `count` things is named by its number; they are numbered from 1 in the question, and
/// from 0 in what is returned. Waits for a person, as above.
pub(crate) fn number(question: &str, count: usize) -> Result<usize, Failure> {
    let mut answer = one_line(question)?;
    loop {
        match answer.trim().parse::<usize>() {
            Ok(number) if (1..=count).contains(&number) => return Ok(number - 1),
            _ => answer = one_line(&format!("Please answer with a number from 1 to {count}: "))?,
        }
    }
}

/// Whether a code with these words is meant so.
pub(crate) fn about(unknown: &[UnknownWord]) -> String {
    let mut words: Vec<String> = unknown.iter().map(about_one).collect();
    words
        .push("A wrong code can be tried only once. Use it as it was typed? (yes/no): ".to_owned());
    words.concat()
}

fn about_one(word: &UnknownWord) -> String {
    let typed = sanitize::line(&word.word, 50);
    let near = match &*word.suggestions {
        [] => String::new(),
        near => format!("; near it: {}", near.join(", ")),
    };
    format!("'{typed}' is not one of the words that codes are made of{near}.\n")
}

fn say(text: &str) -> Result<(), Failure> {
    let mut stderr = stderr().lock();
    let said = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    said.map_err(|error| {
        Failure::here(format!("the question cannot be shown: {error}; run this at a terminal"))
    })
}

fn answers(stdin_is_taken: bool) -> Result<Box<dyn BufRead>, Failure> {
    if !stdin_is_taken {
        return Ok(Box::new(stdin().lock()));
    }
    let terminal = terminal().map_err(|error| {
        Failure::usage(format!(
            "there is no terminal to answer from ({error}); run this at a terminal"
        ))
    })?;
    Ok(Box::new(BufReader::new(terminal)))
}

/// The end of the input ends no line: what is said next would stand behind the question.
fn end_line(question: &str) -> Result<(), Failure> {
    say(if question.is_empty() { "" } else { "\n" })
}

fn terminal() -> io::Result<File> {
    File::open(TERMINAL)
}

/// Most bytes of an answer.
const MAX_LINE: u64 = 1 << 20;

fn line(answers: &mut dyn BufRead) -> Result<Option<String>, Failure> {
    let mut bytes = Vec::new();
    let mut limited = io::Read::take(answers, MAX_LINE);
    let read = limited.read_until(b'\n', &mut bytes);
    let read = read.map_err(|error| {
        Failure::here(format!("the answer cannot be read: {error}; start again"))
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage("the answer is not UTF-8; check the terminal's settings"))?;
    Ok((read > 0).then(|| text.trim_end_matches(['\n', '\r']).to_owned()))
}
