//! Pure: where credentials were looked for, and why none of the places has any.

/// Returns one line for --role-to-assume and one for each source of the SDK's default chain, in its order. `last` is
/// what the chain ended with: the reason of the source that failed, or of the last one.
pub(super) fn sources(variable: &dyn Fn(&str) -> Option<String>, last: &str) -> Vec<String> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let not_set = |names: &[&str]| {
        let missing: Vec<&str> = names.iter().copied().filter(|name| set(name).is_none()).collect();
        match missing.as_slice() {
            [] => "set".to_owned(),
            [one] => format!("{one} is not set"),
            several => format!("{} are not set", several.join(" and ")),
        }
    };
    let or = |name: &str, default: &str| set(name).unwrap_or_else(|| default.to_owned());
    let profile = or("AWS_PROFILE", "default");
    let config = or("AWS_CONFIG_FILE", "~/.aws/config");
    let credentials = or("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
    let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    let instance = match set("AWS_EC2_METADATA_DISABLED").as_deref() {
        Some("true") => "switched off by AWS_EC2_METADATA_DISABLED",
        _ => "no instance role answered",
    };
    vec![
        "--role-to-assume: not given".to_owned(),
        format!("environment: {}", not_set(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])),
        format!("profile {profile}: no credentials in {config} or {credentials}"),
        format!("web identity: {}", not_set(&["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"])),
        match container.iter().find(|name| set(name).is_some()) {
            Some(name) => format!("container role: {name} is set, and gave none"),
            None => format!("container role: {}", not_set(&container)),
        },
        format!("instance role: {instance}"),
        format!("the last word of these: {last}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_says_what_it_lacks() {
        let variable = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" => Some("AKIA".to_owned()),
            "AWS_PROFILE" => Some("ci".to_owned()),
            "AWS_CONFIG_FILE" => Some("/dev/null".to_owned()),
            "AWS_EC2_METADATA_DISABLED" => Some("true".to_owned()),
            _ => None,
        };
        assert_eq!(
            sources(&variable, "no providers"),
            [
                "--role-to-assume: not given",
                "environment: AWS_SECRET_ACCESS_KEY is not set",
                "profile ci: no credentials in /dev/null or ~/.aws/credentials",
                "web identity: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are not set",
                "container role: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set",
                "instance role: switched off by AWS_EC2_METADATA_DISABLED",
                "the last word of these: no providers",
            ]
        );
    }
}
