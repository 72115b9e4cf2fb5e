//! Generates names that no other connection uses.

use sea_orm::DbErr;

use super::failure::DbResult;

/// Returns a name that is unique among all connections: the prefix and 128 random bits.
pub(super) fn random_name(prefix: &str) -> DbResult<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| DbErr::Custom("the operating system returned no random bytes".to_owned()))?;
    Ok(format!("{prefix}_{:032x}", u128::from_ne_bytes(bytes)))
}
