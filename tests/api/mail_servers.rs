//! The binary with mail servers that require TLS and a password.

use crate::{
    postgresql::certificate::Certificate,
    process::{Cubby, directory, run},
    smtp::SmtpServer,
};

/// Sends a mail to a server of this kind, whose URL `url` makes from a password and a port. Then checks
/// that `cubby doctor` reports an untrusted certificate and a wrong password.
async fn mail_reaches_only_a_trusted_server(kind: &str, url: impl Fn(&str, u16) -> String) {
    let here = directory();
    let certificate = Certificate::for_localhost();
    let own = here.path().join("server.pem");
    std::fs::write(&own, certificate.certificate + &certificate.key).expect("a file");
    let authority = here.path().join("authority.pem");
    std::fs::write(&authority, certificate.authority).expect("a file");
    let Some(mut smtp) = SmtpServer::start_tls(kind, &own).await else {
        return;
    };
    let (right, wrong) = (url("secret", smtp.port()), url("guess", smtp.port()));
    let trusted = ("SSL_CERT_FILE", authority.to_str().expect("UTF-8"));

    let settings = [("CUBBY_SMTP_URL", right.as_str()), trusted];
    let cubby = Cubby::start(here.path(), &settings).await;
    cubby.sign_up("ana").await;
    let request = "mutation { requestPasswordReset(input: { email: \"ana@example.com\" }) {
        userErrors { code } } }";
    cubby.ask(None, request).await;
    assert_eq!(smtp.next().await["to"][0], "ana@example.com");
    cubby.stop().await;

    for (settings, says) in [
        (
            vec![("CUBBY_SMTP_URL", right.as_str()), trusted],
            "accepts connections",
        ),
        (vec![("CUBBY_SMTP_URL", right.as_str())], "certificate"),
        (
            vec![("CUBBY_SMTP_URL", wrong.as_str()), trusted],
            "Authentication",
        ),
    ] {
        let output = run(here.path(), &settings, &["doctor"]).await;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.contains("mail  "));
        let line = line.expect("a line about mail");
        assert!(line.contains(says), "{line}");
        assert!(
            !line.contains("secret") && !line.contains("guess"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn smtps_verifies_certificate_and_sends_password() {
    let url = |password: &str, port: u16| format!("smtps://cubby:{password}@localhost:{port}");
    mail_reaches_only_a_trusted_server("smtps", url).await;
}

#[tokio::test]
async fn starttls_verifies_certificate_and_sends_password() {
    let url = |password: &str, port: u16| {
        format!("smtp://cubby:{password}@localhost:{port}?tls=required")
    };
    mail_reaches_only_a_trusted_server("starttls", url).await;
}
