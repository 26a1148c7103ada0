use super::*;

fn accepts<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

#[test]
fn durations_read_as_people_write_them() {
    for (text, seconds) in [("90s", 90), ("45m", 2_700), ("2h", 7_200), ("1h 30m", 5_400)] {
        assert_eq!(text.parse(), Ok(Period(Duration::from_secs(seconds))), "{text}");
    }
    assert!(!["", "0s", "-5s", "soon", "10"].into_iter().any(accepts::<Period>));
}

#[test]
fn a_share_is_a_percentage() {
    for (text, share) in [("50%", 0.5), ("100", 1.0), ("400%", 4.0)] {
        assert_eq!(text.parse(), Ok(Share(share)));
    }
    assert!(!["0%", "10000%", "half", ""].into_iter().any(accepts::<Share>));
}

#[test]
fn tasks_are_told_one_a_number_or_as_many_as_is_fast() {
    for (text, packing) in [("1", Packing::One), ("50", Packing::AtMost(50)), (" auto ", Packing::Auto)] {
        assert_eq!(text.parse(), Ok(packing));
    }
    assert!(!["0", "-1", "many", "", "1.5"].into_iter().any(accepts::<Packing>));
}

#[test]
fn only_a_tag_is_a_tag() {
    let long = "a".repeat(129);
    assert!(["1", "_x", "v1.2-rc_3", &long[1..]].into_iter().all(accepts::<Tag>));
    let none = ["", "-x", ".x", "a:b", "a@sha256:0", "a/b", "a b", "é", "a\u{1b}[31m", "a\n", &long];
    assert!(!none.into_iter().any(accepts::<Tag>));
}

#[test]
fn a_role_is_named_by_its_arn() {
    assert!(accepts::<RoleArn>("arn:aws-us-gov:iam::123456789012:role/path/name"));
    for text in [
        "role",
        "arn:aws:iam::1:role/x",
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:iam::123456789012:role/",
    ] {
        assert!(!accepts::<RoleArn>(text), "{text}");
    }
}

#[test]
fn every_pattern_compiles_and_says_what_is_wanted() {
    for grammar in GRAMMARS {
        if let Written::Text(Some(pattern)) = grammar.written {
            assert!(Regex::new(pattern).is_ok(), "{}", grammar.name);
        }
    }
    let wrong = "sg-1".parse::<Subnet>().expect_err("a security group");
    assert_eq!(
        wrong.to_string(),
        "\"sg-1\" is not a subnet; write an id that begins with subnet-, or tag:Name=pattern*"
    );
}
