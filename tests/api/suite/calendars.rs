//! Tasks as the calendars of other programs have them.

use cubby::{TaskFormat, TaskImport};
use serde_json::Value;

use super::transfer::{ANA, BEN, export, import, refused, tasks, try_import};

/// Calendars as programs write them: what is in each, and what becomes of it.
const CALENDARS: [(&str, &str); 5] = [
    // Apple's Reminders: a zone by its IANA name, an order of its own, an alarm.
    (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Apple Inc.//iOS 17.5.1//EN\r\nCALSCALE:GREGORIAN\r\n\
         BEGIN:VTIMEZONE\r\nTZID:Europe/Vienna\r\nBEGIN:STANDARD\r\nTZOFFSETFROM:+0200\r\n\
         RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nDTSTART:19961027T030000\r\nTZNAME:CET\r\n\
         TZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VTODO\r\nCREATED:20261101T080000Z\r\n\
         UID:0B5CF8D8-1F6A-4B5B-9A0E-1DA3E21B0D2E\r\nSUMMARY:Pick up the parcel\\, then call\r\n\
         DESCRIPTION:Bring the slip\\nand a bag\r\nDTSTART;TZID=Europe/Vienna:20261121T160000\r\n\
         DUE;TZID=Europe/Vienna:20261121T160000\r\nPRIORITY:1\r\nSEQUENCE:1\r\nSTATUS:NEEDS-ACTION\r\n\
         X-APPLE-SORT-ORDER:699\r\nDTSTAMP:20261101T080100Z\r\nLAST-MODIFIED:20261101T080100Z\r\n\
         BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER;VALUE=DATE-TIME:20261121T150000Z\r\nEND:VALARM\r\n\
         END:VTODO\r\nEND:VCALENDAR\r\n",
        r#"{ "title": "Pick up the parcel, then call", "description": "Bring the slip\nand a bag", "priority": "URGENT",
             "due": { "date": "2026-11-21", "time": "16:00:00", "timeZone": "Europe/Vienna" }, "completedAt": null,
             "createdAt": "2026-11-01T08:00:00.000Z", "updatedAt": "2026-11-01T08:01:00.000Z" }"#,
    ),
    // Thunderbird: one that is done, for a day, in lines that end as Unix ends them.
    (
        "BEGIN:VCALENDAR\nPRODID:-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN\nVERSION:2.0\nBEGIN:VTODO\n\
         CREATED:20261020T070000Z\nLAST-MODIFIED:20261021T070000Z\nDTSTAMP:20261021T070000Z\n\
         UID:7c5ec4f2-0f0c-4a38-9a52-3c7b3f0c3a11\nSUMMARY:Steuererklärung\nSTATUS:COMPLETED\n\
         COMPLETED:20261021T065900Z\nPERCENT-COMPLETE:100\nDUE;VALUE=DATE:20261031\nPRIORITY:9\n\
         X-MOZ-GENERATION:2\nEND:VTODO\nEND:VCALENDAR\n",
        r#"{ "title": "Steuererklärung", "description": null, "priority": "LOW",
             "due": { "date": "2026-10-31", "time": null, "timeZone": null },
             "completedAt": "2026-10-21T06:59:00.000Z",
             "createdAt": "2026-10-20T07:00:00.000Z", "updatedAt": "2026-10-21T07:00:00.000Z" }"#,
    ),
    // Evolution: a zone under a long name, folded within a character.
    (
        "BEGIN:VCALENDAR\r\nPRODID:-//Ximian//NONSGML Evolution Calendar//EN\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\n\
         TZID:/freeassociation.sourceforge.net/Europe/Berlin\r\nX-LIC-LOCATION:Europe/Berlin\r\nBEGIN:STANDARD\r\n\
         DTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
         BEGIN:VTODO\r\nUID:89b13d12c2142cc66192932e1e560ed344dfb174\r\nDTSTAMP:20261001T112618Z\r\n\
         SUMMARY:Fahrradr\u{c3}FOLD\u{bc}cklicht richten\r\nSTATUS:IN-PROCESS\r\nPERCENT-COMPLETE:40\r\nPRIORITY:3\r\n\
         DUE;TZID=/freeassociation.sourceforge.net/Europe/Berlin:20261201T183000\r\n\
         CREATED:20261001T112617Z\r\nLAST-MODIFIED:20261001T112618Z\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
        r#"{ "title": "Fahrradrücklicht richten", "description": null, "priority": "HIGH",
             "due": { "date": "2026-12-01", "time": "18:30:00", "timeZone": "Europe/Berlin" }, "completedAt": null,
             "createdAt": "2026-10-01T11:26:17.000Z", "updatedAt": "2026-10-01T11:26:18.000Z" }"#,
    ),
    // Outlook: a zone by the name that Windows has for it; a task that nothing will come of.
    (
        "BEGIN:VCALENDAR\r\nPRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN\r\nVERSION:2.0\r\nBEGIN:VTODO\r\n\
         UID:040000008200E00074C5B7101A82E008\r\nCREATED:20260915T090000Z\r\nLAST-MODIFIED:20260916T090000Z\r\n\
         DTSTAMP:20260916T090000Z\r\nSUMMARY;LANGUAGE=en-us:Book the room\r\nPRIORITY:5\r\nSTATUS:CANCELLED\r\n\
         DUE;TZID=\"Pacific Standard Time\":20260920T090000\r\nX-MICROSOFT-CDO-IMPORTANCE:1\r\nEND:VTODO\r\n\
         END:VCALENDAR\r\n",
        r#"{ "title": "Book the room", "description": null, "priority": "MEDIUM",
             "due": { "date": "2026-09-20", "time": "09:00:00", "timeZone": "America/Los_Angeles" },
             "completedAt": "2026-09-16T09:00:00.000Z",
             "createdAt": "2026-09-15T09:00:00.000Z", "updatedAt": "2026-09-16T09:00:00.000Z" }"#,
    ),
    // Tasks.org: an instant in UTC, reopened; and nothing said of what it is called.
    (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:+//IDN tasks.org//android-130900//EN\r\nBEGIN:VTODO\r\n\
         DTSTAMP:20260916T090000Z\r\nUID:4621273841992731\r\nCREATED:20260801T100000Z\r\n\
         LAST-MODIFIED:20260802T100000Z\r\nCOMPLETED:20260802T090000Z\r\nSTATUS:NEEDS-ACTION\r\n\
         DUE:20260921T170000Z\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
        r#"{ "title": "Untitled", "description": null, "priority": "NONE",
             "due": { "date": "2026-09-21", "time": "17:00:00", "timeZone": "UTC" }, "completedAt": null,
             "createdAt": "2026-08-01T10:00:00.000Z", "updatedAt": "2026-08-02T10:00:00.000Z" }"#,
    ),
];

/// A calendar's bytes: `FOLD` is a fold, within a character.
fn bytes(calendar: &str) -> Vec<u8> {
    match calendar.split_once("\u{c3}FOLD\u{bc}") {
        None => calendar.as_bytes().to_vec(),
        Some((before, after)) => [before.as_bytes(), b"\xc3\r\n \xbc", after.as_bytes()].concat(),
    }
}

#[tokio::test]
async fn a_calendar_that_another_program_wrote_survives_the_trip() {
    let app = app!();
    let (_, ben) = (app.sign_up("ana").await, app.sign_up("ben").await);
    let expected = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut wanted = Vec::new();
    for (calendar, task) in CALENDARS {
        let options = TaskImport::default();
        let imported =
            try_import(&app, ANA, TaskFormat::Icalendar, options, &bytes(calendar)).await;
        assert_eq!(imported.map(|it| it.stored), Ok(1), "{calendar}");
        wanted.push(expected(task));
        // The same file once more is known.
        let refusal = refused(&app, TaskFormat::Icalendar, bytes(calendar)).await;
        assert!(refusal.contains("is there already"), "{refusal}");
    }
    let of = |file: &str, wanted: &[Value]| {
        let mut tasks: Vec<Value> = serde_json::from_str(file).unwrap();
        tasks.sort_by_key(|task| task["position"].as_str().map(str::to_owned));
        for (task, wanted) in tasks.iter().zip(wanted) {
            for (name, value) in wanted.as_object().unwrap() {
                assert_eq!(task[name], *value, "{name} of {task}");
            }
        }
        assert_eq!(tasks.len(), wanted.len());
    };
    of(&export(&app, ANA, TaskFormat::Json).await, &wanted);

    // Out as a calendar, and in again, it is as it was but for parts of a second.
    let calendar = export(&app, ANA, TaskFormat::Icalendar).await;
    for zone in ["Europe/Vienna", "Europe/Berlin", "America/Los_Angeles"] {
        assert_eq!(
            calendar.matches(&format!("\r\nTZID:{zone}\r\n")).count(),
            1,
            "{calendar}"
        );
    }
    assert!(
        calendar
            .split("\r\n")
            .all(|line| line.len() <= 75 && !line.contains('\n'))
    );
    let imported = import(&app, BEN, TaskFormat::Icalendar, &calendar).await;
    assert_eq!((imported.stored, imported.left_out.len()), (5, 0));
    of(&export(&app, BEN, TaskFormat::Json).await, &wanted);
    assert_eq!(export(&app, BEN, TaskFormat::Icalendar).await, calendar);
    assert_eq!(tasks(&ben).await.len(), 5);
}

#[tokio::test]
async fn what_a_calendar_has_that_tasks_have_no_place_for_is_told() {
    let app = app!();
    app.sign_up("ana").await;
    let file = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:No task\r\nEND:VEVENT\r\nBEGIN:VTODO\r\nSUMMARY:a\r\n\
        RRULE:FREQ=DAILY\r\nCATEGORIES:x,y\r\nX-OWN:1\r\nBEGIN:VALARM\r\nSUMMARY:ring\r\nEND:VALARM\r\nEND:VTODO\r\n\
        BEGIN:VTODO\r\nSUMMARY:b\r\nCATEGORIES:z\r\nEND:VTODO\r\nEND:VCALENDAR\r\n";
    let imported = import(&app, ANA, TaskFormat::Icalendar, file).await;
    assert_eq!(imported.stored, 2);
    let left_out: Vec<_> = imported.left_out.into_iter().collect();
    let wanted = [("CATEGORIES", 2), ("RRULE", 1), ("VALARM", 1), ("X-OWN", 1)];
    assert_eq!(
        left_out,
        wanted.map(|(name, count)| (name.to_owned(), count))
    );
    let data = export(&app, ANA, TaskFormat::Csv).await;
    assert!(
        data.contains(",a,") && data.contains(",b,") && !data.contains("ring"),
        "{data}"
    );
}

#[tokio::test]
async fn a_series_is_its_tasks_and_a_zone_behind_a_registry_is_found() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    let todo = |more: &str| {
        format!("BEGIN:VTODO\r\nUID:series\r\nCREATED:20260101T000000Z\r\n{more}\r\nEND:VTODO\r\n")
    };
    let file = format!(
        "BEGIN:VCALENDAR\r\n{}{}{}END:VCALENDAR\r\n",
        todo(
            "SUMMARY:all\r\nRRULE:FREQ=DAILY\r\nDUE;TZID=/freeassociation.sourceforge.net/Europe/Vienna:20260102T090000"
        ),
        todo("SUMMARY:one\r\nRECURRENCE-ID;VALUE=DATE:20260103"),
        todo("SUMMARY:other\r\nRECURRENCE-ID:20260104T090000Z"),
    );
    let imported = import(&app, ANA, TaskFormat::Icalendar, &file).await;
    assert_eq!(
        (imported.stored, imported.left_out["RECURRENCE-ID"]),
        (3, 2)
    );
    assert_eq!(tasks(&ana).await[0]["due"]["timeZone"], "Europe/Vienna");
}
