//! A small Transformer learns to tell languages apart.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use collapipe::model::{Family, Head, ModelPreset, TransformerSpec};
use collapipe_engine::data::{
    Asked, Bayes, Data, Guess, LANGUAGES, Pairs, Samples, Task, Texts, VOCABULARY, languages, phonemes, pronunciations,
};
use collapipe_engine::nn::{IGNORED, Loss, Model, Optimizer, Rule};

const TOKENS: u32 = 48;

fn spec(family: Family, head: Head, tokens: u32) -> TransformerSpec {
    let mut spec = ModelPreset::BertTiny.spec(tokens);
    (spec.layers, spec.width, spec.heads, spec.feed_forward) = (2, 32, 2, 64);
    (spec.family, spec.head) = (family, head);
    spec
}

fn classifier(classes: u32) -> TransformerSpec {
    let vocabulary = VOCABULARY as u32;
    let family = Family::Encoder { vocabulary, max_positions: TOKENS, token_types: 0, pooler: true };
    spec(family, Head::Classifier { classes }, TOKENS)
}

struct Learner {
    model: Model,
    parts: Vec<Vec<f32>>,
    optimizers: Vec<Optimizer<f32>>,
}

impl Learner {
    fn new(spec: &TransformerSpec, seed: u64) -> Self {
        let model = Model::new(spec).expect("a model");
        let parts: Vec<Vec<f32>> = model.draw(seed);
        let rule = Rule::AdamW { rate: 3e-3, decay: 0.01 };
        let optimizers = parts.iter().map(|part| Optimizer::new(rule, part.len())).collect();
        Self { model, parts, optimizers }
    }

    fn learn(&mut self, tokens: &[u32], targets: &[u32]) -> Loss {
        let (loss, gradients) = self.model.gradient(&self.parts, tokens, targets).expect("all parts");
        for ((part, optimizer), gradient) in self.parts.iter_mut().zip(&mut self.optimizers).zip(&gradients) {
            optimizer.step(part, gradient);
        }
        loss
    }

    fn test(&self, samples: &Samples) -> Loss {
        self.model.loss_of_many(&self.parts, &samples.numbers, &samples.targets)
    }
}

#[test]
fn a_small_transformer_tells_languages_apart() {
    let (training, test) = languages().expect("sentences").split(1);
    assert_eq!((training.texts.len(), test.texts.len()), (3200, 800));
    let (samples, held) = (training.samples(TOKENS as usize), test.samples(TOKENS as usize));
    let mut learner = Learner::new(&classifier(4), 7);
    let before = learner.test(&held);
    assert!((before.mean() - f64::ln(4.0)).abs() < 0.1, "as good as guessing: {before:?}");
    for batch in 0..300 {
        let (tokens, classes) = samples.batch(batch, 32);
        let loss = learner.learn(&tokens, &classes);
        assert!(loss.mean().is_finite());
    }
    let after = learner.test(&held);
    println!("loss {:.3} -> {:.3}, accuracy {:.3}", before.mean(), after.mean(), after.accuracy());
    assert!(after.mean() < 0.6 * before.mean() && after.accuracy() > 0.75, "{after:?}");
    // The yardstick: the experiment is about plans, and a simple method does better on this task.
    let bayes = Bayes::learn(&training).accuracy(&test);
    let cut = Bayes::learn(&training).accuracy(&test.cut(TOKENS as usize));
    println!("naive Bayes {bayes:.4}, of {TOKENS} characters {cut:.4}");
    assert!(bayes > 0.95 && cut > after.accuracy() && cut <= bayes);
}

#[test]
fn the_same_seed_learns_the_same() {
    let (training, _) = languages().expect("sentences").split(2);
    let samples = training.samples(TOKENS as usize);
    let run = |seed| {
        let mut learner = Learner::new(&classifier(4), seed);
        let (tokens, classes) = samples.batch(3, 8);
        let _ = learner.learn(&tokens, &classes);
        learner.parts.into_iter().flatten().map(f32::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

fn translator(source: u32, target: u32, vocabulary: u32) -> TransformerSpec {
    let family = Family::EncoderDecoder { vocabulary, decoder_layers: 1, target_length: target };
    spec(family, Head::LanguageModel {}, source)
}

#[test]
fn a_small_transformer_learns_how_words_are_spoken() {
    let spec = translator(12, 12, 68);
    let task = Task::new(&Data::Phonemes, &spec, 1).expect("a task");
    assert_eq!((task.training.len(), task.held_out.len(), task.training.per_sample()), (1 << 15, 2000, 12));
    let held_out = task.held_out.first(500);
    let mut learner = Learner::new(&spec, 7);
    let before = learner.test(&held_out);
    for batch in 0..300 {
        let (tokens, targets) = task.training.batch(batch, 32);
        assert!(learner.learn(&tokens, &targets).mean().is_finite());
    }
    let after = learner.test(&held_out);
    println!("{}", task.name);
    println!("loss {:.3} -> {:.3}, accuracy {:.3}", before.mean(), after.mean(), after.accuracy());
    let yardsticks = task.yardsticks();
    for yardstick in &yardsticks {
        println!("{}: loss {:.3}, accuracy {:.3}", yardstick.name, yardstick.loss.expect("a loss"), yardstick.accuracy);
    }
    // It reads the word: better than all counts of what stands before and in the same place.
    let best = yardsticks.last().expect("counts");
    assert!(after.mean() < best.loss.expect("a loss") && after.accuracy() > best.accuracy, "{after:?}");
    // What is not asked is not counted: 500 words, each with its end.
    assert!(after.samples == 500 && after.counted < 12 * 500 && after.whole <= 500);
}

#[test]
fn language_models_do_better_than_the_most_frequent_letter() {
    let (vocabulary, max_positions) = (VOCABULARY as u32, 24);
    for family in [
        Family::Decoder { vocabulary, max_positions },
        Family::Encoder { vocabulary, max_positions, token_types: 0, pooler: false },
    ] {
        let spec = spec(family, Head::LanguageModel {}, 24);
        let task = Task::new(&Data::Languages, &spec, 1).expect("a task");
        let mut learner = Learner::new(&spec, 7);
        for batch in 0..150 {
            let (tokens, targets) = task.training.batch(batch, 32);
            let _ = learner.learn(&tokens, &targets);
        }
        let after = learner.test(&task.held_out);
        let yardsticks = task.yardsticks();
        println!("{}: loss {:.3}, accuracy {:.3}; {yardsticks:?}", task.name, after.mean(), after.accuracy());
        assert!(after.mean() < yardsticks[0].loss.expect("a loss"), "{after:?}, {yardsticks:?}");
    }
}

#[test]
fn samples_ask_for_what_follows() {
    let texts = Texts::of([("one", "ab\nlonger")]).expect("texts");
    let letter = |letter: char| 2 + u32::from(letter) - 32;
    let next = texts.next_tokens(4);
    assert_eq!(next.numbers[..4], [letter('a'), letter('b'), 1, 1]);
    assert_eq!(next.targets[..4], [letter('b'), 1, IGNORED, IGNORED]);
    assert_eq!(next.targets[4..], ['o', 'n', 'g', 'e'].map(letter));
    let masked = texts.masked(6, 5);
    for (place, (token, target)) in masked.numbers.iter().zip(&masked.targets).enumerate() {
        assert_eq!(*token == 0, *target != IGNORED, "{place}");
        let of_text = texts.samples(6).numbers[place];
        assert_eq!(if *token == 0 { *target } else { *token }, of_text);
    }
    assert_eq!(texts.cut(3).texts, [(0, "ab".into()), (0, "lon".into())]);
    assert_eq!((next.len(), next.per_sample(), next.part(1, 2).len(), next.first(1).len()), (2, 4, 1, 1));
}

#[test]
fn counting_is_what_it_says() {
    // Behind 2 came 3 three times and 4 once; 5 was never seen before.
    let samples = Samples { tokens: 2, numbers: vec![2, 2, 2, 2, 5, 5], targets: vec![3, 3, 3, 4, IGNORED, IGNORED] };
    let guess = Guess::learn(Asked::Next, &samples, 6);
    let of = |number: u32, target: u32, level: usize| {
        let asked = Samples { tokens: 1, numbers: vec![number], targets: vec![target] };
        (-guess.loss(&asked, level).sum).exp()
    };
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    close(of(2, 3, 0), 4.0 / 10.0);
    close(of(2, 3, 1), (3.0 + 4.0 / 10.0) / 5.0);
    close(of(5, 3, 1), 4.0 / 10.0);
    assert_eq!(guess.loss(&samples, 1).right, 3);
    let all: f64 = (0..6).map(|target| of(2, target, 2)).sum();
    close(all, 1.0);
}

#[test]
fn words_and_their_phonemes() {
    let pairs = pronunciations(";;; a remark\nabbey AE1 B IY0 # another\nabbey(2) AE0 B\nit's IH1 T S\nbe B IY1\n")
        .expect("words");
    // Other ways to speak a word, and what is not of letters, are left out; stress is.
    assert_eq!(pairs.len(), 2);
    assert_eq!(pairs.symbols, ["AE", "B", "IY", "a", "b", "e", "y"]);
    assert_eq!(pairs.vocabulary(), 9);
    let samples = pairs.samples(6, 4);
    assert_eq!(samples.numbers[..6], [5, 6, 6, 7, 8, 1]);
    assert_eq!(samples.targets, [2, 3, 4, 1, 3, 4, 1, IGNORED]);
    assert_eq!(pairs.that_fit(6, 3).len(), 1, "a target needs room for its end");
    let error = pronunciations("word W Q9").expect_err("no phoneme").to_string();
    assert!(error.contains("line 1"), "{error}");
    let all = phonemes().expect("the dictionary");
    // 26 letters, 39 phonemes.
    assert_eq!(all.symbols.len(), 65);
    assert!(all.len() > 110_000, "{}", all.len());
}

#[test]
fn a_model_that_is_not_for_the_data_is_refused_by_name() {
    let refused = |words: &[&str], spec: &TransformerSpec| {
        Data::of(words).and_then(|data| Task::new(&data, spec, 1)).expect_err("refused").to_string()
    };
    let decoder = spec(Family::Decoder { vocabulary: 100, max_positions: 8 }, Head::LanguageModel {}, 8);
    for (words, spec, expected) in [
        (["phonemes"], classifier(4), "model.family.kind = \"encoder\": must be \"encoder-decoder\""),
        (["languages"], classifier(1), "model.head.classes = 1: must be 2 to"),
        (["languages"], classifier(99), LANGUAGES[3]),
        (["languages"], translator(8, 8, 300), "must be \"encoder\" or \"decoder\" for languages"),
        (["languages"], decoder, "model.family.vocabulary = 100: must be at least 256"),
        (["phonemes"], translator(8, 8, 66), "model.family.vocabulary = 66: must be at least 67"),
        (["phonemes"], translator(8, 1, 67), "samples to learn from"),
        (["klingon"], classifier(4), "must be \"languages\" or \"phonemes\" alone, or text files"),
    ] {
        let error = refused(&words, &spec);
        assert!(error.contains(expected), "{error}");
    }
}

/// What is learned from fits into one message, however long a sample is.
#[test]
fn long_samples_are_fewer() {
    let folder = std::env::temp_dir().join(format!("collapipe-engine-long-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("long.txt");
    std::fs::write(&path, "some text\n".repeat(4000)).expect("a file");
    let (vocabulary, tokens) = (VOCABULARY as u32, 512);
    let spec = spec(Family::Decoder { vocabulary, max_positions: tokens }, Head::LanguageModel {}, tokens);
    let task = Task::new(&Data::of(&[&path]).expect("a file"), &spec, 1).expect("a task");
    assert_eq!((task.training.len(), task.held_out.len()), ((1 << 20) / 1024, 800));
    let numbers = (&task.training.numbers, &task.training.targets);
    assert!(serde_json::to_vec(&numbers).expect("json").len() < 12 << 20);
    std::fs::remove_dir_all(&folder).expect("its own folder");
}

#[test]
fn pairs_of_ones_own() {
    let folder = std::env::temp_dir().join(format!("collapipe-engine-pairs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("pairs.txt");
    let read = |text: &str| {
        std::fs::write(&path, text).expect("a file");
        Pairs::read(&[&path])
    };
    let pairs = read("ab\tba\n\nbc\tcb\n").expect("pairs");
    assert_eq!((pairs.len(), pairs.symbols.as_slice()), (2, ["a", "b", "c"].map(String::from).as_slice()));
    for (text, expected) in [
        ("ab\tba\nbc\n", "line 2: 1 parts between tabs"),
        ("a\tb\tc\n", "line 1: 3 parts"),
        ("a\t \n", "line 1: an empty part"),
        ("\n", "pairs of source and target: 0"),
    ] {
        let error = read(text).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
    std::fs::remove_dir_all(&folder).expect("its own folder");
}

#[test]
fn texts_of_ones_own() {
    let folder = std::env::temp_dir().join(format!("collapipe-engine-texts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = |name: &str| folder.join(name);
    std::fs::write(path("yes.txt"), "yes\n\nYES indeed\n").expect("a file");
    std::fs::write(path("no.txt"), "no\n").expect("a file");
    std::fs::write(path("empty.txt"), "\n\n").expect("a file");
    std::fs::write(path("binary.txt"), [0xff, 0xfe, 0x00]).expect("a file");
    let texts = Texts::read(&[path("yes.txt"), path("no.txt")]).expect("texts");
    assert_eq!(texts.classes, ["yes", "no"]);
    let samples = texts.samples(4);
    assert_eq!((samples.len(), samples.numbers.len()), (3, 12));
    // Letters alike whatever their case; an end behind the text.
    assert_eq!(samples.numbers[..3], samples.numbers[4..7]);
    assert_eq!(samples.numbers[3], samples.numbers[10]);
    assert_eq!(samples.batch(1, 2).1, [1, 0], "on from the beginning");
    assert_eq!(samples.part(1, 2).targets, [0]);
    for (files, found) in [
        (vec![path("yes.txt"), path("empty.txt")], "texts of empty: 0"),
        (vec![path("yes.txt"), path("missing.txt")], "missing.txt"),
        (vec![path("yes.txt"), path("binary.txt")], "binary.txt"),
    ] {
        let error = Texts::read(&files).expect_err("refused").to_string();
        assert!(error.contains(found), "{error}");
    }
    let nothing = Samples { tokens: 3, numbers: Vec::new(), targets: Vec::new() };
    assert_eq!(nothing.batch(5, 2), (Vec::new(), Vec::new()));
    std::fs::remove_dir_all(&folder).expect("its own folder");
}
