//! What comes from a reader.

use super::*;

#[test]
fn a_reader_of_known_size_gives_so_much_and_no_more() {
    let source = Source::reader("x", 3, &b"abcdef"[..]).unwrap();
    assert_eq!(bytes(source).unwrap(), b"abc");
    assert_eq!(bytes(Source::reader("x", 0, io::empty()).unwrap()).unwrap(), b"");
}

#[test]
fn a_reader_that_ends_too_early_is_an_error_and_no_shorter_file() {
    let mut reader = Source::reader("x", 7, &b"abcdef"[..]).unwrap().into_reader();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert!(error.to_string().starts_with("\"x\" ended after 6 of 7 bytes"));
    assert!(reader.read(&mut [0]).is_err());
}

#[test]
fn what_has_no_size_is_put_by_until_it_has_one() {
    let source = Source::spooled("x", io::repeat(b'y').take(1_000_000)).unwrap();
    assert_eq!(source.offer(), FilesOffer::File(FileOffer { name: "x".into(), size: 1_000_000 }));
    assert_eq!(bytes(source).unwrap(), vec![b'y'; 1_000_000]);
}

#[test]
fn where_nothing_can_be_put_by_the_error_says_where_that_was() {
    let error = Content::spool(&mut io::empty(), Path::new("/no such folder")).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("\"/no such folder\"") && text.ends_with("with TMPDIR"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_breaks_is_not_taken_for_one_that_ends() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the tape has torn"))
        }
    }
    assert!(Source::spooled("x", Broken).err().unwrap().to_string().contains("the tape has torn"));
    let error = bytes(Source::reader("x", 1, Broken).unwrap()).unwrap_err();
    assert!(error.to_string().contains("the tape has torn"));
}

#[test]
fn names_that_are_paths_or_nothing_are_refused() {
    for name in ["", ".", "..", "a/b", "/", "a\0b"] {
        assert!(
            matches!(Source::reader(name, 0, io::empty()), Err(SourceError::Name(_))),
            "{name}"
        );
        assert!(matches!(Source::spooled(name, io::empty()), Err(SourceError::Name(_))), "{name}");
    }
    for name in ["a\\b", "tab\there", "ü", "-rf", "..."] {
        assert_eq!(Source::reader(name, 0, io::empty()).unwrap().name(), name);
    }
}

#[test]
fn a_device_is_as_long_as_its_end_is_far_and_is_read_from_its_beginning() {
    // A file stands for the device, which a test cannot make: it, too, tells its end to who goes there.
    let (_folder, root) = folder(&["disk"]);
    let content = Content::device(&root.join("disk")).unwrap();
    let source = Source { name: "disk".into(), kind: Kind::File(content), left_out: Vec::new() };
    assert_eq!(source.offer(), FilesOffer::File(FileOffer { name: "disk".into(), size: 4 }));
    assert_eq!(bytes(source).unwrap(), b"disk");
}
