//! Bad input gets a typed error that names the field; problems without a plan say what cannot be placed.
