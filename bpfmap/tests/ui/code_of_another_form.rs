//! Code that another version of the derive macros generated.
const _: () = bpfmap::__private::written_in_form(0);

fn main() {}
