//! `cubby schema`: prints the GraphQL schema.

#![expect(clippy::print_stdout, reason = "the schema goes to standard output")]

use crate::{graphql::sdl, server::StartError};

/// Prints the schema in the schema definition language.
///
/// # Errors
/// Never fails; the signature is that of all commands.
pub fn run() -> Result<(), StartError> {
    print!("{}", sdl());
    Ok(())
}
