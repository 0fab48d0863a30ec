//! What happens to an exchange, as the package tells it: the names and fields of the command's `--json`.

use std::sync::Arc;

use pyo3::{prelude::*, types::PyDict};
use wormhole_sync::{Options, Status};

use crate::{failure::Failure, process::process};

/// Has `watch` called with what happens, on the thread for that.
pub(crate) fn watched(options: Options, watch: Option<Py<PyAny>>) -> Result<Options, Failure> {
    let Some(watch) = watch else { return Ok(options) };
    let (watch, process) = (Arc::new(watch), process()?);
    Ok(options.on_status(move |status| {
        let (watch, status) = (Arc::clone(&watch), status.clone());
        process.tell(Box::new(move |py| watch.call1(py, (told(py, &status)?,)).map(drop)));
    }))
}

fn told<'py>(py: Python<'py>, status: &Status) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    let event = match status {
        Status::Connecting { url, .. } => {
            told.set_item("url", url)?;
            "connecting"
        }
        Status::Connected => "connected",
        Status::Disconnected { retry_in, .. } => {
            told.set_item("retry_in", retry_in.as_secs_f64())?;
            "disconnected"
        }
        Status::Welcome { motd, .. } => {
            told.set_item("motd", motd)?;
            "welcome"
        }
        Status::Delayed { reason, .. } => {
            told.set_item("reason", reason)?;
            "delayed"
        }
        Status::Working { bits, .. } => {
            told.set_item("bits", bits)?;
            "working"
        }
        Status::Code(code) => {
            told.set_item("code", code.as_str())?;
            "code"
        }
        Status::WaitingForPeer => "waiting_for_peer",
        Status::KeyAgreed => "key_agreed",
        Status::KeyConfirmed { verifier, .. } => {
            told.set_item("verifier", verifier.to_string())?;
            "key_confirmed"
        }
        Status::Closed => "closed",
        _ => "other", // none so far
    };
    told.set_item("event", event)?;
    Ok(told)
}
