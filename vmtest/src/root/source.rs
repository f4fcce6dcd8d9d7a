//! The source of a root file system, as written in a configuration or on the command line.

use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The source of a root file system.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
#[non_exhaustive]
pub enum RootSource {
    /// A directory, a tar archive (compressed or not), or a container image. The image must be in
    /// the layout of the OCI specification, as a directory or an archive.
    Path(PathBuf),
    /// Packages of a Debian release, with all their dependencies.
    Debian {
        /// The name of the release or of another suite, such as `bookworm`.
        suite: String,
        /// The names of the packages. `base-files`, `coreutils` and `dash` are always included.
        packages: Vec<String>,
    },
}

/// A source as written in a configuration.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Table(Table),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Table {
    path: Option<PathBuf>,
    debian: Option<String>,
    packages: Vec<String>,
}

impl TryFrom<Written> for RootSource {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Text(text) => text.parse(),
            Written::Table(Table { path: Some(path), debian: None, packages })
                if packages.is_empty() =>
            {
                Ok(Self::Path(path))
            }
            Written::Table(Table { path: None, debian: Some(suite), packages }) => {
                Ok(Self::Debian { suite, packages })
            }
            Written::Table(_) => {
                Err("a root file system needs `path`, or `debian` with or without `packages`"
                    .to_owned())
            }
        }
    }
}

impl FromStr for RootSource {
    type Err = String;

    /// Parses a source, which is a path, `debian:SUITE` or `debian:SUITE/PACKAGE,PACKAGE`.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix("debian:") else {
            return match text {
                "" => Err("a root file system needs a path".to_owned()),
                path => Ok(Self::Path(PathBuf::from(path))),
            };
        };
        let (suite, packages) = rest.split_once('/').unwrap_or((rest, ""));
        let packages = packages.split(',').filter(|name| !name.is_empty());
        Ok(Self::Debian {
            suite: suite.to_owned(),
            packages: packages.map(str::to_owned).collect(),
        })
    }
}

impl RootSource {
    /// Interprets a relative path as relative to a directory.
    pub(crate) fn relative_to(&mut self, base: &Path) {
        if let Self::Path(path) = self {
            *path = base.join(&*path);
        }
    }
}

impl fmt::Display for RootSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Debian { suite, packages } if packages.is_empty() => write!(f, "debian:{suite}"),
            Self::Debian { suite, packages } => {
                write!(f, "debian:{suite}/{}", packages.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_as_it_is_printed() {
        for text in ["dir/root.tar", "debian:bookworm", "debian:trixie/iproute2,bpftool"] {
            assert_eq!(text.parse::<RootSource>().unwrap().to_string(), text);
        }
        assert!("".parse::<RootSource>().is_err());
    }
}
