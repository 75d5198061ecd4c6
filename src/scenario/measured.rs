//! A slot's state from what was measured, instead of a scenario's own sampler.

use std::cmp::Ordering;

use nalgebra::DMatrix;

use super::build::Scenario;
use super::sampler::SlotState;
use crate::ground::blame::{Blame, Blamed};
use crate::network::radio::ChannelConfig;
use crate::problem::{Gains, MAX_MAGNITUDE, MIN_MAGNITUDE};
use crate::text::{nearest, value};

/// Why measurements are not a state of a scenario's slot.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasurementError {
    /// A list does not have one entry per cluster.
    #[error("{what}: a list of {found}, must be one of {expected}, the number of clusters")]
    Clusters {
        /// Which list.
        what: &'static str,
        /// How long it is.
        found: usize,
        /// The number of clusters.
        expected: usize,
    },
    /// A device that the cluster does not have.
    #[error("present[{cluster}]: device {device} of {}, must be below {devices}", value(name))]
    NoDevice {
        /// The cluster.
        cluster: usize,
        /// Its name.
        name: String,
        /// The device's index.
        device: usize,
        /// How many devices the cluster has.
        devices: usize,
    },
    /// A device that is present twice.
    #[error("present[{cluster}]: device {device} of {} is named twice", value(name))]
    Twice {
        /// The cluster.
        cluster: usize,
        /// Its name.
        name: String,
        /// The device's index.
        device: usize,
    },
    /// A cluster's gains are not a square matrix over all its nodes.
    #[error(
        "gains[{cluster}]: {rows} x {columns}, must be {nodes} x {nodes}: the control unit, {} devices of {} whether they \
         are present or not, the edge server", nodes.saturating_sub(2), value(name)
    )]
    Shape {
        /// The cluster.
        cluster: usize,
        /// Its name.
        name: String,
        /// Rows of the matrix.
        rows: usize,
        /// Its columns.
        columns: usize,
        /// What both must be.
        nodes: usize,
    },
    /// A gain between nodes that are present is no gain.
    #[error(
        "gains[{cluster}][{from}][{to}] = {gain:?} (in {}, from {} to {}): must be 0 (no link) or in [1e-30, 1e30] Hz/W",
        value(name),
        value(sender),
        value(receiver)
    )]
    Gain {
        /// The cluster.
        cluster: usize,
        /// Its name.
        name: String,
        /// Row: 0 control unit, k+1 device k, K+1 edge server.
        from: usize,
        /// The sender's name.
        sender: String,
        /// Column.
        to: usize,
        /// The receiver's name.
        receiver: String,
        /// What was measured.
        gain: f64,
    },
    /// A name that no cluster has.
    #[error("no cluster is named {}{}", value(name), suggestion(nearest.as_deref()))]
    UnknownCluster {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// A name that no device of the cluster has.
    #[error("no device of {} is named {}{}", value(cluster), value(name), suggestion(nearest.as_deref()))]
    UnknownDevice {
        /// Name of the cluster.
        cluster: String,
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean {}?", value(name)))
}

impl Blamed for MeasurementError {
    fn blame(&self) -> Blame {
        match self {
            Self::Clusters { .. }
            | Self::NoDevice { .. }
            | Self::Twice { .. }
            | Self::Shape { .. }
            | Self::Gain { .. }
            | Self::UnknownCluster { .. }
            | Self::UnknownDevice { .. } => Blame::Input,
        }
    }
}

impl SlotState {
    /// The state of a slot as it was measured: which devices are there, and the gains between the nodes.
    ///
    /// `present[n]` are the indices of cluster n's devices that are there, in any order; `gains[n]` is γ over *all* of
    /// the cluster's nodes (0 control unit, k+1 device k, K+1 edge server), in Hz/W, 0 where there is no link. What
    /// stands in rows and columns of absent devices, and on the diagonal, is not read: NaN says as well as 0 that
    /// nothing was measured. The slot's number is for records.
    ///
    /// A cluster without any device is a state, too; it has no problem ([`SlotError::NoDevices`](super::SlotError)).
    ///
    /// # Errors
    /// [`MeasurementError`] for lists, indices, shapes and gains that do not fit the scenario.
    ///
    /// ```
    /// use collapipe::nalgebra::DMatrix;
    /// use collapipe::problem::Gains;
    /// # #[cfg(feature = "scenario")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use collapipe::scenario::{BUILTIN, ScenarioFile, SlotState};
    /// let scenario = ScenarioFile::parse(BUILTIN, "".as_ref())?.build()?;
    /// let clusters = &scenario.spec().clusters;
    /// let present = clusters.iter().map(|cluster| (0..cluster.devices.len()).collect()).collect();
    /// let gains = clusters.iter().map(|cluster| {
    ///     let nodes = cluster.devices.len() + 2;
    ///     Gains(DMatrix::from_element(nodes, nodes, 2e12))
    /// });
    /// let state = SlotState::measured(&scenario, 0, present, gains.collect())?;
    /// assert_eq!(state.problem(|_| 0.0)?.problem.clusters.len(), clusters.len());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "scenario"))]
    /// # fn main() {}
    /// ```
    pub fn measured(
        scenario: &Scenario,
        slot: u64,
        mut present: Vec<Vec<usize>>,
        gains: Vec<Gains>,
    ) -> Result<Self, MeasurementError> {
        let clusters = &scenario.spec().clusters;
        for (what, found) in [("present", present.len()), ("gains", gains.len())] {
            if found != clusters.len() {
                return Err(MeasurementError::Clusters { what, found, expected: clusters.len() });
            }
        }
        let mut kept = Vec::with_capacity(clusters.len());
        for (n, ((spec, present), gains)) in clusters.iter().zip(&mut present).zip(gains).enumerate() {
            let (name, devices) = (|| spec.name.clone(), spec.devices.len());
            present.sort_unstable();
            if let Some(&device) = present.last().filter(|device| **device >= devices) {
                return Err(MeasurementError::NoDevice { cluster: n, name: name(), device, devices });
            }
            if let Some(device) = present.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]) {
                return Err(MeasurementError::Twice { cluster: n, name: name(), device });
            }
            let (nodes, (rows, columns)) = (devices + 2, gains.0.shape());
            if (rows, columns) != (nodes, nodes) {
                return Err(MeasurementError::Shape { cluster: n, name: name(), rows, columns, nodes });
            }
            let there: Vec<usize> =
                std::iter::once(0).chain(present.iter().map(|k| k + 1)).chain([nodes - 1]).collect();
            let mut used = DMatrix::zeros(nodes, nodes);
            for (from, to) in there.iter().flat_map(|&from| there.iter().map(move |&to| (from, to))) {
                let gain = gains.0[(from, to)];
                if from == to {
                    continue;
                }
                if gain != 0.0 && !(MIN_MAGNITUDE..=MAX_MAGNITUDE).contains(&gain) {
                    let node = |node: usize| match node.cmp(&(devices + 1)) {
                        _ if node == 0 => "control-unit".into(),
                        Ordering::Less => spec.devices[node - 1].name.clone(),
                        _ => "edge-server".into(),
                    };
                    let (sender, receiver) = (node(from), node(to));
                    return Err(MeasurementError::Gain { cluster: n, name: name(), from, sender, to, receiver, gain });
                }
                used[(from, to)] = gain;
            }
            kept.push(used);
        }
        Ok(Self::of(scenario.clone(), slot, present, kept))
    }
}

impl Scenario {
    /// The indices of a cluster and of one of its devices, by their names.
    ///
    /// # Errors
    /// [`MeasurementError::UnknownCluster`] and [`MeasurementError::UnknownDevice`], with the name that was probably
    /// meant.
    pub fn device(&self, cluster: &str, device: &str) -> Result<(usize, usize), MeasurementError> {
        let clusters = &self.spec().clusters;
        let Some(n) = clusters.iter().position(|of| of.name == cluster) else {
            let names: Vec<&str> = clusters.iter().map(|of| of.name.as_str()).collect();
            let nearest = nearest(cluster, &names).map(Into::into);
            return Err(MeasurementError::UnknownCluster { name: cluster.into(), nearest });
        };
        let devices = &clusters[n].devices;
        let Some(k) = devices.iter().position(|of| of.name == device) else {
            let names: Vec<&str> = devices.iter().map(|of| of.name.as_str()).collect();
            let nearest = nearest(device, &names).map(Into::into);
            return Err(MeasurementError::UnknownDevice { cluster: cluster.into(), name: device.into(), nearest });
        };
        Ok((n, k))
    }

    /// The first cluster whose gains are measured ([`ChannelConfig::Measured`]), so that nothing can be sampled.
    pub(crate) fn measured_cluster(&self) -> Option<&str> {
        let spec = self.spec();
        let measured =
            |own: &Option<ChannelConfig>| own.as_ref().or(spec.channel.as_ref()) == Some(&ChannelConfig::Measured);
        spec.clusters.iter().find(|cluster| measured(&cluster.channel)).map(|cluster| cluster.name.as_str())
    }
}
