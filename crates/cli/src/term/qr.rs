//! A code's URI as a picture for a telephone's camera.

use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};

/// The picture, two modules to a character, light on dark as most terminals are; `None` when the
/// text is too long for one.
pub(crate) fn picture(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let mut picture = code.render::<Dense1x2>();
    let picture = picture.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark);
    Some(picture.quiet_zone(true).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_becomes_a_picture_of_blocks() {
        let picture = picture("wormhole-transfer:4-purple-sausages").unwrap();
        assert!(picture.lines().count() > 10);
        assert!(picture.chars().all(|letter| " \u{2580}\u{2584}\u{2588}\n".contains(letter)));
    }

    #[test]
    fn what_does_not_fit_is_no_picture() {
        assert!(picture(&"x".repeat(8000)).is_none());
    }
}
