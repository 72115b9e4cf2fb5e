//! The rule that each statement on a user's rows names the owner, so that one shard can run it.

/// Tables of which every shard has a copy, since they are read before the user is known.
pub(crate) const REFERENCE_TABLES: [&str; 2] = ["emails", "external_subjects"];

/// Tables whose primary key begins with the owner.
pub(crate) const OWNED_TABLES: [&str; 9] = [
    "challenges",
    "change_logs",
    "credentials",
    "identities",
    "known_networks",
    "security_events",
    "sessions",
    "tasks",
    "tombstones",
];

/// Parts of statements that may read rows of all users. Cleanup finds expired rows, and deletes
/// them owner by owner; a background task finds users whose change of time zone is unfinished;
/// and one query checks whether any session exists.
const EXCEPTIONS: [&str; 7] = [
    r#"FROM "challenges" WHERE "challenges"."expires_at" <="#,
    r#"FROM "sessions" WHERE "sessions"."expires_at" <="#,
    r#"FROM "security_events" WHERE "security_events"."at" <="#,
    r#"FROM "known_networks" WHERE "known_networks"."last_used_at" <="#,
    r#"FROM "tombstones" WHERE "tombstones"."deleted_at" <="#,
    r#"FROM "change_logs" WHERE "change_logs"."moving_session_id" IS NOT NULL"#,
    r#"FROM "sessions" LIMIT"#,
];

/// True if each part of the statement that reads or writes an owned table has the owner in its
/// condition or in the row that it inserts, or if the statement is one of [`EXCEPTIONS`].
pub(crate) fn names_its_owner(sql: &str) -> bool {
    if EXCEPTIONS.iter().any(|exception| sql.contains(exception)) {
        return true;
    }
    let tables = sql.match_indices('"').filter_map(|(at, _)| {
        let name = sql[at + 1..].split('"').next()?;
        let before = sql[..at].trim_end();
        let is_table = ["FROM", "INTO", "UPDATE", "JOIN"]
            .iter()
            .any(|keyword| before.ends_with(keyword));
        (is_table && OWNED_TABLES.contains(&name)).then_some(at)
    });
    tables.into_iter().all(|at| {
        let inserts = sql[..at].trim_end().ends_with("INTO");
        let rest = part(&sql[at..]);
        if inserts {
            return rest.contains(r#""user_id""#);
        }
        let rest = without_sub_selects(rest);
        let condition = rest.split_once(" WHERE ").map_or("", |(_, it)| it);
        condition
            .match_indices(r#""user_id""#)
            .any(|(at, name)| is_compared(&condition[at + name.len()..]))
    })
}

/// Returns the rest of the select: everything before the parenthesis that closes it.
fn part(sql: &str) -> &str {
    let mut depth = 0_i32;
    for (at, character) in sql.char_indices() {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth < 0 {
            return &sql[..at];
        }
    }
    sql
}

fn without_sub_selects(sql: &str) -> String {
    let mut rest = sql.to_owned();
    while let Some(at) = rest.find("(SELECT ") {
        let end = at + 1 + part(&rest[at + 1..]).len();
        rest.replace_range(at..=end.min(rest.len() - 1), "");
    }
    rest
}

fn is_compared(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with('=') || rest.starts_with("IN (")
}
