//! `collapipe bound`.

use collapipe::bounds::BoundRequest;

use super::args::BoundArguments;
use super::{Done, Failure, io};

pub fn bound(arguments: &BoundArguments) -> Result<Done, Failure> {
    let text = io::read(&arguments.parameters)?;
    let request = BoundRequest::from_json(&text).map_err(|error| io::bad_input(&arguments.parameters, &error))?;
    let report = request.evaluate().map_err(|error| io::bad_input(&arguments.parameters, &error))?;
    io::print_json(&report)?;
    Ok(Done::Solved)
}
