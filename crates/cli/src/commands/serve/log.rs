//! The server's own words, on the console beside the command's.

use std::{
    fmt::{Debug, Write},
    sync::Arc,
};

use tracing::{
    Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer, filter::LevelFilter, layer::Context, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::{json::Event, term::narrate::Console};

/// From now on tells of what the server logs, what is meant for its developers aside.
pub(super) fn to(console: &Arc<Console>) {
    let log = Log(Arc::clone(console)).with_filter(LevelFilter::INFO);
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
            _ => "info",
        };
        self.0.tell(&Event::Log { level, text: &(line.message + &line.fields) });
    }
}

/// A message, and its fields behind it.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, ", {name}: {value:?}"),
        };
    }
}
