//! The world that the service plans for: boards of a hall that join, leave and fade. A real service has this from its
//! network instead.

use std::collections::BTreeMap;

use collapipe::model::ModelPreset;
use collapipe::nalgebra::DMatrix;
use collapipe::network::device::{DevicePreset, EdgeServerPreset};
use collapipe::network::radio::ChannelConfig;
use collapipe::problem::{Gains, Participation, Uplink};
use collapipe::scenario::{
    ClusterSpec, ControlUnitSpec, DeviceSpec, EdgeServerSpec, ModelSpec, PlanSpec, ScenarioSpec,
};
use collapipe::units::{Hertz, Joules, Seconds};

pub const CLUSTER: &str = "hall";

/// Boards that may be there.
const BOARDS: usize = 60;

/// What every board is, in turn, with the energy that it may spend per round.
const KINDS: [(DevicePreset, f64); 4] = [
    (DevicePreset::JetsonNano4Gb, 90.0),
    (DevicePreset::RaspberryPi5, 400.0),
    (DevicePreset::JetsonXavierNx8Gb, 60.0),
    (DevicePreset::PhoneNote10, 100.0),
];

/// BERT-base over the boards of one hall, of which the solver chooses; the gains will be measured.
pub fn scenario() -> ScenarioSpec {
    let board = |k: usize| {
        let (preset, budget) = KINDS[k % KINDS.len()];
        DeviceSpec {
            name: format!("board-{k:02}"),
            preset: Some(preset),
            budget_j_per_round: Some(Joules(budget)),
            ..DeviceSpec::default()
        }
    };
    ScenarioSpec {
        name: "a hall of boards".into(),
        slots: 1,
        seed: 0,
        latency_weight: 0.1,
        budget_margin: 0.0,
        participation: Participation::Select,
        model: ModelSpec { preset: Some(ModelPreset::BertBase), ..ModelSpec::default() },
        uplink: Uplink { bandwidth_hz: Hertz(20e6) },
        plans: [1, 2, 4, 8, 16]
            .map(|micro_batches| PlanSpec { local_iterations: 2, micro_batches, ..PlanSpec::default() })
            .into(),
        channel: Some(ChannelConfig::Measured),
        clusters: vec![ClusterSpec {
            name: CLUSTER.into(),
            batch_size: 16,
            bandwidth_hz: Hertz(20e6),
            fixed_seconds: Seconds(1.0),
            control_unit: ControlUnitSpec {
                preset: Some(DevicePreset::RaspberryPi5),
                budget_j_per_round: Some(Joules(60.0)),
                ..ControlUnitSpec::default()
            },
            edge_server: EdgeServerSpec { preset: Some(EdgeServerPreset::Rtx3090), ..EdgeServerSpec::default() },
            devices: (0..BOARDS).map(board).collect(),
            ..ClusterSpec::default()
        }],
        ..ScenarioSpec::default()
    }
}

/// What a board tells the service.
#[derive(Clone, Debug)]
pub enum Message {
    /// It is there, with the gain-to-noise ratios of its links to all nodes, in Hz/W.
    Here { board: usize, gains: Vec<f64> },
    /// It is gone.
    Gone { board: usize },
}

/// Boards along the hall, some of them there, under shadowing that drifts.
pub struct Hall {
    random: Random,
    there: Vec<bool>,
    /// Shadowing of control unit, boards and edge server, in dB.
    shadow_db: Vec<f64>,
}

impl Hall {
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let there = (0..BOARDS).map(|_| random.uniform() < 0.9).collect();
        Self { random, there, shadow_db: vec![0.0; BOARDS + 2] }
    }

    /// What changes in a tenth of a second: the messages of the boards.
    pub fn step(&mut self) -> Vec<Message> {
        for shadow in &mut self.shadow_db {
            *shadow = 0.9 * *shadow + 3.0 * (self.random.uniform() - 0.5);
        }
        let mut messages = Vec::new();
        for board in 0..BOARDS {
            let was = self.there[board];
            let turns = self.random.uniform() < if was { 0.03 } else { 0.3 };
            self.there[board] = was != turns;
            if self.there[board] {
                messages.push(Message::Here { board, gains: self.gains(board + 1) });
            } else if was {
                messages.push(Message::Gone { board });
            }
        }
        messages
    }

    fn gains(&self, from: usize) -> Vec<f64> {
        // Control unit, boards two metres apart, edge server.
        let gain = |to: usize| {
            let metres = 2.0 * (from as f64 - to as f64).abs();
            let db = self.shadow_db[from] + self.shadow_db[to];
            if from == to { 0.0 } else { 1e15 / (1.0 + metres.powi(3)) * 10_f64.powf(0.1 * db) }
        };
        (0..BOARDS + 2).map(gain).collect()
    }
}

/// What the service knows of the hall from messages.
#[derive(Default)]
pub struct Registry {
    here: BTreeMap<usize, Vec<f64>>,
}

impl Registry {
    /// Takes a message; whether a board has come or gone.
    pub fn take(&mut self, message: Message) -> bool {
        match message {
            Message::Here { board, gains } => self.here.insert(board, gains).is_none(),
            Message::Gone { board } => self.here.remove(&board).is_some(),
        }
    }

    /// The boards that are there.
    pub fn present(&self) -> Vec<usize> {
        self.here.keys().copied().collect()
    }

    /// γ over all nodes. Links have one gain in both directions; what nobody has measured is NaN.
    pub fn gains(&self) -> Gains {
        let mut gains = DMatrix::from_element(BOARDS + 2, BOARDS + 2, f64::NAN);
        for (board, row) in &self.here {
            for (node, gain) in row.iter().enumerate() {
                gains[(board + 1, node)] = *gain;
                gains[(node, board + 1)] = *gain;
            }
        }
        // The control unit's own link to the edge server, which it measures itself.
        gains[(0, BOARDS + 1)] = 2e11;
        gains[(BOARDS + 1, 0)] = 2e11;
        Gains(gains)
    }
}

/// Splitmix64: enough for a hall.
pub struct Random(pub u64);

impl Random {
    /// In [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
