//! The server's own words, on the console beside the command's.

use std::{
    collections::BTreeMap,
    fmt::{Debug, Write},
    sync::Arc,
};

use tracing::{
    Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer, filter::Targets, layer::Context, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::{
    json::Event,
    settings::serve::{LogLevel, LogSettings},
    term::narrate::Console,
};

/// From now on tells of what the server logs that is important enough; of other crates' words at most the usual.
pub(super) fn to(console: &Arc<Console>, settings: LogSettings) {
    let console = Arc::clone(console);
    let level = match settings.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warning => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let most = Targets::new().with_default(level.min(Level::INFO)).with_target("wormhole", level);
    let log = Log(console).with_filter(most);
    // A second call, which only a test could make, changes nothing.
    let _ = tracing_subscriber::registry().with(log).try_init();
}

struct Log(Arc<Console>);

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            _ => "debug",
        };
        let mut text = line.message;
        for (name, value) in &line.fields {
            _ = write!(text, ", {name}: {value}"); // writing to a string does not fail
        }
        self.0.tell(&Event::Log { level, text: &text, fields: &line.fields });
    }
}

/// A message, and its fields behind it.
#[derive(Default)]
struct Line {
    message: String,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => {
                self.fields.insert(name, format!("{value:?}"));
                Ok(())
            }
        };
    }
}
