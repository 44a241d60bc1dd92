//! The scenario that the options mean.

use std::time::Duration;

use rmc_std::rmc_core::sim::{Chance, Link, Loss, Scenario};

use crate::Failure;
use crate::args::{DEFAULT_DELAY, DEFAULT_LINK_RATE, SimArgs};

/// How long after the last message it is waited for, where the ways are short.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many round trips are waited for beside that.
const PATIENT_ROUND_TRIPS: u32 = 100;
/// For goodput also this often as long as the link needs for all messages.
const PATIENT_TRANSFERS: u32 = 100;
/// How many bytes wait at the sender's link before the sender waits: about what Linux lets a socket have.
const SEND_BUFFER: u64 = 128 << 10;
/// How much waits on the links of those that are never to lose anything: no group fills this.
const LONG_QUEUE: u64 = 1 << 50;

/// Fractions count in steps of 10^-9.
const STEPS: u32 = 1_000_000_000;

/// What is simulated.
pub(super) struct Plan {
    pub(super) scenario: Scenario,
    /// The fraction lost into each receiver, as it was typed or as the preset has it.
    pub(super) loss: f64,
    pub(super) shared_loss: f64,
    /// The mean length of bursts into each receiver.
    pub(super) burst: u32,
    /// The rate of the link that goodput is a share of, in bytes a second; `None`: goodput is not asked for.
    pub(super) link_rate: Option<u64>,
}

/// The scenario of one run, or of one cell of a sweep.
pub(super) fn plan(options: &SimArgs, receivers: u32, loss: Option<f64>) -> Result<Plan, Failure> {
    let mut scenario = Scenario::new(usize::try_from(receivers).unwrap_or(usize::MAX), options.messages());
    (scenario.size, scenario.rate, scenario.seed) = (options.size(), options.rate().unwrap_or(0), options.seed);
    scenario.shared_every = options.shared_every.unwrap_or(0);
    set_links(options, loss, &mut scenario)?;
    set_window(options, &mut scenario);
    let one_way = scenario.ingress.delay.saturating_add(scenario.ingress.jitter);
    scenario.patience = PATIENCE + one_way * 2 * PATIENT_ROUND_TRIPS;
    let link_rate = options.goodput.then(|| limit_sender(options, &mut scenario));
    Ok(Plan {
        loss: loss.unwrap_or_else(|| fraction_of(scenario.ingress.loss.mean())),
        shared_loss: options.shared_loss.unwrap_or_else(|| fraction_of(scenario.egress.loss.mean())),
        burst: options.burst.unwrap_or(scenario.ingress.loss.burst_length()),
        link_rate,
        scenario,
    })
}

fn set_links(options: &SimArgs, loss: Option<f64>, scenario: &mut Scenario) -> Result<(), Failure> {
    let (mut egress, mut ingress) = match options.preset {
        Some(preset) => (preset.egress(), preset.ingress()),
        None => (Link::IDEAL, Link::IDEAL.with_delay(DEFAULT_DELAY)),
    };
    ingress.delay = options.delay.unwrap_or(ingress.delay);
    ingress.jitter = options.jitter.unwrap_or(ingress.jitter);
    // The way back is the same, but for what it would lose.
    scenario.uplink = lossless(egress.clone());
    scenario.feedback = lossless(ingress.clone());
    scenario.slow = match options.slow {
        Some(fraction) => Some(changed("--slow", &ingress.loss, Some(fraction), options.burst)?),
        None => None,
    };
    ingress.loss = changed("--loss", &ingress.loss, loss, options.burst)?;
    egress.loss = changed("--shared-loss", &egress.loss, options.shared_loss, options.burst)?;
    (scenario.egress, scenario.ingress) = (egress, ingress);
    Ok(())
}

/// Makes the link out of the sender one that the sender waits for, and says its rate.
fn limit_sender(options: &SimArgs, scenario: &mut Scenario) -> u64 {
    let rate = options.link_rate.or(scenario.egress.rate).unwrap_or(DEFAULT_LINK_RATE);
    scenario.egress = scenario.egress.clone().with_rate(rate, LONG_QUEUE);
    scenario.send_buffer = Some(SEND_BUFFER);
    let bytes = u128::from(scenario.messages) * scenario.size as u128;
    let seconds = u64::try_from(bytes / u128::from(rate.max(1))).unwrap_or(u64::MAX);
    scenario.patience =
        scenario.patience.saturating_add(Duration::from_secs(seconds).saturating_mul(PATIENT_TRANSFERS));
    rate
}

fn lossless(link: Link) -> Link {
    let rate = link.rate;
    let link = link.with_loss(Loss::None);
    match rate {
        Some(rate) => link.with_rate(rate, LONG_QUEUE),
        None => link,
    }
}

/// A link's loss with another mean or other bursts, where they were given.
fn changed(option: &str, loss: &Loss, fraction: Option<f64>, burst: Option<u32>) -> Result<Loss, Failure> {
    if fraction.is_none() && burst.is_none() {
        return Ok(loss.clone());
    }
    let fraction = fraction.unwrap_or_else(|| fraction_of(loss.mean()));
    let length = burst.unwrap_or_else(|| loss.burst_length());
    let lost = steps(fraction);
    // One datagram at least comes between two bursts; but if all are lost, there is only one burst.
    let shortest = if lost < STEPS { lost.div_ceil(STEPS - lost) } else { 1 };
    if length > 1 && length < shortest {
        return Err(format!(
            "{option}: bursts of {length} with at least one datagram between them lose less than {fraction} of all: \
             set --burst to {shortest} or more, or to 1"
        ));
    }
    Ok(Loss::bursts(Chance::of(lost, STEPS), length))
}

/// So many packets are kept, whatever their size.
fn set_window(options: &SimArgs, scenario: &mut Scenario) {
    let Some(packets) = options.window.and_then(|packets| usize::try_from(packets).ok()) else { return };
    let config = &mut scenario.config;
    let bytes = packets.saturating_mul(config.max_payload());
    (config.backlog_packets, config.receive_window_packets) = (packets, packets);
    config.backlog_bytes = config.backlog_bytes.max(bytes);
    config.receive_window_bytes = config.receive_window_bytes.max(bytes);
    config.receive_total_packets = config.receive_total_packets.max(packets);
    config.receive_total_bytes = config.receive_total_bytes.max(config.receive_window_bytes);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the fraction lies between 0 and 1")]
fn steps(fraction: f64) -> u32 {
    (fraction * f64::from(STEPS)).round() as u32
}

fn fraction_of(chance: Chance) -> f64 {
    f64::from(chance.as_per_million()) / 1e6
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use rmc_std::rmc_core::sim::Preset;

    use super::*;
    use crate::args::{Cli, Command};

    fn planned(arguments: &str) -> Result<Plan, Failure> {
        let cli = Cli::try_parse_from(["rmc", "sim"].into_iter().chain(arguments.split_whitespace()));
        let Command::Sim(options) = cli.expect("the options are valid").command else { panic!("it is sim") };
        plan(&options, 3, options.loss)
    }

    fn scenario(arguments: &str) -> Scenario {
        planned(arguments).expect("it can be").scenario
    }

    #[test]
    fn the_delay_is_the_whole_way_in_both_directions() {
        let scenario = scenario("--delay 7ms --jitter 2ms");
        let millis = Duration::from_millis;
        for link in [&scenario.ingress, &scenario.feedback] {
            assert_eq!((link.delay, link.jitter), (millis(7), millis(2)));
        }
        assert_eq!((&scenario.egress, &scenario.uplink), (&Link::IDEAL, &Link::IDEAL));
    }

    #[test]
    fn losses_are_where_they_are_said_to_be_and_not_on_the_way_back() {
        let scenario = scenario("--loss 0.01 --shared-loss 0.02 --slow 0.5");
        assert_eq!((&scenario.ingress.loss, &scenario.egress.loss), (&Loss::percent(1), &Loss::percent(2)));
        assert_eq!(scenario.slow, Some(Loss::percent(50)));
        assert_eq!((&scenario.feedback.loss, &scenario.uplink.loss), (&Loss::None, &Loss::None));
    }

    #[test]
    fn bursts_keep_the_fraction() {
        let plan = planned("--loss 0.05 --shared-loss 0.02 --burst 20").expect("it can be");
        assert_eq!(plan.scenario.ingress.loss, Loss::bursts(Chance::percent(5), 20));
        assert_eq!(plan.scenario.egress.loss, Loss::bursts(Chance::percent(2), 20));
        assert_eq!((plan.loss, plan.shared_loss, plan.burst), (0.05, 0.02, 20));
    }

    #[test]
    fn a_burst_leaves_one_between_it_and_the_next() {
        assert!(planned("--loss 0.75 --burst 3").is_ok());
        assert!(planned("--loss 0.9 --burst 9").is_ok());
        assert!(planned("--loss 1 --burst 3").is_ok(), "there is nothing between bursts that never end");
        for option in ["--loss", "--shared-loss", "--slow"] {
            let error = planned(&format!("{option} 0.7501 --burst 3")).err().expect("it cannot be");
            assert!(error.contains(option) && error.contains("set --burst to 4"), "{error}");
        }
    }

    #[test]
    fn a_preset_is_changed_only_where_options_say_so() {
        for preset in Preset::ALL {
            let scenario = scenario(&format!("--preset {preset}"));
            assert_eq!((&scenario.ingress, &scenario.egress), (&preset.ingress(), &preset.egress()));
            for (back, link) in [(&scenario.feedback, preset.ingress()), (&scenario.uplink, preset.egress())] {
                assert_eq!((back.delay, back.jitter, back.rate), (link.delay, link.jitter, link.rate));
                assert_eq!(back.loss, Loss::None);
            }
        }
        let plan = planned("--preset wifi").expect("it can be");
        assert_eq!((plan.loss, plan.burst), (0.02, 4));
        let preset = Preset::Wifi.ingress();
        let more = scenario("--preset wifi --loss 0.1").ingress;
        assert_eq!(more, preset.clone().with_loss(Loss::bursts(Chance::percent(10), 4)));
        let later = scenario("--preset wifi --delay 9ms").ingress;
        assert_eq!(later, preset.clone().with_delay(Duration::from_millis(9)));
        let longer = scenario("--preset wifi --burst 8").ingress.loss;
        assert_eq!((longer.mean().as_per_million(), longer.burst_length()), (20_000, 8));
    }

    #[test]
    fn goodput_is_limited_by_the_link_out_of_the_sender_alone() {
        let plan = planned("--goodput --link-rate 1M --loss 0.1").expect("it can be");
        assert_eq!((plan.link_rate, plan.scenario.rate), (Some(1_000_000), 0));
        assert_eq!((plan.scenario.egress.rate, plan.scenario.send_buffer), (Some(1_000_000), Some(SEND_BUFFER)));
        for link in [&plan.scenario.ingress, &plan.scenario.feedback, &plan.scenario.uplink] {
            assert_eq!(link.rate, None);
        }
        let rate = |arguments| planned(arguments).expect("it can be").link_rate;
        assert_eq!(rate("--goodput"), Some(DEFAULT_LINK_RATE));
        assert_eq!(rate("--goodput --preset satellite"), Some(2_500_000));
        assert_eq!(rate("--goodput --preset satellite --link-rate 5"), Some(5));
        assert_eq!((rate("--preset satellite"), scenario("--preset satellite").send_buffer), (None, None));
    }

    #[test]
    fn a_slow_link_is_waited_for() {
        // 28 MB at 1 kB/s.
        let slow = scenario("--goodput --link-rate 1k").patience;
        assert!(slow >= Duration::from_secs(28_000 * 100) && scenario("").patience < 2 * PATIENCE, "{slow:?}");
    }

    #[test]
    fn every_window_is_valid() {
        for window in [16, 8_192, 1 << 24] {
            let config = scenario(&format!("--window {window}")).config;
            assert_eq!((config.backlog_packets, config.receive_window_packets), (window, window));
            assert_eq!(config.validate(), Ok(()));
        }
    }
}
