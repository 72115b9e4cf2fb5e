//! Writes responses as JSON.

use serde_json::to_string;
use uuid::Uuid;

use crate::{PAGE_SIZE, Task};

const PRIORITIES: [&str; 5] = ["NONE", "LOW", "MEDIUM", "HIGH", "URGENT"];

pub fn page(mut tasks: Vec<Task>) -> Vec<u8> {
    let has_next = tasks.len() > PAGE_SIZE;
    tasks.truncate(PAGE_SIZE);
    let mut json = String::with_capacity(8 * 1024);
    json.push_str(r#"{"data":{"viewer":{"tasks":{"nodes":["#);
    for (number, task) in tasks.iter().enumerate() {
        if number > 0 {
            json.push(',');
        }
        fields(&mut json, task);
        json.push_str(r#","createdAt":""#);
        time(&mut json, millis(task.id));
        json.push_str(r#""}"#);
    }
    let cursor = tasks.last().map(|task| task.id.to_string());
    let cursor = cursor.unwrap_or_default();
    json.push_str(&format!(
        r#"],"pageInfo":{{"hasNextPage":{has_next},"endCursor":"{cursor}"}}}}}}}}}}"#
    ));
    json.into_bytes()
}

pub fn task(task: &Task) -> Vec<u8> {
    let mut json = String::with_capacity(512);
    json.push_str(r#"{"data":{"viewer":{"task":"#);
    fields(&mut json, task);
    json.push_str("}}}}");
    json.into_bytes()
}

pub fn created(task: &Task) -> Vec<u8> {
    let mut json = String::with_capacity(512);
    json.push_str(r#"{"data":{"createTask":{"task":"#);
    fields(&mut json, task);
    json.push_str(r#"},"userErrors":[]}}}"#);
    json.into_bytes()
}

/// Writes the fields of a task, without the closing brace.
fn fields(json: &mut String, task: &Task) {
    json.push_str(r#"{"id":""#);
    json.push_str(
        task.id
            .hyphenated()
            .encode_lower(&mut [0; uuid::fmt::Hyphenated::LENGTH]),
    );
    json.push_str(r#"","title":"#);
    json.push_str(&to_string(&task.title).unwrap_or_default());
    json.push_str(r#","completed":"#);
    json.push_str(if task.completed_at.is_some() {
        "true"
    } else {
        "false"
    });
    json.push_str(r#","priority":""#);
    json.push_str(PRIORITIES[task.priority.clamp(0, 4).cast_unsigned() as usize]);
    json.push('"');
}

/// Returns the milliseconds since 1970 of a UUIDv7.
fn millis(id: Uuid) -> u64 {
    (id.as_u128() >> 80) as u64
}

/// Writes a time in the format of RFC 3339. The date is computed as in Howard Hinnant's
/// `civil_from_days`.
fn time(json: &mut String, millis: u64) {
    let (days, rest) = (millis / 86_400_000 + 719_468, millis % 86_400_000);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1_000 % 60, rest % 1_000);
    json.push_str(&format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
    ));
}
