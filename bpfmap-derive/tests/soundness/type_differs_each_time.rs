//! A macro argument is a different type each time the macro uses it.
#![forbid(unsafe_code)]

use bpfmap_test_rewrite::alternate;

#[derive(Clone, Copy)]
#[repr(C)]
struct Letter {
    letter: char,
}
bpfmap::plain!(Letter { letter: alternate!((u32) (char)) });

fn main() {
    let letter: Letter = bpfmap::from_bytes(&[0xff; 4]).unwrap();
    println!("{:?}", letter.letter);
}
