//! Executes collapipe's plans; see `collapipe-engine --help`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
