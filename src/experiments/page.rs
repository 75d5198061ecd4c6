//! The page with all experiments.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::contrast::contrast_html;
use super::drawn::DrawnExperiment;
use super::findings::findings;
use super::numbers::Numbers;
use crate::ground::files::{FileError, write_whole};
use crate::report::html::Escaped;
use crate::scenario::BUILTIN;
use crate::simulation::PolicyKind;

/// Light and dark by the reader's setting; wide tables scroll in their own box; figures stand on white in either.
const STYLE: &str = "\
:root{color-scheme:light dark;--paper:#fff;--ink:#222;--faint:#5a5a5a;--line:#d8d8d8;--link:#0060a0}
@media(prefers-color-scheme:dark){:root{--paper:#16181b;--ink:#e6e6e6;--faint:#a8a8a8;--line:#3a3d42;--link:#7cc0f5}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:60rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;line-height:1.2}h2{font-size:1.25rem;margin:2.5rem 0 .5rem;border-top:1px solid var(--line);padding-top:1.5rem}
a{color:var(--link)}p{overflow-wrap:anywhere}nav ul{columns:2 18rem;padding-left:1.2rem}
figure{margin:1rem 0}figure>div{background:#fff;border:1px solid var(--line);border-radius:6px;padding:4px}
figure svg{display:block;width:100%;height:auto}figcaption{color:var(--faint);margin-top:.4rem}
.box{overflow-x:auto;border:1px solid var(--line);border-radius:6px}
table{border-collapse:collapse;font-size:.82rem;width:100%}th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:left}
thead th{vertical-align:bottom}.n{text-align:right;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}tbody th{font-weight:600}
dt{font-weight:600}dd{margin:0 0 .4rem 1.2rem}pre{overflow-x:auto;font-size:.8rem;line-height:1.35}
small{color:var(--faint)}summary{cursor:pointer}footer{margin-top:3rem;color:var(--faint);font-size:.85rem}
@media print{body{max-width:none}details>*{display:block}section{break-inside:avoid-page}nav{display:none}}
";

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
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = write_page(&mut page, experiments, provenance, scenario);
    write_whole(folder, "report.html", &|out| out.write_all(page.as_bytes()))
}

fn write_page(
    page: &mut String,
    experiments: &[DrawnExperiment],
    provenance: &[String],
    scenario: &str,
) -> std::fmt::Result {
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>collapipe: experiments</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>collapipe: experiments</h1>\n\
         <p>Collaborative training of Transformers over edge devices, planned round after round. All numbers are of the scenarios \
         stated here and of our own reconstruction of the system in CollaPipe (arXiv 2509.19855), whose equations and scenario are not \
         public: none of them reproduces one of the paper's.</p>\n\
         <nav aria-label=\"Experiments\">\n<ul>\n"
    )?;
    for table in experiments.iter().map(DrawnExperiment::table) {
        writeln!(page, "<li><a href=\"#{}\">{}</a></li>", Escaped(&table.name), Escaped(&table.title))?;
    }
    page.push_str("</ul>\n</nav>\n");
    policies(page, experiments)?;
    writeln!(
        page,
        "<details>\n<summary>The base scenario, of which each experiment plays variants</summary>\n<pre>{}</pre>\n</details>",
        Escaped(scenario)
    )?;
    for experiment in experiments {
        section(page, experiment)?;
    }
    page.push_str("</main>\n<footer>\n");
    for line in provenance {
        writeln!(page, "<p>{}</p>", Escaped(line))?;
    }
    page.push_str("</footer>\n</body>\n</html>\n");
    Ok(())
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
    let (table, svg) = (experiment.table(), experiment.svg());
    let name = Escaped(&table.name);
    writeln!(page, "<section id=\"{name}\">\n<h2>{}</h2>", Escaped(&table.title))?;
    writeln!(page, "<p><strong>Question.</strong> {}</p>", Escaped(&table.question))?;
    writeln!(page, "<p><strong>Expected.</strong> {}</p>", Escaped(&table.expectation))?;
    if let Some(reason) = &table.skipped {
        return writeln!(page, "<p><strong>Left out.</strong> {}</p>\n</section>", Escaped(reason));
    }
    let (title, caption) = (Escaped(&table.title), Escaped(&table.caption));
    let figure = svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{title}\" "), 1);
    writeln!(page, "<figure>\n<div>{figure}</div>\n<figcaption>{caption}</figcaption>\n</figure>")?;
    let found = findings(table);
    if !found.is_empty() {
        page.push_str("<p><strong>What these runs show.</strong></p>\n<ul>\n");
        for sentence in &found {
            writeln!(page, "<li>{}</li>", Escaped(sentence))?;
        }
        page.push_str("</ul>\n");
    }
    page.push_str(&contrast_html(table).unwrap_or_default());
    writeln!(page, "<details>\n<summary>Numbers</summary>\n<div class=\"box\">{}</div>\n</details>", Numbers(table))?;
    let runs = match table.slots {
        Some(slots) => format!("Runs of {slots} slots. "),
        None => String::new(),
    };
    write!(page, "<p>{runs}Files: ")?;
    let contrast = table.contrast.as_ref().map(|_| "contrast.csv");
    let files = ["data.csv", "result.json", "figure.svg", "figure.png"].into_iter().chain(contrast);
    for (place, file) in files.enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        write!(page, "{comma}<a href=\"{name}/{file}\">{file}</a>")?;
    }
    writeln!(page, "</p>\n</section>")
}
