//! Several paths in one send.

use super::*;

#[test]
fn several_paths_are_one_directory() {
    let (_folder, root) = folder(&["a.txt", "b/c/d", "e/f"]);
    fs::create_dir(root.join("empty")).unwrap();
    let paths = ["a.txt", "b/c", "e", "empty"].map(|name| root.join(name));
    let source = Gathering::new().paths(&paths).unwrap();
    assert_eq!(source.name(), "a.txt and 3 more");
    let expected = [("a.txt", "a.txt"), ("c/d", "b/c/d"), ("e/f", "e/f"), ("empty/", "")];
    let expected = expected.map(|(name, content)| (name.to_owned(), content.to_owned()));
    assert_eq!(entries(source), expected);
}

#[test]
fn one_path_of_several_is_sent_as_itself_and_none_is_an_error() {
    let (_folder, root) = folder(&["a.txt"]);
    let source = Gathering::new().paths(&[root.join("a.txt")]).unwrap();
    assert_eq!(source.offer(), FilesOffer::File(FileOffer { name: "a.txt".into(), size: 5 }));
    assert!(matches!(Gathering::new().paths::<&str>(&[]), Err(SourceError::Nothing)));
}

#[test]
fn two_of_the_same_name_cannot_go_into_one_directory() {
    let (_folder, root) = folder(&["a/x", "b/x"]);
    let error = Gathering::new().paths(&[root.join("a/x"), root.join("b/x")]).err().unwrap();
    assert!(error.to_string().starts_with("two of what is to be sent together are named \"x\""));
}

#[test]
fn one_of_several_that_is_missing_is_named_or_left_out_where_asked() {
    let (_folder, root) = folder(&["here", "there"]);
    let paths = ["here", "gone", "there"].map(|name| root.join(name));
    let error = Gathering::new().paths(&paths).err().unwrap();
    assert!(error.to_string().contains("gone\" cannot be read"));
    let source = Gathering::new().ignoring_unsendable().paths(&paths).unwrap();
    assert_eq!(source.left_out().len(), 1);
    assert_eq!(names(source), ["here", "there"]);
}

#[test]
fn a_made_up_name_fits_where_the_first_one_did() {
    let long = "ü".repeat(127);
    let (_folder, root) = folder(&[&long, "b"]);
    let source = Gathering::new().paths(&[root.join(&long), root.join("b")]).unwrap();
    assert!(source.name().len() < 255 && source.name().ends_with("ü and 1 more"));
    let named = Gathering::new().named("both").paths(&[root.join(&long), root.join("b")]);
    assert_eq!(named.unwrap().name(), "both");
}
