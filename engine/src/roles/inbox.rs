//! What has arrived and is waited for.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use collapipe::schedule::Operation;

use crate::emulate::{Clock, Stopped};
use crate::wire::{Address, TensorKey};

/// How often somebody who waits looks whether the round was given up.
const LOOK: Duration = Duration::from_millis(100);

/// Numbers that have arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The numbers.
    pub values: Vec<f32>,
    /// When they arrive.
    pub arrives_s: f64,
}

#[derive(Debug)]
struct Shelf<K, V> {
    content: Mutex<HashMap<K, V>>,
    changed: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Hash + Eq, V> Shelf<K, V> {
    fn new() -> Self {
        Self { content: Mutex::new(HashMap::new()), changed: Condvar::new() }
    }

    fn put(&self, key: K, value: V) {
        lock(&self.content).insert(key, value);
        self.changed.notify_all();
    }

    fn take(&self, key: &K, stopped: impl Fn() -> bool) -> Result<V, Stopped> {
        let mut content = lock(&self.content);
        loop {
            if stopped() {
                return Err(Stopped);
            }
            if let Some(value) = content.remove(key) {
                return Ok(value);
            }
            content = self.changed.wait_timeout(content, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn retain(&self, keep: impl Fn(&K) -> bool) {
        lock(&self.content).retain(|key, _| keep(key));
        self.changed.notify_all();
    }
}

/// A node's tensors and grants.
#[derive(Debug)]
pub struct Inbox {
    tensors: Shelf<TensorKey, Arrived>,
    grants: Shelf<(u64, Operation), (f64, f64)>,
    /// When tensors that were sent had come.
    receipts: Shelf<TensorKey, f64>,
    waits_for: Mutex<Option<Address>>,
}

impl Inbox {
    /// An empty one.
    pub fn new() -> Self {
        Self { tensors: Shelf::new(), grants: Shelf::new(), receipts: Shelf::new(), waits_for: Mutex::new(None) }
    }

    /// A tensor has come.
    pub fn put(&self, key: TensorKey, arrived: Arrived) {
        self.tensors.put(key, arrived);
    }

    /// A transmission may go on air.
    pub fn grant(&self, attempt: u64, operation: Operation, span: (f64, f64)) {
        self.grants.put((attempt, operation), span);
    }

    /// Waits for a tensor of a node.
    ///
    /// # Errors
    /// [`Stopped`] if the attempt is given up.
    pub fn take(&self, clock: &Clock, key: &TensorKey, from: Address) -> Result<Arrived, Stopped> {
        *lock(&self.waits_for) = Some(from);
        let arrived = self.tensors.take(key, || clock.is_stopped(key.attempt));
        *lock(&self.waits_for) = None;
        arrived
    }

    /// Waits for a grant.
    ///
    /// # Errors
    /// [`Stopped`] if the attempt is given up.
    pub fn granted(&self, clock: &Clock, attempt: u64, operation: Operation) -> Result<(f64, f64), Stopped> {
        self.grants.take(&(attempt, operation), || clock.is_stopped(attempt))
    }

    /// A tensor that was sent had come.
    pub fn receipt(&self, key: TensorKey, at_s: f64) {
        self.receipts.put(key, at_s);
    }

    /// Waits until a tensor that was sent has come; returns when.
    ///
    /// # Errors
    /// [`Stopped`] if the attempt is given up.
    pub fn received(&self, clock: &Clock, key: &TensorKey) -> Result<f64, Stopped> {
        self.receipts.take(key, || clock.is_stopped(key.attempt))
    }

    /// For whom the node waits.
    pub fn waits_for(&self) -> Option<Address> {
        *lock(&self.waits_for)
    }

    /// Forgets what belongs to earlier attempts, and wakes those that wait.
    pub fn forget_before(&self, attempt: u64) {
        self.tensors.retain(|key| key.attempt >= attempt);
        self.grants.retain(|(of, _)| *of >= attempt);
        self.receipts.retain(|key| key.attempt >= attempt);
    }
}
