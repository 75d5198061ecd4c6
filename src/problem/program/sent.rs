//! What a decided round sends, and what a micro-batch takes on its way.

use super::{PlanProgram, Transmission, segments};
use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::Route;
use crate::ground::units::{Seconds, Watts};
use crate::problem::{ClusterDecision, Link};
use crate::schedule::Durations;

/// A message with the link that was decided for it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub sent: Transmission,
    pub link: Link,
    /// Time on air of one.
    pub air: Seconds,
}

impl Sent {
    fn over(sent: Transmission, link: Option<Link>) -> Self {
        let link = link.unwrap_or_default();
        Self { air: sent.time(link), sent, link }
    }
}

/// Messages that a round sends once.
#[derive(Clone, Debug)]
pub(crate) struct SentOnce {
    /// Segments to the active devices.
    pub distribution: Vec<Sent>,
    /// Segments from them.
    pub collection: Vec<Sent>,
    /// The model to the edge server.
    pub upload: Sent,
}

impl PlanProgram<'_> {
    /// The hops of a decision's pipeline; a phase in which nothing is sent has none.
    pub fn sent_hops(&self, route: Route, choice: &ClusterDecision) -> PerPhase<Vec<Sent>> {
        PerPhase::from_fn(|phase| {
            let ends = self.hops(route, &choice.sizes);
            let links = choice.links(phase).iter();
            ends.zip(links)
                .map(|((near, far, cut), link)| Sent::over(self.hop_at(phase, near, far, cut), *link))
                .collect()
        })
    }

    /// What a decision's round sends besides the hops.
    pub fn sent_once(&self, choice: &ClusterDecision) -> SentOnce {
        let band = self.at.cluster.bandwidth_hz;
        let alone = |power: &Option<Watts>| power.map(|power_w| Link { bandwidth_hz: band, power_w });
        let held = || choice.active.iter().zip(segments(&choice.sizes));
        let collected = held().zip(&choice.collection_power_w);
        let distributed = held().zip(&choice.distribution_power_w);
        SentOnce {
            distribution: distributed
                .map(|((&device, held), power)| Sent::over(self.at.distribution_of(device, &held), alone(power)))
                .collect(),
            collection: collected
                .map(|((&device, held), power)| Sent::over(self.at.collection_of(device, &held), alone(power)))
                .collect(),
            upload: Sent::over(self.at.upload(), choice.upload),
        }
    }

    /// The durations of a micro-batch on its way through the pipeline.
    pub fn durations(&self, route: Route, sizes: &[u32], hops: &PerPhase<Vec<Sent>>) -> Durations {
        let stages = |phase| self.stage_times(phase, route, sizes).map(|time| time.0).collect();
        let occupied = |phase| hops[phase].iter().map(|hop: &Sent| (hop.air + hop.sent.overhead).0).collect();
        let later = |phase| hops[phase].iter().map(|hop: &Sent| hop.sent.latency.0).collect();
        let mut durations = Durations {
            forward: stages(Phase::Forward),
            forward_link: occupied(Phase::Forward),
            forward_latency: later(Phase::Forward),
            ..Durations::default()
        };
        if self.plan.schedule.has_backward() {
            durations.backward = stages(Phase::Backward);
            durations.backward_link = occupied(Phase::Backward);
            durations.backward_latency = later(Phase::Backward);
        }
        durations
    }
}
