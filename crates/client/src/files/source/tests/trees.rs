//! Whole trees, there and back again by other people's readers.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, process::Command};

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
};

use super::*;

#[derive(Clone, Debug)]
enum Node {
    File(Vec<u8>, u32),
    Directory(BTreeMap<String, Node>, u32),
}

/// What is on the disk: permissions, and the content of a file. Directories count where they are empty.
type Tree = BTreeMap<String, (u32, Option<Vec<u8>>)>;

fn plant(path: &Path, node: &Node) {
    let mode = match node {
        Node::File(content, mode) => {
            fs::write(path, content).unwrap();
            mode
        }
        Node::Directory(children, mode) => {
            fs::create_dir(path).unwrap();
            for (name, child) in children {
                plant(&path.join(name), child);
            }
            if children.is_empty() { mode } else { &0o755 }
        }
    };
    fs::set_permissions(path, PermissionsExt::from_mode(*mode)).unwrap();
}

fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut waiting = vec![(root.to_owned(), String::new())];
    while let Some((path, name)) = waiting.pop() {
        let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
        if path.is_file() {
            tree.insert(name, (mode, Some(fs::read(path).unwrap())));
            continue;
        }
        let children: Vec<_> = fs::read_dir(&path).unwrap().map(|child| child.unwrap()).collect();
        if children.is_empty() && !name.is_empty() {
            tree.insert(name.clone(), (mode, None));
        }
        for child in children {
            waiting.push((child.path(), format!("{name}/{}", child.file_name().to_str().unwrap())));
        }
    }
    tree
}

/// What the family's receiver does: Python's zipfile, and the permissions set after each entry.
const UNPACK: &str = "import os, sys, zipfile\n\
    with zipfile.ZipFile(sys.argv[1]) as z:\n\
    \x20 assert z.testzip() is None\n\
    \x20 for i in z.infolist():\n\
    \x20   z.extract(i.filename, sys.argv[2])\n\
    \x20   os.chmod(os.path.join(sys.argv[2], i.filename), i.external_attr >> 16)\n";

fn by_python(archive: &[u8]) -> Tree {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = (folder.path().join("x.zip"), folder.path().join("out"));
    fs::write(&path, archive).unwrap();
    fs::create_dir(&target).unwrap();
    let mut python = Command::new("python3");
    let python = python.env("PYTHONUTF8", "1").args(["-c", UNPACK]).args([&path, &target]);
    let output = python.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    tree(&target)
}

fn by_the_zip_crate(archive: &[u8]) -> Tree {
    let mut archive = zip::ZipArchive::new(io::Cursor::new(archive)).unwrap();
    let mut tree = Tree::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = format!("/{}", entry.name().unwrap());
        let mode = entry.unix_mode().unwrap() & 0o7777;
        // Not `is_dir`, to which a file whose name ends in a backslash is a directory, too.
        if name.ends_with('/') {
            tree.insert(name.trim_end_matches('/').to_owned(), (mode, None));
        } else {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            tree.insert(name, (mode, Some(content)));
        }
    }
    tree
}

fn assert_survives(root: &Path) {
    let (before, archive) = (tree(root), bytes(gather(root)).unwrap());
    assert_eq!(by_python(&archive), before);
    assert_eq!(by_the_zip_crate(&archive), before);
}

#[test]
fn odd_names_modes_and_empty_directories_survive() {
    let (_folder, root) = folder(&[
        "a\\b",
        "tab\t",
        "line\nbreak",
        "\u{1b}[31m",
        "-rf",
        " blank ",
        "C:",
        "con",
        "...",
        "~",
        "ü/日本/🦀",
        "e\u{301}/\u{e9}",
        "x/y/z/w",
        "empty/none",
        "empty/private",
        "none/run.sh",
    ]);
    fs::write(root.join("n".repeat(255)), "long").unwrap();
    for (name, mode) in [("empty/none", 0o755), ("empty/private", 0o700)] {
        fs::remove_file(root.join(name)).unwrap();
        fs::create_dir(root.join(name)).unwrap();
        fs::set_permissions(root.join(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    fs::set_permissions(root.join("none/run.sh"), PermissionsExt::from_mode(0o751)).unwrap();
    fs::set_permissions(root.join("-rf"), PermissionsExt::from_mode(0o400)).unwrap();
    assert_survives(&root);
}

#[test]
fn files_longer_than_any_buffer_survive() {
    let (_folder, root) = folder(&[]);
    for size in [0_usize, 1, 65_535, 65_536, 65_537, 3_000_000] {
        let content: Vec<u8> = (0..=250).cycle().take(size).collect();
        fs::write(root.join(size.to_string()), content).unwrap();
    }
    assert_survives(&root);
}

#[test]
fn setuid_setgid_and_sticky_stay_behind() {
    let (_folder, root) = folder(&["tool", "dir/x"]);
    fs::remove_file(root.join("dir/x")).unwrap();
    fs::set_permissions(root.join("tool"), PermissionsExt::from_mode(0o6755)).unwrap();
    fs::set_permissions(root.join("dir"), PermissionsExt::from_mode(0o3777)).unwrap();
    let archive = bytes(gather(&root)).unwrap();
    for tree in [by_python(&archive), by_the_zip_crate(&archive)] {
        assert_eq!(tree["/tool"].0, 0o755);
        assert_eq!(tree["/dir"].0, 0o777);
    }
}

fn name() -> impl Strategy<Value = String> {
    "[^/\0]{1,12}|[a-z. \\\\]{1,40}".prop_filter("no name", |name| name != "." && name != "..")
}

fn node() -> impl Strategy<Value = Node> {
    let file = (vec(any::<u8>(), 0..300), 0_u32..0o1000);
    let file = file.prop_map(|(content, mode)| Node::File(content, mode | 0o400));
    file.prop_recursive(5, 40, 6, |inner| {
        (btree_map(name(), inner, 0..6), 0_u32..0o1000)
            .prop_map(|(children, mode)| Node::Directory(children, mode | 0o700))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_survives(children in btree_map(name(), node(), 0..8)) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        plant(&root, &Node::Directory(children, 0o755));
        assert_survives(&root);
    }
}
