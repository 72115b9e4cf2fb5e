//! Measures a document as if its fragments were expanded.
//!
//! Each fragment is measured once and sums saturate, so the work is linear in the length of the
//! text, not of its expansion.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{
        Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
        SelectionSet,
    },
};

use async_graphql_value::Value;

use super::{
    merged_fields,
    rejection::{Exceeded, Limit, Rejection},
};
use crate::{
    config::DocumentLimits,
    graphql::{
        MAX_SELECTION_DEPTH,
        root_fields::{self, RootField},
    },
};

/// The introspection fields that return lists of types, so that queries can nest them without end.
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];

/// The properties of an operation that are known before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) kind: OperationType,
    /// The names of the root fields; a field that is selected twice is listed twice.
    pub(crate) root_fields: Vec<Name>,
    /// The cost in points, if the operation has no variables.
    pub(super) price: Option<u64>,
}

impl Operation {
    /// Returns the row of each root field; `None` for a field that the schema does not have.
    pub(crate) fn root_field_rows(&self) -> impl Iterator<Item = Option<&'static RootField>> {
        let names = self.root_fields.iter();
        names.map(|name| root_fields::find(self.kind, name))
    }
}

/// The measurements of an expanded selection.
#[derive(Clone, Copy, Default)]
struct Measure {
    fields: u32,
    aliases: u32,
    directives: u32,
    /// The depth of nested fields.
    depth: u32,
    /// The depth of nested introspection lists.
    lists: u32,
    /// The depth of nested selections of any kind.
    height: usize,
    /// The number of uses of variables.
    uses: u32,
}

impl Measure {
    /// Combines two sibling selections: adds the counts, and takes the maximum of the depths.
    fn combine(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            depth: self.depth.max(other.depth),
            lists: self.lists.max(other.lists),
            height: self.height.max(other.height),
            uses: self.uses.saturating_add(other.uses),
        }
    }

    fn with_directives(mut self, directives: &[Positioned<Directive>]) -> Self {
        let count = u32::try_from(directives.len()).unwrap_or(u32::MAX);
        self.directives = self.directives.saturating_add(count);
        let arguments = directives.iter().flat_map(|it| &it.node.arguments);
        self.with_uses(arguments)
    }

    fn with_uses<'a>(
        mut self,
        arguments: impl IntoIterator<Item = &'a (Positioned<Name>, Positioned<Value>)>,
    ) -> Self {
        let uses = arguments
            .into_iter()
            .map(|(_, value)| count_uses(&value.node));
        self.uses = uses.fold(self.uses, u32::saturating_add);
        self
    }
}

/// The measurements of a document.
pub(super) struct Measured {
    pub(super) operations: HashMap<Option<Name>, Operation>,
    /// The number of uses of variables; those in a fragment count once for each spread.
    pub(super) uses: u32,
    /// True if the engine may merge the results of two fields.
    pub(super) has_merged_fields: bool,
}

/// Measures the document.
///
/// # Errors
/// Fails with the first limit that the document exceeds.
pub(super) fn measure(
    document: &ExecutableDocument,
    limits: &DocumentLimits,
) -> Result<Measured, Rejection> {
    let check = |limit, found: usize, most: u32| check(limit, u32::try_from(found).ok(), most);
    let (operations, fragments) = (document.operations.iter().len(), document.fragments.len());
    check(Limit::Definitions, operations, limits.max_definitions)?;
    check(Limit::Definitions, fragments, limits.max_definitions)?;

    let mut measurer = Measurer {
        document,
        limits,
        fragments: HashMap::new(),
        open: HashSet::new(),
        level: 0,
    };
    // Unused fragments count too, because the engine validates them.
    let mut uses_of_fragments = 0_u32;
    for (name, fragment) in &document.fragments {
        let measured = measurer.fragment(name, fragment.pos)?;
        measurer.check(measured)?;
        // A fragment is validated on its own, too, so its uses count once more.
        uses_of_fragments = uses_of_fragments.saturating_add(measured.uses);
    }
    let mut total = Measure::default();
    let mut known = HashMap::new();
    for (name, operation) in document.operations.iter() {
        let variables = operation.node.variable_definitions.len();
        check(Limit::Definitions, variables, limits.max_definitions)?;
        let mut measured = measurer
            .selections(&operation.node.selection_set.node)?
            .with_directives(&operation.node.directives);
        for variable in &operation.node.variable_definitions {
            measured = measured.with_directives(&variable.node.directives);
        }
        total = total.combine(measured);
        // The sum of all operations is checked, because the engine validates all of them.
        measurer.check(total)?;

        let operation = operation_properties(document, &operation.node, limits.max_root_fields)?;
        known.insert(name.cloned(), operation);
    }
    Ok(Measured {
        operations: known,
        uses: total.uses.saturating_add(uses_of_fragments),
        has_merged_fields: merged_fields::exist_in(document),
    })
}

/// Returns the number of uses of variables in a value.
fn count_uses(value: &Value) -> u32 {
    match value {
        Value::Variable(_) => 1,
        Value::List(values) => values.iter().map(count_uses).fold(0, u32::saturating_add),
        Value::Object(fields) => fields.values().map(count_uses).fold(0, u32::saturating_add),
        _ => 0,
    }
}

fn check(limit: Limit, found: Option<u32>, most: u32) -> Result<(), Exceeded> {
    match found {
        Some(found) if found <= most => Ok(()),
        found => Err(Exceeded::new(
            limit,
            u64::from(found.unwrap_or(u32::MAX)),
            u64::from(most),
        )),
    }
}

struct Measurer<'a> {
    document: &'a ExecutableDocument,
    limits: &'a DocumentLimits,
    fragments: HashMap<&'a Name, Measure>,
    /// The fragments that are being measured. A spread of one of them is a cycle.
    open: HashSet<&'a Name>,
    /// The current depth of the recursion, which equals the engine's.
    level: usize,
}

impl<'a> Measurer<'a> {
    fn check(&self, measure: Measure) -> Result<(), Exceeded> {
        let limits = self.limits;
        check(Limit::Fields, Some(measure.fields), limits.max_fields)?;
        check(Limit::Depth, Some(measure.depth), limits.max_depth)?;
        check(Limit::Aliases, Some(measure.aliases), limits.max_aliases)?;
        check(
            Limit::Directives,
            Some(measure.directives),
            limits.max_directives,
        )
    }

    fn fragment(&mut self, name: &'a Name, spread_at: Pos) -> Result<Measure, Rejection> {
        if let Some(measured) = self.fragments.get(name) {
            self.check_height(measured.height)?;
            return Ok(*measured);
        }
        // A missing fragment is rejected here: counted as empty, it would hide a chain of spreads
        // that ends in it.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Err(Rejection::invalid(
                format!("The fragment {name} is not defined."),
                spread_at,
            ));
        };
        if !self.open.insert(name) {
            return Err(Rejection::invalid(
                format!("The fragment {name} spreads itself."),
                fragment.pos,
            ));
        }
        let measured = self
            .selections(&fragment.node.selection_set.node)?
            .with_directives(&fragment.node.directives);
        self.open.remove(name);
        self.fragments.insert(name, measured);
        Ok(measured)
    }

    /// Checks that a selection of this height fits at the current level.
    fn check_height(&self, height: usize) -> Result<(), Exceeded> {
        let (found, most) = (self.level + height, MAX_SELECTION_DEPTH);
        if found > most {
            return Err(Exceeded::new(Limit::Depth, found as u64, most as u64));
        }
        Ok(())
    }

    fn selections(&mut self, set: &'a SelectionSet) -> Result<Measure, Rejection> {
        self.level += 1;
        self.check_height(0)?;
        let mut sum = Measure::default();
        for selection in &set.items {
            let measured = match &selection.node {
                Selection::Field(field) => self.field(&field.node)?,
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, spread.pos)?
                }
                Selection::InlineFragment(fragment) => {
                    self.selections(&fragment.node.selection_set.node)?
                }
            };
            sum = sum.combine(measured.with_directives(selection.node.directives()));
        }
        sum.height += 1;
        self.level -= 1;
        Ok(sum)
    }

    fn field(&mut self, field: &'a Field) -> Result<Measure, Rejection> {
        let mut measured = if field.selection_set.node.items.is_empty() {
            Measure::default()
        } else {
            self.selections(&field.selection_set.node)?
        };
        measured = measured.with_uses(&field.arguments);
        measured.fields = measured.fields.saturating_add(1);
        measured.depth = measured.depth.saturating_add(1);
        measured.aliases = measured
            .aliases
            .saturating_add(u32::from(field.alias.is_some()));
        let name = field.name.node.as_str();
        if INTROSPECTION_LISTS.contains(&name) {
            measured.lists = measured.lists.saturating_add(1);
        }
        if matches!(name, "__schema" | "__type") {
            let most = self.limits.max_introspection_lists;
            check(Limit::Introspection, Some(measured.lists), most)?;
            measured.lists = 0;
        }
        Ok(measured)
    }
}

/// Collects the root fields of an operation, including those in fragments.
fn operation_properties(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    most: u32,
) -> Result<Operation, Exceeded> {
    let mut root_fields = Vec::new();
    let mut waiting = vec![&operation.selection_set.node];
    while let Some(set) = waiting.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    root_fields.push(field.node.name.node.clone());
                    let found = u32::try_from(root_fields.len()).ok();
                    check(Limit::RootFields, found, most)?;
                }
                Selection::InlineFragment(fragment) => {
                    waiting.push(&fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name) {
                        waiting.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    Ok(Operation {
        kind: operation.ty,
        root_fields,
        price: None,
    })
}
