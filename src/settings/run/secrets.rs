//! What looks like a secret in `--env`: ECS shows the value to everyone who may read tasks, for as long as it shows
//! the task.

use crate::failure::Failure;
use crate::values::Assignment;

/// Ends of words that make a name a secret's: `PGPASSWORD`, `API_TOKENS`, `clientSecret`.
const SECRETS: [&str; 9] =
    ["PASSWORD", "PASSWD", "PASSPHRASE", "PASSCODE", "SECRET", "TOKEN", "CREDENTIAL", "APIKEY", "PRIVATEKEY"];
/// Whole words that make a name of several words a secret's. As the end of a word they are harmless: `COMPASS`.
const SHORT: [&str; 4] = ["PASS", "PWD", "PW", "JWT"];
/// Words before a last word KEY that make it harmless.
const OPEN_KEYS: [&str; 6] = ["PUBLIC", "PRIMARY", "FOREIGN", "PARTITION", "SORT", "CACHE"];
/// Last words of names that say where a secret is, and not what it is.
const PLACES: [&str; 3] = ["ARN", "FILE", "PATH"];

/// Refuses variables that look like a secret.
///
/// # Errors
/// A name or a value does. The value is not quoted.
pub(super) fn refuse(env: &[Assignment]) -> Result<(), Failure> {
    for Assignment { name, value } in env {
        let what = match (is_secret_name(name), secret_in(value)) {
            (true, _) => "by its name",
            (false, Some(what)) => what,
            (false, None) => continue,
        };
        return Err(Failure::input(format!("--env {} looks like a secret {what}", **name)).hint(
            "ECS shows the value to everyone who may read tasks: let the task definition take it from Secrets Manager or \
             SSM (secrets), or pass --env-is-not-secret if it is none",
        ));
    }
    Ok(())
}

fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let Some((last, before)) = words.split_last() else { return false };
    if PLACES.contains(&last.as_str()) {
        return false;
    }
    let is_secret = |word: &String| {
        let one = word.strip_suffix('S').unwrap_or(word);
        SECRETS.iter().any(|secret| one.ends_with(secret))
    };
    // The shell's own PWD and OLDPWD are directories.
    let is_short = |word: &String| !before.is_empty() && SHORT.contains(&word.as_str());
    let is_key = matches!(last.as_str(), "KEY" | "KEYS")
        && !before.last().is_some_and(|word| OPEN_KEYS.contains(&word.as_str()));
    words.iter().any(is_secret) || words.iter().any(is_short) || is_key
}

/// Splits a name into its words, in capitals: `dbPassword` and `DB_PASSWORD` have the same.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for char in name.chars() {
        let begins = char.is_ascii_uppercase() && was_lower;
        was_lower = char.is_ascii_lowercase() || char.is_ascii_digit();
        if begins || char == '_' {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| char != '_') {
            word.push(char.to_ascii_uppercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Says what makes a value a secret by its form; none for any other value.
fn secret_in(value: &str) -> Option<&'static str> {
    let has_password = value.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
    });
    if has_password {
        return Some("by its value: an address with a password");
    }
    if value.contains("PRIVATE KEY-----") {
        return Some("by its value: a private key");
    }
    let prefixes = ["ghp_", "ghs_", "gho_", "ghu_", "github_pat_", "xoxb-", "xoxp-", "sk_live_"];
    prefixes.iter().any(|prefix| value.starts_with(prefix)).then_some("by its value: a token")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(assignment: &str) -> bool {
        refuse(&[assignment.parse().expect("an assignment")]).is_err()
    }

    #[test]
    fn what_looks_like_a_secret_is_refused() {
        for name in [
            "PASSWORD",
            "DB_PASSWORD",
            "PGPASSWORD",
            "dbPassword",
            "DATABASE_PASSWD",
            "DB_PASS",
            "DB_PWD",
            "SECRET",
            "SECRETS",
            "CLIENT_SECRET",
            "clientSecret",
            "SECRET_KEY_BASE",
            "AWS_SECRET_ACCESS_KEY",
            "TOKEN",
            "GITHUB_TOKEN",
            "API_TOKENS",
            "authtoken",
            "API_KEY",
            "APIKEY",
            "STRIPE_API_KEYS",
            "PRIVATE_KEY",
            "SSH_PRIVATE_KEY",
            "KEY",
            "ENCRYPTION_KEY",
            "SIGNING_KEY",
            "GOOGLE_CREDENTIALS",
            "KEY_PASSPHRASE",
            "SESSION_JWT",
            "password",
        ] {
            assert!(is_refused(&format!("{name}=x")), "{name}");
        }
        for value in [
            "postgresql://app:hunter2@db/shop",
            "redis://:hunter2@cache:6379",
            "ghp_0123",
            "xoxb-1",
            "-----BEGIN RSA PRIVATE KEY-----",
        ] {
            assert!(is_refused(&format!("PLAIN={value}")), "{value}");
        }
    }

    #[test]
    fn what_does_not_is_taken() {
        for assignment in [
            "LOG_LEVEL=debug",
            "PWD=/",
            "OLDPWD=/",
            "COMPASS=n",
            "PASSENGER_COUNT=3",
            "TOKENIZER=bpe",
            "PUBLIC_KEY=x",
            "PARTITION_KEY=id",
            "SORT_KEY=x",
            "CACHE_KEY=x",
            "MONKEY=x",
            "KEYSPACE=x",
            "SECRET_ARN=arn:aws:secretsmanager:r:1:secret:x",
            "PASSWORD_FILE=/run/secrets/p",
            "DATABASE_URL=postgresql://app@db:5432/shop",
            "URL=https://example.org/a:b@c",
            "KEY_ID=7",
        ] {
            assert!(!is_refused(assignment), "{assignment}");
        }
    }

    #[test]
    fn no_error_quotes_a_value() {
        let failure = refuse(&["DB_PASSWORD=hunter2".parse().expect("an assignment")]).expect_err("refused");
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }
}
