//! What a run learns, from its arguments.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use collapipe::scenario::Scenario;
use collapipe_engine::data::{Data, Task};
use collapipe_engine::nn::{Model, Rule};
use collapipe_engine::roles::Parts;
use collapipe_engine::work::{LearningSpec, UpdateRule, model_of, parameters};

use super::Failure;

/// What is learned.
#[derive(Debug, Args)]
#[command(next_help_heading = "Learning")]
pub struct LearnArguments {
    /// Train the scenario's model on these data; left out, messages carry nothing
    ///
    ///   languages   sentences, of as many languages as the model has classes
    ///   phonemes    letters of English words to phonemes
    ///   FILE...     text files of your own
    ///
    /// The scenario's `model.transformer` says what is asked, and so what a file holds:
    ///
    ///   head "classifier"         the class of a text; a class per file, a text per line
    ///   family "decoder"          the next character; a text per line
    ///   family "encoder"          masked characters; a text per line
    ///   family "encoder-decoder"  the target; per line a source and its target, parted by a tab
    ///
    /// A file that has the name of one of the data is given as ./languages.
    #[arg(long, value_name = "languages|phonemes|FILE", num_args = 1.., verbatim_doc_comment)]
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
    /// Seed of fresh parameters, and of which samples are held out
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
pub struct Lesson {
    pub spec: LearningSpec,
    model: Model,
    task: Task,
}

impl LearnArguments {
    /// None where nothing is learned.
    pub fn lesson(&self, scenario: &Scenario) -> Result<Option<Lesson>, Failure> {
        if self.learn.is_empty() {
            return Ok(None);
        }
        let data = Data::of(&self.learn).map_err(|error| Failure::input(format_args!("--learn {error}")))?;
        let transformer = model_of(&scenario.spec().model).map_err(Failure::input)?;
        let model = Model::new(&transformer).map_err(Failure::input)?;
        let task = Task::new(&data, &transformer, self.learn_seed).map_err(Failure::input)?;
        let rule = match self.rule {
            RuleName::Adamw => Rule::AdamW { rate: self.rate, decay: 0.01 },
            RuleName::Sgd => Rule::Sgd { rate: self.rate, momentum: 0.0 },
        };
        rule.validate().map_err(Failure::input)?;
        let update = match self.update {
            UpdateName::PerBatch => UpdateRule::PerBatch,
            UpdateName::PerMicroBatch => UpdateRule::PerMicroBatch,
        };
        let spec = LearningSpec {
            model: transformer,
            seed: self.learn_seed,
            rule,
            update,
            // Each cluster has a batch of its own.
            batch: 1,
            samples: Some((task.training.numbers.clone(), task.training.targets.clone())),
        };
        Ok(Some(Lesson { spec, model, task }))
    }
}

impl Lesson {
    /// What the model knows of samples that it has not seen, beside simple methods.
    pub fn learned(&self, parts: &Parts) -> Result<String, Failure> {
        if parts.is_empty() {
            return Ok("No round was executed: nothing was learned.\n".into());
        }
        let parts = parameters(&self.spec, parts, 0).map_err(Failure::machine)?;
        let held_out = &self.task.held_out;
        let loss = self.model.loss_of_many(&parts, &held_out.numbers, &held_out.targets);
        let whole = match self.task.is_translation() {
            true => format!(" | wholly right {:.2} %", 100.0 * loss.whole as f64 / loss.samples as f64),
            false => String::new(),
        };
        let mut text = format!(
            "{}\n{} samples learned from, {} held out, of which {} answers are asked for\n",
            self.task.name,
            self.task.training.len(),
            held_out.len(),
            loss.counted
        );
        let line =
            |name: &str, loss: f64, accuracy: f64| format!("  {name:<45} {loss:>8.4} {:>8.2} %\n", 100.0 * accuracy);
        text += &format!("  {:<45} {:>8} {:>10}\n", "on these", "loss", "accuracy");
        text += line("the model", loss.mean(), loss.accuracy()).trim_end();
        text += &format!("{whole}\n");
        for yardstick in self.task.yardsticks() {
            text += &match yardstick.loss {
                Some(loss) => line(yardstick.name, loss, yardstick.accuracy),
                None => format!("  {:<45} {:>8} {:>8.2} %\n", yardstick.name, "-", 100.0 * yardstick.accuracy),
            };
        }
        Ok(text)
    }
}
