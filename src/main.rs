//! The command line; see `collapipe --help`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
