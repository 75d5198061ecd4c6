//! The summary against numbers computed here, and the table it prints.

use collapipe::report::{Summary, summary};
use collapipe::simulation::{NodeRole, SlotOutcome};

use crate::synthetic::{Made, record};

#[test]
fn counts_and_means_are_those_of_the_record() {
    let record = record(&Made::default());
    let summary = summary(&record);
    let latencies: Vec<f64> = record
        .slots
        .iter()
        .filter_map(|slot| match &slot.outcome {
            SlotOutcome::Planned(planned) => Some(planned.latency_s.0),
            _ => None,
        })
        .collect();
    assert_eq!(summary.planned, latencies.len() as u64);
    assert_eq!(summary.planned + summary.outages.iter().map(|outage| outage.slots).sum::<u64>(), 500);
    assert!(summary.outages.windows(2).all(|pair| pair[0].slots >= pair[1].slots));
    let latency = summary.latency.unwrap();
    let mean = latencies.iter().sum::<f64>() / latencies.len() as f64;
    assert!((latency.mean_s.0 - mean).abs() < 1e-9);
    let variance = latencies.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / latencies.len() as f64;
    assert!((latency.std_s.0 - variance.sqrt()).abs() < 1e-9);
    let below = |quantile: f64| latencies.iter().filter(|t| **t <= quantile).count() as f64 / latencies.len() as f64;
    for (quantile, share) in [(latency.p50_s, 0.5), (latency.p90_s, 0.9), (latency.p99_s, 0.99)] {
        assert!((below(quantile.0) - share).abs() < 0.01);
    }
    let gap = summary.gap.unwrap();
    assert!(gap.median <= gap.max && gap.rounds_within == summary.planned);
    assert!((summary.plans.iter().map(|plan| plan.share).sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn nodes_have_energy_certificate_and_segments() {
    let record = record(&Made::default());
    let summary = summary(&record);
    assert!(summary.certified());
    for (index, (node, of)) in summary.nodes.iter().zip(&record.nodes).enumerate() {
        let mean = record.slots.iter().map(|slot| slot.energy_j[index].0).sum::<f64>() / 500.0;
        assert!((node.mean_energy_j.0 - mean).abs() < 1e-9);
        let (budget, certificate) = (of.budget_j.unwrap(), node.certificate.unwrap());
        assert!((certificate.mean_violation - (mean / budget.0 - 1.0)).abs() < 1e-9);
        assert_eq!(certificate.bound, record.slots.last().unwrap().queues[index] / 500.0);
        assert_eq!(node.segment.is_some(), node.role == NodeRole::Device);
    }
    // Every round cuts the whole encoder.
    let blocks: f64 =
        summary.nodes[1..6].iter().filter_map(|node| node.segment).map(|s| s.share * s.mean_blocks.unwrap()).sum();
    assert!((blocks - 12.0).abs() < 1e-9);
}

#[test]
fn a_queue_that_was_capped_breaks_the_certificate() {
    let mut record = record(&Made::default());
    let node = (0..record.nodes.len()).max_by(|a, b| {
        let most = |node: usize| record.slots.iter().map(|slot| slot.queues[node]).fold(0.0, f64::max);
        most(*a).total_cmp(&most(*b))
    });
    let node = node.unwrap();
    record.slots.iter_mut().for_each(|slot| slot.queues[node] = slot.queues[node].min(0.5));
    let summary = summary(&record);
    assert!(!summary.nodes[node].certificate.unwrap().holds() && !summary.certified());
    assert!(summary.to_table().contains("BROKEN"));
}

#[test]
fn table_is_aligned_and_says_what_is_missing() {
    let text = format!("{:120}", summary(&record(&Made::default())));
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("  holds")).collect();
    assert_eq!(rows.len(), 12);
    let column = rows[0].find("holds").unwrap();
    assert!(rows.iter().all(|row| row.find("holds") == Some(column)), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    for word in ["Round latency [s]", "[J/round]", "C1: after every slot", "p99", "micro-batches M"] {
        assert!(text.contains(word), "{word:?} is missing in\n{text}");
    }
    let none = summary(&record(&Made { slots: 3, outage: 1.0, ..Made::default() })).to_string();
    assert!(none.contains("0 planned, 3 outages") && none.contains("No planned round"), "{none}");
    let mut cut = record(&Made { slots: 3, ..Made::default() });
    cut.provenance.slots_planned = 10;
    assert!(summary(&cut).to_string().contains("interrupted: 10 were asked for"));
}

#[test]
fn summary_reads_back() {
    for made in
        [Made::default(), Made { outage: 1.0, slots: 4, ..Made::default() }, Made { budgets: false, ..Made::default() }]
    {
        let summary = summary(&record(&made));
        let text = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
    }
}
