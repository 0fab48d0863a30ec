//! The `wormhole` command: arguments as typed, settings worked out, a command run, an exit code.

mod exit;
mod json;

mod code;

mod args;

mod term;

mod local;

mod settings;

mod meet;
mod signals;

mod commands;

use std::{process::ExitCode, sync::Arc};

use clap::Parser;
use tokio::runtime::Builder;
use wormhole_sync::{DROP_LIMIT, farewells};

use crate::{
    args::{Cli, Command, GlobalArgs, ServeCommand},
    commands::{exchange, paper, receive, send, serve},
    exit::{Exit, Failure},
    json::Event,
    term::narrate::Console,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Arc::new(Console::new(cli.global.json));
    let result = match &cli.command {
        Command::Completions { shell } => {
            paper::completions(*shell);
            Ok(())
        }
        Command::Man => paper::manual(),
        command => run(&cli.global, command, &console),
    };
    match result {
        Ok(()) => Exit::Success.into(),
        Err(failure) => {
            let exit = failure.exit();
            let message = failure.to_string();
            console.tell(&Event::Error {
                message: &message,
                fault: failure.fault(),
                exit: exit as u8,
            });
            exit.into()
        }
    }
}

/// Runs what needs the network, on one thread. However it ends, the server is told goodbye.
fn run(global: &GlobalArgs, command: &Command, console: &Arc<Console>) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Failure::here(format!("nothing can be run: {error}; free some resources"))
    })?;
    let result = runtime.block_on(async {
        let result = match command {
            Command::Serve(args) => match &args.command {
                ServeCommand::Mailbox(args) => serve::mailbox(args, console).await,
            },
            command => until_stopped(global, command, console).await,
        };
        farewells(DROP_LIMIT).await;
        result
    });
    runtime.shutdown_background(); // a thread that waits for an answer at the terminal is left behind
    result
}

async fn until_stopped(
    global: &GlobalArgs,
    command: &Command,
    console: &Arc<Console>,
) -> Result<(), Failure> {
    let stop = signals::stop()?;
    let work = async {
        match command {
            Command::Exchange(args) => exchange::run(global, args, console).await,
            Command::Send(args) => send::run(global, args, console).await,
            Command::Receive(args) => receive::run(global, args, console).await,
            Command::Serve(_) | Command::Completions { .. } | Command::Man => Ok(()),
        }
    };
    tokio::select! {
        done = work => done,
        exit = stop => Err(Failure::new(exit, "caller", "stopped; start again with a new code")),
    }
}
