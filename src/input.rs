//! Parses the fields of mutation inputs, collects their errors, and names generic payloads.

use async_graphql::MaybeUndefined;

use crate::error::{FieldError, UserError, UserErrorCode};

/// Collects the errors of one input's fields, so that the response reports all of them at once.
#[derive(Default)]
pub(crate) struct FieldErrors(pub(crate) Vec<UserError>);

impl FieldErrors {
    /// Returns the value of `field`; if it is invalid, adds its error and returns `None`.
    pub(crate) fn check<T>(&mut self, field: &str, value: Result<T, FieldError>) -> Option<T> {
        value.map_err(|fault| self.0.push(fault.at(field))).ok()
    }
}

/// Parses a field of an update that cannot be cleared: omitted leaves it unchanged, null is
/// `REQUIRED`.
pub(crate) fn parse_required<T, U>(
    field: MaybeUndefined<T>,
    parse: impl FnOnce(T) -> Result<U, FieldError>,
) -> Result<Option<U>, FieldError> {
    match field {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Err(FieldError::new(
            UserErrorCode::Required,
            "The value cannot be null.",
        )),
        MaybeUndefined::Value(value) => parse(value).map(Some),
    }
}

/// Parses a field of an update that can be cleared: omitted leaves it unchanged, null clears it.
pub(crate) fn parse_clearable<T, U>(
    field: MaybeUndefined<T>,
    parse: impl FnOnce(T) -> Result<U, FieldError>,
) -> Result<Option<Option<U>>, FieldError> {
    match field {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(value) => parse(value).map(|value| Some(Some(value))),
    }
}

/// The changes that an update makes to the fields of `T`.
pub(crate) struct Edit<T> {
    changes: Vec<Change<T>>,
}

type Change<T> = Box<dyn Fn(&mut T) + Send + Sync>;

impl<T> Default for Edit<T> {
    fn default() -> Self {
        Self {
            changes: Vec::new(),
        }
    }
}

impl<T: 'static> Edit<T> {
    /// Adds a change of `field` to this value. Does nothing if the value was invalid (`None`) or
    /// omitted (`Some(None)`).
    pub(crate) fn set<U: Clone + Send + Sync + 'static>(
        &mut self,
        value: Option<Option<U>>,
        field: fn(&mut T) -> &mut U,
    ) {
        if let Some(Some(value)) = value {
            let change = move |it: &mut T| field(it).clone_from(&value);
            self.changes.push(Box::new(change));
        }
    }

    pub(crate) fn apply(&self, it: &mut T) {
        for change in &self.changes {
            change(it);
        }
    }
}

/// Implements `TypeName` for a payload that is generic over the schema's user: async-graphql names
/// only types without parameters.
macro_rules! named_payload {
    ($name:ident) => {
        impl<U: async_graphql::OutputType> async_graphql::TypeName for $name<U> {
            fn type_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}
pub(crate) use named_payload;
