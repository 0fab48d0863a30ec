//! The `wormhole` command: arguments as typed, settings worked out, a command run, an exit code.

mod exit;
mod json;

mod code;

mod args;

mod term;

mod ssh;

mod local;

mod settings;

mod meet;
mod signals;

mod commands;

use std::{env, process::ExitCode, sync::Arc};

use tokio::runtime::Builder;
use wormhole_sync::{DROP_LIMIT, farewells};

use crate::{
    args::{Cli, Command, Errand, SshCommand},
    commands::{doctor, exchange, paper, receive, send, serve, ssh::accept},
    exit::{Exit, Failure},
    json::Event,
    term::narrate::Console,
};

fn main() -> ExitCode {
    let cli = Cli::read(env::args_os());
    let console = Arc::new(Console::new(cli.global.json));
    let result = run(&cli, &console);
    match result {
        Ok(()) => Exit::Success.into(),
        Err(failure) => {
            let exit = failure.exit();
            let message = failure.to_string();
            let fault = failure.fault();
            console.tell(&Event::Error { message: &message, fault, exit: exit as u8 });
            exit.into()
        }
    }
}

/// What comes from the arguments, files and standard input is worked out first, while Ctrl-C still
/// does what it does everywhere.
fn run(cli: &Cli, console: &Arc<Console>) -> Result<(), Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Exchange(args) => {
            let exchange = exchange::prepare(global, args, console)?;
            politely(exchange::run(exchange, console))
        }
        Command::Send(args) => {
            let send = send::prepare(global, args, console)?;
            politely(send::run(send, console))
        }
        Command::Receive(args) => {
            let receive = receive::prepare(global, args)?;
            politely(receive::run(receive, console))
        }
        Command::Ssh(args) => match &args.command {
            #[cfg(unix)]
            SshCommand::Invite(args) => {
                let invite = commands::ssh::invite::prepare(global, args, console)?;
                politely(commands::ssh::invite::run(invite, console))
            }
            SshCommand::Accept(args) => {
                let accept = accept::prepare(global, args, console)?;
                politely(accept::run(accept, console))
            }
        },
        Command::Doctor(args) => {
            let checkup = doctor::prepare(global, args)?;
            on(Builder::new_current_thread(), doctor::run(checkup, console))
        }
        Command::Serve(args) => {
            serve::refuse_clients_flags(global)?;
            match args.errand() {
                Some(Errand::Status(args)) => {
                    return on(Builder::new_current_thread(), serve::status::run(global, args));
                }
                Some(Errand::Backup(args)) => return serve::backup::run(args, console),
                None => {}
            }
            let serve = serve::prepare(global, args, console)?;
            let openings = serve.openings()?;
            if args.settings().check {
                return on(Builder::new_current_thread(), serve.check(&openings, console));
            }
            on(Builder::new_multi_thread(), serve.run(openings, console))
        }
        Command::Completions { shell } => {
            paper::completions(*shell);
            Ok(())
        }
        Command::Man => paper::manual(),
    }
}

/// Runs what meets another side until it is done or stopped. However it ends, the server is told
/// goodbye.
fn politely(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    on(Builder::new_current_thread(), async {
        let stop = signals::stop()?;
        let result = tokio::select! {
            done = work => done,
            exit = stop => Err(Failure::new(exit, "caller", "stopped; start again with a new code")),
        };
        farewells(DROP_LIMIT).await;
        result
    })
}

/// Runs what needs the network: a server on all of the processor's cores, everything else on one thread.
fn on(
    mut runtime: Builder,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let runtime = runtime.enable_all().build().map_err(|error| {
        Failure::here(format!("nothing can be run: {error}; free some resources"))
    })?;
    let result = runtime.block_on(work);
    runtime.shutdown_background(); // a thread that waits for an answer at the terminal is left behind
    result
}
