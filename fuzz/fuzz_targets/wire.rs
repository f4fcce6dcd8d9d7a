#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bpfmap_vmtest::decode_wire(data));
