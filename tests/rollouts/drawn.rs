//! What a seed has drawn, also in sentences.

use std::time::Duration;

use fastrand::Rng;
use sandbox::{Disturbance, Fault, Sandbox, Weather};

use crate::others::{Act, Other};
use crate::services::Service;

/// How a run is ended before its end, if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    Itself,
    /// After so long.
    Interrupted(Duration),
    /// After so long; another run of the same job begins a while later.
    Killed(Duration, Duration),
}

#[derive(Debug, Clone)]
pub struct Drawn {
    pub seed: u64,
    pub services: Vec<Service>,
    /// What the first UpdateService calls come to.
    pub updates: Vec<Disturbance>,
    pub faults: Vec<Fault>,
    pub weather: Weather,
    /// How long a read may be older than what it is about.
    pub stale: Duration,
    pub others: Vec<Other>,
    pub ends: Ends,
    pub timeout: Duration,
    pub flags: Vec<String>,
}

const READS: [&str; 6] = [
    "ecs:DescribeServices",
    "ecs:DescribeServiceDeployments",
    "ecs:ListServiceDeployments",
    "ecs:DescribeServiceRevisions",
    "ecs:ListTasks",
    "ecs:DescribeTasks",
];

fn seconds(dice: &mut Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(dice.u64(range.start * 1000..range.end * 1000))
}

impl Drawn {
    pub fn new(seed: u64) -> (Self, Rng) {
        let mut dice = Rng::with_seed(seed);
        let d = &mut dice;
        let count = if d.bool() { 1 } else { d.usize(2..7) };
        let services: Vec<Service> = (0..count).map(|number| Service::of(number, d)).collect();
        let timeout = Duration::from_secs(60 * d.u64(4..9));
        let mut flags = vec![
            format!(
                "--service={}",
                services.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(",")
            ),
            format!("--deploy-timeout={}s", timeout.as_secs()),
            format!("--on-cancel={}", ["stop", "leave", "rollback"][d.usize(..3)]),
        ];
        if d.u8(..4) == 0 {
            flags.push("--on-failure=rollback".into());
        }
        let (mut faults, mut updates, mut weather, mut stale) =
            (Vec::new(), Vec::new(), Weather::default(), Duration::ZERO);
        // A third of all seeds has a fine day.
        if d.u8(..3) > 0 {
            for _ in 0..[0, 0, 1, 2, 4][d.usize(..5)] {
                updates.push(match d.u8(..7) {
                    0 => Disturbance::Throttle,
                    1 => Disturbance::ServerError,
                    2 => Disturbance::DropBefore,
                    3 | 4 => Disturbance::DropAfter,
                    5 => Disturbance::Hang,
                    _ => Disturbance::MalformedBody,
                });
            }
            for _ in 0..d.usize(..5) {
                let what = match d.u8(..7) {
                    0 => Disturbance::Throttle,
                    1 => Disturbance::ServerError,
                    2 => Disturbance::DropBefore,
                    3 => Disturbance::DropAfter,
                    4 => Disturbance::Hang,
                    5 => Disturbance::MalformedBody,
                    _ => Disturbance::AccessDenied,
                };
                let fault = Fault::call(READS[d.usize(..6)], what).after(d.u32(..40)).times(d.u32(1..4));
                faults.push(fault);
            }
            if d.u8(..4) == 0 {
                let denied = ["ecs:DescribeServiceDeployments", "ecs:ListServiceDeployments"];
                for operation in &denied[d.usize(..2)..] {
                    faults.push(Fault::call(operation, Disturbance::AccessDenied).always());
                }
            }
            if d.u8(..10) == 0 {
                let denied =
                    [READS[0], READS[4], "ecs:UpdateService", "ecs:StopServiceDeployment"][d.usize(..4)];
                faults.push(Fault::call(denied, Disturbance::AccessDenied).after(d.u32(..60)).always());
            }
            if d.u8(..4) == 0 {
                weather = Weather { throttle: d.f64() * 0.1, server_error: d.f64() * 0.05 };
            }
            if d.u8(..3) == 0 {
                let from = if d.bool() { Duration::ZERO } else { seconds(d, 1..120) };
                let lasts = seconds(d, 2..150);
                stale = from + lasts;
                faults.push(Fault::stale_service(from, lasts).times(d.u32(1..4)));
            }
            if d.u8(..3) == 0 {
                faults.push(Fault::late_service_deployment(seconds(d, 2..120)).times(d.u32(1..4)));
            }
            if d.u8(..5) == 0 {
                faults.push(Fault::pending_service_deployment(seconds(d, 2..60)).times(d.u32(1..4)));
            }
            if d.u8(..5) == 0 {
                faults.push(Fault::late_stop());
            }
        }
        let mut others = Vec::new();
        if d.u8(..3) == 0 {
            for _ in 0..d.usize(1..4) {
                others.push(Other {
                    after: seconds(d, 0..300),
                    service: services[d.usize(..count)].name.clone(),
                    act: Act::of(d),
                });
            }
            others.sort_by_key(|other| other.after);
        }
        let ends = match d.u8(..6) {
            0 => Ends::Interrupted(seconds(d, 0..240)),
            1 => Ends::Killed(seconds(d, 0..240), seconds(d, 0..90)),
            _ => Ends::Itself,
        };
        let drawn = Self { seed, services, updates, faults, weather, stale, others, ends, timeout, flags };
        (drawn, dice)
    }

    /// Makes the faults begin.
    pub fn disturb(&self, sandbox: &Sandbox) {
        for disturbance in &self.updates {
            sandbox.faults().push(Fault::call("ecs:UpdateService", disturbance.clone()));
        }
        self.faults.iter().for_each(|fault| sandbox.faults().push(fault.clone()));
        sandbox.faults().set_weather(self.weather);
        self.services.iter().for_each(|service| service.fall_sick(sandbox));
    }

    pub fn is_calm(&self) -> bool {
        self.updates.is_empty() && self.faults.is_empty() && self.weather == Weather::default()
    }

    /// How long it may take a run to see what has become of a service.
    pub fn slack(&self) -> Duration {
        self.stale + Duration::from_secs(if self.is_calm() { 5 } else { 90 })
    }

    /// Whether somebody else has done something to this service, or may have.
    pub fn is_alone(&self, service: &str) -> bool {
        let touches = |other: &Other| other.service == service || other.act == Act::Alarm;
        !self.others.iter().any(touches)
    }

    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    /// For whoever reads of a failure.
    pub fn story(&self) -> String {
        let mut story = format!("seed {}: {}\n", self.seed, self.flags.join(" "));
        for one in &self.services {
            let sick = if one.old_is_sick { ", and what ran before does not start again" } else { "" };
            story += &format!(
                "  {} wants {} tasks with {}; its new image is {:?}{sick}\n",
                one.name, one.desired, one.configuration, one.image
            );
        }
        for what in &self.updates {
            story += &format!("  an UpdateService meets {what:?}\n");
        }
        for fault in &self.faults {
            story += &format!("  {fault:?}\n");
        }
        if self.weather != Weather::default() {
            story += &format!("  any call: {:?}\n", self.weather);
        }
        for other in &self.others {
            story +=
                &format!("  after {:?} somebody does {:?} to {}\n", other.after, other.act, other.service);
        }
        story + &format!("  the run ends: {:?}\n", self.ends)
    }
}
