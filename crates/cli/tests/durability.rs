//! `wormhole serve` and its database on a disk that is really full: one in memory, that no other program sees.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

mod support;

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use support::{Running, Scene, namespace::in_mounts};

/// A scene with a disk of a megabyte.
fn small_disk() -> (Scene, PathBuf) {
    let scene = Scene::without_server();
    let disk = scene.home().join("disk");
    fs::create_dir(&disk).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(&disk);
    assert!(mount.status().unwrap().success());
    (scene, disk)
}

/// What another program does: it leaves nothing free.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("somebody's");
    let mut file = File::create(&path).unwrap();
    for chunk in [4096, 1] {
        while file.write_all(&vec![1; chunk]).is_ok() {}
    }
    path
}

/// A server with its database on this disk, which the scene's commands use then.
fn serve(scene: &mut Scene, disk: &Path) -> Running {
    let database = disk.join("mailbox.sqlite");
    let database = database.to_str().unwrap();
    let server = scene.start(&["serve", "mailbox", "--listen", "127.0.0.1:0", "--db", database]);
    let line = server.wait_for_stderr("listening on ");
    line.split_whitespace().last().unwrap().clone_into(&mut scene.url);
    server
}

fn exchange(scene: &Scene, text: &str) -> Running {
    scene.start(&["--json", "exchange", "5-guitar-aardvark", "--text", text, "--timeout", "60"])
}

fn succeeds(sides: [Running; 2]) {
    let [one, other] = sides.map(|side| side.end().with_code(0));
    assert_eq!((one.text(), other.text()), ("from the other", "from one"));
}

#[test]
fn a_full_disk_is_told_and_when_there_is_room_again_all_goes_on() {
    if !in_mounts(a_full_disk_is_told_and_when_there_is_room_again_all_goes_on) {
        return;
    }
    let (mut scene, disk) = small_disk();
    let server = serve(&mut scene, &disk);
    succeeds([exchange(&scene, "from one"), exchange(&scene, "from the other")]);

    let filler = fill(&disk);
    let (one, other) = (exchange(&scene, "from one"), exchange(&scene, "from the other"));
    for side in [&one, &other] {
        let line = side.wait_for_stderr("\"delayed\"");
        assert!(line.contains("the server's disk is full"), "{line}");
    }
    server.wait_for_stderr("the database cannot be written");
    fs::remove_file(filler).unwrap();
    succeeds([one, other]);
}

#[test]
fn a_server_that_was_killed_on_a_full_disk_starts_again_when_there_is_room() {
    if !in_mounts(a_server_that_was_killed_on_a_full_disk_starts_again_when_there_is_room) {
        return;
    }
    let (mut scene, disk) = small_disk();
    let server = serve(&mut scene, &disk);
    let one = exchange(&scene, "from one");
    one.wait_for_stderr("waiting_for_peer");
    let filler = fill(&disk);
    let other = exchange(&scene, "from the other");
    other.wait_for_stderr("\"delayed\"");
    server.signal("KILL");
    server.end();
    drop((one, other));

    fs::remove_file(filler).unwrap();
    let _server = serve(&mut scene, &disk);
    let sides = ["from one", "from the other"];
    let [one, other] = sides.map(|text| {
        let arguments = ["exchange", "6-guitar-aardvark", "--text", text, "--timeout", "60"];
        scene.start(&arguments)
    });
    succeeds([one, other]);
}
