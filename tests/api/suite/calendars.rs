//! Import and export of tasks as iCalendar files, including those of other programs.

use cubby::{TaskFormat, TaskImport};
use serde_json::{Value, json};

use super::import_export::{ANA, BEN, export, import, refused, tasks, try_import};
use crate::harness::{Client, TestEnv, apply, each_database};

/// Calendars as other programs write them, each with the task that its import creates.
const CALENDARS: [(&str, &str); 5] = [
    // Apple Reminders: a time zone by its IANA name, a private sort order, and an alarm.
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
    // Thunderbird: a completed task, due on a date, with LF line endings.
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
    // Evolution: a time zone with a prefixed name, and a line folded within a UTF-8 character.
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
    // Outlook: a time zone by its Windows name, and a cancelled task.
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
    // Tasks.org: due at an instant in UTC, reopened after completion, and without a title.
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

/// Returns the bytes of a calendar, with `FOLD` replaced by a fold within a UTF-8 character.
fn bytes(calendar: &str) -> Vec<u8> {
    match calendar.split_once("\u{c3}FOLD\u{bc}") {
        None => calendar.as_bytes().to_vec(),
        Some((before, after)) => [before.as_bytes(), b"\xc3\r\n \xbc", after.as_bytes()].concat(),
    }
}

#[apply(each_database)]
async fn calendars_of_other_programs_round_trip(env: TestEnv) {
    let app = env.app().await;
    let (_, ben) = (app.sign_up("ana").await, app.sign_up("ben").await);
    let expected = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut wanted = Vec::new();
    for (calendar, task) in CALENDARS {
        let options = TaskImport::default();
        let imported =
            try_import(&app, ANA, TaskFormat::Icalendar, options, &bytes(calendar)).await;
        assert_eq!(imported.map(|it| it.stored), Ok(1), "{calendar}");
        wanted.push(expected(task));
        // Importing the file a second time is rejected.
        let refusal = refused(&app, TaskFormat::Icalendar, bytes(calendar)).await;
        assert!(refusal.contains("exists already"), "{refusal}");
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

    // An iCalendar export, imported again, gives equal tasks, except for fractions of a second.
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
    assert_eq!((imported.stored, imported.ignored.len()), (5, 0));
    of(&export(&app, BEN, TaskFormat::Json).await, &wanted);
    assert_eq!(export(&app, BEN, TaskFormat::Icalendar).await, calendar);
    assert_eq!(tasks(&ben).await.len(), 5);
}

#[apply(each_database)]
async fn import_reports_ignored_calendar_properties(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let file = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:No task\r\nEND:VEVENT\r\nBEGIN:VTODO\r\nSUMMARY:a\r\n\
        RRULE:FREQ=DAILY\r\nCATEGORIES:x,y\r\nX-OWN:1\r\nBEGIN:VALARM\r\nSUMMARY:ring\r\nEND:VALARM\r\nEND:VTODO\r\n\
        BEGIN:VTODO\r\nSUMMARY:b\r\nCATEGORIES:z\r\nEND:VTODO\r\nEND:VCALENDAR\r\n";
    let imported = import(&app, ANA, TaskFormat::Icalendar, file).await;
    assert_eq!(imported.stored, 2);
    let ignored: Vec<_> = imported.ignored.into_iter().collect();
    let wanted = [("CATEGORIES", 2), ("RRULE", 1), ("VALARM", 1), ("X-OWN", 1)];
    assert_eq!(
        ignored,
        wanted.map(|(name, count)| (name.to_owned(), count))
    );
    let data = export(&app, ANA, TaskFormat::Csv).await;
    assert!(
        data.contains(",a,") && data.contains(",b,") && !data.contains("ring"),
        "{data}"
    );
}

#[apply(each_database)]
async fn recurring_todos_and_prefixed_time_zone_are_imported(env: TestEnv) {
    let app = env.app().await;
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
    assert_eq!((imported.stored, imported.ignored["RECURRENCE-ID"]), (3, 2));
    assert_eq!(tasks(&ana).await[0]["due"]["timeZone"], "Europe/Vienna");
}

/// Wraps components in a calendar.
fn calendar(components: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{components}END:VCALENDAR\r\n")
}

/// Returns a `VTODO` with the given properties.
fn todo(properties: &[&str]) -> String {
    let lines = properties.join("\r\n");
    format!("BEGIN:VTODO\r\n{lines}\r\nEND:VTODO\r\n")
}

/// Returns a `VTIMEZONE` with the given name: UTC+01:00, and UTC+02:00 in summer. `more` is lines
/// to insert.
fn custom_zone(name: &str, more: &str) -> String {
    let yearly = |kind: &str, from: &str, to: &str, month: u8| {
        format!(
            "BEGIN:{kind}\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:{from}\r\nTZOFFSETTO:{to}\r\n\
             RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH={month}\r\nEND:{kind}\r\n"
        )
    };
    format!(
        "BEGIN:VTIMEZONE\r\nTZID:{name}\r\n{more}{}{}END:VTIMEZONE\r\n",
        yearly("STANDARD", "+0200", "+0100", 10),
        yearly("DAYLIGHT", "+0100", "+0200", 3)
    )
}

async fn set_time_zone(client: &Client, zone: &str) {
    let update = "mutation ($zone: TimeZone) { updateProfile(input: { timeZone: $zone }) { user { timeZone } } }";
    client.ask(update, json!({ "zone": zone })).await;
}

#[apply(each_database)]
async fn utc_offsets_apply_to_every_date_time_property(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    for (property, field, wanted) in [
        (
            "DUE:20260630T093000+0200",
            "/due/at",
            "2026-06-30T07:30:00.000Z",
        ),
        (
            "DUE:20260630t093000-03:30",
            "/due/at",
            "2026-06-30T13:00:00.000Z",
        ),
        (
            "DUE;TZID=Asia/Tokyo:20260630T093000Z",
            "/due/at",
            "2026-06-30T09:30:00.000Z",
        ),
        (
            "DUE;TZID=\"Asia/Tokyo\":20260630T093000",
            "/due/at",
            "2026-06-30T00:30:00.000Z",
        ),
        (
            "DUE;VALUE=DATE-TIME:20260630T093000z",
            "/due/at",
            "2026-06-30T09:30:00.000Z",
        ),
        ("DUE:20260630", "/due/date", "2026-06-30"),
        (
            "COMPLETED:20260110T101500+0200",
            "/completedAt",
            "2026-01-10T08:15:00.000Z",
        ),
        (
            "COMPLETED;TZID=Asia/Tokyo:20260110T101500",
            "/completedAt",
            "2026-01-10T01:15:00.000Z",
        ),
        (
            "CREATED:20260110T101500+0200",
            "/createdAt",
            "2026-01-10T08:15:00.000Z",
        ),
        (
            "LAST-MODIFIED:20260110T101500+0200",
            "/updatedAt",
            "2026-01-10T08:15:00.000Z",
        ),
        (
            "DURATION:PT1H\r\nDTSTART:20260110T101500+0200",
            "/due/at",
            "2026-01-10T09:15:00.000Z",
        ),
    ] {
        import(
            &app,
            ANA,
            TaskFormat::Icalendar,
            &calendar(&todo(&[property])),
        )
        .await;
        let task = tasks(&ana).await.pop().unwrap();
        assert_eq!(task.pointer(field).unwrap(), wanted, "{property}");
    }
}

#[apply(each_database)]
async fn invalid_dates_are_rejected_with_line_number(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    for name in [
        "DUE",
        "DTSTART",
        "COMPLETED",
        "CREATED",
        "LAST-MODIFIED",
        "DTSTAMP",
    ] {
        for value in [
            "20260630T093000garbage",
            "20260630T093000Zgarbage",
            "20260231T093000Z",
            "20260630T093000+9900",
            "tomorrow",
        ] {
            let file = calendar(&todo(&["SUMMARY:a", &format!("{name}:{value}")]));
            let refusal = refused(&app, TaskFormat::Icalendar, file).await;
            let wanted = format!("line 3: {name}: Write a date");
            assert!(refusal.contains(&wanted), "{name}:{value}: {refusal}");
        }
    }
    let file = calendar(&todo(&["COMPLETED;TZID=Mars:20260110T101500"]));
    let refusal = refused(&app, TaskFormat::Icalendar, file).await;
    let wanted = "line 3: COMPLETED: The time zone Mars is not known";
    assert!(refusal.contains(wanted), "{refusal}");
}

#[apply(each_database)]
async fn vtimezone_and_tzid_resolve_to_time_zone(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let lisbon = "X-LIC-LOCATION:Europe/Lisbon\r\n";
    for (described, name, summer, zone) in [
        // The calendar's definition decides; an offset or a place in the name has no effect.
        (
            custom_zone("(GMT+01.00) Sarajevo/Warsaw/Zagreb", ""),
            "\"(GMT+01.00) Sarajevo/Warsaw/Zagreb\"",
            "08:00",
            "UTC",
        ),
        (
            custom_zone("(UTC+09:00) Osaka\\, Sapporo\\, Tokyo", ""),
            "\"(UTC+09:00) Osaka, Sapporo, Tokyo\"",
            "08:00",
            "UTC",
        ),
        (
            custom_zone("Customized Time Zone", ""),
            "Customized Time Zone",
            "08:00",
            "UTC",
        ),
        (
            custom_zone("/x.example/Asia/Tokyo", ""),
            "/x.example/Asia/Tokyo",
            "08:00",
            "UTC",
        ),
        (
            custom_zone("Tokyo Standard Time", ""),
            "Tokyo Standard Time",
            "08:00",
            "UTC",
        ),
        // A name of a known zone with the same offsets is resolved to that zone.
        (
            custom_zone("W. Europe Standard Time", ""),
            "W. Europe Standard Time",
            "08:00",
            "Europe/Berlin",
        ),
        (
            custom_zone("/x.example/2026/Europe/Paris", ""),
            "/x.example/2026/Europe/Paris",
            "08:00",
            "Europe/Paris",
        ),
        // An IANA name overrides the calendar's definition.
        (
            custom_zone("Asia/Tokyo", ""),
            "Asia/Tokyo",
            "01:00",
            "Asia/Tokyo",
        ),
        (
            custom_zone("Mine", lisbon),
            "Mine",
            "09:00",
            "Europe/Lisbon",
        ),
        (
            custom_zone("Tokyo Standard Time", lisbon),
            "Tokyo Standard Time",
            "09:00",
            "Europe/Lisbon",
        ),
        // Windows names without a definition.
        (
            String::new(),
            "South Sudan Standard Time",
            "08:00",
            "Africa/Juba",
        ),
        (
            String::new(),
            "\"Central Standard Time (Mexico)\"",
            "16:00",
            "America/Mexico_City",
        ),
    ] {
        let due = format!("DUE;TZID={name}:20260701T100000");
        let file = calendar(&format!("{described}{}", todo(&[&due])));
        import(&app, ANA, TaskFormat::Icalendar, &file).await;
        let task = tasks(&ana).await.pop().unwrap();
        let wanted = json!([format!("2026-07-01T{summer}:00.000Z"), zone]);
        assert_eq!(
            json!([task["due"]["at"], task["due"]["timeZone"]]),
            wanted,
            "{due}"
        );
    }
    for name in [
        "\"(UTC+09:00) Osaka, Sapporo, Tokyo\"",
        "Work/Europe/Vienna",
        "Cairo/Egypt",
    ] {
        let file = calendar(&todo(&[&format!("DUE;TZID={name}:20260701T100000")]));
        let refusal = refused(&app, TaskFormat::Icalendar, file).await;
        assert!(
            refusal.contains("line 3: DUE: The time zone "),
            "{name}: {refusal}"
        );
    }
}

#[apply(each_database)]
async fn empty_properties_are_ignored(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let names = [
        "DTSTART",
        "DURATION",
        "STATUS",
        "COMPLETED",
        "PRIORITY",
        "PERCENT-COMPLETE",
        "DUE",
        "CREATED",
        "LAST-MODIFIED",
        "DTSTAMP",
        "DESCRIPTION",
        "CATEGORIES",
        "RRULE",
        "X-CUBBY-POSITION",
        "UID",
        "DUE;VALUE=DATE",
        "DUE;TZID=",
        "RECURRENCE-ID",
        "X-OWN",
    ];
    for blank in ["", "  "] {
        let empty = names.map(|name| format!("{name}:{blank}"));
        let mut lines = vec!["SUMMARY:a"];
        lines.extend(empty.iter().map(String::as_str));
        let imported = import(&app, ANA, TaskFormat::Icalendar, &calendar(&todo(&lines))).await;
        assert_eq!((imported.stored, imported.ignored.len()), (1, 0));
    }
    for task in tasks(&ana).await {
        let nothing = json!([null, null, null, "NONE"]);
        let fields = ["due", "completedAt", "description", "priority"].map(|name| &task[name]);
        assert_eq!(json!(fields), nothing);
    }
}

#[apply(each_database)]
async fn completion_date_uses_time_zone_of_user(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    for (zone, end) in [
        ("America/New_York", "2026-01-11T04:59:59.999Z"),
        ("Pacific/Auckland", "2026-01-10T10:59:59.999Z"),
    ] {
        set_time_zone(&ana, zone).await;
        let done = todo(&[
            "SUMMARY:a",
            "COMPLETED;VALUE=DATE:20260110",
            "DUE;VALUE=DATE:20260110",
        ]);
        import(&app, ANA, TaskFormat::Icalendar, &calendar(&done)).await;
        let json = r#"{"title":"a","completedAt":"2026-01-10","due":{"date":"2026-01-10"}}"#;
        import(&app, ANA, TaskFormat::Json, json).await;
        let csv = "title,completedAt,dueDate\na,2026-01-10,2026-01-10\n";
        import(&app, ANA, TaskFormat::Csv, csv).await;
        for task in tasks(&ana).await.iter().rev().take(3) {
            assert_eq!(
                json!([task["completedAt"], task["due"]["at"]]),
                json!([end, end])
            );
        }
    }
    // A completion date in the future becomes the time of the import.
    let done = todo(&["SUMMARY:a", "COMPLETED;VALUE=DATE:90000101"]);
    import(&app, ANA, TaskFormat::Icalendar, &calendar(&done)).await;
    let task = tasks(&ana).await.pop().unwrap();
    assert_eq!(task["completedAt"], task["updatedAt"]);
}

#[apply(each_database)]
async fn lines_without_a_property_are_counted(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let file = calendar(&format!(
        "{}{}",
        todo(&[
            "SUMMARY:a",
            "DESCRIPTION:First",
            "Second line without folding",
            "",
            "see https://example.com/a?b=1",
            " and its fold",
            "X-OWN:1",
        ]),
        // A quoted-printable soft line break, as in vCalendar 1.0.
        todo(&[
            "SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:K=C3=A4se=",
            "=20kaufen"
        ])
    ));
    let imported = import(&app, ANA, TaskFormat::Icalendar, &file).await;
    let ignored: Vec<_> = imported.ignored.into_iter().collect();
    let wanted = [("X-OWN", 1), ("lines without a property", 2)];
    assert_eq!(
        ignored,
        wanted.map(|(name, count)| (name.to_owned(), count))
    );
    let texts = tasks(&ana).await;
    let texts = texts
        .iter()
        .map(|task| json!([task["title"], task["description"]]));
    let wanted = [json!(["a", "First"]), json!(["K\u{e4}se kaufen", null])];
    assert_eq!(texts.collect::<Vec<_>>(), wanted);
}

#[apply(each_database)]
async fn start_plus_duration_sets_due_date(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let zone = custom_zone("Own", "");
    for (start, duration, due) in [
        (
            ":20261122T090000Z",
            "PT2H",
            json!(["2026-11-22", "11:00:00", "UTC"]),
        ),
        (
            ":20261122T090000",
            "P1DT30M",
            json!(["2026-11-23", "09:30:00", null]),
        ),
        (
            ";VALUE=DATE:20261122",
            "P1W",
            json!(["2026-11-29", null, null]),
        ),
        (
            ";VALUE=DATE:20261122",
            "P1D",
            json!(["2026-11-23", null, null]),
        ),
        // Days of a duration are calendar days and hours are elapsed time; they differ on 29 March
        // 2026, which has 23 hours.
        (
            ";TZID=Europe/Vienna:20260328T090000",
            "P1D",
            json!(["2026-03-29", "09:00:00", "Europe/Vienna"]),
        ),
        (
            ";TZID=Europe/Vienna:20260328T090000",
            "PT24H",
            json!(["2026-03-29", "10:00:00", "Europe/Vienna"]),
        ),
        (
            ";TZID=Own:20260328T090000",
            "P1D",
            json!(["2026-03-29", "07:00:00", "UTC"]),
        ),
        (
            ";TZID=Own:20260328T090000",
            "pt24h0m0s",
            json!(["2026-03-29", "08:00:00", "UTC"]),
        ),
        (
            ":20261122T090000Z",
            "PT0S",
            json!(["2026-11-22", "09:00:00", "UTC"]),
        ),
    ] {
        let lines = [format!("DTSTART{start}"), format!("DURATION:{duration}")];
        let file = calendar(&format!("{zone}{}", todo(&[&lines[0], &lines[1]])));
        let imported = import(&app, ANA, TaskFormat::Icalendar, &file).await;
        assert_eq!(
            imported.ignored.into_iter().collect::<Vec<_>>(),
            [("DTSTART".to_owned(), 1)]
        );
        let task = tasks(&ana).await.pop().unwrap();
        let fields = ["date", "time", "timeZone"].map(|name| &task["due"][name]);
        assert_eq!(json!(fields), due, "{start} {duration}");
    }
    let both = ["DTSTART:20261122T090000Z", "DURATION:PT1H", "DUE:20261124"];
    let imported = import(&app, ANA, TaskFormat::Icalendar, &calendar(&todo(&both))).await;
    assert_eq!(imported.ignored["DURATION"], 1);
    assert_eq!(
        tasks(&ana).await.pop().unwrap()["due"]["date"],
        "2026-11-24"
    );
    for (duration, wanted) in [
        ("-PT1H", "line 3: DURATION: It is negative"),
        ("P1M", "line 3: DURATION: Write a duration"),
        ("two hours", "line 3: DURATION: Write a duration"),
        (
            "P7000000D",
            "line 3: DTSTART: It is outside the range of dates",
        ),
    ] {
        let file = calendar(&todo(&[
            "DTSTART:20261122T090000Z",
            &format!("DURATION:{duration}"),
        ]));
        let refusal = refused(&app, TaskFormat::Icalendar, file).await;
        assert!(refusal.contains(wanted), "{duration}: {refusal}");
    }
}
