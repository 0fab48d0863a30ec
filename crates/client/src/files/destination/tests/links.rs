//! Links that stand where something is received, or are put there meanwhile.

use std::os::unix::fs::symlink;

use super::*;

struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    /// `target`, which is received into, and `victim/file`, which must stay as it is.
    fn new() -> Self {
        let folder = in_memory();
        fs::create_dir(folder.path().join("target")).unwrap();
        fs::create_dir(folder.path().join("victim")).unwrap();
        fs::write(folder.path().join("victim/file"), "old").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn to(&self, exists: Exists) -> Destination {
        Destination::output(self.path("target")).exists(exists)
    }

    fn is_unharmed(&self) {
        assert_eq!(listing(self.path("victim")), ["file"]);
        assert_eq!(read(self.path("victim/file")), "old");
    }
}

#[test]
fn a_link_at_the_leaf_is_refused_replaced_or_evaded_but_never_followed() {
    for target in ["../victim/file", "../victim/new", "../victim"] {
        let scene = Scene::new();
        symlink(target, scene.path("target/x")).unwrap();
        receive_file(scene.to(Exists::Refuse), "x").unwrap_err();
        receive_directory(scene.to(Exists::Refuse), "x").unwrap_err();
        receive_directory(scene.to(Exists::Overwrite), "x").unwrap_err();
        assert_eq!(listing(scene.path("target")), ["x"]);
        let renamed = receive_file(scene.to(Exists::Rename), "x").unwrap();
        assert_eq!(renamed, Some(scene.path("target/x (1)")));
        receive_file(scene.to(Exists::Overwrite), "x").unwrap();
        assert!(fs::symlink_metadata(scene.path("target/x")).unwrap().is_file());
        assert_eq!(read(scene.path("target/x")), "new");
        scene.is_unharmed();
    }
}

#[test]
fn a_link_that_the_user_names_is_not_written_through_unless_it_is_a_directorys() {
    let scene = Scene::new();
    symlink("victim/file", scene.path("to file")).unwrap();
    symlink("target", scene.path("to directory")).unwrap();
    let to = |name: &str| Destination::output(scene.path(name)).exists(Exists::Overwrite);
    receive_file(to("to file"), "x").unwrap();
    assert!(fs::symlink_metadata(scene.path("to file")).unwrap().is_file());
    receive_file(to("to directory"), "x").unwrap();
    assert_eq!(listing(scene.path("target")), ["x"]);
    scene.is_unharmed();
}

#[test]
fn a_link_put_at_the_leaf_meanwhile_is_not_followed() {
    for exists in [Exists::Refuse, Exists::Rename, Exists::Overwrite] {
        let scene = Scene::new();
        let mut one = scene.to(exists).file(&file("x", 3)).unwrap().begin().unwrap();
        one.take(b"new").unwrap();
        symlink("../victim/file", scene.path("target/x")).unwrap();
        assert_eq!(one.finish().is_ok(), exists != Exists::Refuse);
        scene.is_unharmed();

        let other = if exists == Exists::Overwrite { Exists::Refuse } else { exists };
        let mut tree_there = scene.to(other).directory(&directory("y")).unwrap().begin().unwrap();
        tree_there.take(&tree()).unwrap();
        symlink("../victim", scene.path("target/y")).unwrap();
        assert_eq!(tree_there.finish().is_ok(), exists == Exists::Rename);
        scene.is_unharmed();
    }
}

#[test]
fn a_target_that_is_swapped_for_a_link_meanwhile_is_still_the_one_that_was_chosen() {
    let scene = Scene::new();
    let mut one = scene.to(Exists::Refuse).file(&file("x", 3)).unwrap().begin().unwrap();
    let mut other = scene.to(Exists::Refuse).directory(&directory("y")).unwrap().begin().unwrap();
    fs::rename(scene.path("target"), scene.path("moved")).unwrap();
    symlink("victim", scene.path("target")).unwrap();
    one.take(b"new").unwrap();
    other.take(&tree()).unwrap();
    one.finish().unwrap();
    other.finish().unwrap();
    assert_eq!(listing(scene.path("moved")), ["x", "y"]);
    scene.is_unharmed();
}

#[test]
fn a_temporary_name_that_is_swapped_for_a_link_meanwhile_is_not_followed() {
    for exists in [Exists::Refuse, Exists::Overwrite] {
        let scene = Scene::new();
        let mut receiving = scene.to(exists).file(&file("x", 3)).unwrap().begin().unwrap();
        let hidden = scene.path("target").join(&listing(scene.path("target"))[0]);
        fs::remove_file(&hidden).unwrap();
        symlink("../victim/file", &hidden).unwrap();
        receiving.take(b"new").unwrap();
        receiving.finish().unwrap_err();
        scene.is_unharmed();
        assert!(listing(scene.path("target")).iter().all(|name| name != "x"));
    }
}
