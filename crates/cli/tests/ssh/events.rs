//! `--json` on both sides.

use super::stage::{CODE, FINGERPRINT, Stage};
use crate::support::{event, events};

#[test]
fn each_side_tells_which_key_it_is_and_what_became_of_it() {
    let stage = Stage::new();
    for added in [true, false] {
        let invite = stage.invite(&["--json"]);
        let accepted = stage.accept(&["--json"], b"yes\n").with_code(0);
        let invited = invite.end().with_code(0).stderr;
        let (inviting, done) = (event(&invited, "inviting"), event(&invited, "key_added"));
        assert_eq!(inviting["path"], stage.path().to_str().unwrap());
        assert_eq!((&done["path"], &done["user"]), (&inviting["path"], &inviting["user"]));
        assert_eq!(done["added"], added);
        let sending = event(&accepted.stderr, "sending_key");
        assert!(sending["path"].as_str().unwrap().ends_with("/owner/.ssh/id_ed25519.pub"));
        event(&accepted.stderr, "ask_send_key");
        for key in [done, sending, event(&accepted.stderr, "key_sent")] {
            assert_eq!(key["kind"], "ssh-ed25519");
            assert_eq!(key["fingerprint"], FINGERPRINT);
            assert_eq!(key["comment"], "me@home");
        }
        let code = event(&invited, "code");
        assert_eq!(code["code"], CODE);
        assert!(code["command"].as_str().unwrap().ends_with(&format!("ssh accept {CODE}")));
    }
}

#[test]
fn a_program_is_asked_once_whether_and_never_which() {
    let stage = Stage::new();
    let said = stage.accept(&["--json"], b"no\n").with_code(8).stderr;
    assert_eq!(event(&said, "error")["fault"], "caller");
    stage.own("second.pub", super::stage::OTHER_KEY);
    let said = stage.accept(&["--json", "--yes"], b"").with_code(2).stderr;
    assert_eq!(events(&said).len(), 1, "{said}");
    assert!(event(&said, "error")["message"].as_str().unwrap().contains("second.pub"));
}
