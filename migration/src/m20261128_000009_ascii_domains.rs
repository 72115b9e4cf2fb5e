//! Addresses compared by the ASCII form of their domain, as UTS 46 has it.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, Statement, prelude::Uuid},
};
use type_safe_id::{DynamicType, TypeSafeId};
use unicode_normalization::UnicodeNormalization;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261128_000009_ascii_domains"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for person in with_unicode_domains(manager).await? {
            // What is no domain name gets no mail and has no other form: it stays as it is.
            let Some(key) = ascii_key(&person) else {
                continue;
            };
            if let Some(other) = owner_of(manager, &key).await? {
                return Err(two_accounts(other, person.id));
            }
            set_key(manager, person.id, &key).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for person in with_unicode_domains(manager).await? {
            let lower = person.email.to_lowercase().replace('ς', "σ");
            let key: String = lower.nfc().collect();
            set_key(manager, person.id, &key).await?;
        }
        Ok(())
    }
}

struct Person {
    id: Uuid,
    email: String,
    key: String,
}

/// The people who sign in here and typed a domain that is not in ASCII.
async fn with_unicode_domains(manager: &SchemaManager<'_>) -> Result<Vec<Person>, DbErr> {
    // Of others the key is their id, which has no `@`.
    let sql = "SELECT id, email, email_key FROM users \
               WHERE octet_length(email) <> length(email) AND email_key LIKE '%@%' ORDER BY id";
    let connection = manager.get_connection();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let mut people = Vec::new();
    for row in connection.query_all_raw(statement).await? {
        let person = Person {
            id: row.try_get_by_index(0)?,
            email: row.try_get_by_index(1)?,
            key: row.try_get_by_index(2)?,
        };
        let domain = person.email.split_once('@').map(|(_, domain)| domain);
        if domain.is_some_and(|domain| !domain.is_ascii()) {
            people.push(person);
        }
    }
    Ok(people)
}

fn ascii_key(person: &Person) -> Option<String> {
    let (local, _) = person.key.split_once('@')?;
    let (_, domain) = person.email.split_once('@')?;
    let domain = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::URL,
        Hyphens::Allow,
        DnsLength::Verify,
    );
    Some(format!("{local}@{}", domain.ok()?))
}

async fn owner_of(manager: &SchemaManager<'_>, key: &str) -> Result<Option<Uuid>, DbErr> {
    let select = Query::select()
        .column("id")
        .from("users")
        .and_where(Expr::col("email_key").eq(key))
        .to_owned();
    let row = manager.get_connection().query_one(&select).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

async fn set_key(manager: &SchemaManager<'_>, id: Uuid, key: &str) -> Result<(), DbErr> {
    let update = Query::update()
        .table("users")
        .value("email_key", key)
        .and_where(Expr::col("id").eq(id))
        .to_owned();
    manager.get_connection().execute(&update).await.map(drop)
}

/// Both accounts have tasks, and nothing says which one their owner wants.
fn two_accounts(one: Uuid, other: Uuid) -> DbErr {
    let shown = |id| match DynamicType::new("user") {
        Ok(prefix) => TypeSafeId::from_type_and_uuid(prefix, id).to_string(),
        Err(_) => id.to_string(),
    };
    DbErr::Custom(format!(
        "two accounts have one address, whose domain is written in Unicode in one and in ASCII (xn--) in the other: \
         {} and {}. Nothing was changed. With the version of Cubby before this one, move the tasks of one to the other \
         with `cubby export` and `cubby import`, remove it with `cubby user delete`, and start this version again",
        shown(one),
        shown(other)
    ))
}
