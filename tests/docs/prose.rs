//! Comments, messages and documents are plain English: the habits below are rejected.

use regex::Regex;

use crate::{
    files,
    segments::{Kind, segments},
};

/// Phrases, each with the plain words to use instead.
const PHRASES: &[(&str, &str)] = &[
    (
        r"\b(nobody|no one|somebody|anybody|everybody|whoever|whatever|whichever|nowhere)\b",
        "name who or what: no user, a client, the operator, any value",
    ),
    (r"\b(is|are) no\b", "say what it is, or what happens"),
    (r"\b(is|are) none\b", "say what is missing"),
    (
        r"\b(told|tells?|telling)\b",
        "notified, reports, states, distinguishes",
    ),
    (r"\b(felt|feels?)\b", "takes effect"),
    (r"\b(hears?|heard|hearing)\b", "receives"),
    (r"\b(wakes|woken|woke)\b", "signals, notifies"),
    (r"\bbeats?\b", "heartbeat"),
    (r"\bvouch(es|ed)?\b", "asserts"),
    (r"\bshut out\b", "rejected, locked out"),
    (r"\bat hand\b", "available"),
    (r"\b(made[ -]up|makes up)\b", "generated, sample"),
    (r"\b(a place for|a lot of)\b", "a permit for, many"),
    (r"\b(kept|keeps up)\b", "stored, preserved"),
    (r"\bheld\b", "stored, open; a lock is taken"),
    (r"\bmint(s|ed)?\b", "generated"),
    (r"\b(bears|borne)\b", "carries"),
    (r"\b(dear|dearer|dearest)\b", "expensive"),
    (
        r"\b(thereof|therein|hitherto|henceforth|beforehand|lately)\b",
        "plain words of time and place",
    ),
    (r"\bopens? nothing\b", "is invalid"),
    (r"\bleft out\b", "omitted"),
    (
        r",? where there (is|are) (one|any|some|none)\b",
        "put the condition first",
    ),
    (r"\bat the least\b", "at least"),
    (r"\bgives? way\b", "yields"),
    (r"\bgo(es)? on\b", "continues"),
    (
        r"\b(comes? back|came back)\b",
        "returns, is available again",
    ),
];

/// Words with which a doc comment does not start.
const STARTS: &str =
    r"^(What|Who|Whose|Whether|How|That|Those|These|The same|Which|Where|It|They|Of|Beyond)\b";

/// A clause used as a sentence, such as "What opens the session."
const CLAUSE: &str = r"(?:^|[.!?] )(What|Who|Whoever|Whether)\b[^?]*$";

/// Lines that may use a phrase: the end of the path, and a part of the line.
const ALLOWED: &[(&str, &str)] = &[
    // The Unix user.
    (
        "benches/load/postgresql.rs",
        "the users postgres and nobody",
    ),
    // Names of files and hosts that do not exist.
    ("tests/api/export_files.rs", "nowhere/out.json"),
    ("tests/api/imported_users.rs", "nowhere cannot be read"),
];

#[test]
fn text_for_people_is_plain() {
    let phrases: Vec<_> = PHRASES
        .iter()
        .map(|(phrase, instead)| (regex(&format!("(?i){phrase}")), *instead))
        .collect();
    let (starts, clause, code, there) = (
        regex(STARTS),
        regex(CLAUSE),
        regex("`[^`]*`"),
        regex(r"(?i)\bthere (is|are) no(ne)?\b"),
    );
    let mut errors = Vec::new();
    for file in files::all() {
        let is_rule = file.path == "tests/docs/prose.rs";
        for it in segments(&file).into_iter().filter(|_| !is_rule) {
            let is_allowed =
                |(path, text): &(&str, &str)| file.path.ends_with(path) && it.text.contains(text);
            if ALLOWED.iter().any(is_allowed) {
                continue;
            }
            let mut report = |found: &str, instead: &str| {
                let (path, line, text) = (&file.path, it.line, &it.text);
                errors.push(format!("{path}:{line}: {found:?} ({instead}): {text}"));
            };
            if it.is_first
                && let Some(found) = starts.find(&it.text)
            {
                report(found.as_str(), "start with a noun phrase or a verb");
            }
            let text = code.replace_all(&it.text, "`x`");
            let is_sentence = it.kind != Kind::Text && !text.starts_with('#');
            if is_sentence && let Some(found) = clause.captures(&text) {
                report(&found[1], "a clause is not a sentence");
            }
            let text = there.replace_all(&text, "there is not a");
            for (phrase, instead) in &phrases {
                if let Some(found) = phrase.find(&text) {
                    report(found.as_str(), instead);
                }
            }
        }
    }
    assert!(
        errors.is_empty(),
        "{} phrases to reword (tests/docs/prose.rs has the list):\n{}",
        errors.len(),
        errors.join("\n")
    );
}

#[test]
fn test_names_have_at_most_60_characters() {
    let name = regex(r"fn ([a-z0-9_]{61,})\(");
    for file in files::all().iter().filter(|file| file.extension() == "rs") {
        let long = name.captures(&file.text).map(|it| it[1].to_owned());
        assert_eq!(long, None, "in {}", file.path);
    }
}

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}
