//! Random problems with finitely many actions.

use collapipe::lyapunov::Action;
use rand::RngExt;
use rand_pcg::Pcg64;

/// One to four states of two to five actions each; the last action keeps every constraint with slack 0.2 at least.
pub fn random_states(rng: &mut Pcg64, constraints: usize) -> Vec<Vec<Action>> {
    (0..rng.random_range(1..5))
        .map(|_| {
            let mut actions: Vec<Action> = (0..rng.random_range(1..5))
                .map(|_| Action {
                    penalty: rng.random_range(-1.0..3.0),
                    violations: (0..constraints).map(|_| rng.random_range(-1.0..2.0)).collect(),
                })
                .collect();
            let slack = (0..constraints).map(|_| -rng.random_range(0.2..1.0)).collect();
            actions.push(Action { penalty: rng.random_range(1.0..6.0), violations: slack });
            actions
        })
        .collect()
}
