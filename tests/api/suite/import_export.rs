//! Tests of exporting tasks to files and importing them, as JSON, CSV and iCalendar.

use std::io::{self, Cursor};

use cubby::{TaskFormat, TaskImport, TasksImported};
use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD, TestEnv, apply, each_database};

pub(super) const ANA: &str = "ana@example.com";
pub(super) const BEN: &str = "ben@example.com";

pub(super) async fn export(app: &App, who: &str, format: TaskFormat) -> String {
    let people = app.env.admin().await;
    let mut file = Vec::new();
    let written = cubby::export_tasks(&people, who, format, &mut file, |_| {}).await;
    written.expect("the tasks are exported");
    people.close().await;
    String::from_utf8(file).expect("text")
}

pub(super) async fn try_import(
    app: &App,
    who: &str,
    format: TaskFormat,
    options: TaskImport,
    file: &[u8],
) -> Result<TasksImported, String> {
    let people = app.env.admin().await;
    let open = || Ok::<_, io::Error>(Cursor::new(file));
    let imported = cubby::import_tasks(&people, who, format, options, open).await;
    people.close().await;
    imported.map_err(|error| error.to_string())
}

pub(super) async fn import(app: &App, who: &str, format: TaskFormat, file: &str) -> TasksImported {
    let options = TaskImport::default();
    let imported = try_import(app, who, format, options, file.as_bytes()).await;
    imported.expect("the tasks are imported")
}

pub(super) async fn refused(app: &App, format: TaskFormat, file: impl AsRef<[u8]>) -> String {
    let dry_run = TaskImport {
        dry_run: true,
        ..TaskImport::default()
    };
    let options = TaskImport::default();
    let refusal = try_import(app, ANA, format, options, file.as_ref()).await;
    assert_eq!(
        try_import(app, ANA, format, dry_run, file.as_ref()).await,
        refusal,
        "a dry run reports the same errors"
    );
    refusal.expect_err("the file is invalid")
}

/// Fetches all pages of a user's tasks in an order, with every field.
async fn pages(person: &Client, order: &str) -> Vec<Value> {
    let query = format!(
        "query ($after: String) {{ viewer {{ tasks(first: 40, after: $after, orderBy: [{order}]) {{
           totalCount pageInfo {{ endCursor hasNextPage }}
           edges {{ cursor node {{ id version title description completed completedAt priority position
             createdAt updatedAt due {{ date time timeZone at isOverdue }} }} }} }} }} }}"
    );
    let (mut pages, mut after) = (Vec::new(), Value::Null);
    loop {
        let data = person.ask(&query, json!({ "after": after })).await;
        let page = data["viewer"]["tasks"].clone();
        after = page["pageInfo"]["endCursor"].clone();
        let is_last = page["pageInfo"]["hasNextPage"] == false;
        pages.push(page);
        if is_last {
            return pages;
        }
    }
}

pub(super) async fn tasks(person: &Client) -> Vec<Value> {
    let pages = pages(person, "{ field: POSITION }").await;
    let edges = pages
        .iter()
        .flat_map(|page| page["edges"].as_array().unwrap());
    edges.map(|edge| edge["node"].clone()).collect()
}

#[apply(each_database)]
async fn exported_tasks_import_with_identical_pages(env: TestEnv) {
    env.seed(1, 1_300, "example.com").await;
    let here = env.app().await;
    let there = env.fresh().await.app().await;
    let who = "person-1@example.com";
    let person = here.sign_in_with("person-1", PASSWORD).await;
    let ana = there.sign_up("ana").await;
    let zone = "mutation ($zone: TimeZone) { updateProfile(input: { timeZone: $zone }) { user { timeZone } } }";
    person.ask(zone, json!({ "zone": "Asia/Tokyo" })).await;
    ana.ask(zone, json!({ "zone": "Asia/Tokyo" })).await;
    let due = json!({ "date": "2026-12-01", "time": "09:00", "timeZone": "Europe/Vienna" });
    person
        .ask(
            "mutation ($due: DueInput) { createTask(input: { title: \"\u{1f4c5} \\\"now\\\", \\n=1+1\", due: $due,
               description: \"a\\tb\\r\\nc\\u0001d\", placement: { edge: FIRST } }) { task { id } } }",
            json!({ "due": due }),
        )
        .await;

    let file = export(&here, who, TaskFormat::Json).await;
    assert_eq!(
        file.lines().count(),
        1_303,
        "one line per task, and the two brackets"
    );
    assert!(serde_json::from_str::<Vec<Value>>(&file).is_ok());
    let imported = import(&there, ANA, TaskFormat::Json, &file).await;
    assert_eq!((imported.stored, imported.skipped), (1_301, 0));
    assert_eq!(
        export(&there, ANA, TaskFormat::Json).await,
        file,
        "the export of the imported tasks is identical"
    );
    for order in [
        "{ field: POSITION }",
        "{ field: DUE, direction: ASC, nulls: LAST }",
        "{ field: CREATED_AT, direction: DESC }",
        "{ field: TITLE, direction: ASC }, { field: PRIORITY, direction: DESC }",
    ] {
        assert_eq!(
            pages(&ana, order).await,
            pages(&person, order).await,
            "{order}"
        );
    }
    // A new task is placed after the imported ones.
    let data = ana
        .ask(
            "mutation { createTask(input: { title: \"Last\" }) { task { id position } } }",
            json!({}),
        )
        .await;
    let last = tasks(&ana).await.pop().unwrap();
    assert_eq!(last["id"], data["createTask"]["task"]["id"]);

    let file = export(&here, who, TaskFormat::Csv).await;
    let options = TaskImport {
        new_ids: true,
        ..TaskImport::default()
    };
    let imported = try_import(&there, ANA, TaskFormat::Csv, options, file.as_bytes()).await;
    assert_eq!(imported.unwrap().stored, 1_301);
    let of = |tasks: Vec<Value>| -> Vec<Value> {
        let texts = |task: Value| {
            json!([
                task["title"],
                task["description"],
                task["due"],
                task["createdAt"],
                task["version"]
            ])
        };
        let mut texts: Vec<_> = tasks.into_iter().map(texts).collect();
        texts.sort_by_key(Value::to_string);
        texts
    };
    let mut twice = of(tasks(&person).await);
    twice.extend(twice.clone());
    twice.push(of(vec![last]).remove(0));
    twice.sort_by_key(Value::to_string);
    assert_eq!(of(tasks(&ana).await), twice);
}

#[apply(each_database)]
async fn invalid_file_stores_nothing_and_errors_name_lines(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let json = |lines: &[&str]| format!("[\n{}\n]\n", lines.join(",\n"));
    let good = r#"{"title":"Milk"}"#;
    for (file, wrong) in [
        (
            json(&[good, r#"{"title":" "}"#]),
            "line 3: title: Write a title.",
        ),
        (
            json(&[good, r#"{"titel":"Milk"}"#]),
            "line 3: unknown field `titel`",
        ),
        (
            json(&[good, r#"{"title":7}"#]),
            "line 3: title: Write a string in",
        ),
        (json(&[r#"{"title":"a","version":0}"#]), "line 2: version"),
        (
            json(&[r#"{"title":"a","priority":"high"}"#]),
            "line 2: priority: Write NONE, LOW, MEDIUM, HIGH or URGENT.",
        ),
        (
            json(&[r#"{"title":"a","position":"!"}"#]),
            "line 2: position",
        ),
        (
            json(&[r#"{"title":"a","due":{"date":"2026-02-30"}}"#]),
            "line 2: due: Write a date",
        ),
        (
            json(&[r#"{"title":"a","due":{"date":"2026-02-03","timeZone":"UTC"}}"#]),
            "line 2: due: A time zone",
        ),
        (
            json(&[r#"{"title":"a","due":{"date":"2026-02-03","time":"9","timeZone":"UTC"}}"#]),
            "line 2: due: Write a time",
        ),
        (
            json(&[
                r#"{"title":"a","due":{"date":"2026-02-03","time":"09:00","timeZone":"Mars"}}"#,
            ]),
            "line 2: due: Write an IANA",
        ),
        (
            json(&[r#"{"title":"a","completedAt":"yesterday"}"#]),
            "line 2: completedAt: Write a timestamp",
        ),
        (
            json(&[r#"{"title":"a","createdAt":"2126-01-01T00:00:00Z"}"#]),
            "line 2: createdAt",
        ),
        (json(&[r#"{"title":"a","id":"7"}"#]), "line 2: id"),
        (json(&[r#"{"title":"a\u0000"}"#]), "line 2: title"),
        (format!("[\n{good},\n"), "line 3: The closing ] is missing"),
        (
            format!("[{good},]"),
            "line 1: A task is missing after the comma",
        ),
        (
            format!("[{good}\n{good}]"),
            "line 2: A comma is missing between two tasks",
        ),
        (
            format!("[{good}]\n\n[]"),
            "line 3: Nothing may follow the array",
        ),
        ("[7]".to_owned(), "line 1: Write each task as an object"),
        ("title\nMilk\n".to_owned(), "line 1: Write an array"),
        (format!("[{good},\n{{\"title\":\n\n"), "line 4: EOF"),
        (
            format!("{good}\n{good}\n{{\"title\": 7}}"),
            "line 3: title: Write a string in",
        ),
    ] {
        let refusal = refused(&app, TaskFormat::Json, &file).await;
        assert!(refusal.contains(wrong), "{file}: {refusal}");
    }
    for (file, wrong) in [
        (
            "title,due\nMilk,x\n",
            "line 1: Unknown column due: use some of id,version,title",
        ),
        ("name\nMilk\n", "line 1: Unknown column name"),
        (
            "title,title\nMilk,Eggs\n",
            "line 1: The column title occurs twice",
        ),
        ("{\"title\":\"Milk\"}", "line 1: Unknown column"),
        (
            "title,description\na,\"one\nb,two\n",
            "A quotation mark before this line is not closed",
        ),
        ("id,version\n,\n", "line 1: The column title is missing"),
        (
            "title,version\nMilk,x\n",
            "line 2: version: Write a whole number",
        ),
        (
            "title,version\n\"Milk\nand\",1\nEggs\n",
            "line 4: The row has 1 fields, but the first line has 2",
        ),
        ("title,dueTime\nMilk,09:00\n", "line 2: due: Write a date"),
    ] {
        let refusal = refused(&app, TaskFormat::Csv, file).await;
        assert!(refusal.contains(wrong), "{file}: {refusal}");
    }
    let refusal = refused(&app, TaskFormat::Csv, b"tit\xffle\nMilk\n").await;
    assert!(refusal.contains("line 1: It is not UTF-8"), "{refusal}");
    let refusal = refused(&app, TaskFormat::Csv, b"title\nMilk\n\xff\n").await;
    assert!(refusal.contains("line 3: It is not UTF-8"), "{refusal}");
    let todo = |lines: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nSUMMARY:a\r\n{lines}\r\nEND:VTODO\r\nEND:VCALENDAR\r\n"
        )
    };
    for (file, wrong) in [
        (todo("DUE:tomorrow"), "line 2: DUE"),
        (
            todo("DUE;TZID=Mars:20261121T093000"),
            "line 2: DUE: The time zone Mars",
        ),
        (
            todo(&format!("DESCRIPTION:{}", "a".repeat(16_385))),
            "line 2: description",
        ),
        (
            "BEGIN:VCALENDAR\r\n\r\nBEGIN:VTODO\r\nSUMMARY:a".to_owned(),
            "line 3: It has no end",
        ),
        ("[]".to_owned(), "line 1: A calendar begins"),
        (
            todo(&format!("ATTACH:{}", "a".repeat(5 << 20))),
            "line 2: It is longer than 4 MiB",
        ),
    ] {
        let refusal = refused(&app, TaskFormat::Icalendar, &file).await;
        let start: String = file.chars().take(200).collect();
        assert!(refusal.contains(wrong), "{start}: {refusal}");
    }
    let whole = todo("DUE:20261121");
    for end in ["END:VCALENDAR\r\n", "\r\nEND:VTODO\r\nEND:VCALENDAR\r\n"] {
        let cut = whole.strip_suffix(end).unwrap();
        let refusal = refused(&app, TaskFormat::Icalendar, cut).await;
        assert!(refusal.contains("some of the file is missing"), "{refusal}");
    }
    let endless = " ".repeat(5 << 20);
    for (format, file) in [
        (TaskFormat::Json, format!("[{{\"title\":\"{endless}")),
        (TaskFormat::Csv, format!("title\n\"{endless}")),
        (TaskFormat::Csv, endless.replace(' ', ",")),
    ] {
        let refusal = refused(&app, format, &file).await;
        assert!(
            refusal.contains("line 1: It is longer than 4 MiB")
                || refusal.contains("line 2: It is longer than 4 MiB"),
            "{refusal}"
        );
    }
    // Error messages contain no control characters or line breaks from the file.
    let odd = format!(
        "[{{\"\\u001b]0;x\\u0007\\nline 9: {}\":1}}]",
        "k".repeat(10_000)
    );
    let refusal = refused(&app, TaskFormat::Json, odd).await;
    assert!(
        !refusal.contains('\u{1b}') && refusal.lines().count() == 2,
        "{refusal}"
    );
    assert!(refusal.len() < 600, "{refusal}");
    // At most twenty errors are listed.
    let many = vec![r#"{"title":""}"#; 25];
    let refusal = refused(&app, TaskFormat::Json, json(&many)).await;
    assert!(
        refusal.starts_with("nothing was stored\nline 2:"),
        "{refusal}"
    );
    assert!(refusal.ends_with("\nand 5 more lines"), "{refusal}");
    let nobody = try_import(
        &app,
        "nobody@example.com",
        TaskFormat::Json,
        TaskImport::default(),
        b"[]",
    );
    assert!(nobody.await.unwrap_err().contains("no user has"));
    assert_eq!(ana.titles().await, Vec::<String>::new());
    // Valid files are imported.
    for empty in ["[]", "", "\u{feff}[ ]\n"] {
        assert_eq!(import(&app, ANA, TaskFormat::Json, empty).await.stored, 0);
    }
    let imported = import(
        &app,
        ANA,
        TaskFormat::Json,
        "\u{feff}{\"title\":\"Milk\"}\r\n{\"title\":\n\"Eggs\"}",
    );
    assert_eq!(imported.await.stored, 2);
    let file = "title,dueDate\r\n\"a, \"\"b\"\"\",2026-12-01\r\n";
    assert_eq!(
        import(&app, ANA, TaskFormat::Csv, &format!("\u{feff}{file}"))
            .await
            .stored,
        1
    );
    let titles: Vec<_> = tasks(&ana)
        .await
        .iter()
        .map(|task| task["title"].clone())
        .collect();
    assert_eq!(
        titles,
        ["Milk", "Eggs", "a, \"b\""],
        "imported tasks are placed last, in the order of the files"
    );
}

#[apply(each_database)]
async fn existing_ids_can_be_skipped_or_replaced_by_new_ones(env: TestEnv) {
    let app = env.app().await;
    let (ana, ben) = (app.sign_up("ana").await, app.sign_up("ben").await);
    let (kept_id, deleted_id) = (ana.create_task("Kept").await, ana.create_task("Gone").await);
    let file = export(&app, ANA, TaskFormat::Json).await;
    let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
    ana.ask(delete, json!({ "id": deleted_id })).await;

    let refusal = refused(&app, TaskFormat::Json, &file).await;
    assert!(
        refusal.contains(&format!("line 2: The task {kept_id} exists already.")),
        "{refusal}"
    );
    assert!(
        refusal.contains(&format!("line 3: The task {deleted_id} was deleted")),
        "{refusal}"
    );
    assert!(
        refusal.contains("--skip-existing") && refusal.contains("--new-ids"),
        "{refusal}"
    );
    let twice = format!(
        "{0}{0}",
        file.trim()
            .trim_matches(['[', ']'])
            .trim()
            .replace("},\n", "}\n")
    );
    let refusal = refused(&app, TaskFormat::Json, twice).await;
    assert!(
        refusal.contains("The id occurs twice in the file."),
        "{refusal}"
    );

    let skip = TaskImport {
        skip_existing: true,
        ..TaskImport::default()
    };
    let imported = try_import(&app, ANA, TaskFormat::Json, skip, file.as_bytes()).await;
    assert_eq!(imported.map(|it| (it.stored, it.skipped)), Ok((0, 2)));
    assert_eq!(ana.titles().await, ["Kept"]);
    let new = TaskImport {
        new_ids: true,
        ..TaskImport::default()
    };
    let imported = try_import(&app, ANA, TaskFormat::Json, new, file.as_bytes()).await;
    assert_eq!(imported.map(|it| (it.stored, it.skipped)), Ok((2, 0)));
    let mut titles = ana.titles().await;
    titles.sort();
    assert_eq!(titles, ["Gone", "Kept", "Kept"]);
    // Another user can import tasks with the same ids, since ids belong to their owner.
    let mut listener = ben
        .listen("subscription { taskChanges { kind node { ... on Task { title } } } }")
        .await;
    assert_eq!(import(&app, BEN, TaskFormat::Json, &file).await.stored, 2);
    // An import notifies subscribers.
    for title in ["Kept", "Gone"] {
        let event = listener.next().await.expect("an event");
        assert_eq!(event["data"]["taskChanges"]["node"]["title"], title);
    }
    assert_eq!(ben.titles().await, ["Gone", "Kept"]);
    assert_eq!(export(&app, BEN, TaskFormat::Json).await, file);
}

#[apply(each_database)]
async fn tasks_without_position_follow_in_file_order(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    ana.create_task("before").await;
    let mut file = vec![
        r#"{"title":"f","position":"a5"}"#.to_owned(),
        r#"{"title":"x"}"#.to_owned(),
        r#"{"title":"g","position":"a9"}"#.to_owned(),
    ];
    // More tasks than one batch, all created at the same time.
    for number in 0..700 {
        file.push(format!(
            r#"{{"title":"{number}","createdAt":"2026-01-01T00:00:00Z"}}"#
        ));
    }
    assert_eq!(
        import(&app, ANA, TaskFormat::Json, &file.join("\n"))
            .await
            .stored,
        703
    );
    let titles = |tasks: Vec<Value>| -> Vec<String> {
        let title = |task: &Value| task["title"].as_str().unwrap().to_owned();
        tasks.iter().map(title).collect()
    };
    let mut wanted: Vec<_> = ["before", "f", "g", "x"].map(str::to_owned).into();
    wanted.extend((0..700).map(|number| number.to_string()));
    assert_eq!(titles(tasks(&ana).await), wanted);
    let by_age: Vec<Value> =
        serde_json::from_str(&export(&app, ANA, TaskFormat::Json).await).unwrap();
    assert_eq!(titles(by_age)[..700], wanted[4..]);
}

#[apply(each_database)]
async fn csv_lines_are_counted_with_any_line_ending(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let lines = [
        "title,description,dueDate",
        "good,,2026-11-22",
        "bad,,22/11/2026",
        "",
        ",,",
        "\"two",
        "lines\",\"and",
        "",
        "three\",nope",
        "good,,2026-11-22",
        "bad,,",
        "bad too,,nope",
    ];
    for end in ["\r\n", "\n", "\r"] {
        let file = lines.join(end).replace("bad,,\n", "good,,\n");
        for file in [file.clone(), format!("{file}{end}"), format!("{end}{file}")] {
            let added = u64::from(file.starts_with(end));
            let refusal = refused(&app, TaskFormat::Csv, &file).await;
            let wrong: Vec<_> = refusal.lines().skip(1).collect();
            let wanted = [3, 6, 12].map(|line| {
                format!(
                    "line {}: due: Write a date of the years 1 to 9998 such as 2026-11-21.",
                    line + added
                )
            });
            assert_eq!(wrong, wanted, "{file:?}");
        }
    }
    for (end, file) in [
        ("CR LF", "[\r\n\r\n{\"title\":1}]"),
        ("CR", "[\r\r{\"title\":1}]"),
    ] {
        let refusal = refused(&app, TaskFormat::Json, file).await;
        assert!(refusal.contains("line 3: title"), "{end}: {refusal}");
    }
}

#[apply(each_database)]
async fn csv_from_spreadsheets_is_accepted(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let utf16 = |text: &str| -> Vec<u8> {
        let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let tabs = "Title\tPriority\tDue Date\tCompleted\r\nK\u{e4}se; Milch, Brot\thigh\t2026-11-22\tTRUE\r\n";
    for file in [
        tabs.as_bytes().to_vec(),
        utf16(tabs),
        tabs.replace('\t', ";").replace("se; M", "se\\ M").into_bytes(),
        format!("sep=|\r\n{}", tabs.replace('\t', "|")).into_bytes(),
        format!("\u{feff}SEP=\t\r\n{tabs}").into_bytes(),
        format!("\"sep=\t\"\n{tabs}").into_bytes(),
        format!("\u{feff}{}\t\t\r\n\t\t\t\t\t\r\n", tabs.replace("\r\n", "\t\t\r\n")).into_bytes(),
        b"\n title , PRIORITY,due_date,completed,version\nK,High , 2026-11-22,True,\"1,0\"\n,,,\n,,,,,\n".to_vec(),
    ] {
        let shown = String::from_utf8_lossy(&file).into_owned();
        let imported = try_import(&app, ANA, TaskFormat::Csv, TaskImport::default(), &file).await;
        assert_eq!(imported.map(|it| it.stored), Ok(1), "{shown}");
        let task = tasks(&ana).await.pop().unwrap();
        let fields = [&task["priority"], &task["due"]["date"], &task["completed"]];
        assert_eq!(json!(fields), json!(["HIGH", "2026-11-22", true]), "{shown}");
        assert!(task["title"].as_str().unwrap().starts_with('K'), "{shown}");
    }
    for (file, wrong) in [
        (
            "title,\nMilk,Eggs\n",
            "line 2: Field 2 has no name in the first line.",
        ),
        (
            "title\nMilk,Eggs\n",
            "line 2: The row has 2 fields, but the first line has 1.",
        ),
        (
            "Title,TITLE\nMilk,Eggs\n",
            "line 1: The column title occurs twice.",
        ),
        (
            "title;priority\nMilk;very\n",
            "line 2: priority: Write NONE, LOW, MEDIUM, HIGH or URGENT.",
        ),
        (
            "title;completed\nMilk;done\n",
            "line 2: completed: Write true or false.",
        ),
        (
            "title;version\nMilk;1.5\n",
            "line 2: version: Write a whole number",
        ),
        (
            "title;version\nMilk;99999999999\n",
            "line 2: version: Write a whole number",
        ),
        ("sep=;\ntitle;due\nMilk;x\n", "line 2: Unknown column due"),
    ] {
        let refusal = refused(&app, TaskFormat::Csv, file).await;
        assert!(refusal.contains(wrong), "{file}: {refusal}");
    }
}

#[apply(each_database)]
async fn json_import_accepts_every_task_field(env: TestEnv) {
    let app = env.app().await;
    let (ana, ben) = (app.sign_up("ana").await, app.sign_up("ben").await);
    let due = json!({ "date": "2026-11-22", "time": "09:30", "timeZone": "Europe/Vienna" });
    for (title, due) in [("Due", due), ("Open", Value::Null)] {
        let create = "mutation ($title: String!, $due: DueInput) {
            createTask(input: { title: $title, due: $due }) { task { id } } }";
        ana.ask(create, json!({ "title": title, "due": due })).await;
    }
    import(
        &app,
        ANA,
        TaskFormat::Json,
        r#"[{"title":"Done","completed":true,"version":1.0}]"#,
    )
    .await;
    let query = "{ viewer { tasks { nodes { __typename id version title description completed completedAt priority
        position createdAt updatedAt due { __typename date time timeZone at isOverdue } } } } }";
    let shown = |data: Value| data["viewer"]["tasks"]["nodes"].clone();
    let nodes = shown(ana.ask(query, json!({})).await);
    let mut nodes_of = nodes.as_array().unwrap().iter();
    let done = nodes_of.find(|it| it["title"] == "Done").unwrap();
    assert_eq!(done["completed"], true);
    assert_eq!(done["completedAt"], done["updatedAt"]);
    import(&app, BEN, TaskFormat::Json, &nodes.to_string()).await;
    assert_eq!(shown(ben.ask(query, json!({})).await), nodes);
}

#[apply(each_database)]
async fn invalid_json_names_the_field(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    for (field, wrong) in [
        (r#""title":null"#, "title: Write a title."),
        (
            r#""title":"\ud800""#,
            "title: Write a string in quotation marks.",
        ),
        (r#""id":7"#, "id: Write a string"),
        (r#""description":["a"]"#, "description: Write a string"),
        (
            r#""version":"1""#,
            "version: Write a whole number from 1 to 2,000,000,000.",
        ),
        (r#""version":1.5"#, "version: Write a whole number"),
        (r#""version":3000000000"#, "version: Write a whole number"),
        (r#""version":1e999"#, "version: Write a whole number"),
        (r#""version":-1"#, "version: Write a whole number"),
        (r#""completed":"yes""#, "completed: Write true or false."),
        (
            r#""completed":false,"completedAt":"2026-01-01T00:00:00Z""#,
            "completed: It is false",
        ),
        (r#""completedAt":1767225600"#, "completedAt: Write a string"),
        (r#""priority":2"#, "priority: Write NONE, LOW"),
        (r#""priority":"Highest""#, "priority: Write NONE, LOW"),
        (r#""due":"2026-11-22""#, "due: Write an object such as"),
        (r#""due":["2026-11-22"]"#, "due: Write an object such as"),
        (r#""due":{}"#, "due: Write a date"),
        (r#""due":{"date":20261122}"#, "due.date: Write a string"),
        (
            r#""due":{"date":"2026-11-22","time":9}"#,
            "due.time: Write a string",
        ),
        (r#""due":{"day":"2026-11-22"}"#, "due: unknown field `day`"),
        (r#""position":0"#, "position: Write a string"),
        (r#""createdAt":{}"#, "createdAt: Write a string"),
        (r#""updatedAt":true"#, "updatedAt: Write a string"),
        (r#""labels":[]"#, "unknown field `labels`"),
        (r#""id":null,"id":null"#, "duplicate field `id`"),
        (r#""title""#, "expected `:`"),
    ] {
        let file = if field.starts_with(r#""title""#) {
            format!("[{{{field}}}]")
        } else {
            format!("[{{\"title\":\"a\",{field}}}]")
        };
        let refusal = refused(&app, TaskFormat::Json, &file).await;
        assert!(
            refusal.contains(&format!("line 1: {wrong}")),
            "{file}: {refusal}"
        );
        for rust in [
            "struct",
            "i32",
            "f64",
            "enum",
            "variant",
            "Option",
            "Fields",
            "invalid type",
        ] {
            assert!(!refusal.contains(rust), "{file}: {refusal}");
        }
    }
}
