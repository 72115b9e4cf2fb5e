//! Misspelt settings: finds the known name that is most similar.

/// Returns the known name that is most similar to this one, or `None` if all differ too much.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let similarity = |known: &str| strsim::jaro_winkler(&name, &known.to_ascii_lowercase());
    let scored = known.iter().map(|known| (similarity(known), *known));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(similarity, _)| *similarity > 0.8)
        .map(|(_, known)| known)
}

/// Returns the environment variables that begin with `CUBBY_` and are not settings, each with the most
/// similar setting: a misspelt variable stops the start instead of being ignored.
pub fn unknown_variables(command: &clap::Command) -> Vec<String> {
    let known = command.get_arguments().filter_map(clap::Arg::get_env);
    let known: Vec<&str> = known.filter_map(|name| name.to_str()).collect();
    std::env::vars_os()
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with("CUBBY_") && !known.contains(&name.as_str()))
        .map(|name| match nearest(&name, &known) {
            Some(near) => format!("{name} (did you mean {near}?)"),
            None => name,
        })
        .collect()
}
