//! Writes objects whose values are already in memory straight to JSON.
//!
//! The engine resolves each field by a boxed future and collects the results in maps. For a page of
//! fifty tasks that takes more time than the query. An [`Inline`] object compiles its selection once
//! and writes JSON. Where it cannot, it leaves the object to the engine: both give the same bytes.
//!
//! [`fields!`] declares the fields of an object for both ways at once.

mod json;
mod selection;
mod values;

use std::borrow::Cow;

use async_graphql::{
    Context, ContextSelectionSet, OutputType, Positioned, ServerResult, Value,
    parser::types::{Field, SelectionSet},
    registry::Registry,
};

pub(crate) use json::{Json, RawJson};
pub(crate) use selection::{Compiler, Selection};
pub(crate) use values::{enum_output, leaf, scalar_output};

/// A value must be resolved by the engine, because of an error or of an unusual selection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeftToEngine;

pub(crate) type Written = Result<(), LeftToEngine>;

/// A value that can be written as JSON.
pub(crate) trait Output {
    /// Compiles the selection of a field of this type; `None` leaves the field to the engine.
    fn compile(compiler: &Compiler<'_>, set: &SelectionSet) -> Option<Selection>;

    /// Writes the value. `ctx` is the context of the outermost object's field.
    fn write(&self, selection: &Selection, ctx: &Context<'_>, json: &mut Json) -> Written;
}

/// An object whose fields compute their values at once, without waiting. [`fields!`] implements it.
pub(crate) trait Fields: OutputType + Output {
    /// The names of the fields in snake case. A field is known by its index.
    const NAMES: &'static [&'static str];

    /// Compiles the selection of a field; `None` leaves the object to the engine.
    fn compile_field(
        index: usize,
        compiler: &Compiler<'_>,
        set: &SelectionSet,
    ) -> Option<Selection>;

    /// Writes the value of a field.
    fn write_field(
        &self,
        index: usize,
        selection: &Selection,
        ctx: &Context<'_>,
        json: &mut Json,
    ) -> Written;
}

/// Allows [`Inline`] objects to write JSON in a request whose results the engine does not merge. The
/// request's data of the engine contains it.
pub(crate) struct MayWriteJson(pub(crate) bool);

/// An object that writes its selection as JSON if it can.
#[derive(Clone)]
pub(crate) struct Inline<T>(pub(crate) T);

impl<T: Fields> OutputType for Inline<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        match self.to_json(ctx, field) {
            Some(json) => Ok(json),
            None => self.0.resolve(ctx, field).await,
        }
    }
}

impl<T: Fields> Inline<T> {
    fn to_json(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> Option<Value> {
        let MayWriteJson(true) = ctx.data_opt()? else {
            return None;
        };
        let compiler = Compiler::new(&ctx.query_env.fragments, &ctx.schema_env.registry);
        let selection = compiler.object::<T>(&ctx.item.node)?;
        let mut json = Json::default();
        // The fields of these objects take no arguments, so they do not look at the context's field.
        self.0
            .write(&selection, &ctx.with_field(field), &mut json)
            .ok()?;
        Some(json.into_value())
    }
}

/// Declares the fields of an object: implements `Object` for the engine and [`Fields`] for JSON.
///
/// Each field is a function of the object, and of the engine's context if its value needs one.
macro_rules! fields {
    (
        $(#[$type_meta:meta])*
        impl $object:ty $(where $generic:ident: $bound:path)? {
            $(
                $(#[$meta:meta])*
                $visibility:vis fn $name:ident($this:ident $(, $ctx:ident)?) -> $value:ty $body:block
            )*
        }
    ) => {
        $(#[$type_meta])*
        impl $(<$generic: $bound>)? $object {
            $(
                $(#[$meta])*
                $visibility async fn $name(&self $(, $ctx: &async_graphql::Context<'_>)?) -> $value {
                    let $this = self;
                    $body
                }
            )*
        }

        impl $(<$generic: $bound>)? $crate::output::Output for $object {
            fn compile(
                compiler: &$crate::output::Compiler<'_>,
                set: &async_graphql::parser::types::SelectionSet,
            ) -> Option<$crate::output::Selection> {
                compiler.object::<Self>(set)
            }

            fn write(
                &self,
                selection: &$crate::output::Selection,
                context: &async_graphql::Context<'_>,
                json: &mut $crate::output::Json,
            ) -> $crate::output::Written {
                selection.write(self, context, json)
            }
        }

        impl $(<$generic: $bound>)? $crate::output::Fields for $object {
            const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            fn compile_field(
                index: usize,
                compiler: &$crate::output::Compiler<'_>,
                set: &async_graphql::parser::types::SelectionSet,
            ) -> Option<$crate::output::Selection> {
                let mut fields = 0..;
                $(
                    if fields.next() == Some(index) {
                        return <$value as $crate::output::Output>::compile(compiler, set);
                    }
                )*
                None
            }

            fn write_field(
                &self,
                index: usize,
                selection: &$crate::output::Selection,
                context: &async_graphql::Context<'_>,
                json: &mut $crate::output::Json,
            ) -> $crate::output::Written {
                let mut fields = 0..;
                $(
                    if fields.next() == Some(index) {
                        let $this = self;
                        $(let $ctx = context;)?
                        // A function of its own, so that `?` in the body ends only the field.
                        let compute = || $body;
                        let value: $value = compute();
                        return $crate::output::Output::write(&value, selection, context, json);
                    }
                )*
                Err($crate::output::LeftToEngine)
            }
        }
    };
}

pub(crate) use fields;
