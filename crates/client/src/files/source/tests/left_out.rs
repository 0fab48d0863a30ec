//! What cannot be sent.

use std::{
    ffi::OsStr,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, net::UnixListener},
    thread,
};

use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::Uid,
    thread::set_thread_uid,
};

use super::*;
use crate::files::archive::Attributes;

pub(super) fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// Runs in the place of a user who is not the superuser, to whom everything is permitted.
fn as_nobody<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let nobody = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                set_thread_uid(Uid::from_raw(65_534)).unwrap();
            }
            run()
        });
        nobody.join().unwrap()
    })
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn what_may_not_be_read_is_an_error_that_names_it_or_is_left_out_where_asked() {
    let (folder, root) = folder(&["open", "shut", "closed/file"]);
    permit(folder.path(), 0o755);
    permit(&root.join("shut"), 0o000);
    permit(&root.join("closed"), 0o000);
    as_nobody(|| {
        let error = refusal(&root);
        assert!(error.contains("closed\" cannot be read: Permission denied"), "{error}");
        let error = refusal(root.join("shut"));
        assert!(error.contains("shut\" cannot be read: Permission denied"), "{error}");
        let source = Gathering::new().ignoring_unsendable().path(&root).unwrap();
        assert_eq!(
            left_out(&source),
            [
                "closed cannot be read: Permission denied (os error 13)",
                "shut cannot be read: Permission denied (os error 13)"
            ]
        );
        assert_eq!(names(source), ["open"]);
    });
    permit(&root.join("closed"), 0o700);
}

#[test]
fn pipes_and_sockets_are_never_opened_and_left_out_by_name() {
    let (_folder, root) = folder(&["file"]);
    pipe(&root.join("pipe"));
    let _listener = UnixListener::bind(root.join("socket")).unwrap();
    let source = gather(&root);
    assert_eq!(left_out(&source), ["pipe is a named pipe", "socket is a socket"]);
    assert_eq!(names(source), ["file"]);
    assert!(
        refusal(root.join("pipe"))
            .ends_with("pipe\" is a named pipe; read from it, and send what comes")
    );
    assert!(refusal("/dev/null").contains("is a device"));
}

#[test]
fn a_name_that_is_not_utf_8_is_an_error_or_is_left_out_where_asked() {
    let (_folder, root) = folder(&["file"]);
    fs::write(root.join(OsStr::from_bytes(b"caf\xe9")), "").unwrap();
    assert!(refusal(&root).contains("has a name that is not UTF-8; rename it"));
    let source = Gathering::new().ignoring_unsendable().path(&root).unwrap();
    assert_eq!(left_out(&source), ["caf\u{fffd} has a name that is not UTF-8"]);
    assert_eq!(names(source), ["file"]);
    let renamed = Gathering::new().named("café").path(root.join(OsStr::from_bytes(b"caf\xe9")));
    assert_eq!(renamed.unwrap().name(), "café");
}

#[test]
fn a_directory_whose_content_is_left_out_stays_as_an_empty_one() {
    let (_folder, root) = folder(&["file", "run/x"]);
    fs::remove_file(root.join("run/x")).unwrap();
    pipe(&root.join("run/pipe"));
    assert_eq!(names(gather(&root)), ["file", "run/"]);
}

#[test]
fn where_everything_is_left_out_nothing_is_offered() {
    let (_folder, root) = folder(&[]);
    pipe(&root.join("pipe"));
    let error = Gathering::new().ignoring_unsendable().path(&root).err().unwrap();
    assert!(error.to_string().contains("pipe\" is a named pipe"));
}

#[test]
fn a_tree_without_end_ends() {
    let (_folder, root) = folder(&[]);
    let mut path = root.clone();
    for _ in 0..260 {
        path.push("d");
        fs::create_dir(&path).unwrap();
    }
    assert!(refusal(&root).contains("there are more than 256 directories inside one another"));
}

#[test]
fn a_tree_of_too_many_entries_is_refused_before_it_fills_the_memory() {
    let (_folder, root) = folder(&["one more"]);
    let mut walk = walk::Walk::new(true);
    let attributes = Attributes { mode: 0o644, modified: 0 };
    for _ in 0..walk::MAX_ENTRIES {
        assert!(walk.archive.file("x", 0, attributes));
    }
    let error = walk.visit(&mut root.clone(), &mut String::new()).unwrap_err().to_string();
    assert!(error.contains("one more\" there are more than 4000000 entries"), "{error}");
}
