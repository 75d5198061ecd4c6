//! The page of a run, from its record alone.

use super::super::claims::sentences;
use super::super::digest::{OfRound, Stretch};
use super::super::figures::RunView;
use super::super::series::{budget, devices};
use super::super::summary::{NodeSummary, Summary};
use super::super::table::{number, or_dash, percent, plan_in_words, significant};
use super::super::text::{node_row, said};
use super::super::tidy::node_name;
use super::super::verdict::Kept;
use super::values::{Values, values};
use super::{Chart, Picture, RoundView, Shown, Tone, begin, end, facts, figure, put, round, table, verdict};
use crate::lyapunov::certificate::CertificateName;
use crate::schedule::{MAX_DRAWN, Schedule, Timeline};
use crate::simulation::{ClusterPlan, RunRecord, SlotRecord};

/// Most slots whose values figures tell.
const MOST_TOLD: usize = 1000;

/// What the figures of a run show, by the name of their file, and under which name [`told`] has their values.
const CAPTIONS: [(&str, &str, Option<&str>, &str); 5] = [
    ("latency.svg", "Round latency", Some("latency"), "How long every round takes, and the mean so far."),
    (
        "queues.svg",
        "Virtual energy queues",
        Some("queues"),
        "How far each node is behind its budget: a level queue means that the budget is kept in the long run.",
    ),
    (
        "energy.svg",
        "Energy spent against budget",
        Some("energy"),
        "Average per slot so far; where a node has a budget as a share of it: at or below 1 it is kept.",
    ),
    (
        "segments.svg",
        "Encoder blocks per device",
        Some("segments"),
        "Who holds how much of the model, round after round.",
    ),
    (
        "certificates.svg",
        "What the run proves",
        None,
        "The run's mean latency and queues between bounds that hold for any way to decide.",
    ),
];

/// A round to show.
pub(in crate::report) struct Typical<'a> {
    pub(in crate::report) slot: &'a SlotRecord,
    /// Whether its latency is the median of all; otherwise it is the closest one of those that are at hand.
    pub(in crate::report) median: bool,
}

impl<'a> Typical<'a> {
    /// The round whose latency is the median of all: of two in the middle the shorter one.
    pub(in crate::report) fn of(record: &'a RunRecord) -> Option<Self> {
        let mut rounds: Vec<_> =
            record.slots.iter().filter_map(|slot| Some((slot, slot.planned()?.latency_s.0))).collect();
        rounds.sort_by(|a, b| a.1.total_cmp(&b.1));
        let middle = rounds.len().checked_sub(1)? / 2;
        rounds.get(middle).map(|(slot, _)| Self { slot, median: true })
    }

    /// Of these rounds the one whose latency is closest to the median.
    pub(in crate::report) fn near(rounds: &'a [SlotRecord], median: f64) -> Option<Self> {
        let far = rounds.iter().filter_map(|slot| Some((slot, (slot.planned()?.latency_s.0 - median).abs())));
        let (slot, off) = far.min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(Self { slot, median: off == 0.0 })
    }
}

/// The page; `drawn` are the run's figures by the name of their file, `files` the names of what lies beside it.
pub(in crate::report) fn run_page(
    view: &RunView,
    summary: &Summary,
    typical: Option<&Typical>,
    drawn: &[Shown],
    files: &[&str],
) -> String {
    let record = view.record;
    let from = &summary.provenance;
    let mut page = begin(if from.scenario.is_empty() { "A run" } else { &from.scenario });
    first(&mut page, summary);
    nodes(&mut page, summary);
    plans(&mut page, summary);
    if let Some(typical) = typical {
        typical_round(&mut page, record, typical);
    }
    page.push_str("<h2>Round after round</h2>\n");
    values(&mut page, &told(view));
    for (file, title, of, caption) in CAPTIONS {
        if let Some(shown) = drawn.iter().find(|shown| shown.name == file) {
            figure(&mut page, &Picture { title, caption, of, ..shown.picture() });
        }
    }
    proofs(&mut page, summary);
    page.push_str("<h2>Files</h2>\n<p>Beside this page, for notebooks and other programs: ");
    let links = files.iter().map(|file| format!("<a href=\"{file}\">{file}</a>"));
    put(&mut page, format_args!("{}.</p>\n", links.collect::<Vec<_>>().join(", ")));
    let digest = format!("Scenario {}, seed {}, V = {} per s.", from.scenario_digest, from.seed, from.latency_weight);
    let model = "All numbers are of our own reconstruction of the system in CollaPipe (arXiv 2509.19855): none of them is one of the paper's.";
    end(&mut page, [format!("collapipe {}, policy {}. {digest}", from.version, from.policy), model.into()]);
    page
}

/// The verdict and the numbers that matter most.
fn first(page: &mut String, summary: &Summary) {
    let outages = summary.slots - summary.planned.min(summary.slots);
    let (tone, mut lines) = match &summary.budgets {
        None => (if outages == 0 { Tone::Good } else { Tone::Mid }, vec!["No node has an energy budget.".to_owned()]),
        Some(of) => {
            let tone = match of.verdict {
                Kept::Kept => Tone::Good,
                Kept::CannotBeKept => Tone::Bad,
                Kept::Settling | Kept::NotKnown => Tone::Mid,
            };
            (tone, of.to_string().lines().map(|line| line.trim().to_owned()).collect())
        }
    };
    match summary.latency {
        Some(latency) => lines.push(format!(
            "A round takes {} s on average; half of them at most {} s, nine of ten at most {} s.",
            number(latency.mean_s.0),
            number(latency.p50_s.0),
            number(latency.p90_s.0)
        )),
        None => lines.push("No slot had a round.".into()),
    }
    lines.extend(summary.measured.map(|measured| measured.to_string()));
    let bound = summary.certificates.iter().find(|claim| claim.name == CertificateName::D && claim.is_verified());
    if let Some(claim) = bound {
        lines.push(format!(
            "No way to decide that spends no more, even one that knows the future, is below {} s on average: proved.",
            number(claim.value)
        ));
    }
    verdict(page, if summary.planned == 0 { Tone::Bad } else { tone }, &lines);
    let mut shown = vec![("slots", summary.slots.to_string()), ("without a round", outages.to_string())];
    if let Some(latency) = summary.latency {
        shown.push(("mean latency", format!("{} s", number(latency.mean_s.0))));
    }
    if let Some(budgets) = &summary.budgets {
        shown.push(("fullest budget", format!("{} %", percent(budgets.worst_share))));
    }
    if let Some(gap) = summary.gap {
        shown.push(("largest proved gap", format!("{:.1e}", gap.max)));
    }
    facts(page, &shown);
    if !summary.outages.is_empty() {
        let rows: Vec<_> = summary.outages.iter().map(|of| vec![of.reason.clone(), of.slots.to_string()]).collect();
        table(page, "Slots without a round", &["reason", "slots"], &rows);
    }
}

fn nodes(page: &mut String, summary: &Summary) {
    let impossible = summary.budgets.as_ref().is_some_and(|of| of.verdict == Kept::CannotBeKept);
    page.push_str("<h2>Who spends and holds what</h2>\n");
    let rows: Vec<_> = summary.nodes.iter().map(|node: &NodeSummary| node_row(node, impossible)).collect();
    table(
        page,
        "Nodes, means over all slots",
        &[
            "node",
            "energy [J/round]",
            "budget [J/round]",
            "used [%]",
            "queue [budgets]",
            "overspend [budgets]",
            "at most (C1)",
            "C1",
            "blocks",
            "takes part [% of rounds]",
        ],
        &rows,
    );
}

fn plans(page: &mut String, summary: &Summary) {
    let chosen = summary.plans.iter().enumerate().filter(|(_, plan)| plan.rounds > 0);
    let rows: Vec<_> = chosen
        .map(|(index, plan)| {
            let numbers = [plan.local_iterations, plan.micro_batches].map(|number| number.to_string());
            [index.to_string()].into_iter().chain(numbers).chain([percent(plan.share)]).collect()
        })
        .collect();
    if !rows.is_empty() {
        table(page, "Plans chosen", &["plan", "local iterations I", "micro-batches M", "rounds [%]"], &rows);
    }
}

fn typical_round(page: &mut String, record: &RunRecord, typical: &Typical) {
    let Some(planned) = typical.slot.planned() else { return };
    let number_of = typical.slot.slot;
    let which = if typical.median { "of median latency" } else { "of nearly the median latency" };
    let plan = record.plans.get(planned.plan);
    let chosen = plan.map_or_else(String::new, |plan| {
        format!(", {}", plan_in_words(plan.local_iterations, plan.micro_batches, plan.schedule))
    });
    put(
        page,
        format_args!(
            "<h2>A typical round</h2>\n<p>That of slot {number_of}, {which}: {} s{chosen}.</p>\n",
            number(planned.latency_s.0)
        ),
    );
    for (index, (name, cluster)) in record.clusters.iter().zip(&planned.clusters).enumerate() {
        cluster_round(page, record, (index, name), planned.plan, cluster, typical.slot);
    }
}

const DEVICES: [&str; 7] = ["device", "blocks", "memory [GB]", "of [GB]", "forward [s]", "backward [s]", "energy [J]"];
const MESSAGES: [&str; 7] =
    ["message", "when", "band [MHz]", "power [W]", "rate [Mbit/s]", "on air [s]", "times in the round"];

fn cluster_round(
    page: &mut String,
    record: &RunRecord,
    (index, name): (usize, &str),
    plan: usize,
    cluster: &ClusterPlan,
    slot: &SlotRecord,
) {
    let short = |name: &str| name.split_once('/').map_or(name, |(_, own)| own).to_owned();
    let pipeline = cluster.pipeline.as_ref();
    let stage = |device: usize| pipeline?.stages.iter().position(|node| node.0 == device + 1);
    let seconds = |list: fn(&crate::schedule::Durations) -> &Vec<f64>, device: usize| {
        Some(list(&pipeline?.durations)).and_then(|list| list.get(stage(device)?).copied())
    };
    let held = devices(record, index).zip(&cluster.sizes).enumerate();
    let rows = held.map(|(device, ((node, of), blocks))| {
        let when = |value: Option<f64>| or_dash(value.filter(|_| *blocks > 0), |value| significant(value, 3));
        vec![
            short(&of.name),
            if *blocks > 0 { blocks.to_string() } else { "-".into() },
            when(cluster.memory_bytes.get(device).map(|bytes| 1e-9 * bytes.0)),
            or_dash(of.memory_bytes, |bytes| significant(1e-9 * bytes.0, 3)),
            when(seconds(|of| &of.forward, device)),
            when(seconds(|of| &of.backward, device)),
            or_dash(slot.energy_j.get(node), |joules| significant(joules.0, 3)),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let sent = cluster.messages.iter().map(|message| {
        let [from, to] = [message.from, message.to].map(|node| short(node_name(record, index, node)));
        vec![
            format!("{from} \u{2192} {to}"),
            message.part.name().into(),
            or_dash(message.bandwidth_hz, |hz| significant(1e-6 * hz.0, 3)),
            or_dash(message.power_w, |watts| significant(watts.0, 3)),
            significant(1e-6 * message.bits_per_second, 3),
            significant(message.air_s.0, 3),
            format!("{}", message.times),
        ]
    });
    let sent: Vec<_> = sent.collect();
    let of = &cluster.parts;
    let parts = [
        ("fixed", of.fixed),
        ("distribution", of.distribution),
        ("forward", of.forward),
        ("backward", of.backward),
        ("collection", of.collection),
        ("upload", of.upload),
    ];
    let (text, chart) = match batch(record, plan, cluster) {
        Ok((timeline, makespan)) => {
            let text = format!(
                "A batch takes {} s; no order of the same work takes less than {} s.",
                number(makespan),
                number(timeline.least_makespan_s())
            );
            (text, Chart::of(&timeline).map_err(|error| error.to_string()))
        }
        Err(reason) => (String::new(), Err(reason)),
    };
    let stages = pipeline.iter().flat_map(|of| &of.stages).map(|node| short(node_name(record, index, *node)));
    let view = RoundView {
        name,
        latency_s: cluster.latency_s.0,
        parts: parts.into_iter().map(|(part, seconds)| (part, seconds.0)).collect(),
        text,
        stages: stages.collect(),
        chart,
        devices: (&DEVICES, rows),
        messages: (&MESSAGES, sent),
    };
    round(page, &view);
}

/// One batch of a cluster's round, played, with its makespan; or why not.
fn batch(record: &RunRecord, plan: usize, cluster: &ClusterPlan) -> Result<(Timeline, f64), String> {
    let pipeline = cluster.pipeline.as_ref().ok_or("the record does not hold the times of its stages")?;
    let plan = record.plans.get(plan).ok_or("the record does not hold its plan")?;
    let stages = pipeline.durations.forward.len();
    if (plan.micro_batches as usize).saturating_mul(4 * stages) > MAX_DRAWN {
        return Err(format!("{} micro-batches through {stages} stages are too many", plan.micro_batches));
    }
    let schedule = Schedule::of(plan.schedule, stages, plan.micro_batches).map_err(|error| error.to_string())?;
    let mut timeline = Timeline::new(&schedule, pipeline.sending).map_err(|error| error.to_string())?;
    let makespan = timeline.run(&pipeline.durations).map_err(|error| error.to_string())?;
    Ok((timeline, makespan))
}

/// What the figures tell slot by slot; of a long run of every so many-th slot.
fn told(view: &RunView) -> Values {
    let (record, stretches) = (view.record, &view.digest.stretches);
    let step = stretches.len().div_ceil(MOST_TOLD).max(1);
    let slots = || stretches.iter().step_by(step);
    let planned = |of: &dyn Fn(&OfRound) -> Option<f64>| -> Vec<Option<f64>> {
        slots().map(|slot| slot.of_first.as_ref().and_then(of)).collect()
    };
    let each = |of: &dyn Fn(&Stretch) -> Option<f64>| -> Vec<Option<f64>> { slots().map(of).collect() };
    let mut latency = vec![("T [s]".to_owned(), planned(&|round| Some(round.latency)))];
    if record.clusters.len() > 1 {
        latency.extend(record.clusters.iter().enumerate().map(|(index, name)| {
            (name.clone(), planned(&|round| round.clusters.get(index).map(|cluster| cluster.latency)))
        }));
    }
    let limited = || record.nodes.iter().enumerate().filter(|(_, node)| budget(node).is_some());
    let queues =
        limited().map(|(index, node)| (node.name.clone(), each(&|of| of.queues.get(index).map(|queue| queue.first))));
    let shares = limited().map(|(index, node)| {
        let average = |of: &Stretch| {
            let [first, _] = &of.so_far;
            first.energy.get(index).copied()
        };
        (node.name.clone(), each(&average))
    });
    let segments = (0..record.clusters.len()).flat_map(|cluster| {
        devices(record, cluster).enumerate().map(move |(device, (_, node))| (cluster, device, node.name.clone()))
    });
    let segments = segments.map(|(cluster, device, name)| {
        let held = |round: &OfRound| round.clusters.get(cluster)?.sizes.get(device).map(|blocks| f64::from(*blocks));
        (name, planned(&held))
    });
    Values {
        slots: slots().map(|slot| slot.ends[0]).collect(),
        figures: vec![
            ("latency", latency),
            ("queues", queues.collect()),
            ("energy", shares.collect()),
            ("segments", segments.collect()),
        ],
    }
}

fn proofs(page: &mut String, summary: &Summary) {
    let said =
        sentences(&said(), summary.certificates.iter(), &summary.omitted_certificates, summary.offline.map(Into::into));
    if said.is_empty() {
        return;
    }
    page.push_str("<h2>What the run proves</h2>\n<ul>\n");
    for (name, sentence) in said {
        let name = if name.is_empty() { String::new() } else { format!("<b>{name}</b> ") };
        put(page, format_args!("<li>{name}{}</li>\n", super::Escaped(&sentence)));
    }
    page.push_str("</ul>\n");
}
