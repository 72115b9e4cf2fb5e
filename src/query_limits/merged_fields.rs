//! Finds documents in which the engine merges the results of two fields.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

/// True if a selection may have two fields with sub-selections and one response key, as in
/// `{ viewer { id } viewer { email } }`. The fields of fragments belong to the selection that
/// spreads them. The document has no cycles of fragments.
pub(super) fn exist_in(document: &ExecutableDocument) -> bool {
    let mut finder = Finder {
        document,
        fragments: HashMap::new(),
        found: false,
    };
    for (_, operation) in document.operations.iter() {
        finder.response_keys(&operation.node.selection_set.node);
    }
    finder.found
}

struct Finder<'a> {
    document: &'a ExecutableDocument,
    fragments: HashMap<&'a Name, HashSet<&'a Name>>,
    found: bool,
}

impl<'a> Finder<'a> {
    /// Returns the response keys of the selection's fields that have sub-selections.
    fn response_keys(&mut self, set: &'a SelectionSet) -> HashSet<&'a Name> {
        let mut keys = HashSet::new();
        for selection in &set.items {
            if self.found {
                break;
            }
            let more = match &selection.node {
                Selection::Field(field) => {
                    if field.node.selection_set.node.items.is_empty() {
                        continue;
                    }
                    self.response_keys(&field.node.selection_set.node);
                    HashSet::from([&field.node.response_key().node])
                }
                Selection::InlineFragment(fragment) => {
                    self.response_keys(&fragment.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            };
            for key in more {
                self.found |= !keys.insert(key);
            }
        }
        keys
    }

    fn fragment(&mut self, name: &'a Name) -> HashSet<&'a Name> {
        if let Some(keys) = self.fragments.get(name) {
            return keys.clone();
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return HashSet::new();
        };
        let keys = self.response_keys(&fragment.node.selection_set.node);
        self.fragments.insert(name, keys.clone());
        keys
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn two_fields_with_one_response_key_are_found() {
        for (text, expected) in [
            ("{ a { b c } d { b } }", false),
            ("{ a { b } a }", false),
            ("{ a { b b } }", false),
            ("{ a { b } a { c } }", true),
            ("{ a { b } x: c { d } }", false),
            ("{ a { b } a: c { d } }", true),
            ("{ a { b { c } ... { b { d } } } }", true),
            (
                "{ a { ...F } b { ...F } } fragment F on T { c { d } }",
                false,
            ),
            ("{ a { ...F ...F } } fragment F on T { c { d } }", true),
            (
                "{ a { ...F ...G } } fragment F on T { c } fragment G on T { ...F }",
                false,
            ),
            (
                "{ a { ...F c { e } } } fragment F on T { ...G } fragment G on T { c { d } }",
                true,
            ),
            ("{ a { b } } fragment F on T { c { d } c { d } }", false),
        ] {
            assert_eq!(exist_in(&parse_query(text).unwrap()), expected, "{text}");
        }
    }
}
