//! A real model, trained.

use std::collections::BTreeMap;
use std::ops::Range;

use collapipe::model::TransformerSpec;
use collapipe::nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{Work, WorkError};
use crate::data::Samples;
use crate::nn::{BlockSaved, ClassifierSaved, EmbeddingSaved, Loss, Model, Optimizer, Rule, Shape};
use crate::wire::{Learned, Plan};

/// A model and how it learns: the same for all nodes of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningSpec {
    /// The model.
    pub model: TransformerSpec,
    /// Fresh parameters follow from it.
    pub seed: u64,
    /// The update at the end of every iteration.
    pub rule: Rule,
    /// B: samples of a batch.
    pub batch: usize,
    /// Tokens and classes of the cluster's data, which its control unit alone is given; empty for the others.
    pub samples: Option<(Vec<u32>, Vec<u32>)>,
}

impl LearningSpec {
    /// The same with one cluster's part of the data, of so many clusters.
    #[must_use]
    pub fn part(&self, cluster: usize, clusters: usize) -> Self {
        let tokens = self.model.sequence_length as usize;
        let part = self.samples.clone().map(|(numbers, classes)| {
            let part = Samples { tokens, numbers, classes }.part(cluster, clusters);
            (part.numbers, part.classes)
        });
        Self { samples: part, ..self.clone() }
    }

    /// The same for nodes that are not to see the data.
    #[must_use]
    pub fn without_data(&self) -> Self {
        Self { samples: None, ..self.clone() }
    }
}

/// A part of the model with what belongs to it.
#[derive(Clone, Debug)]
struct Part {
    parameters: Vec<f32>,
    gradients: Vec<f32>,
    optimizer: Optimizer<f32>,
}

impl Part {
    fn new(parameters: Vec<f32>, rule: Rule) -> Self {
        let optimizer = Optimizer::new(rule, parameters.len());
        Self { gradients: vec![0.0; parameters.len()], parameters, optimizer }
    }

    fn write(&self, numbers: &mut Vec<f32>) {
        numbers.extend(&self.parameters);
        numbers.extend(self.optimizer.state());
    }

    /// Takes parameters and state from the front of the numbers.
    fn read(&mut self, numbers: &mut &[f32], rule: Rule) -> Result<(), WorkError> {
        let (own, state) = (self.parameters.len(), Optimizer::<f32>::state_len(rule, self.parameters.len()));
        let short = WorkError::Length { what: "a part of the model", found: numbers.len(), expected: own + state };
        let Some((parameters, rest)) = numbers.split_at_checked(own) else { return Err(short) };
        let Some((state, rest)) = rest.split_at_checked(state) else { return Err(short) };
        self.parameters.copy_from_slice(parameters);
        if !self.optimizer.restore(state) {
            return Err(WorkError::Misplaced("the state of another optimizer"));
        }
        *numbers = rest;
        Ok(())
    }

    fn step(&mut self) {
        self.optimizer.step(&mut self.parameters, &self.gradients);
        self.gradients.fill(0.0);
    }

    fn bytes(&self) -> u64 {
        4 * (self.parameters.len() + self.gradients.len()) as u64 + self.optimizer.bytes()
    }
}

/// What a backward pass needs of a micro-batch.
enum Saved {
    Embedding(EmbeddingSaved<f32>),
    Blocks(Vec<BlockSaved<f32>>),
    Head(ClassifierSaved<f32>),
}

impl Saved {
    fn bytes(&self) -> u64 {
        match self {
            Self::Embedding(saved) => saved.bytes(),
            Self::Blocks(saved) => saved.iter().map(BlockSaved::bytes).sum(),
            Self::Head(saved) => saved.bytes(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Role {
    ControlUnit,
    #[default]
    Device,
    EdgeServer,
}

/// The parts of the model that a node holds: 0 the embedding, 1 to L the blocks, L + 1 the head.
type Held = BTreeMap<usize, Part>;

pub(super) struct Learning {
    spec: LearningSpec,
    model: Model,
    samples: Samples,
    role: Role,
    segments: BTreeMap<usize, Range<u32>>,
    own: Range<u32>,
    samples_per_micro_batch: usize,
    held: Held,
    /// What was held as the round began.
    before: Option<(Held, u64)>,
    /// What was collected in it.
    collected: Held,
    /// Batches so far, of rounds that count.
    batches: u64,
    iterations: u64,
    saved: BTreeMap<u32, Saved>,
    targets: BTreeMap<u32, Vec<u32>>,
    loss: Loss,
    held_bytes: u64,
    most_bytes: u64,
}

fn model_error(error: impl std::fmt::Display) -> WorkError {
    WorkError::Model(error.to_string())
}

impl Learning {
    pub fn new(spec: &LearningSpec) -> Result<Self, WorkError> {
        let model = Model::new(&spec.model).map_err(model_error)?;
        spec.rule.validate().map_err(model_error)?;
        let (numbers, classes) = spec.samples.clone().unwrap_or_default();
        if numbers.len() != classes.len() * model.tokens {
            let expected = classes.len() * model.tokens;
            return Err(WorkError::Length { what: "the tokens of all samples", found: numbers.len(), expected });
        }
        if let Some(class) = classes.iter().find(|class| **class as usize >= model.classes) {
            return Err(WorkError::Model(format!("class {class} of a sample: must be below {}", model.classes)));
        }
        let samples = Samples { tokens: model.tokens, numbers, classes };
        Ok(Self {
            spec: spec.clone(),
            model,
            samples,
            role: Role::default(),
            segments: BTreeMap::new(),
            own: 0..0,
            samples_per_micro_batch: 1,
            held: Held::new(),
            before: None,
            collected: Held::new(),
            batches: 0,
            iterations: 0,
            saved: BTreeMap::new(),
            targets: BTreeMap::new(),
            loss: Loss::default(),
            held_bytes: 0,
            most_bytes: 0,
        })
    }

    fn shape(&self) -> Shape {
        Shape { samples: self.samples_per_micro_batch, tokens: self.model.tokens }
    }

    /// Fresh parameters of a part: the same whoever holds it.
    fn fresh(&self, part: usize) -> Part {
        let (model, seed) = (&self.model, self.spec.seed);
        let parameters = match part {
            0 => model.draw_embedding(seed),
            part if part > model.blocks => model.draw_head(seed),
            part => model.draw_block(seed, part - 1),
        };
        Part::new(parameters, self.spec.rule)
    }

    fn parts(segment: &Range<u32>) -> impl Iterator<Item = usize> + use<> {
        segment.clone().map(|block| block as usize + 1)
    }

    fn segment_of(&self, node: usize) -> Range<u32> {
        self.segments.get(&node).cloned().unwrap_or(0..0)
    }

    fn matrix(&self, values: Vec<f32>) -> Result<DMatrix<f32>, WorkError> {
        let columns = self.samples_per_micro_batch * self.model.tokens;
        let expected = columns * self.model.width;
        if values.len() != expected {
            return Err(WorkError::Length { what: "the activations of a micro-batch", found: values.len(), expected });
        }
        Ok(DMatrix::from_vec(self.model.width, columns, values))
    }

    fn keep(&mut self, micro_batch: u32, saved: Saved) {
        self.held_bytes += saved.bytes();
        self.most_bytes = self.most_bytes.max(self.held_bytes);
        self.saved.insert(micro_batch, saved);
    }

    fn batch(&self, iteration: u32, micro_batch: u32) -> (Vec<u32>, Vec<u32>) {
        let (tokens, classes) = self.samples.batch(self.batches + u64::from(iteration), self.spec.batch);
        let from = micro_batch as usize * self.samples_per_micro_batch;
        let samples = from..from + self.samples_per_micro_batch;
        let numbers = samples.start * self.model.tokens..samples.end * self.model.tokens;
        (tokens.get(numbers).unwrap_or_default().to_vec(), classes.get(samples).unwrap_or_default().to_vec())
    }

    fn part(&mut self, part: usize) -> Result<&mut Part, WorkError> {
        self.held.get_mut(&part).ok_or(WorkError::Misplaced("a part of the model that the node does not hold"))
    }
}

impl Work for Learning {
    fn begin(&mut self, plan: &Plan, node: usize) -> Result<(), WorkError> {
        let last = plan.stages.len().checked_sub(1);
        self.role = match plan.stage {
            Some(0) => Role::ControlUnit,
            stage if stage == last => Role::EdgeServer,
            Some(_) => Role::Device,
            None => return Err(WorkError::Misplaced("a model is trained from its embedding to its head")),
        };
        self.segments = plan.segments.iter().cloned().collect();
        let micro_batches = plan.micro_batches.max(1) as usize;
        if !self.spec.batch.is_multiple_of(micro_batches) {
            let reason = format!("{micro_batches} micro-batches: must divide the batch of {}", self.spec.batch);
            return Err(WorkError::Model(reason));
        }
        if self.role == Role::ControlUnit && self.samples.is_empty() {
            return Err(WorkError::Misplaced("a control unit without data"));
        }
        self.samples_per_micro_batch = self.spec.batch / micro_batches;
        self.own = self.segment_of(node);
        let blocks = 0..u32::try_from(self.model.blocks).unwrap_or(u32::MAX);
        let keeps: Vec<usize> = match self.role {
            Role::ControlUnit => std::iter::once(0).chain(Self::parts(&blocks)).collect(),
            Role::Device => Self::parts(&self.own).collect(),
            Role::EdgeServer => vec![self.model.blocks + 1],
        };
        self.held.retain(|part, _| keeps.contains(part));
        for part in keeps {
            if !self.held.contains_key(&part) {
                let fresh = self.fresh(part);
                self.held.insert(part, fresh);
            }
        }
        self.roll_back();
        self.before = (self.role != Role::Device).then(|| (self.held.clone(), self.batches));
        self.held_bytes = self.held.values().map(Part::bytes).sum();
        self.most_bytes = self.held_bytes;
        Ok(())
    }

    fn forward(&mut self, iteration: u32, micro_batch: u32, input: Vec<f32>) -> Result<Vec<f32>, WorkError> {
        let shape = self.shape();
        match self.role {
            Role::ControlUnit => {
                let (tokens, _) = self.batch(iteration, micro_batch);
                let embedding = self.model.embedding.clone();
                let (output, saved) = embedding.forward(&self.part(0)?.parameters, tokens, shape);
                self.keep(micro_batch, Saved::Embedding(saved));
                Ok(output.as_slice().to_vec())
            }
            Role::Device => {
                let mut at = self.matrix(input)?;
                let mut all = Vec::new();
                for part in Self::parts(&self.own) {
                    let of = self.held.get(&part).ok_or(WorkError::Misplaced("a block that is not held"))?;
                    let (next, saved) = self.model.block.forward(&of.parameters, at, shape);
                    all.push(saved);
                    at = next;
                }
                self.keep(micro_batch, Saved::Blocks(all));
                Ok(at.as_slice().to_vec())
            }
            Role::EdgeServer => {
                let input = self.matrix(input)?;
                let classes = self.targets.remove(&micro_batch).ok_or(WorkError::Misplaced("no targets"))?;
                let (head, batch) = (self.model.blocks + 1, self.spec.batch);
                let of = self.held.get(&head).ok_or(WorkError::Misplaced("no head"))?;
                let (loss, saved) = self.model.head.forward(&of.parameters, &input, &classes, batch, shape);
                self.loss += loss;
                self.keep(micro_batch, Saved::Head(saved));
                Ok(Vec::new())
            }
        }
    }

    fn backward(&mut self, _iteration: u32, micro_batch: u32, gradient: Vec<f32>) -> Result<Vec<f32>, WorkError> {
        let shape = self.shape();
        let saved = self.saved.remove(&micro_batch).ok_or(WorkError::Misplaced("a backward without its forward"))?;
        self.held_bytes = self.held_bytes.saturating_sub(saved.bytes());
        match saved {
            Saved::Embedding(saved) => {
                let back = self.matrix(gradient)?;
                let embedding = self.model.embedding.clone();
                let Part { parameters, gradients, .. } = self.part(0)?;
                embedding.backward(parameters, &saved, back, shape, gradients);
                Ok(Vec::new())
            }
            Saved::Blocks(saved) => {
                let mut back = self.matrix(gradient)?;
                let parts: Vec<usize> = Self::parts(&self.own).collect();
                for (part, saved) in parts.into_iter().zip(&saved).rev() {
                    let of = self.held.get_mut(&part).ok_or(WorkError::Misplaced("a block that is not held"))?;
                    back = self.model.block.backward(&of.parameters, saved, back, shape, &mut of.gradients);
                }
                Ok(back.as_slice().to_vec())
            }
            Saved::Head(saved) => {
                let head = self.model.blocks + 1;
                let of = self.held.get_mut(&head).ok_or(WorkError::Misplaced("no head"))?;
                let back = self.model.head.backward(&of.parameters, &saved, shape, &mut of.gradients);
                Ok(back.as_slice().to_vec())
            }
        }
    }

    fn targets(&mut self, iteration: u32, micro_batch: u32) -> Result<Option<Vec<f32>>, WorkError> {
        // Whole numbers below 2^24 are exact.
        Ok(Some(self.batch(iteration, micro_batch).1.into_iter().map(|class| class as f32).collect()))
    }

    fn wants_targets(&self) -> bool {
        self.role == Role::EdgeServer
    }

    fn take_targets(&mut self, micro_batch: u32, targets: Vec<f32>) -> Result<(), WorkError> {
        let (found, expected) = (targets.len(), self.samples_per_micro_batch);
        if found != expected {
            return Err(WorkError::Length { what: "the targets of a micro-batch", found, expected });
        }
        let class = |target: f32| {
            let classes = 0.0..self.model.classes as f32;
            if classes.contains(&target) { Ok(target as u32) } else { Err(WorkError::Model(format!("class {target}"))) }
        };
        let classes = targets.into_iter().map(class).collect::<Result<_, _>>()?;
        self.targets.insert(micro_batch, classes);
        Ok(())
    }

    fn step(&mut self) -> Result<Option<Learned>, WorkError> {
        self.iterations += 1;
        match self.role {
            Role::ControlUnit => self.part(0)?.step(),
            Role::Device | Role::EdgeServer => self.held.values_mut().for_each(Part::step),
        }
        if self.role != Role::EdgeServer {
            return Ok(None);
        }
        let loss = std::mem::take(&mut self.loss);
        Ok(Some(Learned { loss: loss.mean(), correct: loss.right as u64, counted: loss.samples as u64 }))
    }

    fn segment(&mut self, node: usize) -> Result<Vec<f32>, WorkError> {
        let mut numbers = Vec::new();
        for part in Self::parts(&self.segment_of(node)) {
            self.part(part)?.write(&mut numbers);
        }
        Ok(numbers)
    }

    fn take_segment(&mut self, node: usize, numbers: Vec<f32>) -> Result<(), WorkError> {
        let (mut rest, rule) = (numbers.as_slice(), self.spec.rule);
        for part in Self::parts(&self.segment_of(node)) {
            let mut of = self.part(part)?.clone();
            of.read(&mut rest, rule)?;
            if self.role == Role::ControlUnit {
                self.collected.insert(part, of)
            } else {
                self.held.insert(part, of)
            };
        }
        if rest.is_empty() { Ok(()) } else { Err(WorkError::Misplaced("a segment with more blocks than planned")) }
    }

    fn upload(&mut self) -> Result<Vec<f32>, WorkError> {
        let parts = self.held.iter().map(|(part, of)| self.collected.get(part).unwrap_or(of));
        Ok(parts.flat_map(|part| part.parameters.iter().copied()).collect())
    }

    fn take_upload(&mut self, numbers: Vec<f32>) -> Result<(), WorkError> {
        let (found, model) = (numbers.len(), &self.model);
        let expected = model.count() - model.head.count();
        if found == expected { Ok(()) } else { Err(WorkError::Length { what: "an upload", found, expected }) }
    }

    fn model(&mut self) -> Result<Vec<f32>, WorkError> {
        let mut numbers = Vec::new();
        self.held.values().for_each(|part| part.write(&mut numbers));
        numbers.push(self.batches as f32);
        Ok(numbers)
    }

    fn take_model(&mut self, numbers: Vec<f32>) -> Result<(), WorkError> {
        let (mut rest, rule) = (numbers.as_slice(), self.spec.rule);
        for part in self.held.values_mut() {
            part.read(&mut rest, rule)?;
        }
        let [batches] = *rest else { return Err(WorkError::Misplaced("another model's numbers")) };
        self.batches = batches as u64;
        if let Some(before) = &mut self.before {
            *before = (self.held.clone(), self.batches);
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WorkError> {
        self.held.append(&mut self.collected);
        self.batches += std::mem::take(&mut self.iterations);
        self.before = None;
        Ok(())
    }

    fn roll_back(&mut self) {
        if let Some((held, batches)) = self.before.take() {
            (self.held, self.batches) = (held, batches);
        }
        self.collected.clear();
        self.iterations = 0;
        (self.saved, self.targets, self.loss) = (BTreeMap::new(), BTreeMap::new(), Loss::default());
        self.held.values_mut().for_each(|part| part.gradients.fill(0.0));
    }

    fn memory_bytes(&self) -> u64 {
        self.most_bytes
    }
}
