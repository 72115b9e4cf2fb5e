//! Refused by reading: a handwritten entity could name any table.

impl<T> sea_orm::EntityName for Entity<T>
where
    T: Clone,
{
    fn table_name(&self) -> &'static str {
        "users"
    }
}
