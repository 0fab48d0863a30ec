#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wormhole_sync_testkit::fuzz::proxy_header(data));
