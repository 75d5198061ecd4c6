//! Why a fleet's controller refuses something.

use crate::ground::blame::{Blame, Blamed};
use crate::lyapunov::controller::WarmStartError;
use crate::text::{nearest, value};
use crate::units::Joules;

/// Why nodes cannot join, leave, be priced or be charged; the controller is unchanged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// A node without a name.
    #[error("a node's name is empty: it is what its account goes by")]
    NoName,
    /// A node that is not a member.
    #[error("{} is not a member{}; let it join first", value(name), did_you_mean(nearest.as_deref()))]
    NoMember {
        /// Its name.
        name: String,
        /// The member whose name is nearest, if one is near.
        nearest: Option<String>,
    },
    /// A node that is named twice.
    #[error("{} is named twice: must be once", value(name))]
    Twice {
        /// Its name.
        name: String,
    },
    /// A budget that is not positive and finite.
    #[error("budget of {} = {budget:?} J: must be a finite number > 0, or none", value(name))]
    Budget {
        /// The node.
        name: String,
        /// Its budget in joules.
        budget: f64,
    },
    /// A node whose account has another budget: its certificate is in units of that.
    #[error(
        "budget of {} = {}: its account has {}; forget the node first, then it starts anew",
        value(name),
        joules(asked),
        joules(own)
    )]
    OtherBudget {
        /// The node.
        name: String,
        /// Ē of its account.
        own: Option<Joules>,
        /// Ē that was asked for.
        asked: Option<Joules>,
    },
    /// A node that has an account already, and so a queue.
    #[error("{} has an account: its queue cannot be set; forget the node first, or let it join", value(name))]
    Account {
        /// The node.
        name: String,
    },
    /// A queue that starts at a number that no queue has.
    #[error("initial queue of {} = {initial:?}: must be a finite number >= 0", value(name))]
    Start {
        /// The node.
        name: String,
        /// Q(join).
        initial: f64,
    },
    /// An energy that cannot be booked.
    #[error(
        "energy of {} = {value:?} J: must be a finite number >= 0, and within what its queue can count",
        crate::text::value(name)
    )]
    Energy {
        /// The node.
        name: String,
        /// Its energy in joules.
        value: f64,
    },
}

impl Blamed for FleetError {
    fn blame(&self) -> Blame {
        match self {
            Self::NoName
            | Self::NoMember { .. }
            | Self::Twice { .. }
            | Self::Budget { .. }
            | Self::OtherBudget { .. }
            | Self::Account { .. }
            | Self::Start { .. }
            | Self::Energy { .. } => Blame::Input,
        }
    }
}

impl FleetError {
    pub(super) fn no_member(name: &str, members: &[&str]) -> Self {
        Self::NoMember { name: name.into(), nearest: nearest(name, members).map(Into::into) }
    }

    /// Why no account was opened.
    pub(super) fn refused(name: &str, budget: Option<Joules>, initial: f64, error: &WarmStartError) -> Self {
        match (error, budget) {
            (WarmStartError::Budget(_), Some(budget)) => Self::Budget { name: name.into(), budget: budget.0 },
            _ => Self::Start { name: name.into(), initial },
        }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean {}?)", value(name)))
}

fn joules(budget: &Option<Joules>) -> String {
    budget.map_or_else(|| "no limit".into(), |budget| format!("{:?} J", budget.0))
}
