//! The files that people write and programs exchange: what is wrong or odd in one, which fields it may have, and scenarios
//! to start from.
//!
//! | task | here |
//! |---|---|
//! | which format a text has | [`FileKind::of`] |
//! | all that is wrong or odd in it | [`FileKind::inspect`] |
//! | its fields, as a JSON Schema or as tables (feature `schema`) | `FileKind::schema`, `FileKind::keys` |
//! | a scenario to start from | [`Template`] |

#[cfg(feature = "schema")]
mod keys;
mod kind;
#[cfg(feature = "schema")]
mod schema;
mod template;

pub use kind::{FileKind, UnknownFile};
pub use template::{Template, TemplateFile};
