//! The sandbox's token buckets hold what the table says, and refill as fast.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::Quotas;
use sandbox::quotas::Meter;

use super::table::rows;

/// The tightest of a call's buckets: burst and rate.
fn said() -> BTreeMap<String, (u32, u32)> {
    let mut all = BTreeMap::new();
    for row in rows("## API rates") {
        let number =
            |cell: usize| row.cells[cell].parse::<u32>().unwrap_or_else(|_| panic!("{:?}", row.cells));
        for call in row.cells[3].split('`').skip(1).step_by(2) {
            let (burst, rate) = all.entry(call.to_owned()).or_insert((u32::MAX, u32::MAX));
            (*burst, *rate) = (number(1).min(*burst), number(2).min(*rate));
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn each_bucket_holds_its_burst_and_refills_at_its_rate() {
    for (call, (burst, rate)) in said() {
        let meter = Meter::new(Quotas::Documented);
        let admit = || if call == "launches" { meter.admit_launches(1) } else { meter.admit(&call) };
        let admitted = || (0..1_000).take_while(|_| admit()).count();
        assert_eq!(admitted(), burst as usize, "burst of {call}");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(admitted(), rate as usize, "{call} in a second");
    }
}

/// A call that the sandbox meters and the table does not name would be admitted without end here, or not be metered.
#[tokio::test(start_paused = true)]
async fn every_call_that_is_metered_is_in_the_table() {
    let table = said();
    for call in fargate_migrate::ports::CALLS {
        let meter = Meter::new(Quotas::Documented);
        let metered = !(0..1_000).all(|_| meter.admit(call.action));
        assert_eq!(metered, table.contains_key(call.action), "{}", call.action);
    }
}

/// What the program keeps to is what the table says.
#[test]
fn our_buckets_are_those_of_the_table() {
    let rows = rows("## API rates");
    for bucket in fargate_migrate::ports::BUCKETS {
        let (name, burst, rate) = (bucket.name, bucket.burst.to_string(), bucket.rate.to_string());
        let row = rows.iter().find(|row| row.cells[0] == name).unwrap_or_else(|| panic!("no row for {name}"));
        assert_eq!((&row.cells[1], &row.cells[2]), (&burst, &rate), "{name}");
        for call in fargate_migrate::ports::CALLS.iter().filter(|call| call.buckets.contains(bucket)) {
            assert!(row.cells[3].contains(&format!("`{}`", call.action)), "{name}: {}", call.action);
        }
    }
}

/// A call of which there is one for each database or look would otherwise go out as fast as it can.
#[test]
fn every_metered_call_of_the_program_but_those_to_ecr_is_kept_below_its_rate() {
    for call in fargate_migrate::ports::CALLS.iter().filter(|call| said().contains_key(call.action)) {
        assert!(!call.buckets.is_empty() || call.service == "ECR", "{}", call.action);
    }
}
