//! The values of fields as JSON.

use async_graphql::{Context, ID, parser::types::SelectionSet};

use super::{Compiler, Json, LeftToEngine, Output, Selection, Written};

/// Implements [`Output`] for a scalar or an enum, by an expression that writes the value.
macro_rules! leaf {
    ($type:ty, |$value:ident, $json:ident| $write:expr) => {
        impl $crate::output::Output for $type {
            fn compile(
                _: &$crate::output::Compiler<'_>,
                _: &async_graphql::parser::types::SelectionSet,
            ) -> Option<$crate::output::Selection> {
                Some($crate::output::Selection::default())
            }

            fn write(
                &self,
                _: &$crate::output::Selection,
                _: &async_graphql::Context<'_>,
                $json: &mut $crate::output::Json,
            ) -> $crate::output::Written {
                let $value = self;
                $write;
                Ok(())
            }
        }
    };
}

pub(crate) use leaf;

leaf!(bool, |value, json| json.push(if *value {
    "true"
} else {
    "false"
}));
leaf!(i32, |value, json| json.push_value(value));
leaf!(str, |value, json| json.push_value(&value));
leaf!(String, |value, json| json.push_value(value));
leaf!(ID, |value, json| json.push_value(&value.0));

/// Implements [`Output`] for a scalar of the schema.
macro_rules! scalar_output {
    ($type:ty) => {
        $crate::output::leaf!($type, |value, json| json
            .push_value(&async_graphql::ScalarType::to_value(value)));
    };
}

pub(crate) use scalar_output;

/// Implements [`Output`] for an enum of the schema.
macro_rules! enum_output {
    ($type:ty) => {
        $crate::output::leaf!($type, |value, json| {
            let items = <$type as async_graphql::resolver_utils::EnumType>::items();
            let item = items.iter().find(|item| item.value == *value);
            json.push_plain(item.map_or("", |item| item.name))
        });
    };
}

pub(crate) use enum_output;

impl<T: Output + ?Sized> Output for &T {
    fn compile(compiler: &Compiler<'_>, set: &SelectionSet) -> Option<Selection> {
        T::compile(compiler, set)
    }

    fn write(&self, selection: &Selection, ctx: &Context<'_>, json: &mut Json) -> Written {
        T::write(self, selection, ctx, json)
    }
}

impl<T: Output> Output for Option<T> {
    fn compile(compiler: &Compiler<'_>, set: &SelectionSet) -> Option<Selection> {
        T::compile(compiler, set)
    }

    fn write(&self, selection: &Selection, ctx: &Context<'_>, json: &mut Json) -> Written {
        match self {
            Some(value) => value.write(selection, ctx, json),
            None => {
                json.push("null");
                Ok(())
            }
        }
    }
}

/// An error is left to the engine, which adds the path and the position.
impl<T: Output, E> Output for Result<T, E> {
    fn compile(compiler: &Compiler<'_>, set: &SelectionSet) -> Option<Selection> {
        T::compile(compiler, set)
    }

    fn write(&self, selection: &Selection, ctx: &Context<'_>, json: &mut Json) -> Written {
        match self {
            Ok(value) => value.write(selection, ctx, json),
            Err(_) => Err(LeftToEngine),
        }
    }
}

impl<T: Output> Output for [T] {
    fn compile(compiler: &Compiler<'_>, set: &SelectionSet) -> Option<Selection> {
        T::compile(compiler, set)
    }

    fn write(&self, selection: &Selection, ctx: &Context<'_>, json: &mut Json) -> Written {
        let mut separator = "[";
        for item in self {
            json.push(separator);
            item.write(selection, ctx, json)?;
            separator = ",";
        }
        json.push(if self.is_empty() { "[]" } else { "]" });
        Ok(())
    }
}

impl<T: Output> Output for Vec<T> {
    fn compile(compiler: &Compiler<'_>, set: &SelectionSet) -> Option<Selection> {
        T::compile(compiler, set)
    }

    fn write(&self, selection: &Selection, ctx: &Context<'_>, json: &mut Json) -> Written {
        self.as_slice().write(selection, ctx, json)
    }
}
