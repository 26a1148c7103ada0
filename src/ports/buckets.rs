//! AWS's token buckets, which belong to an account and Region: how often a call may be made.

/// One of AWS's buckets, by its name in docs/aws-limits.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiBucket {
    pub name: &'static str,
    pub burst: u32,
    /// Tokens a second.
    pub rate: u32,
}

macro_rules! buckets {
    ($($name:ident = $title:literal, $burst:literal, $rate:literal;)*) => {
        impl ApiBucket {
            $(pub const $name: ApiBucket = ApiBucket { name: $title, burst: $burst, rate: $rate };)*
        }
        /// The buckets of the calls that may be many. Where Regions differ, the smaller number of the larger Regions.
        pub const BUCKETS: &[ApiBucket] = &[$(ApiBucket::$name),*];
    };
}

buckets! {
    TASK_DEFINITION_MODIFY = "task definition modify", 20, 1;
    TASK_DEFINITION_READ = "task definition read", 50, 20;
    CLUSTER_RESOURCE_MODIFY = "cluster resource modify", 100, 40;
    FARGATE_RUN_TASK = "Fargate RunTask", 20, 20;
    CLUSTER_RESOURCE_READ = "cluster resource read", 100, 20;
    CLUSTER_READ = "cluster read", 50, 20;
    SERVICE_READ = "service read", 100, 20;
    SERVICE_MODIFY = "service modify", 50, 5;
    SERVICE_DEPLOYMENT_READ = "service deployment", 50, 20;
    SERVICE_REVISION_READ = "service revision", 50, 20;
    FILTER_LOG_EVENTS = "FilterLogEvents, most Regions", 10, 10;
    GET_LOG_EVENTS = "GetLogEvents, most Regions", 25, 25;
}
