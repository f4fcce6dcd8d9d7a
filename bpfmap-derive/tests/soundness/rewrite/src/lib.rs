//! Macros that deceive a derive, because they change an item or expand differently each time.

use std::sync::atomic::{AtomicUsize, Ordering};

use proc_macro::{TokenStream, TokenTree};

/// Replaces the item by what is between the brackets.
#[proc_macro_attribute]
pub fn replace(with: TokenStream, _item: TokenStream) -> TokenStream {
    with
}

/// Expands to one of its arguments, which are in parentheses, and to the next one each time.
#[proc_macro]
pub fn alternate(arguments: TokenStream) -> TokenStream {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let groups: Vec<TokenStream> = arguments
        .into_iter()
        .filter_map(|tree| match tree {
            TokenTree::Group(group) => Some(group.stream()),
            _ => None,
        })
        .collect();
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    groups.get(call % groups.len().max(1)).cloned().unwrap_or_default()
}
