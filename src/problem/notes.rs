//! Where a valid problem may not say what its author meant.

use super::slot::SlotSpec;
use crate::ground::usual::{Unusual, check, check_gains, cut};

impl SlotSpec {
    /// Numbers whose magnitude suggests another unit: a rate of 10 FLOP/s, a band of 20 Hz. At most twenty.
    ///
    /// ```
    /// use collapipe::instances::InstanceSize;
    /// use collapipe::units::Hertz;
    /// let mut spec = InstanceSize::default().sample(1)?.into_spec();
    /// assert!(spec.unusual().is_empty());
    /// spec.clusters[0].bandwidth_hz = Hertz(20.0);
    /// let notes = spec.unusual();
    /// assert_eq!(notes[0].path, "clusters[0].bandwidth_hz");
    /// assert!(notes[0].message.ends_with("if 20.0 MHz is meant, write 2e7"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn unusual(&self) -> Vec<Unusual> {
        let mut notes = Vec::new();
        check(&mut notes, "uplink", "bandwidth_hz", Some(self.uplink.bandwidth_hz.0));
        for (n, cluster) in self.clusters.iter().enumerate() {
            let path = format!("clusters[{n}]");
            // Where nothing is sent by radio its numbers do not matter.
            let gains = &cluster.gain_to_noise_hz_per_w.0;
            let radio = gains.iter().any(|gain| *gain > 0.0);
            check(&mut notes, &path, "bandwidth_hz", Some(cluster.bandwidth_hz.0).filter(|_| radio));
            check(&mut notes, &path, "upload_bits", Some(cluster.upload_bits.0));
            let within = format!("{path}.control_unit");
            let unit = &cluster.control_unit;
            check(&mut notes, &within, "max_power_w", Some(unit.max_power_w.0).filter(|_| radio));
            check(&mut notes, &within, "circuit_power_w", Some(unit.circuit_power_w.0));
            let server = Some(cluster.edge_server.max_power_w.0).filter(|_| radio);
            check(&mut notes, &path, "edge_server.max_power_w", server);
            for (k, device) in cluster.devices.iter().enumerate() {
                let within = format!("{path}.devices[{k}]");
                // Measured times take the place of the rates.
                let rated = device.block_seconds_per_sample.is_none();
                let rate = |rate: f64| Some(rate).filter(|_| rated);
                let fields = [
                    ("forward_flops_per_second", rate(device.forward_flops_per_second.0)),
                    ("backward_flops_per_second", rate(device.backward_flops_per_second.0)),
                    ("joules_per_flop", Some(device.joules_per_flop.0)),
                    ("memory_bytes", Some(device.memory_bytes.0)),
                    ("stage_overhead_s", Some(device.stage_overhead_s.0)),
                    ("block_overhead_s", Some(device.block_overhead_s.0)),
                    ("max_power_w", Some(device.max_power_w.0).filter(|_| radio)),
                    ("circuit_power_w", Some(device.circuit_power_w.0)),
                ];
                for (field, number) in fields {
                    check(&mut notes, &within, field, number);
                }
            }
            check_gains(&mut notes, format!("{path}.gain_to_noise_hz_per_w"), gains.iter().copied());
        }
        cut(&mut notes);
        notes
    }
}
