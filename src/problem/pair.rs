//! Quantities between nodes: matrices over the nodes of a cluster, and numbers that hold for every pair.

use std::fmt;
use std::marker::PhantomData;

use nalgebra::{DMatrix, Scalar};
use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ground::route::NodeId;

/// γ(i, j): gain-to-noise ratio |h|²/N0 from node i to node j, in Hz/W; zero where there is no link.
///
/// A square matrix over the K+2 nodes (0 control unit, 1..=K devices, K+1 edge server), row = sender, column =
/// receiver; the diagonal is not used. In JSON a list of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Gains(pub DMatrix<f64>);

impl Gains {
    /// γ from a sender to a receiver; zero (no link) also for nodes that the matrix does not have.
    #[must_use]
    pub fn get(&self, sender: NodeId, receiver: NodeId) -> f64 {
        self.0.get((sender.0, receiver.0)).copied().unwrap_or(0.0)
    }
}

impl Default for Gains {
    /// A matrix without entries, which fits no cluster.
    fn default() -> Self {
        Self(DMatrix::zeros(0, 0))
    }
}

/// A quantity that each pair of a sender and a receiver has: the same for all, or a matrix.
///
/// In JSON a number, or a list of rows. Schema 1 knows numbers alone.
///
/// ```
/// use collapipe::nalgebra::dmatrix;
/// use collapipe::problem::{NodeId, PerPair};
/// use collapipe::units::Seconds;
/// let cable = PerPair::from(Seconds(1e-4));
/// assert_eq!(cable.get(NodeId(0), NodeId(2)), Seconds(1e-4));
/// let radio = PerPair::Pairs(dmatrix![Seconds(0.0), Seconds(0.02); Seconds(0.03), Seconds(0.0)]);
/// assert_eq!(radio.get(NodeId(1), NodeId(0)), Seconds(0.03));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum PerPair<T: Scalar> {
    /// One value for all pairs.
    Same(T),
    /// A square matrix over the K+2 nodes (0 control unit, 1..=K devices, K+1 edge server), row = sender, column =
    /// receiver; the diagonal is not used.
    Pairs(DMatrix<T>),
}

impl<T: Scalar + Copy + Default> PerPair<T> {
    /// The value from a sender to a receiver; the default of the type for nodes that the matrix does not have.
    #[must_use]
    pub fn get(&self, sender: NodeId, receiver: NodeId) -> T {
        match self {
            Self::Same(value) => *value,
            Self::Pairs(matrix) => matrix.get((sender.0, receiver.0)).copied().unwrap_or_default(),
        }
    }

    /// The one value, unless it is a matrix.
    #[must_use]
    pub fn same(&self) -> Option<T> {
        match self {
            Self::Same(value) => Some(*value),
            Self::Pairs(_) => None,
        }
    }

    /// Whether it is the default of the type (zero) for every pair.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        match self {
            Self::Same(value) => *value == T::default(),
            Self::Pairs(matrix) => {
                (0..matrix.nrows()).all(|i| (0..matrix.ncols()).all(|j| i == j || matrix[(i, j)] == T::default()))
            }
        }
    }
}

impl<T: Scalar + Default> Default for PerPair<T> {
    fn default() -> Self {
        Self::Same(T::default())
    }
}

impl<T: Scalar> From<T> for PerPair<T> {
    fn from(value: T) -> Self {
        Self::Same(value)
    }
}

fn write_rows<T: Scalar + Serialize, S: Serializer>(matrix: &DMatrix<T>, serializer: S) -> Result<S::Ok, S::Error> {
    struct Row<'a, T>(&'a DMatrix<T>, usize);
    impl<T: Scalar + Serialize> Serialize for Row<'_, T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.0.row(self.1).iter())
        }
    }
    serializer.collect_seq((0..matrix.nrows()).map(|row| Row(matrix, row)))
}

fn read_rows<'de, T: Scalar + Deserialize<'de>, A: SeqAccess<'de>>(mut rows: A) -> Result<DMatrix<T>, A::Error> {
    let (mut entries, mut nrows, mut ncols) = (Vec::new(), 0, 0);
    while let Some(row) = rows.next_element::<Vec<T>>()? {
        if nrows == 0 {
            ncols = row.len();
        } else if row.len() != ncols {
            let found = row.len();
            return Err(A::Error::custom(format_args!(
                "matrix row {nrows} has {found} entries, row 0 has {ncols}: rows must be equally long"
            )));
        }
        nrows += 1;
        entries.extend(row);
    }
    Ok(DMatrix::from_row_iterator(nrows, ncols, entries))
}

impl Serialize for Gains {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_rows(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Gains {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;
        impl<'de> Visitor<'de> for Rows {
            type Value = Gains;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a matrix as a list of rows of equal length")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<Gains, A::Error> {
                read_rows(rows).map(Gains)
            }
        }
        deserializer.deserialize_seq(Rows)
    }
}

impl<T: Scalar + Serialize> Serialize for PerPair<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Same(value) => value.serialize(serializer),
            Self::Pairs(matrix) => write_rows(matrix, serializer),
        }
    }
}

impl<'de, T: Scalar + Deserialize<'de> + From<f64>> Deserialize<'de> for PerPair<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Scalar + Deserialize<'de> + From<f64>> Visitor<'de> for Either<T> {
            type Value = PerPair<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a matrix as a list of rows of equal length")
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<PerPair<T>, E> {
                Ok(PerPair::Same(value.into()))
            }
            // The formats do not tell 1 from 1.0.
            fn visit_i64<E: Error>(self, value: i64) -> Result<PerPair<T>, E> {
                self.visit_f64(value as f64)
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<PerPair<T>, E> {
                self.visit_f64(value as f64)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<PerPair<T>, E> {
                // A quoted number is meant as a number.
                Err(E::invalid_type(Unexpected::Str(text), &"a number"))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<PerPair<T>, A::Error> {
                read_rows(rows).map(PerPair::Pairs)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// Rows of numbers.
#[cfg(feature = "schema")]
impl schemars::JsonSchema for Gains {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Gains".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A row per sender with a number per receiver: control unit, devices, edge server.",
            "type": "array",
            "items": { "type": "array", "items": { "type": "number", "minimum": 0, "x-unit": "Hz/W" } },
        })
    }
}

/// A number, or rows of numbers.
#[cfg(feature = "schema")]
impl<T: Scalar + schemars::JsonSchema> schemars::JsonSchema for PerPair<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("PerPairOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<T>();
        let rows = schemars::json_schema!({ "type": "array", "items": { "type": "array", "items": one } });
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [one, rows] })
    }
}
