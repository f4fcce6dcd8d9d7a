#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bpfmap_fuzz::schemas::object(data));
