//! Converts names between a schema, Rust and C.

/// Returns the Rust name of a type. For example, `ip_key` becomes `IpKey`.
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

/// Returns the schema name of a Rust type. For example, `IpKey` becomes `ip_key`, and `HTTPEvent` becomes `http_event`.
#[must_use]
pub fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut characters = name.chars().peekable();
    let mut before = '_';
    while let Some(character) = characters.next() {
        let starts_word = character.is_ascii_uppercase()
            && before != '_'
            && (!before.is_ascii_uppercase()
                || characters.peek().is_some_and(char::is_ascii_lowercase));
        if starts_word {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
        before = character;
    }
    snake
}

/// Returns the name of a variant's C constant. For example, the variant `pass` of the enum `verdict` becomes
/// `VERDICT_PASS`.
#[must_use]
pub fn c_constant(enum_name: &str, variant: &str) -> String {
    format!("{enum_name}_{variant}").to_ascii_uppercase()
}

/// Returns the name of a variant's Rust constant. For example, `pass` becomes `PASS`.
#[must_use]
pub fn rust_constant(variant: &str) -> String {
    variant.to_ascii_uppercase()
}

/// Returns the name of the C function for an operation on the events of a map. For example, the operation `reserve` on
/// the map `events` becomes `events_reserve`.
#[must_use]
pub fn c_event_function(map: &str, what: &str) -> String {
    format!("{map}_{what}")
}

#[cfg(test)]
mod tests {
    use super::{snake_case, upper_camel_case};

    #[test]
    fn words_begin_with_a_capital_and_underscores_are_removed() {
        assert_eq!(upper_camel_case("ip_key"), "IpKey");
        assert_eq!(upper_camel_case("_lru__node2"), "LruNode2");
        assert_eq!(upper_camel_case("HTTPEvent"), "HTTPEvent");
    }

    #[test]
    fn a_capital_begins_a_word() {
        assert_eq!(snake_case("IpKey"), "ip_key");
        assert_eq!(snake_case("Ip4Key"), "ip4_key");
        assert_eq!(snake_case("HTTPEvent"), "http_event");
        assert_eq!(snake_case("LruNode2"), "lru_node2");
        assert_eq!(snake_case("ip_key"), "ip_key");
    }
}
