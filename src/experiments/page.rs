//! The page with all experiments.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::contrast::{contrast_on, contrast_outcome};
use super::drawn::DrawnExperiment;
use super::findings::findings;
use super::numbers::numbers;
use super::table::ResultTable;
use crate::ground::files::{FileError, write_whole};
use crate::report::html::Escaped;
use crate::report::page::{Picture, Tone, begin, end, figure, verdict};
use crate::scenario::BUILTIN;
use crate::simulation::PolicyKind;

/// Writes `report.html` to `folder`: one page that needs no other file, with the figures, tables and captions of all
/// experiments, and links to their data in `NAME/`. `provenance` is printed line by line at its end.
///
/// # Errors
/// [`FileError`] for a file that cannot be written.
pub fn write_experiment_page(
    experiments: &[DrawnExperiment],
    provenance: &[String],
    folder: &Path,
) -> Result<PathBuf, FileError> {
    write_experiment_page_of(experiments, provenance, BUILTIN, folder)
}

/// The same for experiments with variants of another scenario, whose text (TOML) the page shows.
///
/// # Errors
/// As [`write_experiment_page`].
pub fn write_experiment_page_of(
    experiments: &[DrawnExperiment],
    provenance: &[String],
    scenario: &str,
    folder: &Path,
) -> Result<PathBuf, FileError> {
    let mut page = begin(match experiments {
        [one] => &one.table().title,
        _ => "collapipe: experiments",
    });
    // Writing to a string does not fail.
    let _ = write_page(&mut page, experiments, scenario);
    end(&mut page, provenance);
    write_whole(folder, "report.html", &|out| out.write_all(page.as_bytes()))
}

fn write_page(page: &mut String, experiments: &[DrawnExperiment], scenario: &str) -> std::fmt::Result {
    let answer = |table: &ResultTable| contrast_outcome(table).or_else(|| findings(table).into_iter().next());
    let tables = experiments.iter().map(DrawnExperiment::table);
    let answers = tables.filter_map(|table| Some(format!("{}: {}", table.title, answer(table)?)));
    verdict(page, Tone::Plain, &answers.collect::<Vec<_>>());
    page.push_str(
        "<p>Collaborative training of Transformers over edge devices, planned round after round. All numbers are of the scenarios \
         stated here and of our own reconstruction of the system in CollaPipe (arXiv 2509.19855), whose equations and scenario are not \
         public: none of them reproduces one of the paper's.</p>\n",
    );
    if experiments.len() > 1 {
        page.push_str("<nav aria-label=\"Experiments\">\n<ul>\n");
        for table in experiments.iter().map(DrawnExperiment::table) {
            writeln!(page, "<li><a href=\"#{}\">{}</a></li>", Escaped(&table.name), Escaped(&table.title))?;
        }
        page.push_str("</ul>\n</nav>\n");
    }
    policies(page, experiments)?;
    writeln!(
        page,
        "<details>\n<summary>The base scenario, of which each experiment plays variants</summary>\n<pre>{}</pre>\n</details>",
        Escaped(scenario)
    )?;
    experiments.iter().try_for_each(|experiment| section(page, experiment))
}

/// What the policies do that occur, as series or along an axis.
fn policies(page: &mut String, experiments: &[DrawnExperiment]) -> std::fmt::Result {
    let names: HashSet<&str> = experiments
        .iter()
        .flat_map(|experiment| &experiment.table().rows)
        .flat_map(|row| [row.series.as_str(), row.x_label.as_str()])
        .collect();
    let found = |kind: &&PolicyKind| names.contains(kind.to_string().as_str());
    page.push_str("<details>\n<summary>Who is compared: the policies in a few words</summary>\n<dl>\n");
    for kind in PolicyKind::ALL.iter().filter(found) {
        writeln!(page, "<dt>{kind}</dt><dd>{}</dd>", Escaped(kind.summary()))?;
    }
    page.push_str("</dl>\n</details>\n");
    Ok(())
}

fn section(page: &mut String, experiment: &DrawnExperiment) -> std::fmt::Result {
    let table = experiment.table();
    let name = Escaped(&table.name);
    writeln!(page, "<section id=\"{name}\">\n<h2>{}</h2>", Escaped(&table.title))?;
    writeln!(page, "<p><strong>Question.</strong> {}</p>", Escaped(&table.question))?;
    writeln!(page, "<p><strong>Expected.</strong> {}</p>", Escaped(&table.expectation))?;
    if let Some(reason) = &table.skipped {
        return writeln!(page, "<p><strong>Left out.</strong> {}</p>\n</section>", Escaped(reason));
    }
    figure(page, &Picture { title: &table.title, caption: &table.caption, ..experiment.picture() });
    let found = findings(table);
    if !found.is_empty() {
        page.push_str("<p><strong>What these runs show.</strong></p>\n<ul>\n");
        for sentence in &found {
            writeln!(page, "<li>{}</li>", Escaped(sentence))?;
        }
        page.push_str("</ul>\n");
    }
    contrast_on(page, table);
    page.push_str("<details>\n<summary>Numbers</summary>\n");
    numbers(page, table);
    page.push_str("</details>\n");
    let runs = match table.slots {
        Some(1) => "Runs of 1 slot. ".to_owned(),
        Some(slots) => format!("Runs of {slots} slots. "),
        None => String::new(),
    };
    write!(page, "<p>{runs}Files: ")?;
    let contrast = table.contrast.as_ref().map(|_| "contrast.csv");
    let files = ["data.csv", "result.json"].into_iter().chain(experiment.names()).chain(contrast);
    for (place, file) in files.enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        write!(page, "{comma}<a href=\"{name}/{file}\">{file}</a>")?;
    }
    writeln!(page, "</p>\n</section>")
}
