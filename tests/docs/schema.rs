//! Each element of the GraphQL schema has a description.

use async_graphql::parser::{
    parse_schema,
    types::{InputValueDefinition, TypeKind, TypeSystemDefinition},
};

/// Scalars without a public specification.
const WITHOUT_SPECIFICATION: [&str; 1] = ["SyncToken"];

#[test]
fn each_schema_element_has_a_description() {
    let mut missing = Vec::new();
    let mut count = 0;
    let mut check = |path: String, description: Option<&str>, repeats: &str| {
        count += 1;
        let words = description.unwrap_or_default().to_lowercase();
        let words = words.replace([' ', '.'], "");
        if words.is_empty() || words == repeats.to_lowercase() {
            missing.push(path);
        }
    };
    let mut scalars = Vec::new();
    for definition in parse_schema(cubby::sdl()).expect("a schema").definitions {
        let TypeSystemDefinition::Type(ty) = definition else {
            continue;
        };
        let name = ty.node.name.node.as_str();
        let description = ty.node.description.as_ref().map(|it| it.node.as_str());
        check(name.to_owned(), description, name);
        let mut inputs =
            |path: &str, values: &[async_graphql::Positioned<InputValueDefinition>]| {
                for value in values {
                    let description = value.node.description.as_ref();
                    let field = value.node.name.node.as_str();
                    let path = format!("{path}.{field}");
                    check(path, description.map(|it| it.node.as_str()), field);
                }
            };
        let fields = match &ty.node.kind {
            TypeKind::Object(object) => &object.fields[..],
            TypeKind::Interface(interface) => &interface.fields,
            TypeKind::InputObject(input) => {
                inputs(name, &input.fields);
                &[]
            }
            TypeKind::Scalar => {
                let is_specified = ty
                    .node
                    .directives
                    .iter()
                    .any(|it| it.node.name.node == "specifiedBy");
                scalars.push((name.to_owned(), is_specified));
                &[]
            }
            _ => &[],
        };
        for field in fields {
            inputs(
                &format!("{name}.{}", field.node.name.node),
                &field.node.arguments,
            );
        }
        for field in fields {
            let description = field.node.description.as_ref();
            let field = field.node.name.node.as_str();
            check(
                format!("{name}.{field}"),
                description.map(|it| it.node.as_str()),
                field,
            );
        }
        if let TypeKind::Enum(values) = &ty.node.kind {
            for value in &values.values {
                let description = value.node.description.as_ref();
                let value = value.node.value.node.as_str();
                check(
                    format!("{name}.{value}"),
                    description.map(|it| it.node.as_str()),
                    value,
                );
            }
        }
    }
    assert!(count > 300, "{count}");
    assert!(
        missing.is_empty(),
        "without a description of their own: {missing:?}"
    );
    scalars.retain(|(name, is_specified)| {
        *is_specified == WITHOUT_SPECIFICATION.contains(&name.as_str())
    });
    assert_eq!(scalars, [], "scalars need a specifiedBy URL");
}
