//! What is seen of the database's files from outside, now and then, by a thread that may be kept
//! waiting: whoever asks for the server's health is answered out of memory.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::store::{Identity, size_on_disk};

/// How often it is looked.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a look may take before it is told that the disk does not answer. One that is busy takes
/// less.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an operator is told whose database is not where it was.
const LOST: &str = "the database was deleted or replaced while the server runs: what is stored now is lost when it stops; start it again";

/// What an operator is told whose disk does not even say how large a file is.
const SILENT: &str = "the disk of the database does not answer: nothing is stored before it does";

/// What was seen last.
pub(super) struct Sight {
    identity: Identity,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    seen: Seen,
    is_silent: bool,
}

/// What one look shows.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Whether the path leads to another file, or to none.
    is_lost: bool,
    /// Bytes of the database and of its log.
    bytes: u64,
}

impl Seen {
    fn of(identity: &Identity) -> Self {
        Self { is_lost: identity.is_lost(), bytes: size_on_disk(identity.path()) }
    }
}

impl Sight {
    /// Of a database that was just opened. It blocks.
    pub(super) fn of(identity: Identity) -> Self {
        let seen = Seen::of(&identity);
        Self { identity, state: Mutex::new(State { seen, is_silent: false }) }
    }

    /// Looks again and again, for ever.
    pub(super) async fn keep(&self) {
        let identity = self.identity.clone();
        self.keep_by(PAUSE, PATIENCE, move || Seen::of(&identity)).await;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.lock().seen.bytes
    }

    /// What is wrong with the files, if anything is.
    pub(super) fn trouble(&self) -> Option<&'static str> {
        let State { seen, is_silent } = *self.lock();
        if is_silent { Some(SILENT) } else { seen.is_lost.then_some(LOST) }
    }

    async fn keep_by(
        &self,
        pause: Duration,
        patience: Duration,
        look: impl Fn() -> Seen + Clone + Send + 'static,
    ) {
        loop {
            let mut looking = spawn_blocking(look.clone());
            let seen = if let Ok(seen) = timeout(patience, &mut looking).await {
                seen
            } else {
                self.lock().is_silent = true;
                tracing::error!("{SILENT}");
                looking.await // and no other is begun, which would hang as well
            };
            if let Ok(seen) = seen {
                *self.lock() = State { seen, is_silent: false };
            }
            sleep(pause).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    /// Waits until this is told.
    async fn turns(sight: &Sight, trouble: Option<&str>) {
        let told = async {
            while sight.trouble() != trouble {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(60), told).await.unwrap();
    }

    #[tokio::test]
    async fn a_disk_that_does_not_answer_keeps_nobody_waiting_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let sight = Arc::new(Sight::of(Identity::of(&folder.path().join("none"))));
        let (answer, answers) = mpsc::channel();
        let answers = Arc::new(Mutex::new(answers));
        let look = move || answers.lock().unwrap().recv().unwrap();
        let keeping = {
            let (sight, moment) = (Arc::clone(&sight), Duration::from_millis(1));
            tokio::spawn(async move { sight.keep_by(moment, 100 * moment, look).await })
        };
        // In this test there is one thread for all that is async: it would hang here.
        turns(&sight, Some(SILENT)).await;
        answer.send(Seen { is_lost: true, bytes: 7 }).unwrap();
        turns(&sight, Some(LOST)).await;
        assert_eq!(sight.bytes(), 7);
        turns(&sight, Some(SILENT)).await;
        answer.send(Seen { is_lost: false, bytes: 9 }).unwrap();
        turns(&sight, None).await;
        assert_eq!(sight.bytes(), 9);
        keeping.abort();
        drop(answer); // lets go of the look that goes on
    }
}
