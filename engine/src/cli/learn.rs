//! What a run learns, from its arguments.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use collapipe::scenario::Scenario;
use collapipe_engine::data::{Bayes, Texts, languages};
use collapipe_engine::nn::{Model, Rule};
use collapipe_engine::roles::Parts;
use collapipe_engine::work::{LearningSpec, UpdateRule, model_of, parameters};

use super::Failure;

/// What is learned.
#[derive(Debug, Args)]
pub struct LearnArguments {
    /// Train the scenario's model (an encoder with a classifier): on the texts of "languages", or on text files of your
    /// own, a class per file and a text per line. Left out: messages without meaning
    #[arg(long, value_name = "languages|FILE", num_args = 1..)]
    learn: Vec<PathBuf>,
    /// Learning rate
    #[arg(long, default_value_t = 2e-3, requires = "learn")]
    rate: f64,
    /// How parameters follow their gradients
    #[arg(long, value_enum, default_value_t, requires = "learn")]
    rule: RuleName,
    /// When they do
    #[arg(long, value_enum, default_value_t, requires = "learn")]
    update: UpdateName,
    /// Seed of fresh parameters, and of which texts are held out
    #[arg(long, default_value_t = 1, requires = "learn")]
    learn_seed: u64,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum RuleName {
    /// Adam with decoupled weight decay 0.01
    #[default]
    Adamw,
    /// Plain gradient steps
    Sgd,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum UpdateName {
    /// Once per batch
    #[default]
    PerBatch,
    /// Once per micro-batch, with weight stashing
    PerMicroBatch,
}

/// A model, what it learns from, and what it is tested on.
pub struct Task {
    pub spec: LearningSpec,
    model: Model,
    training: Texts,
    held_out: Texts,
}

impl LearnArguments {
    /// None where nothing is learned.
    pub fn task(&self, scenario: &Scenario) -> Result<Option<Task>, Failure> {
        let texts = match self.learn.as_slice() {
            [] => return Ok(None),
            [name] if name.as_os_str() == "languages" => languages(),
            files => Texts::read(files),
        };
        let texts = texts.map_err(Failure::input)?;
        let transformer = model_of(&scenario.spec().model).map_err(Failure::input)?;
        let model = Model::new(&transformer).map_err(Failure::input)?;
        if model.classes != texts.classes.len() {
            return Err(Failure::input(format_args!(
                "model.head.classes = {}: must be {}, one for each of the texts' classes ({})",
                model.classes,
                texts.classes.len(),
                texts.classes.join(", ")
            )));
        }
        let rule = match self.rule {
            RuleName::Adamw => Rule::AdamW { rate: self.rate, decay: 0.01 },
            RuleName::Sgd => Rule::Sgd { rate: self.rate, momentum: 0.0 },
        };
        rule.validate().map_err(Failure::input)?;
        let update = match self.update {
            UpdateName::PerBatch => UpdateRule::PerBatch,
            UpdateName::PerMicroBatch => UpdateRule::PerMicroBatch,
        };
        let (training, held_out) = texts.split(self.learn_seed);
        let samples = training.samples(model.tokens);
        let spec = LearningSpec {
            model: transformer,
            seed: self.learn_seed,
            rule,
            update,
            // Each cluster has a batch of its own.
            batch: 1,
            samples: Some((samples.numbers, samples.classes)),
        };
        Ok(Some(Task { spec, model, training, held_out }))
    }
}

impl Task {
    /// What the model knows of texts that it has not seen, beside a simple method.
    pub fn learned(&self, parts: &Parts) -> Result<String, Failure> {
        if parts.is_empty() {
            return Ok("No round was executed: nothing was learned.\n".into());
        }
        let parts = parameters(&self.spec, parts, 0).map_err(Failure::machine)?;
        let samples = self.held_out.samples(self.model.tokens);
        let loss = self.model.loss_of_many(&parts, &samples.numbers, &samples.classes);
        Ok(format!(
            "{} held-out texts | loss {:.4} | accuracy {:.2} % | naive Bayes over pieces of three characters: {:.2} %\n",
            samples.len(),
            loss.mean(),
            100.0 * loss.accuracy(),
            100.0 * Bayes::learn(&self.training).accuracy(&self.held_out)
        ))
    }
}
