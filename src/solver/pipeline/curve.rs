//! What one choice of one cluster costs as a function of its price of latency: concave, with its latency as derivative.

use super::block::{Block, Prices, Upload};
use super::choice::{Choice, Column};
use super::instance::Instance;
use super::paths::Pool;
use super::radio::{Allocation, Ending, Outcome, Target, optimize};

/// A choice with its radio at the price of latency that it was asked for last, its upload left out.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    pub choice: Choice,
    column: Column,
    pub at: Point,
    pub prices: Option<Prices>,
    pub best: Option<Allocation>,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Point {
    /// π.
    pub price: f64,
    /// The least cost, proved from below.
    pub value: f64,
    /// Latency [s].
    pub latency: f64,
    /// d latency/dπ, at most 0.
    pub slope: f64,
}

/// How accurately a point is computed.
const ACCURACY: f64 = 2e-12;

impl Curve {
    /// `None` where a link is missing.
    pub fn new(instance: &Instance, pool: &Pool, choice: Choice) -> Option<Self> {
        let column = Column::new(instance, pool.layout, &choice)?;
        Some(Self { choice, column, at: Point::default(), prices: None, best: None })
    }

    /// Moves to a price; returns the Newton steps it took.
    pub fn go(&mut self, instance: &Instance, pool: &mut Pool, price: f64) -> u32 {
        if self.at.price == price {
            return 0;
        }
        let mut block = Block::new(instance, vec![self.column.clone()], Upload::Elsewhere);
        let target = Target { weight: price, deadline: None, upload: Upload::Elsewhere };
        let start = self.prices.as_ref().map(|prices| {
            // All prices of a block grow with that of latency, as long as energies matter little.
            let shift = if price > prices.price { 1.0 } else { 0.5 } * (price / prices.price).ln();
            Prices { ln_band: prices.ln_band.map(|ln| ln + shift), ..prices.clone() }
        });
        let ending = Ending { cutoff: f64::INFINITY, accuracy: ACCURACY, polish: 3 };
        let Outcome { bound, prices, best, last, iterations, .. } =
            optimize(&mut block, pool, target, start.as_ref(), ending);
        let close = |last: &Allocation| {
            best.as_ref().is_none_or(|best| last.objective <= best.objective + 10.0 * ACCURACY * best.objective.abs())
        };
        let best = last.filter(close).or(best);
        let latency = best.as_ref().map_or_else(|| block.latency(), |best| best.latency);
        let slope = block.response(bound.abs());
        self.at = Point { price, value: bound, latency, slope: slope.min(0.0) };
        self.prices = Some(prices);
        self.best = best;
        iterations
    }
}
