//! Tests of `cubby seed`, which inserts sample users and tasks.

use std::sync::Mutex;

use cubby::{Seed, SeedError, StartError};
use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestEnv, apply, each_database};

const ALL: &str = "{ viewer { email timeZone sessions { nodes { label } }
    taskCounts { total open completed overdue }
    tasks(first: 100, orderBy: [{ field: POSITION }]) { totalCount nodes { id title description priority
      position createdAt due { date time at } } } } }";

fn seed(users: u32, tasks: u32) -> Seed {
    Seed {
        users,
        tasks,
        domain: "example.com".to_owned(),
        password: PASSWORD.to_owned(),
    }
}

#[apply(each_database)]
async fn seeded_users_sign_in_and_own_ordered_tasks(env: TestEnv) {
    env.seed(3, 40, "example.com").await;
    let app = env.app().await;
    let mut ids = Vec::new();
    let (mut of_all, mut described, mut at_a_time) = ([0; 3], 0, 0);
    for name in ["person-1", "person-2", "person-3"] {
        let person = app.sign_in_with(name, PASSWORD).await;
        let viewer = person.ask(ALL, json!({})).await["viewer"].clone();
        assert_eq!(viewer["email"], format!("{name}@example.com"));
        let counts = &viewer["taskCounts"];
        for (of_all, kind) in of_all.iter_mut().zip(["open", "completed", "overdue"]) {
            *of_all += counts[kind].as_i64().unwrap();
        }
        assert_eq!(viewer["tasks"]["totalCount"], json!(40));
        let tasks = viewer["tasks"]["nodes"].as_array().unwrap();
        let texts = |field: &str| -> Vec<String> {
            let text = |task: &Value| task[field].as_str().map(str::to_owned);
            tasks.iter().filter_map(text).collect()
        };
        for sorted in [texts("position"), texts("id"), texts("createdAt")] {
            assert!(sorted.windows(2).all(|two| two[0] < two[1]), "{sorted:?}");
        }
        described += texts("description").len();
        at_a_time += tasks
            .iter()
            .filter(|task| task["due"]["time"].is_string())
            .count();
        ids.extend(texts("id"));
        // A new task is placed after the seeded ones.
        let last = person.create_task("Milk").await;
        let data = person.ask(ALL, json!({})).await;
        let nodes = &data["viewer"]["tasks"]["nodes"];
        assert_eq!(nodes[40]["id"], json!(last));
    }
    // With 120 random tasks, each kind occurs.
    assert!(of_all.iter().all(|count| *count > 0), "{of_all:?}");
    assert!((1..120).contains(&described) && (1..120).contains(&at_a_time));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 120);
    let counted = app.sql("SELECT seq FROM change_logs").await;
    assert_eq!(counted, [41, 41, 41]);
    assert_eq!(app.users_with_wrong_task_count().await, 0);
}

#[apply(each_database)]
async fn invalid_seed_is_rejected_and_changes_nothing(env: TestEnv) {
    env.seed(2, 5, "example.com").await;
    let progress = Mutex::new(0);
    let seed_error = async |seed: Seed| {
        let seeding = env.try_seed(&seed, |count| *progress.lock().unwrap() += count);
        match seeding.await {
            Err(StartError::Seed(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let taken = seed_error(seed(3, 5)).await;
    assert!(matches!(taken, SeedError::Taken(_)), "{taken}");
    assert!(taken.to_string().contains("--domain"), "{taken}");
    for wrong in [
        Seed {
            password: "12345678".to_owned(),
            ..seed(1, 1)
        },
        Seed {
            domain: "no domain".to_owned(),
            ..seed(1, 1)
        },
        Seed {
            domain: String::new(),
            ..seed(1, 1)
        },
        // More tasks than one user may have.
        seed(1, 200_001),
        // Short enough for the first address, but too long for the longest possible one.
        Seed {
            domain: "a".repeat(245),
            ..seed(1, 1)
        },
    ] {
        let refused = seed_error(wrong).await;
        assert!(matches!(refused, SeedError::Refused(_)), "{refused}");
    }
    assert_eq!(*progress.lock().unwrap(), 0);
    let app = env.app().await;
    assert_eq!(app.sql("SELECT count(*) FROM users").await, [2]);
    assert_eq!(app.sql("SELECT count(*) FROM tasks").await, [10]);
}

#[apply(each_database)]
async fn seed_progress_adds_up_to_the_stored_tasks(env: TestEnv) {
    let progress = Mutex::new(Vec::new());
    let on_progress = |count| progress.lock().unwrap().push(count);
    env.try_seed(&seed(7, 0), on_progress).await.unwrap();
    assert_eq!(progress.lock().unwrap().iter().sum::<usize>(), 0);
    let more = Seed {
        domain: "more.example.com".to_owned(),
        ..seed(2, 5_001)
    };
    env.try_seed(&more, on_progress).await.unwrap();
    let mut counts = progress.into_inner().unwrap();
    // Two users may be inserted concurrently, so the order of the calls varies.
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 5_000, 5_000]);
    let app = env.app().await;
    assert_eq!(app.sql("SELECT count(*) FROM users").await, [9]);
    assert_eq!(app.sql("SELECT count(*) FROM tasks").await, [10_002]);
}
