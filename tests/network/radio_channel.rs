//! Channels of a cluster: configuration, gains, reciprocity, reproducibility.

use approx::assert_relative_eq;
use collapipe::network::radio::{
    Channel, ConstantChannel, Correlation, Fading, GeometricChannel, LinkRadio, PathLossModel, Position, Sight,
    SightRule,
};
use collapipe::units::{Hertz, Meters};
use nalgebra::DMatrix;

fn at(x: f64, y: f64) -> Option<Position> {
    Some(Position { x_m: Meters(x), y_m: Meters(y), height_m: None })
}

/// Control unit, three devices, edge server.
fn nodes() -> Vec<Option<Position>> {
    vec![at(0.0, 0.0), at(12.0, 5.0), at(-20.0, 9.0), at(40.0, -30.0), at(60.0, 80.0)]
}

fn faded() -> GeometricChannel {
    let link = |model, carrier, fading| LinkRadio {
        fading,
        correlation: Correlation::Coefficient(0.8),
        ..LinkRadio::new(model, Hertz(carrier))
    };
    GeometricChannel::new(
        link(PathLossModel::D2dOutdoor, 2e9, Fading::Rayleigh),
        link(PathLossModel::UmiStreetCanyon, 3.5e9, Fading::Rician { k_factor_db: 9.0 }),
    )
}

/// Without anything random.
fn plain() -> GeometricChannel {
    let mut config = faded();
    for link in [&mut config.device_links, &mut config.edge_server_links] {
        *link = LinkRadio {
            sight: SightRule::Los,
            shadowing_std_db: Some(0.0),
            ..LinkRadio::new(link.path_loss, link.carrier_hz)
        };
    }
    config
}

#[test]
fn gains_follow_the_link_budget() {
    let mut config = plain();
    config.edge_server.antenna_gain_dbi = 8.0;
    config.device.antenna_gain_dbi = -1.0;
    let mut channel = Channel::geometric(&config, &nodes(), 0, 1).unwrap();
    let gains = channel.next_gains();
    assert_eq!(gains, channel.next_gains(), "nothing fades");
    // Device 1 at (12, 5, 1.5) m, edge server at (60, 80, 10) m.
    let distance = (48f64.powi(2) + 75f64.powi(2) + 8.5f64.powi(2)).sqrt();
    let loss = 32.4 + 21.0 * distance.log10() + 20.0 * 3.5f64.log10();
    assert_relative_eq!(10.0 * gains[(1, 4)].log10(), 7.0 - loss + 174.0 + 30.0 - 5.0, max_relative = 1e-12);
    assert_relative_eq!(10.0 * gains[(4, 1)].log10(), 7.0 - loss + 174.0 + 30.0 - 9.0, max_relative = 1e-12);
    // Control unit to device 1: 13 m at 2 GHz, free space with a device's antenna at one end.
    let free = 46.6 + 20.0 * 13f64.log10() + 20.0 * 0.4f64.log10();
    assert_relative_eq!(10.0 * gains[(0, 1)].log10(), -1.0 - free + 174.0 + 30.0 - 9.0, max_relative = 1e-12);
    assert!(gains.diagonal().iter().all(|gain| *gain == 0.0));
}

#[test]
fn control_unit_links_may_differ() {
    let mut config = plain();
    let before = Channel::geometric(&config, &nodes(), 0, 1).unwrap().next_gains();
    config.control_unit_links = Some(LinkRadio { path_loss: PathLossModel::UmiStreetCanyon, ..config.device_links });
    let after = Channel::geometric(&config, &nodes(), 0, 1).unwrap().next_gains();
    for i in 0..5 {
        for j in 0..5 {
            let control_unit_to_device = i.min(j) == 0 && (1..4).contains(&i.max(j));
            assert_eq!(before[(i, j)] != after[(i, j)], control_unit_to_device, "{i} to {j}");
        }
    }
}

#[test]
fn the_channel_is_reciprocal_and_the_noise_is_the_receivers() {
    let mut channel = Channel::geometric(&faded(), &nodes(), 3, 1).unwrap();
    for _ in 0..20 {
        let gains = channel.next_gains();
        for i in 0..5 {
            for j in 0..i {
                let four_db = if i == 4 { 10f64.powf(0.4) } else { 1.0 };
                assert_relative_eq!(gains[(j, i)], four_db * gains[(i, j)], max_relative = 1e-12);
            }
        }
    }
}

#[test]
fn gains_depend_on_the_seed_alone() {
    let straight: Vec<DMatrix<f64>> = {
        let mut channel = Channel::geometric(&faded(), &nodes(), 2, 77).unwrap();
        (0..30).map(|_| channel.next_gains()).collect()
    };
    assert_ne!(straight[0], straight[1]);
    let mut channel = Channel::geometric(&faded(), &nodes(), 2, 77).unwrap();
    for slot in [29, 3, 3, 17, 0, 28, 5] {
        assert_eq!(channel.gains_at(slot as u64), straight[slot]);
        assert_eq!(channel.slot(), slot as u64 + 1);
    }
    let threads: Vec<_> = (0..4)
        .map(|offset| {
            std::thread::spawn(move || {
                let mut channel = Channel::geometric(&faded(), &nodes(), 2, 77).unwrap();
                (0..30).rev().map(|slot| channel.gains_at((slot + offset) % 30)).collect::<Vec<_>>()
            })
        })
        .collect();
    for (offset, thread) in threads.into_iter().enumerate() {
        for (slot, gains) in (0..30).rev().zip(thread.join().unwrap()) {
            assert_eq!(gains, straight[(slot + offset) % 30]);
        }
    }
    let other = |cluster, seed| Channel::geometric(&faded(), &nodes(), cluster, seed).unwrap().next_gains();
    assert_ne!(other(2, 78), straight[0]);
    assert_ne!(other(1, 77), straight[0]);
}

#[test]
fn fading_in_a_channel_has_mean_one_and_links_are_independent() {
    let mut config = faded();
    config.device_links.sight = SightRule::Nlos;
    config.edge_server_links.sight = SightRule::Los;
    for link in [&mut config.device_links, &mut config.edge_server_links] {
        link.shadowing_std_db = Some(0.0);
        link.correlation = Correlation::Coefficient(0.0);
    }
    let mut still = config.clone();
    still.device_links.fading = Fading::None;
    still.edge_server_links.fading = Fading::None;
    let mean = Channel::geometric(&still, &nodes(), 0, 1).unwrap().next_gains();
    let mut channel = Channel::geometric(&config, &nodes(), 0, 1).unwrap();
    let slots = 20_000;
    let powers: Vec<[f64; 3]> = (0..slots)
        .map(|_| {
            let gains = channel.next_gains();
            [(0, 1), (1, 2), (2, 4)].map(|link| gains[link] / mean[link])
        })
        .collect();
    let tolerance = 5.0 / f64::from(slots).sqrt();
    let average = |f: &dyn Fn(&[f64; 3]) -> f64| powers.iter().map(f).sum::<f64>() / f64::from(slots);
    for link in 0..3 {
        assert!((average(&|p| p[link]) - 1.0).abs() < tolerance);
    }
    assert!(average(&|p| (p[0] - 1.0) * (p[1] - 1.0)).abs() < tolerance);
    // The line-of-sight link is Rician: (1 + 2K)/(1 + K)^2 at 9 dB.
    let k = 10f64.powf(0.9);
    assert!((average(&|p| (p[2] - 1.0).powi(2)) - (1.0 + 2.0 * k) / (1.0 + k).powi(2)).abs() < tolerance);
}

#[test]
fn what_was_drawn_is_told() {
    let channel = Channel::geometric(&faded(), &nodes(), 0, 1).unwrap();
    assert_eq!(channel.nodes(), 5);
    assert_eq!(channel.links().len(), 10);
    for link in channel.links() {
        let expected = link.path_loss.loss_db(
            link.sight,
            link.geometry,
            Hertz(match link.path_loss {
                PathLossModel::D2dOutdoor => 2e9,
                _ => 3.5e9,
            }),
        );
        assert_eq!(expected.unwrap(), link.loss_db);
        assert!(!link.is_extrapolated());
    }
    let mut far = nodes();
    far[4] = at(6000.0, 0.0);
    let mut config = faded();
    config.edge_server_links.sight = SightRule::Nlos;
    let channel = Channel::geometric(&config, &far, 0, 1).unwrap();
    for link in channel.links() {
        assert_eq!(link.is_extrapolated(), link.nodes.1 == 4);
        assert!(link.nodes.1 != 4 || link.sight == Sight::Nlos);
    }
}

#[test]
fn a_constant_channel_is_what_it_was_given() {
    let rows = vec![vec![0.0, 1e9, 0.0], vec![2e9, 0.0, 3e9], vec![0.0, 4e9, 0.0]];
    let mut channel = Channel::constant(&ConstantChannel { gain_to_noise_hz_per_w: rows.clone() }).unwrap();
    for slot in [0, 5, u64::MAX] {
        let gains = channel.gains_at(slot);
        for (i, row) in rows.iter().enumerate() {
            for (j, gain) in row.iter().enumerate() {
                assert_eq!(gains[(i, j)], *gain);
            }
        }
    }
}

#[test]
fn bad_constant_channels() {
    for (rows, text) in [
        (vec![vec![0.0; 2]; 2], "constant.gain_to_noise_hz_per_w = 2 rows: must be a matrix over at least 3"),
        (vec![vec![0.0; 3], vec![0.0; 2], vec![0.0; 3]], "constant.gain_to_noise_hz_per_w[1] = 2 gains: must be 3"),
        (vec![vec![0.0, -1.0, 0.0], vec![0.0; 3], vec![0.0; 3]], "constant.gain_to_noise_hz_per_w[0][1] = -1: must"),
        (vec![vec![0.0; 3], vec![0.0, 0.0, f64::NAN], vec![0.0; 3]], "constant.gain_to_noise_hz_per_w[1][2] = NaN"),
        (vec![vec![1.0, 0.0, 0.0], vec![0.0; 3], vec![0.0; 3]], "constant.gain_to_noise_hz_per_w[0][0] = 1: must be 0"),
    ] {
        let error = Channel::constant(&ConstantChannel { gain_to_noise_hz_per_w: rows }).unwrap_err().to_string();
        assert!(error.starts_with(text), "{error}");
    }
}

#[test]
fn bad_geometric_channels() {
    type Change = fn(&mut GeometricChannel, &mut Vec<Option<Position>>);
    let cases: [(Change, &str); 15] = [
        (|c, _| c.device_links.carrier_hz = Hertz(-1.0), "geometric.device_links.carrier_hz = -1: must be in [7.58e8"),
        (|c, _| c.edge_server_links.shadowing_std_db = Some(-1.0), "geometric.edge_server_links.shadowing_std_db = -1"),
        (
            |c, _| c.edge_server_links.fading = Fading::Rician { k_factor_db: f64::NAN },
            "geometric.edge_server_links.fading.rician.k_factor_db = NaN: must be in [-100, 100] dB",
        ),
        (
            |c, _| {
                c.control_unit_links = Some(LinkRadio { correlation: Correlation::Coefficient(2.0), ..c.device_links })
            },
            "geometric.control_unit_links.correlation.coefficient = 2: must be in [-1, 1]",
        ),
        (|c, _| c.device.noise_figure_db = -3.0, "geometric.device.noise_figure_db = -3: must be in [0, 60] dB"),
        (|c, _| c.control_unit.antenna_gain_dbi = 90.0, "geometric.control_unit.antenna_gain_dbi = 90: must be"),
        (|c, _| c.edge_server.height_m = Meters(-2.0), "geometric.edge_server.height_m = -2: must be"),
        (|c, _| c.noise_density_dbm_per_hz = 0.0, "geometric.noise_density_dbm_per_hz = 0: must be in [-204, -100]"),
        (|_, n| n.truncate(2), "nodes = 2: must be 3 to"),
        (|_, n| n.clear(), "nodes = 0: must be 3 to"),
        (|_, n| n[2] = None, "nodes[2].position = none: must be given: the channel is geometric"),
        (|_, n| n[1] = at(f64::NAN, 0.0), "nodes[1].position.x_m = NaN: must be"),
        (|_, n| n[1] = at(0.0, f64::INFINITY), "nodes[1].position.y_m = inf: must be"),
        (
            |_, n| n[3].as_mut().unwrap().height_m = Some(Meters(0.8)),
            "nodes[3].position.height_m = 0.8: must be in [1.5, 10] m, the lower antenna with path loss d2d-outdoor",
        ),
        (
            |_, n| n[4].as_mut().unwrap().height_m = Some(Meters(80.0)),
            "nodes[4].position.height_m = 80: must be in [1.5, 50] m, the upper antenna with path loss umi-street-canyon",
        ),
    ];
    for (change, text) in cases {
        let (mut config, mut nodes) = (faded(), nodes());
        change(&mut config, &mut nodes);
        let error = Channel::geometric(&config, &nodes, 0, 1).unwrap_err().to_string();
        assert!(error.starts_with(text), "{error}");
    }
}

#[test]
fn nodes_may_share_a_place() {
    let nodes = vec![at(0.0, 0.0); 4];
    let gains = Channel::geometric(&faded(), &nodes, 0, 1).unwrap().next_gains();
    assert!(gains.iter().all(|gain| gain.is_finite()));
}

#[cfg(feature = "cli")]
mod toml_files {
    use collapipe::network::radio::ChannelConfig;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Scenario {
        channel: ChannelConfig,
    }

    #[test]
    fn the_documentation_parses() {
        let page = include_str!("../../docs/radio.md");
        let blocks: Vec<&str> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert_eq!(blocks.len(), 3);
        for block in blocks {
            let scenario: Scenario = toml::from_str(block).unwrap();
            scenario.channel.validate("channel").unwrap();
            let again: ChannelConfig = toml::from_str(&toml::to_string(&scenario.channel).unwrap()).unwrap();
            assert_eq!(again, scenario.channel);
        }
        let ChannelConfig::Geometric(config) =
            toml::from_str::<Scenario>(page.split("```").nth(1).unwrap().trim_start_matches("toml\n")).unwrap().channel
        else {
            panic!("the first block is geometric");
        };
        assert_eq!(
            config,
            GeometricChannel {
                device_links: LinkRadio {
                    fading: Fading::Rayleigh,
                    shadowing_std_db: Some(7.0),
                    correlation: Correlation::Coefficient(0.9),
                    ..LinkRadio::new(PathLossModel::D2dOutdoor, Hertz(2e9))
                },
                ..GeometricChannel::new(config.device_links, config.edge_server_links)
            }
        );
        Channel::geometric(&config, &nodes(), 0, 1).unwrap();
    }

    #[test]
    fn bad_files_name_line_and_field() {
        let good = "[channel.geometric.device_links]\npath_loss = \"d2d-outdoor\"\ncarrier_hz = 2e9\n\
                    [channel.geometric.edge_server_links]\npath_loss = \"uma\"\ncarrier_hz = 2e9\n";
        toml::from_str::<Scenario>(good).unwrap();
        for (from, to, line, field) in [
            ("d2d-outdoor", "d2d_outdoor", "line 2", "d2d_outdoor"),
            ("carrier_hz = 2e9\n[", "carrier_ghz = 2.0\n[", "line 3", "carrier_ghz"),
            ("carrier_hz = 2e9\n[", "[", "line 1", "carrier_hz"),
            ("carrier_hz = 2e9\n[", "carrier_hz = \"2e9\"\n[", "line 3", "carrier_hz"),
            ("\"uma\"", "\"uma\"\nfading = \"rice\"", "line 6", "rice"),
            ("\"uma\"", "\"uma\"\nfading = { rician = { k_db = 9.0 } }", "line 6", "k_db"),
            ("\"uma\"", "\"uma\"\ncorrelation = { jakes = { doppler_speed_m_per_s = 1.0 } }", "line 6", "slot_seconds"),
            ("\"uma\"", "\"uma\"\nsight = \"maybe\"", "line 6", "maybe"),
            ("channel.geometric.edge", "channel.geometrical.edge", "line", "geometric"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            let error = toml::from_str::<Scenario>(&text).unwrap_err().to_string();
            assert!(error.contains(line) && error.contains(field), "{to}: {error}");
        }
        let scenario: Scenario = toml::from_str(&good.replacen("carrier_hz = 2e9", "carrier_hz = -1", 1)).unwrap();
        let error = scenario.channel.validate("channel").unwrap_err().to_string();
        assert!(error.starts_with("channel.geometric.device_links.carrier_hz = -1: must be in ["), "{error}");
    }

    #[test]
    fn a_configuration_makes_its_channel() {
        let constant: ChannelConfig =
            toml::from_str("constant = { gain_to_noise_hz_per_w = [[0, 1, 1], [1, 0, 1], [1, 1, 0]] }").unwrap();
        assert_eq!(constant.channel(&[None; 3], &[], 0, 1).unwrap().next_gains()[(0, 2)], 1.0);
        let error = constant.channel(&[None; 4], &[], 0, 1).unwrap_err().to_string();
        assert!(error.starts_with("constant.gain_to_noise_hz_per_w = 3 rows: must be as many"), "{error}");
        assert!(constant.load_traces(std::path::Path::new(".")).unwrap().is_empty());

        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(folder.join("two_seconds.csv"), "mbps\n10\n20\n").unwrap();
        let replay: ChannelConfig = toml::from_str(
            "[trace]\nfile = \"two_seconds.csv\"\nnames = [\"two_seconds\"]\nreference_band_hz = 1e7\n\
             reference_power_w = 1\nseconds_per_slot = 1\nstart_s = 0",
        )
        .unwrap();
        let traces = replay.load_traces(folder).unwrap();
        let mut channel = replay.channel(&[None; 3], &traces, 0, 1).unwrap();
        assert_eq!(channel.next_gains()[(0, 1)], 1e7);
        assert_relative_eq!(channel.next_gains()[(0, 1)], 3e7, max_relative = 1e-12);
        assert!(replay.load_traces(std::path::Path::new("elsewhere")).is_err());

        let geometric = ChannelConfig::Geometric(faded());
        assert_eq!(
            geometric.channel(&nodes(), &[], 1, 2).unwrap().next_gains(),
            Channel::geometric(&faded(), &nodes(), 1, 2).unwrap().next_gains()
        );
    }
}
