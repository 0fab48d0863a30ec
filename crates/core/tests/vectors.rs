//! Every file of the project's `vectors/` folder, found by its name: a file dropped there counts.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected is to stop"
)]

use std::{fs, path::PathBuf};

use rand_core::{CryptoRng, RngCore};
use serde_json::Value;
use sha1::{Digest, Sha1};
use wormhole_sync_core::{
    Code, SharedKey,
    code::unknown_words,
    error::BadPoint,
    key::Purpose,
    pake::Pake,
    phase::{Sealed, seal},
    wire::{
        AppId, Phase, Side,
        hashcash::{Stamp, leading_zero_bits},
        hex, pake_message,
    },
};

/// What files may begin with. The test that reads them stands below for each.
const KINDS: [&str; 5] = ["key-chain", "pake-point", "code", "hashcash", "dilation-noise"];

/// What is in the folder, but for the explanation.
fn paths() -> Vec<(String, PathBuf)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut paths: Vec<(String, PathBuf)> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| name != "README.md")
        .collect();
    paths.sort();
    paths
}

fn is_of(kind: &str, name: &str) -> bool {
    let rest = name.strip_prefix(kind).and_then(|rest| rest.strip_suffix(".json"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The files of a kind. A kind without a file is a mistake.
fn files(kind: &str) -> Vec<(String, Value)> {
    assert!(KINDS.contains(&kind));
    let files: Vec<(String, Value)> = paths()
        .into_iter()
        .filter(|(name, _)| is_of(kind, name))
        .map(|(name, path)| (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap()))
        .collect();
    assert!(!files.is_empty(), "no vectors/{kind}*.json");
    files
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no text '{key}' in {value}"))
}

fn bytes(value: &Value, key: &str) -> Vec<u8> {
    hex::decode(text(value, key)).unwrap()
}

/// Gives the 64 bytes that the exchange reduces to the scalar wanted.
struct Scalar([u8; 64]);

impl Scalar {
    fn from_decimal(digits: &str) -> Self {
        let mut bytes = [0_u8; 64];
        for digit in digits.bytes() {
            let mut carry = u16::from(digit - b'0');
            for byte in &mut bytes {
                let value = u16::from(*byte) * 10 + carry;
                *byte = value.to_le_bytes()[0];
                carry = value >> 8;
            }
            assert_eq!(carry, 0, "{digits} is no scalar");
        }
        Self(bytes)
    }
}

impl RngCore for Scalar {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, to: &mut [u8]) {
        to.copy_from_slice(&self.0);
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(to);
        Ok(())
    }
}

impl CryptoRng for Scalar {}

fn pake(chain: &Value, scalar: &str) -> Pake {
    let code = Code::parse(text(chain, "code")).ok().unwrap();
    let app_id = AppId::new(text(chain, "appid")).unwrap();
    Pake::start(&code, &app_id, Scalar::from_decimal(text(chain, scalar)))
}

#[test]
fn no_file_goes_unread() {
    for (name, _) in paths() {
        let kinds = KINDS.iter().filter(|kind| is_of(kind, &name)).count();
        assert_eq!(kinds, 1, "vectors/{name} is of no kind that a test reads: {KINDS:?}");
    }
    assert!(is_of("code", "code.json") && is_of("code", "code-more.json"));
    for stray in ["codes.json", "code.json.orig", "code.txt", "unknown.json"] {
        assert!(!KINDS.iter().any(|kind| is_of(kind, stray)), "{stray}");
    }
}

#[test]
fn key_chains() {
    for (name, file) in files("key-chain") {
        for chain in file["chains"].as_array().unwrap() {
            let about = format!("{name}: {}", text(chain, "code"));
            let (one, other) = (pake(chain, "scalar_a"), pake(chain, "scalar_b"));
            let message = |key| pake_message::encode(&bytes(chain, key).try_into().unwrap());
            assert_eq!(one.body(), message("message_a"), "{about}");
            assert_eq!(other.body(), message("message_b"), "{about}");
            let key = one.finish(&message("message_b")).ok().unwrap();
            let same = other.finish(&message("message_a")).ok().unwrap();
            assert_eq!(key.verifier(), same.verifier(), "{about}");
            derived_keys(&key, chain, &about);
            sealed_phases(&key, chain, &about);
        }
    }
}

fn derived_keys(key: &SharedKey, chain: &Value, about: &str) {
    assert_eq!(key.verifier().to_string(), text(chain, "verifier"), "{about}");
    assert_eq!(hex::encode(&*key.derive(Purpose::Transit)), text(chain, "transit_key"), "{about}");
    if chain.get("dilation_key").is_some() {
        assert_eq!(
            hex::encode(&*key.derive(Purpose::Dilation)),
            text(chain, "dilation_key"),
            "{about}"
        );
    }
    for derived in chain["derive_key"].as_array().unwrap() {
        let length = usize::try_from(derived["length"].as_u64().unwrap()).unwrap();
        let ours = key.derive_for_application(text(derived, "purpose"), length).unwrap();
        assert_eq!(hex::encode(&ours), text(derived, "key"), "{about}");
    }
}

fn sealed_phases(key: &SharedKey, chain: &Value, about: &str) {
    for sealed in chain["phases"].as_array().unwrap() {
        let side = Side::new(text(sealed, "side")).unwrap();
        let phase = Phase::parse(text(sealed, "phase")).unwrap();
        let phase_key = key.derive(Purpose::Phase(&side, &phase));
        assert_eq!(hex::encode(&*phase_key), text(sealed, "key"), "{about}");
        let nonce = bytes(sealed, "nonce").try_into().unwrap();
        let plaintext = bytes(sealed, "plaintext");
        let body = seal(key, &side, &phase, nonce, &plaintext);
        assert_eq!(body, bytes(sealed, "body"), "{about}");
        let opened = Sealed { side, phase, body }.open(key).ok().unwrap();
        assert_eq!(opened.into_plaintext(), plaintext, "{about}");
    }
}

#[test]
fn points_that_no_honest_peer_sends() {
    for (name, file) in files("pake-point") {
        for point in file["points"].as_array().unwrap() {
            let about = format!("{name}: {}", text(point, "about"));
            let body = format!("{{\"pake_v1\":\"{}\"}}", text(point, "message"));
            let ours = pake(&file, "scalar");
            let verdict = match ours.finish(body.as_bytes()) {
                Ok(_) => "accepted",
                Err(BadPoint::Malformed) => "malformed",
                Err(BadPoint::WrongRole) => "wrong role",
                Err(BadPoint::NotAPoint) => "not a point",
                Err(BadPoint::Identity) => "identity",
                Err(BadPoint::SmallOrder) => "small order",
                Err(BadPoint::Reflected) => "reflected",
            };
            assert_eq!(verdict, text(point, "verdict"), "{about}");
        }
    }
}

#[test]
fn codes() {
    for (name, file) in files("code") {
        for code in file["codes"].as_array().unwrap() {
            let about = format!("{name}: {:?}", text(code, "text"));
            let parsed = Code::parse(text(code, "text")).ok();
            assert_eq!(
                parsed.as_ref().map(|code| code.nameplate().as_str()),
                code["nameplate"].as_str(),
                "{about}"
            );
            assert_eq!(parsed.as_ref().map(Code::as_str), code["code"].as_str(), "{about}");
        }
        for words in file["words"].as_array().unwrap() {
            let unknown: Vec<Value> = unknown_words(text(words, "words"))
                .into_iter()
                .map(|unknown| serde_json::json!({"place": unknown.place, "suggestions": unknown.suggestions}))
                .collect();
            assert_eq!(Value::from(unknown), words["unknown"], "{name}: {words}");
        }
    }
}

#[test]
fn hashcash_stamps() {
    for (name, file) in files("hashcash") {
        for stamp in file["stamps"].as_array().unwrap() {
            let stamp_text = text(stamp, "stamp");
            let parsed = Stamp::parse(stamp_text);
            assert_eq!(
                parsed.is_some(),
                stamp["well_formed"].as_bool().unwrap(),
                "{name}: {stamp_text}"
            );
            if let Some(parsed) = parsed {
                assert_eq!(
                    u64::from(parsed.bits),
                    stamp["bits"].as_u64().unwrap(),
                    "{name}: {stamp_text}"
                );
                let zeros = leading_zero_bits(&Sha1::digest(stamp_text));
                assert_eq!(
                    u64::from(zeros),
                    stamp["leading_zero_bits"].as_u64().unwrap(),
                    "{name}: {stamp_text}"
                );
            }
        }
    }
}

/// A side of the handshake that dilation begins with, its one-time key known.
fn noise(file: &Value, ephemeral: &str) -> snow::Builder<'static> {
    let key =
        |name| -> &'static [u8; 32] { Box::leak(Box::new(bytes(file, name).try_into().unwrap())) };
    let (psk, ephemeral) = (key("psk"), key(ephemeral));
    snow::Builder::new(text(file, "pattern").parse().unwrap())
        .psk(0, psk)
        .unwrap()
        .fixed_ephemeral_key_for_testing_only(ephemeral)
}

/// Dilation is of a later version: here a second implementation of its handshake agrees with the
/// vector, so that what that version will be held to is right.
#[test]
fn dilation_handshakes() {
    for (name, file) in files("dilation-noise") {
        let mut leader = noise(&file, "leader_ephemeral_priv").build_initiator().unwrap();
        let mut follower = noise(&file, "follower_ephemeral_priv").build_responder().unwrap();
        let (mut message, mut payload) = ([0; 128], [0; 128]);
        let sent = leader.write_message(&[], &mut message).unwrap();
        assert_eq!(message[..sent], bytes(&file, "msg1_leader"), "{name}");
        assert_eq!(follower.read_message(&message[..sent], &mut payload).unwrap(), 0);
        let sent = follower.write_message(&[], &mut message).unwrap();
        assert_eq!(message[..sent], bytes(&file, "msg2_follower"), "{name}");
        assert_eq!(leader.read_message(&message[..sent], &mut payload).unwrap(), 0);

        let mut leader = leader.into_transport_mode().unwrap();
        let mut follower = follower.into_transport_mode().unwrap();
        let open = [&[3, 0, 0, 0, 1, 0, 0, 0, 0], &b"echo"[..]].concat();
        for (sealed, plain, is_leader) in [
            ("follower_kcm", &[0][..], false),
            ("leader_kcm", &[0], true),
            ("leader_open_scid1_seq0_echo", &open, true),
        ] {
            let (from, to) =
                if is_leader { (&mut leader, &mut follower) } else { (&mut follower, &mut leader) };
            let sent = from.write_message(plain, &mut message).unwrap();
            assert_eq!(message[..sent], bytes(&file, sealed), "{name}: {sealed}");
            let length = to.read_message(&message[..sent], &mut payload).unwrap();
            assert_eq!(&payload[..length], plain, "{name}: {sealed}");
        }
    }
}
