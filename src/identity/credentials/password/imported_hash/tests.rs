//! Tests of imported hashes: those of each service, weak and expensive ones, and invalid text.

use super::*;

/// Hashes of "correct horse", as services and libraries write them.
const HASHES: [(&str, &str); 49] = [
    (
        "Better Auth",
        "61cc26d75b161470fb901929f95492a5:b8d399388488ee14174eb3e0b0f74574aad602648e76ce829aaa1067be4a47dea8ab4b63873b2b27baf49bd684177f2f7470ec616cd02adb0587077e073e9981",
    ),
    (
        "bcrypt",
        "$2b$04$G4W/QsvLJqdm0f/94i3A2.9/5tu4HETjrocHIGEwetWPFrc1NiDNC",
    ),
    (
        "bcrypt",
        "$2a$04$g2H6UNt1EIR87Rc5T1vRruDMlzCxSwRLKpWGcIoDByke1Aq058uAW",
    ),
    (
        "PHC string",
        "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$JbN2hANm9NOw4h5BRHZnbjzQ6Jr0QwNWojTOC2WgIbU",
    ),
    (
        "PHC string",
        "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
    ),
    (
        "Passlib",
        "$pbkdf2$1000$AAECAwQFBgcICQoLDA0ODw$ndhWw3a4srcTtr4HQFTLiKRlVuA",
    ),
    (
        "Django",
        "pbkdf2_sha256$1000$ZCOgW0G5HF2gTIrL6wIEgZ$WYRJqVNQGTCub3PeG17EwI86EctjCZmdqEaCs7US3gM=",
    ),
    (
        "Django",
        "pbkdf2_sha1$1000$A6KxX8zQw6HqzWaxYNNIb3$xh3B7uTGKhtWcwepCQjUexgD3wE=",
    ),
    (
        "Django",
        "bcrypt_sha256$$2b$04$O2HiljRLSLOD7ezB0OSvf.kRCv2fHlbYPfsKr/niXQKkW3PwxCWQy",
    ),
    (
        "Django",
        "bcrypt$$2b$04$13jH6r1v9DHenn/v3YZOeusb8hVlg7LYtzGW1jBG9cjDD/BdIA63q",
    ),
    (
        "Django",
        "scrypt$1024$cwpxZGcZOfS1kwSOautpKj$8$5$zVYBygxreeUOAeZeMfWmcRyzkf0Tx0uTHM69Jw3llhQTqBoG+Gee500NGb7BZhEQ9E1egFXmXTQNL1kwOsKuiQ==",
    ),
    (
        "Werkzeug",
        "pbkdf2:sha256:1000$lIuOVmsNCTI4ip2k$0231883785636f6a1a97ce20e96f949bd652e97ecd095a5a21863b6bde134d20",
    ),
    (
        "Werkzeug",
        "pbkdf2:sha512:1000$EL3LAmXpxcOOMuNe$b554db1a8ab17b445c5619b3a57fa6b88f8f9f92e6ef2fd7e9b791e6236a3979316de768e5fb335c251f10f4e17d4a95cac9ed1603e7f0dd0ccbbab217483026",
    ),
    (
        "Werkzeug",
        "pbkdf2:sha1:1000$6hk8UDBWKFlR4oW0$2db52cb41c63870fea049b0b0cd13365ecbe52d6",
    ),
    (
        "Werkzeug",
        "scrypt:1024:8:1$r3TWbJRIysAgLUiG$136debff574da044847c6f61d796fd8ae1895ac4bd65e513c43c344a444b2d925acb03fc6f611a952dcb225fc1176eeb10fc5228be5cb9388156b0c37fe76a6c",
    ),
    (
        "Passlib",
        "$pbkdf2-sha256$1000$ROh9T2kt5ZxTypkzxvifMw$Tx65V7qrhpO5.TQ/4L.QmVxe7nRQzDCbmOrQ6s4VHqA",
    ),
    (
        "Passlib",
        "$pbkdf2-sha512$1000$0FpLCYHw3ttbC4EwBqDUeg$uQU8wA6.e3H8TDy7rij.dMMY/CttxhTrKaJqf0nl6E4Zqlw1/iGmwHIxDWuGY2bYVziI2rLUAN3bJLuQA52spg",
    ),
    (
        "Passlib",
        "{PBKDF2-SHA256}1000$ea/1fu.91zrnPGfMuVcq5Q$J8gtqZsRH54ISe5B38RTRC22g8Og5.j0bFKxIYbJjUI",
    ),
    (
        "Passlib",
        "{PBKDF2}1000$bA1hjBHCmNO61xqD0LqXsg$thCDApekyKStF8IZvtgg2/iezvE",
    ),
    (
        "Passlib",
        "$scrypt$ln=10,r=8,p=1$2TsHAADAmLO2tlbKGUOI0Q$PpEtIsABm7lr4Q5U5xU3bU9o4yhZpNd7z8aSE1KncSk",
    ),
    (
        "SHA-256-crypt",
        "$5$rounds=1000$S7v61zDoVQZdKoir$6eViVAA1zI8nIE18efrBEgx1GqTHZNa9uwFr09O04w5",
    ),
    (
        "SHA-512-crypt",
        "$6$j.ZerrykT/1lmmCG$UUJPe7g43sw0IQfz4dlOSsa5JF7RUuXRVQVXIL.LXoQBuH37XvehFhdcz891Iid6HGmhTW8ZMZA0AdAyzoXIb/",
    ),
    ("WordPress before 6.8", "$P$6Qk7A6cZXp2Fsxz4rqIZXiqqvCXiQA."),
    ("phpBB", "$H$65xAa3o73qTUcwsjQi8xTePvPQ1oRY0"),
    (
        "Passlib",
        "$bcrypt-sha256$2b,4$5YVTkH.zU.fSaWs5hj2h0O$bkebJ7mNx7NQKfI0g1QmgHWPx/9n6qm",
    ),
    (
        "Passlib",
        "$bcrypt-sha256$v=2,t=2b,r=4$5YVTkH.zU.fSaWs5hj2h0O$Qptt7TsF1ll9IbdKzVa8CmQAuFqEs5u",
    ),
    (
        "WordPress 6.8",
        "$wp$2y$04$RNFgF71NWouBxxbGOKKryu8MIW9sUuVZVgA7W2zsqJx8NEV4dszwi",
    ),
    (
        "Kratos",
        "$scrypt$ln=1024,r=8,p=1$+bhuB90yFVEcMISjNe75Fw==$q+VFXa+3YrXtIB3l7LEJB1Vwdbe98KuM9dNl0MkR8I4=",
    ),
    (
        "AdonisJS",
        "$scrypt$n=1024,r=8,p=1$+bhuB90yFVEcMISjNe75Fw$q+VFXa+3YrXtIB3l7LEJB1Vwdbe98KuM9dNl0MkR8I5a+HPy+ZySTOV8YVXYG3xzXM8GiqX6PM3bnoIacRsBXA",
    ),
    (
        "Spring Security",
        "{scrypt@SpringSecurity_v5_8}$a0801$+bhuB90yFVEcMISjNe75Fw==$q+VFXa+3YrXtIB3l7LEJB1Vwdbe98KuM9dNl0MkR8I4=",
    ),
    (
        "Spring Security",
        "{scrypt}$a0801$u9uL3XR7XHygoc9s9M47V86M+a3cyQtzfHy3SBp/E35K77haIjsp3zs1dHi40v3P21rqlwlNiLQ7dmxoYC1ahA==$i4DIyeUCyLqhlMr+hzoiLp0y7T7g31mdKqRmyvZdsJc=",
    ),
    (
        "Java scrypt",
        "$s0$a0801$+bhuB90yFVEcMISjNe75Fw==$q+VFXa+3YrXtIB3l7LEJB1Vwdbe98KuM9dNl0MkR8I4=",
    ),
    (
        "Spring Security",
        "{pbkdf2}a396c022f7885e9c5847bdc7ffd7fda0ca873dd06dfe96a3977ff2618c9eee0874fc49462520d720",
    ),
    (
        "Spring Security",
        "{pbkdf2@SpringSecurity_v5_8}f9b86e07dd3215511c3084a335eef917e2a11e1982324091200e8c4a6c38a7a9833bfb7776c9d830cd53462656a8551b",
    ),
    (
        "Spring Security",
        "{bcrypt}$2a$04$SVIDSvb1EPyP9jErgqxWTuARP.hr1c2C5Q5pft./rZ9rBU8EmrWfu",
    ),
    (
        "Lucia 3",
        "105a4b830a1a0aa898892c580202735d:6a533f8d2aecbe57bd063b929079a1f6260381d3302b130d281a0035a22cc3452abf474f36504d5971929929b4fcbce942a16ec11601a3950a60293b3f439c97",
    ),
    (
        "Lucia 2",
        "s2:k3v9zq0b7x1m5c2p:6fc8a64771738934081a636cb4a9c21a8def0542b872e07cecf4d9895890bdb0536866761720ecf9dca9ed5fd2ad8f1bf4f61551b419963c121edab416c88aba",
    ),
    (
        "Lucia 1",
        "k3v9zq0b7x1m5c2p:691b28f05f889b7b2511568e3f2c2fa2f2d8a09711c0e24b4d95b84ddf8f9c34cef54a822c44453627b6bf2000d5574f55dd03c2166f64db4e175d41b9b8e234",
    ),
    (
        "Node.js",
        "eb7d29d0e4b6a730ecfea95e94d7eab8:344b17ac096458313ff3215a5ab668f9619bc1c014c80bc4e2f21ed901a8c937c6c481b65010daa1ea88e1b0675062dcd484c53919a6ff9014e514044ac3bceb",
    ),
    (
        "Firebase, in Kratos",
        "$firescrypt$ln=10,r=8,p=1$rCPR0jPRRyhgFQ==$YFahD/QeGVljYLy2yRBeA0/dX1DzJCHJUg49MYyyGEdi09b1v2fwIOwbys65etumkWCU4al645qWY2UDayn34g==$Bw==$3HuTBjtaCZ3LOaIrzIGc2zKmcPtLoiqa/LgPAfXKLyfFe6hIVOcFlbYWD97rp7j2MnLUP1EO6xjykU3ZK9eJyg==",
    ),
    (
        "Firebase, in Clerk",
        "YFahD/QeGVljYLy2yRBeA0/dX1DzJCHJUg49MYyyGEdi09b1v2fwIOwbys65etumkWCU4al645qWY2UDayn34g==$rCPR0jPRRyhgFQ==$3HuTBjtaCZ3LOaIrzIGc2zKmcPtLoiqa/LgPAfXKLyfFe6hIVOcFlbYWD97rp7j2MnLUP1EO6xjykU3ZK9eJyg==$Bw==$8$10",
    ),
    (
        "Firebase, in Supabase",
        "$fbscrypt$v=1,n=10,r=8,p=1,ss=Bw==,sk=3HuTBjtaCZ3LOaIrzIGc2zKmcPtLoiqa/LgPAfXKLyfFe6hIVOcFlbYWD97rp7j2MnLUP1EO6xjykU3ZK9eJyg==$rCPR0jPRRyhgFQ==$YFahD/QeGVljYLy2yRBeA0/dX1DzJCHJUg49MYyyGEdi09b1v2fwIOwbys65etumkWCU4al645qWY2UDayn34g==",
    ),
    (
        "Firebase, in Supabase without a separator",
        "$fbscrypt$v=1,n=10,r=8,p=1,sk=3HuTBjtaCZ3LOaIrzIGc2zKmcPtLoiqa_LgPAfXKLyfFe6hIVOcFlbYWD97rp7j2MnLUP1EO6xjykU3ZK9eJyg==$rCPR0jPRRyhgFQ==$NnyS8zdXnd34jNbF0L0IeWrT8e4V24dBNgP6OcgIsTxmRnxn54mJakd-6DlakCJrHjsdJ5oVLzCl5Dv5YEP--Q==",
    ),
    (
        "ASP.NET Core Identity",
        "AQAAAAEAACcQAAAAEPm4bgfdMhVRHDCEozXu+RejlE0lZ9M1e+yTL9WOZ8czxCwvcFeHCvFFmjYDBHxZmQ==",
    ),
    (
        "ASP.NET Core Identity",
        "AQAAAAIAAAPoAAAAEPm4bgfdMhVRHDCEozXu+Rcd1nacjOE9yRcswVmvE8ZyaH9oVJX55DXaZebiz0GslQ==",
    ),
    (
        "ASP.NET Core Identity",
        "AQAAAAAAAAPoAAAAEPm4bgfdMhVRHDCEozXu+RfBx7DyATw64bq2hlrVpBRxZPcuBcr17V2J9CypH3GSVg==",
    ),
    (
        "ASP.NET Identity 2",
        "APm4bgfdMhVRHDCEozXu+RfBx7DyATw64bq2hlrVpBRxZPcuBcr17V2J9CypH3GSVg==",
    ),
    (
        "Drupal 7",
        "$S$5Ab3dEf7h0Yrht3Wbjh8Wbx.9vCmqSLjE4RB0YigHZcKjMILBmzP",
    ),
    (
        "bcrypt of early PHP",
        "$2x$04$5YVTkH.zU.fSaWs5hj2h0OGwr1R6/C2bBUnb8/vbe5AsnQ1UFOq/W",
    ),
];

fn matches(hash: &str, password: &str) -> bool {
    let hash = ImportedHash::parse(hash).unwrap_or_else(|error| panic!("{hash}: {error}"));
    hash.verify(password)
}

fn error(hash: &str) -> HashError {
    match ImportedHash::parse(hash) {
        Ok(_) => panic!("{hash} is accepted"),
        Err(error) => error,
    }
}

#[test]
fn imported_hash_matches_only_its_password() {
    for (service, hash) in HASHES {
        assert!(matches(hash, "correct horse"), "{service}: {hash}");
        for other in ["Correct horse", "", "correct horse "] {
            assert!(!matches(hash, other), "{service}: {hash}");
        }
    }
}

#[test]
fn bcrypt_2x_reproduces_the_early_php_bug() {
    let hash = "$2x$04$5YVTkH.zU.fSaWs5hj2h0OJeIisUms9nBFMYQHLlKnwYk0J8NbNZu";
    assert!(matches(hash, "caf\u{e9} au lait matin"));
    assert!(!matches(hash, "cafe au lait matin"));
    assert!(!matches(
        &hash.replace("2x", "2y"),
        "caf\u{e9} au lait matin"
    ));
}

#[test]
fn long_password_is_compared_in_bounded_time() {
    let hash = "$P$6Qk7A6cZXp2Fsxz4rqIZXiqqvCXiQA.";
    assert!(!matches(hash, &"a".repeat(1_000_000)));
}

#[test]
fn argon2_is_stored_in_django_format() {
    let phc = "$argon2id$v=19$m=1024,t=1,p=2$YTl6ek81MWI0UmFTMlBaQTNmTVltVQ$dtSJ1i9aS580VOteREJvK6OWcM2mwmjgGmcBpo8Od+I";
    let stored = format!("argon2{phc}");
    assert!(!is_own(&stored));
    for text in [
        phc.to_owned(),
        stored.clone(),
        format!("{{argon2}}{phc}"),
        format!("{{argon2@SpringSecurity_v5_8}}{phc}"),
        format!("{{ARGON2ID}}{phc}"),
        phc.replace("$dtSJ", "==$dtSJ") + "=",
    ] {
        let parsed = ImportedHash::parse(&text).ok();
        assert!(
            matches!(parsed, Some(ImportedHash::Argon2(canonical)) if canonical == phc),
            "{text}"
        );
    }
    assert_eq!(import(phc), Ok(stored));
}

#[test]
fn weak_hash_is_rejected_by_algorithm_name() {
    for (algorithm, hashes) in [
        (
            "MD5",
            [
                "5f4dcc3b5aa765d61d8327deb882cf99",
                "5F4DCC3B5AA765D61D8327DEB882CF99",
                "$1$abcdefgh$y6iHhJNbuC0xpbk0w9pm80",
                "$apr1$abcdefgh$y6iHhJNbuC0xpbk0w9pm80",
                "$md5$pf=e1BBU1NXT1JEfQ==$X03MO1qnZdYdgyfeuILPmQ==",
                "md5$21LQ0ELMyu6rMfnOZyCeYD$5a520b730f19445dfa1098ae1aa65155",
                "{MD5}X03MO1qnZdYdgyfeuILPmQ==",
                "{SMD5}4QWGWZpj9GCmfuqEvm8HtZhZS6E=",
                "5f4dcc3b5aa765d61d8327deb882cf99:salt",
            ]
            .as_slice(),
        ),
        (
            "SHA-1",
            &[
                "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
                "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19",
                "sha1$aB3$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
                "sha1$$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
                "$sha1$pf=e1BBU1NXT1JEfQ==$W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
                "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
                "{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ",
                "{ldap}{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ",
                "{SHA-1}{aB3}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
            ],
        ),
        (
            "DES crypt",
            &[
                "abhfCpXqd4GrI",
                "_J9..abcdtIvPUrZYa6w",
                "{CRYPT}abhfCpXqd4GrI",
                "crypt$ab$abhfCpXqd4GrI",
            ],
        ),
        (
            "SHA-2 without rounds",
            &[
                "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
                "{SSHA512}dGVzdA==",
                "sha256$aB3$5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
            ],
        ),
        (
            "MD4",
            &["{MD4}abcdef", "$3$$8846f7eaee8fb117ad06bdd830b7586c"],
        ),
        ("plain text", &["{noop}password", "plain$$password"]),
    ] {
        for hash in hashes {
            let error = error(hash);
            assert_eq!(error, HashError::Weak(algorithm), "{hash}");
            assert!(error.to_string().contains(algorithm));
        }
    }
}

#[test]
fn expensive_hash_is_rejected_with_the_limit() {
    for (limit, hash) in [
        ("cost 15", HASHES[1].1.replace("$04$", "$16$")),
        ("cost 15", HASHES[1].1.replace("$04$", "$31$")),
        ("256 MiB", HASHES[3].1.replace("ln=14", "ln=22")),
        ("256 MiB", HASHES[3].1.replace("ln=14", "ln=63")),
        ("256 MiB", HASHES[3].1.replace("ln=14", "ln=4194304")),
        ("1 GiB", HASHES[3].1.replace("p=1$", "p=1000$")),
        ("256 MiB", HASHES[3].1.replace("r=8", "r=4294967295")),
        ("5,000,000", HASHES[4].1.replace("i=1000", "i=5000001")),
        ("5,000,000", HASHES[5].1.replace("$1000$", "$4294967295$")),
        (
            "256 MiB",
            "$argon2id$v=19$m=262145,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".to_owned(),
        ),
        (
            "16 passes",
            "$argon2id$v=19$m=262144,t=17,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".to_owned(),
        ),
        ("1,000,000", "$5$rounds=1000001$S7v61zDoVQZdKoir$6eViVAA1zI8nIE18efrBEgx1GqTHZNa9uwFr09O04w5".to_owned()),
        ("power of 20", "$P$KQk7A6cZXp2Fsxz4rqIZXiqqvCXiQA.".to_owned()),
        ("256 MiB", "scrypt:4194304:8:1$salt$136debff574da044847c6f61d796fd8a".to_owned()),
        (
            "5,000,000",
            "AQAAAAEAmJaBAAAAEPm4bgfdMhVRHDCEozXu+RejlE0lZ9M1e+yTL9WOZ8czxCwvcFeHCvFFmjYDBHxZmQ==".to_owned(),
        ),
    ] {
        let error = error(&hash);
        assert!(matches!(error, HashError::TooExpensive(_)), "{hash}");
        assert!(error.to_string().contains(limit), "{hash}: {error}");
    }
}

#[test]
fn text_that_is_not_a_hash_is_rejected() {
    for text in [
        "",
        ":",
        "$",
        "$$",
        "{",
        "{bcrypt}",
        "correct horse",
        "00:00",
        &HASHES[0].1[1..HASHES[0].1.len() - 1],
        &HASHES[0].1[..100],
        &HASHES[1].1[..59],
        "$2b$03$G4W/QsvLJqdm0f/94i3A2.9/5tu4HETjrocHIGEwetWPFrc1NiDNC!",
        "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$",
        "$scrypt$ln=16385,r=8,p=1$AAEC$JbN2hANm9NOw4h5BRHZnbjzQ6Jr0QwNWojTOC2WgIbU",
        "$scrypt$ln=14,r=0,p=1$AAEC$JbN2hANm9NOw4h5BRHZnbjzQ6Jr0QwNWojTOC2WgIbU",
        "$pbkdf2-sha256$i=0,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
        "$pbkdf2-md5$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
        "pbkdf2_sha256$1000$salt$",
        "pbkdf2_sha256$1000$salt$AAEC",
        "{pbkdf2}a396c022f7885e9c5847bdc7ffd7fda0",
        "$5$rounds=999$S7v61zDoVQZdKoir$6eViVAA1zI8nIE18efrBEgx1GqTHZNa9uwFr09O04w5",
        "AQAAAAEAACcQAAAAEPm4bgc=",
        "$argon2id$v=19$m=19456,t=2,p=1",
    ] {
        assert_eq!(error(text), HashError::Unknown, "{text}");
    }
    assert_eq!(error(&"5".repeat(100_000)), HashError::Unknown);
}
