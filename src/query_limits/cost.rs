//! Calculates the cost of an operation, in points, before it runs.
//!
//! A scalar costs 0, or 2 with an alias. An object costs 1. A page costs 1, the cost of one edge
//! times its size, and 1 for each value of its filter. A mutation costs 10, or 50 if it takes a
//! password. Any other list costs as much as its maximum number of objects.

use std::{cell::RefCell, collections::HashMap};

use async_graphql::{
    Name, Positioned, Value as ConstValue, Variables,
    parser::types::{
        Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
        SelectionSet,
    },
};
use async_graphql_value::Value;

use super::types::{self, Types, is_connection};
use crate::{graphql::root_fields, pagination::page};

/// The argument that filters a list.
const FILTER_ARGUMENT: &str = "filter";

const ALIASED_SCALAR_COST: u64 = 2;

/// The cost of a selection.
#[derive(Clone, Copy, Default)]
struct Cost {
    once: u64,
    /// The cost for each edge of the page, in a selection on a connection.
    per_edge: u64,
}

/// The cost of an operation, and its most expensive field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CostReport {
    pub(super) total: u64,
    /// The path of the most expensive field, as keys of the response.
    pub(super) most_expensive: Vec<Name>,
    /// The maximum `first` of that field with which the operation would be allowed, if any.
    pub(super) first_that_fits: Option<u64>,
}

/// Calculates the cost of one operation with its variables.
pub(super) struct CostCalculator<'a> {
    pub(super) types: &'a Types,
    pub(super) document: &'a ExecutableDocument,
    pub(super) operation: &'a OperationDefinition,
    pub(super) variables: &'a Variables,
    fragments: RefCell<HashMap<&'a Name, Cost>>,
}

impl<'a> CostCalculator<'a> {
    pub(super) fn new(
        types: &'a Types,
        document: &'a ExecutableDocument,
        operation: &'a OperationDefinition,
        variables: &'a Variables,
    ) -> Self {
        Self {
            types,
            document,
            operation,
            variables,
            fragments: RefCell::default(),
        }
    }

    pub(super) fn total(&self) -> u64 {
        let root = Types::root(self.operation.ty);
        self.selections(&root, &self.operation.selection_set.node)
            .once
    }

    /// Returns the report for an operation whose cost exceeds `max`.
    pub(super) fn report(&self, max: u64) -> CostReport {
        let total = self.total();
        let mut report = CostReport {
            total,
            most_expensive: Vec::new(),
            first_that_fits: None,
        };
        let mut parent = Types::root(self.operation.ty);
        let mut set = &self.operation.selection_set.node;
        while let Some((parent_of_it, field)) = self.most_expensive(&parent, set) {
            let Some(known) = self.types.field(&parent_of_it, &field.name.node) else {
                break;
            };
            report
                .most_expensive
                .push(field.response_key().node.clone());
            if self.operation.ty != OperationType::Query {
                // A mutation itself costs more than its selection.
                break;
            }
            parent = known.type_name.clone();
            set = &field.selection_set.node;
            if is_connection(&parent) {
                let per_edge = self.selections(&parent, set).per_edge;
                let page = self.page_size(field).saturating_mul(per_edge);
                let room = max.saturating_sub(total.saturating_sub(page));
                report.first_that_fits = room.checked_div(per_edge).filter(|&first| first > 0);
                break;
            }
        }
        report
    }

    fn selections(&self, parent: &Name, set: &'a SelectionSet) -> Cost {
        let mut sum = Cost::default();
        for selection in &set.items {
            if self.is_omitted(selection.node.directives()) {
                continue;
            }
            let cost = match &selection.node {
                Selection::Field(field) => self.field(parent, &field.node),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| &condition.node.on.node);
                    self.selections(parent, &fragment.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            };
            sum.once = sum.once.saturating_add(cost.once);
            sum.per_edge = sum.per_edge.saturating_add(cost.per_edge);
        }
        sum
    }

    fn fragment(&self, name: &'a Name) -> Cost {
        if let Some(cost) = self.fragments.borrow().get(name) {
            return *cost;
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Cost::default();
        };
        let parent = &fragment.node.type_condition.node.on.node;
        let cost = self.selections(parent, &fragment.node.selection_set.node);
        self.fragments.borrow_mut().insert(name, cost);
        cost
    }

    fn field(&self, parent: &Name, field: &'a Field) -> Cost {
        let name = &field.name.node;
        let set = &field.selection_set.node;
        let Some(known) = self.types.field(parent, name) else {
            // An introspection field, or an unknown field, which the engine rejects.
            return Cost {
                once: u64::from(!set.items.is_empty())
                    .saturating_add(self.selections(parent, set).once),
                per_edge: 0,
            };
        };
        let inner = self.selections(&known.type_name, set);
        let is_of_connection = is_connection(parent);
        if is_of_connection && matches!(name.as_str(), "edges" | "nodes") {
            // An edge and its node count as one object.
            let own = u64::from(name == "nodes");
            return Cost {
                once: 0,
                per_edge: own.saturating_add(inner.once).max(1),
            };
        }
        let object = if is_connection(&known.type_name) {
            let page = self.page_size(field).saturating_mul(inner.per_edge);
            inner.once.saturating_add(page).saturating_add(1)
        } else if self.types.is_composite(&known.type_name) {
            let count = if known.is_list {
                self.max_list_size(field, known)
            } else {
                1
            };
            inner.once.saturating_add(1).saturating_mul(count)
        } else if is_of_connection && name == "totalCount" {
            // A count needs a database query of its own.
            1
        } else if field.alias.is_some() {
            // With many aliases, a small request could select one long text many times.
            ALIASED_SCALAR_COST
        } else {
            0
        };
        let conditions = field
            .get_argument(FILTER_ARGUMENT)
            .map_or(0, |it| self.count_values(&it.node));
        let object = object.saturating_add(conditions);
        let operation = self.operation.ty;
        let own = if *parent == Types::root(operation) {
            root_fields::find(operation, name).map_or(0, |known| known.cost)
        } else {
            0
        };
        Cost {
            once: object.saturating_add(own),
            per_edge: 0,
        }
    }

    /// Returns the maximum number of edges of the page. The resolver rejects sizes out of range.
    fn page_size(&self, field: &Field) -> u64 {
        let asked = ["first", "last"]
            .into_iter()
            .find_map(|name| self.number(field.get_argument(name)?));
        let size = asked.unwrap_or(page::DEFAULT_PAGE_SIZE.into());
        u64::try_from(size.clamp(0, page::MAX_PAGE_SIZE.into())).unwrap_or(0)
    }

    /// Returns the number of values in a filter: each is compared for every row.
    fn count_values(&self, value: &Value) -> u64 {
        match value {
            Value::Variable(name) => self.variable(name).map_or(0, count_values),
            Value::Object(fields) if fields.is_empty() => 1,
            Value::Object(fields) => fields.values().map(|value| self.count_values(value)).sum(),
            Value::List(items) => items.iter().map(|value| self.count_values(value)).sum(),
            Value::Null => 0,
            _ => 1,
        }
    }

    fn number(&self, value: &Positioned<Value>) -> Option<i64> {
        match &value.node {
            Value::Number(number) => number.as_i64(),
            Value::Variable(name) => match self.variable(name)? {
                ConstValue::Number(number) => number.as_i64(),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the maximum number of objects in a list: the number of ids in an argument such as
    /// `ids`, or the maximum that follows from the schema.
    fn max_list_size(&self, field: &Field, known: &types::Field) -> u64 {
        let length = |name| match &field.get_argument(name)?.node {
            Value::List(items) => Some(items.len()),
            Value::Variable(name) => match self.variable(name)? {
                ConstValue::List(items) => Some(items.len()),
                _ => None,
            },
            _ => None,
        };
        let lengths = known.list_arguments().filter_map(|name| length(name));
        lengths.fold(known.max_objects, |most, length| most.max(length as u64))
    }

    /// True if `@skip` or `@include` omits the selection.
    fn is_omitted(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let left_out_when = match directive.node.name.node.as_str() {
                "skip" => true,
                "include" => false,
                _ => return false,
            };
            match directive.node.get_argument("if").map(|value| &value.node) {
                Some(Value::Boolean(value)) => *value == left_out_when,
                Some(Value::Variable(name)) => {
                    self.variable(name) == Some(&ConstValue::Boolean(left_out_when))
                }
                _ => false,
            }
        })
    }

    /// Returns the value of the variable, or its default.
    fn variable(&self, name: &Name) -> Option<&ConstValue> {
        self.variables.get(name).or_else(|| {
            let mut definitions = self.operation.variable_definitions.iter();
            let definition = definitions.find(|it| it.node.name.node == *name)?;
            Some(&definition.node.default_value.as_ref()?.node)
        })
    }

    /// Returns the most expensive field of a selection, and its parent type.
    fn most_expensive(&self, parent: &Name, set: &'a SelectionSet) -> Option<(Name, &'a Field)> {
        let mut most_expensive: Option<(u64, Name, &Field)> = None;
        let mut waiting = vec![(parent.clone(), set)];
        while let Some((parent, set)) = waiting.pop() {
            for selection in &set.items {
                match &selection.node {
                    Selection::Field(field) => {
                        let cost = self.field(&parent, &field.node);
                        let cost = cost.once.saturating_add(cost.per_edge);
                        if most_expensive
                            .as_ref()
                            .is_none_or(|(most, ..)| cost > *most)
                        {
                            most_expensive = Some((cost, parent.clone(), &field.node));
                        }
                    }
                    Selection::InlineFragment(fragment) => {
                        let condition = fragment.node.type_condition.as_ref();
                        let parent = condition.map_or(&parent, |it| &it.node.on.node).clone();
                        waiting.push((parent, &fragment.node.selection_set.node));
                    }
                    Selection::FragmentSpread(spread) => {
                        let name = &spread.node.fragment_name.node;
                        if let Some(fragment) = self.document.fragments.get(name) {
                            let parent = fragment.node.type_condition.node.on.node.clone();
                            waiting.push((parent, &fragment.node.selection_set.node));
                        }
                    }
                }
            }
        }
        most_expensive
            .filter(|(cost, ..)| *cost > 0)
            .map(|(_, parent, field)| (parent, field))
    }
}

fn count_values(value: &ConstValue) -> u64 {
    match value {
        ConstValue::Object(fields) if fields.is_empty() => 1,
        ConstValue::Object(fields) => fields.values().map(count_values).sum(),
        ConstValue::List(items) => items.iter().map(count_values).sum(),
        ConstValue::Null => 0,
        _ => 1,
    }
}
