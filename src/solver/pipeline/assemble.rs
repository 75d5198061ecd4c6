//! Decisions in the problem's terms.

use super::choice::Column;
use super::deadline::free_of_charge;
use super::instance::Instance;
use super::paths::Layout;
use super::search::Found;
use crate::ground::route::DeviceId;
use crate::ground::units::{Hertz, Watts};
use crate::problem::{ClusterDecision, Link};

/// The decision of one cluster; `None` only for a choice that is not one of the instance's.
pub(super) fn cluster_decision(instance: &Instance, found: &Found, upload: Option<Link>) -> Option<ClusterDecision> {
    let choice = &found.choice;
    let layout = Layout { stages: instance.stages(choice.devices.len()) };
    let column = Column::new(instance, layout, choice)?;
    let links = |phase: usize| -> Vec<Option<Link>> {
        if phase >= instance.phases() {
            return Vec::new();
        }
        let decided = |link: usize| {
            let place = layout.link(phase, link);
            let at = column.hops.iter().position(|hop| hop.place == place)?;
            let sent = found.allocation.hops.get(at)?;
            Some(Link { bandwidth_hz: Hertz(sent.band), power_w: Watts(sent.power) })
        };
        (0..layout.links()).map(decided).collect()
    };
    let sender = if found.quickest { free_of_charge(instance) } else { instance.clone() };
    let powers = |ends: &dyn Fn(usize) -> (usize, usize)| -> Vec<Option<Watts>> {
        let each = choice.segments().map(|(_, device, first, past)| {
            let bits = instance.parameters_before[past] - instance.parameters_before[first];
            let (from, to) = ends(device);
            let alone = || sender.pair(from, to).medium.alone(instance.band, found.allocation.price).power;
            (bits > 0.0).then(alone).flatten().map(Watts)
        });
        each.collect()
    };
    let sizes = choice.segments().filter_map(|(_, _, first, past)| u32::try_from(past - first).ok());
    Some(ClusterDecision {
        active: choice.devices.iter().map(|&device| DeviceId(usize::from(device))).collect(),
        sizes: sizes.collect(),
        forward: links(0),
        backward: links(1),
        collection_power_w: powers(&|device| (device + 1, 0)),
        distribution_power_w: powers(&|device| (0, device + 1)),
        upload,
        ..ClusterDecision::default()
    })
}

/// The upload of a cluster that has the uplink alone, and the price of its band.
pub(super) fn upload_alone(instance: &Instance, found: &Found) -> (Option<Link>, f64) {
    let sender = if found.quickest { free_of_charge(instance) } else { instance.clone() };
    let (bits, uplink, price) = (instance.upload_bits, instance.uplink, found.allocation.price);
    let medium = sender.pair(0, instance.edge_server()).medium;
    if bits == 0.0 || !medium.shares_band() {
        return (None, 0.0);
    }
    let power = medium.alone(uplink, price).power.unwrap_or(0.0);
    let worth = super::radio::price_of_band(&medium, bits, 1.0, uplink, uplink, price);
    (Some(Link { bandwidth_hz: Hertz(uplink), power_w: Watts(power) }), worth)
}

/// What one more hertz saves: of each phase's band; where the phases share one, in the place of the forward phase.
pub(super) fn band_prices(instance: &Instance, found: &Found) -> (f64, f64) {
    if instance.in_turns() {
        let [forward, backward] = found.allocation.worth;
        return (forward, backward);
    }
    let price = |band: usize| {
        let ln = found.prices.ln_band[band];
        if ln <= super::radio::UNUSED { 0.0 } else { ln.exp() }
    };
    (price(0), if instance.bands() == 2 { price(1) } else { 0.0 })
}
