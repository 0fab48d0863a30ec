//! What changes between being announced and being sent.

use std::{fs::File, time::Duration};

use super::*;

/// The error of a source whose directory was changed after it had been announced.
fn after(change: impl Fn(&Path)) -> String {
    let (_folder, root) = folder(&["a/before", "a/entry", "a/later"]);
    let source = Gathering::new().ignoring_unsendable().path(&root).unwrap();
    change(&root.join("a/entry"));
    let error = bytes(source).unwrap_err();
    assert!(error.get_ref().unwrap().is::<SourceError>());
    let text = error.to_string();
    assert!(text.contains("a/entry\""), "{text}");
    text
}

#[test]
fn an_entry_that_changes_after_its_size_was_announced_is_named_with_what_has_become_of_it() {
    assert!(after(|path| fs::write(path, "longer than before").unwrap()).contains("has grown"));
    assert!(after(|path| fs::write(path, "short").unwrap()).contains("has shrunk"));
    assert!(after(|path| fs::remove_file(path).unwrap()).contains("has vanished"));
    let replaced = after(|path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    });
    assert!(replaced.contains("has become something else") || replaced.contains("has grown"));
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_no_trap() {
    let text = after(|path| {
        fs::remove_file(path).unwrap();
        super::left_out::pipe(path);
    });
    assert!(text.contains("has become something else"), "{text}");
}

#[test]
fn an_entry_that_was_replaced_by_one_of_the_same_size_is_sent_as_it_is_now() {
    let (_folder, root) = folder(&["entry"]);
    let source = gather(&root);
    fs::remove_file(root.join("entry")).unwrap();
    fs::write(root.join("entry"), "YRTNE").unwrap();
    assert_eq!(entries(source), [("entry".to_owned(), "YRTNE".to_owned())]);
}

/// The error of a file that is changed when half of it has been read.
fn half_way(change: impl Fn(&Path)) -> String {
    let (_folder, root) = folder(&[]);
    let path = root.join("half");
    fs::write(&path, vec![1; 1000]).unwrap();
    let mut reader = gather(&path).into_reader();
    reader.read_exact(&mut [0; 500]).unwrap();
    change(&path);
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err().to_string();
    assert!(reader.read(&mut [0]).is_err(), "what has failed does not go on");
    error
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_sent_half_old_and_half_new() {
    assert!(half_way(|path| fs::write(path, vec![2; 1001]).unwrap()).contains("has grown"));
    assert!(half_way(|path| fs::write(path, vec![2; 600]).unwrap()).contains("has shrunk"));
    let rewritten = half_way(|path| {
        let file = File::options().write(true).open(path).unwrap();
        let time = file.metadata().unwrap().modified().unwrap() + Duration::from_secs(1);
        file.set_modified(time).unwrap();
    });
    assert!(rewritten.contains("has been written to"));
}

#[test]
fn a_file_that_was_offered_may_be_renamed_or_deleted_before_it_is_sent() {
    let (_folder, root) = folder(&["plan.txt"]);
    let source = gather(root.join("plan.txt"));
    fs::remove_file(root.join("plan.txt")).unwrap();
    assert_eq!(bytes(source).unwrap(), b"plan.txt");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_of_the_system_that_has_content_and_no_size_is_not_sent_as_an_empty_one() {
    let error = bytes(gather("/proc/self/status")).unwrap_err().to_string();
    assert!(error.starts_with("\"/proc/self/status\" has grown"), "{error}");
}
