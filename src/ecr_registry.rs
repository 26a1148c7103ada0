//! Pure: the names of ECR's registries. Nothing else reads them.

use regex_lite::Regex;

/// A partition of AWS, as its names tell it (botocore, partitions.json).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Partition {
    /// As ARNs have it.
    id: &'static str,
    /// What its Regions begin with.
    regions: &'static str,
    /// The end of `ACCOUNT.dkr.ecr.REGION.…`.
    classic: &'static str,
    /// The end of `ACCOUNT.dkr-ecr.REGION.…`; none where ECR documents no dual-stack endpoints.
    dual_stack: Option<&'static str>,
}

/// The most specific beginning first; the last one begins every Region.
const PARTITIONS: [Partition; 8] = [
    Partition { id: "aws-us-gov", regions: "us-gov-", classic: "amazonaws.com", dual_stack: Some("on.aws") },
    Partition { id: "aws-iso", regions: "us-iso-", classic: "c2s.ic.gov", dual_stack: None },
    Partition { id: "aws-iso-b", regions: "us-isob-", classic: "sc2s.sgov.gov", dual_stack: None },
    Partition { id: "aws-iso-e", regions: "eu-isoe-", classic: "cloud.adc-e.uk", dual_stack: None },
    Partition { id: "aws-iso-f", regions: "us-isof-", classic: "csp.hci.ic.gov", dual_stack: None },
    Partition {
        id: "aws-cn",
        regions: "cn-",
        classic: "amazonaws.com.cn",
        dual_stack: Some("on.amazonwebservices.com.cn"),
    },
    Partition {
        id: "aws-eusc",
        regions: "eusc-",
        classic: "amazonaws.eu",
        dual_stack: Some("on.amazonwebservices.eu"),
    },
    Partition { id: "aws", regions: "", classic: "amazonaws.com", dual_stack: Some("on.aws") },
];

fn partition(region: &str) -> Partition {
    const LAST: Partition = PARTITIONS[PARTITIONS.len() - 1];
    PARTITIONS.into_iter().find(|partition| region.starts_with(partition.regions)).unwrap_or(LAST)
}

/// Returns the partition of a Region, as ARNs have it.
pub(crate) fn partition_of(region: &str) -> &'static str {
    partition(region).id
}

/// A private registry of ECR.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EcrRegistry {
    /// Twelve digits, which are the registry's id.
    pub account: String,
    pub region: String,
}

impl EcrRegistry {
    /// Reads `ACCOUNT.dkr.ecr.REGION.amazonaws.com` with its FIPS and dual-stack forms, in every partition (Amazon ECR
    /// endpoints; dual-stack: "Getting started with making requests over IPv6"). What only looks like one is none.
    pub fn of_host(host: &str) -> Option<Self> {
        let (account, rest) = host.split_once('.')?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let (is_dual_stack, rest) =
            [("dkr.ecr.", false), ("dkr.ecr-fips.", false), ("dkr-ecr.", true), ("dkr-ecr-fips.", true)]
                .into_iter()
                .find_map(|(service, is_dual_stack)| Some((is_dual_stack, rest.strip_prefix(service)?)))?;
        let (region, end) = rest.split_once('.')?;
        let is_region = Regex::new("^[a-z]{2,5}(-[a-z]+)+-[0-9]+$").is_ok_and(|form| form.is_match(region));
        let partition = partition(region);
        let ends = if is_dual_stack { partition.dual_stack == Some(end) } else { partition.classic == end };
        (is_account && is_region && ends)
            .then(|| Self { account: account.to_owned(), region: region.to_owned() })
    }
}

/// Whose registry a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RegistryHost {
    Ecr(EcrRegistry),
    /// ECR's public gallery: it has no IAM resource in an account's registry, and is pulled from by everybody.
    EcrPublic,
    /// A sandbox or an emulator on this machine: which account it plays, only its answers say.
    ThisMachine,
    Elsewhere,
}

impl RegistryHost {
    /// Reads `host` or `host:port`.
    pub(crate) fn of(host: &str) -> Self {
        if let Some(registry) = EcrRegistry::of_host(host) {
            return Self::Ecr(registry);
        }
        if ["public.ecr.aws", "ecr-public.aws.com"].contains(&host) {
            return Self::EcrPublic;
        }
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let is_loopback = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        let is_loopback = is_loopback.is_ok_and(|address| address.is_loopback());
        // LocalStack's names of its registries end so, and resolve to 127.0.0.1.
        if is_loopback || name == "localhost" || name.ends_with(".localhost.localstack.cloud") {
            return Self::ThisMachine;
        }
        Self::Elsewhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_name_says_account_and_region() {
        for (host, region) in [
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com", "us-east-1"),
            ("123456789012.dkr.ecr.ap-southeast-2.amazonaws.com", "ap-southeast-2"),
            ("123456789012.dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("123456789012.dkr.ecr-fips.us-east-2.amazonaws.com", "us-east-2"),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
            ("123456789012.dkr-ecr-fips.us-east-1.on.aws", "us-east-1"),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("123456789012.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn", "cn-northwest-1"),
            ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
            ("123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
            ("123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
            ("123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
            ("123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
        ] {
            let expected = EcrRegistry { account: "123456789012".into(), region: region.into() };
            assert_eq!(RegistryHost::of(host), RegistryHost::Ecr(expected), "{host}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for host in [
            "evil.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.example.org",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.cn",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.on.aws",
            "123456789012.dkr-ecr.us-east-1.amazonaws.com",
            "123456789012.dkr-ecr.us-east-1.on.aws.example.org",
            "12345678901.dkr.ecr.us-east-1.amazonaws.com",
            "1234567890123.dkr.ecr.us-east-1.amazonaws.com",
            "x.123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com:443",
            "123456789012.dkr.ecr.us_east_1.amazonaws.com",
            "123456789012.dkr.ecr..amazonaws.com",
            "123456789012.dkr.s3.us-east-1.amazonaws.com",
            "api.ecr.us-east-1.amazonaws.com",
            "127.0.0.1.example.org",
            "localhost.example.org",
            "ghcr.io",
            "registry.example:5000",
        ] {
            assert_eq!(RegistryHost::of(host), RegistryHost::Elsewhere, "{host}");
        }
        assert_eq!(RegistryHost::of("public.ecr.aws"), RegistryHost::EcrPublic);
        assert_eq!(RegistryHost::of("public.ecr.aws.example.org"), RegistryHost::Elsewhere);
    }

    #[test]
    fn a_sandbox_is_on_this_machine() {
        for host in [
            "127.0.0.1:5000",
            "127.8.8.8",
            "[::1]:5000",
            "localhost",
            "localhost:4566",
            "000000000000.dkr.ecr.us-east-1.localhost.localstack.cloud:4566",
        ] {
            assert_eq!(RegistryHost::of(host), RegistryHost::ThisMachine, "{host}");
        }
    }

    #[test]
    fn a_region_says_its_partition() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("mx-central-1", "aws"),
            ("us-gov-east-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-west-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-east-1", "aws-iso-f"),
            ("REGION", "aws"),
        ] {
            assert_eq!(partition_of(region), partition, "{region}");
        }
    }
}
