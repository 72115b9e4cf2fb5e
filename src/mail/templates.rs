//! The texts of messages: a template in plain text and one in HTML for each message.
//!
//! The first line of the plain text is the subject. A file of the same name in the operator's folder
//! replaces a template.

use std::{fs, io, path::Path};

use minijinja::{Environment, UndefinedBehavior};

use super::message::Message;

/// The templates in the binary, by their file names.
const DEFAULTS: [(&str, &str); 4] = [
    (
        "password-changed.html",
        include_str!("templates/password-changed.html"),
    ),
    (
        "password-changed.txt",
        include_str!("templates/password-changed.txt"),
    ),
    (
        "reset-password.html",
        include_str!("templates/reset-password.html"),
    ),
    (
        "reset-password.txt",
        include_str!("templates/reset-password.txt"),
    ),
];

/// A template that cannot be used; the message says what to correct.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

/// The compiled templates.
pub(super) struct Templates(Environment<'static>);

/// A rendered message.
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Templates {
    /// Compiles the templates, and renders each with sample values.
    ///
    /// # Errors
    /// If a file of the folder cannot be read, has a mistake, or replaces no template.
    pub(super) fn load(directory: Option<&Path>) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, text) in DEFAULTS {
            let text = match directory {
                Some(directory) => read(&directory.join(name))?.unwrap_or_else(|| text.to_owned()),
                None => text.to_owned(),
            };
            environment
                .add_template_owned(name, text)
                .map_err(|error| invalid(name, &error))?;
        }
        if let Some(directory) = directory {
            check_names(directory)?;
        }
        let templates = Self(environment);
        for message in Message::samples() {
            templates.render(&message)?;
        }
        Ok(templates)
    }

    pub(super) fn render(&self, message: &Message) -> Result<Rendered, TemplateError> {
        let render = |extension: &str| {
            let name = format!("{}.{extension}", message.name());
            let template = self.0.get_template(&name);
            let rendered = template.and_then(|template| template.render(message));
            rendered.map_err(|error| invalid(&name, &error))
        };
        let text = render("txt")?;
        let parts = text.split_once('\n');
        let Some((subject, text)) = parts.filter(|(subject, _)| !subject.trim().is_empty()) else {
            let message = format!(
                "the mail template {}.txt needs the subject in its first line, and the text after it",
                message.name()
            );
            return Err(TemplateError(message));
        };
        Ok(Rendered {
            subject: subject.trim().to_owned(),
            text: text.trim_start().to_owned(),
            html: render("html")?,
        })
    }

    pub(super) fn preview(&self, name: &str) -> Result<[String; 3], TemplateError> {
        let samples = Message::samples();
        let Some(message) = samples.iter().find(|message| message.name() == name) else {
            let names: Vec<_> = samples.iter().map(Message::name).collect();
            let message = format!("no mail is named {name}: use one of {}", names.join(", "));
            return Err(TemplateError(message));
        };
        let rendered = self.render(message)?;
        Ok([rendered.subject, rendered.text, rendered.html])
    }
}

fn invalid(name: &str, error: &minijinja::Error) -> TemplateError {
    TemplateError(format!("the mail template {name} has a mistake: {error:#}"))
}

/// Returns the content of a file, or `None` if it does not exist.
fn read(file: &Path) -> Result<Option<String>, TemplateError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.trim_start_matches('\u{feff}').to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let message = format!("cannot read the mail template {}: {error}", file.display());
            Err(TemplateError(message))
        }
    }
}

/// Rejects files that replace no template, such as one with a misspelled name.
fn check_names(directory: &Path) -> Result<(), TemplateError> {
    let unreadable = |error: io::Error| {
        TemplateError(format!(
            "cannot read the folder of CUBBY_MAIL_TEMPLATES, {}: {error}",
            directory.display()
        ))
    };
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        // Other programs leave hidden files, such as a mounted ConfigMap.
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if !is_hidden && !DEFAULTS.iter().any(|(known, _)| name == *known) {
            let known: Vec<_> = DEFAULTS.iter().map(|(known, _)| *known).collect();
            return Err(TemplateError(format!(
                "{} in {} is not a mail template: use the names {}",
                name.to_string_lossy(),
                directory.display(),
                known.join(", ")
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let templates = Templates::load(None).unwrap();
        let link = "https://app.example.com/?a=1&b=<2>".to_owned();
        let rendered = templates.render(&Message::ResetPassword { link }).unwrap();
        assert_eq!(rendered.subject, "Reset your password");
        assert!(rendered.text.contains("https://app.example.com/?a=1&b=<2>"));
        assert!(!rendered.html.contains("<2>"));
    }

    #[test]
    fn folder_replaces_templates_and_its_mistakes_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let load = || Templates::load(Some(directory.path()));
        let write = |name: &str, text: &str| {
            fs::write(directory.path().join(name), text).unwrap();
        };
        write(".hidden", "of another program");
        write(
            "password-changed.txt",
            "\u{feff}Neues Passwort\n\nUm {{ at }}.",
        );
        let [subject, text, html] = load().unwrap().preview("password-changed").unwrap();
        assert_eq!(subject, "Neues Passwort");
        assert_eq!(text, "Um 2026-11-29T12:00:00.000Z.");
        assert!(html.contains("password"));
        for (name, text, says) in [
            ("reset-password.txt", "One line", "first line"),
            ("reset-password.txt", "\n{{ link }}", "first line"),
            (
                "reset-password.txt",
                "Subject\n{{ lnk }}",
                "reset-password.txt",
            ),
            (
                "reset-password.txt",
                "Subject\n{{ link",
                "reset-password.txt",
            ),
            (
                "reset-pasword.txt",
                "Subject\ntext",
                "is not a mail template",
            ),
        ] {
            write(name, text);
            let error = load().err().expect("a mistake").to_string();
            assert!(error.contains(says), "{error}");
            fs::remove_file(directory.path().join(name)).unwrap();
        }
        let missing = Templates::load(Some(&directory.path().join("missing")));
        assert!(
            missing
                .err()
                .unwrap()
                .to_string()
                .contains("CUBBY_MAIL_TEMPLATES")
        );
    }
}
