//! Another run, which knows nothing of the state file, starts tasks for the same databases at an instant that a seed
//! picks: before the kill, after it, or while a run resumes. Each knows of the other's tasks by its looks only: a task
//! that started since the last one, or that ECS does not list yet, may have a second one beside it. No other may.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use super::{DATABASES, Dice, MINUTE, OTHER_IMAGE, Trial};
use crate::world::{IMAGE, World, simulate};

/// What the other run's tasks are told apart by.
pub const NAME: &str = "gha-other-";
/// RunTask relies on a look of this age.
const LOOK: Duration = Duration::from_secs(60);
/// What passes between a look and the task that it allows.
const ON_ITS_WAY: Duration = Duration::from_secs(5);
const HOW: [&str; 3] = ["--on-running=fail", "--on-running=wait", "--on-running=adopt"];

/// Goes over some of the databases, from the end of the list on; answers what it did.
async fn other(world: Rc<World>, image: &[&str], dice: &mut Dice) -> String {
    let step = 1 + dice.below(3);
    let names: Vec<String> = world.databases.iter().rev().step_by(step).cloned().collect();
    let lanes = format!("--max-parallel={}", 1 + dice.below(5));
    let size = format!("--databases-per-task={}", 1 + dice.below(4));
    let how = HOW[dice.below(3)];
    let flags = [&["--keep-going", "--timeout=3h", how, &lanes, &size], image].concat();
    let from = Duration::from_secs(dice.below(1_200) as u64);
    sleep(from).await;
    let ran = world.migrate_these("other", &names, &flags).await;
    let until = world.now();
    format!("\nother {flags:?}, every {step}th from {from:?} to {until:?}: {:?}", ran.verdicts())
}

fn trial(seed: u64, packed: bool) {
    simulate(seed, async || {
        let mut dice = Dice(fastrand::Rng::with_seed(seed));
        // Minutes for each database: looks are a minute apart.
        let mut trial = Trial::new(seed, packed, 6, &mut dice);
        let how = HOW[dice.below(3)];
        trial.flags.push(how.to_owned());
        let images: [&[&str]; 2] = [&[], &[OTHER_IMAGE]];
        let (image, others) = (images[dice.below(2)], images[dice.below(2)]);
        let world = Rc::clone(&trial.world);
        let mut others_dice = Dice(fastrand::Rng::with_seed(seed + 1_000));
        let ours = async {
            trial.die("first", &[], &mut dice).await;
            sleep([Duration::ZERO, 2 * MINUTE, 10 * MINUTE][dice.below(3)]).await;
            if dice.below(2) == 0 && trial.state.exists() {
                trial.die("second", &[&["--resume"], image].concat(), &mut dice).await;
            }
            trial.resume(image).await
        };
        let (ran, story) = tokio::join!(ours, other(world, others, &mut others_dice));
        trial.story += &format!("{story}; ours {how}");
        // What the other has left, and what has failed.
        let mut migrated = ran.migrated();
        for _ in 0..4 {
            if migrated < DATABASES {
                migrated = trial.resume(image).await.migrated();
            }
        }
        let unseen_for = LOOK + ON_ITS_WAY + trial.world.shape.settles;
        let twice = trial.world.tasked_twice_knowingly(unseen_for);
        assert!(twice.is_empty(), "{twice:#?}\n{}", trial.story);
        assert_eq!(migrated, DATABASES, "{}", trial.story);
        let digest = image.first().copied().unwrap_or(IMAGE);
        assert_eq!(trial.proved(digest).len(), DATABASES, "{}", trial.story);
    });
}

#[test]
fn one_task_each_resumed_while_another_run_starts_some() {
    (0..12).for_each(|seed| trial(seed, false));
}

#[test]
fn packs_resumed_while_another_run_starts_some() {
    (0..12).for_each(|seed| trial(seed, true));
}

#[test]
fn what_an_adopted_task_has_migrated_is_proved() {
    simulate(1, async || {
        let mut trial = Trial::new(1, false, 6, &mut Dice(fastrand::Rng::with_seed(0)));
        trial.flags.push("--on-running=adopt".to_owned());
        let later = async {
            sleep(MINUTE).await;
            trial.world.migrate_as("first", &trial.flags(&[])).await
        };
        let (_, ran) = tokio::join!(trial.world.migrate_as("other", &["--max-parallel=12"]), later);
        assert_eq!(trial.world.lives().len(), DATABASES, "all tasks were adopted");
        assert_eq!((ran.migrated(), trial.proved(IMAGE).len()), (10, 10), "{:?}", ran.verdicts());
        assert_eq!(trial.resume(&[]).await.migrated(), DATABASES);
        assert_eq!(trial.world.lives().len(), DATABASES + 2, "those that failed");
    });
}
