//! The files of the migrations that a check has found to be pending.

use std::collections::BTreeSet;

use serde_json::Value;

/// Returns those of the files that the check of `--plan --check` names: all that a database lacks, or may lack.
///
/// # Errors
/// Why they are not known: a database did not answer, or no file has the name of a migration.
pub(super) fn files(files: &[String], check: &Value) -> Result<Vec<String>, String> {
    let mut pending = BTreeSet::new();
    for database in check["databases"].as_array().into_iter().flatten() {
        let count = database["pending"].as_u64();
        let missing = database["missing"].as_array();
        match (count, missing) {
            (Some(0), _) => {}
            (Some(count), Some(missing)) if missing.len() as u64 == count => {
                for one in missing {
                    let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
                    pending.insert((text("version"), text("name")));
                }
            }
            _ => {
                let name = database["database"].as_str().unwrap_or_default();
                return Err(format!("it is not known which migrations {name} lacks"));
            }
        }
    }
    let mut found = BTreeSet::new();
    for (version, name) in &pending {
        let of = files.iter().position(|file| is_of(file, version, name));
        found.insert(of.ok_or_else(|| format!("no file is migration {version} {name}"))?);
    }
    Ok(found.into_iter().filter_map(|index| files.get(index).cloned()).collect())
}

/// Tells whether a file is that of a migration: `V10__add_reviews.sql`, `0010_add_reviews.sql`, `add_reviews/up.sql`.
fn is_of(file: &str, version: &str, name: &str) -> bool {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    stem.split('/').any(|part| {
        let part = part.trim_start_matches('V').trim_start_matches('0');
        let rest =
            part.strip_prefix(version.trim_start_matches('0')).map(|rest| rest.trim_start_matches('_'));
        part == name || rest == Some(name)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_files_are_those_of_the_migrations_that_any_database_lacks() {
        let all = ["m/V1__users.sql", "m/V10__users.sql", "m/0011_orders.sql", "m/V110__users.sql"];
        let all = all.map(str::to_owned);
        let lacks =
            |count: u64, missing: Value| json!({"database": "a", "pending": count, "missing": missing});
        let one = |version: &str, name: &str| json!({"version": version, "name": name});
        let none = json!({"database": "b", "pending": 0, "missing": null});
        let check = |rows: &[Value]| files(&all, &json!({ "databases": rows }));
        let both = lacks(2, json!([one("11", "orders"), one("10", "users")]));
        assert_eq!(check(&[none.clone(), both]), Ok(vec![all[1].clone(), all[2].clone()]));
        assert_eq!(check(&[none]), Ok(Vec::new()));
        assert_eq!(
            check(&[lacks(2, json!([one("10", "users")]))]),
            Err("it is not known which migrations a lacks".to_owned())
        );
        assert_eq!(check(&[lacks(1, json!([one("12", "x")]))]), Err("no file is migration 12 x".to_owned()));
        let killed = json!({"database": "c", "pending": null, "missing": null});
        assert_eq!(check(&[killed]), Err("it is not known which migrations c lacks".to_owned()));
    }
}
