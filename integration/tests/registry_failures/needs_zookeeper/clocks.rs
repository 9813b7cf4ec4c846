//! Wall clocks that jump.

use mesos_integration::master_group::{Clocks, Setup};

use super::Scene;

const DAY: i64 = 24 * 60 * 60;

/// Leases and timeouts hang on the monotonic clock, so nobody loses anything to a wall clock.
#[test]
fn needs_root_wall_clocks_that_jump_by_a_day_move_no_leader_and_lose_no_agent() {
    let mut scene = Scene::start(Setup {
        clocks: Clocks::Steerable,
        ..Setup::default()
    });
    let leader = scene.leader();
    let [ahead, behind] = scene.followers(leader);

    for (master, seconds) in [(leader, DAY), (ahead, DAY), (behind, -DAY), (leader, -DAY)] {
        scene.group.set_clock(master, seconds).expect("it jumps");
        scene.write(3);
    }
    scene
        .workload
        .is_known_again(&scene.group)
        .expect("the agent stayed");

    assert_eq!(scene.leader(), leader);
    scene.kill(leader);
    assert_ne!(scene.leader(), leader);
    scene.check();
}
