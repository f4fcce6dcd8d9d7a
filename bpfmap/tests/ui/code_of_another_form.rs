//! What a derive of another version wrote.
const _: () = bpfmap::__private::written_in_form(0);

fn main() {}
