//! The file `.env`: parses it, and sets its variables unless they are set in the environment.
//!
//! A line is `NAME=value`, `NAME='value'` or `NAME="value"`, optionally after `export`. An unquoted value
//! ends at the end of its line, or before a `#` that follows a space. A quoted value can have several
//! lines. In double quotes, a backslash escapes the next character. Variables are not expanded: a `$` is
//! a plain character.

use std::{fs, io};

/// The file's name, in the working directory.
const FILE: &str = ".env";

/// Sets the variables of the file that are not set in the environment. A missing file is not an error.
///
/// # Errors
/// Fails if the file cannot be read or is invalid. The message contains no value.
pub fn load_env_file() -> Result<(), String> {
    let text = match fs::read_to_string(FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(|error| format!("the file {FILE} cannot be read: {error}"))?,
    };
    let variables = parse(&text)?;
    // dotenvy only sets the variables: its own parser would expand `$NAME` and remove quotes from JSON.
    let quoted: String = variables
        .iter()
        .map(|(name, value)| format!("{name}={}\n", quote(value)))
        .collect();
    dotenvy::from_read(quoted.as_bytes())
        .map_err(|_| format!("the variables of {FILE} cannot be set"))
}

/// Quotes a value so that dotenvy reads it unchanged.
fn quote(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        if matches!(c, '\\' | '"' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}

/// Parses the text into names and values.
fn parse(text: &str) -> Result<Vec<(&str, String)>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let mut variables: Vec<(&str, String)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let number = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let wrong = |what: &str| format!("line {number} of {FILE}: {what}");
        let (line, next) = split_line(rest);
        if is_blank(line) {
            rest = next;
            continue;
        }
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| wrong("write NAME=value"))?;
        let name = read_name(name)
            .ok_or_else(|| wrong("before the = write a name of letters, digits and underscores"))?;
        if variables.iter().any(|(before, _)| *before == name) {
            return Err(wrong(&format!("{name} is set twice: remove one")));
        }
        let from = line.len() - value.trim_start().len();
        let value = match value.trim_start().chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let (value, after) = read_quoted(&rest[from + 1..], quote).map_err(wrong)?;
                let (tail, after) = split_line(after);
                if !is_blank(tail) {
                    return Err(wrong("nothing but a comment may follow the closing quote"));
                }
                rest = after;
                value
            }
            _ => {
                rest = next;
                before_comment(value).trim().to_owned()
            }
        };
        if value.contains('\0') {
            return Err(wrong("a value cannot contain U+0000"));
        }
        variables.push((name, value));
    }
    Ok(variables)
}

/// Returns the first line, and the rest of the text.
fn split_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

fn read_name(text: &str) -> Option<&str> {
    let text = text.trim();
    let name = match text.split_once(char::is_whitespace) {
        Some(("export", name)) => name.trim_start(),
        _ => text,
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = !name.starts_with(|c: char| c.is_ascii_digit());
    (!name.is_empty() && begins && name.chars().all(is_part)).then_some(name)
}

/// Returns the value without a comment: without a `#` after white space, and all that follows.
fn before_comment(value: &str) -> &str {
    let spaces = value.match_indices([' ', '\t']);
    let comment = spaces
        .map(|(at, _)| at)
        .find(|&at| value[at + 1..].starts_with('#'));
    comment.map_or(value, |at| &value[..at])
}

/// Returns the value up to the closing quote, and the rest of the text after the quote.
fn read_quoted(text: &str, quote: char) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok((value, chars.as_str())),
            '\\' if quote == '"' => value.push(match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some(c @ ('\\' | '"' | '\'' | '$' | ' ')) => c,
                _ => {
                    return Err(
                        "between double quotes, write \\\\ for a backslash; between single quotes, write it \
                         once",
                    );
                }
            }),
            c => value.push(c),
        }
    }
    Err("the closing quote is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        let variables = parse(text).unwrap_or_else(|said| panic!("{text:?}: {said}"));
        let [(name, value)] = &variables[..] else {
            panic!("{text:?}: {variables:?}");
        };
        assert_eq!(*name, "A", "{text:?}");
        value.clone()
    }

    #[test]
    fn values_are_taken_literally() {
        for (text, expected) in [
            ("A=b", "b"),
            ("A=", ""),
            ("A=''", ""),
            ("A= # a comment", ""),
            ("\u{feff}A=b", "b"),
            ("\n# one\r\n  # two\r\n\r\nA=b\r\n", "b"),
            ("export A=b", "b"),
            ("  export\tA = b  ", "b"),
            ("A=b c", "b c"),
            ("A=b # a comment", "b"),
            ("A=b\t# a comment", "b"),
            ("A=b#c", "b#c"),
            ("A=#b", "#b"),
            ("A=b=c==", "b=c=="),
            ("A=a$b${c}$$d\\$e", "a$b${c}$$d\\$e"),
            ("A=\"a$b\\${c}\"", "a$b${c}"),
            ("A='a$b\\${c}'", "a$b\\${c}"),
            (r#"A=[{"a": "b", 'c': "d"}]"#, r#"[{"a": "b", 'c': "d"}]"#),
            (r"A=C:\data\new", r"C:\data\new"),
            (r"A='C:\data\'", r"C:\data\"),
            (r#"A="C:\\data \"x\"""#, r#"C:\data "x""#),
            ("A='b # c' # a comment", "b # c"),
            ("A='it is \"it\"'", "it is \"it\""),
            ("A=\"one\ntwo\\nthree\"", "one\ntwo\nthree"),
            ("A='one\ntwo\n' # a comment\n", "one\ntwo\n"),
            ("A=it's", "it's"),
            ("A=„ü“", "„ü“"),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
            let (name, read) =
                dotenvy::from_read_iter(format!("A={}\n", quote(expected)).as_bytes())
                    .next()
                    .expect("a variable")
                    .expect("it is read");
            assert_eq!((name.as_str(), read.as_str()), ("A", expected));
        }
    }

    #[test]
    fn errors_name_the_line_and_hide_the_value() {
        for (text, says) in [
            ("A=b\nhunter2", "line 2 of .env: write NAME=value"),
            ("=hunter2", "line 1 of .env: before the ="),
            ("a-b=hunter2", "line 1 of .env: before the ="),
            ("1A=hunter2", "line 1 of .env: before the ="),
            ("let A=hunter2", "line 1 of .env: before the ="),
            ("A='x\ny'\nB=\"hunter2", "line 3 of .env: the closing quote"),
            ("A='hunter2\nB=c", "line 1 of .env: the closing quote"),
            ("A=\"a\" hunter2", "line 1 of .env: nothing but a comment"),
            ("A=\"C:\\hunter2\"", "line 1 of .env: between double quotes"),
            ("A=b\n\nA=hunter2", "line 3 of .env: A is set twice"),
            ("A=hunter2\0", "line 1 of .env: a value cannot"),
        ] {
            let said = parse(text).expect_err(text);
            assert!(
                said.starts_with(says) && !said.contains("hunter2"),
                "{text:?}: {said}"
            );
        }
    }
}
