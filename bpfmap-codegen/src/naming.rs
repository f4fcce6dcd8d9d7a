//! How names of a schema become names in Rust and C.

/// The Rust type of what a schema calls `name`: `ip_key` becomes `IpKey`.
#[must_use]
pub fn upper_camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut characters = word.chars();
        camel.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(characters.as_str());
    }
    camel
}

/// The C constant of a variant: `pass` of `verdict` becomes `VERDICT_PASS`.
#[must_use]
pub fn c_constant(enum_name: &str, variant: &str) -> String {
    format!("{enum_name}_{variant}").to_ascii_uppercase()
}

/// The Rust constant of a variant: `pass` becomes `PASS`.
#[must_use]
pub fn rust_constant(variant: &str) -> String {
    variant.to_ascii_uppercase()
}

/// The C functions by which programs deal with the events of a map: `events_reserve` and so on.
#[must_use]
pub fn c_event_function(map: &str, what: &str) -> String {
    format!("{map}_{what}")
}

#[cfg(test)]
mod tests {
    use super::upper_camel_case;

    #[test]
    fn words_start_with_a_capital_and_lose_the_underscore() {
        assert_eq!(upper_camel_case("ip_key"), "IpKey");
        assert_eq!(upper_camel_case("_lru__node2"), "LruNode2");
        assert_eq!(upper_camel_case("HTTPEvent"), "HTTPEvent");
    }
}
