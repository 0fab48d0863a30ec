//! What the command prints about itself: completions and the manual page.

use std::io;

use clap::CommandFactory;

use super::blob;
use crate::{args::Cli, exit::Failure};

/// Prints the completions for a shell.
pub(crate) fn completions(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wormhole", &mut script);
    print(&script);
}

/// Prints the manual page: the command's, then one for each of its subcommands.
pub(crate) fn manual() -> Result<(), Failure> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    render(&command, &mut page)
        .map_err(|error| Failure::here(format!("the page cannot be made: {error}; tell us")))?;
    print(&page);
    Ok(())
}

fn render(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(page)?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help")
    {
        render(subcommand, page)?;
    }
    Ok(())
}

/// A reader that has seen enough, such as `head`, is no failure.
fn print(bytes: &[u8]) {
    let _ = blob::to_stdout(bytes);
}
