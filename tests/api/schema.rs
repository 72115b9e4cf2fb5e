//! The committed schema is the one that the code makes.

#[test]
fn the_committed_schema_is_up_to_date() {
    let committed = include_str!("../../schema.graphql");
    assert!(
        committed == cubby::sdl(),
        "schema.graphql is stale; renew it with: cargo run -- schema > schema.graphql"
    );
}
