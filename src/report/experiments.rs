//! Figures and one page of experiments.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::figures::{distinct, of_experiment};
use super::files::{ReportError, write_whole};
use super::table::significant;
use crate::experiments::{Metric, ResultTable, interval};

fn made(folder: &Path) -> Result<(), ReportError> {
    fs::create_dir_all(folder).map_err(|source| ReportError::Folder { path: folder.into(), source })
}

/// Writes `figure.svg` of an experiment into a folder, which is made, and returns the written paths.
///
/// # Errors
///
/// The folder or the file cannot be written, or the figure cannot be drawn.
pub fn write_experiment(table: &ResultTable, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    made(folder)?;
    let figure =
        of_experiment(table).map_err(|cause| ReportError::Figure { path: folder.join("figure.svg"), cause })?;
    Ok(vec![write_whole(folder, "figure.svg", &|out| out.write_all(figure.as_bytes()))?])
}

/// Writes `report.html`: every experiment with question, figure, table and links to `NAME/data.csv` and its neighbours.
///
/// The page is whole in itself: it asks for no other file and no network. `provenance` is shown line by line.
///
/// # Errors
///
/// The folder or the file cannot be written, or a figure cannot be drawn.
pub fn write_html(tables: &[ResultTable], provenance: &[String], folder: &Path) -> Result<PathBuf, ReportError> {
    made(folder)?;
    let mut page = String::from(HEAD);
    for (index, table) in tables.iter().enumerate() {
        page += &format!("<li><a href=\"#e{index}\">{}</a></li>", escape(&table.title));
    }
    page += "</ol></nav><main>";
    for (index, table) in tables.iter().enumerate() {
        page += &format!("<section id=\"e{index}\"><h2>{}</h2>", escape(&table.title));
        page += &format!("<p><b>Question.</b> {}</p>", escape(&table.question));
        page += &format!("<p><b>Expected.</b> {}</p>", escape(&table.expectation));
        if let Some(why) = &table.skipped {
            page += &format!("<p><b>Left out.</b> {}</p>", escape(why));
        }
        if !table.rows.is_empty() {
            let figure = of_experiment(table)
                .map_err(|cause| ReportError::Figure { path: folder.join("report.html"), cause })?;
            let label = format!("<svg role=\"img\" aria-label=\"{}\" ", escape(&table.title));
            // Only from the element on: a page has no place for an XML declaration.
            let figure = figure.find("<svg ").and_then(|at| figure.get(at..)).unwrap_or(&figure);
            page += &format!("<figure>{}", figure.replacen("<svg ", &label, 1));
            page += &format!("<figcaption>{}</figcaption></figure>", escape(&table.caption));
            page += &numbers(table);
        }
        let name = escape(&table.name);
        page += "<p>Data:";
        let files: &[&str] =
            if table.rows.is_empty() { &["result.json"] } else { &["data.csv", "result.json", "figure.svg"] };
        for file in files {
            page += &format!(" <a href=\"{name}/{file}\">{file}</a>");
        }
        page += "</p></section>";
    }
    page += "<section><h2>Provenance</h2>";
    for line in provenance {
        page += &format!("<p>{}</p>", escape(line));
    }
    page += "</section></main></body></html>\n";
    write_whole(folder, "report.html", &|out| out.write_all(page.as_bytes()))
}

/// Mean ± half-width for every x, series and metric.
fn numbers(table: &ResultTable) -> String {
    let metrics: BTreeSet<Metric> = table.rows.iter().flat_map(|row| row.metrics.keys().copied()).collect();
    let mut html =
        String::from("<div class=\"box\"><table><thead><tr><th scope=\"col\">x</th><th scope=\"col\">series</th>");
    for metric in &metrics {
        html += &format!("<th scope=\"col\">{} [{}]</th>", metric.name(), metric.unit());
    }
    html += "</tr></thead><tbody>";
    for x in distinct(table.rows.iter().map(|row| row.x_label.as_str())) {
        for series in distinct(table.rows.iter().filter(|row| row.x_label == x).map(|row| row.series.as_str())) {
            html += &format!("<tr><th scope=\"row\">{}</th><td>{}</td>", escape(x), escape(series));
            for metric in &metrics {
                let rows = table.rows.iter().filter(|row| row.x_label == x && row.series == series);
                let values: Vec<f64> = rows.filter_map(|row| row.metrics.get(metric).copied()).collect();
                let shown = match interval(&values) {
                    Some((mean, Some(half))) => format!("{} ± {}", significant(mean, 4), significant(half, 2)),
                    Some((mean, None)) => significant(mean, 4),
                    None => "–".into(),
                };
                html += &format!("<td>{shown}</td>");
            }
            html += "</tr>";
        }
    }
    html + "</tbody></table></div>"
}

fn escape(text: &str) -> String {
    let clean = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    clean.replace('"', "&quot;").replace('\'', "&#39;")
}

const HEAD: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Experiments</title>\
<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>\
:root{color-scheme:light dark}body{font:16px/1.5 sans-serif;max-width:60rem;margin:0 auto;padding:1rem;\
overflow-wrap:anywhere}figure{margin:1rem 0}svg{max-width:100%;height:auto;background:#fff;border-radius:6px}\
.box{overflow-x:auto}table{border-collapse:collapse;font-size:.875rem;overflow-wrap:normal}\
th,td{padding:.25rem .6rem;border-bottom:1px solid #8886;text-align:left;white-space:nowrap}\
@media print{.box{overflow:visible}th,td{white-space:normal}section{break-inside:auto}figure{break-inside:avoid}}\
</style></head><body><h1>Experiments</h1><nav aria-label=\"Contents\"><ol>";
