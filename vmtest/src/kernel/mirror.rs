//! The mirrors from which this machine gets Debian's packages, as configured for apt.

use crate::error::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// A mirror of the Debian archive, and a mirror of its security updates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    main: Option<String>,
    security: Option<String>,
}

impl Mirror {
    /// Returns the mirrors that apt on this machine is configured with. `main` and `security`
    /// override them.
    #[must_use]
    pub fn configured(main: Option<String>, security: Option<String>) -> Self {
        let mut found = Self { main: None, security: None };
        for path in configuration_files(Path::new("/etc/apt")) {
            if let Ok(text) = std::fs::read_to_string(&path) {
                let deb822 = path.extension().is_some_and(|extension| extension == "sources");
                let entries = if deb822 { parse_deb822(&text) } else { parse_list(&text) };
                found.take(&entries);
            }
        }
        Self { main: main.or(found.main), security: security.or(found.security) }
    }

    /// Returns the address of the mirror that contains a suite.
    ///
    /// # Errors
    ///
    /// Fails if apt on this machine has no source for this kind of suite.
    pub fn of(&self, suite: &str) -> Result<&str> {
        let (mirror, option) = if suite.ends_with("-security") {
            (&self.security, "--security-mirror")
        } else {
            (&self.main, "--mirror")
        };
        mirror.as_deref().ok_or_else(|| {
            let message =
                format!("apt on this machine has no source for Debian's packages of {suite}");
            Error::new(ErrorKind::Fetch, message).help(format!("specify the mirror with {option}"))
        })
    }

    fn take(&mut self, entries: &[Entry]) {
        for entry in entries {
            for suite in &entry.suites {
                let (name, kind) = suite.split_once(['-', '/']).unwrap_or((suite, ""));
                if !DEBIAN.contains(&name) {
                    continue;
                }
                let mirror =
                    if matches!(kind, "security" | "updates/") || suite.ends_with("/updates") {
                        &mut self.security
                    } else {
                        &mut self.main
                    };
                mirror.get_or_insert_with(|| entry.address.trim_end_matches('/').to_owned());
            }
        }
    }
}

/// The names that Debian gives its releases.
const DEBIAN: [&str; 13] = [
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
    "experimental",
];

/// A source of packages: an address with its suites.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    address: String,
    suites: Vec<String>,
}

fn configuration_files(apt: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(apt.join("sources.list.d"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "list" || kind == "sources"))
        .collect();
    files.sort();
    files.insert(0, apt.join("sources.list"));
    files
}

/// Parses one-line sources: `deb [options] ADDRESS SUITE COMPONENT…` (sources.list(5)).
fn parse_list(text: &str) -> Vec<Entry> {
    text.lines()
        .filter_map(|line| {
            let line = line.split('#').next()?.trim().strip_prefix("deb")?;
            let line = line.strip_prefix([' ', '\t'])?.trim_start();
            let line = match line.strip_prefix('[') {
                Some(rest) => rest.split_once(']')?.1,
                None => line,
            };
            let mut words = line.split_whitespace();
            Some(Entry {
                address: words.next()?.to_owned(),
                suites: vec![words.next()?.to_owned()],
            })
        })
        .collect()
}

/// Parses deb822 sources: paragraphs of fields, whose values may continue in indented lines.
fn parse_deb822(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    for paragraph in lines.split(|line| line.trim().is_empty()) {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in paragraph {
            match (line.split_once(':'), fields.last_mut()) {
                (_, Some((_, value))) if line.starts_with([' ', '\t']) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                (Some((name, value)), _) => {
                    fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
                _ => {}
            }
        }
        let field = |name: &str| {
            let value = fields.iter().find(|field| field.0 == name).map(|field| field.1.as_str());
            value.unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let off = field("enabled").first().is_some_and(|value| value == "no");
        if off || !field("types").contains(&"deb".to_owned()) {
            continue;
        }
        let suites = field("suites");
        entries.extend(
            field("uris").into_iter().map(|address| Entry { address, suites: suites.clone() }),
        );
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(entries: &[Entry]) -> Mirror {
        let mut mirror = Mirror { main: None, security: None };
        mirror.take(entries);
        mirror
    }

    #[test]
    fn both_styles_yield_the_same_mirrors() {
        let list = "# deb http://old/debian trixie main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://mirror/debian/ bookworm main contrib\n\
                    deb-src http://source/debian bookworm main\n\
                    deb http://mirror/security bookworm-security main # why\n";
        let deb822 = "Types: deb deb-src\n# a comment\nURIs: http://mirror/debian\n\
                      Suites: bookworm\n bookworm-updates\nComponents: main\n\n\
                      Types: deb\nEnabled: no\nURIs: http://off/security\nSuites: bookworm-security\n\n\
                      Types: deb\nURIs: http://mirror/security\nSuites: bookworm-security\n";
        let mirror = Mirror {
            main: Some("http://mirror/debian".to_owned()),
            security: Some("http://mirror/security".to_owned()),
        };
        assert_eq!(take(&parse_list(list)), mirror);
        assert_eq!(take(&parse_deb822(deb822)), mirror);
    }

    #[test]
    fn other_archives_are_not_taken() {
        let list = "deb http://tools/apt tools-bookworm main\ndeb http://tools/apt nodistro main\n";
        let mirror = take(&parse_list(list));
        assert_eq!(mirror, Mirror { main: None, security: None });
        let error = mirror.of("trixie-security").unwrap_err();
        assert!(error.to_string().contains("--security-mirror"), "{error}");
    }
}
