//! Energy budgets of nodes that come and go.

mod error;
mod saved;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::certificate::violation::Certificate;
use super::controller::EnergyController;
use crate::units::Joules;

pub use error::FleetError;
pub use saved::{ControllerFileError, ControllerSchema};

/// Turns energy spent so far into the energy prices of the next slot, for nodes that join and leave: an
/// [`EnergyController`](super::EnergyController) whose nodes have names instead of numbers.
///
/// A node that joins gets an account: a queue that starts empty. In every slot in which it is a member its queue takes
/// E/Ē − 1, energy 0 included; in all others it stays as it is. A node that leaves keeps its account, and goes on with
/// it when it comes back; one that is [forgotten](FleetController::forget) loses it and starts anew.
///
/// What is proved (certificate C1, `docs/theory/lyapunov.md`): over the R_k slots in which node k was a member since
/// its account was opened,
///
/// ```text
/// (1/R_k) Σ (E_k/Ē_k − 1) ≤ (Q_k(now) − Q_k(join)) / R_k
/// ```
///
/// however often it left in between, and whatever the others did.
///
/// It is written and read as JSON (`collapipe.controller/1`), and goes on bit for bit.
///
/// ```
/// use collapipe::lyapunov::FleetController;
/// use collapipe::units::Joules;
/// let mut fleet = FleetController::new();
/// fleet.join("lab/pi", Some(Joules(10.0)))?;
/// fleet.join("lab/mains", None)?;
/// fleet.spend([("lab/pi", Joules(15.0)), ("lab/mains", Joules(99.0))])?;
/// assert_eq!(fleet.prices(["lab/pi", "lab/mains"])?, [0.05, 0.0]);
///
/// // A slot without the board: it does not spend, and does not earn.
/// fleet.leave("lab/pi")?;
/// fleet.spend([("lab/mains", Joules(99.0))])?;
/// let mut restarted = FleetController::from_json(&fleet.to_json()?)?;
/// restarted.join("lab/pi", Some(Joules(10.0)))?;
/// assert_eq!(restarted.queue("lab/pi"), Some(0.5));
/// let certificate = restarted.certificate("lab/pi").ok_or("a slot was played")?;
/// assert!(certificate.rounds == 1 && certificate.holds());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "saved::SavedFleet", into = "saved::SavedFleet")]
pub struct FleetController {
    rounds: u64,
    accounts: BTreeMap<String, Account>,
}

/// What is known of a node.
#[derive(Clone, Debug, PartialEq)]
struct Account {
    member: bool,
    /// The controller of this node alone: one law, whoever comes and goes.
    energy: EnergyController,
}

impl Account {
    /// Ē.
    fn budget(&self) -> Option<Joules> {
        self.energy.budgets().budget(0)
    }

    fn queue(&self) -> Option<f64> {
        self.energy.queue(0)
    }

    /// Whether the slot can be booked: neither queue nor sums leave the range of numbers.
    fn takes(&self, energy: Joules) -> bool {
        let mut after = self.energy.clone();
        let booked = energy.0.is_finite() && energy.0 >= 0.0 && after.spend(&[energy]).is_ok();
        let sums = after.certificate(0).is_none_or(|certificate| certificate.mean_violation.is_finite());
        booked && sums && after.queue(0).is_none_or(f64::is_finite)
    }
}

/// How a node joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Joined {
    /// It had no account: its queue starts empty.
    New,
    /// It had left, and goes on with its account.
    Back,
    /// It was a member already; nothing changed.
    Already,
}

/// Who came and who went, by name and in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberChanges {
    /// Nodes with a new account.
    pub joined: Vec<String>,
    /// Nodes that go on with their account.
    pub back: Vec<String>,
    /// Nodes that were members and are no longer.
    pub left: Vec<String>,
}

impl MemberChanges {
    /// Whether the members are the same as before.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.back.is_empty() && self.left.is_empty()
    }
}

impl FleetController {
    /// A controller without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a node a member, with budget Ē per slot of its membership; `None` where its energy is not limited.
    ///
    /// # Errors
    /// [`FleetError::Budget`] for a budget that is not positive and finite, [`FleetError::OtherBudget`] where the node
    /// has an account with another one, [`FleetError::NoName`] for an empty name; nothing then changes.
    pub fn join(&mut self, name: &str, budget: Option<Joules>) -> Result<Joined, FleetError> {
        self.may_join(name, budget)?;
        match self.accounts.get_mut(name) {
            Some(account) if account.member => Ok(Joined::Already),
            Some(account) => {
                account.member = true;
                Ok(Joined::Back)
            }
            None => self.open(name, budget, 0.0).map(|()| Joined::New),
        }
    }

    /// Makes a new node a member whose queue starts at `initial` Q(join), in budgets: at that of a node of its kind, for
    /// instance, which spares it the climb.
    ///
    /// # Errors
    /// As [`FleetController::join`]; [`FleetError::Account`] for a node that has an account, and [`FleetError::Start`]
    /// for a start that is negative or not finite.
    pub fn join_at(&mut self, name: &str, budget: Option<Joules>, initial: f64) -> Result<(), FleetError> {
        self.may_join(name, budget)?;
        if self.accounts.contains_key(name) {
            return Err(FleetError::Account { name: name.into() });
        }
        self.open(name, budget, initial)
    }

    fn may_join(&self, name: &str, budget: Option<Joules>) -> Result<(), FleetError> {
        if name.is_empty() {
            return Err(FleetError::NoName);
        }
        let own = self.accounts.get(name).map(Account::budget);
        match own {
            Some(own) if own != budget => Err(FleetError::OtherBudget { name: name.into(), own, asked: budget }),
            _ => Ok(()),
        }
    }

    fn open(&mut self, name: &str, budget: Option<Joules>, initial: f64) -> Result<(), FleetError> {
        let energy = EnergyController::starting_at(vec![budget], &[initial]);
        let energy = energy.map_err(|error| FleetError::refused(name, budget, initial, &error))?;
        self.accounts.insert(name.into(), Account { member: true, energy });
        Ok(())
    }

    /// Ends a node's membership and keeps its account.
    ///
    /// # Errors
    /// [`FleetError::NoMember`] for a node that is not a member.
    pub fn leave(&mut self, name: &str) -> Result<(), FleetError> {
        match self.accounts.get_mut(name) {
            Some(account) if account.member => {
                account.member = false;
                Ok(())
            }
            _ => Err(self.no_member(name)),
        }
    }

    /// Makes the nodes that are named the members, with their budgets: others leave, those missing join.
    ///
    /// # Errors
    /// As [`FleetController::join`], and [`FleetError::Twice`] for a name that is given twice; nothing then changes.
    pub fn set_members<'a>(
        &mut self,
        nodes: impl IntoIterator<Item = (&'a str, Option<Joules>)>,
    ) -> Result<MemberChanges, FleetError> {
        let mut after = self.clone();
        let (mut named, mut changes) = (BTreeSet::new(), MemberChanges::default());
        for (name, budget) in nodes {
            if !named.insert(name) {
                return Err(FleetError::Twice { name: name.into() });
            }
            match after.join(name, budget)? {
                Joined::New => changes.joined.push(name.into()),
                Joined::Back => changes.back.push(name.into()),
                Joined::Already => {}
            }
        }
        for (name, account) in &mut after.accounts {
            if account.member && !named.contains(name.as_str()) {
                account.member = false;
                changes.left.push(name.clone());
            }
        }
        changes.joined.sort();
        changes.back.sort();
        *self = after;
        Ok(changes)
    }

    /// Closes a node's account, whether it is a member or not: what it proved so far, if anything. A node of this name
    /// that joins later starts anew.
    pub fn forget(&mut self, name: &str) -> Option<Certificate> {
        self.accounts.remove(name)?.energy.certificate(0)
    }

    fn no_member(&self, name: &str) -> FleetError {
        FleetError::no_member(name, &self.members().collect::<Vec<_>>())
    }

    /// Slots booked.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// The members, by name.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().filter(|(_, account)| account.member).map(|(name, _)| name.as_str())
    }

    /// Every node with an account, by name, and whether it is a member.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, bool)> {
        self.accounts.iter().map(|(name, account)| (name.as_str(), account.member))
    }

    /// Whether a node is a member.
    #[must_use]
    pub fn is_member(&self, name: &str) -> bool {
        self.accounts.get(name).is_some_and(|account| account.member)
    }

    /// Ē of a node with an account; `None` for all others, and where its energy is not limited.
    #[must_use]
    pub fn budget(&self, name: &str) -> Option<Joules> {
        self.accounts.get(name)?.budget()
    }

    /// Q_k in budgets, of a member or of a node that left; `None` without an account or a budget.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<f64> {
        self.accounts.get(name)?.queue()
    }

    /// Z_k = Q_k/Ē_k of a member, in objective units per joule, 0 without a budget; `None` for a node that is not a member.
    #[must_use]
    pub fn price(&self, name: &str) -> Option<f64> {
        self.accounts.get(name).filter(|account| account.member).map(|account| account.energy.energy_price(0))
    }

    /// Z_k of members, in objective units per joule, in the order of the names.
    ///
    /// # Errors
    /// [`FleetError::NoMember`] for a node that is not a member.
    pub fn prices<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Vec<f64>, FleetError> {
        names.into_iter().map(|name| self.price(name).ok_or_else(|| self.no_member(name))).collect()
    }

    /// Books a slot: what members spent; one that is not named spent nothing.
    ///
    /// # Errors
    /// [`FleetError::NoMember`] for a node that is not a member, [`FleetError::Twice`] for one that is named twice,
    /// [`FleetError::Energy`] for an energy that is negative, not finite, or too large for its queue; nothing is then
    /// booked.
    pub fn spend<'a>(&mut self, energy: impl IntoIterator<Item = (&'a str, Joules)>) -> Result<(), FleetError> {
        let mut spent = BTreeMap::new();
        for (name, energy) in energy {
            let account = self.accounts.get(name).filter(|account| account.member);
            let account = account.ok_or_else(|| self.no_member(name))?;
            if !account.takes(energy) {
                return Err(FleetError::Energy { name: name.into(), value: energy.0 });
            }
            if spent.insert(name, energy).is_some() {
                return Err(FleetError::Twice { name: name.into() });
            }
        }
        for (name, account) in self.accounts.iter_mut().filter(|(_, account)| account.member) {
            let energy = spent.get(name.as_str()).copied().unwrap_or_default();
            // Checked above; saving 0 J is always possible.
            account.energy.spend(&[energy]).map_err(|_| FleetError::Energy { name: name.clone(), value: energy.0 })?;
        }
        self.rounds += 1;
        Ok(())
    }

    /// C1 of a node over the slots of its membership, in units of its budget; `None` before the first of them, and
    /// without an account or a budget.
    #[must_use]
    pub fn certificate(&self, name: &str) -> Option<Certificate> {
        self.accounts.get(name)?.energy.certificate(0)
    }

    /// [`FleetController::certificate`] of every node that has one, by name: members, and nodes that left.
    pub fn certificates(&self) -> impl Iterator<Item = (&str, Certificate)> {
        self.accounts.iter().filter_map(|(name, account)| Some((name.as_str(), account.energy.certificate(0)?)))
    }
}
