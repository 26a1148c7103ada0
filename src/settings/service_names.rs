//! The services that `deploy` and `rollback` are asked for.

use std::collections::HashSet;

use crate::arn;
use crate::failure::Failure;
use crate::untrusted::phrase;

/// Characters of a service's name, at most (CreateService).
const LONGEST_NAME: usize = 255;

/// Returns the services' names, each once, in the order given: of an ARN, its last part.
///
/// # Errors
/// No service or no cluster is given, a text cannot name a service, or an ARN is of another cluster.
pub(super) fn service_names(texts: &[String], cluster: &str) -> Result<Vec<String>, Failure> {
    let mut once = HashSet::new();
    let mut services = Vec::new();
    for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        let name = arn::name(text);
        let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_name) {
            return Err(Failure::input(format!("--service {} can name no service", phrase(text)))
                .hint("pass a service's name or ARN: letters, digits, hyphens and underscores"));
        }
        // `service/CLUSTER/NAME`; old accounts have ARNs without the cluster.
        let parts: Vec<&str> = text.split('/').collect();
        if let [_, of, _] = parts[..]
            && !cluster.is_empty()
            && of != arn::name(cluster)
        {
            return Err(Failure::input(format!(
                "service {} is in cluster {}, and --cluster is {}",
                phrase(name),
                phrase(of),
                phrase(cluster)
            ))
            .hint("name services of one cluster in a run"));
        }
        if once.insert(name) {
            services.push(name.to_owned());
        }
    }
    let (what, how) = match (cluster.is_empty(), services.is_empty()) {
        (false, false) => return Ok(services),
        (true, false) => ("cluster", "--cluster NAME"),
        (false, true) => ("service", "--service NAME; repeat it, or separate with commas, for several"),
        (true, true) => ("cluster and service", "--cluster NAME and --service NAME"),
    };
    Err(Failure::input(format!("no {what} given")).hint(format!("pass {how}")))
}
