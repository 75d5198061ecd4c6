//! Every certificate of a run, computed again from `record.json` as plain JSON: nothing of the library but the summary
//! that is checked.

use collapipe::report::{summary, write_folder};
use collapipe::scenario::{BUILTIN, ScenarioFile};
use collapipe::simulation::{Effort, Run};
use collapipe::solver::Settings;
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// What the record says of a slot, and of what else was possible in it.
struct Slot {
    penalty: f64,
    violations: Vec<f64>,
    queues: Vec<f64>,
    after: Vec<f64>,
    gap: f64,
    minimum: f64,
    /// Mean penalty and violations of the mixtures: the offline optimum's, the frames', that with slack.
    mixtures: [Option<(f64, Vec<f64>)>; 3],
}

struct Replayed {
    weight: f64,
    prices: Vec<f64>,
    frame: usize,
    slack_frame: usize,
    slots: Vec<Slot>,
}

impl Replayed {
    /// From a record without a convergence constraint, plans' penalties or a warm start.
    fn new(record: &Value) -> Self {
        let budgets: Vec<Option<f64>> = list(&record["nodes"]).iter().map(|node| node["budget_j"].as_f64()).collect();
        let limited: Vec<usize> = (0..budgets.len()).filter(|&node| budgets[node].is_some()).collect();
        let violations = |energy: &Value| -> Vec<f64> {
            let energy = numbers(energy);
            limited.iter().map(|&node| energy[node] / budgets[node].unwrap() - 1.0).collect()
        };
        let comparison = &record["comparison"];
        let prices = numbers(&comparison["multiplier"]);
        let mut queues = vec![0.0; limited.len()];
        let mut slots = Vec::new();
        for (slot, compared) in list(&record["slots"]).iter().zip(list(&comparison["slots"])) {
            let planned = &slot["outcome"]["planned"];
            let own = (number(&planned["latency_s"]), violations(&slot["energy_j"]));
            let mut actions = vec![own.clone()];
            for other in list(&compared["decisions"]) {
                actions.push((number(&other["latency_s"]), violations(&other["energy_j"])));
            }
            let mixture = |weights: &Value| {
                let weights = numbers(weights.as_array().filter(|of| !of.is_empty()).map(|_| weights)?);
                type Mixed = (f64, Vec<f64>);
                let mean = |of: &dyn Fn(&Mixed) -> f64| {
                    weights.iter().zip(&actions).map(|(weight, action)| weight * of(action)).sum::<f64>()
                };
                let mean_violations = (0..limited.len()).map(|k| mean(&|action| action.1[k]));
                Some((mean(&|action| action.0), mean_violations.collect()))
            };
            let after: Vec<f64> = queues.iter().zip(&own.1).map(|(q, g)| f64::max(q + g, 0.0)).collect();
            slots.push(Slot {
                penalty: own.0,
                violations: own.1.clone(),
                queues: queues.clone(),
                after: after.clone(),
                gap: (number(&planned["objective"]) - number(&planned["lower_bound"])).max(0.0),
                minimum: number(&compared["minimum"]),
                mixtures: ["weights", "frame_weights", "slack_weights"].map(|of| mixture(&compared[of])),
            });
            queues = after;
        }
        Self {
            weight: number(&record["provenance"]["latency_weight"]),
            prices: limited.iter().map(|&node| prices[node]).collect(),
            frame: comparison["frame"].as_u64().unwrap() as usize,
            slack_frame: comparison["slack_frame"].as_u64().unwrap_or(0) as usize,
            slots,
        }
    }

    fn mean(&self, of: impl Fn(&Slot) -> f64) -> f64 {
        self.slots.iter().map(of).sum::<f64>() / self.slots.len() as f64
    }

    fn mean_penalty(&self) -> f64 {
        self.mean(|slot| slot.penalty)
    }

    fn end(&self) -> &[f64] {
        &self.slots.last().unwrap().after
    }

    /// Drift beyond Q g, and the gap.
    fn drift(slot: &Slot) -> f64 {
        (dot(&slot.after, &slot.after) - dot(&slot.queues, &slot.queues)) / 2.0 - dot(&slot.queues, &slot.violations)
            + slot.gap
    }

    fn by_mixture(&self, which: usize) -> f64 {
        self.mean(|slot| {
            let (penalty, violations) = slot.mixtures[which].as_ref().unwrap();
            let moved = dot(&slot.queues, violations) - dot(&slot.queues, &slot.violations);
            penalty + (slot.gap + moved) / self.weight
        })
    }

    fn sides(&self, claim: &Value) -> (f64, f64) {
        let slots = self.slots.len() as f64;
        let optimum = |slot: &Slot| slot.mixtures[0].clone().unwrap();
        match claim["name"].as_str().unwrap() {
            "C2" => {
                let best = self.mean(|slot| optimum(slot).0);
                let ends = dot(self.end(), self.end()) / (2.0 * self.weight * slots);
                (self.mean_penalty(), best + self.mean(Self::drift) / self.weight - ends)
            }
            "C3" => (self.mean_penalty(), self.by_mixture(0)),
            "C4" => {
                let level = self.weight * norm(&self.prices);
                let inside = level * level
                    + 2.0
                        * slots
                        * self.mean(|slot| {
                            let (penalty, violations) = optimum(slot);
                            let dearer = self.weight * (penalty - slot.minimum);
                            Self::drift(slot) + dearer + dot(&slot.queues, &violations)
                        });
                (norm(self.end()), level + inside.sqrt())
            }
            "C5" => {
                let (mut value, mut bound) = (0.0_f64, 0.0_f64);
                for frame in self.slots.chunks(self.slack_frame) {
                    let with_slack = |slot: &Slot| slot.mixtures[2].clone().unwrap();
                    let sums = (0..self.prices.len()).map(|k| frame.iter().map(|s| with_slack(s).1[k]).sum::<f64>());
                    let slack = -sums.fold(f64::NEG_INFINITY, f64::max);
                    assert!(slack > 0.0);
                    let above: f64 = frame
                        .iter()
                        .map(|slot| {
                            let (penalty, violations) = with_slack(slot);
                            let since = dot(&slot.queues, &violations) - dot(&frame[0].queues, &violations);
                            Self::drift(slot) + self.weight * (penalty - slot.penalty) + since
                        })
                        .sum();
                    bound = bound.max(above / slack + frame.iter().map(|slot| norm(&slot.violations)).sum::<f64>());
                    value = value.max(norm(&frame.last().unwrap().after));
                }
                (value, bound)
            }
            "C7" => (self.mean_penalty(), self.by_mixture(1)),
            "D" => {
                let priced = self.mean(|slot| dot(&self.prices, &slot.violations));
                (self.mean(|slot| slot.minimum) - priced, self.mean_penalty())
            }
            other => panic!("{other} is not computed here"),
        }
    }
}

fn record(slots: u64, effort: Effort, change: impl FnOnce(&mut ScenarioFile)) -> (Value, Value) {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
    file.spec.slots = slots;
    change(&mut file);
    let scenario = file.build().unwrap();
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let played = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    let mut record = run.record(played);
    record.comparison = Some(record.compare(&scenario, Settings::default(), effort).unwrap());
    let folder = tempfile::tempdir().unwrap();
    write_folder(&record, folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join("record.json")).unwrap();
    (serde_json::from_str(&text).unwrap(), serde_json::to_value(summary(&record)).unwrap())
}

fn check(record: &Value, summary: &Value, wanted: &[&str]) {
    let replayed = Replayed::new(record);
    let claims: Vec<&Value> = list(&summary["certificates"]).iter().filter(|claim| claim["name"] != "C1").collect();
    for name in wanted {
        assert!(claims.iter().any(|claim| claim["name"] == *name), "no {name}: {}", summary["omitted_certificates"]);
    }
    for claim in claims {
        let (value, bound) = replayed.sides(claim);
        let near = |a: f64, b: &Value| (a - number(b)).abs() <= 1e-7 * bound.abs().max(value.abs());
        assert!(near(value, &claim["value"]) && near(bound, &claim["bound"]), "{claim}: {value} {bound}");
        if claim["name"] != "C2" {
            assert!(value <= bound * (1.0 + 1e-9), "{claim}");
        }
    }
    // Mixtures within the constraints are what C3, C7 and C5 speak of.
    for (which, frame) in [(0, replayed.slots.len()), (1, replayed.frame.max(1))] {
        for frame in replayed.slots.chunks(frame) {
            for k in 0..replayed.prices.len() {
                let sum: f64 = frame.iter().filter_map(|slot| slot.mixtures[which].as_ref()).map(|of| of.1[k]).sum();
                assert!(sum <= 1e-4 * frame.len() as f64, "mixture {which}, constraint {k}: {sum}");
            }
        }
    }
}

/// What the run of the built-in scenario has to say at the least, for the effort that is the default.
#[test]
fn built_in_run_by_plain_json() {
    let (record, summary) = record(500, Effort::Quick, |_| {});
    check(&record, &summary, &["C2", "C3", "C4", "D"]);
    let claim = |name| list(&summary["certificates"]).iter().find(|claim| claim["name"] == name).unwrap();
    // Rounds are 0.1 s longer than in the scenario's first form, which had 5 ms of latency per hop in the place of none.
    assert!(number(&claim("C3")["bound"]) <= 119.4 + 0.05);
    assert!(number(&claim("D")["value"]) >= 109.8);
    assert!(number(&claim("C2")["bound"]) <= 135.7);
}

/// Small runs with all that can be found: frames, and mixtures with slack.
#[test]
fn full_certificates_by_plain_json() {
    let (record, summary) = record(40, Effort::Full, |file| {
        for cluster in &mut file.spec.clusters {
            for device in &mut cluster.devices {
                device.budget_j_per_round.iter_mut().for_each(|budget| budget.0 *= 1.5);
            }
            cluster.control_unit.budget_j_per_round.iter_mut().for_each(|budget| budget.0 *= 1.5);
        }
    });
    check(&record, &summary, &["C2", "C3", "C5", "C7", "D"]);
}
