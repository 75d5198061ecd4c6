//! What a model of a scenario learns from data.

use std::path::Path;

use collapipe::model::{Family, Head, TransformerSpec};

use super::{Asked, Bayes, DataError, Guess, LANGUAGES, Pairs, Samples, Texts, VOCABULARY, languages_of, phonemes};

/// Most samples that are held out; a long dictionary has more than a test needs.
pub const HELD_OUT: usize = 2000;

/// Most samples that are learned from.
pub const LEARNED_FROM: usize = 1 << 15;

/// Most numbers, tokens and targets, that they have together. A control unit gets them in the head of a message, as text of at most 11
/// bytes each: with its plan they stay below the limit of a head, 16 MiB.
const LEARNED_NUMBERS: usize = 1 << 20;

/// Most samples of so many tokens and targets.
fn most(tokens: usize, targets: usize) -> usize {
    (LEARNED_NUMBERS / (tokens + targets).max(1)).clamp(1, LEARNED_FROM)
}

/// Where data come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Data {
    /// Sentences of languages: for a classifier or a language model.
    Languages,
    /// Letters and phonemes of English words: for an encoder-decoder.
    Phonemes,
    /// Files: a class per file and a text per line for a classifier, texts for a language model, pairs parted by a tab for an
    /// encoder-decoder.
    Files(Vec<std::path::PathBuf>),
}

/// Data as a model learns them.
#[derive(Clone, Debug)]
pub struct Task {
    /// What is learned, in a few words.
    pub name: String,
    /// What is learned from.
    pub training: Samples,
    /// What is tested on, at most [`HELD_OUT`] samples.
    pub held_out: Samples,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Classes { training: Texts, held_out: Texts, tokens: usize },
    Tokens { asked: Asked, vocabulary: usize },
}

/// What a simple method reaches on the samples that are held out.
#[derive(Clone, Debug, PartialEq)]
pub struct Yardstick {
    /// The method.
    pub name: &'static str,
    /// Its mean loss; none where it gives no probabilities.
    pub loss: Option<f64>,
    /// Its share of right answers.
    pub accuracy: f64,
}

impl Data {
    /// From words of a user: `languages`, `phonemes`, or files. A file of such a name is given as `./languages`.
    ///
    /// # Errors
    /// [`DataError::File`] for a word that is neither a name nor a file.
    pub fn of(words: &[impl AsRef<Path>]) -> Result<Self, DataError> {
        match words {
            [word] if word.as_ref() == Path::new("languages") => return Ok(Self::Languages),
            [word] if word.as_ref() == Path::new("phonemes") => return Ok(Self::Phonemes),
            _ => {}
        }
        if let Some(path) = words.iter().map(AsRef::as_ref).find(|path| !path.is_file()) {
            let reason = "not a file; must be \"languages\" or \"phonemes\" alone, or text files";
            let source = std::io::Error::new(std::io::ErrorKind::NotFound, reason);
            return Err(DataError::File { path: path.display().to_string(), source });
        }
        Ok(Self::Files(words.iter().map(|path| path.as_ref().to_path_buf()).collect()))
    }

    fn texts(&self, languages: usize) -> Result<Texts, DataError> {
        match self {
            Self::Files(files) => Texts::read(files),
            _ => languages_of(languages),
        }
    }
}

fn model(field: &'static str, value: impl ToString, must: impl ToString) -> DataError {
    DataError::Model { field, value: value.to_string(), must: must.to_string() }
}

fn vocabulary_of(found: u32, least: usize) -> Result<(), DataError> {
    if found as usize >= least {
        return Ok(());
    }
    Err(model("family.vocabulary", found, format_args!("at least {least}, as many tokens as the data have")))
}

impl Task {
    /// What a model learns from data: what it is decides what is asked of it. Shuffled by the seed, a fifth held out.
    ///
    /// # Errors
    /// [`DataError`] for data that cannot be read, or a model that is not for them.
    pub fn new(data: &Data, spec: &TransformerSpec, seed: u64) -> Result<Self, DataError> {
        match (spec.family, spec.head) {
            (Family::EncoderDecoder { vocabulary, target_length, .. }, _) => {
                Self::pairs(data, spec, vocabulary, target_length as usize, seed)
            }
            (Family::Encoder { .. } | Family::Decoder { .. }, _) if *data == Data::Phonemes => {
                Err(model("family.kind", family_name(spec.family), "\"encoder-decoder\" for phonemes"))
            }
            (Family::Encoder { vocabulary, .. } | Family::Decoder { vocabulary, .. }, Head::Classifier { classes }) => {
                vocabulary_of(vocabulary, VOCABULARY)?;
                Self::classes(data, spec, classes as usize, seed)
            }
            (Family::Encoder { vocabulary, .. }, _) => Self::tokens(data, spec, Asked::Masked, vocabulary, seed),
            (Family::Decoder { vocabulary, .. }, _) => Self::tokens(data, spec, Asked::Next, vocabulary, seed),
            (family, _) => {
                let must = "\"encoder\", \"decoder\" or \"encoder-decoder\" to be trained";
                Err(model("family.kind", family_name(family), must))
            }
        }
    }

    fn classes(data: &Data, spec: &TransformerSpec, classes: usize, seed: u64) -> Result<Self, DataError> {
        if *data == Data::Languages && !(2..=LANGUAGES.len()).contains(&classes) && !LANGUAGES.is_empty() {
            let must =
                format!("2 to {}, as many as this build has languages ({})", LANGUAGES.len(), LANGUAGES.join(", "));
            return Err(model("head.classes", classes, must));
        }
        let texts = data.texts(classes)?;
        let names = texts.classes.join(", ");
        if texts.classes.len() < 2 {
            return Err(DataError::TooFew { what: "classes".into(), found: texts.classes.len(), least: 2 });
        }
        if texts.classes.len() != classes {
            let must = format!("{}, one for each of the texts' classes ({names})", texts.classes.len());
            return Err(model("head.classes", classes, must));
        }
        let all = texts.texts.len();
        let tokens = spec.sequence_length as usize;
        let (training, held_out) = split(texts, seed, most(tokens, 1));
        Ok(Self {
            name: format!("{all} texts to be told apart: {names}"),
            training: training.samples(tokens),
            held_out: held_out.samples(tokens),
            source: Source::Classes { training, held_out, tokens },
        })
    }

    fn tokens(
        data: &Data,
        spec: &TransformerSpec,
        asked: Asked,
        vocabulary: u32,
        seed: u64,
    ) -> Result<Self, DataError> {
        vocabulary_of(vocabulary, VOCABULARY)?;
        // English, as far as languages are concerned.
        let texts = data.texts(1)?;
        let all = texts.texts.len();
        let tokens = spec.sequence_length as usize;
        let (training, held_out) = split(texts, seed, most(tokens, tokens));
        let (name, training, held_out) = match asked {
            Asked::Next => ("the next character", training.next_tokens(tokens), held_out.next_tokens(tokens)),
            _ => ("masked characters", training.masked(tokens, seed), held_out.masked(tokens, seed)),
        };
        let source = Source::Tokens { asked, vocabulary: VOCABULARY };
        Self { name: format!("{name} of {all} texts"), training, held_out, source }.with_samples()
    }

    fn pairs(
        data: &Data,
        spec: &TransformerSpec,
        vocabulary: u32,
        target: usize,
        seed: u64,
    ) -> Result<Self, DataError> {
        let (pairs, name) = match data {
            Data::Phonemes => (phonemes()?, "phonemes of words"),
            Data::Files(files) => (Pairs::read(files)?, "targets of sources"),
            Data::Languages => {
                return Err(model("family.kind", "\"encoder-decoder\"", "\"encoder\" or \"decoder\" for languages"));
            }
        };
        vocabulary_of(vocabulary, pairs.vocabulary())?;
        let all = pairs.len();
        let needed = pairs.vocabulary();
        let tokens = spec.sequence_length as usize;
        let pairs = pairs.that_fit(tokens, target);
        let name = format!("{name}: {} of {all} fit into {tokens} and {target} tokens", pairs.len());
        let (training, held_out) = pairs.split(seed);
        let held_out = held_out.samples(tokens, target).first(HELD_OUT);
        let training = training.samples(tokens, target).first(most(tokens, target));
        let source = Source::Tokens { asked: Asked::Other, vocabulary: needed };
        Self { name, training, held_out, source }.with_samples()
    }

    fn with_samples(self) -> Result<Self, DataError> {
        for (what, samples) in [("samples to learn from", &self.training), ("samples held out", &self.held_out)] {
            if samples.is_empty() {
                let what = format!("{what} ({})", self.name);
                return Err(DataError::TooFew { what, found: 0, least: 1 });
            }
        }
        Ok(self)
    }

    /// What simple methods learn from the same data.
    #[must_use]
    pub fn yardsticks(&self) -> Vec<Yardstick> {
        match &self.source {
            Source::Classes { training, held_out, tokens } => {
                let bayes = Bayes::learn(training);
                let yardstick = |name, texts: &Texts| Yardstick { name, loss: None, accuracy: bayes.accuracy(texts) };
                vec![
                    yardstick("naive Bayes of whole texts", held_out),
                    yardstick("naive Bayes of what the model sees of them", &held_out.cut(*tokens)),
                ]
            }
            Source::Tokens { asked, vocabulary } => {
                let guess = Guess::learn(*asked, &self.training, *vocabulary);
                let names = asked.names().into_iter().enumerate();
                let of_level = |(level, name)| {
                    let loss = guess.loss(&self.held_out, level);
                    Yardstick { name, loss: Some(loss.mean()), accuracy: loss.accuracy() }
                };
                names.map(of_level).collect()
            }
        }
    }

    /// Whether an answer is a sequence, of which it can be said that all of it is right.
    #[must_use]
    pub fn is_translation(&self) -> bool {
        matches!(&self.source, Source::Tokens { asked: Asked::Other, .. })
    }
}

/// Training and test, of limited sizes.
fn split(texts: Texts, seed: u64, most: usize) -> (Texts, Texts) {
    let (mut training, mut held_out) = texts.split(seed);
    training.texts.truncate(most);
    held_out.texts.truncate(HELD_OUT);
    (training, held_out)
}

const fn family_name(family: Family) -> &'static str {
    match family {
        Family::Encoder { .. } => "\"encoder\"",
        Family::Decoder { .. } => "\"decoder\"",
        Family::Vision { .. } => "\"vision\"",
        Family::EncoderDecoder { .. } => "\"encoder-decoder\"",
        Family::T5 { .. } => "\"t5\"",
        _ => "another one",
    }
}
