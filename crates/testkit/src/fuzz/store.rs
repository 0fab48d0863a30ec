//! What a server changed is what its database holds.

use std::path::Path;

use wormhole_sync_server::store::{Store, Writer};

use super::{lines::lines, room::Room};

/// Bytes that the database may grow to.
const MAX_BYTES: u64 = 8 << 20;

/// Lines of a room. However its changes are grouped into commits, what is loaded is
/// what they add up to one by one; committing them twice changes nothing.
pub fn store(data: &[u8]) {
    let store =
        Store::open(Path::new(":memory:"), MAX_BYTES).unwrap_or_else(|error| panic!("{error}"));
    let mut writer = store.writer().unwrap_or_else(|error| panic!("{error}"));
    let mut room = Room::new();
    for line in lines(data) {
        if line.starts_with(['=', '!']) {
            commit(&mut writer, &mut room);
        }
        room.act(line);
    }
    commit(&mut writer, &mut room);
    let loaded = store.load().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded, room.ledger.snapshot());
}

fn commit(writer: &mut Writer<'_>, room: &mut Room) {
    let entries = room.take_journal();
    for _ in 0..2 {
        writer.commit(&entries).unwrap_or_else(|error| panic!("{error}"));
    }
}
