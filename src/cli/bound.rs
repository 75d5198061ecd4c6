//! `collapipe bound`.

use collapipe::bounds::{BoundReport, BoundRequest, CertifiedBound};
use serde::Serialize;

use super::args::BoundArguments;
use super::{Done, Failure, io};

/// The report with the bound by performance estimation.
#[derive(Serialize)]
struct Certified<'a> {
    #[serde(flatten)]
    report: &'a BoundReport,
    certified: CertifiedBound,
}

pub fn bound(arguments: &BoundArguments) -> Result<Done, Failure> {
    let text = io::read_json(&arguments.parameters, "parameters of a bound (docs/cli.md)")?;
    let request = BoundRequest::from_json(&text).map_err(|error| io::bad_input(&arguments.parameters, &error))?;
    let report = request.evaluate().map_err(|error| io::bad_input(&arguments.parameters, &error))?;
    if arguments.certify {
        let certified = request.certify().map_err(|error| io::bad_input(&arguments.parameters, &error))?;
        io::print_json(&Certified { report: &report, certified })?;
    } else {
        io::print_json(&report)?;
    }
    Ok(Done::Solved)
}
