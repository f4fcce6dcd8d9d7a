//! Tests the GitHub action and the GitLab template: they are valid YAML, their scripts are correct,
//! and `docs/ci.md` lists their inputs.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use saphyr::{LoadableYamlNode as _, Yaml};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn parse<'t>(path: &str, text: &'t str) -> Yaml<'t> {
    let mut documents = Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(documents.len(), 1, "{path}");
    documents.remove(0)
}

/// Returns the keys of a mapping that are text.
fn keys(node: &Yaml<'_>) -> BTreeSet<String> {
    let pairs = node.as_mapping().into_iter().flatten();
    pairs.filter_map(|(key, _)| Some(key.as_str()?.to_owned())).collect()
}

/// Returns the names in the first column of the table in `docs/ci.md` whose header begins with
/// `header`.
fn documented(header: &str) -> BTreeSet<String> {
    let page = read("docs/ci.md");
    let table = page.lines().skip_while(|line| !line.starts_with(&format!("| {header} |"))).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| Some(row.split('`').nth(1)?.to_owned())).collect()
}

/// Checks a shell script with `shellcheck`.
fn check_script(name: &str, script: &str) {
    // GitLab passes variables from one script of a job to the next script. Both services run bash
    // with these options.
    let before = "# shellcheck disable=SC2034,SC2154\nset -eo pipefail\n";
    for command in [&["bash", "-n"][..], &["shellcheck", "--shell=bash", "--severity=warning", "-"]]
    {
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", command[0]));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(format!("{before}{script}\n").as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{} on `{name}`: {said}", command[0]);
    }
}

#[test]
fn the_action_has_the_documented_inputs_and_correct_scripts() {
    let text = read("action.yml");
    let action = parse("action.yml", &text);
    let inputs = keys(&action["inputs"]);
    assert_eq!(inputs, documented("input"));
    for input in &inputs {
        assert!(text.contains(&format!("inputs.{input}")), "nothing uses the input `{input}`");
        assert!(action["inputs"][input.as_str()]["description"].as_str().is_some(), "{input}");
    }
    for used in text.split("inputs.").skip(1) {
        let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '-';
        let name = used.split(|letter| !is_part(letter)).next().unwrap();
        assert!(inputs.contains(name), "there is no input `{name}`");
    }
    assert_eq!(action["runs"]["using"].as_str(), Some("composite"));
    let steps = action["runs"]["steps"].as_vec().unwrap();
    let mut scripts = 0;
    for step in steps {
        let name = step["name"].as_str().unwrap();
        let Some(script) = step.as_mapping_get("run").and_then(|run| run.as_str()) else {
            assert!(step["uses"].as_str().unwrap().contains('@'), "{name}: without a version");
            continue;
        };
        assert_eq!(step["shell"].as_str(), Some("bash"), "{name}");
        // The author of a pull request could choose the value of an expression in a script.
        assert!(!script.contains("${{"), "{name}: hand it over in `env`");
        check_script(name, script);
        scripts += 1;
    }
    assert!(scripts >= 6, "{scripts}");
}

#[test]
fn the_template_has_the_documented_variables_and_correct_scripts() {
    let text = read("ci/gitlab.yml");
    let template = parse("ci/gitlab.yml", &text);
    let variables = keys(&template["variables"]);
    assert_eq!(variables, documented("variable"));
    for used in text.split("$BPFMAP_").skip(1) {
        let name = used.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_').next();
        assert!(variables.contains(&format!("BPFMAP_{}", name.unwrap())), "{used}");
    }
    let base = &template[".bpfmap"];
    let lines = |node: &Yaml<'_>| -> Vec<String> {
        let lines = node.as_vec().into_iter().flatten();
        lines.map(|line| line.as_str().unwrap().to_owned()).collect()
    };
    let before = lines(&base["before_script"]).join("\n");
    check_script(".bpfmap", &lines(&base["after_script"]).join("\n"));
    let mut jobs = 0;
    for job in keys(&template).iter().filter(|name| name.starts_with("bpfmap:")) {
        assert_eq!(template[job.as_str()]["extends"].as_str(), Some(".bpfmap"), "{job}");
        let script = lines(&template[job.as_str()]["script"]).join("\n");
        assert!(!script.is_empty(), "{job}");
        check_script(job, &format!("{before}\n{script}"));
        assert!(read("docs/ci.md").contains(&format!("`{job}`")), "{job} is not documented");
        jobs += 1;
    }
    assert_eq!(jobs, 3);
}
