-- A database of version 1, as a server left it: somebody waits behind nameplate 4, and two are in a
-- mailbox whose nameplate they have let go.
CREATE TABLE mailboxes (
    row INTEGER PRIMARY KEY, app TEXT NOT NULL, name TEXT NOT NULL,
    side1 TEXT, since1 REAL, open1 INTEGER, mood1 TEXT,
    side2 TEXT, since2 REAL, open2 INTEGER, mood2 TEXT
);
CREATE TABLE nameplates (
    row INTEGER PRIMARY KEY, app TEXT NOT NULL, name TEXT NOT NULL,
    mailbox INTEGER NOT NULL, allocated INTEGER NOT NULL,
    side1 TEXT, claimed1 INTEGER, side2 TEXT, claimed2 INTEGER
);
CREATE TABLE messages (
    mailbox INTEGER NOT NULL, number INTEGER NOT NULL, side TEXT NOT NULL, phase TEXT NOT NULL,
    body TEXT NOT NULL, server_rx REAL NOT NULL, id TEXT,
    PRIMARY KEY (mailbox, number)
) WITHOUT ROWID;
INSERT INTO mailboxes VALUES
    (1, 'example.com/chat', 'kd3mp4vq2t6ya', 'a', 1700000000.5, 1, NULL, NULL, NULL, NULL, NULL),
    (3, 'example.com/chat', 'x7w2nq5c4b3rf', 'b', 1700000001.5, 0, 'happy', 'c', 1700000002.5, 1, NULL);
INSERT INTO nameplates VALUES (2, 'example.com/chat', '4', 1, 1, 'a', 1, NULL, NULL);
INSERT INTO messages VALUES
    (1, 0, 'a', 'pake', 'c0ffee', 1700000000.75, '"a1"'),
    (3, 0, 'b', 'pake', '00', 1700000001.75, NULL),
    (3, 1, 'c', 'pake', '01', 1700000002.75, '{"x": 1}');
PRAGMA user_version = 1;
