//! The token for GitHub's API.

use crate::adapters::secret::Secret;

/// Reads the Action's input `github-token`, in GitHub Actions alone, else `GITHUB_TOKEN`: a step that was given a
/// token means that one.
pub(super) fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Option<Secret> {
    let in_actions = variable("GITHUB_ACTIONS").as_deref() == Some("true");
    // The runner keeps the hyphen; a shell that passes the environment on may not.
    let names = ["INPUT_GITHUB-TOKEN", "INPUT_GITHUB_TOKEN", "GITHUB_TOKEN"];
    let names = if in_actions { &names[..] } else { &names[2..] };
    let set =
        |name: &str| variable(name).map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
    names.iter().find_map(|name| set(name)).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(variables: &[(&str, &str)]) -> Option<String> {
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        from_environment(&variable).map(|token| token.expose().to_owned())
    }

    #[test]
    fn the_input_comes_first_and_an_empty_one_is_none() {
        let both = [("GITHUB_ACTIONS", "true"), ("INPUT_GITHUB-TOKEN", "input"), ("GITHUB_TOKEN", "env")];
        assert_eq!(token(&both).as_deref(), Some("input"));
        assert_eq!(token(&both[1..]).as_deref(), Some("env"), "inputs are GitHub Actions' own");
        let empty = [("GITHUB_ACTIONS", "true"), ("INPUT_GITHUB-TOKEN", " "), ("GITHUB_TOKEN", "env\n")];
        assert_eq!(token(&empty).as_deref(), Some("env"));
        assert_eq!(token(&[]), None);
    }
}
