//! Tests of `cubby user import`: users of another service, with the hashes of their passwords.

use std::fs;

use serde_json::json;

use crate::{
    admin_commands::sign_in,
    harness::empty_postgresql,
    process::{Cubby, SECRET, directory, refused, run, said},
};

/// Hashes of "correct horse" by Better Auth, bcrypt, Django, Argon2, WordPress, Firebase, Kratos and Werkzeug.
const HASHES: [&str; 10] = [
    "61cc26d75b161470fb901929f95492a5:b8d399388488ee14174eb3e0b0f74574aad602648e76ce829aaa1067be4a47dea8ab4b63873b2b27baf49bd684177f2f7470ec616cd02adb0587077e073e9981",
    "$2b$04$G4W/QsvLJqdm0f/94i3A2.9/5tu4HETjrocHIGEwetWPFrc1NiDNC",
    "pbkdf2_sha256$1000$saltsaltsalt$F7o7+5VTVzFAO998X6s3AHrDsJVdMiIlgndIMe19NvY=",
    "$argon2id$v=19$m=1024,t=1,p=2$+NsmkPrbxEn/ZALzl2pFXA$8GFlQg4KpklgxjrBww2E3kSCrwVqkr69FRZ/GFj3bVk",
    "$argon2i$v=19$m=1024,t=1,p=1$F21u07RHZfFtrZxzKemSXA$hiAXx9jbGTB8uNolE5s21YVmL8mdUq+1mUW7lmSHs8I",
    "argon2$argon2id$v=19$m=1024,t=1,p=2$YTl6ek81MWI0UmFTMlBaQTNmTVltVQ$dtSJ1i9aS580VOteREJvK6OWcM2mwmjgGmcBpo8Od+I",
    "$wp$2y$04$RNFgF71NWouBxxbGOKKryu8MIW9sUuVZVgA7W2zsqJx8NEV4dszwi",
    "$firescrypt$ln=10,r=8,p=1$rCPR0jPRRyhgFQ==$YFahD/QeGVljYLy2yRBeA0/dX1DzJCHJUg49MYyyGEdi09b1v2fwIOwbys65etumkWCU4al645qWY2UDayn34g==$Bw==$3HuTBjtaCZ3LOaIrzIGc2zKmcPtLoiqa/LgPAfXKLyfFe6hIVOcFlbYWD97rp7j2MnLUP1EO6xjykU3ZK9eJyg==",
    "$scrypt$ln=1024,r=8,p=1$+bhuB90yFVEcMISjNe75Fw==$q+VFXa+3YrXtIB3l7LEJB1Vwdbe98KuM9dNl0MkR8I4=",
    "scrypt:1024:8:1$r3TWbJRIysAgLUiG$136debff574da044847c6f61d796fd8ae1895ac4bd65e513c43c344a444b2d925acb03fc6f611a952dcb225fc1176eeb10fc5228be5cb9388156b0c37fe76a6c",
];

/// bcrypt of [`CAFE`] in NFD, as a service stores it that does not normalize passwords.
const HASH_OF_NFD: &str = "$2b$04$5YVTkH.zU.fSaWs5hj2h0OS7BLIA2vmY7Hxd.VL.NwdfBzgOFHF.W";

/// One password in NFC and in NFD.
const CAFE: [&str; 2] = ["caf\u{e9} au lait matin", "cafe\u{301} au lait matin"];

async fn imported_users_sign_in(settings: &[(&str, &str)], name: &str) {
    let here = directory();
    let file = here.path().join("people.jsonl");
    let import = async |text: &str, options: &[&str]| {
        fs::write(&file, text).unwrap();
        let arguments = [&["user", "import", file.to_str().unwrap()], options].concat();
        run(here.path(), settings, &arguments).await
    };
    let person = |number: usize, hash: &str| {
        json!({ "email": format!("{name}-{number}@example.com"), "passwordHash": hash }).to_string()
    };
    let cubby = Cubby::start(here.path(), settings).await;
    let mut lines: Vec<_> = HASHES
        .iter()
        .enumerate()
        .map(|(at, hash)| person(at, hash))
        .collect();
    lines.extend((0..CAFE.len()).map(|at| person(HASHES.len() + at, HASH_OF_NFD)));
    lines.push(String::new());
    lines.push(
        json!({ "email": format!("{name}@example.com"), "name": "Ana", "timeZone": "Europe/Vienna",
                "passwordHash": HASHES[1] })
        .to_string(),
    );
    let all = lines.join("\n");
    let would = said(&import(&all, &["--dry-run"]).await);
    assert_eq!(
        would.trim(),
        "13 users would be stored, 0 would be skipped because their addresses have accounts"
    );
    let first = format!("{name}-0@example.com");
    assert!(sign_in(&cubby, &first, "correct horse").await.is_err());

    // If any line is invalid, no user is stored. Errors name the line, and do not contain the hash.
    let wrong = [
        person(0, HASHES[1]),
        person(1, "hunter2"),
        "{}".to_owned(),
        person(0, HASHES[1]),
        json!({ "email": "no address", "passwordHash": HASHES[1] }).to_string(),
        json!({ "email": "a@example.com", "passwordHash": HASHES[1], "timeZone": "Mars" })
            .to_string(),
        "not JSON".to_owned(),
        person(2, "5f4dcc3b5aa765d61d8327deb882cf99"),
        person(3, &HASHES[1].replace("$04$", "$16$")),
    ];
    let why = refused(&import(&wrong.join("\n"), &[]).await);
    for says in [
        "line 2: passwordHash",
        "line 3: write a JSON",
        "line 4: the address",
        "line 5:",
        "line 6: Mars",
        "line 7:",
        "line 8: passwordHash is MD5",
        "line 9: passwordHash takes too long to verify: the limit is cost 15",
        "no user was stored",
    ] {
        assert!(why.contains(says), "{says}: {why}");
    }
    assert!(
        !why.contains("line 1:") && !why.contains("hunter2"),
        "{why}"
    );

    assert_eq!(
        said(&import(&all, &[]).await).trim(),
        "13 users were stored, 0 were skipped because their addresses have accounts"
    );
    for number in 0..HASHES.len() {
        let email = format!("{name}-{number}@example.com");
        assert_eq!(
            sign_in(&cubby, &email, "Correct horse").await,
            Err("INVALID_CREDENTIALS".to_owned()),
            "{email}"
        );
        // The first sign-in replaces the imported hash; the second is compared with the new one.
        for _ in 0..2 {
            sign_in(&cubby, &email, "correct horse").await.unwrap();
        }
    }
    // Each form of the password signs in, before and after the hash is replaced.
    for (at, typed) in CAFE.iter().enumerate() {
        let email = format!("{name}-{}@example.com", HASHES.len() + at);
        for password in [typed, CAFE[1 - at]] {
            sign_in(&cubby, &email, password).await.unwrap();
        }
    }
    let connection = sea_orm::Database::connect(match settings.first() {
        Some((_, url)) => (*url).to_owned(),
        None => format!("sqlite:{}", here.path().join("data/cubby.sqlite").display()),
    });
    let connection = connection.await.unwrap();
    let rows = "SELECT data FROM credentials";
    let rows = sea_orm::Statement::from_string(
        sea_orm::ConnectionTrait::get_database_backend(&connection),
        rows,
    );
    let rows = sea_orm::ConnectionTrait::query_all_raw(&connection, rows)
        .await
        .unwrap();
    let ours = rows.iter().filter(|row| {
        let hash: String = row.try_get_by_index(0).unwrap();
        hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
    });
    assert_eq!((rows.len(), ours.count()), (13, 12));

    // A repeated import fails, or stores only the new users.
    let why = refused(&import(&all, &[]).await);
    assert!(
        why.contains("line 1: the address") && why.contains("--skip-existing"),
        "{why}"
    );
    let more = format!("{all}\n{}", person(99, HASHES[1]));
    let said = said(&import(&more, &["--skip-existing"]).await);
    assert_eq!(
        said.trim(),
        "1 user was stored, 13 were skipped because their addresses have accounts"
    );
    let why = refused(&run(here.path(), settings, &["user", "import", "nowhere"]).await);
    assert!(why.contains("nowhere cannot be read"), "{why}");
    cubby.stop().await;
}

#[tokio::test]
async fn imported_users_sign_in_with_their_passwords_on_sqlite() {
    imported_users_sign_in(&[], "ana").await;
}

#[tokio::test]
async fn imported_users_sign_in_with_their_passwords_on_postgresql() {
    let Some(url) = empty_postgresql("taken_over").await else {
        return;
    };
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("CUBBY_MODE", "development"),
        ("CUBBY_SECRET", SECRET),
    ];
    imported_users_sign_in(&settings, "ana").await;
}
