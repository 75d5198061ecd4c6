//! What the uploads cost at the least, against every way to share their band.

use super::*;
use crate::solver::network::Network;
use crate::units::Bits;

/// Σ of the uploads' costs with a share of the band for the first of two.
fn shared(network: &Network, weights: &[f64], share: f64) -> f64 {
    let bands = [share, 1.0 - share].map(|share| share * network.band());
    (0..2).map(|n| network.uploads[n].send_alone(weights[n], bands[n]).0.cost).sum()
}

#[test]
fn the_bound_is_the_cheapest_share() {
    for seed in 0..30 {
        let problem = InstanceSize { clusters: 2, devices: 1, blocks: 1, plans: 1, ..InstanceSize::default() };
        let problem = problem.sample(seed).unwrap();
        let network = Network::new(&problem);
        for weight in [1e-6, 0.01, 0.3, 0.5, 0.9, 0.9999] {
            let weights = [weight * network.price(), (1.0 - weight) * network.price()];
            let bound = network.uploads_bound(&weights);
            // The cost is convex in the share: golden sections between the ends.
            let (mut low, mut high) = (1e-9, 1.0 - 1e-9);
            for _ in 0..80 {
                let (a, b) = (low + 0.382 * (high - low), low + 0.618 * (high - low));
                if shared(&network, &weights, a) < shared(&network, &weights, b) { high = b } else { low = a }
            }
            let least = shared(&network, &weights, 0.5 * (low + high));
            assert!(bound <= least * (1.0 + 1e-10), "seed {seed}, {weight}: bound {bound} above {least}");
            assert!(bound >= least * (1.0 - 1e-7), "seed {seed}, {weight}: bound {bound} of {least}");
        }
    }
}

#[test]
fn nothing_to_upload_costs_nothing() {
    let mut spec = sample(InstanceSize { clusters: 2, devices: 1, blocks: 1, ..InstanceSize::default() }, 1);
    spec.clusters.iter_mut().for_each(|cluster| cluster.upload_bits = Bits(0.0));
    let problem = built(spec);
    let network = Network::new(&problem);
    assert_eq!(network.uploads_bound(&[0.3 * network.price(), 0.7 * network.price()]), 0.0);
}
