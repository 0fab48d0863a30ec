//! Strangers at the ports of both sides, and at the addresses that they dial.

use std::time::Duration;

use wormhole_sync_core::{connect::MAX_INCOMING, wire::transit::Role};
use wormhole_sync_testkit::transfer::{Ending, Place, Plan, Stranger, World, direct};

#[test]
fn whoever_else_connects_to_a_port_is_let_go_and_changes_nothing() {
    let key = World::new(1, Plan::default());
    let own = |role| key.key().ready_line(role).as_bytes().to_vec();
    for at in [Role::Sender, Role::Receiver] {
        for said in [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            b"\n".to_vec(),
            b"go\n".to_vec(),
            own(at),                                 // reflected
            own(at.other())[..40].to_vec(),          // half a line
            [&own(at.other())[..80], b"x"].concat(), // and a wrong end
            vec![0xff; 100_000],
        ] {
            let mut world = World::new(1, Plan::default());
            for at_millis in [0, 20, 50, 100, 150] {
                let after = Duration::from_millis(at_millis);
                world.knock(at, after, Stranger::Says(said.clone()));
                world.knock(at, after, Stranger::Echoes);
                world.knock(at, after, Stranger::Mute);
                world.knock(at, after, Stranger::HangsUp);
            }
            world.run();
            assert_eq!(world.ending(Role::Sender), Some(Ending::Delivered));
            assert!(world.use_one_link());
            assert!(world.now() < Duration::from_secs(1));
            world.run_out();
        }
    }
}

#[test]
fn mute_strangers_who_take_every_place_at_one_port_do_not_keep_the_other_side_from_being_reached() {
    let mut world = World::new(1, Plan::default());
    for _ in 0..MAX_INCOMING * 3 {
        world.knock(Role::Sender, Duration::ZERO, Stranger::Mute);
    }
    world.run();
    assert_eq!(world.ending(Role::Sender), Some(Ending::Delivered));
}

#[test]
fn mute_strangers_who_hold_every_place_at_the_only_port_make_room_for_the_peer() {
    for listener in [Role::Sender, Role::Receiver] {
        let mut plan = Plan::default();
        plan.sender.listens = listener == Role::Sender;
        plan.receiver.listens = listener == Role::Receiver;
        let mut world = World::new(1, plan);
        for _ in 0..MAX_INCOMING * 3 {
            world.knock(listener, Duration::ZERO, Stranger::Mute);
        }
        world.run();
        assert_eq!(world.ending(Role::Sender), Some(Ending::Delivered), "{listener:?}");
    }
}

#[test]
fn a_stranger_who_waits_at_the_peers_address_gets_our_line_and_nothing_else() {
    let mut plan = Plan::default();
    plan.receiver.listens = false;
    plan.sender.listens = false;
    plan.receiver.hints = vec![direct("198.51.100.1:1")];
    let mut world = World::new(1, plan);
    world.put("198.51.100.1:1", Place::Holds(Stranger::Echoes));
    world.run();
    assert_eq!(world.path(Role::Sender), None);
    let failed = |role| matches!(world.ending(role), Some(Ending::Failed(_)));
    assert!(failed(Role::Sender) && failed(Role::Receiver));
    assert!(world.now() < Duration::from_secs(5));
}
