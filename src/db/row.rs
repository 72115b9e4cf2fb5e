//! One row of a result of any driver.

use rusqlite::types::ValueRef;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ColumnType, DbErr, EntityTrait, FromQueryResult, Iterable,
    QueryResult, TryGetable, TryIntoModel, Value, sea_query::ValueType,
};
use uuid::Uuid;

use super::failure::DbResult;

/// One row of a result.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Driver(&'a QueryResult),
    Inline(&'a rusqlite::Row<'a>),
}

impl<'a> From<&'a QueryResult> for Row<'a> {
    fn from(row: &'a QueryResult) -> Self {
        Self(Source::Driver(row))
    }
}

impl<'a> From<&'a rusqlite::Row<'a>> for Row<'a> {
    fn from(row: &'a rusqlite::Row<'a>) -> Self {
        Self(Source::Inline(row))
    }
}

impl Row<'_> {
    /// Returns the value of the column at `index`, counted from 0.
    ///
    /// # Errors
    /// Fails if the column does not exist or has another type.
    pub(crate) fn get<T: TryGetable + ValueType>(self, index: usize) -> DbResult<T> {
        match self.0 {
            Source::Driver(row) => row.try_get_by_index(index),
            Source::Inline(row) => from_sqlite(row.get_ref(index)),
        }
    }

    /// Returns the value of the column with this name.
    ///
    /// # Errors
    /// Fails if the column does not exist or has another type.
    pub(crate) fn get_by_name<T: TryGetable + ValueType>(self, name: &str) -> DbResult<T> {
        match self.0 {
            Source::Driver(row) => row.try_get("", name),
            Source::Inline(row) => from_sqlite(row.get_ref(name)),
        }
    }

    /// Returns the complete row of `E`. The statement must return all columns of `E`, in their order.
    ///
    /// # Errors
    /// Fails if a column is missing or has another type.
    pub(crate) fn model<E>(self) -> DbResult<E::Model>
    where
        E: EntityTrait<ActiveModel: TryIntoModel<E::Model>>,
    {
        match self.0 {
            Source::Driver(row) => E::Model::from_query_result(row, ""),
            Source::Inline(row) => {
                let mut model = <E::ActiveModel as ActiveModelTrait>::default();
                for (index, column) in E::Column::iter().enumerate() {
                    let value = row.get_ref(index).map_err(unreadable)?;
                    model.try_set(column, to_value(value, column.def().get_column_type())?)?;
                }
                model.try_into_model()
            }
        }
    }
}

/// Converts a value of SQLite to a column's type.
fn from_sqlite<T: ValueType>(value: rusqlite::Result<ValueRef<'_>>) -> DbResult<T> {
    let value = to_value(value.map_err(unreadable)?, &T::column_type())?;
    T::try_from(value).map_err(unreadable)
}

/// Converts a value of SQLite to the variant for a column of this type.
fn to_value(value: ValueRef<'_>, ty: &ColumnType) -> DbResult<Value> {
    use ValueRef::{Blob, Integer, Null, Text};

    let text = |text: &[u8]| String::from_utf8(text.to_vec()).map_err(unreadable);
    Ok(match (ty, value) {
        (ColumnType::BigInteger, Integer(number)) => number.into(),
        (ColumnType::BigInteger, Null) => Value::BigInt(None),
        (ColumnType::Integer, Integer(number)) => {
            Value::Int(Some(number.try_into().map_err(unreadable)?))
        }
        (ColumnType::Integer, Null) => Value::Int(None),
        (ColumnType::SmallInteger, Integer(number)) => {
            Value::SmallInt(Some(number.try_into().map_err(unreadable)?))
        }
        (ColumnType::SmallInteger, Null) => Value::SmallInt(None),
        (ColumnType::Boolean, Integer(number)) => (number != 0).into(),
        (ColumnType::Boolean, Null) => Value::Bool(None),
        (ColumnType::String(_) | ColumnType::Text, Text(bytes)) => text(bytes)?.into(),
        (ColumnType::String(_) | ColumnType::Text, Null) => Value::String(None),
        (ColumnType::Uuid, Blob(bytes)) => Uuid::from_slice(bytes).map_err(unreadable)?.into(),
        (ColumnType::Uuid, Null) => Value::Uuid(None),
        (ColumnType::Binary(_) | ColumnType::VarBinary(_) | ColumnType::Blob, Blob(bytes)) => {
            bytes.to_vec().into()
        }
        (ColumnType::Binary(_) | ColumnType::VarBinary(_) | ColumnType::Blob, Null) => {
            Value::Bytes(None)
        }
        (ty, value) => {
            let found = value.data_type();
            return Err(DbErr::Type(format!("{found:?} in a column of type {ty:?}")));
        }
    })
}

fn unreadable(error: impl ToString) -> DbErr {
    DbErr::Type(error.to_string())
}
