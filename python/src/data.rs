//! Rust's data as Python's: dicts, lists, numbers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use serde::Serialize;
use serde::ser::{
    self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant, Serializer,
};

use crate::error::machine;

/// A value as dicts, lists, strings and numbers, as reading its JSON would give; floats are the same bits.
pub fn to_python<'py, T: Serialize + ?Sized>(py: Python<'py>, value: &T) -> PyResult<Bound<'py, PyAny>> {
    value.serialize(Writer(py)).map_err(|Failed(error)| error)
}

/// A value as JSON text.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| machine(&error))
}

thread_local! {
    /// Names of fields as Python's strings, by where they are in the program: made, hashed and compared once.
    static NAMES: RefCell<HashMap<(usize, usize), Py<PyString>>> = RefCell::default();
}

fn name<'py>(py: Python<'py>, name: &'static str) -> Bound<'py, PyString> {
    let place = (name.as_ptr() as usize, name.len());
    // Not to be held while Python works, which may collect garbage and come back here.
    if let Some(known) = NAMES.with_borrow(|names| names.get(&place).map(|name| name.bind(py).clone())) {
        return known;
    }
    let made = PyString::intern(py, name);
    NAMES.with_borrow_mut(|names| names.insert(place, made.clone().unbind()));
    made
}

/// Why a value is none of Python's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(#[from] PyErr);

impl ser::Error for Failed {
    fn custom<T: Display>(message: T) -> Self {
        Self(machine(&message))
    }
}

type Made<'py> = Result<Bound<'py, PyAny>, Failed>;

/// Makes one value.
#[derive(Clone, Copy)]
struct Writer<'py>(Python<'py>);

/// Makes a list, for a variant as the value of its name.
struct Items<'py> {
    py: Python<'py>,
    variant: Option<&'static str>,
    items: Vec<Bound<'py, PyAny>>,
}

/// Makes a dict, for a variant as the value of its name.
struct Fields<'py> {
    variant: Option<&'static str>,
    dict: Bound<'py, PyDict>,
    /// Whose value comes next.
    key: Option<Bound<'py, PyAny>>,
}

impl<'py> Writer<'py> {
    fn items(self, variant: Option<&'static str>, length: usize) -> Items<'py> {
        Items { py: self.0, variant, items: Vec::with_capacity(length) }
    }

    fn fields(self, variant: Option<&'static str>) -> Fields<'py> {
        Fields { variant, dict: PyDict::new(self.0), key: None }
    }
}

/// The value of a variant under its name.
fn named<'py>(py: Python<'py>, variant: Option<&'static str>, value: Bound<'py, PyAny>) -> Made<'py> {
    let Some(variant) = variant else { return Ok(value) };
    let dict = PyDict::new(py);
    dict.set_item(name(py, variant), value)?;
    Ok(dict.into_any())
}

impl<'py> Items<'py> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        self.items.push(value.serialize(Writer(self.py))?);
        Ok(())
    }

    fn made(self) -> Made<'py> {
        named(self.py, self.variant, PyList::new(self.py, self.items)?.into_any())
    }
}

impl<'py> Fields<'py> {
    fn set<T: Serialize + ?Sized>(&mut self, field: &'static str, value: &T) -> Result<(), Failed> {
        let py = self.dict.py();
        let value = value.serialize(Writer(py))?;
        Ok(self.dict.set_item(name(py, field), value)?)
    }

    fn made(self) -> Made<'py> {
        named(self.dict.py(), self.variant, self.dict.into_any())
    }
}

macro_rules! numbers {
    ($($method:ident: $number:ty => $of:ident as $wide:ty),+) => {
        $(fn $method(self, value: $number) -> Made<'py> {
            Ok($of::new(self.0, <$wide>::from(value)).into_any())
        })+
    };
}

impl<'py> Serializer for Writer<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Failed;
    type SerializeSeq = Items<'py>;
    type SerializeTuple = Items<'py>;
    type SerializeTupleStruct = Items<'py>;
    type SerializeTupleVariant = Items<'py>;
    type SerializeMap = Fields<'py>;
    type SerializeStruct = Fields<'py>;
    type SerializeStructVariant = Fields<'py>;

    numbers! {
        serialize_i8: i8 => PyInt as i64, serialize_i16: i16 => PyInt as i64, serialize_i32: i32 => PyInt as i64,
        serialize_i64: i64 => PyInt as i64, serialize_u8: u8 => PyInt as u64, serialize_u16: u16 => PyInt as u64,
        serialize_u32: u32 => PyInt as u64, serialize_u64: u64 => PyInt as u64,
        serialize_f32: f32 => PyFloat as f64, serialize_f64: f64 => PyFloat as f64
    }

    fn serialize_bool(self, value: bool) -> Made<'py> {
        Ok(PyBool::new(self.0, value).to_owned().into_any())
    }

    fn serialize_char(self, value: char) -> Made<'py> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Made<'py> {
        Ok(PyString::new(self.0, value).into_any())
    }

    fn serialize_bytes(self, value: &[u8]) -> Made<'py> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Made<'py> {
        Ok(self.0.None().into_bound(self.0))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Made<'py> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Made<'py> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Made<'py> {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Made<'py> {
        Ok(name(self.0, variant).into_any())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Made<'py> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Made<'py> {
        named(self.0, Some(variant), value.serialize(self)?)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items<'py>, Failed> {
        Ok(self.items(None, length.unwrap_or_default()))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'py>, Failed> {
        Ok(self.items(None, length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items<'py>, Failed> {
        Ok(self.items(None, length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items<'py>, Failed> {
        Ok(self.items(Some(variant), length))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields<'py>, Failed> {
        Ok(self.fields(None))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'py>, Failed> {
        Ok(self.fields(None))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'py>, Failed> {
        Ok(self.fields(Some(variant)))
    }
}

macro_rules! lists {
    ($($of:ident: $push:ident),+) => {
        $(impl<'py> $of for Items<'py> {
            type Ok = Bound<'py, PyAny>;
            type Error = Failed;

            fn $push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
                self.push(value)
            }

            fn end(self) -> Made<'py> {
                self.made()
            }
        })+
    };
}
lists!(
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
);

macro_rules! structs {
    ($($of:ident),+) => {
        $(impl<'py> $of for Fields<'py> {
            type Ok = Bound<'py, PyAny>;
            type Error = Failed;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, field: &'static str, value: &T) -> Result<(), Failed> {
                self.set(field, value)
            }

            fn end(self) -> Made<'py> {
                self.made()
            }
        })+
    };
}
structs!(SerializeStruct, SerializeStructVariant);

impl<'py> SerializeMap for Fields<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Failed;

    /// A name: JSON has no others.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failed> {
        let key = key.serialize(Writer(self.dict.py()))?;
        self.key = Some(if key.is_instance_of::<PyString>() { key } else { key.str()?.into_any() });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        let value = value.serialize(Writer(self.dict.py()))?;
        match self.key.take() {
            Some(key) => Ok(self.dict.set_item(key, value)?),
            None => Err(ser::Error::custom("a value without a key")),
        }
    }

    fn end(self) -> Made<'py> {
        self.made()
    }
}
