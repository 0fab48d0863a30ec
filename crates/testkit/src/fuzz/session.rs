//! Anybody says anything to the server.

use super::{lines::lines, room::Room};

/// Lines of a room: every answer is one that clients understand, no application and
/// no third side hears anything, the limits hold, and when all have left nothing stays.
pub fn session(data: &[u8]) {
    let mut room = Room::new();
    lines(data).for_each(|line| room.act(line));
    room.empty();
}
