//! Networks by name.

use std::time::Duration;

use rmc_core::sim::{Link, Loss, Preset, Scenario, UnknownPreset};

use super::world::{MS, SECOND, US, World};

#[test]
fn presets_have_names() {
    let names = ["lan", "wifi", "wan", "satellite", "datacenter"];
    assert_eq!(Preset::ALL.map(Preset::name), names);
    for preset in Preset::ALL {
        assert_eq!(preset.name().parse(), Ok(preset));
        assert_eq!(preset.to_string(), preset.name());
    }
    for other in ["", "LAN", "lan ", "dialup"] {
        assert_eq!(other.parse::<Preset>(), Err(UnknownPreset));
    }
    let error = UnknownPreset.to_string();
    assert!(names.iter().all(|name| error.contains(name)), "{error}");
}

/// The shortest and the longest time that one small datagram takes.
const fn bounds(preset: Preset) -> (Duration, Duration) {
    match preset {
        Preset::Lan => (Duration::from_micros(100), Duration::from_micros(131)),
        Preset::Wifi => (Duration::from_millis(2), Duration::from_micros(5_040)),
        Preset::Wan => (Duration::from_millis(40), Duration::from_micros(44_005)),
        Preset::Satellite => (Duration::from_millis(270), Duration::from_micros(275_020)),
        Preset::Datacenter => (Duration::from_micros(25), Duration::from_micros(31)),
        _ => panic!("a preset that is new to this test"),
    }
}

#[test]
fn presets_take_the_time_that_they_say() {
    for preset in Preset::ALL {
        let mut world = World::new(5, 2, Link::IDEAL, &Link::IDEAL);
        world.sim.set_preset(preset);
        for _ in 0..100 {
            world.send(1, 45);
            world.sim.run_for(SECOND);
        }
        let (least, most) = bounds(preset);
        let got = world.got(0);
        assert!(got.len() >= 90, "{preset}: only {} came", got.len());
        for (seq, at) in got {
            let took = at - SECOND * u32::try_from(seq - 1).expect("few");
            assert!((least..=most).contains(&took), "{preset}: {seq} took {took:?}");
        }
    }
}

#[test]
fn the_default_datagram_fits_every_preset_exactly() {
    for preset in Preset::ALL {
        for (len, count) in [(1_500, 1), (1_501, 0)] {
            let mut world = World::new(5, 1, Link::IDEAL, &Link::IDEAL);
            let lossless = |link: Link| link.with_loss(Loss::None);
            world.sim.set_links(&lossless(preset.egress()), &lossless(preset.ingress()));
            let large = world.sim.add(|config| config.max_datagram = 1_473).expect("a valid configuration");
            world.sim.send(large, &vec![7; len - 44]).expect("there is room");
            world.sim.run_for(SECOND);
            assert_eq!(world.got(0).len(), count, "{preset}, {len} bytes");
        }
    }
}

#[test]
fn a_group_works_on_every_preset() {
    for preset in Preset::ALL {
        let mut scenario = Scenario::new(5, 2_000);
        (scenario.egress, scenario.ingress, scenario.feedback) = (preset.egress(), preset.ingress(), preset.ingress());
        let report = scenario.run().expect("a valid configuration");
        assert!(report.ok, "{preset}: {report:?}");
        let is_lossy = matches!(preset, Preset::Wifi | Preset::Wan | Preset::Satellite);
        assert!(!is_lossy || report.lost_packets > 0, "{preset}: nothing was lost");
        assert!(report.elapsed < 10 * SECOND && report.elapsed > 199 * MS, "{preset}: {:?}", report.elapsed);
        assert!(report.recovery(500).is_none_or(|median| median > 50 * US), "{preset}");
    }
}
