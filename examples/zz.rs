use collapipe::{scenario::*, simulation::*, solver::Settings};
fn main() {
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut f =
        ScenarioFile::parse(&std::fs::read_to_string(std::env::args().nth(2).unwrap()).unwrap(), "".as_ref()).unwrap();
    f.spec.slots = n;
    let s = match f.build() {
        Ok(s) => s,
        Err(e) => {
            println!("{e}");
            return;
        }
    };
    let t = std::time::Instant::now();
    let mut run = Run::new(&s, Settings::default()).unwrap();
    for r in run.by_ref() {
        let r = r.unwrap();
        match r.outcome {
            Outcome::Planned(p) => println!(
                "{} {:.1}s T={:.1} gap={:.1e} M={} {:?} L={:?} E={:?} Q={:?} {:?}",
                r.slot,
                t.elapsed().as_secs_f64(),
                p.round_latency_s.0,
                p.gap,
                p.plan.micro_batches,
                p.clusters.iter().map(|c| c.sizes.clone()).collect::<Vec<_>>(),
                p.clusters
                    .iter()
                    .map(|c| c.parts)
                    .map(|l| [
                        l.distribution.0.round(),
                        l.forward.0.round(),
                        l.backward.0.round(),
                        l.collection.0.round(),
                        l.upload.0.round()
                    ])
                    .collect::<Vec<_>>(),
                r.energy_j.iter().map(|e| e.0.round()).collect::<Vec<_>>(),
                r.queue.iter().map(|e| (e.unwrap_or(-1.) * 10.).round() / 10.).collect::<Vec<_>>(),
                p.work
            ),
            Outcome::Outage(o) => println!("{} {o:?}", r.slot),
            _ => {}
        }
    }
}
