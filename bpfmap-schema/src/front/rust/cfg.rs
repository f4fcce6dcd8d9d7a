//! The known conditions of the build for which a source is read.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Ident, LitStr, Token};

/// The known conditions for `cfg(…)` and `cfg_attr(…)`.
///
/// By default, conditions that are never set when a program is built are false, such as `test` and
/// `doc`. The target operating system is Linux, because bpfmap supports no other. Any other
/// condition that changes the schema causes an error, whose help says how to set the condition.
///
/// ```
/// use bpfmap_schema::front::rust::Cfg;
///
/// let mut cfg = Cfg::default();
/// cfg.features(["ipv6"]);
/// cfg.set("target_arch = \"x86_64\"")?;
/// cfg.set("not(tracing)")?;
/// # Ok::<(), bpfmap_schema::front::rust::CfgError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cfg {
    /// For each known condition, whether it is true.
    said: HashMap<(String, Option<String>), bool>,
    /// All enabled features, or `None` if the features are unknown.
    features: Option<Vec<String>>,
    /// Whether all conditions that depend on the target are known.
    target: bool,
    /// The root files of the other crates whose sources can be read. The key is the name of the crate in the source.
    extern_crates: HashMap<String, PathBuf>,
}

/// The value of a condition, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
    /// The value is unknown.
    Unknown,
}

impl Truth {
    pub(super) fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// The error for a condition that [`Cfg::set`] does not understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CfgError(String);

impl std::fmt::Display for CfgError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "invalid condition `{}`: expected `NAME`, `KEY = \"VALUE\"`, or one of these in \
             `not(…)`",
            self.0
        )
    }
}

impl std::error::Error for CfgError {}

impl Cfg {
    /// Sets the enabled features of the package. All other features are disabled. The list must also contain the
    /// features that are enabled by other features.
    pub fn features<S: Into<String>>(&mut self, names: impl IntoIterator<Item = S>) {
        let features = self.features.get_or_insert_default();
        features.extend(names.into_iter().map(Into::into));
    }

    /// Sets a condition `NAME` or `KEY = "VALUE"` to true, like `--cfg` of the compiler. A condition in `not(…)` is set
    /// to false.
    ///
    /// # Errors
    ///
    /// Returns an error if `condition` has any other form.
    pub fn set(&mut self, condition: &str) -> Result<(), CfgError> {
        let parsed = (|input: ParseStream<'_>| one(input, true)).parse_str(condition);
        let (key, value, truth) = parsed.map_err(|_| CfgError(condition.to_owned()))?;
        self.said.insert((key, value), truth);
        Ok(())
    }

    /// Sets the root file of another crate, such as `../net-types/src/lib.rs`. Maps can then use the types that this
    /// crate declares with the derives.
    ///
    /// `name` is the name of the crate in Rust code, with `_` instead of `-`. The enabled features of this crate are
    /// unknown. A relative `path` is relative to the current folder. In a build script, this is the folder of the
    /// package.
    pub fn extern_crate(&mut self, name: impl Into<String>, path: impl Into<PathBuf>) {
        self.extern_crates.insert(name.into(), path.into());
    }

    /// Returns the root file of the crate `name`.
    pub(super) fn root_of(&self, name: &str) -> Option<&Path> {
        self.extern_crates.get(name).map(PathBuf::as_path)
    }

    /// Returns the known conditions for another crate of the same build.
    pub(super) fn of_extern_crate(&self) -> Self {
        Self { features: None, ..self.clone() }
    }

    /// Returns the conditions that Cargo passes to a build script. These are the target, and the features of the
    /// script's package.
    ///
    /// Returns `None` outside of build scripts. The result does not include conditions that the script itself sets with
    /// `cargo::rustc-cfg`.
    #[must_use]
    pub fn from_build_script() -> Option<Self> {
        std::env::var_os("CARGO_CFG_TARGET_ARCH")?;
        std::env::var_os("OUT_DIR")?;
        Some(Self::from_variables(std::env::vars_os()))
    }

    fn from_variables(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut cfg = Self { target: true, features: Some(Vec::new()), ..Self::default() };
        for (name, value) in variables {
            let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
            if let Some(feature) = name.strip_prefix("CARGO_FEATURE_") {
                cfg.features([feature]);
            } else if let Some(key) = name.strip_prefix("CARGO_CFG_") {
                let key = key.to_lowercase();
                if key == "feature" {
                    continue;
                }
                if value.is_empty() {
                    cfg.said.insert((key.clone(), None), true);
                }
                for value in value.split(',') {
                    cfg.said.insert((key.clone(), Some(value.to_owned())), true);
                }
            }
        }
        cfg
    }

    /// Returns the conditions for the source at `path`. The features that Cargo passes to a build
    /// script apply only to sources in the same package. If `said` contains a condition, the value
    /// in `said` takes precedence.
    #[must_use]
    pub fn for_source(&self, path: &Path, said: &Self) -> Self {
        let mut cfg = self.clone();
        let folder = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let own = std::env::var_os("CARGO_MANIFEST_DIR").map(|own| folder(&PathBuf::from(own)));
        let file = folder(path);
        let package = file.ancestors().find(|folder| folder.join("Cargo.toml").is_file());
        if own.as_deref() != package {
            cfg.features = None;
        }
        cfg.features = said.features.clone().or(cfg.features);
        cfg.said.extend(said.said.clone());
        cfg.extern_crates.extend(said.extern_crates.clone());
        cfg
    }

    /// Returns the value of the condition `key` or `key = "value"`, as far as it is known.
    pub(super) fn truth(&self, key: &str, value: Option<&str>) -> Truth {
        let said = |value: Option<&str>| {
            self.said.get(&(key.to_owned(), value.map(ToOwned::to_owned))).copied()
        };
        if let Some(known) = said(value) {
            return Truth::of(known);
        }
        let has_other = || self.said.iter().any(|((other, _), truth)| other == key && *truth);
        match (key, value) {
            (key, None) if NEVER.contains(&key) => Truth::False,
            ("feature", Some(name)) => match &self.features {
                Some(enabled) => {
                    Truth::of(enabled.iter().any(|it| it == name || *it == variable(name)))
                }
                None => Truth::Unknown,
            },
            (key, Some(_)) if ONE_VALUE.contains(&key) && has_other() => Truth::False,
            (key, _) if self.target && is_of_target(key) => Truth::False,
            ("unix", None) => Truth::True,
            ("windows", None) => Truth::False,
            ("target_os", Some(value)) => Truth::of(value == "linux"),
            ("target_family", Some(value)) => Truth::of(value == "unix"),
            _ => Truth::Unknown,
        }
    }
}

/// Parses `NAME`, `KEY = "VALUE"`, or one of these in `not(…)`.
fn one(input: ParseStream<'_>, may_be_not: bool) -> syn::Result<(String, Option<String>, bool)> {
    let word = input.call(Ident::parse_any)?;
    if may_be_not && word == "not" && input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in input);
        let (key, value, _) = one(&content, false)?;
        if !content.is_empty() {
            return Err(content.error("more than one condition"));
        }
        return Ok((key, value, false));
    }
    let value = if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        Some(input.parse::<LitStr>()?.value())
    } else {
        None
    };
    Ok((word.to_string(), value, true))
}

/// Returns the name of a feature in the form that Cargo uses in environment variables.
fn variable(feature: &str) -> String {
    feature.to_uppercase().replace('-', "_")
}

/// The conditions that are never set when a program is built.
const NEVER: &[&str] = &["clippy", "doc", "docsrs", "doctest", "miri", "rust_analyzer", "test"];

/// The keys that have exactly one value.
const ONE_VALUE: &[&str] = &[
    "panic",
    "target_abi",
    "target_arch",
    "target_endian",
    "target_env",
    "target_os",
    "target_pointer_width",
    "target_vendor",
];

/// Returns whether the value of the condition depends only on the target.
fn is_of_target(key: &str) -> bool {
    key.starts_with("target_") || matches!(key, "panic" | "unix" | "windows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_script_gets_the_target_and_its_features_from_cargo() {
        let variables = [
            ("CARGO_CFG_UNIX", ""),
            ("CARGO_CFG_TARGET_ARCH", "x86_64"),
            ("CARGO_CFG_TARGET_ENV", ""),
            ("CARGO_CFG_TARGET_FEATURE", "fxsr,sse"),
            ("CARGO_CFG_TRACING", ""),
            ("CARGO_FEATURE_IP_V6", "1"),
        ];
        let cfg =
            Cfg::from_variables(variables.into_iter().map(|(key, it)| (key.into(), it.into())));
        for (key, value, truth) in [
            ("unix", None, Truth::True),
            ("windows", None, Truth::False),
            ("target_arch", Some("x86_64"), Truth::True),
            ("target_arch", Some("aarch64"), Truth::False),
            ("target_env", Some(""), Truth::True),
            ("target_env", Some("musl"), Truth::False),
            ("target_feature", Some("sse"), Truth::True),
            ("target_feature", Some("avx"), Truth::False),
            ("tracing", None, Truth::True),
            ("feature", Some("ip-v6"), Truth::True),
            ("feature", Some("ip_v6"), Truth::True),
            ("feature", Some("other"), Truth::False),
            // The build script can set these conditions itself.
            ("has_timers", None, Truth::Unknown),
            ("debug_assertions", None, Truth::Unknown),
        ] {
            assert_eq!(cfg.truth(key, value), truth, "{key} {value:?}");
        }
        // The features belong to a single package.
        let elsewhere = cfg.for_source(Path::new("/"), &Cfg::default());
        assert_eq!(elsewhere.truth("feature", Some("ip-v6")), Truth::Unknown);
        let mut said = Cfg::default();
        said.features(["ip-v6"]);
        let elsewhere = cfg.for_source(Path::new("/"), &said);
        assert_eq!(elsewhere.truth("feature", Some("ip-v6")), Truth::True);
    }
}
