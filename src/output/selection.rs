//! Compiles selections of the engine to the fields to write.

use std::collections::HashMap;

use async_graphql::{
    Context, Name, Positioned,
    parser::types::{self, Field, FragmentDefinition, SelectionSet},
    registry::Registry,
};

use super::{Fields, Json, Written};

/// The fields to write of an object, in order. Empty for a scalar or an enum.
#[derive(Default)]
pub(crate) struct Selection {
    fields: Vec<SelectedField>,
}

struct SelectedField {
    /// The quoted response key and a colon.
    key: String,
    value: SelectedValue,
}

enum SelectedValue {
    TypeName,
    Field { index: usize, selection: Selection },
}

impl Selection {
    /// Writes the selected fields of an object.
    pub(crate) fn write<T: Fields>(
        &self,
        object: &T,
        ctx: &Context<'_>,
        json: &mut Json,
    ) -> Written {
        let mut separator = "{";
        for field in &self.fields {
            json.push(separator);
            json.push(&field.key);
            match &field.value {
                SelectedValue::TypeName => json.push_plain(&T::type_name()),
                SelectedValue::Field { index, selection } => {
                    object.write_field(*index, selection, ctx, json)?;
                }
            }
            separator = ",";
        }
        json.push(if self.fields.is_empty() { "{}" } else { "}" });
        Ok(())
    }
}

/// Compiles the selections of one request.
pub(crate) struct Compiler<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    registry: &'a Registry,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(
        fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
        registry: &'a Registry,
    ) -> Self {
        Self {
            fragments,
            registry,
        }
    }

    /// Compiles a selection of an object. `None` if it has a field with arguments or directives, or
    /// a fragment of an unknown type: the engine resolves those.
    pub(crate) fn object<T: Fields>(&self, set: &SelectionSet) -> Option<Selection> {
        let mut compiled = Selection::default();
        self.add::<T>(set, &mut compiled)?;
        Some(compiled)
    }

    fn add<T: Fields>(&self, set: &SelectionSet, compiled: &mut Selection) -> Option<()> {
        for selection in &set.items {
            let fragment = match &selection.node {
                types::Selection::Field(field) => {
                    self.add_field::<T>(&field.node, compiled)?;
                    continue;
                }
                types::Selection::FragmentSpread(spread) => {
                    let fragment = self.fragments.get(&spread.node.fragment_name.node)?;
                    let condition = &fragment.node.type_condition;
                    (Some(condition), &fragment.node.selection_set)
                }
                types::Selection::InlineFragment(fragment) => (
                    fragment.node.type_condition.as_ref(),
                    &fragment.node.selection_set,
                ),
            };
            let (condition, set) = fragment;
            if condition.is_none_or(|condition| self.is_a::<T>(&condition.node.on.node)) {
                self.add::<T>(&set.node, compiled)?;
            }
        }
        Some(())
    }

    /// True if the object type has this name, or belongs to the interface or union with this name.
    fn is_a<T: Fields>(&self, name: &str) -> bool {
        let condition = self.registry.types.get(name);
        condition.is_some_and(|condition| condition.is_possible_type(&T::type_name()))
    }

    fn add_field<T: Fields>(&self, field: &Field, compiled: &mut Selection) -> Option<()> {
        if !field.arguments.is_empty() || !field.directives.is_empty() {
            return None;
        }
        let key = format!("\"{}\":", field.response_key().node);
        // Two fields without sub-selections may have one key: they are the same field.
        if compiled.fields.iter().any(|known| known.key == key) {
            return Some(());
        }
        let name = field.name.node.as_str();
        let value = if name == "__typename" {
            SelectedValue::TypeName
        } else {
            let index = T::NAMES.iter().position(|it| is_camel_case_of(name, it))?;
            let selection = T::compile_field(index, self, &field.selection_set.node)?;
            SelectedValue::Field { index, selection }
        };
        compiled.fields.push(SelectedField { key, value });
        Some(())
    }
}

/// True if `camel` is `snake` in camel case, as in `dueAt` and `due_at`.
fn is_camel_case_of(camel: &str, snake: &str) -> bool {
    let mut camel = camel.bytes();
    let mut starts_word = false;
    for byte in snake.bytes() {
        if byte == b'_' {
            starts_word = true;
            continue;
        }
        let expected = if starts_word {
            byte.to_ascii_uppercase()
        } else {
            byte
        };
        starts_word = false;
        if camel.next() != Some(expected) {
            return false;
        }
    }
    camel.next().is_none()
}
