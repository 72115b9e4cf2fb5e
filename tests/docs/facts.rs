//! Each name in a document exists, and each public name is in a document.

use std::{collections::HashSet, process::Command};

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};
use regex::Regex;

use crate::{
    files::{self, File, documents},
    names::{anchors, inline_code, links},
};

/// Names of something outside the repository, of generated files, and of examples in instructions.
const OUTSIDE: &[&str] = &[
    "EventSource",
    "PERSISTED_QUERY",
    "archiveTask",
    "src/tasks/colour.rs",
    "src/gql",
    "docs/.vitepress/dist",
    "docker-compose.yml",
    "web/test/screenshots",
    "examples/test/screenshots",
    "persisted-documents.json",
    "Passwords/Common-Credentials/10-million-password-list-top-1000000.txt",
    "source_data/10_million_password_list_top_1M.txt",
];

/// Variables in the form of a setting: of scripts and examples, and a misspelt one.
const OTHER_VARIABLES: &[&str] = &["CUBBY_URL", "CUBBY_BINARY", "CUBBY_TOKEN", "CUBBY_LISEN"];

fn words(text: &str) -> HashSet<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_word(c))
        .filter(|it| !it.is_empty())
        .collect()
}

/// Returns the output of the built binary.
fn cubby(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cubby"));
    let output = command.args(arguments).output().expect("the binary runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Returns the environment variables that set a setting.
fn settings() -> HashSet<String> {
    let variable = Regex::new(r"\[env: (\w+)").expect("a regular expression");
    let text = cubby(&["help", "settings"]);
    let found = variable.captures_iter(&text).map(|it| it[1].to_owned());
    let found: HashSet<_> = found.collect();
    assert!(found.len() > 30, "{found:?}");
    found
}

/// Returns the names of the commands, such as `keys` and `keys rotate`.
fn commands() -> HashSet<String> {
    let listed = |help: &str| {
        let (_, rest) = help.split_once("Commands:\n").unwrap_or_default();
        let lines = rest.lines().take_while(|line| !line.is_empty());
        let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names = names.filter_map(|line| line.split_whitespace().next().map(str::to_owned));
        names.collect::<Vec<_>>()
    };
    let mut all = HashSet::from(["help settings".to_owned()]);
    for name in listed(&cubby(&["--help"])) {
        if name != "help" {
            let nested = listed(&cubby(&[&name, "--help"]));
            all.extend(nested.into_iter().map(|nested| format!("{name} {nested}")));
        }
        all.insert(name);
    }
    assert!(all.contains("keys rotate"), "{all:?}");
    all
}

/// Asserts that a list of errors is empty.
fn assert_none(errors: &[String]) {
    assert!(
        errors.is_empty(),
        "{} errors:\n{}",
        errors.len(),
        errors.join("\n")
    );
}

/// Returns an error for each mention that a check rejects.
fn check<'a>(
    files: &'a [File],
    mentions: impl Fn(&'a str) -> Vec<crate::names::Mention<'a>>,
    is_wrong: impl Fn(&File, &str) -> bool,
) -> Vec<String> {
    documents(files)
        .flat_map(|file| {
            let wrong = mentions(&file.text).into_iter();
            let wrong = wrong.filter(|mention| is_wrong(file, mention.text));
            let errors = wrong.map(|it| format!("{}:{}: {}", file.path, it.line, it.text));
            errors.collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn links_lead_to_files_and_headings() {
    let files = files::all();
    let find = |path: &str| files.iter().find(|file| file.path == path);
    assert_none(&check(&files, links, |file, target| {
        if target.contains("://") || target.starts_with("mailto:") {
            return false;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let path = if path.is_empty() {
            file.path.clone()
        } else {
            normalize(&format!("{}{path}", file.folder()))
        };
        match find(&path) {
            Some(target) if file.extension() == "md" && !anchor.is_empty() => {
                !anchors(&target.text).iter().any(|it| it == anchor)
            }
            Some(_) => false,
            None => !files::exists(&files, &path),
        }
    }));
}

/// Resolves `.` and `..` in a path.
fn normalize(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn paths_in_documents_exist() {
    const EXTENSIONS: [&str; 14] = [
        "rs", "md", "toml", "ts", "tsx", "js", "json", "yaml", "yml", "graphql", "html", "sh",
        "lock", "txt",
    ];
    let files = files::all();
    let path_like = Regex::new(r"^[\w.@-]*(/[\w.@-]+)*/?$").expect("a regular expression");
    let folders = [
        "src/",
        "tests/",
        "specs/",
        "migration/",
        "benches/",
        "web/",
        "examples/",
        "docs/",
        ".ci/",
    ];
    assert_none(&check(&files, inline_code, |file, text| {
        // A path that starts with `/` is one of the server.
        if !path_like.is_match(text) || text.starts_with('/') || OUTSIDE.contains(&text) {
            return false;
        }
        let has_extension = text
            .rsplit_once('.')
            .is_some_and(|(name, it)| !name.is_empty() && EXTENSIONS.contains(&it));
        if !has_extension && !folders.iter().any(|folder| text.starts_with(folder)) {
            return false;
        }
        let path = text.trim_end_matches('/');
        let is_suffix = |it: &File| it.path == path || it.path.ends_with(&format!("/{path}"));
        !files.iter().any(is_suffix)
            && !files::exists(&files, path)
            && !files::exists(&files, &format!("{}{path}", file.folder()))
    }));
}

#[test]
fn tests_in_documents_exist() {
    let files = files::all();
    let tests = tests(&files);
    let test = Regex::new(r"^[a-z0-9_]+::[a-z0-9_]+$").expect("a regular expression");
    let mut count = 0;
    for document in documents(&files) {
        for mention in inline_code(&document.text) {
            let in_specs = document.path.starts_with("specs/");
            if in_specs && test.is_match(mention.text) {
                count += 1;
                assert!(
                    tests.contains(mention.text),
                    "{}:{}: {}",
                    document.path,
                    mention.line,
                    mention.text
                );
            }
        }
    }
    assert!(count > 50, "the specifications name only {count} tests");
}

/// Returns each test as `file::function`. A `mod.rs` or `tests.rs` has the name of its folder.
fn tests(files: &[File]) -> HashSet<String> {
    let attribute =
        r"#\[(?:tokio::test|test|apply\(each_database\))[^\n]*\]\n(?:\s*#\[[^\n]*\]\n)*";
    let test = format!(r"{attribute}\s*(?:async )?fn (\w+)\(");
    let test = Regex::new(&test).expect("a regular expression");
    let sources = files.iter().filter(|file| file.extension() == "rs");
    sources
        .flat_map(|file| {
            let path = file.path.trim_end_matches(".rs");
            let path = path.trim_end_matches("/mod").trim_end_matches("/tests");
            let module = path.rsplit('/').next().unwrap_or(path);
            let names = test.captures_iter(&file.text);
            let names = names.map(|it| format!("{module}::{}", &it[1]));
            names.collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn settings_in_documents_exist() {
    let files = files::all();
    let settings = settings();
    let setting = Regex::new(r"\bCUBBY_[A-Z0-9_]+\b").expect("a regular expression");
    let mut errors = Vec::new();
    for file in documents(&files) {
        for (at, line) in file.text.lines().enumerate() {
            for name in setting.find_iter(line).map(|it| it.as_str()) {
                if !settings.contains(name)
                    && !OTHER_VARIABLES.contains(&name)
                    && !name.ends_with('_')
                {
                    errors.push(format!("{}:{}: {name}", file.path, at + 1));
                }
            }
        }
    }
    assert_none(&errors);
}

#[test]
fn each_setting_is_documented() {
    let files = files::all();
    let text: String = documents(&files).map(|file| file.text.as_str()).collect();
    let example = files.iter().find(|file| file.path == ".env.example");
    let example = words(&example.expect(".env.example").text);
    let documented = words(&text);
    let missing = settings()
        .into_iter()
        .filter(|name| !example.contains(name.as_str()) || !documented.contains(name.as_str()));
    assert_none(&missing.collect::<Vec<_>>());
}

#[test]
fn commands_in_documents_exist() {
    let files = files::all();
    let commands = commands();
    let call = Regex::new(r"^(?:target/\w+/)?cubby ([a-z]+)(?: ([a-z-]+))?")
        .expect("a regular expression");
    assert_none(&check(&files, inline_code, |_, text| {
        let Some(call) = call.captures(text) else {
            return false;
        };
        let name = &call[1];
        let has_nested = commands
            .iter()
            .any(|it| it.starts_with(&format!("{name} ")));
        let nested = call.get(2).map(|it| format!("{name} {}", it.as_str()));
        !commands.contains(name)
            || has_nested && nested.is_some_and(|nested| !commands.contains(&nested))
    }));
}

#[test]
fn identifiers_in_documents_exist() {
    let files = files::all();
    let sources: String = files
        .iter()
        .filter(|file| !["md", "lock", "txt"].contains(&file.extension()))
        .map(|file| format!("{}\n", file.text))
        .collect();
    let known = words(&sources);
    // Codes such as `EMAIL_TAKEN`, fields such as `createTask`, and types such as `TaskFilter`.
    let code = Regex::new(r"^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$").expect("a regular expression");
    let name = Regex::new(r"^[A-Za-z][a-z0-9]+(?:[A-Z][a-z0-9]*)+$").expect("a regular expression");
    assert_none(&check(&files, inline_code, |_, text| {
        let is_name = code.is_match(text) || name.is_match(text);
        is_name && !known.contains(text) && !OUTSIDE.contains(&text)
    }));
}

#[test]
fn each_root_field_and_error_code_is_documented() {
    let files = files::all();
    let specs: String = documents(&files)
        .filter(|file| file.path.starts_with("specs/"))
        .map(|file| file.text.as_str())
        .collect();
    let documented = words(&specs);
    let mut names = HashSet::new();
    for definition in parse_schema(cubby::sdl()).expect("a schema").definitions {
        let TypeSystemDefinition::Type(ty) = definition else {
            continue;
        };
        let type_name = ty.node.name.node.as_str();
        match ty.node.kind {
            TypeKind::Object(it) if ["Query", "Mutation", "Subscription"].contains(&type_name) => {
                names.extend(
                    it.fields
                        .iter()
                        .map(|field| field.node.name.node.to_string()),
                );
            }
            TypeKind::Enum(it) if type_name == "UserErrorCode" => {
                names.extend(
                    it.values
                        .iter()
                        .map(|value| value.node.value.node.to_string()),
                );
            }
            _ => {}
        }
    }
    let code = Regex::new(r#""([A-Z]+(?:_[A-Z]+)+)""#).expect("a regular expression");
    for path in [
        "src/error/top_level.rs",
        "src/query_limits/rejection.rs",
        "src/http",
    ] {
        for file in files.iter().filter(|file| file.path.starts_with(path)) {
            let shipped = file.text.split("#[cfg(test)]").next().unwrap_or_default();
            let codes = code.captures_iter(shipped).map(|it| it[1].to_owned());
            names.extend(codes.filter(|code| code != "OUT_DIR"));
        }
    }
    assert!(names.len() > 50, "{names:?}");
    let missing = names
        .into_iter()
        .filter(|name| !documented.contains(name.as_str()));
    assert_none(&missing.collect::<Vec<_>>());
}
