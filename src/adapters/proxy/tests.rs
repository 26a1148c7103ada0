use super::*;
use crate::failure::ExitCode;

fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, Failure> {
    Proxies::from_environment(&variable(variables))
}

fn variable(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    |name| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
}

fn way(proxies: &Proxies, target: &str) -> Option<String> {
    let intercept = proxies.matcher.intercept(&target.parse().unwrap())?;
    Some(intercept.uri().authority().unwrap().to_string())
}

#[test]
fn each_scheme_has_its_variable_in_both_spellings() {
    for (variables, https, http) in [
        (&[("HTTPS_PROXY", "http://a:1")][..], Some("a:1"), None),
        (&[("https_proxy", "http://a:1"), ("HTTPS_PROXY", "http://b:1")], Some("a:1"), None),
        (&[("https_proxy", ""), ("HTTPS_PROXY", " http://b:1/ ")], Some("b:1"), None),
        (&[("HTTP_PROXY", "https://c:1")], None, Some("c:1")),
        (&[("ALL_PROXY", "d:1"), ("http_proxy", "e")], Some("d:1"), Some("e")),
        (&[("HTTPS_PROXY", "http://u:p@f:1")], Some("f:1"), None),
        // Nothing that is overridden is judged.
        (
            &[("all_proxy", "socks5://g:1"), ("HTTP_PROXY", "a:1"), ("HTTPS_PROXY", "b:1")],
            Some("b:1"),
            Some("a:1"),
        ),
        (&[], None, None),
    ] {
        let proxies = proxies(variables).unwrap();
        assert_eq!(way(&proxies, "https://sts.amazonaws.com/").as_deref(), https, "{variables:?}");
        assert_eq!(way(&proxies, "http://sts.amazonaws.com/").as_deref(), http, "{variables:?}");
    }
}

#[test]
fn this_machine_and_the_sources_of_credentials_are_never_proxied() {
    let proxies = proxies(&[("ALL_PROXY", "http://proxy:1"), ("NO_PROXY", "example.com")]).unwrap();
    for host in [
        "localhost",
        "localhost:4566",
        "127.0.0.1",
        "127.8.9.10:80",
        "[::1]:80",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "169.254.170.2",
        "169.254.170.23",
        "[fd00:ec2::23]",
    ] {
        assert_eq!(way(&proxies, &format!("http://{host}/")), None, "{host}");
    }
    for host in ["169.254.169.253", "10.0.0.1", "[::2]", "localhost.example.org"] {
        assert!(way(&proxies, &format!("http://{host}/")).is_some(), "{host}");
    }
}

#[test]
fn no_proxy_takes_hosts_suffixes_addresses_and_networks() {
    let no = ".corp.example, ecr.example ,10.0.0.0/8,192.0.2.1";
    let proxies = proxies(&[("HTTPS_PROXY", "http://proxy:1"), ("no_proxy", no), ("NO_PROXY", "*")]).unwrap();
    for (host, direct) in [
        ("git.corp.example", true),
        ("corp.example", true),
        ("ecr.example:8443", true),
        ("api.ecr.example", true),
        ("myecr.example", false),
        ("10.200.3.4", true),
        ("192.0.2.1", true),
        ("192.0.2.2", false),
        ("sts.amazonaws.com", false),
    ] {
        assert_eq!(way(&proxies, &format!("https://{host}/")).is_none(), direct, "{host}");
    }
}

#[test]
fn what_is_no_address_is_refused_without_being_quoted() {
    for value in [
        "http://",
        "socks5://proxy:1080",
        "http://proxy:port",
        "http://u:hunter2@:3128",
        "http://u:hunt/er2@p:1",
    ] {
        for name in ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"] {
            let failure = proxies(&[(name, value)]).unwrap_err();
            assert_eq!(failure.exit_code, ExitCode::BadInput, "{value}");
            assert!(failure.message.starts_with(name), "{failure}");
            assert!(failure.hint.is_some() && !format!("{failure:?}").contains("hunt"), "{failure:?}");
        }
    }
}

#[test]
fn nobody_is_shown_who_we_are_to_the_proxy() {
    let variables = [("HTTPS_PROXY", "http://ci:hunter2%21@proxy:1"), ("http_proxy", "ghp_token@proxy:1")];
    let proxies = proxies(&variables).unwrap();
    assert!(!format!("{proxies:?}").contains("hunter2"), "{proxies:?}");
    let secrets = secrets(&variable(&variables));
    assert_eq!(secrets, ["ci:hunter2%21", "ghp_token", "hunter2!", "hunter2%21"]);
}

#[test]
fn a_password_is_masked_even_where_the_address_is_none() {
    let found = secrets(&variable(&[("HTTPS_PROXY", "http://ci:p@ss#word@proxy:port")]));
    assert_eq!(found, ["ci:p@ss#word", "p@ss#word"]);
}
