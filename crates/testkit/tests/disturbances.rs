//! A server that is killed, connections that are cut or fall silent: in any number, at any moment.

use std::time::Duration;

use proptest::prelude::*;
use wormhole_sync_core::{Code, Wormhole};
use wormhole_sync_testkit::{Return, Told, World};

#[derive(Clone, Debug)]
enum Disturbance {
    Kill(u64),
    Cut(bool),
    Stall(bool),
}

fn disturbance() -> impl Strategy<Value = (u64, Disturbance)> {
    let kinds = prop_oneof![
        (1..100_u64).prop_map(Disturbance::Kill),
        any::<bool>().prop_map(Disturbance::Cut),
        any::<bool>().prop_map(Disturbance::Stall),
    ];
    (1..60_u64, kinds)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_breaks_and_whenever_both_get_the_others_messages(
        seed: u64,
        disturbances in proptest::collection::vec(disturbance(), 0..8),
        messages in 1..5_usize,
    ) {
        let mut world = World::new(seed);
        let both = [world.join("app"), world.join("app")];
        prop_assert!(world.run_until(|world| both.iter().all(|id| world.told(*id).contains(&Told::Connected))));
        world.with(both[0], |wormhole| wormhole.allocate(2).unwrap());
        for id in both {
            for number in 0..messages {
                world.with(id, |wormhole| wormhole.send(vec![u8::try_from(number).unwrap()]).unwrap());
            }
        }
        let mut disturbances = disturbances.into_iter();
        let mut next = disturbances.next();
        let mut typed = false;
        let end = world.now() + Duration::from_secs(20_000);
        while both.iter().any(|id| world.received(*id).len() < messages) {
            if let Some(code) = world.code(both[0]).filter(|_| !typed) {
                typed = true;
                world.with(both[1], |wormhole| wormhole.set_code(Code::parse(&code).ok().unwrap()).unwrap());
            }
            if let Some((steps, kind)) = &mut next {
                *steps -= 1;
                if *steps == 0 {
                    match kind {
                        Disturbance::Kill(seconds) => world.kill_server(Duration::from_secs(*seconds), Return::Full),
                        Disturbance::Cut(first) => world.cut(both[usize::from(*first)]),
                        Disturbance::Stall(first) => world.stall(both[usize::from(*first)]),
                    }
                    next = disturbances.next();
                }
            }
            prop_assert!(world.step() && world.now() < end, "{:?}\n{:?}", world.told(both[0]), world.told(both[1]));
        }
        for id in both {
            let sent: Vec<Vec<u8>> = (0..messages).map(|number| vec![u8::try_from(number).unwrap()]).collect();
            prop_assert_eq!(world.received(id), sent);
            world.with(id, Wormhole::close);
        }
        prop_assert!(world.run_to_end(&both));
        for id in both {
            prop_assert_eq!(world.outcome(id), Some(Ok(())));
        }
    }
}
