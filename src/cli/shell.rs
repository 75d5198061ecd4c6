//! `collapipe completions` and `man`: the program's own description, for shells and for `man`.

use std::path::Path;

use clap::CommandFactory;
use collapipe::write_text;

use super::args::{Arguments, CompletionsArguments, ManArguments};
use super::{Done, Failure, io};

const NAME: &str = "collapipe";

pub fn completions(arguments: &CompletionsArguments) -> Result<Done, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), NAME, &mut script);
    io::print(&String::from_utf8_lossy(&script))?;
    Ok(Done::Solved)
}

pub fn man(arguments: &ManArguments) -> Result<Done, Failure> {
    let pages = pages()?;
    let Some(folder) = &arguments.out else {
        let name = arguments.command.as_ref().map_or(NAME.to_owned(), |command| format!("{NAME}-{command}"));
        let Some((_, page)) = pages.iter().find(|(page, _)| *page == name) else {
            let commands: Vec<&str> = pages.iter().filter_map(|(page, _)| page.strip_prefix("collapipe-")).collect();
            let command = arguments.command.as_deref().unwrap_or_default();
            let near = collapipe::text::nearest(command, &commands);
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            return Err(Failure::input(format!("no command {command}; there are: {}{near}", commands.join(", "))));
        };
        io::print(page)?;
        return Ok(Done::Solved);
    };
    std::fs::create_dir_all(folder).map_err(|error| Failure::machine(format!("{}: {error}", folder.display())))?;
    for (name, page) in &pages {
        write_text(&folder.join(Path::new(name).with_extension("1")), page, true)?;
    }
    io::print_text(&format!("Wrote {} pages to {}\n", pages.len(), folder.display()))?;
    Ok(Done::Solved)
}

/// Name and text of the program's page and of each command's.
fn pages() -> Result<Vec<(String, String)>, Failure> {
    let mut program = Arguments::command().name(NAME);
    program.build();
    let mut pages = vec![(NAME.to_owned(), page(program.clone())?)];
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("{NAME}-{}", command.get_name());
        pages.push((name, page(command.clone())?));
    }
    Ok(pages)
}

fn page(command: clap::Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command).render(&mut page);
    rendered.map_err(|error| Failure::machine(format!("cannot make a manual page: {error}")))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
