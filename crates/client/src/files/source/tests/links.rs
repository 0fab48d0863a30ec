//! Symbolic links: followed, unless that has no end.

use std::os::unix::fs::symlink;

use super::*;

fn pair(name: &str, content: &str) -> (String, String) {
    (name.to_owned(), content.to_owned())
}

#[test]
fn what_links_lead_to_is_sent_under_the_links_names() {
    let (_folder, root) = folder(&["dir/file"]);
    symlink("dir/file", root.join("to file")).unwrap();
    symlink("dir", root.join("to dir")).unwrap();
    let expected = [
        pair("dir/file", "dir/file"),
        pair("to dir/file", "dir/file"),
        pair("to file", "dir/file"),
    ];
    assert_eq!(entries(gather(&root)), expected);
    assert_eq!(gather(root.join("to file")).name(), "to file");
    assert_eq!(entries(gather(root.join("to dir"))), [pair("file", "dir/file")]);
}

#[test]
fn a_link_into_what_it_lies_in_is_refused_by_name_or_left_out_where_asked() {
    for target in [".", "..", "../..", "loop"] {
        let (_folder, root) = folder(&["a/b/file"]);
        symlink(target, root.join("a/b/loop")).unwrap();
        let error = refusal(&root);
        assert!(error.contains("a/b/loop\" is a link to a directory that it lies in"), "{error}");
        let source = Gathering::new().ignoring_unsendable().path(&root).unwrap();
        assert_eq!(left_out(&source), ["loop is a link to a directory that it lies in"]);
        assert_eq!(names(source), ["a/b/file"]);
    }
}

#[test]
fn a_loop_above_the_directory_that_is_sent_ends_where_it_comes_back_to_it() {
    let (_folder, root) = folder(&["inner/file"]);
    symlink("..", root.join("inner/up")).unwrap();
    let error = refusal(root.join("inner"));
    assert!(error.contains("inner/up/inner\" is a link to a directory that it lies in"), "{error}");
}

#[test]
fn a_link_to_nothing_is_refused_by_name() {
    let (_folder, root) = folder(&["file"]);
    symlink("nowhere", root.join("broken")).unwrap();
    assert!(refusal(&root).contains("broken\" is a link to nothing; remove the link"));
    let source = Gathering::new().ignoring_unsendable().path(&root).unwrap();
    assert_eq!(names(source), ["file"]);
}

#[test]
fn links_that_multiply_without_a_loop_come_to_an_end() {
    let (_folder, root) = folder(&["29/file"]);
    for level in 0..29 {
        let here = root.join(level.to_string());
        fs::create_dir(&here).unwrap();
        for link in ["one", "other"] {
            symlink(format!("../{}", level + 1), here.join(link)).unwrap();
        }
    }
    assert!(refusal(&root).contains("there are more than 10000 links to directories"));
}
