//! Tests of the files that `cubby export` and `cubby import` write and read.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{directory, refused, run, run_with, said};

const PASSWORD: &str = "correct horse\n";

/// Returns a directory with a migrated database and the user ana@example.com.
async fn directory_with_ana() -> TempDir {
    let here = directory();
    for (arguments, input) in [
        (&["migrate", "up"] as &[&str], ""),
        (&["user", "create", "ana@example.com"], PASSWORD),
    ] {
        said(&run_with(here.path(), &[], arguments, input).await);
    }
    here
}

async fn export(here: &Path, arguments: &[&str]) -> Output {
    let arguments = [&["export", "--user", "ana@example.com"], arguments].concat();
    run(here, &[], &arguments).await
}

async fn import(here: &Path, arguments: &[&str], input: &str) -> Output {
    let arguments = [&["import", "--user", "ana@example.com"], arguments].concat();
    run_with(here, &[], &arguments, input).await
}

#[tokio::test]
async fn export_file_is_private_and_never_overwritten() {
    let here = directory_with_ana().await;
    let here = here.path();
    let list = "[{\"title\":\"Milk\",\"priority\":\"LOW\"},\n {\"title\":\"Eggs\"}]";
    let stored = said(&import(here, &["-"], list).await);
    assert!(stored.starts_with("2 tasks were stored"), "{stored}");

    let printed = said(&export(here, &[]).await);
    assert_eq!(
        serde_json::from_str::<Vec<Value>>(&printed).unwrap().len(),
        2
    );
    for (name, begins) in [
        ("tasks.json", "[\n{\"id\":\"task_"),
        ("tasks.csv", "id,version,title,"),
        ("tasks.ICS", "BEGIN:VCALENDAR\r\n"),
        ("tasks", "[\n"),
    ] {
        said(&export(here, &[name]).await);
        let file = here.join(name);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(begins), "{name}: {text}");
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let again = refused(&export(here, &[name]).await);
        assert!(again.contains(name) && again.contains("exists"), "{again}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        let known = said(&import(here, &[name, "--skip-existing"], "").await);
        assert!(
            known.starts_with("0 tasks were stored, 2 were skipped"),
            "{name}: {known}"
        );
        let tried = said(&import(here, &[name, "--new-ids", "--dry-run"], "").await);
        assert!(
            tried.starts_with("2 tasks would be stored"),
            "{name}: {tried}"
        );
    }
    assert_eq!(
        fs::read_to_string(here.join("tasks.json")).unwrap(),
        printed
    );
    let piped = said(&export(here, &["--format", "csv", "-"]).await);
    assert_eq!(fs::read_to_string(here.join("tasks.csv")).unwrap(), piped);
    let printed_again = said(&export(here, &[]).await);
    assert_eq!(
        printed_again, printed,
        "a dry run or skipped import stored something"
    );
}

#[tokio::test]
async fn failed_export_or_import_explains_and_leaves_no_file() {
    let here = directory_with_ana().await;
    let here = here.path();
    let nobody = run(
        here,
        &[],
        &["export", "--user", "ben@example.com", "out.json"],
    )
    .await;
    assert!(refused(&nobody).contains("no user has"));
    assert!(!here.join("out.json").exists());
    let why = refused(&export(here, &["nowhere/out.json"]).await);
    assert!(why.contains("nowhere/out.json: No such file"), "{why}");
    let why = refused(&import(here, &["nothing.json"], "").await);
    assert!(why.contains("nothing.json: No such file"), "{why}");
    let why = refused(&import(here, &["-", "--new-ids", "--skip-existing"], "[]").await);
    assert!(why.contains("cannot be used with"), "{why}");
    let why = refused(&import(here, &["-"], "[{\"title\":\"Milk\"},\n{\"title\":\"\"}]").await);
    assert!(why.contains("nothing was stored\nline 2: title"), "{why}");
    assert_eq!(said(&export(here, &[]).await), "[]\n");

    let elsewhere = directory();
    let why = refused(&export(elsewhere.path(), &["out.json"]).await);
    assert!(why.contains("cubby.sqlite"), "{why}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
