//! `wormhole serve`: the servers.

mod log;

use std::{env, fs, path::PathBuf, sync::Arc, time::Duration};

use wormhole_sync_server::{
    Clients, Config, Database, Limits, Mailbox, Notices, Permission, Timing, listen, prepare,
};

use crate::{
    args::{GlobalArgs, LimitArgs, MailboxArgs, TimingArgs},
    exit::Failure,
    json::Event,
    signals,
    term::narrate::Console,
};

/// Runs a mailbox server until it is told to stop.
pub(crate) async fn mailbox(
    global: &GlobalArgs,
    args: &MailboxArgs,
    console: &Arc<Console>,
) -> Result<(), Failure> {
    if global.tor || global.proxy.is_some() {
        return Err(Failure::usage(
            "a server connects to nobody, so that --proxy and --tor cannot hide it; leave them out, and \
             listen on loopback behind an onion service",
        ));
    }
    let config = config(args)?;
    let cannot_listen = |error| {
        Failure::here(format!(
            "{} cannot be listened on: {error}; choose another with --listen",
            args.listen
        ))
    };
    let listener = listen(args.listen).map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    log::to(console);
    let stop = signals::stop()?;
    let url = format!("ws://{address}/v1");
    let server =
        prepare(listener, config).await.map_err(|error| Failure::here(error.to_string()))?;
    console.tell(&Event::Listening { url: &url });
    let served = server.serve(async { _ = stop.await }).await;
    served.map_err(|error| Failure::here(format!("the server stopped: {error}")))?;
    console.tell(&Event::Closed);
    Ok(())
}

fn config(args: &MailboxArgs) -> Result<Config, Failure> {
    let mailbox = Mailbox {
        database: database(args)?,
        notices: Notices {
            motd: args.motd.clone(),
            error: args.welcome_error.clone(),
            current_cli_version: args.advertise_version.clone(),
            transit_relays: Vec::new(),
        },
        permission: permission(args),
        allow_list: args.allow_list,
        limits: limits(&args.limits),
        timing: timing(&args.timing),
    };
    Ok(Config { mailbox: Some(mailbox), clients: clients(args), ..Config::default() })
}

fn clients(args: &MailboxArgs) -> Clients {
    let usual = Clients::default();
    let limits = &args.limits;
    Clients {
        connections: limits.connections.unwrap_or(usual.connections),
        connections_per_address: limits
            .connections_per_address
            .unwrap_or(usual.connections_per_address),
        limit_loopback: args.limit_loopback,
        trusted_proxies: args.trusted_proxies.clone(),
        proxy_protocol: usual.proxy_protocol,
        head_bytes: limits.head_bytes.unwrap_or(usual.head_bytes),
        handshake: args
            .timing
            .handshake
            .map_or(usual.handshake, |seconds| Duration::from_secs(seconds.into())),
    }
}

fn permission(args: &MailboxArgs) -> Permission {
    match (args.hashcash_bits, &args.hashcash_resource) {
        (Some(bits), Some(resource)) => Permission::Hashcash { bits, resource: resource.clone() },
        _ => Permission::None,
    }
}

fn limits(args: &LimitArgs) -> Limits {
    let usual = Limits::default();
    Limits {
        message_bytes: args.message_bytes.unwrap_or(usual.message_bytes),
        unbound_message_bytes: args.unbound_message_bytes.unwrap_or(usual.unbound_message_bytes),
        incoming_bytes: args.incoming_bytes.unwrap_or(usual.incoming_bytes),
        incoming_bytes_per_address: args
            .incoming_bytes_per_address
            .unwrap_or(usual.incoming_bytes_per_address),
        mailbox_messages: args.mailbox_messages.unwrap_or(usual.mailbox_messages),
        mailbox_bytes: args.mailbox_bytes.unwrap_or(usual.mailbox_bytes),
        mailboxes_per_address: args.mailboxes_per_address.unwrap_or(usual.mailboxes_per_address),
        mailboxes: args.mailboxes.unwrap_or(usual.mailboxes),
        stored_bytes: args.stored_bytes.unwrap_or(usual.stored_bytes),
        stored_bytes_per_address: args
            .stored_bytes_per_address
            .unwrap_or(usual.stored_bytes_per_address),
        outbox_bytes: args.outbox_bytes.unwrap_or(usual.outbox_bytes),
        outboxes_bytes: args.outboxes_bytes.unwrap_or(usual.outboxes_bytes),
        outboxes_bytes_per_address: args
            .outboxes_bytes_per_address
            .unwrap_or(usual.outboxes_bytes_per_address),
        database_bytes: args.database_bytes.unwrap_or(usual.database_bytes),
    }
}

fn timing(args: &TimingArgs) -> Timing {
    let usual = Timing::default();
    let seconds = |given: Option<u32>, usual| {
        given.map_or(usual, |seconds| Duration::from_secs(seconds.into()))
    };
    Timing {
        message: seconds(args.message, usual.message),
        ping: seconds(args.ping, usual.ping),
        silence: seconds(args.silence, usual.silence),
        idle_mailbox: seconds(args.idle_mailbox, usual.idle_mailbox),
        prune: seconds(args.prune, usual.prune),
    }
}

fn database(args: &MailboxArgs) -> Result<Database, Failure> {
    match &args.db {
        Some(path) if path.as_os_str() == ":memory:" => Ok(Database::Memory),
        Some(path) => Ok(Database::Path(path.clone())),
        None => default_database().map(Database::Path),
    }
}

/// The usual place, made when it is not there. Only its owner may look into it.
fn default_database() -> Result<PathBuf, Failure> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .ok_or_else(|| {
            Failure::usage("there is no home directory for the database; name a place with --db")
        })?;
    let directory = state.join("wormhole-sync");
    make_private(&directory).map_err(|error| {
        Failure::here(format!(
            "{} cannot be made: {error}; name another place with --db",
            directory.display()
        ))
    })?;
    Ok(directory.join("mailbox.sqlite"))
}

fn make_private(directory: &std::path::Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: MailboxArgs,
    }

    /// The names of a struct's fields.
    fn fields(settings: &impl std::fmt::Debug) -> Vec<String> {
        let text = format!("{settings:?}").replace(['{', '}'], ",");
        let names = text.split(", ").filter_map(|field| field.trim().split_once(": "));
        names.map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn each_flag_sets_the_limit_or_time_of_its_name_and_no_other() {
        let mut limits = fields(&Limits::default());
        limits.extend(["connections", "connections_per_address", "head_bytes"].map(str::to_owned));
        let mut times = fields(&Timing::default());
        times.push("handshake".to_owned());
        let limits_and_times = [(limits, "", ""), (times, "-time", "s")];
        for (names, end, unit) in limits_and_times {
            assert!(names.len() > 4, "{names:?}");
            for name in names {
                let flag = format!("--{}{end}", name.replace('_', "-"));
                let line = Line::parse_from(["mailbox", "--db", ":memory:", &flag, "77"]);
                let config = config(&line.args).unwrap();
                let now = format!("{config:?}");
                assert!(now.contains(&format!(" {name}: 77{unit}")), "{flag}: {now}");
                assert_eq!(now.matches(": 77").count(), 1, "{flag}: {now}");
            }
        }
    }
}
