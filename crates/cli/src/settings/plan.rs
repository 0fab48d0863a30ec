//! Where the code comes from.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use wormhole_sync::{Code, Role};
use zeroize::Zeroizing;

use super::variable;
use crate::{
    args::{CodeArgs, MeetingArgs},
    code::{Place, TypedCode},
    exit::Failure,
};

/// What this side does about a code.
pub(crate) enum Plan {
    /// Makes one.
    Make,
    /// Asks for one.
    Ask,
    /// Uses this one; whoever comes first waits, or locally hosts.
    Choose(TypedCode, Shown),
    /// Uses this one, which the other side was given.
    Join(TypedCode),
}

/// Whether a code that was chosen is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// With what to do on the other computer.
    Code,
    /// It came by a way that hides it; so it stays hidden.
    Hidden,
    /// There is none to speak of.
    Zero,
}

/// The ways by which a code can come that are common to all commands.
pub(crate) struct Sources<'a> {
    args: &'a CodeArgs,
    /// No code at all.
    zero: bool,
    /// No server.
    local: bool,
    role: Option<Role>,
}

impl<'a> Sources<'a> {
    /// As the command line has them. `role` is what the reader of a URI is here.
    pub(crate) const fn new(args: &'a CodeArgs, meeting: &MeetingArgs, role: Option<Role>) -> Self {
        Self { args, zero: meeting.zero, local: meeting.nearby.local, role }
    }

    /// A code of one's own choosing, or else one that is made here: for `send` and `exchange`.
    pub(crate) fn choose_or_make(&self, argument: Option<&str>) -> Result<Plan, Failure> {
        if self.zero {
            return Ok(Plan::Choose(zero_code(self.local)?, Shown::Zero));
        }
        if let Some(text) = argument {
            self.only_once()?;
            return Ok(Plan::Choose(TypedCode::parse(text, self.role)?, Shown::Code));
        }
        let hidden = self.hidden()?;
        Ok(hidden.map_or(Plan::Make, |code| Plan::Choose(code, Shown::Hidden)))
    }

    /// The code that the other side was given, or else one to be asked for: for `receive`.
    pub(crate) fn join_or_ask(&self, argument: Option<&str>) -> Result<Plan, Failure> {
        if self.zero {
            return Ok(Plan::Join(zero_code(self.local)?));
        }
        if let Some(text) = argument {
            return self.join(text);
        }
        Ok(self.hidden()?.map_or(Plan::Ask, Plan::Join))
    }

    /// The code that the other side was given.
    pub(crate) fn join(&self, argument: &str) -> Result<Plan, Failure> {
        self.only_once()?;
        Ok(Plan::Join(TypedCode::parse(argument, self.role)?))
    }

    /// A code that stays out of the process list: from a file, a descriptor or the environment.
    fn hidden(&self) -> Result<Option<TypedCode>, Failure> {
        let text = if let Some(path) = &self.args.code_file {
            first_line(path, &path.display().to_string())?
        } else if let Some(number) = self.args.code_fd {
            first_line(Path::new(&format!("/dev/fd/{number}")), &format!("descriptor {number}"))?
        } else if let Some(text) = variable("WORMHOLE_CODE")? {
            Zeroizing::new(text)
        } else {
            return Ok(None);
        };
        TypedCode::parse(&text, self.role).map(Some)
    }

    fn only_once(&self) -> Result<(), Failure> {
        if self.args.code_file.is_some() || self.args.code_fd.is_some() {
            return Err(Failure::usage("the code is given twice; give it in one way only"));
        }
        Ok(())
    }
}

/// The code of the mode without codes, as the family's tools have it.
fn zero_code(local: bool) -> Result<TypedCode, Failure> {
    let code = Code::parse("0-").map_err(|error| Failure::usage(error.to_string()))?;
    Ok(TypedCode::new(if local { Place::Local } else { Place::Server }, code))
}

/// Most bytes of a line that holds a code: a URI's limit.
const MAX_LINE: u64 = 4096;

fn first_line(path: &Path, name: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |error| {
        Failure::here(format!(
            "the code cannot be read from {name}: {error}; check that it is there"
        ))
    };
    let file = File::open(path).map_err(failed)?;
    let mut line = Zeroizing::new(String::new());
    BufReader::new(file.take(MAX_LINE)).read_line(&mut line).map_err(failed)?;
    Ok(line)
}
