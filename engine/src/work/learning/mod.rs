//! A real model, trained.

mod part;
mod spec;
mod whole;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use collapipe::bounds::UpdateRule;
use collapipe::nalgebra::DMatrix;

use super::{Work, WorkError};
use crate::data::Samples;
use crate::nn::{IGNORED, Loss, Model, Shape, counted};
use crate::wire::{Learned, Plan};
use part::{Held, Kept, Part, Saved, stashed_bytes};

pub use spec::{LearningSpec, model_of};
pub use whole::{encoder_bytes, parameters};

pub(super) struct Learning {
    spec: LearningSpec,
    model: Model,
    samples: Samples,
    /// Whether every stage trains the whole model.
    alone: bool,
    segments: BTreeMap<usize, Range<u32>>,
    /// The parts that it computes with, in the order of the forward pass.
    works: Range<usize>,
    /// Whether it keeps what devices send back.
    collects: bool,
    samples_per_micro_batch: usize,
    held: Held,
    /// What was held as the round began; none where the control unit has it.
    before: Option<(Held, u64)>,
    /// What was collected in it, and how often.
    collected: Held,
    collections: u32,
    /// Batches so far, of rounds that count.
    batches: u64,
    iterations: u64,
    saved: BTreeMap<u32, Vec<Saved>>,
    /// Of micro-batches to come: targets, and how many the batch has that count.
    targets: BTreeMap<u32, (Vec<u32>, usize)>,
    loss: Loss,
    held_bytes: u64,
    most_bytes: u64,
}

/// In a message of targets, one that is not compared.
const NO_TARGET: f32 = -1.0;

fn model_error(error: impl std::fmt::Display) -> WorkError {
    WorkError::Model(error.to_string())
}

impl Learning {
    pub fn new(spec: &LearningSpec) -> Result<Self, WorkError> {
        let model = Model::new(&spec.model).map_err(model_error)?;
        spec.rule.validate().map_err(model_error)?;
        let (numbers, targets) = spec.samples.clone().unwrap_or_default();
        if !numbers.len().is_multiple_of(model.tokens) {
            let expected = numbers.len().next_multiple_of(model.tokens);
            return Err(WorkError::Length { what: "the tokens of all samples", found: numbers.len(), expected });
        }
        let expected = numbers.len() / model.tokens * model.targets();
        if targets.len() != expected {
            return Err(WorkError::Length { what: "the targets of all samples", found: targets.len(), expected });
        }
        if let Some(token) = numbers.iter().find(|token| **token as usize >= model.embedding.vocabulary()) {
            let least = model.embedding.vocabulary();
            return Err(WorkError::Model(format!(
                "token {token} of a sample: must be below the vocabulary of {least}"
            )));
        }
        if let Some(target) = targets.iter().find(|target| **target != IGNORED && **target as usize >= model.classes) {
            return Err(WorkError::Model(format!("target {target} of a sample: must be below {}", model.classes)));
        }
        let samples = Samples { tokens: model.tokens, numbers, targets };
        Ok(Self {
            spec: spec.clone(),
            model,
            samples,
            alone: false,
            segments: BTreeMap::new(),
            works: 0..0,
            collects: false,
            samples_per_micro_batch: 1,
            held: Held::new(),
            before: None,
            collected: Held::new(),
            collections: 0,
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

    fn head(&self) -> usize {
        self.model.blocks + 1
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

    /// The parts that a device has from the control unit.
    fn segment_of(&self, node: usize) -> Range<usize> {
        if self.alone {
            return 0..self.head() + 1;
        }
        let Some(blocks) = self.segments.get(&node) else { return 0..0 };
        blocks.start as usize + 1..blocks.end as usize + 1
    }

    fn matrix(&self, values: Vec<f32>) -> Result<DMatrix<f32>, WorkError> {
        let columns = self.samples_per_micro_batch * self.model.tokens;
        let expected = columns * self.model.width;
        if values.len() != expected {
            return Err(WorkError::Length { what: "the activations of a micro-batch", found: values.len(), expected });
        }
        Ok(DMatrix::from_vec(self.model.width, columns, values))
    }

    /// Tokens and targets of a micro-batch, and over how many targets its gradient is a mean.
    fn batch(&self, iteration: u32, micro_batch: u32) -> (Vec<u32>, Vec<u32>, usize) {
        let (tokens, targets) = self.samples.batch(self.batches + u64::from(iteration), self.spec.batch);
        let part = |of: &[u32], per_sample: usize| {
            let size = self.samples_per_micro_batch * per_sample;
            of.chunks(size.max(1)).nth(micro_batch as usize).unwrap_or_default().to_vec()
        };
        let own = part(&targets, self.model.targets());
        let counted = match self.spec.update {
            UpdateRule::PerBatch => counted(&targets),
            UpdateRule::PerMicroBatch => counted(&own),
        };
        (part(&tokens, self.model.tokens), own, counted)
    }

    fn part(&mut self, part: usize) -> Result<&mut Part, WorkError> {
        self.held.get_mut(&part).ok_or(WorkError::Misplaced("a part of the model that the node does not hold"))
    }

    /// What the node has to begin with, and what it computes with.
    fn place(&self, plan: &Plan, node: usize) -> Result<(Range<usize>, Range<usize>), WorkError> {
        let (head, last) = (self.head(), plan.stages.len().checked_sub(1));
        let own = self.segment_of(node);
        match plan.stage {
            _ if plan.alone && node > 0 && plan.stage.is_none() => Ok((0..0, 0..0)),
            Some(_) if plan.alone => Ok((own.clone(), own)),
            None if plan.alone => Ok((0..head + 1, 0..0)),
            Some(0) => Ok((0..head, 0..1)),
            stage if stage.is_some() && stage == last => Ok((head..head + 1, head..head + 1)),
            Some(_) => Ok((own.clone(), own)),
            None => Err(WorkError::Misplaced("a model is trained from its embedding to its head")),
        }
    }

    fn update(&mut self) {
        for part in self.works.clone() {
            if let Some(part) = self.held.get_mut(&part) {
                part.step();
            }
        }
        let stashed = stashed_bytes(&self.held, self.saved.values().flatten());
        self.most_bytes = self.most_bytes.max(self.held_bytes + stashed);
    }
}

impl Work for Learning {
    fn begin(&mut self, plan: &Plan, node: usize) -> Result<(), WorkError> {
        (self.alone, self.collects) = (plan.alone, node == 0);
        self.segments = plan.segments.iter().cloned().collect();
        let (keeps, works) = self.place(plan, node)?;
        let micro_batches = plan.micro_batches.max(1) as usize;
        if !self.spec.batch.is_multiple_of(micro_batches) {
            let reason = format!("{micro_batches} micro-batches: must divide the batch of {}", self.spec.batch);
            return Err(WorkError::Model(reason));
        }
        if works.contains(&0) && self.samples.is_empty() {
            return Err(WorkError::Misplaced("an embedding without data"));
        }
        self.samples_per_micro_batch = self.spec.batch / micro_batches;
        self.works = works;
        self.held.retain(|part, _| keeps.contains(part));
        let is_device = self.segments.contains_key(&node);
        for part in keeps {
            if !self.held.contains_key(&part) {
                let fresh = self.fresh(part);
                self.held.insert(part, fresh);
            }
        }
        self.roll_back();
        self.before = (!is_device).then(|| (self.held.clone(), self.batches));
        self.held_bytes = self.held.values().map(Part::bytes).sum();
        self.most_bytes = self.held_bytes;
        Ok(())
    }

    fn forward(&mut self, iteration: u32, micro_batch: u32, input: Vec<f32>) -> Result<Vec<f32>, WorkError> {
        let shape = self.shape();
        let mut at = if self.works.contains(&0) { DMatrix::zeros(0, 0) } else { self.matrix(input)? };
        let (mut tokens, mut targets) = (Vec::new(), self.targets.remove(&micro_batch));
        if self.works.contains(&0) {
            let (of_embedding, of_head, counted) = self.batch(iteration, micro_batch);
            tokens = of_embedding;
            targets = targets.or(Some((of_head, counted)));
        }
        let head = self.head();
        let mut all = Vec::with_capacity(self.works.len());
        for part in self.works.clone() {
            let of = self.held.get(&part).ok_or(WorkError::Misplaced("a part of the model that is not held"))?;
            let parameters = Arc::clone(&of.parameters);
            let kept = if part == 0 {
                let (next, saved) = self.model.embedding.forward(&parameters, std::mem::take(&mut tokens), shape);
                at = next;
                Kept::Embedding(saved)
            } else if part == head {
                let (targets, counted) = targets.take().ok_or(WorkError::Misplaced("no targets"))?;
                let (loss, saved) = self.model.head.forward(&parameters, &at, &targets, counted, shape);
                self.loss += loss;
                at = DMatrix::zeros(0, 0);
                Kept::Head(saved)
            } else {
                let (next, saved) = self.model.block.forward(&parameters, at, shape);
                at = next;
                Kept::Block(Box::new(saved))
            };
            all.push(Saved { part, parameters, kept });
        }
        self.held_bytes += all.iter().map(Saved::bytes).sum::<u64>();
        self.most_bytes = self.most_bytes.max(self.held_bytes);
        self.saved.insert(micro_batch, all);
        Ok(at.as_slice().to_vec())
    }

    fn backward(&mut self, _iteration: u32, micro_batch: u32, gradient: Vec<f32>) -> Result<Vec<f32>, WorkError> {
        let shape = self.shape();
        let saved = self.saved.remove(&micro_batch).ok_or(WorkError::Misplaced("a backward without its forward"))?;
        self.held_bytes = self.held_bytes.saturating_sub(saved.iter().map(Saved::bytes).sum());
        let head = self.head();
        let mut back = if self.works.contains(&head) { DMatrix::zeros(0, 0) } else { self.matrix(gradient)? };
        for Saved { part, parameters, kept } in saved.into_iter().rev() {
            let of = self.held.get_mut(&part).ok_or(WorkError::Misplaced("a part of the model that is not held"))?;
            let gradients = &mut of.gradients;
            back = match kept {
                Kept::Embedding(saved) => {
                    self.model.embedding.backward(&parameters, &saved, back, shape, gradients);
                    DMatrix::zeros(0, 0)
                }
                Kept::Block(saved) => self.model.block.backward(&parameters, &saved, back, shape, gradients),
                Kept::Head(saved) => self.model.head.backward(&parameters, &saved, shape, gradients),
            };
        }
        if self.spec.update == UpdateRule::PerMicroBatch {
            self.update();
        }
        Ok(back.as_slice().to_vec())
    }

    fn targets(&mut self, iteration: u32, micro_batch: u32) -> Result<Option<Vec<f32>>, WorkError> {
        if self.alone {
            return Ok(None);
        }
        let (_, targets, counted) = self.batch(iteration, micro_batch);
        // Whole numbers below 2^24 are exact, and vocabularies and batches are smaller.
        let number = |target: u32| if target == IGNORED { NO_TARGET } else { target as f32 };
        Ok(Some(targets.into_iter().map(number).chain([counted as f32]).collect()))
    }

    fn wants_targets(&self) -> bool {
        !self.alone && self.works.contains(&self.head())
    }

    fn take_targets(&mut self, micro_batch: u32, targets: Vec<f32>) -> Result<(), WorkError> {
        let expected = self.samples_per_micro_batch * self.model.targets() + 1;
        let [targets @ .., counted] = targets.as_slice() else {
            return Err(WorkError::Length { what: "the targets of a micro-batch", found: 0, expected });
        };
        if targets.len() + 1 != expected {
            let found = targets.len() + 1;
            return Err(WorkError::Length { what: "the targets of a micro-batch", found, expected });
        }
        let target = |target: &f32| {
            let known = 0.0..self.model.classes as f32;
            match *target {
                NO_TARGET => Ok(IGNORED),
                target if known.contains(&target) => Ok(target as u32),
                target => Err(WorkError::Model(format!("target {target}: must be below {}", self.model.classes))),
            }
        };
        let targets = targets.iter().map(target).collect::<Result<_, _>>()?;
        self.targets.insert(micro_batch, (targets, *counted as usize));
        Ok(())
    }

    fn step(&mut self) -> Result<Option<Learned>, WorkError> {
        self.iterations += 1;
        if self.spec.update == UpdateRule::PerBatch {
            self.update();
        }
        if !self.works.contains(&self.head()) {
            return Ok(None);
        }
        let loss = std::mem::take(&mut self.loss);
        Ok(Some(Learned { loss: loss.mean(), correct: loss.right as u64, counted: loss.counted as u64 }))
    }

    fn segment(&mut self, node: usize) -> Result<Vec<f32>, WorkError> {
        let mut numbers = Vec::new();
        for part in self.segment_of(node) {
            self.part(part)?.write(&mut numbers);
        }
        if self.alone {
            // Where a device is in its data belongs to what the control unit keeps.
            numbers.push((self.batches + self.iterations) as f32);
        }
        Ok(numbers)
    }

    fn take_segment(&mut self, node: usize, numbers: Vec<f32>) -> Result<(), WorkError> {
        let (mut rest, rule) = (numbers.as_slice(), self.spec.rule);
        let count = self.collections + 1;
        for part in self.segment_of(node) {
            let mut of = self.part(part)?.clone();
            of.read(&mut rest, rule)?;
            match self.collected.get_mut(&part) {
                Some(mean) => mean.average_in(&of, count),
                None if self.collects => drop(self.collected.insert(part, of)),
                None => drop(self.held.insert(part, of)),
            }
        }
        if self.alone
            && let [own @ .., batches] = rest
        {
            rest = own;
            if self.collects {
                self.iterations = (*batches as u64).saturating_sub(self.batches)
            } else {
                self.batches = *batches as u64
            }
        }
        // Whole models are averaged; segments are pieces of one.
        self.collections = if self.alone && self.collects { count } else { 0 };
        if rest.is_empty() { Ok(()) } else { Err(WorkError::Misplaced("a segment with more blocks than planned")) }
    }

    fn upload(&mut self) -> Result<Vec<f32>, WorkError> {
        let parts = self.held.iter().map(|(part, of)| self.collected.get(part).unwrap_or(of));
        Ok(parts.flat_map(|part| part.parameters.iter().copied()).collect())
    }

    fn take_upload(&mut self, numbers: Vec<f32>) -> Result<(), WorkError> {
        let (found, model) = (numbers.len(), &self.model);
        let expected = if self.alone { model.count() } else { model.count() - model.head.count() };
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
        (self.before, self.collections) = (None, 0);
        Ok(())
    }

    fn roll_back(&mut self) {
        if let Some((held, batches)) = self.before.take() {
            (self.held, self.batches) = (held, batches);
        }
        self.collected.clear();
        (self.iterations, self.collections) = (0, 0);
        (self.saved, self.targets, self.loss) = (BTreeMap::new(), BTreeMap::new(), Loss::default());
        self.held.values_mut().for_each(|part| part.gradients.fill(0.0));
    }

    fn memory_bytes(&self) -> u64 {
        self.most_bytes
    }
}
