use proptest::prelude::*;

use super::*;

fn names(count: usize) -> Vec<DatabaseName> {
    (0..count).map(|n| format!("tenant_{n:05}").as_str().into()).collect()
}

fn sizes(packs: &[Vec<DatabaseName>]) -> Vec<usize> {
    packs.iter().map(Vec::len).collect()
}

fn limits<'a>(at_once: usize, durations: &'a HashMap<String, Duration>) -> PackLimits<'a> {
    PackLimits { room: 8_000, at_once, durations }
}

#[test]
fn so_many_at_most_in_their_order() {
    let none = HashMap::new();
    let packs = |count, packing| split(&names(count), packing, &limits(24, &none)).expect("packs");
    assert_eq!(sizes(&packs(3, Packing::One)), [1, 1, 1]);
    assert_eq!(sizes(&packs(10, Packing::AtMost(4))), [4, 4, 2]);
    assert_eq!(packs(10, Packing::AtMost(4)).concat(), names(10));
    assert!(packs(0, Packing::Auto).is_empty() && packs(0, Packing::AtMost(3)).is_empty());
}

#[test]
fn auto_fills_every_round_of_tasks() {
    let none = HashMap::new();
    let packs = |count, at_once| split(&names(count), Packing::Auto, &limits(at_once, &none)).expect("packs");
    assert_eq!(sizes(&packs(10, 24)), [1; 10]);
    assert_eq!(sizes(&packs(10, 3)), [4, 3, 3]);
    assert_eq!(packs(10, 3).concat(), names(10));
    assert_eq!(sizes(&packs(4_800, 24)), [200; 24]);
    // 17 characters each: 470 fit, so 20,000 take two rounds.
    let many = sizes(&packs(20_000, 24));
    assert_eq!(many.len(), 48);
    assert!(many.iter().all(|size| (416..=417).contains(size)), "{many:?}");
}

#[test]
fn the_longest_are_shared_out_first() {
    let all = names(7);
    let seconds = [100, 1, 1, 30, 30, 30, 5];
    let durations = all
        .iter()
        .map(DatabaseName::to_string)
        .zip(seconds.iter().map(|seconds| Duration::from_secs(*seconds)))
        .collect();
    let packs = split(&all, Packing::Auto, &limits(2, &durations)).expect("packs");
    let load =
        |pack: &Vec<DatabaseName>| pack.iter().map(|name| durations[name.as_str()].as_secs()).sum::<u64>();
    assert_eq!(packs.iter().map(load).collect::<Vec<_>>(), [100, 97]);
    assert_eq!(packs, split(&all, Packing::Auto, &limits(2, &durations)).expect("packs"), "no dice");
    // One that is not known counts as a usual one: 16 s.
    let known: HashMap<_, _> = durations.iter().filter(|(name, _)| **name != *all[0]).collect();
    let known = known.into_iter().map(|(name, took)| (name.clone(), *took)).collect();
    let packs = split(&all, Packing::Auto, &limits(2, &known)).expect("packs");
    assert_eq!(sizes(&packs), [2, 5], "30 + 30 s, and 30 + 16 + 5 + 1 + 1 s");
}

#[test]
fn a_name_that_no_task_has_room_for_is_said() {
    let none = HashMap::new();
    let narrow = PackLimits { room: 10, at_once: 1, durations: &none };
    let error = split(&names(2), Packing::Auto, &narrow).expect_err("too long");
    assert_eq!(
        error.message,
        "no task can be told to migrate tenant_00000: RunTask's overrides have 10 characters left for names"
    );
}

/// What a list adds to a JSON document in which it is a text, beyond what an empty one takes.
fn measured(list: &[DatabaseName]) -> usize {
    let in_json = |list: &[DatabaseName]| json!(json!(list).to_string()).to_string().chars().count();
    in_json(list) - in_json(&[])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever the names hold, even what no database may be called.
    #[test]
    fn every_database_is_in_one_pack_and_every_pack_has_room(
        all in prop::collection::hash_set("[a-zäß€𝒳\"\\\\\n.$-]{1,20}", 0..120),
        packing in prop_oneof![Just(Packing::Auto), (1_usize..40).prop_map(Packing::AtMost)],
        at_once in 1_usize..30,
        room in 200_usize..2_000,
        taken in prop::collection::vec(0_u64..5_000, 0..120),
    ) {
        let all: Vec<DatabaseName> = all.iter().map(|name| name.as_str().into()).collect();
        let durations: HashMap<String, Duration> =
            all.iter().map(DatabaseName::to_string).zip(taken.into_iter().map(Duration::from_millis)).collect();
        let packs = split(&all, packing, &PackLimits { room, at_once, durations: &durations }).unwrap();
        let (mut packed, mut asked) = (packs.concat(), all.clone());
        packed.sort();
        asked.sort();
        prop_assert_eq!(packed, asked);
        for pack in &packs {
            prop_assert!(!pack.is_empty());
            // The last name has no comma, which `room` counts.
            prop_assert!(measured(pack) < room, "{} in {room}", measured(pack));
            if let Packing::AtMost(most) = packing {
                prop_assert!(pack.len() <= most);
            }
        }
    }
}
