//! Refused by sources::implements: an identifier that says it is quoted is written as it comes.

impl sea_orm::sea_query::Iden for Raw {
    fn quoted(&self) -> std::borrow::Cow<'static, str> {
        "id\" = \"id\" OR \"id".into()
    }
    fn unquoted(&self) -> &str {
        "id"
    }
}
