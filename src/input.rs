//! Reads the fields of mutation inputs, and names generic payloads.

use async_graphql::MaybeUndefined;

use crate::error::{Fault, UserError, UserErrorCode};

/// Collects what is wrong with the fields of one input, so that a person is told all of it at once.
#[derive(Default)]
pub(crate) struct Faults(pub(crate) Vec<UserError>);

impl Faults {
    /// The value of `field`, or nothing and one more error.
    pub(crate) fn check<T>(&mut self, field: &str, value: Result<T, Fault>) -> Option<T> {
        value.map_err(|fault| self.0.push(fault.at(field))).ok()
    }
}

/// Reads one field of an update: left out is unchanged, null for what cannot be empty is
/// `REQUIRED`.
pub(crate) fn required<T, U>(
    field: MaybeUndefined<T>,
    parse: impl FnOnce(T) -> Result<U, Fault>,
) -> Result<Option<U>, Fault> {
    match field {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Err(Fault::new(UserErrorCode::Required, "It cannot be empty.")),
        MaybeUndefined::Value(value) => parse(value).map(Some),
    }
}

/// Reads one field of an update that may be cleared: left out is unchanged, null clears.
pub(crate) fn clearable<T, U>(
    field: MaybeUndefined<T>,
    parse: impl FnOnce(T) -> Result<U, Fault>,
) -> Result<Option<Option<U>>, Fault> {
    match field {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(value) => parse(value).map(|value| Some(Some(value))),
    }
}

/// The fields of `T` that the input of an update changes, parsed.
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
    /// Changes `field` of `T` to this value: nothing if it is invalid, an inner nothing if it was left out.
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

/// Names a payload that is generic over the schema's user: a generic type has no name of its own.
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
