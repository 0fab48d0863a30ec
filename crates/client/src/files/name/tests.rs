use proptest::prelude::*;

use super::*;

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in [
        "..",
        ".",
        "",
        "a/../../b",
        "/etc/passwd",
        "a/",
        "/",
        "a/b",
        "../x",
        "~/x",
        "x\0",
        "a\\b",
        "..\\x",
        "C:",
        "C:\\x",
        "C:x",
        "\\\\srv\\share",
        "\\\\?\\C:\\x",
        "f:stream",
        "f::$DATA",
    ] {
        assert!(safe(name).is_err(), "{name:?}");
    }
}

#[test]
fn names_that_windows_takes_for_devices_are_refused_everywhere() {
    for name in [
        "CON",
        "con",
        "Nul",
        "NUL.txt",
        "aux.c",
        "COM1",
        "com9.tar.gz",
        "LPT1",
        "COM0",
        "COM¹",
        "CON .txt",
        "CONIN$",
        "PRN",
    ] {
        assert_eq!(safe(name), Err("means a device on Windows"), "{name:?}");
    }
    for name in ["CONSOLE", "COM", "COM10", "COMX", "null", "auxiliary.c", "icon", "LPT"] {
        assert_eq!(safe(name), Ok(name));
    }
}

#[test]
fn names_that_windows_would_change_are_refused_everywhere() {
    for name in ["x.", "x ", "...", " .", "a?b", "a*", "<a>", "a|b", "\"a\"", "a\u{1b}[2J", "a\n"] {
        assert!(safe(name).is_err(), "{name:?}");
    }
}

#[test]
fn ordinary_names_pass_as_they_are() {
    for name in [
        "plan.pdf",
        ".bashrc",
        "a b",
        "~",
        "~root",
        "-rf",
        "$(reboot)",
        "ünï.txt",
        "日本語",
        "..a",
        "a..b",
        "dest-evil",
        "x.tmp",
        "%2e%2e",
    ] {
        assert_eq!(safe(name), Ok(name));
    }
}

#[test]
fn a_name_is_as_long_as_a_file_system_holds_and_no_longer() {
    assert!(safe(&"é".repeat(127)).is_ok());
    assert_eq!(safe(&"é".repeat(128)), Err("is longer than 255 bytes"));
    assert!(safe(&"x".repeat(1_000_000)).is_err());
}

#[cfg(unix)]
#[test]
fn inside_a_directory_the_names_of_this_platform_are_kept() {
    for name in ["aux.c", "a\\b", "10:30", "x.", "\u{1b}[2J", "con"] {
        assert_eq!(entry(name), Ok(()));
    }
    for name in ["..", ".", "", "a/b", "\0"] {
        assert!(entry(name).is_err(), "{name:?}");
    }
}

#[test]
fn a_delicate_name_is_warned_of() {
    for name in [
        ".ssh",
        ".bashrc",
        ".config",
        "autostart",
        "Autostart",
        "x.desktop",
        "setup.EXE",
        "run.sh",
        "authorized_keys",
        "gpj.\u{202e}exe",
        "photo.jpg.lnk",
        "desktop.ini",
        "a\u{200b}b",
    ] {
        assert!(delicate(name).is_some(), "{name:?}");
    }
    for name in ["plan.pdf", "photo.jpeg", "music", "sh", "exe", "notes.txt", "ünï"] {
        assert_eq!(delicate(name), None, "{name:?}");
    }
}

proptest! {
    #[test]
    fn whatever_passes_is_one_component(name in any::<String>()) {
        if let Ok(name) = safe(&name) {
            let mut parts = std::path::Path::new(name).components();
            let first = parts.next();
            prop_assert_eq!(first, Some(std::path::Component::Normal(name.as_ref())));
            prop_assert!(parts.next().is_none() && entry(name).is_ok());
        }
    }

    #[test]
    fn whatever_is_said_of_a_name_nothing_panics(name in "[./\\\\:~a-cCONUL1 \u{202e}]{0,12}") {
        let _ = (safe(&name), delicate(&name));
    }
}
