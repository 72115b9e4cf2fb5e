//! Test that `schema.graphql` is the schema that the code generates.

#[test]
fn committed_schema_is_up_to_date() {
    let committed = include_str!("../../schema.graphql");
    assert!(
        committed == cubby::sdl(),
        "schema.graphql is outdated; update it with: cargo run -- schema > schema.graphql"
    );
}
