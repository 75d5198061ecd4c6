//! The path of a service: states from measurements, a controller beside the run, and what is said meanwhile.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use collapipe::lyapunov::FleetController;
use collapipe::network::device::{DevicePreset, EdgeServerPreset};
use collapipe::problem::{Answer, ControlUnit, Device, EdgeServer, Gains, SlotProblem};
use collapipe::scenario::{BUILTIN, MeasurementError, Scenario, ScenarioFile, SlotError, SlotState};
use collapipe::simulation::{Run, RunError, SlotOutcome};
use collapipe::solver::{Settings, Solution, Solver, Stop, solve};
use collapipe::{Blame, Blamed};
use nalgebra::DMatrix;
use tracing::{Dispatch, Level};

use crate::support::folder;
use crate::support::scenario::{SMALL, changed, read};

fn builtin(slots: u64) -> Scenario {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
    file.spec.slots = slots;
    file.build().unwrap()
}

/// What a service would have measured of a state: nothing of absent devices.
fn measure(state: &SlotState) -> (Vec<Vec<usize>>, Vec<Gains>) {
    let unseen = state.present().iter().zip(state.gains()).map(|(present, mut gains)| {
        let nodes = gains.0.nrows();
        let absent = (1..nodes - 1).filter(|node| !present.contains(&(node - 1)));
        for node in absent.chain([nodes - 1]) {
            if node < nodes - 1 {
                gains.0.row_mut(node).fill(f64::NAN);
                gains.0.column_mut(node).fill(f64::NAN);
            }
            gains.0[(node, node)] = f64::NAN;
        }
        gains
    });
    // In any order.
    (state.present().iter().map(|present| present.iter().rev().copied().collect()).collect(), unseen.collect())
}

#[test]
fn measured_states_are_those_of_the_sampler() {
    let scenario = builtin(40);
    let mut sampler = scenario.sampler();
    let mut absences = 0;
    for slot in 0..40 {
        let drawn = sampler.next_slot();
        let (present, gains) = measure(&drawn);
        absences += gains.iter().filter(|gains| gains.0[(0, 1)].is_nan() || gains.0[(0, 4)].is_nan()).count();
        let measured = SlotState::measured(&scenario, slot, present, gains).unwrap();
        assert_eq!((measured.slot(), measured.present()), (slot, drawn.present()));
        let price = |node: usize| 0.01 * node as f64;
        assert_eq!(measured.problem(price), drawn.problem(price));
    }
    assert!(absences > 0, "everybody was always there");
}

/// A loop of one's own over measured states, stopped and restarted in the middle, against the run.
#[test]
fn a_service_with_the_same_members_has_the_queues_of_the_run() {
    let scenario = builtin(30);
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let mut sampler = scenario.sampler();
    let nodes = scenario.nodes();
    let mut fleet = FleetController::new();
    fleet.set_members(nodes.iter().map(|node| (node.name.as_str(), node.budget))).unwrap();
    let mut solver = Solver::new(Settings::default()).unwrap();
    let state = folder("service").join("state.json");
    for slot in 0..30 {
        let (present, gains) = measure(&sampler.next_slot());
        let measured = SlotState::measured(&scenario, slot, present, gains).unwrap();
        let instance = measured.problem(|node| fleet.price(&nodes[node].name).unwrap()).unwrap();
        let solution = solver.solve_until(&instance.problem, &Stop::default()).unwrap();
        let spent = instance.energies(&scenario, &solution.certified().unwrap().evaluation.clusters);
        fleet
            .spend(nodes.iter().zip(spent.iter().copied()).map(|(node, energy)| (node.name.as_str(), energy)))
            .unwrap();
        let played = run.next().unwrap().unwrap();
        assert_eq!(spent, played.energy_j);
        for (k, node) in nodes.iter().enumerate() {
            assert_eq!(fleet.queue(&node.name).unwrap(), played.queues[k], "slot {slot}, {}", node.name);
            assert_eq!(fleet.certificate(&node.name), run.certificate(k));
        }
        if slot == 14 {
            fleet.save(&state).unwrap();
            (fleet, solver) = (FleetController::load(&state).unwrap(), Solver::new(Settings::default()).unwrap());
        }
    }
    assert!(nodes.iter().any(|node| fleet.queue(&node.name).unwrap() > 0.0), "nothing was at stake");
}

#[test]
fn measurements_that_do_not_fit_are_refused() {
    let scenario = read(SMALL).unwrap();
    let gains = || DMatrix::from_element(4, 4, 1e12);
    let refused = |present: Vec<Vec<usize>>, gains: Vec<DMatrix<f64>>| {
        let gains = gains.into_iter().map(Gains).collect();
        let error = SlotState::measured(&scenario, 0, present, gains).unwrap_err();
        assert_eq!(error.blame(), Blame::Input);
        error.to_string()
    };
    let clusters = refused(vec![], vec![gains()]);
    assert_eq!(clusters, "present: a list of 0, must be one of 1, the number of clusters");
    let clusters = refused(vec![vec![0]], vec![gains(), gains()]);
    assert_eq!(clusters, "gains: a list of 2, must be one of 1, the number of clusters");
    let device = refused(vec![vec![0, 2]], vec![gains()]);
    assert_eq!(device, "present[0]: device 2 of desk, must be below 2");
    assert_eq!(refused(vec![vec![1, 0, 1]], vec![gains()]), "present[0]: device 1 of desk is named twice");
    let shape = refused(vec![vec![0]], vec![DMatrix::zeros(3, 4)]);
    assert!(shape.starts_with("gains[0]: 3 x 4, must be 4 x 4: the control unit, 2 devices of desk"), "{shape}");
    for bad in [f64::NAN, -1.0, f64::INFINITY, 1e31, 1e-31] {
        let mut wrong = gains();
        wrong[(1, 3)] = bad;
        // Nobody asks about a link of a device that is not there.
        let present = vec![vec![1]];
        SlotState::measured(&scenario, 0, present, vec![Gains(wrong.clone())]).unwrap().problem(|_| 0.0).unwrap();
        let gain = refused(vec![vec![0]], vec![wrong]);
        let named = format!("gains[0][1][3] = {bad:?} (in desk, from pi to edge-server): must be 0 (no link) or in");
        assert!(gain.starts_with(&named), "{gain}");
    }
    let nobody = SlotState::measured(&scenario, 0, vec![vec![]], vec![Gains(gains())]).unwrap();
    assert!(matches!(nobody.problem(|_| 0.0), Err(SlotError::NoDevices { devices: 2, .. })));

    assert_eq!(scenario.device("desk", "phone").unwrap(), (0, 1));
    assert!(matches!(scenario.device("table", "phone"), Err(MeasurementError::UnknownCluster { nearest: None, .. })));
    let meant = scenario.device("desk", "phon").unwrap_err().to_string();
    assert_eq!(meant, "no device of desk is named phon; did you mean phone?");
    let meant = scenario.device("desc", "phone").unwrap_err().to_string();
    assert_eq!(meant, "no cluster is named desc; did you mean desk?");
}

/// A scenario without a radio of its own: a run of it has no states.
#[test]
fn a_measured_scenario_is_planned_but_not_run() {
    let channel = "channel = \"measured\"\n\n[model]";
    let (from, to) = (SMALL.find("[channel.geometric").unwrap(), SMALL.find("[[clusters]]").unwrap());
    let text = SMALL.replace(&SMALL[from..to], "").replacen("[model]", channel, 1);
    let scenario = read(&text).unwrap();
    let error = Run::new(&scenario, Settings::default()).unwrap_err();
    assert!(matches!(&error, RunError::Measured { cluster } if cluster == "desk"));
    assert!(error.blame() == Blame::Input && error.to_string().contains("SlotState::measured"), "{error}");
    let gains = vec![Gains(DMatrix::from_element(4, 4, 1e12))];
    let state = SlotState::measured(&scenario, 0, vec![vec![0, 1]], gains).unwrap();
    assert!(solve(&state.problem(|_| 0.0).unwrap().problem, &Settings::default()).unwrap().certified().is_some());
}

/// A preset's numbers are the same by way of a scenario and in a problem built by hand.
#[test]
fn profiles_are_nodes_of_a_slot_problem() {
    let scenario = read(SMALL).unwrap();
    let problem = scenario.sampler().next_slot().problem(|_| 0.0).unwrap().problem;
    let cluster = &problem.clusters[0];
    let named = |preset: DevicePreset, name: &str| Device { name: Some(name.into()), ..Device::from(preset.profile()) };
    let names: Vec<&str> = cluster.devices.iter().filter_map(|device| device.name.as_deref()).collect();
    assert_eq!(cluster.devices[0], named(DevicePreset::RaspberryPi4, names[0]));
    assert_eq!(cluster.devices[1], named(DevicePreset::PhoneNote10, names[1]));
    assert_eq!(cluster.control_unit, ControlUnit::from(DevicePreset::RaspberryPi4.profile()));
    assert_eq!(cluster.edge_server, EdgeServer::from(EdgeServerPreset::Rtx3090.profile()));
}

/// Solutions, with a decision and without, and settings.
#[test]
fn solutions_are_read_as_they_were_written() {
    let scenario = read(SMALL).unwrap();
    let problem = scenario.sampler().next_slot().problem(|_| 0.3).unwrap().problem;
    let mut spec = problem.clone().into_spec();
    spec.clusters[0].devices[0].memory_bytes = collapipe::units::Bytes(0.0);
    for (problem, feasible) in [(problem, true), (SlotProblem::new(spec).unwrap(), false)] {
        let solution = solve(&problem, &Settings::default()).unwrap();
        assert_eq!(solution.certified().is_some(), feasible);
        let text = serde_json::to_string(&solution).unwrap();
        assert_eq!(serde_json::from_str::<Solution>(&text).unwrap(), solution, "{text}");
        let answer = solution.to_answer();
        assert_eq!(serde_json::from_value::<Answer>(serde_json::to_value(&answer).unwrap()).unwrap(), answer);
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is said by events while something is done, line by line.
///
/// Tests share the process. An event that is met first on a thread that listens to nothing is taken for one that nobody wants, for as
/// long as there is one listener alone; a second one, which is never used, makes every listener be asked.
fn said(level: Level, done: impl FnOnce()) -> Vec<String> {
    static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::fmt().finish()));
    LazyLock::force(&SECOND);
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_ansi(false).without_time();
    tracing::subscriber::with_default(subscriber.with_writer(move || writer.clone()).finish(), done);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_solve_says_what_it_does() {
    let scenario = read(SMALL).unwrap();
    let problem = scenario.sampler().next_slot().problem(|_| 0.0).unwrap().problem;
    let solution = solve(&problem, &Settings::default()).unwrap();
    let best = solution.certified().unwrap();
    let lines = said(Level::DEBUG, || drop(solve(&problem, &Settings::default())));
    let [begins, ends] = &lines[..] else { panic!("{lines:?}") };
    assert!(begins.starts_with("DEBUG collapipe::solver: solve begins clusters=1 devices=2 blocks=2"), "{begins}");
    let expected = format!(
        "DEBUG collapipe::solver: solve ends status=\"optimal\" objective={:?} lower_bound={:?} gap={:?} nodes={} iterations={}",
        best.objective(),
        best.lower_bound,
        best.gap,
        solution.work.nodes,
        solution.work.iterations
    );
    assert_eq!(ends, &expected);

    let mut spec = problem.clone().into_spec();
    spec.clusters[0].devices[0].memory_bytes = collapipe::units::Bytes(0.0);
    let infeasible = SlotProblem::new(spec).unwrap();
    let lines = said(Level::DEBUG, || drop(solve(&infeasible, &Settings::default())));
    assert!(lines[1].contains("status=\"infeasible\" reasons=clusters[0].devices[0].memory_bytes"), "{lines:?}");

    let hurried = Settings { time_limit: Some(std::time::Duration::ZERO), ..Settings::default() };
    let mut none = false;
    let lines = said(Level::WARN, || none = solve(&problem, &hurried).is_err());
    assert_eq!(lines.len(), usize::from(none), "{lines:?}");
    assert!(
        lines.iter().all(|line| line.contains("WARN collapipe::solver: solve ends without a decision")),
        "{lines:?}"
    );
}

#[test]
fn a_run_says_what_becomes_of_its_slots() {
    // Nobody is there in slot 1, and nobody could mean so long a slot list.
    let text = changed("budget_j_per_round = 2.0", "budget_j_per_round = 2.0\nabsent_slots = [1, 99]");
    let text = text.replacen("preset = \"phone-note10\"", "preset = \"phone-note10\"\nabsent_slots = [1]", 1);
    let mut outcomes = Vec::new();
    let play = |outcomes: &mut Vec<SlotOutcome>| {
        let scenario = read(&text).unwrap();
        let run = Run::new(&scenario, Settings::default()).unwrap();
        outcomes.extend(run.take(3).map(|slot| slot.unwrap().outcome));
    };
    let lines = said(Level::DEBUG, || play(&mut outcomes));
    let of = |target: &str| lines.iter().filter(|line| line.contains(target)).collect::<Vec<_>>();
    let notes = of("WARN collapipe::scenario: look at the scenario");
    assert!(notes.len() == 1 && notes[0].contains("absent_slots"), "{notes:?}");
    let slots = of("collapipe::simulation");
    assert_eq!(slots.len(), 4, "{slots:?}");
    assert!(
        slots[0].starts_with("INFO collapipe::simulation: run begins scenario=\"small\" seed=1 slots=20"),
        "{slots:?}"
    );
    assert!(
        slots[2].starts_with("INFO collapipe::simulation: no round is possible slot=1 present=0 reason="),
        "{slots:?}"
    );
    assert!(matches!(outcomes[1], SlotOutcome::Outage(_)));
    for (slot, line) in [(0, 1), (2, 3)] {
        let SlotOutcome::Planned(planned) = &outcomes[slot] else { panic!("slot {slot}") };
        let latency = planned.latency_s.0;
        let begin =
            format!("DEBUG collapipe::simulation: round is planned slot={slot} present=2 latency_s={latency:?}");
        assert!(slots[line].starts_with(&begin), "{}", slots[line]);
    }
    assert_eq!(of("solve ends").len(), 2);
    assert_eq!(said(Level::ERROR, || play(&mut outcomes)), Vec::<String>::new());
}
