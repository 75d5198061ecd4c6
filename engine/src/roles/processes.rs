//! Nodes as processes of this machine.

use std::process::Child;
use std::time::Duration;

use super::coordinator::Coordinator;
use super::members::Hall;

/// How long a process may take to end after it was told to.
const ENDING: Duration = Duration::from_secs(2);

/// A run whose nodes are processes: those started for it end with it.
#[derive(Debug)]
pub struct Processes {
    coordinator: Coordinator,
    children: Vec<Child>,
}

impl Processes {
    /// A run with the nodes that join a hall; `children` are those that were started for it.
    #[must_use]
    pub fn new(hall: Hall, children: Vec<Child>) -> Self {
        Self { coordinator: Coordinator::new(hall), children }
    }

    /// Who runs the rounds.
    pub fn coordinator(&mut self) -> &mut Coordinator {
        &mut self.coordinator
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.coordinator.close();
        for child in &mut self.children {
            if !ended(child) {
                // It was told to stop and does not.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn ended(child: &mut Child) -> bool {
    let step = Duration::from_millis(10);
    for _ in 0..ENDING.as_millis() / step.as_millis() {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(step),
            _ => return true,
        }
    }
    false
}
